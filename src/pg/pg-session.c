/* SPDX-License-Identifier: Apache-2.0 */
#include "pg/pg-session.h"

#include <libpq-fe.h>

#include "basic/string-util.h"

struct PgSession {
        PGconn *conn;
};

static void ignore_notice(void *userdata, const PGresult *notice)
{
}

static int refuse(PgSession *s, Fault *reterr_fault)
{
        _cleanup_(freep) char *message = strdup(PQerrorMessage(s->conn));

        return message ? fault_set(reterr_fault, FAULT_BROKEN_CONFIG, NULL, "PostgreSQL: %s", strstrip(message))
                       : -ENOMEM;
}

int pg_session_open(const char *conninfo, const char *password, PgSession **ret, Fault *reterr_fault)
{
        static const char *const keywords[] = { "connect_timeout", "application_name", "dbname", "client_encoding",
                                                "password", NULL };
        const char *const values[] = { "10", program_invocation_short_name, conninfo, "UTF8", password, NULL };

        _cleanup_(pg_session_freep) PgSession *s = new0(PgSession, 1);
        if (!s)
                return -ENOMEM;

        s->conn = PQconnectdbParams(keywords, values, 1);
        if (!s->conn)
                return -ENOMEM;
        if (PQstatus(s->conn) != CONNECTION_OK)
                return refuse(s, reterr_fault);

        (void) PQsetNoticeReceiver(s->conn, ignore_notice, NULL);
        *ret = TAKE_PTR(s);
        return 0;
}

PgSession *pg_session_free(PgSession *s)
{
        if (!s)
                return NULL;

        PQfinish(s->conn);
        return mfree(s);
}

int pg_session_run(PgSession *s, const char *sql, char **ret_value, Fault *reterr_fault)
{
        PGresult *result = PQexec(s->conn, sql);
        ExecStatusType status = PQresultStatus(result);
        _cleanup_(freep) char *value = NULL;
        int r = 0;

        if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK && status != PGRES_EMPTY_QUERY)
                r = refuse(s, reterr_fault);
        else if (PQntuples(result) > 0 && PQnfields(result) > 0 && !PQgetisnull(result, 0, 0) &&
                 !(value = strdup(PQgetvalue(result, 0, 0))))
                r = -ENOMEM;

        PQclear(result);
        if (r >= 0 && ret_value)
                *ret_value = TAKE_PTR(value);
        return r;
}

/* What libpq allocates is copied, since only libpq may free it. */
static int take_quoted(char *quoted, char **ret)
{
        *ret = quoted ? strdup(quoted) : NULL;
        PQfreemem(quoted);
        return *ret ? 0 : -ENOMEM;
}

int pg_session_quote_identifier(PgSession *s, const char *name, char **ret)
{
        return take_quoted(PQescapeIdentifier(s->conn, name, strlen(name)), ret);
}

int pg_session_quote_literal(PgSession *s, const char *text, char **ret)
{
        return take_quoted(PQescapeLiteral(s->conn, text, strlen(text)), ret);
}
