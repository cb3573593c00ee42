/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The PostgreSQL server that with-postgres started for this test, and an event loop to use it from. A test ends at once
 * when something here fails. */

#include <systemd/sd-event.h>

#include "basic/time-util.h"
#include "tests/unit/test.h"

/* start, stop, restart or kill; returns when it is done. */
void server_control(const char *verb);

/* The same while the loop goes on; *ret_done becomes true. */
void server_control_async(sd_event *event, const char *verb, bool *ret_done);

/* "host=… dbname=NAME user=USER"; good until the fourth call after. */
const char *server_conninfo(const char *database, const char *user);

/* Runs SQL as the superuser in this database. */
void server_run(const char *database, const char *sql);
int64_t server_number(const char *database, const char *sql);

/* Makes a database of this name, empty. */
void server_make_database(const char *database);

/* Runs the loop until the number is reached or the flag set; what takes longer than a minute fails. */
void loop_until_count(sd_event *event, const size_t *count, size_t wanted);
void loop_until(sd_event *event, const bool *flag);

/* Runs the loop for this long. */
void loop_for(sd_event *event, usec_t usec);

/* Processor time of this process so far. */
usec_t processor_usec(void);
