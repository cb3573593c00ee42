/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What all tests with real servers share: a program that drives the server, which with-postgres and its like name in the
 * environment, and an event loop to use it from. A test ends at once when something here fails. */

#include <systemd/sd-event.h>

#include "basic/time-util.h"
#include "tests/unit/test.h"

/* Of a variable that must be there. */
const char *harness_environment(const char *name);

/* Runs what the variable names with these arguments; returns when it is done. */
#define control(variable, ...) control_strv(variable, (const char *[]){ "control", __VA_ARGS__, NULL })
void control_strv(const char *variable, const char *argv[]);

/* The same while the loop goes on; *ret_done, which may be NULL, becomes true. */
#define control_async(event, ret_done, variable, ...)                                                                  \
        control_async_strv(event, ret_done, variable, (const char *[]){ "control", __VA_ARGS__, NULL })
void control_async_strv(sd_event *event, bool *ret_done, const char *variable, const char *argv[]);

#define LOOP_TIMEOUT_USEC (2 * USEC_PER_MINUTE)

/* Runs the loop until the condition holds; what takes longer than two minutes fails. */
#define loop_until(event, condition)                                                                                   \
        do {                                                                                                           \
                usec_t _deadline = now_usec(CLOCK_MONOTONIC) + LOOP_TIMEOUT_USEC;                                      \
                while (!(condition)) {                                                                                 \
                        if (now_usec(CLOCK_MONOTONIC) > _deadline)                                                     \
                                fail_msg("after two minutes still not: " #condition);                                  \
                        assert_true(sd_event_run(event, USEC_PER_SEC) >= 0);                                           \
                }                                                                                                      \
        } while (0)

/* Runs the loop for this long. */
void loop_for(sd_event *event, usec_t usec);

/* Processor time of this process so far. */
usec_t processor_usec(void);
