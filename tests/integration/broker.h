/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The RabbitMQ node that with-rabbitmq started for this test. */

#include "tests/integration/harness.h"

static inline uint16_t broker_port(void)
{
        return (uint16_t) strtoul(harness_environment("RCE_AMQP_PORT"), NULL, 10);
}

/* start, stop, kill, pause or resume the node; or "ctl" with the arguments of rabbitmqctl. */
#define broker_control(...) control("RCE_RABBITMQ", __VA_ARGS__)
#define broker_control_async(event, ret_done, ...) control_async(event, ret_done, "RCE_RABBITMQ", __VA_ARGS__)
