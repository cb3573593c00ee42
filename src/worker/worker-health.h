/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Whether this host can make sandboxes, as far as their fate tells. One that does not come up may be the job's own fault, so
 * the next may still be tried; but a host that cannot make any must not run through the whole queue and fail it. After a
 * failure no job is taken for a while, then one, to see; each failure doubles the while, one success ends it. Pure. */

#include "basic/time-util.h"

#define WORKER_HEALTH_PAUSE_MIN_USEC (1 * USEC_PER_SEC)
#define WORKER_HEALTH_PAUSE_MAX_USEC (30 * USEC_PER_SEC)

/* Zero-initialise: all is well. */
typedef struct WorkerHealth {
        usec_t pause_usec;               /* 0: well */
        usec_t until_usec;
} WorkerHealth;

void worker_health_failed(WorkerHealth *h, usec_t now_usec);
void worker_health_works(WorkerHealth *h);

bool worker_health_is_ill(const WorkerHealth *h);

/* How many jobs may be taken when there are so many slots, of which so many are in use. */
unsigned worker_health_room(const WorkerHealth *h, usec_t now_usec, unsigned slots, unsigned running);
