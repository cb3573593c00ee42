/* SPDX-License-Identifier: Apache-2.0 */

/* Parses every file of the system's Python library, at both levels. What the parser does not understand is counted, and
 * must not be what anything is rejected for. */

#include <ftw.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "basic/fd-util.h"
#include "basic/memory.h"
#include "basic/string-util.h"
#include "basic/time-util.h"
#include "lint/lint.h"

#define SKIP 77

static LintPolicy *policy, *empty_policy;
static size_t n_files, n_bytes, n_undecided, n_refused, n_rejected[_LINT_LEVEL_MAX];
static usec_t spent_usec;
static bool failed;

static void complain(const char *path, const char *what)
{
        fprintf(stderr, "%s: %s\n", path, what);
        failed = true;
}

/* The grammar errs on this one. With no pattern to match there is nothing but the error to reject it for. */
static void check_undecided(const char *path, const char *text, size_t size)
{
        _cleanup_(lint_result_freep) LintResult *result = NULL;

        int r = lint_run(empty_policy, LINT_STRICT, text, size, &result, NULL);
        if (r < 0)
                complain(path, strerror(-r));
        else if (!result->undecided || result->n_diagnostics > 0)
                complain(path, "rejected for what the parser does not understand");
        n_undecided++;
        printf("%s: undecided\n", path);
}

static void lint_text(const char *path, const char *text, size_t size)
{
        for (LintLevel level = LINT_STANDARD; level < _LINT_LEVEL_MAX; level++) {
                _cleanup_(lint_result_freep) LintResult *result = NULL;
                Fault fault = {0};
                usec_t start = now_usec(CLOCK_MONOTONIC);

                int r = lint_run(policy, level, text, size, &result, &fault);
                if (r == -EBADMSG) {     /* a test of encodings, say */
                        printf("%s: %s\n", path, fault.detail);
                        fault_done(&fault);
                        n_refused++;
                        return;
                }
                if (r < 0) {
                        complain(path, strerror(-r));
                        return;
                }

                spent_usec += now_usec(CLOCK_MONOTONIC) - start;
                n_bytes += size;
                n_rejected[level] += result->n_diagnostics > 0;
                if (result->truncated && result->n_diagnostics < LINT_DIAGNOSTICS_MAX)
                        complain(path, "was not looked at as a whole");
                else if (result->undecided && level == LINT_STRICT)
                        check_undecided(path, text, size);
        }
        n_files++;
}

static int on_file(const char *path, const struct stat *st, int type, struct FTW *where)
{
        _cleanup_(freep) char *text = NULL;
        size_t size;

        if (type != FTW_F || !endswith(path, ".py") || st->st_size == 0)
                return 0;

        int r = read_file(path, LINT_TEXT_MAX, &text, &size);
        if (r < 0)
                complain(path, strerror(-r));
        else
                lint_text(path, text, size);
        return 0;
}

static void walk_libraries(const char *pattern)
{
        glob_t g;

        if (glob(pattern, 0, NULL, &g) == 0) {
                for (size_t i = 0; i < g.gl_pathc; i++)
                        if (nftw(g.gl_pathv[i], on_file, 16, FTW_PHYS) < 0)
                                complain(g.gl_pathv[i], strerror(errno));
                globfree(&g);
        }
}

int main(int argc, char *argv[])
{
        Fault fault = {0};

        if (argc < 2) {
                fprintf(stderr, "Usage: %s POLICY [DIRECTORY...]\n", argv[0]);
                return EXIT_FAILURE;
        }

        int r = lint_policy_load("python", argv[1], &policy, &fault);
        if (r >= 0)
                r = lint_policy_parse("python", "empty", "", 0, &empty_policy, &fault);
        if (r < 0) {
                fprintf(stderr, "%s\n", fault.detail ? fault.detail : strerror(-r));
                fault_done(&fault);
                return EXIT_FAILURE;
        }

        for (int i = 2; i < argc; i++)
                walk_libraries(argv[i]);
        if (argc == 2) {
                walk_libraries("/usr/lib/python3.*");
                walk_libraries("/usr/lib64/python3.*");
        }
        lint_policy_free(policy);
        lint_policy_free(empty_policy);

        if (n_files == 0 && !failed) {
                printf("SKIP: there is no Python library on this machine\n");
                return SKIP;
        }
        printf("%zu files, %zu with an error in the tree, %zu refused as text; "
               "%zu rejected at standard, %zu at strict; %.1f MB/s\n",
               n_files, n_undecided, n_refused, n_rejected[LINT_STANDARD], n_rejected[LINT_STRICT],
               (double) n_bytes / (double) MAX(spent_usec, (usec_t) 1));
        return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
