/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The PostgreSQL server that with-postgres started for this test. */

#include "tests/integration/harness.h"

/* start, stop, restart or kill. */
#define server_control(verb) control("RCE_POSTGRES", verb)
#define server_control_async(event, ret_done, verb) control_async(event, ret_done, "RCE_POSTGRES", verb)

/* "host=… dbname=NAME user=USER"; good until the fourth call after. */
const char *server_conninfo(const char *database, const char *user);

/* Runs SQL as the superuser in this database. */
void server_run(const char *database, const char *sql);
int64_t server_number(const char *database, const char *sql);

/* Makes a database of this name, empty. */
void server_make_database(const char *database);
