/* SPDX-License-Identifier: Apache-2.0 */
/* What is asked of the files; what happens in the database is an integration test. */
#include "store/migrate.h"

#include <stdio.h>

#include "tests/unit/fault-check.h"
#include "tests/unit/scratch.h"
#include "tests/unit/test.h"

static void load_fails(const char *directory, const char *words)
{
        Schema schema = { 0 };
        Fault fault = { 0 };

        assert_int_equal(schema_load(directory, &schema, &fault), -EBADMSG);
        fault_check(&fault, FAULT_BROKEN_CONFIG, NULL, words);
        assert_int_equal(schema.n, 0);
}

static void shipped_files_are_complete(void **state)
{
        _cleanup_(schema_done) Schema schema = { 0 };
        Fault fault = { 0 };

        assert_int_equal(schema_load(getenv("RCE_SCHEMA"), &schema, &fault), 0);
        assert_int_equal(schema.n, STORE_SCHEMA_VERSION);
        for (unsigned i = 0; i < schema.n; i++) {
                assert_int_equal(schema.migrations[i].version, i + 1);
                assert_non_null(strstr(schema.migrations[i].sql, "SET LOCAL ROLE rce_owner;"));
        }
        assert_string_equal(schema.migrations[0].name, "001-jobs.sql");
}

static void other_files_do_not_matter(void **state)
{
        _cleanup_(schema_done) Schema schema = { 0 };
        Fault fault = { 0 };

        scratch_write(*state, "001-a.sql", "SELECT 1;");
        scratch_write(*state, "README", "x");
        scratch_write(*state, "002-b.sql~", "x");
        scratch_write(*state, "02-b.sql", "x");
        scratch_write(*state, "002.sql", "x");
        assert_int_equal(schema_load(*state, &schema, &fault), 0);
        assert_int_equal(schema.n, 1);
        assert_string_equal(schema.migrations[0].sql, "SELECT 1;");
}

static void gap_is_a_fault(void **state)
{
        scratch_write(*state, "002-b.sql", "x");
        load_fails(*state, "number 1 should come next");
        scratch_write(*state, "001-a.sql", "x");
        scratch_write(*state, "004-d.sql", "x");
        load_fails(*state, "number 3 should come next");
}

static void number_used_twice_is_a_fault(void **state)
{
        scratch_write(*state, "001-a.sql", "x");
        scratch_write(*state, "001-b.sql", "x");
        load_fails(*state, "number 2 should come next");
}

static void files_must_be_those_of_the_program(void **state)
{
        load_fails(*state, "there are 0 migrations");
        load_fails("/nonexistent", "No such file");
        for (unsigned i = 1; i <= STORE_SCHEMA_VERSION + 1; i++) {
                char name[16];

                (void) snprintf(name, sizeof(name), "%03u-x.sql", i);
                scratch_write(*state, name, "x");
        }
        load_fails(*state, "this program is made for");
}

static void file_with_nul_is_a_fault(void **state)
{
        scratch_write_bytes(*state, "001-a.sql", "SELECT\0 1", 9);
        load_fails(*state, "NUL");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(shipped_files_are_complete),
                scratch_unit_test(other_files_do_not_matter),
                scratch_unit_test(gap_is_a_fault),
                scratch_unit_test(number_used_twice_is_a_fault),
                scratch_unit_test(files_must_be_those_of_the_program),
                scratch_unit_test(file_with_nul_is_a_fault),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
