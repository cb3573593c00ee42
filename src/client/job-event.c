/* SPDX-License-Identifier: Apache-2.0 */
#include "client/job-event.h"

#include "basic/string-util.h"
#include "shared/json-util.h"

#define JSON_DEPTH_MAX 16

static const char *const job_event_type_table[_JOB_EVENT_TYPE_MAX] = {
        [JOB_EVENT_STATE] = "state",
        [JOB_EVENT_STDOUT] = "stdout",
        [JOB_EVENT_STDERR] = "stderr",
        [JOB_EVENT_EXIT] = "exit",
        [JOB_EVENT_ERROR] = "error",
};

int job_event_type_from_string(const char *s)
{
        for (int i = 0; i < _JOB_EVENT_TYPE_MAX; i++)
                if (streq(job_event_type_table[i], s))
                        return i;
        return -EINVAL;
}

void job_event_done(JobEvent *e)
{
        json_object_put(e->document);
        free(e->data);
        *e = (JobEvent){ 0 };
}

static struct json_object *get(struct json_object *o, const char *key, json_type type)
{
        struct json_object *value;

        return json_object_object_get_ex(o, key, &value) && json_object_is_type(value, type) ? value : NULL;
}

static int get_string(struct json_object *o, const char *key, const char **ret)
{
        struct json_object *value = get(o, key, json_type_string);

        if (!value)
                return -EBADMSG;
        *ret = json_object_get_string(value);
        return 0;
}

static int get_number(struct json_object *o, const char *key, uint64_t max, uint64_t *ret)
{
        struct json_object *value = get(o, key, json_type_int);

        if (!value || json_object_get_int64(value) < 0 || json_object_get_uint64(value) > max)
                return -EBADMSG;
        *ret = json_object_get_uint64(value);
        return 0;
}

static int take_attempt(JobEvent *e)
{
        uint64_t attempt;
        int r = get_number(e->document, "attempt", UINT32_MAX, &attempt);

        if (r >= 0)
                e->attempt = (unsigned) attempt;
        return r;
}

static int take_state(JobEvent *e)
{
        const char *s;
        int r = get_string(e->document, "state", &s), state;

        if (r < 0)
                return r;
        state = job_state_from_string(s);
        if (state < 0)
                return -EBADMSG;
        e->state = (JobState) state;
        return take_attempt(e);
}

static int take_output(JobEvent *e)
{
        struct json_object *data = get(e->document, "data", json_type_string);
        const char *encoding;
        int r;

        if (!data)
                return -EBADMSG;
        if ((r = take_attempt(e)) < 0 || (r = get_number(e->document, "offset", INT64_MAX, &e->offset)) < 0 ||
            (r = get_string(e->document, "encoding", &encoding)) < 0)
                return r;

        size_t n = (size_t) json_object_get_string_len(data);
        if (streq(encoding, "base64")) {
                r = base64_decode(json_object_get_string(data), n, &e->data, &e->size);
                return r == -EINVAL ? -EBADMSG : r;
        }
        if (!streq(encoding, "utf-8"))
                return -EBADMSG;
        e->data = memdup_nul(json_object_get_string(data), n);
        e->size = n;
        return e->data ? 0 : -ENOMEM;
}

static int take_exit(JobEvent *e)
{
        e->job = get(e->document, "job", json_type_object);
        return e->job ? 0 : -EBADMSG;
}

static int take_error(JobEvent *e)
{
        int r = get_string(e->document, "code", &e->code);

        return r < 0 ? r : get_string(e->document, "detail", &e->detail);
}

static int parse(const char *text, size_t size, struct json_object **ret)
{
        struct json_tokener *t = size <= INT32_MAX ? json_tokener_new_ex(JSON_DEPTH_MAX) : NULL;

        if (!t)
                return size <= INT32_MAX ? -ENOMEM : -EBADMSG;

        struct json_object *o = json_tokener_parse_ex(t, text, (int) size);
        enum json_tokener_error error = json_tokener_get_error(t);
        json_tokener_free(t);

        if (error != json_tokener_success || !json_object_is_type(o, json_type_object)) {
                json_object_put(o);
                return error == json_tokener_error_memory ? -ENOMEM : -EBADMSG;
        }
        *ret = o;
        return 0;
}

int job_event_parse(const char *text, size_t size, JobEvent *ret)
{
        static int (*const take[_JOB_EVENT_TYPE_MAX])(JobEvent *e) = {
                [JOB_EVENT_STATE] = take_state,   [JOB_EVENT_STDOUT] = take_output, [JOB_EVENT_STDERR] = take_output,
                [JOB_EVENT_EXIT] = take_exit,     [JOB_EVENT_ERROR] = take_error,
        };
        _cleanup_(job_event_done) JobEvent e = { 0 };
        const char *type;
        int r;

        if ((r = parse(text, size, &e.document)) < 0 || (r = get_string(e.document, "type", &type)) < 0)
                return r;
        r = job_event_type_from_string(type);
        if (r < 0)
                return -ENOENT;
        e.type = (JobEventType) r;
        r = take[e.type](&e);
        if (r < 0)
                return r;
        *ret = TAKE(e, (JobEvent){ 0 });
        return 0;
}
