/* SPDX-License-Identifier: Apache-2.0 */
/* Migrations in a real database. */
#include "store/migrate.h"

#include <sys/wait.h>
#include <unistd.h>

#include "tests/integration/server.h"
#include "tests/unit/fault-check.h"

#define DATABASE "migrate"

typedef struct Test {
        Schema schema;
        Fault fault;
        size_t n_applied;
} Test;

static int setup(void **state)
{
        Test *t = test_calloc(1, sizeof(Test));

        server_make_database(DATABASE);
        if (schema_load(getenv("RCE_SCHEMA"), &t->schema, &t->fault) < 0)
                fail_msg("%s", t->fault.detail);
        *state = t;
        return 0;
}

static int teardown(void **state)
{
        Test *t = *state;

        schema_done(&t->schema);
        fault_done(&t->fault);
        test_free(t);
        return 0;
}

static void on_applied(const Migration *m, void *userdata)
{
        Test *t = userdata;

        t->n_applied++;
        assert_int_equal(m->version, t->n_applied);
}

static int migrate(Test *t)
{
        return schema_migrate(&t->schema, server_conninfo(DATABASE, "postgres"), NULL, on_applied, t, &t->fault);
}

static unsigned version(Test *t)
{
        unsigned v = 42;

        if (schema_version(server_conninfo(DATABASE, "postgres"), NULL, &v, &t->fault) < 0)
                fail_msg("%s", t->fault.detail);
        return v;
}

static void empty_database_is_brought_up_to_date_once(void **state)
{
        Test *t = *state;

        assert_int_equal(version(t), 0);
        assert_int_equal(migrate(t), 0);
        assert_int_equal(t->n_applied, STORE_SCHEMA_VERSION);
        assert_int_equal(version(t), STORE_SCHEMA_VERSION);
        assert_int_equal(migrate(t), 0);
        assert_int_equal(t->n_applied, STORE_SCHEMA_VERSION);
        assert_int_equal(server_number(DATABASE, "SELECT count(*) FROM rce.schema_version"), STORE_SCHEMA_VERSION);

        /* All of it is in one schema, and one role owns it. */
        assert_int_equal(server_number(DATABASE, "SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace"), 0);
        assert_int_equal(server_number(DATABASE, "SELECT count(*) FROM pg_class WHERE relnamespace = 'rce'::regnamespace"
                                                 " AND relowner <> 'rce_owner'::regrole"), 0);
        assert_int_equal(server_number(DATABASE, "SELECT count(*) FROM pg_proc WHERE pronamespace = 'rce'::regnamespace"
                                                 " AND proowner <> 'rce_owner'::regrole"), 0);

        /* Who acts with the owner's rights does not look where the caller says. */
        assert_int_equal(server_number(DATABASE, "SELECT count(*) FROM pg_proc WHERE pronamespace = 'rce'::regnamespace AND prosecdef"
                                                 " AND NOT 'search_path=pg_catalog, pg_temp' = ANY(proconfig)"), 0);
        assert_int_equal(server_number(DATABASE, "SELECT count(*) FROM pg_proc WHERE pronamespace = 'rce'::regnamespace AND prosecdef"), 2);
}

static void second_database_of_the_cluster_shares_the_roles(void **state)
{
        Test *t = *state;

        assert_int_equal(migrate(t), 0);
        server_make_database("migrate_too");
        if (schema_migrate(&t->schema, server_conninfo("migrate_too", "postgres"), NULL, NULL, NULL, &t->fault) < 0)
                fail_msg("%s", t->fault.detail);
        server_run("postgres", "DROP DATABASE migrate_too");
}

/* Each in a process of its own, since a migration blocks. */
static void many_at_once_take_turns(void **state)
{
        Test *t = *state;
        pid_t children[8];

        for (size_t i = 0; i < ELEMENTSOF(children); i++) {
                children[i] = fork();
                assert_true(children[i] >= 0);
                if (children[i] == 0)
                        _exit(schema_migrate(&t->schema, server_conninfo(DATABASE, "postgres"), NULL, NULL, NULL, NULL) < 0);
        }
        for (size_t i = 0; i < ELEMENTSOF(children); i++) {
                int status;

                assert_int_equal(waitpid(children[i], &status, 0), children[i]);
                assert_int_equal(status, 0);
        }
        assert_int_equal(version(t), STORE_SCHEMA_VERSION);
        assert_int_equal(server_number(DATABASE, "SELECT count(*) FROM rce.schema_version"), STORE_SCHEMA_VERSION);
}

static void newer_database_is_refused(void **state)
{
        Test *t = *state;

        assert_int_equal(migrate(t), 0);
        server_run(DATABASE, "INSERT INTO rce.schema_version (version, name) VALUES (1000, '1000-x.sql')");
        assert_int_equal(migrate(t), -EBADMSG);
        fault_check(&t->fault, FAULT_BROKEN_CONFIG, NULL, "it is too old");
        assert_int_equal(version(t), 1000);
}

static void other_history_is_refused(void **state)
{
        Test *t = *state;

        assert_int_equal(migrate(t), 0);
        server_run(DATABASE, "UPDATE rce.schema_version SET name = '001-other.sql'");
        assert_int_equal(migrate(t), -EBADMSG);
        fault_check(&t->fault, FAULT_BROKEN_CONFIG, NULL, "'001-other.sql'");
}

static void broken_migration_leaves_nothing_behind(void **state)
{
        Test *t = *state;
        Migration broken = { 1, (char *) "001-broken.sql", (char *) "CREATE TABLE rce.half (n int); SELECT 1/0;" };
        Schema schema = { .migrations = &broken, .n = 1 };

        assert_int_equal(schema_migrate(&schema, server_conninfo(DATABASE, "postgres"), NULL, on_applied, t, &t->fault), -EBADMSG);
        fault_check(&t->fault, FAULT_BROKEN_CONFIG, NULL, "001-broken.sql: PostgreSQL: ERROR:  division by zero");
        assert_int_equal(t->n_applied, 0);
        assert_int_equal(version(t), 0);
        assert_int_equal(server_number(DATABASE, "SELECT count(to_regclass('rce.half'))"), 0);
        assert_int_equal(migrate(t), 0);
}

static void server_that_is_not_there_is_said(void **state)
{
        Test *t = *state;
        unsigned v;

        assert_int_equal(schema_version("host=/nonexistent", NULL, &v, &t->fault), -EBADMSG);
        fault_check(&t->fault, FAULT_BROKEN_CONFIG, NULL, "/nonexistent");
        assert_int_equal(schema_version(server_conninfo("nowhere", "postgres"), NULL, &v, &t->fault), -EBADMSG);
        fault_check(&t->fault, FAULT_BROKEN_CONFIG, NULL, "\"nowhere\" does not exist");
}

int main(void)
{
#define WITH_SCHEMA(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
        const struct CMUnitTest tests[] = {
                WITH_SCHEMA(empty_database_is_brought_up_to_date_once),
                WITH_SCHEMA(second_database_of_the_cluster_shares_the_roles),
                WITH_SCHEMA(many_at_once_take_turns),
                WITH_SCHEMA(newer_database_is_refused),
                WITH_SCHEMA(other_history_is_refused),
                WITH_SCHEMA(broken_migration_leaves_nothing_behind),
                WITH_SCHEMA(server_that_is_not_there_is_said),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
