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

/* The one call for this was replaced by the other. */
#if HAVE_TS_PARSER_PARSE_WITH_OPTIONS
static bool on_progress(TSParseState *state)
{
        const Input *input = state->payload;

        return now_usec(CLOCK_MONOTONIC) > input->deadline;
}

static TSTree *parse_in_time(TSParser *parser, Input *input, usec_t budget_usec)
{
        TSInput source = {.payload = input, .read = on_read, .encoding = TSInputEncodingUTF8};
        TSParseOptions options = {.payload = input, .progress_callback = on_progress};

        return ts_parser_parse_with_options(parser, NULL, source, options);
}
#else
static TSTree *parse_in_time(TSParser *parser, Input *input, usec_t budget_usec)
{
        TSInput source = {.payload = input, .read = on_read, .encoding = TSInputEncodingUTF8};

        ts_parser_set_timeout_micros(parser, budget_usec);
        return ts_parser_parse(parser, NULL, source);
}
#endif

int lint_parse(const TSLanguage *language, const char *text, size_t size, usec_t budget_usec, TSTree **ret)
{
        Input input = {.text = text, .size = size, .deadline = usec_add(now_usec(CLOCK_MONOTONIC), budget_usec)};
        TSParser *parser = ts_parser_new();

        if (!parser)
                return -ENOMEM;
        if (!ts_parser_set_language(parser, language)) {     /* made for another version of the library */
                ts_parser_delete(parser);
                return -EPROTONOSUPPORT;
        }

        *ret = parse_in_time(parser, &input, budget_usec);
        ts_parser_delete(parser);
        return 0;
}
