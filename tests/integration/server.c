/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/integration/server.h"

#include <stdio.h>

#include "basic/string-util.h"
#include "pg/pg-session.h"

const char *server_conninfo(const char *database, const char *user)
{
        static char texts[4][256];
        static unsigned next;
        char *text = texts[next++ % ELEMENTSOF(texts)];

        (void) snprintf(text, sizeof(texts[0]), "host=%s dbname=%s user=%s", harness_environment("PGHOST"), database, user);
        return text;
}

static char *run(const char *database, const char *sql)
{
        _cleanup_(pg_session_freep) PgSession *session = NULL;
        _cleanup_(fault_done) Fault fault = { 0 };
        char *value = NULL;

        if (pg_session_open(server_conninfo(database, "postgres"), NULL, &session, &fault) < 0 ||
            pg_session_run(session, sql, &value, &fault) < 0)
                fail_msg("%s: %s", sql, fault.detail);
        return value;
}

void server_run(const char *database, const char *sql)
{
        free(run(database, sql));
}

int64_t server_number(const char *database, const char *sql)
{
        _cleanup_(freep) char *value = run(database, sql);

        if (!value)
                fail_msg("%s: nothing", sql);
        return strtoll(value, NULL, 10);
}

void server_make_database(const char *database)
{
        _cleanup_(freep) char *drop = format_string("DROP DATABASE IF EXISTS %s WITH (FORCE)", database);
        _cleanup_(freep) char *create = format_string("CREATE DATABASE %s", database);

        server_run("postgres", drop);
        server_run("postgres", create);
}
