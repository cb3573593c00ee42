/* SPDX-License-Identifier: Apache-2.0 */
#include "api/api-event.h"

#include <stdio.h>

#include "basic/parse-util.h"
#include "basic/string-util.h"
#include "shared/json-util.h"

static int event_new(const char *type, struct json_object **ret)
{
        struct json_object *o = json_object_new_object();

        if (!o || json_add_string(o, "type", type) < 0) {
                json_object_put(o);
                return -ENOMEM;
        }
        *ret = o;
        return 0;
}

int event_state(const JobId *id, JobState state, unsigned attempt, struct json_object **ret)
{
        _cleanup_(json_putp) struct json_object *o = NULL;
        char text[JOB_ID_TEXT_MAX];
        int r;

        if ((r = event_new("state", &o)) < 0 || (r = json_add_string(o, "id", job_id_format(text, id))) < 0 ||
            (r = json_add_string(o, "state", job_state_to_string(state))) < 0 ||
            (r = json_add_uint(o, "attempt", attempt)) < 0)
                return r;
        *ret = TAKE_PTR(o);
        return 0;
}

int event_output(unsigned attempt, const OutputPiece *piece, struct json_object **ret)
{
        _cleanup_(json_putp) struct json_object *o = NULL, *encoding = NULL;
        int r;

        if ((r = event_new(output_stream_to_string(piece->stream), &o)) < 0 ||
            (r = json_add_uint(o, "attempt", attempt)) < 0 || (r = json_add_uint(o, "offset", piece->offset)) < 0 ||
            (r = json_add_bytes(o, "data", piece->data, piece->size)) < 0)
                return r;

        /* The member is called after its only neighbour that has one. */
        if (!json_object_object_get_ex(o, "data_encoding", &encoding))
                return -ENOMEM;
        encoding = json_object_get(encoding);
        json_object_object_del(o, "data_encoding");
        r = json_add(o, "encoding", TAKE_PTR(encoding));
        if (r < 0)
                return r;
        *ret = TAKE_PTR(o);
        return 0;
}

int event_exit(struct json_object *job, struct json_object **ret)
{
        _cleanup_(json_putp) struct json_object *taken = job, *o = NULL;
        int r;

        if ((r = event_new("exit", &o)) < 0 || (r = json_add(o, "job", TAKE_PTR(taken))) < 0)
                return r;
        *ret = TAKE_PTR(o);
        return 0;
}

int event_error(const char *code, const char *detail, struct json_object **ret)
{
        _cleanup_(json_putp) struct json_object *o = NULL;
        int r;

        if ((r = event_new("error", &o)) < 0 || (r = json_add_string(o, "code", code)) < 0 ||
            (r = json_add_string(o, "detail", detail)) < 0)
                return r;
        *ret = TAKE_PTR(o);
        return 0;
}

/* JSON has its line feeds escaped, so that one line of data is enough. */
int event_to_sse(struct json_object *event, const OutputReader *position, Buffer *ret)
{
        const char *text = json_object_to_json_string_ext(event, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE);
        struct json_object *type;

        if (!text || !json_object_object_get_ex(event, "type", &type))
                return -ENOMEM;
        return buffer_printf(ret, "event: %s\nid: %u.%zu.%zu\ndata: %s\n\n", json_object_get_string(type),
                             position->attempt, position->positions[OUTPUT_STDOUT], position->positions[OUTPUT_STDERR],
                             text);
}

int event_position_parse(const char *s, OutputReader *ret)
{
        uint64_t numbers[3];
        char part[24];

        for (size_t i = 0; i < ELEMENTSOF(numbers); i++) {
                size_t n = strcspn(s, ".");

                if (n >= sizeof(part) || (s[n] == '.') != (i + 1 < ELEMENTSOF(numbers)))
                        return -EINVAL;
                memcpy(part, s, n);
                part[n] = '\0';
                if (parse_uint64(part, &numbers[i]) < 0)
                        return -EINVAL;
                s += n + 1;
        }
        if (numbers[0] > UINT32_MAX)
                return -EINVAL;
        *ret = (OutputReader){ .attempt = (unsigned) numbers[0], .positions = { numbers[1], numbers[2] } };
        return 0;
}
