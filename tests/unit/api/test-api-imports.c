/* SPDX-License-Identifier: Apache-2.0 */
#include "api/api-imports.h"

#include <string.h>

#include "basic/string-util.h"
#include "tests/unit/test.h"

static void names_are_found(void **state)
{
        static const struct {
                const char *source, *names;
        } rows[] = {
                { "", "" },
                { "import os", "os" },
                { "import os, sys", "os sys" },
                { "import numpy.linalg as la , pandas as pd\n", "numpy pandas" },
                { "from sklearn.svm import SVC, NuSVC\n", "sklearn" },
                { "def f():\n\t    import  a\n        from\tb import c", "a b" },
                { "x = 1\r\nimport os\r\n", "os" },
                { "import os; import sys", "os" },
                { "import os # , sys", "os" },
                { "from . import a\nfrom .b import c", "" },
                { "important = 1\nfrom_ = 2\nimport\nfrom\nimport ,", "" },
                { "import \xc3\xa4hnlich", "\xc3\xa4hnlich" },
                { "import 'os'", "" },
                { "# import os\n\"import sys\"", "" },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_(strv_freep) char **names = NULL;

                assert_row(imports_scan(rows[i].source, strlen(rows[i].source), &names) == 0, rows[i].source);
                _cleanup_(freep) char *joined = names ? strv_join(names, " ") : strdup("");
                assert_string_equal(joined, rows[i].names);
        }
}

static void nothing_behind_the_end_is_looked_at(void **state)
{
        _cleanup_(strv_freep) char **names = NULL;

        assert_int_equal(imports_scan("import osmosis", 9, &names), 0);
        assert_int_equal(strv_length(names), 1);
        assert_string_equal(names[0], "os");
}

static void there_are_only_so_many(void **state)
{
        _cleanup_(strv_freep) char **names = NULL;
        _cleanup_(buffer_done) Buffer b = { 0 };

        for (size_t i = 0; i < 2 * IMPORTS_MAX; i++)
                assert_int_equal(buffer_append_string(&b, "import a, b\n"), 0);
        assert_int_equal(imports_scan(b.data, b.size, &names), 0);
        assert_int_equal(strv_length(names), IMPORTS_MAX);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(names_are_found),
                cmocka_unit_test(nothing_behind_the_end_is_looked_at),
                cmocka_unit_test(there_are_only_so_many),
        };

        return cmocka_run_group_tests_name("api-imports", tests, NULL, NULL);
}
