/* SPDX-License-Identifier: Apache-2.0 */

/* A program's text through the checks and all levels of the shipped policy. What comes out must be what callers rely
 * on without looking again. */

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "basic/utf8.h"
#include "lint/lint.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static LintPolicy *policy;

static void require(bool condition)
{
        if (!condition)
                abort();
}

static void load_policy(void)
{
        const char *directory = getenv("RCE_LINT_POLICIES");
        char path[4096];

        snprintf(path, sizeof(path), "%s/python.scm", directory ? directory : "src/lint/policies");
        if (lint_policy_load("python", path, &policy, NULL) < 0) {
                fprintf(stderr, "%s cannot be loaded; RCE_LINT_POLICIES names its directory\n", path);
                exit(EXIT_FAILURE);
        }
}

static void require_diagnostics(const LintResult *result, size_t n_lines)
{
        const LintDiagnostic *previous = NULL;

        require(result->n_diagnostics <= LINT_DIAGNOSTICS_MAX);
        for (size_t i = 0; i < result->n_diagnostics; i++) {
                const LintDiagnostic *d = result->diagnostics + i;

                require(d->line >= 1 && d->column >= 1 && d->end_line <= n_lines);
                require(d->end_line > d->line || (d->end_line == d->line && d->end_column >= d->column));
                require(!previous || previous->line < d->line ||
                        (previous->line == d->line && previous->column <= d->column));
                require(d->name && d->reason && d->reason[0] != '\0');
                require(utf8_is_valid(d->name, strlen(d->name), NULL));
                previous = d;
        }
}

static LintResult *run(LintLevel level, const char *text, size_t size)
{
        LintResult *result = NULL;
        Fault fault = {0};

        int r = lint_run(policy, level, text, size, &result, &fault);
        require(r == 0 || r == -EBADMSG);
        require((r == 0) == (result != NULL) && (r == 0) == (fault.detail == NULL));
        if (r == -EBADMSG)
                require(utf8_is_valid(fault.detail, strlen(fault.detail), NULL));
        fault_done(&fault);
        return result;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        char *text = malloc(size + (size == 0));     /* of its exact size, so that a sanitizer sees a read beyond it */
        LintResult *results[_LINT_LEVEL_MAX];
        size_t n_lines = 1;

        if (!policy)
                load_policy();

        require(text != NULL);
        memcpy(text, data, size);
        for (size_t i = 0; i < size; i++)
                n_lines += text[i] == '\n';

        require((lint_check_text(text, size, NULL) == 0) == (size > 0 && size <= LINT_TEXT_MAX &&
                                                             !memchr(text, '\0', size) &&
                                                             utf8_is_valid(text, size, NULL)));
        for (LintLevel level = LINT_OFF; level < _LINT_LEVEL_MAX; level++) {
                results[level] = run(level, text, size);
                if (results[level])
                        require_diagnostics(results[level], n_lines);
        }

        if (results[LINT_STRICT]) {
                const LintResult *strict = results[LINT_STRICT], *standard = results[LINT_STANDARD];

                require(results[LINT_OFF] && results[LINT_OFF]->n_diagnostics == 0 && standard);
                /* Strict forbids whatever standard does, unless the time or the list was too short. */
                if (!strict->truncated && !standard->truncated)
                        require(strict->n_diagnostics >= standard->n_diagnostics &&
                                strict->undecided == standard->undecided);
        }

        for (LintLevel level = LINT_OFF; level < _LINT_LEVEL_MAX; level++)
                lint_result_free(results[level]);
        free(text);
        return 0;
}
