/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* How the files of this room work together. A request is either asked for by itself (store_ask()), or put into the queue of
 * its kind and sent in a batch (store_queue_add()). */

#include <sys/queue.h>

#include "pg/pg.h"
#include "store/store-api.h"
#include "store/store-worker.h"

#define SUPERVISION_USEC (30 * USEC_PER_SEC)    /* how long silence is no death; as in the schema */

typedef union StoreCallback {
        StoreDone done;
        StoreSubmitDone submit;
        StoreJobDone job;
        StoreCancelDone cancel;
        StorePurgeDone purge;
        StoreNumberDone number;
        StoreListDone list;
        StoreCountsDone counts;
        StoreWorkersDone workers;
        StoreSweepDone sweep;
        StoreBuryDone bury;
        StoreMaintainDone maintain;
        StoreClaimDone claim;
        StoreFinishDone finish;
        StoreReleaseDone release;
} StoreCallback;

typedef struct StoreQueue StoreQueue;

struct StoreRequest {
        TAILQ_ENTRY(StoreRequest) entry;
        Store *store;
        StoreCallback on;
        void *userdata;
        bool forgotten;                  /* nobody waits for the answer any more */

        void (*answer)(StoreRequest *r, int error, const PgResult *result);    /* when asked by itself */
        size_t limit;                    /* what the one who asked wanted at most, if that matters */
        bool *pending;                   /* to become false when there is an answer, also if it is forgotten; or NULL */

        /* in a queue */
        uint64_t n_bytes;
        size_t batch_max;                /* it must not be in a larger one: one of its batches was refused */
        size_t n_coming;                 /* how many of its kind are about to follow */
};

typedef TAILQ_HEAD(StoreRequests, StoreRequest) StoreRequests;

typedef struct StoreBatch {
        StoreQueue *queue;
        StoreRequest **requests;
        size_t n;
} StoreBatch;

/* A kind of request that is batched. */
typedef struct StoreKindOps {
        PgStatement statement;
        size_t batch_max;
        void (*encode)(const StoreBatch *b, PgParameters *p);
        void (*decode)(StoreBatch *b, const PgResult *result);         /* answers each with store_batch_take() */
        void (*fail)(StoreRequest *r, int error);                      /* only calls back */
        void (*free)(StoreRequest *r);
} StoreKindOps;

extern const StoreKindOps store_submit_ops, store_claim_ops, store_finish_ops, store_release_ops, store_disown_ops;

struct StoreQueue {
        Store *store;
        const StoreKindOps *ops;
        StoreRequests waiting;
        uint64_t n_bytes;
        StoreBatch *in_flight;
        size_t n_coming;                 /* behind those that wait, as the last of them said, */
        usec_t gather_usec;              /* and until when they wait for some of these */
        uint64_t n_requests, n_refused_full, n_failures, n_batches, largest_batch, n_waiting;
};

#define LIST_STATEMENTS 80

struct Store {
        sd_event *event;
        StoreRole role;
        JobId incarnation;
        char *host, *name, *version;
        size_t queue_max;
        uint64_t queue_bytes;
        unsigned attempts_max;
        usec_t keep_usec;
        void (*on_state)(bool connected, const char *why, void *userdata);
        void *userdata;

        /* Statements are executed in their order on a connection, so those that may take long have their own. Workers
         * have none of these, and one connection. */
        struct StoreLink {
                Store *store;
                PgConnection *pg;
                bool connected;
        } writes, reads;
        usec_t connected_usec;           /* since when, on the first one */
        bool connected;                  /* as told */
        char *why;

        StoreQueue queues[_STORE_KIND_MAX];
        sd_event_source *kick, *gather;
        bool closing;

        bool heartbeat_pending;
        bool sweep_pending;
        bool sweep_in_doubt;             /* nobody heard what the last one adopted */
        uint64_t finished[_JOB_VERDICT_MAX];
        char *refusal;
        PgStatement list_statements[LIST_STATEMENTS];  /* made when first used */
};

/* --- requests asked for by themselves */

/* Takes the parameters. On success the answer function is called once, and frees nothing. */
int store_ask(Store *s, bool read, const PgStatement *statement, PgParameters *parameters,
              void (*answer)(StoreRequest *r, int error, const PgResult *result), StoreCallback callback,
              void *userdata, StoreRequest **ret);

/* --- batches */

/* Takes the request on success. */
int store_queue_add(Store *s, StoreKind kind, StoreRequest *r, StoreRequest **ret);

/* The i-th request of the batch, which is the caller's to answer and free, or NULL if that was done or there is none. */
StoreRequest *store_batch_take(StoreBatch *b, size_t i);

/* Puts a request that was taken from a batch back at the end of its queue. */
void store_queue_again(StoreQueue *q, StoreRequest *r);

/* What an error of the pg room is to our callers. Keeps what the database said. */
int store_error(Store *s, int error, const PgResult *result);

/* Whether those we have not heard of since we are connected had the time to be heard. */
bool store_believes_silence(const Store *s);

/* A column of a batch, as an array: add is done for each request r, of the given type. */
#define BATCH_COLUMN(p, batch, array_type, Type, r, add)                                                               \
        do {                                                                                                           \
                pg_begin_array((p), (array_type), (batch)->n);                                                         \
                for (size_t _i = 0; _i < (batch)->n; _i++) {                                                           \
                        const Type *r = (const Type *) (batch)->requests[_i];                                          \
                        add;                                                                                           \
                }                                                                                                      \
                pg_end_array(p);                                                                                       \
        } while (0)

/* --- rows */

/* What to select from rce.jobs j, and without its larger values. store_job_read() understands both. */
#define STORE_JOB_HEAD                                                                                                 \
        "j.id, j.client, j.state, j.attempt, j.worker, j.language, j.priority, j.spec, j.tags, j.source_key, "         \
        "j.source_bytes, j.cancel_requested_at IS NOT NULL, j.created_at, j.claimed_at, j.finished_at, j.verdict, "    \
        "j.exit_code, j.signal, j.wall_usec, j.cpu_usec, j.memory_peak_bytes, j.memory_peak_is_rss, j.reason, "        \
        "j.diagnostics, j.stdout_key, j.stdout_bytes, j.stdout_truncated, j.stderr_key, j.stderr_bytes, "              \
        "j.stderr_truncated"
#define STORE_JOB_COLUMNS STORE_JOB_HEAD ", j.stdin, j.stdout, j.stderr"
#define STORE_JOB_COLUMNS_SMALL STORE_JOB_HEAD ", NULL::bytea, NULL::bytea, NULL::bytea"

/* The columns of the row from this one on. -EBADMSG: the database holds what no job can be. */
int store_job_read(const PgResult *result, size_t row, unsigned column, StoreJob *ret);
