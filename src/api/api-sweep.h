/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What has to be done every now and then so that no job is lost: saying that this process lives, adopting jobs nobody sees
 * to, counting those that wait and looking whether their messages do too, and finishing those whose messages the broker has
 * given up. */

#include "queue/queue.h"

typedef struct Manager Manager;
typedef struct Sweeper Sweeper;

int sweeper_new(Manager *m, Sweeper **ret);
Sweeper *sweeper_free(Sweeper *s);

/* From the queue. */
void sweeper_on_dead(Sweeper *s, const QueueJob *job, const char *reason, uint64_t tag);
