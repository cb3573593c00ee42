/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The shipped policy, loaded once for a group of tests, and one program run through it. */

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lint/lint.h"

static LintPolicy *policy;

static inline int load_policy(void **state)
{
        const char *directory = getenv("RCE_LINT_POLICIES");
        Fault fault = {0};
        char path[4096];

        assert_non_null(directory);
        snprintf(path, sizeof(path), "%s/python.scm", directory);

        int r = lint_policy_load("python", path, &policy, &fault);
        if (r < 0)
                print_error("%s: %s\n", path, fault.detail ? fault.detail : strerror(-r));
        fault_done(&fault);
        return r;
}

static inline int free_policy(void **state)
{
        policy = lint_policy_free(policy);
        return 0;
}

static inline LintResult *run_sized(LintLevel level, const char *text, size_t size)
{
        LintResult *result = NULL;
        Fault fault = {0};

        int r = lint_run(policy, level, text, size, &result, &fault);
        if (r < 0)
                print_error("%s\n", fault.detail ? fault.detail : strerror(-r));
        assert_int_equal(r, 0);
        fault_done(&fault);
        return result;
}

static inline LintResult *run(LintLevel level, const char *text)
{
        return run_sized(level, text, strlen(text));
}
