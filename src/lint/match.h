/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* A policy applied to one program: where which of its patterns match. */

#include "basic/time-util.h"
#include "lint/policy.h"

typedef struct LintFinding {
        TSNode node;
        uint32_t pattern;
} LintFinding;

typedef struct LintMatch {
        const LintPolicy *policy;
        LintLevel level;
        const char *program;             /* checked text, and what the tree is of */
        usec_t deadline;                 /* of this thread's processor time; what was not looked at by then is not */

        LintFinding findings[LINT_DIAGNOSTICS_MAX];     /* one a place, in no order */
        size_t n_findings;
        bool overflow;                   /* there are more findings than that */
        bool incomplete;                 /* not everything was looked at */
} LintMatch;

int lint_match_tree(LintMatch *m, const TSTree *tree);
