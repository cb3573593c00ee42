/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* How a job ended. What the user's program did is never an error of ours: it is this. */

#include <json-c/json.h>

#include "basic/memory.h"
#include "basic/time-util.h"

typedef enum JobVerdict {
        JOB_VERDICT_OK,                  /* exit code 0 */
        JOB_VERDICT_WRONG_ANSWER,        /* a test's expected output differs */
        JOB_VERDICT_COMPILE_ERROR,
        JOB_VERDICT_RUNTIME_ERROR,       /* any other exit code */
        JOB_VERDICT_SIGNALLED,           /* died of a signal that was not ours */
        JOB_VERDICT_TIME_LIMIT,          /* wall or processor time */
        JOB_VERDICT_MEMORY_LIMIT,
        JOB_VERDICT_OUTPUT_LIMIT,
        JOB_VERDICT_REJECTED,            /* by the linter; nothing ran */
        JOB_VERDICT_CANCELLED,
        JOB_VERDICT_INTERNAL_ERROR,      /* we failed; says so and why */
        _JOB_VERDICT_MAX,
} JobVerdict;

const char *job_verdict_to_string(JobVerdict verdict);
int job_verdict_from_string(const char *s);

/* One captured stream: at most the limit's bytes, and whether there were more. */
typedef struct JobOutput {
        Buffer bytes;
        bool truncated;
} JobOutput;

typedef struct JobResult {
        JobVerdict verdict;
        int exit_code;                   /* -1 when it did not exit by itself */
        int signal;                      /* 0 when it was not killed by one */
        usec_t wall_usec;
        usec_t cpu_usec;
        uint64_t memory_peak_bytes;      /* of the whole job; 0 when this host cannot tell */
        bool memory_peak_is_rss;         /* no memory controller: it is the largest process's resident set instead */
        JobOutput out, err;              /* of its two streams; empty when nobody asked to keep them */
        char *reason;                    /* a sentence, for verdicts that need one */
} JobResult;

void job_result_done(JobResult *r);

int job_result_to_json(const JobResult *r, struct json_object **ret);
