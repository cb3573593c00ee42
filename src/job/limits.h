/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* How much of everything one job may use. A language brings defaults, a request may ask otherwise, and the
 * configuration's maxima bind both. */

#include <json-c/json.h>

#include "basic/time-util.h"
#include "shared/config.h"
#include "shared/fault.h"

typedef struct JobLimits {
        uint64_t memory_bytes;           /* of the whole job; never any swap */
        uint64_t processes;              /* processes and threads together */
        uint64_t cpu_percent;            /* of one core's time; 100 is one core */
        usec_t wall_usec;
        usec_t cpu_usec;                 /* processor time of the whole job */
        uint64_t output_bytes;           /* of stdout, and of stderr, each */
} JobLimits;

/* What holds where neither the language nor the request says anything. */
#define JOB_LIMITS_DEFAULT                                                                                             \
        ((JobLimits){                                                                                                  \
                .memory_bytes = UINT64_C(128) << 20,                                                                   \
                .processes = 64,                                                                                       \
                .cpu_percent = 100,                                                                                    \
                .wall_usec = 10 * USEC_PER_SEC,                                                                        \
                .cpu_usec = 10 * USEC_PER_SEC,                                                                         \
                .output_bytes = UINT64_C(1) << 20,                                                                     \
        })

/* The least that lets a program start at all. */
#define JOB_LIMITS_MINIMUM                                                                                             \
        ((JobLimits){                                                                                                  \
                .memory_bytes = UINT64_C(4) << 20,                                                                     \
                .processes = 1,                                                                                        \
                .cpu_percent = 1,                                                                                      \
                .wall_usec = 10 * USEC_PER_MSEC,                                                                       \
                .cpu_usec = 10 * USEC_PER_MSEC,                                                                        \
                .output_bytes = 1,                                                                                     \
        })

/* One entry a limit: the name in requests ("memory"), and how it is written. */
typedef enum JobLimitUnit { JOB_LIMIT_BYTES, JOB_LIMIT_COUNT, JOB_LIMIT_PERCENT, JOB_LIMIT_USEC } JobLimitUnit;

typedef struct JobLimitField {
        const char *name;
        JobLimitUnit unit;
        size_t offset;                   /* of the uint64_t in JobLimits */
} JobLimitField;

extern const JobLimitField job_limit_fields[];
extern const size_t n_job_limit_fields;

static inline uint64_t *job_limit_value(JobLimits *l, const JobLimitField *f)
{
        return (uint64_t *) (void *) ((char *) l + f->offset);
}

/* Sets the limit with that name from text ("256M", "2s", "150%"). */
int job_limits_set(JobLimits *l, const char *name, const char *value, Fault *reterr_fault);

/* Takes over what was asked for: what is not 0. */
void job_limits_override(JobLimits *l, const JobLimits *asked);

/* What a request may have at most, as the configuration says. */
JobLimits job_limits_maximum(const Config *config);

/* Whether each is at least what a program needs and at most the maximum; the first that is not becomes the fault. */
int job_limits_check(const JobLimits *l, const JobLimits *maximum, Fault *reterr_fault);

/* {"memory_bytes": …, "wall_usec": …} */
int job_limits_to_json(const JobLimits *l, struct json_object **ret);
