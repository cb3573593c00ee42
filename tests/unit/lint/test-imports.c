/* SPDX-License-Identifier: Apache-2.0 */
#include "lint/imports.h"

#include "basic/string-util.h"
#include "lint-fixture.h"

/* The modules, joined by spaces. */
static char *imports_of(const char *grammar, const char *text)
{
        _cleanup_(strv_freep) char **modules = NULL;

        assert_int_equal(lint_imports(grammar, text, strlen(text), &modules), 0);
        return strv_join(modules, " ");
}

static void modules_are_known_by_their_first_component_and_once(void **state)
{
        static const struct {
                const char *text, *modules;
        } cases[] = {
                {"print(1)\n", ""},
                {"import numpy\n", "numpy"},
                {"import numpy.linalg as la, pandas as pd\nimport numpy\n", "numpy pandas"},
                {"from sklearn.linear_model import LinearRegression\n", "sklearn"},
                {"def f():\n    if True:\n        import json\n", "json"},
                {"from . import sibling\nfrom .sibling import x\n", ""},
                {"s = 'import os'  # import sys\n", ""},
                {"import\n", ""},
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(freep) char *modules = imports_of("python", cases[i].text);

                assert_string_equal(modules, cases[i].modules);
        }
}

static void deep_nesting_does_no_harm(void **state)
{
        _cleanup_(buffer_done) Buffer b = {0};

        for (size_t i = 0; i < 20000; i++)
                assert_int_equal(buffer_append_string(&b, "["), 0);
        assert_int_equal(buffer_append_string(&b, "\nimport os\n"), 0);

        _cleanup_(freep) char *modules = imports_of("python", b.data);
        assert_non_null(modules);
}

static void what_cannot_be_parsed_imports_nothing(void **state)
{
        _cleanup_(freep) char *other_grammar = imports_of("cobol", "import numpy\n");
        _cleanup_(freep) char *no_text = imports_of("python", "import numpy\xff\n");

        assert_string_equal(other_grammar, "");
        assert_string_equal(no_text, "");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(modules_are_known_by_their_first_component_and_once),
                cmocka_unit_test(deep_nesting_does_no_harm),
                cmocka_unit_test(what_cannot_be_parsed_imports_nothing),
        };

        return cmocka_run_group_tests_name("imports", tests, NULL, NULL);
}
