/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What a worker does with jobs. */

#include "store/store.h"

typedef enum StoreClaim {
        STORE_CLAIM_TAKEN,               /* this worker has it now, as job->attempt */
        STORE_CLAIM_BUSY,                /* it is running at a worker that is alive */
        STORE_CLAIM_GONE,                /* finished, cancelled, unknown */
        STORE_CLAIM_EXHAUSTED,           /* it had all of its attempts; this call finished it as internal_error */
} StoreClaim;

/* For the job of a message. A job that this process is running must not be claimed again. Of job, id, client and spec are
 * set, created_usec and attempt; it is NULL unless taken. store_worker_heartbeat() must have been called before. */
typedef void (*StoreClaimDone)(int error, StoreClaim claim, StoreJob *job, void *userdata);
int store_claim(Store *s, const JobId *id, StoreClaimDone callback, void *userdata, StoreRequest **ret);

typedef struct StoreFinish {
        JobId id;
        unsigned attempt;
        const JobResult *result;         /* with the verdict cancelled, the job becomes cancelled */
        StoreOutput out, err;            /* with a key, the bytes in the result are not stored */
        const char *diagnostics;         /* the linter's, as JSON; or NULL */
} StoreFinish;

/* committed: the result is the job's now. Else it is superseded: another attempt has taken over, and this result is to be
 * thrown away. All is copied. -E2BIG at once: output too long for the row, and no key. */
typedef void (*StoreFinishDone)(int error, bool committed, void *userdata);
int store_finish(Store *s, const StoreFinish *finish, StoreFinishDone callback, void *userdata, StoreRequest **ret);

/* Gives a claimed job back: it is queued again, and this attempt does not count. released: it was ours to give. */
typedef void (*StoreReleaseDone)(int error, bool released, void *userdata);
int store_release(Store *s, const JobId *id, unsigned attempt, StoreReleaseDone callback, void *userdata,
                  StoreRequest **ret);

/* To be called every few seconds, at once at the start. -ESTALE: another incarnation took this one's place, for good.
 * -EBUSY at once: the one before is still on its way. What this incarnation has finished is counted by the store. */
typedef struct StoreHeartbeat {
        char *const *languages;
        unsigned slots, running;
} StoreHeartbeat;

int store_worker_heartbeat(Store *s, const StoreHeartbeat *heartbeat, StoreDone callback, void *userdata,
                           StoreRequest **ret);
