/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* One connection to PostgreSQL in the event loop, in pipeline mode: any number of statements are on their way at once,
 * each a transaction of its own. It connects by itself, and again whenever the connection is lost.
 *
 * A statement whose connection is lost before its result came is in doubt: it is sent again over the next connection if
 * its PgStatement says that this is harmless, else it fails with -ECONNRESET.
 *
 * on_state tells each change, and each new reason why a connection cannot be made. */

#include <systemd/sd-event.h>

#include "pg/pg-value.h"

typedef struct PgConnection PgConnection;
typedef struct PgQuery PgQuery;
typedef struct PgResult PgResult;

typedef struct PgConnectionParams {
        const char *conninfo;            /* "host=… dbname=… user=…"; host a socket directory or an address */
        const char *password;            /* or NULL */
        size_t queue_max;                /* statements waiting or on their way; more are -ENOBUFS */
        usec_t patience_usec;            /* while there is no connection, how old a statement may become */
        const char *setup;               /* SQL run first on each connection, e.g. SET …; or NULL */
        void (*on_state)(bool connected, const char *why, void *userdata);     /* may be NULL; see below */
        void *userdata;
} PgConnectionParams;

/* Prepared on each connection when first used. Must stay valid as long as the connection object. */
typedef struct PgStatement {
        const char *name;
        const char *sql;
        bool repeatable;                 /* running it twice is the same as once */
} PgStatement;

typedef struct PgCounters {
        uint64_t queries, failures, repeats, connects, in_flight, waiting;
        usec_t busy_usec;                /* sum over all queries, from being sent to their result */
} PgCounters;

/* error is 0, or
 *   -EBADMSG     the server refused it; pg_result_state() and pg_result_message() say why
 *   -ENOTCONN    there was no connection for too long; it was not executed
 *   -ECONNRESET  the connection was lost while it was on its way, and may not or cannot be sent again; it may have been
 *                executed
 *   -ECANCELED   the connection object was freed
 * The result is valid during the call and NULL when there is none. */
typedef void (*PgCallback)(int error, const PgResult *result, void *userdata);

int pg_connection_new(sd_event *event, const PgConnectionParams *p, PgConnection **ret);

/* Everything that waits fails with -ECANCELED. Not to be called from a callback. */
PgConnection *pg_connection_free(PgConnection *c);
DEFINE_CLEANUP(PgConnection *, pg_connection_free)

bool pg_connection_ready(const PgConnection *c);
const PgCounters *pg_connection_counters(const PgConnection *c);

/* Takes the parameters' content, leaving them empty, also on failure. The callback is called once, later. ret may be
 * NULL. */
int pg_query(PgConnection *c, const PgStatement *statement, PgParameters *parameters, PgCallback callback,
             void *userdata, PgQuery **ret);

/* The callback will not be called any more; the statement may still be executed. */
void pg_query_forget(PgQuery *q);

size_t pg_result_rows(const PgResult *r);
size_t pg_result_affected(const PgResult *r);           /* by INSERT, UPDATE, DELETE */
const char *pg_result_state(const PgResult *r);         /* SQLSTATE, "" when all is well */
const char *pg_result_message(const PgResult *r);

bool pg_is_null(const PgResult *r, size_t row, unsigned column);
bool pg_get_bool(const PgResult *r, size_t row, unsigned column);
int64_t pg_get_int(const PgResult *r, size_t row, unsigned column);            /* of any width */
const char *pg_get_text(const PgResult *r, size_t row, unsigned column);       /* NULL when NULL; jsonb too */
const void *pg_get_bytes(const PgResult *r, size_t row, unsigned column, size_t *ret_size);
const uint8_t *pg_get_uuid(const PgResult *r, size_t row, unsigned column);
usec_t pg_get_time(const PgResult *r, size_t row, unsigned column);            /* USEC_INFINITY when NULL */
