/* SPDX-License-Identifier: Apache-2.0 */
#include "job/spec.h"

#include <ctype.h>
#include <string.h>

#include "basic/string-util.h"
#include "basic/utf8.h"
#include "shared/json-util.h"

static const char *const job_priority_table[_JOB_PRIORITY_MAX] = {
        [JOB_PRIORITY_LOW] = "low",
        [JOB_PRIORITY_NORMAL] = "normal",
        [JOB_PRIORITY_HIGH] = "high",
};
DEFINE_STRING_TABLE(job_priority, JobPriority, _JOB_PRIORITY_MAX)

static const char *const job_state_table[_JOB_STATE_MAX] = {
        [JOB_STATE_QUEUED] = "queued",
        [JOB_STATE_RUNNING] = "running",
        [JOB_STATE_FINISHED] = "finished",
        [JOB_STATE_CANCELLED] = "cancelled",
};
DEFINE_STRING_TABLE(job_state, JobState, _JOB_STATE_MAX)

void job_spec_done(JobSpec *spec)
{
        free(spec->language);
        free(spec->lint);
        strv_free(spec->arguments);
        strv_free(spec->environment);
        strv_free(spec->tags);
        free(spec->stdin_data);
        *spec = JOB_SPEC_DEFAULT;
}

static int copy_strv(char *const *strv, char ***ret)
{
        *ret = strv ? strv_copy(strv) : NULL;
        return strv && !*ret ? -ENOMEM : 0;
}

int job_spec_copy(const JobSpec *spec, JobSpec *ret)
{
        _cleanup_(job_spec_done) JobSpec copy = JOB_SPEC_DEFAULT;
        int r;

        if ((r = free_and_strdup(&copy.language, spec->language)) < 0 ||
            (r = free_and_strdup(&copy.lint, spec->lint)) < 0 ||
            (r = copy_strv(spec->arguments, &copy.arguments)) < 0 ||
            (r = copy_strv(spec->environment, &copy.environment)) < 0 || (r = copy_strv(spec->tags, &copy.tags)) < 0)
                return r;
        if (spec->stdin_data && !(copy.stdin_data = memdup_nul(spec->stdin_data, spec->stdin_size)))
                return -ENOMEM;

        copy.stdin_size = spec->stdin_size;
        copy.limits = spec->limits;
        copy.priority = spec->priority;
        copy.source_bytes = spec->source_bytes;
        memcpy(copy.source_key, spec->source_key, sizeof(copy.source_key));

        *ret = TAKE(copy, JOB_SPEC_DEFAULT);
        return 0;
}

/* --- what is acceptable -------------------------------------------------------------------------------------------- */

static int check_strings(char *const *strv, uint64_t max_bytes, const char *field, Fault *reterr_fault)
{
        uint64_t n_bytes = 0;

        STRV_FOREACH(s, strv) {
                size_t n = strlen(*s);

                n_bytes += n + 1;
                if (!utf8_is_valid(*s, n, NULL))
                        return fault_set(reterr_fault, FAULT_INVALID_REQUEST, field, "%s must be valid UTF-8", field);
        }
        if (n_bytes > max_bytes)
                return fault_set(reterr_fault, FAULT_TOO_LARGE, field, "%s may have at most %llu bytes together", field,
                                 (unsigned long long) max_bytes);
        return 0;
}

static bool is_variable_name(const char *s, size_t n)
{
        if (n == 0 || isdigit((unsigned char) s[0]))
                return false;
        for (size_t i = 0; i < n; i++)
                if (s[i] != '_' && !(isascii(s[i]) && isalnum((unsigned char) s[i])))
                        return false;
        return true;
}

static int check_environment(char *const *environment, Fault *reterr_fault)
{
        STRV_FOREACH(s, environment) {
                const char *sign = strchr(*s, '=');

                if (!sign || !is_variable_name(*s, (size_t) (sign - *s)))
                        return fault_set(reterr_fault, FAULT_INVALID_REQUEST, "env",
                                         "The name of a variable is made of letters, digits and _, not '%.*s'",
                                         sign ? (int) MIN(sign - *s, (ptrdiff_t) JOB_TAG_NAME_MAX) : 0, *s);
        }
        return 0;
}

static int check_tags(char *const *tags, Fault *reterr_fault)
{
        if (strv_length(tags) > JOB_TAGS_MAX)
                return fault_set(reterr_fault, FAULT_TOO_LARGE, "tags", "A job may have at most %i tags", JOB_TAGS_MAX);

        STRV_FOREACH(s, tags) {
                const char *sign = strchr(*s, '=');

                if (!sign || sign == *s)
                        return fault_set(reterr_fault, FAULT_INVALID_REQUEST, "tags", "A tag needs a name, without =");
                if (sign - *s > JOB_TAG_NAME_MAX || strlen(sign + 1) > JOB_TAG_VALUE_MAX)
                        return fault_set(reterr_fault, FAULT_TOO_LARGE, "tags",
                                         "The name of a tag may have at most %i bytes, its value %i", JOB_TAG_NAME_MAX,
                                         JOB_TAG_VALUE_MAX);
        }
        return 0;
}

static bool is_source_key(const char *s)
{
        return strlen(s) == JOB_SOURCE_KEY_SIZE && strspn(s, "0123456789abcdef") == JOB_SOURCE_KEY_SIZE;
}

int job_spec_check(const JobSpec *spec, uint64_t arguments_bytes, uint64_t stdin_bytes, Fault *reterr_fault)
{
        int r;

        if (isempty(spec->language) || strlen(spec->language) > JOB_LANGUAGE_MAX)
                return fault_set(reterr_fault, FAULT_INVALID_REQUEST, "language",
                                 "The name of a language has 1 to %i bytes", JOB_LANGUAGE_MAX);
        if (!is_source_key(spec->source_key))
                return fault_set(reterr_fault, FAULT_INVALID_REQUEST, "source", "The source is missing");
        if (spec->stdin_size > stdin_bytes)
                return fault_set(reterr_fault, FAULT_TOO_LARGE, "stdin", "stdin may have at most %llu bytes",
                                 (unsigned long long) stdin_bytes);

        if ((r = check_strings(spec->arguments, arguments_bytes, "args", reterr_fault)) < 0 ||
            (r = check_strings(spec->environment, arguments_bytes, "env", reterr_fault)) < 0 ||
            (r = check_strings(spec->tags, UINT64_MAX, "tags", reterr_fault)) < 0 ||
            (r = check_environment(spec->environment, reterr_fault)) < 0)
                return r;
        return check_tags(spec->tags, reterr_fault);
}

/* --- JSON ---------------------------------------------------------------------------------------------------------- */

int job_assignments_to_json(char *const *assignments, struct json_object **ret)
{
        _cleanup_(json_putp) struct json_object *o = NULL;

        if (strv_length(assignments) > 0 && !(o = json_object_new_object()))
                return -ENOMEM;

        STRV_FOREACH(s, assignments) {
                const char *sign = strchr(*s, '=');
                _cleanup_(freep) char *name = sign ? memdup_nul(*s, (size_t) (sign - *s)) : NULL;

                if (!sign)
                        return -EINVAL;
                int r = name ? json_add_string(o, name, sign + 1) : -ENOMEM;
                if (r < 0)
                        return r;
        }
        *ret = TAKE_PTR(o);
        return 0;
}

/* json-c's strings may have NULs in them; nothing of ours may. */
static const char *string_of(struct json_object *o)
{
        if (!json_object_is_type(o, json_type_string))
                return NULL;

        const char *s = json_object_get_string(o);
        return strlen(s) == (size_t) json_object_get_string_len(o) ? s : NULL;
}

int job_assignments_from_json(struct json_object *object, const char *field, char ***ret, Fault *reterr_fault)
{
        _cleanup_(strv_freep) char **assignments = NULL;

        if (object && !json_object_is_type(object, json_type_object))
                return fault_set(reterr_fault, FAULT_INVALID_REQUEST, field, "%s must be an object of strings", field);

        if (object) {
                json_object_object_foreach(object, name, member) {
                        const char *value = string_of(member);

                        if (!value || !*name || strchr(name, '='))
                                return fault_set(reterr_fault, FAULT_INVALID_REQUEST, field,
                                                 "%s must be an object of strings without NUL, of names without =",
                                                 field);
                        int r = strv_extendf(&assignments, "%s=%s", name, value);
                        if (r < 0)
                                return r;
                }
        }
        *ret = TAKE_PTR(assignments);
        return 0;
}

static int arguments_to_json(char *const *arguments, struct json_object **ret)
{
        _cleanup_(json_putp) struct json_object *a = NULL;

        if (strv_length(arguments) > 0 && !(a = json_object_new_array()))
                return -ENOMEM;

        STRV_FOREACH(s, arguments) {
                int r = json_array_append(a, json_object_new_string(*s));
                if (r < 0)
                        return r;
        }
        *ret = TAKE_PTR(a);
        return 0;
}

static int arguments_from_json(struct json_object *array, char ***ret, Fault *reterr_fault)
{
        _cleanup_(strv_freep) char **arguments = NULL;

        if (!json_object_is_type(array, json_type_array))
                return fault_set(reterr_fault, FAULT_INVALID_REQUEST, "args", "args must be an array of strings");

        for (size_t i = 0; i < json_object_array_length(array); i++) {
                const char *s = string_of(json_object_array_get_idx(array, i));
                int r = s ? strv_extend(&arguments, s)
                          : fault_set(reterr_fault, FAULT_INVALID_REQUEST, "args",
                                      "args must be an array of strings without NUL");
                if (r < 0)
                        return r;
        }
        *ret = TAKE_PTR(arguments);
        return 0;
}

/* The members of job_limits_to_json(). */
static const struct {
        const char *key;
        size_t offset;
} limit_keys[] = {
        { "memory_bytes", offsetof(JobLimits, memory_bytes) }, { "processes", offsetof(JobLimits, processes) },
        { "cpu_percent", offsetof(JobLimits, cpu_percent) },   { "wall_usec", offsetof(JobLimits, wall_usec) },
        { "cpu_usec", offsetof(JobLimits, cpu_usec) },         { "output_bytes", offsetof(JobLimits, output_bytes) },
};

static int limits_to_json(const JobLimits *l, struct json_object **ret)
{
        _cleanup_(json_putp) struct json_object *o = NULL;

        for (size_t i = 0; i < ELEMENTSOF(limit_keys); i++) {
                uint64_t value = *(const uint64_t *) (const void *) ((const char *) l + limit_keys[i].offset);

                if (value == 0)
                        continue;
                if (!o && !(o = json_object_new_object()))
                        return -ENOMEM;
                int r = json_add_uint(o, limit_keys[i].key, value);
                if (r < 0)
                        return r;
        }
        *ret = TAKE_PTR(o);
        return 0;
}

static int set_limit(JobLimits *l, const char *key, struct json_object *value, Fault *reterr_fault)
{
        for (size_t i = 0; i < ELEMENTSOF(limit_keys); i++) {
                if (!streq(limit_keys[i].key, key))
                        continue;
                /* The exact type, since json-c turns anything into some number; and int64 says that it is not negative. */
                if (!json_object_is_type(value, json_type_int) || json_object_get_int64(value) <= 0)
                        break;
                *(uint64_t *) (void *) ((char *) l + limit_keys[i].offset) = json_object_get_uint64(value);
                return 0;
        }
        return fault_set(reterr_fault, FAULT_INVALID_REQUEST, "limits", "limits.%s is not understood", key);
}

static int limits_from_json(struct json_object *object, JobLimits *ret, Fault *reterr_fault)
{
        JobLimits limits = { 0 };

        if (!json_object_is_type(object, json_type_object))
                return fault_set(reterr_fault, FAULT_INVALID_REQUEST, "limits", "limits must be an object");

        json_object_object_foreach(object, key, value) {
                int r = set_limit(&limits, key, value, reterr_fault);
                if (r < 0)
                        return r;
        }
        *ret = limits;
        return 0;
}

/* Takes the value; one that is NULL is left out. */
static int add_if_any(struct json_object *object, const char *key, int error, struct json_object *value)
{
        if (error < 0)
                return error;
        return value ? json_add(object, key, value) : 0;
}

int job_spec_to_json(const JobSpec *spec, struct json_object **ret)
{
        _cleanup_(json_putp) struct json_object *o = json_object_new_object();
        struct json_object *arguments = NULL, *environment = NULL, *limits = NULL;
        int r;

        if (!o)
                return -ENOMEM;
        if (spec->lint && (r = json_add_string(o, "lint", spec->lint)) < 0)
                return r;

        r = arguments_to_json(spec->arguments, &arguments);
        if ((r = add_if_any(o, "args", r, arguments)) < 0)
                return r;
        r = job_assignments_to_json(spec->environment, &environment);
        if ((r = add_if_any(o, "env", r, environment)) < 0)
                return r;
        r = limits_to_json(&spec->limits, &limits);
        if ((r = add_if_any(o, "limits", r, limits)) < 0)
                return r;

        *ret = TAKE_PTR(o);
        return 0;
}

static int take_member(JobSpec *spec, const char *key, struct json_object *value, Fault *reterr_fault)
{
        if (streq(key, "args"))
                return arguments_from_json(value, &spec->arguments, reterr_fault);
        if (streq(key, "env"))
                return job_assignments_from_json(value, "env", &spec->environment, reterr_fault);
        if (streq(key, "limits"))
                return limits_from_json(value, &spec->limits, reterr_fault);
        if (streq(key, "lint") && string_of(value))
                return free_and_strdup(&spec->lint, string_of(value));
        return fault_set(reterr_fault, FAULT_INVALID_REQUEST, key, "'%s' is not understood", key);
}

int job_spec_from_json(const char *text, JobSpec *spec, Fault *reterr_fault)
{
        _cleanup_(json_putp) struct json_object *o = json_tokener_parse(text);
        _cleanup_(job_spec_done) JobSpec read = JOB_SPEC_DEFAULT;

        if (!json_object_is_type(o, json_type_object))
                return fault_set(reterr_fault, FAULT_INVALID_REQUEST, NULL, "The specification must be a JSON object");

        json_object_object_foreach(o, key, value) {
                int r = take_member(&read, key, value, reterr_fault);
                if (r < 0)
                        return r;
        }

        free(spec->lint);
        strv_free(spec->arguments);
        strv_free(spec->environment);
        spec->lint = TAKE_PTR(read.lint);
        spec->arguments = TAKE_PTR(read.arguments);
        spec->environment = TAKE_PTR(read.environment);
        spec->limits = read.limits;
        return 0;
}
