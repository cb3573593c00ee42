/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/view.h"

#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "ctl/ctl.h"
#include "shared/json-util.h"
#include "tests/unit/test.h"

bool arg_quiet, arg_json;

static const Column columns[] = { { "name", "NAME" }, { "size", "SIZE", COLUMN_SIZE }, { "last", "LAST" } };

static int print_table(struct json_object *data, const void *userdata)
{
        return view_table(data, columns, ELEMENTSOF(columns));
}

/* What view_print() puts on stdout. The caller frees it. */
static char *printed(const char *json)
{
        struct json_object *data = json_tokener_parse(json);
        int memory = memfd_create("stdout", MFD_CLOEXEC), saved = dup(STDOUT_FILENO);
        char *text = calloc(1, 4096);

        assert_non_null(data);
        assert_non_null(text);
        assert_true(memory >= 0 && saved >= 0);

        (void) fflush(stdout);
        assert_true(dup2(memory, STDOUT_FILENO) >= 0);
        int r = view_print(data, print_table, NULL);
        (void) fflush(stdout);
        assert_true(dup2(saved, STDOUT_FILENO) >= 0);

        assert_int_equal(r, 0);
        assert_true(pread(memory, text, 4095, 0) >= 0);
        close(memory);
        close(saved);
        json_object_put(data);
        return text;
}

static void check(const char *json, const char *expected)
{
        char *text = printed(json);

        assert_string_equal(text, expected);
        free(text);
}

static void columns_are_as_wide_as_their_widest_cell(void **state)
{
        check("[{\"name\": \"a\", \"size\": 5, \"last\": true}, {\"name\": \"longer\", \"size\": 99619480, \"last\": \"x\"}]",
              "NAME    SIZE   LAST\n"
              "a       5B     yes\n"
              "longer  95.0M  x\n");
}

static void width_counts_characters(void **state)
{
        check("[{\"name\": \"ünïcödé\", \"size\": 1, \"last\": \"x\"}]",
              "NAME     SIZE  LAST\n"
              "ünïcödé  1B    x\n");
}

static void what_is_not_there_is_a_dash(void **state)
{
        check("[{\"name\": null, \"last\": []}]", "NAME  SIZE  LAST\n-     -     -\n");
}

static void lists_are_joined_by_spaces(void **state)
{
        check("[{\"name\": [\"py\", \"python3\"], \"size\": 0, \"last\": false}]",
              "NAME        SIZE  LAST\n"
              "py python3  0B    no\n");
}

static void control_characters_do_not_reach_the_terminal(void **state)
{
        check("[{\"name\": \"a\\u001b[31m\\n\", \"size\": 1, \"last\": \"x\"}]",
              "NAME           SIZE  LAST\n"
              "a\\x1b[31m\\x0a  1B    x\n");
}

static void nothing_is_only_a_heading(void **state)
{
        check("[]", "NAME  SIZE  LAST\n");
}

static void json_is_the_document_itself(void **state)
{
        arg_json = true;
        check("[{\"name\":\"a/b\",\"size\":null}]", "[{\"name\":\"a/b\",\"size\":null}]\n");
        arg_json = false;
}

static void sizes_have_units(void **state)
{
        static const struct {
                uint64_t bytes;
                const char *text;
        } rows[] = {
                { 0, "0B" },
                { 1023, "1023B" },
                { 1024, "1.0K" },
                { UINT64_C(1) << 20, "1.0M" },
                { UINT64_C(3) << 39, "1.5T" },
                { UINT64_MAX, "16384.0P" },
        };
        char buffer[VIEW_SIZE_MAX];

        for (size_t i = 0; i < ELEMENTSOF(rows); i++)
                assert_string_equal(view_format_size(buffer, rows[i].bytes), rows[i].text);
}

int main(void)
{
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(columns_are_as_wide_as_their_widest_cell),
                cmocka_unit_test(width_counts_characters),
                cmocka_unit_test(what_is_not_there_is_a_dash),
                cmocka_unit_test(lists_are_joined_by_spaces),
                cmocka_unit_test(control_characters_do_not_reach_the_terminal),
                cmocka_unit_test(nothing_is_only_a_heading),
                cmocka_unit_test(json_is_the_document_itself),
                cmocka_unit_test(sizes_have_units),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
