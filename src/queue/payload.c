/* SPDX-License-Identifier: Apache-2.0 */
#include "queue/payload.h"

#include "basic/string-util.h"
#include "shared/json-util.h"

#define HEAD_DEPTH_MAX 3

static const char *const queue_stream_table[_QUEUE_STREAM_MAX] = {
        [QUEUE_STDOUT] = "stdout",
        [QUEUE_STDERR] = "stderr",
};
DEFINE_STRING_TABLE(queue_stream, QueueStream, _QUEUE_STREAM_MAX)

static const char *const queue_event_type_table[_QUEUE_EVENT_TYPE_MAX] = {
        [QUEUE_EVENT_STATE] = "state",
        [QUEUE_EVENT_OUTPUT] = "output",
        [QUEUE_EVENT_FINISHED] = "finished",
};
DEFINE_STRING_TABLE(queue_event_type, QueueEventType, _QUEUE_EVENT_TYPE_MAX)

static const char *const queue_control_type_table[_QUEUE_CONTROL_TYPE_MAX] = {
        [QUEUE_CONTROL_WATCH] = "watch",
        [QUEUE_CONTROL_CANCEL] = "cancel",
        [QUEUE_CONTROL_STDIN] = "stdin",
};
DEFINE_STRING_TABLE(queue_control_type, QueueControlType, _QUEUE_CONTROL_TYPE_MAX)

bool queue_language_is_valid(const char *language)
{
        static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_+.-";

        size_t n = strlen(language);
        return n > 0 && n <= JOB_LANGUAGE_MAX && strspn(language, allowed) == n;
}

/* --- writing ------------------------------------------------------------------------------------------------------- */

static int add_id(struct json_object *head, const char *key, const JobId *id)
{
        char text[JOB_ID_TEXT_MAX];

        return json_add_string(head, key, job_id_format(text, id));
}

/* The head, which is put away, and what follows it. r is what became of the head so far. */
static int finish_message(int r, struct json_object *head, const char *data, size_t size, Buffer *b)
{
        _cleanup_(json_putp) struct json_object *owned = head;

        if (r < 0)
                return r;

        const char *text = json_object_to_json_string_ext(head, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE);
        if (!text)
                return -ENOMEM;
        if ((r = buffer_append_string(b, text)) < 0 || (r = buffer_append(b, "\n", 1)) < 0)
                return r;
        return size > 0 ? buffer_append(b, data, size) : 0;
}

int queue_job_format(const QueueJob *job, Buffer *b)
{
        const char *priority = job_priority_to_string(job->priority);
        int r;

        if (job->source_size > QUEUE_SOURCE_MAX || !queue_language_is_valid(job->language) || !priority)
                return -EINVAL;

        struct json_object *head = json_object_new_object();
        if (!head)
                return -ENOMEM;
        if ((r = add_id(head, "id", &job->id)) >= 0 && (r = json_add_string(head, "language", job->language)) >= 0 &&
            (r = json_add_string(head, "priority", priority)) >= 0 && job->source)
                r = json_add_uint(head, "source", job->source_size);
        return finish_message(r, head, job->source, job->source ? job->source_size : 0, b);
}

static int add_event(struct json_object *head, const QueueEvent *e)
{
        int r;

        if ((r = add_id(head, "job", &e->job)) < 0 || (r = json_add_uint(head, "attempt", e->attempt)) < 0 ||
            (r = json_add_string(head, "type", queue_event_type_to_string(e->type))) < 0)
                return r;

        switch (e->type) {
        case QUEUE_EVENT_STATE:
                return json_add_string(head, "state", job_state_to_string(e->state));
        case QUEUE_EVENT_OUTPUT:
                if ((r = json_add_string(head, "stream", queue_stream_to_string(e->stream))) < 0)
                        return r;
                return json_add_uint(head, "offset", e->offset);
        default:
                if ((r = json_add_string(head, "verdict", job_verdict_to_string(e->verdict))) < 0 ||
                    (r = json_add_uint(head, "stdout", e->stream_bytes[QUEUE_STDOUT])) < 0)
                        return r;
                return json_add_uint(head, "stderr", e->stream_bytes[QUEUE_STDERR]);
        }
}

int queue_event_format(const QueueEvent *e, Buffer *b)
{
        bool output = e->type == QUEUE_EVENT_OUTPUT;

        if ((int) e->type < 0 || e->type >= _QUEUE_EVENT_TYPE_MAX || (output && e->size > QUEUE_CHUNK_MAX))
                return -EINVAL;

        struct json_object *head = json_object_new_object();
        if (!head)
                return -ENOMEM;
        return finish_message(add_event(head, e), head, e->data, output ? e->size : 0, b);
}

static int add_control(struct json_object *head, const QueueControl *c)
{
        int r;

        if ((r = add_id(head, "job", &c->job)) < 0 ||
            (r = json_add_string(head, "type", queue_control_type_to_string(c->type))) < 0)
                return r;

        switch (c->type) {
        case QUEUE_CONTROL_WATCH:
                if ((r = json_add_uint(head, "attempt", c->attempt)) < 0 ||
                    (r = json_add_uint(head, "stdout", c->offsets[QUEUE_STDOUT])) < 0)
                        return r;
                return json_add_uint(head, "stderr", c->offsets[QUEUE_STDERR]);
        case QUEUE_CONTROL_STDIN:
                if ((r = json_add_uint(head, "offset", c->offset)) < 0)
                        return r;
                return json_add_bool(head, "end", c->end);
        default:
                return 0;
        }
}

int queue_control_format(const QueueControl *c, Buffer *b)
{
        bool input = c->type == QUEUE_CONTROL_STDIN;

        if ((int) c->type < 0 || c->type >= _QUEUE_CONTROL_TYPE_MAX || (input && c->size > QUEUE_CHUNK_MAX))
                return -EINVAL;

        struct json_object *head = json_object_new_object();
        if (!head)
                return -ENOMEM;
        return finish_message(add_control(head, c), head, c->data, input ? c->size : 0, b);
}

/* --- reading ------------------------------------------------------------------------------------------------------- */

static void tokener_freep(struct json_tokener **t)
{
        if (*t)
                json_tokener_free(*t);
}

/* The JSON of the first line; and what follows it. */
static int split(const char *p, size_t n, struct json_object **ret, const char **ret_data, size_t *ret_size)
{
        const char *end = memchr(p, '\n', MIN(n, (size_t) QUEUE_HEAD_MAX));

        if (!end)
                return -EBADMSG;

        _cleanup_(tokener_freep) struct json_tokener *t = json_tokener_new_ex(HEAD_DEPTH_MAX);
        if (!t)
                return -ENOMEM;
        json_tokener_set_flags(t, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);

        _cleanup_(json_putp) struct json_object *head = json_tokener_parse_ex(t, p, (int) (end - p));
        if (json_tokener_get_error(t) == json_tokener_error_memory)
                return -ENOMEM;
        if (!json_object_is_type(head, json_type_object) || json_tokener_get_parse_end(t) != (size_t) (end - p))
                return -EBADMSG;

        *ret = TAKE_PTR(head);
        *ret_data = end + 1;
        *ret_size = n - (size_t) (end + 1 - p);
        return 0;
}

/* A member that is text without NULs, or NULL. */
static const char *get_text(struct json_object *head, const char *key)
{
        struct json_object *o = NULL;

        if (!json_object_object_get_ex(head, key, &o) || !json_object_is_type(o, json_type_string))
                return NULL;

        const char *text = json_object_get_string(o);
        return strlen(text) == (size_t) json_object_get_string_len(o) ? text : NULL;
}

static bool get_number(struct json_object *head, const char *key, uint64_t max, uint64_t *ret)
{
        struct json_object *o = NULL;

        if (!json_object_object_get_ex(head, key, &o) || !json_object_is_type(o, json_type_int) ||
            json_object_get_int64(o) < 0 || json_object_get_uint64(o) > max)
                return false;
        *ret = json_object_get_uint64(o);
        return true;
}

static bool get_offset(struct json_object *head, const char *key, uint64_t *ret)
{
        return get_number(head, key, INT64_MAX, ret);
}

static bool get_attempt(struct json_object *head, unsigned *ret)
{
        uint64_t value;

        if (!get_number(head, "attempt", INT32_MAX, &value))
                return false;
        *ret = (unsigned) value;
        return true;
}

static bool get_id(struct json_object *head, const char *key, JobId *ret)
{
        return job_id_parse(get_text(head, key), ret) >= 0;
}

static int parse_job(struct json_object *head, const char *data, size_t size, QueueJob *ret)
{
        const char *language = get_text(head, "language");
        int priority = job_priority_from_string(get_text(head, "priority"));
        QueueJob job = { 0 };
        uint64_t source = 0;

        if (!get_id(head, "id", &job.id) || !language || !queue_language_is_valid(language) || priority < 0)
                return -EBADMSG;
        if (json_object_object_get_ex(head, "source", NULL)) {
                if (!get_number(head, "source", QUEUE_SOURCE_MAX, &source))
                        return -EBADMSG;
                job.source = data;
        }
        if (size != source)
                return -EBADMSG;

        job.priority = (JobPriority) priority;
        job.source_size = size;
        memcpy(job.language, language, strlen(language) + 1);
        *ret = job;
        return 0;
}

static int parse_event(struct json_object *head, const char *data, size_t size, QueueEvent *ret)
{
        int type = queue_event_type_from_string(get_text(head, "type")), name;
        QueueEvent e = { .type = (QueueEventType) type };

        if (type < 0 || !get_id(head, "job", &e.job) || !get_attempt(head, &e.attempt) ||
            size > (type == QUEUE_EVENT_OUTPUT ? QUEUE_CHUNK_MAX : 0))
                return -EBADMSG;

        switch (e.type) {
        case QUEUE_EVENT_STATE:
                name = job_state_from_string(get_text(head, "state"));
                e.state = (JobState) name;
                break;
        case QUEUE_EVENT_OUTPUT:
                name = queue_stream_from_string(get_text(head, "stream"));
                e.stream = (QueueStream) name;
                e.data = data;
                e.size = size;
                if (!get_offset(head, "offset", &e.offset))
                        return -EBADMSG;
                break;
        default:
                name = job_verdict_from_string(get_text(head, "verdict"));
                e.verdict = (JobVerdict) name;
                if (!get_offset(head, "stdout", &e.stream_bytes[QUEUE_STDOUT]) ||
                    !get_offset(head, "stderr", &e.stream_bytes[QUEUE_STDERR]))
                        return -EBADMSG;
        }
        if (name < 0)
                return -EBADMSG;
        *ret = e;
        return 0;
}

static int parse_control(struct json_object *head, const char *data, size_t size, QueueControl *ret)
{
        int type = queue_control_type_from_string(get_text(head, "type"));
        QueueControl c = { .type = (QueueControlType) type };
        struct json_object *end = NULL;

        if (type < 0 || !get_id(head, "job", &c.job) || size > (type == QUEUE_CONTROL_STDIN ? QUEUE_CHUNK_MAX : 0))
                return -EBADMSG;

        switch (c.type) {
        case QUEUE_CONTROL_WATCH:
                if (!get_attempt(head, &c.attempt) || !get_offset(head, "stdout", &c.offsets[QUEUE_STDOUT]) ||
                    !get_offset(head, "stderr", &c.offsets[QUEUE_STDERR]))
                        return -EBADMSG;
                break;
        case QUEUE_CONTROL_STDIN:
                if (!get_offset(head, "offset", &c.offset) || !json_object_object_get_ex(head, "end", &end) ||
                    !json_object_is_type(end, json_type_boolean))
                        return -EBADMSG;
                c.end = json_object_get_boolean(end);
                c.data = data;
                c.size = size;
                break;
        default:
                break;
        }
        *ret = c;
        return 0;
}

int queue_job_parse(const char *p, size_t n, QueueJob *ret)
{
        _cleanup_(json_putp) struct json_object *head = NULL;
        const char *data;
        size_t size;

        int r = split(p, n, &head, &data, &size);
        return r < 0 ? r : parse_job(head, data, size, ret);
}

int queue_event_parse(const char *p, size_t n, QueueEvent *ret)
{
        _cleanup_(json_putp) struct json_object *head = NULL;
        const char *data;
        size_t size;

        int r = split(p, n, &head, &data, &size);
        return r < 0 ? r : parse_event(head, data, size, ret);
}

int queue_control_parse(const char *p, size_t n, QueueControl *ret)
{
        _cleanup_(json_putp) struct json_object *head = NULL;
        const char *data;
        size_t size;

        int r = split(p, n, &head, &data, &size);
        return r < 0 ? r : parse_control(head, data, size, ret);
}
