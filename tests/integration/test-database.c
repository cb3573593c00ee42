/* SPDX-License-Identifier: Apache-2.0 */
/* The database as a whole, in a real cluster. */
#include "store/database.h"

#include "basic/memory.h"
#include "basic/string-util.h"
#include "tests/integration/server.h"
#include "tests/unit/fault-check.h"

static void check_host(const char *conninfo, const char *host)
{
        _cleanup_(freep) char *found = NULL;
        _cleanup_(fault_done) Fault fault = { 0 };

        assert_int_equal(database_host(conninfo, &found, &fault), 0);
        if (host)
                assert_string_equal(found, host);
        else
                assert_null(found);
}

static void a_socket_is_on_this_host(void **state)
{
        check_host("dbname=rce", NULL);
        check_host("dbname=rce host=/run/postgresql", NULL);
        check_host("dbname=rce host=@abstract port=5433", NULL);
}

static void everything_else_is_elsewhere(void **state)
{
        check_host("dbname=rce host=db.example.org", "db.example.org");
        check_host("dbname=rce host=localhost", "localhost");
        check_host("postgresql://db.example.org/rce", "db.example.org");
        check_host("dbname=rce hostaddr=10.77.0.1", "10.77.0.1");
        check_host("dbname=rce host=/run/postgresql hostaddr=10.77.0.1", "10.77.0.1");
}

static int create(const char *database, const char *role)
{
        _cleanup_(fault_done) Fault fault = { 0 };
        _cleanup_(freep) char *anybody = format_string("%s dbname='%s'", server_conninfo("x", "nobody"), database);
        _cleanup_(freep) char *conninfo = NULL, *name = NULL;

        assert_int_equal(database_conninfo_as(anybody, role, &conninfo, &fault), 0);
        int r = database_create(conninfo, &name, &fault);
        if (r >= 0)
                assert_string_equal(name, database);
        else
                fault_check(&fault, FAULT_BROKEN_CONFIG, NULL, "permission denied");
        return r;
}

static void it_is_made_once(void **state)
{
        assert_int_equal(create("made", "postgres"), 1);
        assert_int_equal(create("made", "postgres"), 0);
        assert_int_equal(server_number("made", "SELECT 1 FROM pg_database WHERE datname = 'made' AND encoding = 6"
                                               " AND datcollate = 'C' AND datctype = 'C'"), 1);
}

static void any_name_will_do(void **state)
{
        assert_int_equal(create("Upper-case \"quoted\"", "postgres"), 1);
        assert_int_equal(create("Upper-case \"quoted\"", "postgres"), 0);
}

static void one_who_may_not_is_told(void **state)
{
        server_run("postgres", "DROP ROLE IF EXISTS mere_mortal; CREATE ROLE mere_mortal LOGIN");
        assert_int_equal(create("forbidden", "mere_mortal"), -EBADMSG);
}

static void a_name_is_needed(void **state)
{
        _cleanup_(fault_done) Fault fault = { 0 };
        _cleanup_(freep) char *name = NULL;

        assert_int_equal(database_create("user=postgres", &name, &fault), -EBADMSG);
        fault_check(&fault, FAULT_BROKEN_CONFIG, "Connection", "no database");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_socket_is_on_this_host), cmocka_unit_test(everything_else_is_elsewhere),
                cmocka_unit_test(it_is_made_once),          cmocka_unit_test(any_name_will_do),
                cmocka_unit_test(one_who_may_not_is_told),  cmocka_unit_test(a_name_is_needed),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
