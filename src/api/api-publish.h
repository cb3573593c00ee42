/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Sees to it that the message of every job that was stored here reaches the broker: what is refused or lost is published
 * again, until it is confirmed. Should this process die first, another adopts its jobs. */

#include "job/id.h"
#include "job/spec.h"

typedef struct Manager Manager;
typedef struct Publisher Publisher;

int publisher_new(Manager *m, Publisher **ret);
Publisher *publisher_free(Publisher *p);

/* source may be NULL, and is left out when it cannot ride along. */
void publisher_publish(Publisher *p, const JobId *id, const char *language, JobPriority priority, const char *source,
                       size_t source_size);

/* The broker is there again. */
void publisher_retry(Publisher *p);

/* Jobs whose message is not confirmed. */
size_t publisher_waiting(const Publisher *p);
