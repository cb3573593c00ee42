/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/worker-health.h"

void worker_health_failed(WorkerHealth *h, usec_t now_usec)
{
        /* Those that were begun together fail together, which is one failure. */
        if (h->pause_usec > 0 && now_usec < h->until_usec)
                return;

        h->pause_usec = h->pause_usec == 0 ? WORKER_HEALTH_PAUSE_MIN_USEC : MIN(2 * h->pause_usec, WORKER_HEALTH_PAUSE_MAX_USEC);
        h->until_usec = usec_add(now_usec, h->pause_usec);
}

void worker_health_works(WorkerHealth *h)
{
        *h = (WorkerHealth){ 0 };
}

bool worker_health_is_ill(const WorkerHealth *h)
{
        return h->pause_usec > 0;
}

unsigned worker_health_room(const WorkerHealth *h, usec_t now_usec, unsigned slots, unsigned running)
{
        if (h->pause_usec == 0)
                return running < slots ? slots - running : 0;
        return running == 0 && now_usec >= h->until_usec ? 1 : 0;
}
