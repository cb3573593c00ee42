/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The life of one job at this worker, from its message's arrival until the message is answered. worker-step.h has the
 * states; here is who is asked for what in each:
 *
 *     CLAIMING   store: the row               STORING     blobs: output longer than the row takes
 *     FETCHING   blobs: the source            FINISHING   store: the result
 *     LINTING    the linter's thread          RELEASING   store: the row queued again
 *     RUNNING    a sandbox                    ACKING, REQUEUING   queue
 *
 * Whoever asks for the job's output is told of it meanwhile. The message is never acknowledged before its job is settled
 * in the database: whatever dies here, somebody gets the job again. */

#include "blob/blob.h"
#include "queue/queue-worker.h"
#include "sandbox/sandbox.h"
#include "shared/config.h"
#include "store/store-worker.h"
#include "worker/lint-thread.h"
#include "worker/worker-step.h"

typedef struct WorkerJob WorkerJob;

/* What all jobs share. The manager's, who may put in another queue, other languages and another configuration any time. */
typedef struct WorkerContext {
        sd_event *event;
        Store *store;
        Queue *queue;
        BlobStore *blobs;
        SandboxHost *host;
        LintThread *lint;
        WorkerLanguages *languages;
        const Config *config;
        const char *name;                /* of this worker, for the journal */
        usec_t retry_usec;               /* between two tries of the same */

        uint64_t n_finished, n_returned;

        void (*on_sandbox)(bool works, const char *why, void *userdata);        /* one came up, or this host could not make it */
        bool (*may_claim)(void *userdata);              /* whether there is a slot for a job that has waited */
        void (*on_change)(WorkerJob *j, void *userdata);        /* its state is another */
        void (*on_ended)(WorkerJob *j, void *userdata);         /* the last of all; frees it */
        void *userdata;
} WorkerContext;

/* Copies the message. Nothing is asked of anybody before worker_job_begin(). */
int worker_job_new(WorkerContext *context, const QueueJob *message, uint64_t tag, bool redelivered, WorkerJob **ret);
void worker_job_begin(WorkerJob *j);

/* Forgets all that is under way. The sandbox, if there is one, ends by itself. */
WorkerJob *worker_job_free(WorkerJob *j);
DEFINE_CLEANUP(WorkerJob *, worker_job_free)

const JobId *worker_job_id(const WorkerJob *j);
WorkerState worker_job_state(const WorkerJob *j);
const Queue *worker_job_queue(const WorkerJob *j);

/* Its message has come again, and this is the one to answer now. */
void worker_job_redelivered(WorkerJob *j, uint64_t tag);

void worker_job_cancel(WorkerJob *j);

/* Gives it back unless its program has begun. */
void worker_job_drain(WorkerJob *j);

/* Gives it back unless its result is known. */
void worker_job_give_back(WorkerJob *j);

/* Somebody lacks what is behind these offsets of that attempt's output; 0 is any attempt. */
void worker_job_watch(WorkerJob *j, unsigned attempt, const uint64_t offsets[static _QUEUE_STREAM_MAX]);

/* Who watches may have missed something, and says so when told that it is running. */
void worker_job_tell_state(WorkerJob *j);
