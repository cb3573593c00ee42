/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* A session that blocks until the server has answered, for tools that run scripts of SQL. Daemons use pg/pg.h. */

#include "basic/macro.h"
#include "shared/fault.h"

typedef struct PgSession PgSession;

/* What the server says becomes the fault's detail. */
int pg_session_open(const char *conninfo, const char *password, PgSession **ret, Fault *reterr_fault);
PgSession *pg_session_free(PgSession *s);
DEFINE_CLEANUP(PgSession *, pg_session_free)

/* Runs one statement or several. ret_value (may be NULL) is the first column of the last one's first row as text, NULL
 * when there is none. */
int pg_session_run(PgSession *s, const char *sql, char **ret_value, Fault *reterr_fault);

/* As it is written in a statement: with quotes, and what is special in it escaped. The caller frees it. */
int pg_session_quote_identifier(PgSession *s, const char *name, char **ret);
int pg_session_quote_literal(PgSession *s, const char *text, char **ret);
