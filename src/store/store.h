/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Jobs in PostgreSQL. This header has what both sides share; store/store-api.h has the verbs of those who submit, and
 * store/store-worker.h those of who runs. Each side's role in the database may do its own and nothing else.
 *
 * All requests are answered through a callback, once, from the event loop, never during the call; with -ECANCELED when the
 * store is freed. Those that write rows are gathered: while one batch is on its way, what comes up forms the next. Errors
 * that any callback may get:
 *   -ENOTCONN  the database cannot be reached; a change may have been made all the same, and making it again is harmless
 *   -EAGAIN    the database refused for reasons of its own (disk full, shutting down, too slow): later
 *   -EIO       the database refused the request itself; store_refusal() says why
 * and any call may give at once: -ENOBUFS too much of this kind waits already, -ENOMEM. */

#include <systemd/sd-event.h>

#include "job/id.h"
#include "job/result.h"
#include "job/spec.h"

typedef struct Store Store;
typedef struct StoreRequest StoreRequest;

typedef enum StoreRole { STORE_API, STORE_WORKER } StoreRole;

/* Longer output is a blob, and the row has its key. */
#define STORE_INLINE_OUTPUT_MAX 32768

typedef struct StoreParams {
        StoreRole role;
        const char *conninfo;            /* NULL: STORE_CONNINFO_DEFAULT */
        const char *password;            /* or NULL */
        JobId incarnation;               /* this run of this process; made anew at each start */
        const char *host, *name;         /* which process it is; a later incarnation of the same replaces this one */
        const char *version;
        usec_t patience_usec;            /* how long a request waits for a connection; USEC_INFINITY is right for workers */
        size_t queue_max;                /* requests of a kind that wait */
        uint64_t queue_bytes;            /* all of a kind that wait, together */
        unsigned attempts_max;           /* MaxAttempts= */
        usec_t keep_usec;                /* KeepJobs= */
        void (*on_state)(bool connected, const char *why, void *userdata);     /* may be NULL */
        void *userdata;
} StoreParams;

#define STORE_PARAMS_DEFAULT                                                                                           \
        ((StoreParams){                                                                                                \
                .patience_usec = 5 * USEC_PER_SEC,                                                                     \
                .queue_max = 4096,                                                                                     \
                .queue_bytes = UINT64_C(64) << 20,                                                                     \
                .attempts_max = 3,                                                                                     \
                .keep_usec = 7 * 24 * USEC_PER_HOUR,                                                                   \
        })

int store_new(sd_event *event, const StoreParams *p, Store **ret);

/* Not to be called from a callback. */
Store *store_free(Store *s);
DEFINE_CLEANUP(Store *, store_free)

/* Whether requests are being answered now. */
bool store_is_connected(const Store *s);

/* What the database said when it last refused something; "" when it never did. */
const char *store_refusal(const Store *s);

/* The callback will not be called any more; what was asked for may be done all the same. */
void store_request_forget(StoreRequest *r);

typedef void (*StoreDone)(int error, void *userdata);

/* Says that this incarnation is gone, so that others need not find out by its silence. For the end of a program. */
int store_leave(Store *s, StoreDone callback, void *userdata, StoreRequest **ret);

/* --- a job, as the database has it --------------------------------------------------------------------------------- */

typedef struct StoreOutput {
        char *key;                       /* of the blob; NULL: the bytes are in the result */
        uint64_t n_bytes;                /* of all that was kept */
} StoreOutput;

typedef struct StoreJob {
        JobId id;
        char *client;
        JobState state;
        unsigned attempt;                /* 0 until it is claimed */
        JobId worker;                    /* who claimed it last, when attempt > 0 */
        JobSpec spec;                    /* lists leave stdin out, and outputs too */
        bool cancel_requested;
        usec_t created_usec, claimed_usec, finished_usec;      /* USEC_INFINITY: not yet */
        JobResult result;                /* of one that is finished or cancelled */
        StoreOutput out, err;
        char *diagnostics;               /* the linter's, as JSON; or NULL */
} StoreJob;

void store_job_done(StoreJob *job);

/* --- counters ------------------------------------------------------------------------------------------------------ */

typedef enum StoreKind { STORE_SUBMIT, STORE_CLAIM, STORE_FINISH, STORE_RELEASE, STORE_DISOWN, _STORE_KIND_MAX } StoreKind;

const char *store_kind_to_string(StoreKind kind);
int store_kind_from_string(const char *s);

typedef struct StoreCounters {
        struct {
                uint64_t requests, refused_full, failures;
                uint64_t batches, largest_batch;
                uint64_t waiting, in_flight;
        } kinds[_STORE_KIND_MAX];
        uint64_t statements, statement_failures, repeats, connects;
        usec_t busy_usec;                /* from sending to answer, over all statements */
} StoreCounters;

void store_counters(const Store *s, StoreCounters *ret);
