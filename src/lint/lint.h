/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Looks at a program before it runs and names what a policy forbids. The policy is a file of tree-sitter queries
 * (policies/python.scm explains how they are written); an admin's own wins over the shipped one.
 *
 * This saves a sandbox start and teaches; it is not what protects anyone. But what it looks at is what runs: text that
 * the interpreter would read otherwise than the parser does is refused. Where the parser itself is at a loss, the
 * result is "undecided", and the interpreter judges.
 *
 * Nothing here blocks or logs, and the time taken is in proportion to the text. A policy may be used for any number of
 * runs, one at a time. */

#include <json-c/json.h>
#include <stdio.h>

#include "basic/macro.h"
#include "shared/fault.h"

typedef enum LintLevel {
        LINT_OFF,
        LINT_STANDARD,
        LINT_STRICT,
        _LINT_LEVEL_MAX,
} LintLevel;

const char *lint_level_to_string(LintLevel level);      /* "off", "standard", "strict" */
int lint_level_from_string(const char *s);

/* As a request names it. */
int lint_level_parse(const char *s, LintLevel *ret, Fault *reterr_fault);

/* More findings than this are not listed; the result is marked truncated. */
#define LINT_DIAGNOSTICS_MAX 100

/* One finding. Lines and columns begin with 1; columns count characters; the end is behind the last one. */
typedef struct LintDiagnostic {
        unsigned line, column;
        unsigned end_line, end_column;
        char *name;                      /* what is forbidden: "os.path", "eval"; as the interpreter understands it */
        char *reason;                    /* a sentence for people */
        char *code;                      /* for programs: "forbidden-import"; may be NULL */
} LintDiagnostic;

typedef struct LintResult {
        LintDiagnostic *diagnostics;     /* sorted by position; the program is rejected if there is any */
        size_t n_diagnostics;
        bool undecided;                  /* not all of it was understood: no finding there means nothing */
        bool truncated;                  /* there may be more than is listed */
} LintResult;

LintResult *lint_result_free(LintResult *r);
DEFINE_CLEANUP(LintResult *, lint_result_free)

typedef struct LintPolicy LintPolicy;

/* Where the policy for a grammar ("python") is: the configuration's directory, then the shipped one. -ENOENT if there
 * is none, -EINVAL if that cannot be a grammar's name. */
int lint_policy_find(const char *grammar, char **ret_path);

/* Reads and compiles a policy. A fault is FAULT_BROKEN_POLICY, "PATH:LINE:COLUMN: …". */
int lint_policy_load(const char *grammar, const char *path, LintPolicy **ret, Fault *reterr_fault);

/* Finds and loads it; where there is none, that is FAULT_BROKEN_LANGUAGE. */
int lint_policy_open(const char *grammar, LintPolicy **ret, Fault *reterr_fault);

/* The same from text; path is what the fault calls it. */
int lint_policy_parse(const char *grammar, const char *path, const char *text, size_t size, LintPolicy **ret,
                      Fault *reterr_fault);

LintPolicy *lint_policy_free(LintPolicy *p);
DEFINE_CLEANUP(LintPolicy *, lint_policy_free)

/* More text than this is never looked at, whatever other limits say: a byte may cost 400 of memory while it is. */
#define LINT_TEXT_MAX ((size_t) 4 << 20)

/* Whether this can be a program's text at all, whatever the level: not empty, UTF-8, no NUL byte, else
 * FAULT_INVALID_SOURCE with the line; and not beyond the maximum, else FAULT_TOO_LARGE. */
int lint_check_text(const char *text, size_t size, Fault *reterr_fault);

/* Checks the text as lint_check_text() does and, unless the level is off, for what the interpreter would read otherwise
 * than the parser (a lone carriage return, another encoding declared): FAULT_INVALID_SOURCE. Then applies the
 * policy, which may be NULL when the level is off. 0, also when there are findings. What takes too long to parse is
 * given up and undecided. */
int lint_run(LintPolicy *policy, LintLevel level, const char *text, size_t size, LintResult **ret,
             Fault *reterr_fault);

/* {"file": …, "undecided": …, "truncated": …, "diagnostics": [{"line": …, "column": …, "end_line": …,
 * "end_column": …, "name": …, "reason": …, "code": …}]} */
int lint_result_to_json(const LintResult *r, const char *file, struct json_object **ret);

/* One line a finding, "FILE:LINE:COLUMN: error: NAME: REASON [CODE]", safe for a terminal. */
int lint_result_print(const LintResult *r, const char *file, FILE *f);
