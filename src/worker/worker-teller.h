/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What is told about one job while it is here: that it is running, what it prints, if anybody watches, and that it is over.
 * Nobody may be listening; what has to be known is in the database. */

#include "job/result.h"
#include "queue/queue-worker.h"
#include "worker/worker-watch.h"

typedef struct WorkerTelling WorkerTelling;

typedef struct WorkerTeller {
        Queue *const *queue;             /* where events go; another one after a reload */
        JobId job;
        unsigned attempt;                /* 0: not claimed yet */
        const JobResult *kept;           /* what it has printed so far; NULL: it has not begun */
        WorkerWatch watch;
        WorkerTelling *telling;          /* a chunk on its way */
} WorkerTeller;

/* An event on its way outlives it. */
void worker_teller_done(WorkerTeller *t);

void worker_teller_running(WorkerTeller *t);

/* attempt: 0 for the present one. */
void worker_teller_finished(WorkerTeller *t, unsigned attempt, const JobResult *result);

/* Something was printed, or may arrive again. */
void worker_teller_output(WorkerTeller *t);

/* Somebody lacks what is behind these offsets of that attempt; 0 is any. */
void worker_teller_watch(WorkerTeller *t, unsigned attempt, const uint64_t offsets[static _QUEUE_STREAM_MAX]);
