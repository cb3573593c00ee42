/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What a client is told when a request comes to nothing: a problem document (RFC 9457) with a code that programs match on
 * and that never changes its meaning. The table in api-problem.c is all there are, besides what a Fault may be. Pure. */

#include "shared/fault.h"

#define PROBLEM_CONTENT_TYPE "application/problem+json"

typedef struct ProblemType {
        const char *code;
        unsigned status;
        unsigned retry_after_sec;        /* 0: it is no use to try again as it is */
        const char *meaning;             /* for the documentation */
} ProblemType;

extern const ProblemType problem_types[];
extern const size_t n_problem_types;

/* NULL for a code that is none. */
const ProblemType *problem_find(const char *code);

/* "Bad Request" */
const char *problem_status_phrase(unsigned status);

typedef struct Problem {
        unsigned status;
        const char *code;
        const char *field;               /* or NULL */
        const char *detail;              /* or NULL */
        const char *request_id;          /* or NULL */
} Problem;

/* One line of JSON; the caller frees it. Details that are not UTF-8 are escaped. */
int problem_render(const Problem *problem, char **ret, size_t *ret_size);
