/* SPDX-License-Identifier: Apache-2.0 */
#include "api/api-problem.h"

#include "basic/string-util.h"
#include "basic/utf8.h"
#include "shared/json-util.h"

const ProblemType problem_types[] = {
        /* what is wrong with a request; the first ones are faults */
        { "invalid_request", 400, 0, "A field or parameter is unknown, missing, or not what it has to be" },
        { "invalid_source", 400, 0, "The program's text is empty, not UTF-8, or has a NUL in it" },
        { "unknown_language", 400, 0, "There is no such language here" },
        { "too_large", 413, 0, "More than a limit of this server allows" },
        { "invalid_json", 400, 0, "The body is not one JSON text in UTF-8, or is nested too deeply" },
        { "invalid_form", 400, 0, "The body is no form with a file in it" },
        { "foreign_origin", 403, 0, "A page of another site asked" },
        { "not_found", 404, 0, "There is nothing at this address" },
        { "unknown_job", 404, 0, "There is no such job, or not any more" },
        { "no_output", 404, 0, "The job has not finished, so there is no whole output yet" },
        { "method_not_allowed", 405, 0, "The address is right, the method is not; Allow says which are" },
        { "job_finished", 409, 0, "The job is finished and cannot be cancelled" },
        { "job_unfinished", 409, 0, "The job is not finished and cannot be purged" },
        { "unsupported_media_type", 415, 0, "The body has another type than this address takes" },
        { "unknown_host", 421, 0, "This server does not go by the name in Host" },
        { "key_reused", 422, 0, "The Idempotency-Key was used for another request" },

        /* what the server says by itself, before a request is looked at */
        { "invalid_uri", 400, 0, "The address has a bad escape, a NUL, or is not UTF-8" },
        { "ambiguous_headers", 400, 0, "Host, Content-Length or Transfer-Encoding is there more than once" },
        { "invalid_handshake", 400, 0, "The WebSocket handshake is wrong" },
        { "request_timeout", 408, 0, "The request took too long to arrive" },
        { "body_too_large", 413, 0, "The body is larger than any may be" },
        { "uri_too_long", 414, 0, "The address is too long" },
        { "upgrade_required", 426, 0, "This address speaks WebSocket only" },
        { "headers_too_large", 431, 0, "The headers are too large" },

        /* not the client's fault */
        { "internal_error", 500, 0, "Something is broken here; the journal knows more" },
        { "broken_language", 500, 0, "The language's file on this server is at fault" },
        { "broken_policy", 500, 0, "The lint policy on this server is at fault" },
        { "broken_config", 500, 0, "The configuration of this server is at fault" },
        { "missing_image", 503, 60, "The language's image is missing" },
        { "sandbox_unavailable", 503, 60, "No sandbox can be had" },
        { "queue_full", 503, 5, "As many jobs wait as may" },
        { "overloaded", 503, 1, "More requests are under way than this server takes" },
        { "too_many_connections", 503, 1, "More connections are open than this server takes" },
        { "unavailable", 503, 2, "The database, the broker or the store of blobs cannot be reached" },
        { "shutting_down", 503, 1, "This server is about to stop; another one, or the next, will answer" },
        { "answer_timeout", 504, 0, "The answer took too long" },
};
const size_t n_problem_types = ELEMENTSOF(problem_types);

const ProblemType *problem_find(const char *code)
{
        for (size_t i = 0; i < n_problem_types; i++)
                if (streq(problem_types[i].code, code))
                        return &problem_types[i];
        return NULL;
}

const char *problem_status_phrase(unsigned status)
{
        static const struct {
                unsigned status;
                const char *phrase;
        } phrases[] = {
                { 400, "Bad Request" },
                { 403, "Forbidden" },
                { 404, "Not Found" },
                { 405, "Method Not Allowed" },
                { 408, "Request Timeout" },
                { 409, "Conflict" },
                { 413, "Content Too Large" },
                { 414, "URI Too Long" },
                { 415, "Unsupported Media Type" },
                { 421, "Misdirected Request" },
                { 422, "Unprocessable Content" },
                { 426, "Upgrade Required" },
                { 431, "Request Header Fields Too Large" },
                { 500, "Internal Server Error" },
                { 503, "Service Unavailable" },
                { 504, "Gateway Timeout" },
        };

        for (size_t i = 0; i < ELEMENTSOF(phrases); i++)
                if (phrases[i].status == status)
                        return phrases[i].phrase;
        return "Error";
}

/* Parts of requests appear in details, and may be cut in the middle of a character. */
static int add_text(struct json_object *o, const char *key, const char *text)
{
        if (!text)
                return 0;
        if (utf8_is_valid(text, strlen(text), NULL))
                return json_add_string(o, key, text);

        _cleanup_(freep) char *escaped = string_escape(text, strlen(text));
        return escaped ? json_add_string(o, key, escaped) : -ENOMEM;
}

/* The title is the status' own, as RFC 9457 asks of the type about:blank: it is the code that tells problems apart. */
int problem_render(const Problem *problem, char **ret, size_t *ret_size)
{
        _cleanup_(json_putp) struct json_object *o = json_object_new_object();
        int r;

        if (!o || (r = json_add_string(o, "type", "about:blank")) < 0 ||
            (r = json_add_string(o, "title", problem_status_phrase(problem->status))) < 0 ||
            (r = json_add_uint(o, "status", problem->status)) < 0 ||
            (r = json_add_string(o, "code", problem->code)) < 0 ||
            (r = add_text(o, "detail", problem->detail)) < 0 || (r = add_text(o, "field", problem->field)) < 0 ||
            (r = add_text(o, "request_id", problem->request_id)) < 0)
                return -ENOMEM;

        const char *text = json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE);
        if (!text || !(*ret = format_string("%s\n", text)))
                return -ENOMEM;
        *ret_size = strlen(*ret);
        return 0;
}
