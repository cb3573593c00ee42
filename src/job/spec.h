/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What somebody wants to be run, and how. The source itself is elsewhere: it is named by the hash of its bytes. */

#include "job/limits.h"

typedef enum JobPriority {
        JOB_PRIORITY_LOW,
        JOB_PRIORITY_NORMAL,
        JOB_PRIORITY_HIGH,
        _JOB_PRIORITY_MAX,
} JobPriority;

const char *job_priority_to_string(JobPriority priority);
int job_priority_from_string(const char *s);

/* queued -> running -> finished, with cancelled instead of the last two or the last. */
typedef enum JobState {
        JOB_STATE_QUEUED,
        JOB_STATE_RUNNING,
        JOB_STATE_FINISHED,
        JOB_STATE_CANCELLED,
        _JOB_STATE_MAX,
} JobState;

const char *job_state_to_string(JobState state);
int job_state_from_string(const char *s);

/* Of what is not limited by anything else. Bytes count all strings together, with their NULs. */
#define JOB_TAGS_MAX 16
#define JOB_TAG_NAME_MAX 64
#define JOB_TAG_VALUE_MAX 256
#define JOB_LANGUAGE_MAX 64
#define JOB_SOURCE_KEY_SIZE 64           /* SHA-256 in lower-case hexadecimal digits */

typedef struct JobSpec {
        char *language;
        char *lint;                      /* the policy; NULL: the language's own */
        char **arguments;
        char **environment;              /* NAME=VALUE */
        char **tags;                     /* NAME=VALUE; a name has no = in it */
        JobLimits limits;                /* 0: the language's own */
        JobPriority priority;
        char *stdin_data;                /* NULL: none */
        size_t stdin_size;
        char source_key[JOB_SOURCE_KEY_SIZE + 1];
        uint64_t source_bytes;
} JobSpec;

#define JOB_SPEC_DEFAULT ((JobSpec){ .priority = JOB_PRIORITY_NORMAL })

void job_spec_done(JobSpec *spec);
int job_spec_copy(const JobSpec *spec, JobSpec *ret);

/* Whether it can be stored and run: names, characters, lengths. arguments_bytes is the configuration's limit, and
 * stdin_bytes the one of stdin. Limits are not looked at, see job_limits_check(). */
int job_spec_check(const JobSpec *spec, uint64_t arguments_bytes, uint64_t stdin_bytes, Fault *reterr_fault);

/* {"lint", "args": [...], "env": {...}, "limits": {...}}: what is neither bytes nor looked for. What is not set is left
 * out. The inverse replaces these members of the spec, and takes nothing it does not understand (-EBADMSG). */
int job_spec_to_json(const JobSpec *spec, struct json_object **ret);
int job_spec_from_json(const char *text, JobSpec *spec, Fault *reterr_fault);

/* NAME=VALUE strings as an object of strings, and back. None is NULL, either way. */
int job_assignments_to_json(char *const *assignments, struct json_object **ret);
int job_assignments_from_json(struct json_object *object, const char *field, char ***ret, Fault *reterr_fault);
