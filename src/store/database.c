/* SPDX-License-Identifier: Apache-2.0 */
#include "store/database.h"

#include "basic/memory.h"
#include "basic/string-util.h"
#include "pg/pg-conninfo.h"
#include "pg/pg-session.h"

/* The one that is in every cluster, to ask about the others. */
#define DATABASE_MAINTENANCE "postgres"

int database_host(const char *conninfo, char **ret, Fault *reterr_fault)
{
        _cleanup_(freep) char *host = NULL, *address = NULL;
        int r;

        if ((r = pg_conninfo_get(conninfo, "host", &host, reterr_fault)) < 0 ||
            (r = pg_conninfo_get(conninfo, "hostaddr", &address, reterr_fault)) < 0)
                return r;

        /* A host that begins so is the directory of a socket, or its abstract name; but an address wins over both. */
        if (host && (address || strchr("/@", *host)))
                host = mfree(host);
        *ret = host ? TAKE_PTR(host) : TAKE_PTR(address);
        return 0;
}

int database_conninfo_as(const char *conninfo, const char *role, char **ret, Fault *reterr_fault)
{
        return pg_conninfo_set(conninfo, "user", role, ret, reterr_fault);
}

/* Its text is UTF-8 and compared by bytes, whatever language the cluster was made for, or a newer C library sorts by. */
static int create(PgSession *session, const char *name, Fault *reterr_fault)
{
        _cleanup_(freep) char *identifier = NULL, *literal = NULL, *look = NULL, *make = NULL, *there = NULL;
        int r;

        if ((r = pg_session_quote_identifier(session, name, &identifier)) < 0 ||
            (r = pg_session_quote_literal(session, name, &literal)) < 0)
                return r;
        look = format_string("SELECT 1 FROM pg_database WHERE datname = %s", literal);
        make = format_string("CREATE DATABASE %s TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C'", identifier);
        if (!look || !make)
                return -ENOMEM;

        r = pg_session_run(session, look, &there, reterr_fault);
        if (r < 0 || there)
                return r;
        r = pg_session_run(session, make, NULL, reterr_fault);
        return r < 0 ? r : 1;
}

int database_create(const char *conninfo, char **ret_name, Fault *reterr_fault)
{
        _cleanup_(freep) char *name = NULL, *elsewhere = NULL;
        _cleanup_(pg_session_freep) PgSession *session = NULL;
        int r;

        if ((r = pg_conninfo_get(conninfo, "dbname", &name, reterr_fault)) < 0)
                return r;
        if (!name)
                return fault_set(reterr_fault, FAULT_BROKEN_CONFIG, "Connection", "Connection= names no database");
        if ((r = pg_conninfo_set(conninfo, "dbname", DATABASE_MAINTENANCE, &elsewhere, reterr_fault)) < 0 ||
            (r = pg_session_open(elsewhere, NULL, &session, reterr_fault)) < 0 ||
            (r = create(session, name, reterr_fault)) < 0)
                return r;
        *ret_name = TAKE_PTR(name);
        return r;
}
