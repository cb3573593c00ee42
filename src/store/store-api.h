/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What an API does with jobs. Where a client is given, only its own jobs are there; NULL is anybody's. */

#include "store/store.h"

/* --- one job ------------------------------------------------------------------------------------------------------- */

#define STORE_REQUEST_HASH_SIZE 32

typedef struct StoreSubmission {
        JobId id;
        const char *client;
        const JobSpec *spec;
        const char *key;                 /* Idempotency-Key, or NULL */
        uint8_t request_hash[STORE_REQUEST_HASH_SIZE];         /* of all that makes two requests the same */
        size_t n_coming;                 /* so many more follow soon: it may wait a moment for some of them */
} StoreSubmission;

/* id is the job that is there now: the given one, or with the same key and hash that of an earlier submission (again).
 * -EEXIST: the key was used for another request. All is copied. store_heartbeat() must have been called before. */
typedef void (*StoreSubmitDone)(int error, const JobId *id, bool again, void *userdata);
int store_submit(Store *s, const StoreSubmission *submission, StoreSubmitDone callback, void *userdata,
                 StoreRequest **ret);

/* -ENOENT: there is none. The job is valid during the call; what is taken out of it is the taker's. */
typedef void (*StoreJobDone)(int error, StoreJob *job, void *userdata);
int store_get(Store *s, const JobId *id, const char *client, StoreJobDone callback, void *userdata, StoreRequest **ret);

typedef enum StoreOutcome {
        STORE_DONE,                      /* cancelled at once, as it was queued; purged */
        STORE_REQUESTED,                 /* it is running: its worker has to be told */
        STORE_TOO_LATE,                  /* cancel: it is finished already */
        STORE_TOO_EARLY,                 /* purge: it is not finished yet */
        STORE_UNKNOWN,
} StoreOutcome;

/* A job that was cancelled before is STORE_DONE too. */
typedef void (*StoreCancelDone)(int error, StoreOutcome outcome, void *userdata);
int store_cancel(Store *s, const JobId *id, const char *client, StoreCancelDone callback, void *userdata,
                 StoreRequest **ret);

/* Forgets a finished job. The blobs of its output, if it has any, are the caller's to remove. */
typedef void (*StorePurgeDone)(int error, StoreOutcome outcome, const char *out_key, const char *err_key, void *userdata);
int store_purge(Store *s, const JobId *id, const char *client, StorePurgeDone callback, void *userdata,
                StoreRequest **ret);

/* How many queued jobs go before one, of its language: those of higher priority and the earlier ones of its own. Counts
 * to STORE_POSITION_MAX and no further. */
#define STORE_POSITION_MAX 10000
typedef void (*StoreNumberDone)(int error, uint64_t n, void *userdata);
int store_position(Store *s, const JobId *id, const char *language, JobPriority priority, StoreNumberDone callback,
                   void *userdata, StoreRequest **ret);

/* --- many jobs ----------------------------------------------------------------------------------------------------- */

#define STORE_LIST_MAX 1000

typedef struct StoreFilter {
        const char *client, *language;   /* NULL: any */
        const char *tag;                 /* NAME=VALUE, or NULL */
        int state;                       /* a JobState, or -1 */
        const JobId *before;             /* the last one of the page before, or NULL */
        size_t limit;                    /* 1 to STORE_LIST_MAX */
} StoreFilter;

#define STORE_FILTER_ALL ((StoreFilter){ .state = -1, .limit = 100 })

/* The newest first. more: there is at least one job after these. */
typedef void (*StoreListDone)(int error, StoreJob *jobs, size_t n, bool more, void *userdata);
int store_list(Store *s, const StoreFilter *filter, StoreListDone callback, void *userdata, StoreRequest **ret);

/* Unfinished jobs only; finished ones are counted by those who finish them, see StoreWorker. */
typedef struct StoreCount {
        const char *language;
        JobPriority priority;
        JobState state;
        uint64_t n;
        usec_t oldest_usec;              /* when the oldest of them was created */
        usec_t waiting_usec;             /* since when the one waits whose message was left to a publisher first */
} StoreCount;

typedef void (*StoreCountsDone)(int error, const StoreCount *counts, size_t n, void *userdata);
int store_counts(Store *s, StoreCountsDone callback, void *userdata, StoreRequest **ret);

typedef struct StoreWorker {
        JobId incarnation;
        const char *host, *name, *version;
        char **languages;
        unsigned slots, running;
        uint64_t finished[_JOB_VERDICT_MAX];   /* by this incarnation */
        usec_t started_usec, seen_usec;
        bool alive;                      /* was seen within the last 30 s */
} StoreWorker;

typedef void (*StoreWorkersDone)(int error, const StoreWorker *workers, size_t n, void *userdata);
int store_workers(Store *s, StoreWorkersDone callback, void *userdata, StoreRequest **ret);

/* --- that none is lost --------------------------------------------------------------------------------------------- */

/* To be called every few seconds, at once at the start. -ESTALE: another incarnation took this one's place, for good.
 * -EBUSY at once: the one before is still on its way. */
int store_heartbeat(Store *s, StoreDone callback, void *userdata, StoreRequest **ret);

/* A job whose message has to be published (again). */
typedef struct StoreOrphan {
        JobId id;
        const char *language;
        JobPriority priority;
        char source_key[JOB_SOURCE_KEY_SIZE + 1];
        uint64_t source_bytes;
} StoreOrphan;

/* Adopts up to max jobs that nobody sees to. With as many as max, there may be more. Where several sweep at once, one gets
 * them. -EBUSY at once: the one before is still on its way. */
typedef void (*StoreSweepDone)(int error, const StoreOrphan *orphans, size_t n, void *userdata);
int store_sweep(Store *s, size_t max, StoreSweepDone callback, void *userdata, StoreRequest **ret);

/* Gives up the publishing of a queued job, so that the next sweep of anybody finds it. */
int store_disown(Store *s, const JobId *id, StoreDone callback, void *userdata, StoreRequest **ret);

/* The same for all queued jobs of that kind which their publishers have had for so long. For when their messages are not
 * where they should be; n is how many there are. */
int store_disown_old(Store *s, const char *language, JobPriority priority, usec_t age_usec, StoreNumberDone callback,
                     void *userdata, StoreRequest **ret);

/* Finishes a job whose message the broker has given up, as internal_error for that reason. finished: it was; else its end
 * is known already, or a worker has it that is alive. */
typedef void (*StoreBuryDone)(int error, bool finished, void *userdata);
int store_bury(Store *s, const JobId *id, const char *reason, StoreBuryDone callback, void *userdata, StoreRequest **ret);

/* Makes the coming days' partitions and drops those older than KeepJobs=. To be called every hour or so. oldest_usec: no job
 * is kept that was submitted before; USEC_INFINITY: not known, as another process was at it. */
typedef void (*StoreMaintainDone)(int error, uint64_t n_dropped, usec_t oldest_usec, void *userdata);
int store_maintain(Store *s, StoreMaintainDone callback, void *userdata, StoreRequest **ret);
