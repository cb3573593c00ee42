/* SPDX-License-Identifier: Apache-2.0 */
#include "api/api-answer.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>

#include "basic/log.h"
#include "basic/string-util.h"
#include "shared/json-util.h"

/* What stands in headers and journals is to be harmless there. */
static bool request_id_is_valid(const char *s)
{
        size_t n = strlen(s);

        for (size_t i = 0; i < n; i++)
                if (!isascii(s[i]) || (!isalnum((unsigned char) s[i]) && !strchr("-_.:/+=", s[i])))
                        return false;
        return n > 0 && n <= REQUEST_ID_MAX;
}

const char *answer_request_id(const HttpRequest *request)
{
        const char *own = http_request_header(request, "X-Request-Id");

        return own && request_id_is_valid(own) ? own : http_request_id(request);
}

void answer_headers(const HttpRequest *request, const char *content_type, const HttpHeader *more,
                    HttpHeader ret[static ANSWER_HEADERS_MAX])
{
        const HttpHeader common[] = {
                { "Content-Type", content_type },
                { "X-Request-Id", answer_request_id(request) },
                { "Cache-Control", "no-store" },
                /* What programs print is never to be taken for a page of ours. */
                { "X-Content-Type-Options", "nosniff" },
                { "Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'" },
                { "Cross-Origin-Resource-Policy", "same-origin" },
                { "Referrer-Policy", "no-referrer" },
        };
        size_t n = 0;

        for (size_t i = 0; i < ELEMENTSOF(common); i++)
                if (common[i].value)
                        ret[n++] = common[i];
        for (; more && more->name && n + 1 < ANSWER_HEADERS_MAX; more++)
                ret[n++] = *more;
        ret[n] = (HttpHeader){ NULL, NULL };
}

static void answer_take(HttpRequest *request, unsigned status, const char *content_type, const HttpHeader *more,
                        char *body, size_t size)
{
        HttpHeader headers[ANSWER_HEADERS_MAX];

        answer_headers(request, content_type, more, headers);
        int r = http_request_respond_take(request, status, headers, body, size);
        if (r < 0)
                log_debug("A request could not be answered: %s", strerror(-r));
}

void answer_bytes(HttpRequest *request, unsigned status, const char *content_type, const HttpHeader *more,
                  const void *data, size_t size)
{
        char *copy = memdup_nul(data, size);

        answer_take(request, copy ? status : 503, content_type, more, copy, copy ? size : 0);
}

void answer_json(HttpRequest *request, unsigned status, const HttpHeader *more, struct json_object *o)
{
        size_t size;
        const char *text = o ? json_object_to_json_string_length(
                                       o, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE, &size)
                             : NULL;
        char *body = text ? malloc(size + 2) : NULL;

        if (!body) {
                json_object_put(o);
                answer_error(request, -ENOMEM, NULL);
                return;
        }
        memcpy(body, text, size);
        memcpy(body + size, "\n", 2);
        json_object_put(o);
        answer_take(request, status, "application/json", more, body, size + 1);
}

static void answer_type(HttpRequest *request, const ProblemType *type, const char *field, const char *detail,
                        const HttpHeader *more)
{
        const Problem problem = { type->status, type->code, field, detail, answer_request_id(request) };
        HttpHeader headers[4] = { 0 };
        char *body = NULL, retry[16];
        size_t size = 0, n = 0;

        if (type->retry_after_sec > 0) {
                (void) snprintf(retry, sizeof(retry), "%u", type->retry_after_sec);
                headers[n++] = (HttpHeader){ "Retry-After", retry };
        }
        if (more)
                headers[n++] = *more;
        (void) problem_render(&problem, &body, &size);
        answer_take(request, type->status, PROBLEM_CONTENT_TYPE, headers, body, size);
}

void answer_problem(HttpRequest *request, const char *code, const char *field, const char *format, ...)
{
        const ProblemType *type = problem_find(code);
        _cleanup_(freep) char *detail = NULL;
        va_list ap;

        va_start(ap, format);
        if (vasprintf(&detail, format, ap) < 0)
                detail = NULL;
        va_end(ap);
        answer_type(request, type ? type : problem_find("internal_error"), field, detail, NULL);
}

const char *answer_code_of_error(int error)
{
        switch (error) {
        case -ENOBUFS:
        case -ENOMEM:
                return "overloaded";
        case -ENOTCONN:
        case -EAGAIN:
        case -ENOSPC:
        case -EACCES:
        case -ENXIO:
        case -ECONNREFUSED:
        case -ETIMEDOUT:
                return "unavailable";
        case -ECANCELED:
                return "shutting_down";
        default:
                return "internal_error";
        }
}

void answer_error(HttpRequest *request, int error, const Fault *fault)
{
        if (error == -EBADMSG && fault && fault->detail) {
                answer_problem(request, fault_code_to_string(fault->code), fault->field, "%s", fault->detail);
                return;
        }

        const ProblemType *type = problem_find(answer_code_of_error(error));
        answer_problem(request, type->code, NULL, "%s", type->meaning);
}

void answer_allow(HttpRequest *request, const char *allow)
{
        const HttpHeader header = { "Allow", allow };

        if (streq(http_request_method(request), "OPTIONS")) {
                const HttpHeader more[] = { header, { NULL, NULL } };

                answer_bytes(request, 204, NULL, more, "", 0);
                return;
        }
        answer_type(request, problem_find("method_not_allowed"), NULL, "This address takes other methods, see Allow",
                    &header);
}
