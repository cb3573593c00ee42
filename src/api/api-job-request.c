/* SPDX-License-Identifier: Apache-2.0 */
#include "api/api-job-request.h"

#include <limits.h>
#include <stdio.h>

#include "basic/string-util.h"
#include "basic/utf8.h"
#include "shared/json-util.h"

/* {"tags": {"a": 1}} is 2 deep; room for a client's slip, so that it is told of the member and not of the depth. */
#define JSON_DEPTH_MAX 8

void job_request_done(JobRequest *request)
{
        job_spec_done(&request->spec);
        request->source = mfree(request->source);
        request->source_size = 0;
}

int json_body_parse(const char *body, size_t size, struct json_object **ret, Fault *reterr_fault)
{
        struct json_tokener *t;
        struct json_object *o;
        size_t bad;

        if (size > INT_MAX)
                return fault_set(reterr_fault, FAULT_TOO_LARGE, NULL, "The body is too large");
        if (!utf8_is_valid(body, size, &bad)) {
                (void) fault_set(reterr_fault, FAULT_INVALID_REQUEST, NULL, "The body is not UTF-8, at byte %zu", bad);
                return -EPROTO;
        }

        t = json_tokener_new_ex(JSON_DEPTH_MAX);
        if (!t)
                return -ENOMEM;
        json_tokener_set_flags(t, JSON_TOKENER_STRICT);
        o = json_tokener_parse_ex(t, body, (int) size);

        enum json_tokener_error error = json_tokener_get_error(t);
        size_t end = json_tokener_get_parse_end(t);
        json_tokener_free(t);

        if (error == json_tokener_error_memory)
                return -ENOMEM;
        if (error != json_tokener_success) {
                (void) fault_set(reterr_fault, FAULT_INVALID_REQUEST, NULL, "The body is not JSON: %s, at byte %zu",
                                 error == json_tokener_continue ? "it ends too early" : json_tokener_error_desc(error),
                                 end);
                return -EPROTO;
        }
        /* A NUL is an end to json-c. */
        if (end < size) {
                json_object_put(o);
                (void) fault_set(reterr_fault, FAULT_INVALID_REQUEST, NULL,
                                 "The body is not JSON: there is more behind its end, at byte %zu", end);
                return -EPROTO;
        }
        if (!json_object_is_type(o, json_type_object)) {
                json_object_put(o);
                return fault_set(reterr_fault, FAULT_INVALID_REQUEST, NULL, "The body must be a JSON object");
        }
        *ret = o;
        return 0;
}

/* Texts with NULs are for stdin and the source alone. */
static int get_string(struct json_object *value, const char *field, const char **ret, Fault *reterr_fault)
{
        if (!json_object_is_type(value, json_type_string))
                return fault_set(reterr_fault, FAULT_INVALID_REQUEST, field, "%s must be a string", field);

        const char *s = json_object_get_string(value);
        if (strlen(s) != (size_t) json_object_get_string_len(value))
                return fault_set(reterr_fault, FAULT_INVALID_REQUEST, field, "%s must not have a NUL in it", field);
        *ret = s;
        return 0;
}

static int take_language(JobRequest *request, struct json_object *value, Fault *reterr_fault)
{
        const char *s;
        int r = get_string(value, "language", &s, reterr_fault);

        return r < 0 ? r : free_and_strdup(&request->spec.language, s);
}

static int take_lint(JobRequest *request, struct json_object *value, Fault *reterr_fault)
{
        const char *s;
        int r = get_string(value, "lint", &s, reterr_fault);

        return r < 0 ? r : free_and_strdup(&request->spec.lint, s);
}

static int take_source(JobRequest *request, struct json_object *value, Fault *reterr_fault)
{
        if (!json_object_is_type(value, json_type_string))
                return fault_set(reterr_fault, FAULT_INVALID_REQUEST, "source", "source must be a string");

        size_t size = (size_t) json_object_get_string_len(value);
        request->source = memdup_nul(json_object_get_string(value), size);
        request->source_size = size;
        return request->source ? 0 : -ENOMEM;
}

static int take_stdin(JobRequest *request, struct json_object *value, Fault *reterr_fault)
{
        if (!json_object_is_type(value, json_type_string))
                return fault_set(reterr_fault, FAULT_INVALID_REQUEST, "stdin", "stdin must be a string");

        size_t size = (size_t) json_object_get_string_len(value);
        request->spec.stdin_data = memdup_nul(json_object_get_string(value), size);
        request->spec.stdin_size = size;
        return request->spec.stdin_data ? 0 : -ENOMEM;
}

static int take_stdin_encoding(JobRequest *request, struct json_object *value, Fault *reterr_fault)
{
        const char *s;
        int r = get_string(value, "stdin_encoding", &s, reterr_fault);

        if (r < 0)
                return r;
        if (!streq(s, "utf-8") && !streq(s, "base64"))
                return fault_set(reterr_fault, FAULT_INVALID_REQUEST, "stdin_encoding",
                                 "stdin_encoding must be utf-8 or base64");
        return 0;
}

static int take_priority(JobRequest *request, struct json_object *value, Fault *reterr_fault)
{
        const char *s;
        int r = get_string(value, "priority", &s, reterr_fault);

        if (r < 0)
                return r;
        r = job_priority_from_string(s);
        if (r < 0)
                return fault_set(reterr_fault, FAULT_INVALID_REQUEST, "priority", "priority must be low, normal or high");
        request->spec.priority = (JobPriority) r;
        return 0;
}

static int take_args(JobRequest *request, struct json_object *value, Fault *reterr_fault)
{
        if (!json_object_is_type(value, json_type_array))
                return fault_set(reterr_fault, FAULT_INVALID_REQUEST, "args", "args must be an array of strings");

        for (size_t i = 0; i < json_object_array_length(value); i++) {
                char field[32];
                const char *s;

                (void) snprintf(field, sizeof(field), "args[%zu]", i);
                int r = get_string(json_object_array_get_idx(value, i), field, &s, reterr_fault);
                if (r >= 0)
                        r = strv_extend(&request->spec.arguments, s);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int take_assignments(char ***strv, const char *member, struct json_object *value, Fault *reterr_fault)
{
        if (!json_object_is_type(value, json_type_object))
                return fault_set(reterr_fault, FAULT_INVALID_REQUEST, member, "%s must be an object of strings", member);

        json_object_object_foreach(value, name, element) {
                char field[96];
                const char *s;

                (void) snprintf(field, sizeof(field), "%s.%s", member, name);
                if (!*name || strchr(name, '='))
                        return fault_set(reterr_fault, FAULT_INVALID_REQUEST, field,
                                         "A name in %s must not be empty or have a = in it", member);
                int r = get_string(element, field, &s, reterr_fault);
                if (r >= 0)
                        r = strv_extendf(strv, "%s=%s", name, s);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int take_env(JobRequest *request, struct json_object *value, Fault *reterr_fault)
{
        return take_assignments(&request->spec.environment, "env", value, reterr_fault);
}

static int take_tags(JobRequest *request, struct json_object *value, Fault *reterr_fault)
{
        return take_assignments(&request->spec.tags, "tags", value, reterr_fault);
}

static const struct {
        const char *name;
        size_t offset;
} limit_members[] = {
        { "memory_bytes", offsetof(JobLimits, memory_bytes) }, { "processes", offsetof(JobLimits, processes) },
        { "cpu_percent", offsetof(JobLimits, cpu_percent) },   { "wall_usec", offsetof(JobLimits, wall_usec) },
        { "cpu_usec", offsetof(JobLimits, cpu_usec) },         { "output_bytes", offsetof(JobLimits, output_bytes) },
};

static int take_limit(JobLimits *limits, const char *name, struct json_object *value, Fault *reterr_fault)
{
        char field[96];

        (void) snprintf(field, sizeof(field), "limits.%s", name);
        for (size_t i = 0; i < ELEMENTSOF(limit_members); i++) {
                if (!streq(limit_members[i].name, name))
                        continue;

                /* The exact type, since json-c makes some number of anything; int64 tells that it is not negative. */
                if (!json_object_is_type(value, json_type_int) || json_object_get_int64(value) <= 0)
                        return fault_set(reterr_fault, FAULT_INVALID_REQUEST, field,
                                         "%s must be a whole number greater than 0", field);
                *(uint64_t *) (void *) ((char *) limits + limit_members[i].offset) = json_object_get_uint64(value);
                return 0;
        }
        return fault_set(reterr_fault, FAULT_INVALID_REQUEST, field, "There is no limit of that name");
}

static int take_limits(JobRequest *request, struct json_object *value, Fault *reterr_fault)
{
        if (!json_object_is_type(value, json_type_object))
                return fault_set(reterr_fault, FAULT_INVALID_REQUEST, "limits", "limits must be an object of numbers");

        json_object_object_foreach(value, name, element) {
                int r = take_limit(&request->spec.limits, name, element, reterr_fault);
                if (r < 0)
                        return r;
        }
        return 0;
}

typedef struct RequestMember {
        const char *name;
        int (*take)(JobRequest *request, struct json_object *value, Fault *reterr_fault);      /* NULL: not yet */
} RequestMember;

static const RequestMember request_members[] = {
        { "language", take_language },
        { "source", take_source },
        { "stdin", take_stdin },
        { "stdin_encoding", take_stdin_encoding },
        { "args", take_args },
        { "env", take_env },
        { "limits", take_limits },
        { "lint", take_lint },
        { "priority", take_priority },
        { "tags", take_tags },
        { "files", NULL },
        { "tests", NULL },
        { "callback_url", NULL },
};

static int take_member(JobRequest *request, const char *name, struct json_object *value, Fault *reterr_fault)
{
        for (size_t i = 0; i < ELEMENTSOF(request_members); i++) {
                const RequestMember *m = &request_members[i];

                if (!streq(m->name, name))
                        continue;
                if (!m->take)
                        return fault_set(reterr_fault, FAULT_INVALID_REQUEST, name, "%s is not supported yet", name);
                return m->take(request, value, reterr_fault);
        }
        return fault_set(reterr_fault, FAULT_INVALID_REQUEST, name, "There is no member of that name");
}

/* The encoding may stand before or behind what it is about. */
static int decode_stdin(JobRequest *request, struct json_object *object, Fault *reterr_fault)
{
        struct json_object *encoding;
        char *decoded;
        size_t size;

        if (!json_object_object_get_ex(object, "stdin_encoding", &encoding) ||
            !streq(json_object_get_string(encoding), "base64"))
                return 0;

        int r = base64_decode(request->spec.stdin_data ? request->spec.stdin_data : "", request->spec.stdin_size,
                              &decoded, &size);
        if (r == -EINVAL)
                return fault_set(reterr_fault, FAULT_INVALID_REQUEST, "stdin", "stdin is not base64");
        if (r < 0)
                return r;
        free(request->spec.stdin_data);
        request->spec.stdin_data = decoded;
        request->spec.stdin_size = size;
        return 0;
}

int job_request_parse(const char *body, size_t size, JobRequest *ret, Fault *reterr_fault)
{
        _cleanup_(json_putp) struct json_object *o = NULL;
        _cleanup_(job_request_done) JobRequest request = JOB_REQUEST_INIT;
        int r;

        r = json_body_parse(body, size, &o, reterr_fault);
        if (r < 0)
                return r;

        json_object_object_foreach(o, name, value) {
                r = take_member(&request, name, value, reterr_fault);
                if (r < 0)
                        return r;
        }
        if (!request.source)
                return fault_set(reterr_fault, FAULT_INVALID_REQUEST, "source", "source is missing");
        r = decode_stdin(&request, o, reterr_fault);
        if (r < 0)
                return r;

        *ret = TAKE(request, JOB_REQUEST_INIT);
        return 0;
}
