/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The RabbitMQ node that with-rabbitmq started for this test, and a loop to use it from. A test ends at once when something
 * here fails. */

#include <systemd/sd-event.h>

#include "basic/time-util.h"
#include "tests/unit/test.h"

uint16_t broker_port(void);

/* start, stop, kill, pause or resume the node; or "ctl" with the arguments of rabbitmqctl. Returns when it is done. */
#define broker_control(...) broker_control_strv((const char *[]){ "control", __VA_ARGS__, NULL })
void broker_control_strv(const char *argv[]);

/* The same while the loop goes on; *ret_done becomes true. */
#define broker_control_async(event, ret_done, ...)                                                                     \
        broker_control_async_strv(event, ret_done, (const char *[]){ "control", __VA_ARGS__, NULL })
void broker_control_async_strv(sd_event *event, bool *ret_done, const char *argv[]);

/* Runs the loop until the condition holds; what takes longer than a minute fails. */
#define broker_loop_until(event, condition)                                                                            \
        do {                                                                                                           \
                usec_t _deadline = now_usec(CLOCK_MONOTONIC) + USEC_PER_MINUTE;                                        \
                while (!(condition)) {                                                                                 \
                        if (now_usec(CLOCK_MONOTONIC) > _deadline)                                                     \
                                fail_msg("after a minute still not: " #condition);                                     \
                        assert_true(sd_event_run(event, USEC_PER_SEC) >= 0);                                           \
                }                                                                                                      \
        } while (0)

/* Runs the loop for this long. */
void broker_loop_for(sd_event *event, usec_t usec);
