/* SPDX-License-Identifier: Apache-2.0 */
#include "lint/parse.h"

typedef struct Input {
        const char *text;
        size_t size;
        usec_t deadline;
} Input;

static const char *on_read(void *payload, uint32_t offset, TSPoint position, uint32_t *ret_size)
{
        const Input *input = payload;

        *ret_size = offset < input->size ? (uint32_t) (input->size - offset) : 0;
        return input->text + MIN((size_t) offset, input->size);
}

static bool is_late(const Input *input)
{
        return now_usec(CLOCK_THREAD_CPUTIME_ID) > input->deadline;
}

/* The one way to stop the parser was replaced by the other. */
#if HAVE_TS_PARSER_PARSE_WITH_OPTIONS
static bool on_progress(TSParseState *state)
{
        return is_late(state->payload);
}

static TSTree *parse_in_time(TSParser *parser, Input *input)
{
        TSInput source = {.payload = input, .read = on_read, .encoding = TSInputEncodingUTF8};
        TSParseOptions options = {.payload = input, .progress_callback = on_progress};

        return ts_parser_parse_with_options(parser, NULL, source, options);
}
#else
/* It stops by the wall's clock, which says little on a busy machine, but can go on from there. */
#define SLICE_USEC (10 * USEC_PER_MSEC)

static TSTree *parse_in_time(TSParser *parser, Input *input)
{
        TSInput source = {.payload = input, .read = on_read, .encoding = TSInputEncodingUTF8};
        TSTree *tree;

        ts_parser_set_timeout_micros(parser, SLICE_USEC);
        do
                tree = ts_parser_parse(parser, NULL, source);
        while (!tree && !is_late(input));
        return tree;
}
#endif

int lint_parse(const TSLanguage *language, const char *text, size_t size, usec_t deadline, TSTree **ret)
{
        Input input = {.text = text, .size = size, .deadline = deadline};
        TSParser *parser = ts_parser_new();

        if (!parser)
                return -ENOMEM;
        if (!ts_parser_set_language(parser, language)) {     /* made for another version of the library */
                ts_parser_delete(parser);
                return -EPROTONOSUPPORT;
        }

        *ret = parse_in_time(parser, &input);
        ts_parser_delete(parser);
        return 0;
}
