/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* A fresh database with the schema, stores on it, and each verb as a call that waits for its answer. */

#include "store/store-api.h"
#include "store/store-worker.h"
#include "tests/integration/server.h"

#define STORE_DATABASE "store"

typedef struct Fixture {
        sd_event *event;
        JobIdMaker ids;
        Store *stores[8];                /* all that were opened; freed at the end */
        size_t n_stores;
} Fixture;

int fixture_setup(void **state);
int fixture_teardown(void **state);
#define with_database(test) cmocka_unit_test_setup_teardown(test, fixture_setup, fixture_teardown)

/* With its first heartbeat made. The worker of a name is on host "here". */
Store *fixture_api(Fixture *f, const char *name);
Store *fixture_worker(Fixture *f, const char *name);
Store *fixture_store(Fixture *f, const StoreParams *params);
void fixture_close(Fixture *f, Store **s);

/* What the last call was answered. */
typedef struct Answer {
        Fixture *fixture;
        size_t n;                        /* how many answers there were */
        int error;
        bool flag;                       /* again, committed, released, buried, more */
        StoreOutcome outcome;
        StoreClaim claim;
        uint64_t number;
        usec_t usec;
        JobId id;
        StoreJob job;                    /* the taker's */
        JobId ids[STORE_LIST_MAX];
        size_t n_ids;
} Answer;

void answer_done(Answer *a);

JobId new_id(Fixture *f);

/* A spec that needs no release. */
JobSpec plain_spec(void);

/* Submits a plain job of that client and language; it must succeed. */
JobId submit(Fixture *f, Store *s, const char *client);

/* Each resets the answer, makes the call, and waits. */
void ask_submit(Answer *a, Store *s, const StoreSubmission *submission);
void ask_get(Answer *a, Store *s, const JobId *id, const char *client);
void ask_cancel(Answer *a, Store *s, const JobId *id, const char *client);
void ask_purge(Answer *a, Store *s, const JobId *id, const char *client);
void ask_position(Answer *a, Store *s, const JobId *id, const char *language, JobPriority priority);
void ask_list(Answer *a, Store *s, const StoreFilter *filter);
void ask_sweep(Answer *a, Store *s, size_t max);
void ask_disown(Answer *a, Store *s, const JobId *id);
void ask_disown_old(Answer *a, Store *s, const char *language, JobPriority priority, usec_t age_usec);
void ask_bury(Answer *a, Store *s, const JobId *id);
void ask_maintain(Answer *a, Store *s);
void ask_claim(Answer *a, Store *s, const JobId *id);
void ask_finish(Answer *a, Store *s, const StoreFinish *finish);
void ask_release(Answer *a, Store *s, const JobId *id, unsigned attempt);
void ask_heartbeat(Answer *a, Store *s);
void ask_worker_heartbeat(Answer *a, Store *s);
void ask_leave(Answer *a, Store *s);

/* Finishes it with that verdict; true when committed. */
bool finish(Answer *a, Store *s, const JobId *id, unsigned attempt, JobVerdict verdict);

/* Runs SQL in the database as the superuser, with %s in it replaced by the id. */
void run_for(const JobId *id, const char *format);
int64_t number_for(const JobId *id, const char *format);
