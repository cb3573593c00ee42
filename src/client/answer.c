/* SPDX-License-Identifier: Apache-2.0 */
#include "client/answer.h"

#include "basic/string-util.h"
#include "shared/json-util.h"

#define JSON_DEPTH_MAX 32

void answer_done(Answer *a)
{
        a->message = mfree(a->message);
        json_object_put(a->document);
        a->document = NULL;
}

/* What a server may say in front of one of ours is not JSON, and what it says in its place need not be either. */
static struct json_object *parse(const Buffer *body)
{
        struct json_tokener *t = json_tokener_new_ex(JSON_DEPTH_MAX);
        struct json_object *o;

        if (!t)
                return NULL;
        o = json_tokener_parse_ex(t, body->data, (int) MIN(body->size, (size_t) INT32_MAX));
        if (json_tokener_get_error(t) != json_tokener_success) {
                json_object_put(o);
                o = NULL;
        }
        json_tokener_free(t);
        return o;
}

int answer_fill(Answer *a, int error, const HttpAnswer *http, const char *message)
{
        *a = (Answer){ .error = error };
        if (error < 0)
                return free_and_strdup(&a->message, message);

        a->status = http->status;
        a->retry_after_usec = http->retry_after_usec;
        if (http->body.size == 0)
                return 0;

        a->document = parse(&http->body);
        if (answer_ok(a) && !a->document) {
                a->error = -EBADMSG;
                return free_and_strdup(&a->message, "what answers there is no rce-api");
        }
        return 0;
}

bool answer_is_transient(const Answer *a)
{
        if (a->error < 0)
                return a->error == -ECONNRESET || a->error == -ETIMEDOUT;
        return a->status == 429 || a->status == 502 || a->status == 503 || a->status == 504;
}

static const char *member(const Answer *a, const char *key)
{
        struct json_object *value;

        if (!json_object_is_type(a->document, json_type_object) ||
            !json_object_object_get_ex(a->document, key, &value) || !json_object_is_type(value, json_type_string))
                return NULL;
        return json_object_get_string(value);
}

const char *answer_code(const Answer *a)
{
        return a->error < 0 || answer_ok(a) ? NULL : member(a, "code");
}

char *answer_explain(const Answer *a)
{
        if (a->error < 0) {
                const char *message = isempty(a->message) ? strerror(-a->error) : a->message;

                return string_escape(message, strlen(message));
        }

        const char *detail = member(a, "detail"), *title = member(a, "title");
        if (detail)
                return string_escape(detail, strlen(detail));
        return format_string("The server answered %ld%s%s", a->status, title ? " " : "", title ? title : "");
}
