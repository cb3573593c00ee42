/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* A policy as it is held: the compiled query, and beside it what the query library leaves to us, the predicates and
 * settings of each pattern. */

#include <regex.h>
#include <tree_sitter/api.h>

#include "lint/lint.h"

typedef enum LintPredicateType {
        LINT_PREDICATE_EQ,               /* #eq?      the same as a string, or as another capture */
        LINT_PREDICATE_ANY_OF,           /* #any-of?  one of the strings */
        LINT_PREDICATE_MODULE,           /* #module?  one of the strings, or something below it: os, os.path */
        LINT_PREDICATE_MATCH,            /* #match?   a POSIX extended regular expression finds something */
        _LINT_PREDICATE_MAX,
} LintPredicateType;

/* A piece of the query, which owns it. */
typedef struct LintString {
        const char *text;
        size_t size;
} LintString;

typedef struct LintPredicate {
        LintPredicateType type;
        bool negated;                    /* #not-eq? and its like */
        bool compares_captures;
        uint32_t capture, other_capture;
        LintString *strings;
        size_t n_strings;
        regex_t *regex;
} LintPredicate;

typedef struct LintPattern {
        LintLevel level;                 /* it applies from this one on */
        LintString reason, code;
        LintPredicate *predicates;
        size_t n_predicates, n_allocated;
} LintPattern;

struct LintPolicy {
        const TSLanguage *language;
        TSQuery *query;
        uint32_t name_capture;           /* @name, what is reported */
        LintPattern *patterns;
        uint32_t n_patterns;
};
