/* SPDX-License-Identifier: Apache-2.0 */
#include "pg/pg-conninfo.h"

#include "basic/memory.h"
#include "tests/unit/fault-check.h"

static void check(const char *conninfo, const char *keyword, const char *value)
{
        _cleanup_(freep) char *found = NULL;
        _cleanup_(fault_done) Fault fault = { 0 };

        assert_int_equal(pg_conninfo_get(conninfo, keyword, &found, &fault), 0);
        if (value)
                assert_string_equal(found, value);
        else
                assert_null(found);
}

static void what_it_says_is_found_in_both_forms(void **state)
{
        check("dbname=rce host = db.example.org", "host", "db.example.org");
        check("postgresql://me@db.example.org:5433/rce?sslmode=require", "host", "db.example.org");
        check("postgresql://me@db.example.org:5433/rce?sslmode=require", "user", "me");
        check("postgresql://me@db.example.org:5433/rce?sslmode=require", "dbname", "rce");
}

static void what_it_does_not_say_is_null(void **state)
{
        check("dbname=rce", "host", NULL);
        check("dbname=rce host=''", "host", NULL);
        check("", "dbname", NULL);
        check("dbname=rce", "nonsense", NULL);
}

static void one_value_is_changed_and_the_others_are_kept(void **state)
{
        _cleanup_(freep) char *changed = NULL, *again = NULL;
        _cleanup_(fault_done) Fault fault = { 0 };

        assert_int_equal(pg_conninfo_set("postgresql://me@/rce?host=/run/x&port=5433", "user", "postgres", &changed, &fault), 0);
        check(changed, "user", "postgres");
        check(changed, "dbname", "rce");
        check(changed, "host", "/run/x");
        check(changed, "port", "5433");

        assert_int_equal(pg_conninfo_set(changed, "options", "-c a=b", &again, &fault), 0);
        check(again, "options", "-c a=b");
        check(again, "user", "postgres");
}

static void quotes_and_backslashes_stay_what_they_are(void **state)
{
        static const char nasty[] = "it's \\ 'quoted' user=root";
        _cleanup_(freep) char *changed = NULL, *again = NULL;
        _cleanup_(fault_done) Fault fault = { 0 };

        assert_int_equal(pg_conninfo_set("dbname=rce", "application_name", nasty, &changed, &fault), 0);
        assert_int_equal(pg_conninfo_set(changed, "port", "1", &again, &fault), 0);
        check(again, "application_name", nasty);
        check(again, "user", NULL);
}

static void what_is_no_connection_string_is_said(void **state)
{
        _cleanup_(fault_done) Fault fault = { 0 };
        char *untouched = (char *) UNTOUCHED;

        assert_int_equal(pg_conninfo_get("dbname", "host", &untouched, &fault), -EBADMSG);
        fault_check(&fault, FAULT_BROKEN_CONFIG, "Connection", "missing \"=\"");
        assert_int_equal(pg_conninfo_set("colour=blue", "host", "x", &untouched, &fault), -EBADMSG);
        fault_check(&fault, FAULT_BROKEN_CONFIG, "Connection", "colour");
        assert_true(untouched == (char *) UNTOUCHED);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(what_it_says_is_found_in_both_forms),
                cmocka_unit_test(what_it_does_not_say_is_null),
                cmocka_unit_test(one_value_is_changed_and_the_others_are_kept),
                cmocka_unit_test(quotes_and_backslashes_stay_what_they_are),
                cmocka_unit_test(what_is_no_connection_string_is_said),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
