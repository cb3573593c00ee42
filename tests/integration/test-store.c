/* SPDX-License-Identifier: Apache-2.0 */
/* The store's verbs, each on its own, against a real database and as the roles that will use them. */
#include <stdio.h>

#include "basic/string-util.h"
#include "tests/integration/store-fixture.h"

/* --- what goes in comes out ---------------------------------------------------------------------------------------- */

static void whole_job_comes_back(void **state)
{
        Fixture *f = *state;
        Store *api = fixture_api(f, "api"), *worker = fixture_worker(f, "1");
        _cleanup_(answer_done) Answer a = { .fixture = f };
        char *arguments[] = { (char *) "-x", (char *) "ü", NULL }, *environment[] = { (char *) "A=b=c", NULL };
        char *tags[] = { (char *) "course=c 1", (char *) "n=", NULL };
        JobSpec spec = plain_spec();

        spec.lint = (char *) "strict";
        spec.arguments = arguments;
        spec.environment = environment;
        spec.tags = tags;
        spec.limits.wall_usec = 2 * USEC_PER_SEC;
        spec.priority = JOB_PRIORITY_HIGH;
        spec.stdin_data = (char *) "1\0\xff\n";
        spec.stdin_size = 4;
        JobId id = new_id(f);

        usec_t before = now_usec(CLOCK_REALTIME);
        ask_submit(&a, api, &(StoreSubmission){ .id = id, .client = "alice", .spec = &spec });
        assert_int_equal(a.error, 0);
        assert_int_equal(job_id_compare(&a.id, &id), 0);

        ask_get(&a, api, &id, NULL);
        assert_int_equal(a.error, 0);
        assert_string_equal(a.job.client, "alice");
        assert_int_equal(a.job.state, JOB_STATE_QUEUED);
        assert_int_equal(a.job.attempt, 0);
        assert_in_range(a.job.created_usec, before - USEC_PER_SEC, now_usec(CLOCK_REALTIME) + USEC_PER_SEC);
        assert_int_equal(a.job.claimed_usec, USEC_INFINITY);
        assert_int_equal(a.job.finished_usec, USEC_INFINITY);
        assert_false(a.job.cancel_requested);
        assert_null(a.job.result.reason);

        ask_claim(&a, worker, &id);
        assert_int_equal(a.claim, STORE_CLAIM_TAKEN);
        assert_int_equal(a.job.attempt, 1);
        assert_string_equal(a.job.spec.language, "python");
        assert_string_equal(a.job.spec.lint, "strict");
        assert_string_equal(a.job.spec.arguments[1], "ü");
        assert_string_equal(a.job.spec.environment[0], "A=b=c");
        assert_int_equal(strv_length(a.job.spec.tags), 2);
        assert_true(strv_contains(a.job.spec.tags, "course=c 1"));
        assert_int_equal(a.job.spec.limits.wall_usec, 2 * USEC_PER_SEC);
        assert_int_equal(a.job.spec.limits.memory_bytes, 0);
        assert_int_equal(a.job.spec.priority, JOB_PRIORITY_HIGH);
        assert_int_equal(a.job.spec.stdin_size, 4);
        assert_memory_equal(a.job.spec.stdin_data, "1\0\xff\n", 4);
        assert_string_equal(a.job.spec.source_key, spec.source_key);
        assert_int_equal(a.job.spec.source_bytes, 12);

        ask_get(&a, api, &id, "alice");
        assert_int_equal(a.job.state, JOB_STATE_RUNNING);
        assert_true(a.job.claimed_usec >= a.job.created_usec);

        _cleanup_(job_result_done) JobResult result = {
                .verdict = JOB_VERDICT_SIGNALLED, .exit_code = -1, .signal = 11, .wall_usec = 1234567, .cpu_usec = 1000,
                .memory_peak_bytes = UINT64_C(5) << 30, .memory_peak_is_rss = true,
        };
        assert_int_equal(buffer_append(&result.out.bytes, "a\0\xff", 3), 0);
        assert_int_equal(free_and_strdup(&result.reason, "bad \xff byte"), 0);
        result.out.truncated = true;
        ask_finish(&a, worker,
                   &(StoreFinish){ .id = id, .attempt = 1, .result = &result,
                                   .err = { (char *) "err-blob", UINT64_C(1) << 33 },
                                   .diagnostics = "[{\"line\":1}]" });
        assert_int_equal(a.error, 0);
        assert_true(a.flag);

        ask_get(&a, api, &id, NULL);
        assert_int_equal(a.job.state, JOB_STATE_FINISHED);
        assert_true(a.job.finished_usec >= a.job.claimed_usec);
        assert_int_equal(a.job.result.verdict, JOB_VERDICT_SIGNALLED);
        assert_int_equal(a.job.result.exit_code, -1);
        assert_int_equal(a.job.result.signal, 11);
        assert_int_equal(a.job.result.wall_usec, 1234567);
        assert_int_equal(a.job.result.cpu_usec, 1000);
        assert_int_equal(a.job.result.memory_peak_bytes, UINT64_C(5) << 30);
        assert_true(a.job.result.memory_peak_is_rss);
        assert_int_equal(a.job.result.out.bytes.size, 3);
        assert_memory_equal(a.job.result.out.bytes.data, "a\0\xff", 3);
        assert_true(a.job.result.out.truncated);
        assert_null(a.job.out.key);
        assert_int_equal(a.job.out.n_bytes, 3);
        assert_string_equal(a.job.err.key, "err-blob");
        assert_int_equal(a.job.err.n_bytes, UINT64_C(1) << 33);
        assert_int_equal(a.job.result.err.bytes.size, 0);
        assert_string_equal(a.job.result.reason, "bad \\xff byte");
        assert_string_equal(a.job.diagnostics, "[{\"line\": 1}]");
}

static void others_jobs_are_not_there(void **state)
{
        Fixture *f = *state;
        Store *api = fixture_api(f, "api");
        _cleanup_(answer_done) Answer a = { .fixture = f };
        JobId id = submit(f, api, "alice"), unknown = new_id(f);

        ask_get(&a, api, &id, "bob");
        assert_int_equal(a.error, -ENOENT);
        ask_get(&a, api, &unknown, NULL);
        assert_int_equal(a.error, -ENOENT);
        ask_cancel(&a, api, &id, "bob");
        assert_int_equal(a.outcome, STORE_UNKNOWN);
        ask_get(&a, api, &id, "alice");
        assert_int_equal(a.error, 0);
        assert_int_equal(a.job.state, JOB_STATE_QUEUED);
}

static void on_one(int error, const JobId *id, bool again, void *userdata)
{
        size_t *n = userdata;

        n[error == 0 ? 0 : error == -EIO ? 1 : 2]++;
        n[3]++;
}

static void bad_row_spoils_no_other(void **state)
{
        Fixture *f = *state;
        Store *api = fixture_api(f, "api");
        JobSpec spec = plain_spec(), bad = plain_spec();
        size_t n[4] = { 0 };

        bad.source_bytes = UINT64_MAX;  /* -1 to the database, which has a CHECK */
        for (size_t i = 0; i < 500; i++)
                assert_int_equal(store_submit(api,
                                              &(StoreSubmission){ .id = new_id(f), .client = "x",
                                                                  .spec = i == 7 || i == 300 ? &bad : &spec },
                                              on_one, n, NULL),
                                 0);
        loop_until(f->event, n[3] >= 500);
        assert_int_equal(n[0], 498);
        assert_int_equal(n[1], 2);
        assert_string_equal(store_refusal(api) + strlen(store_refusal(api)) - strlen("_source_bytes_check\""),
                            "_source_bytes_check\"");
        assert_int_equal(server_number(STORE_DATABASE, "SELECT count(*) FROM rce.jobs"), 498);
}

static void full_queue_is_said_at_once(void **state)
{
        Fixture *f = *state;
        StoreParams p = STORE_PARAMS_DEFAULT;
        JobSpec spec = plain_spec();
        static char large[600 * 1024];
        size_t n[4] = { 0 };

        p.conninfo = server_conninfo(STORE_DATABASE, "rce-api");
        p.incarnation = new_id(f);
        p.host = p.name = p.version = "x";
        p.queue_max = 10;
        p.queue_bytes = 1024 * 1024;
        Store *api = fixture_store(f, &p);

        for (size_t i = 0; i < 10; i++)
                assert_int_equal(store_submit(api, &(StoreSubmission){ .id = new_id(f), .client = "", .spec = &spec }, on_one, n, NULL), 0);
        assert_int_equal(store_submit(api, &(StoreSubmission){ .id = new_id(f), .client = "", .spec = &spec }, on_one, n, NULL), -ENOBUFS);
        loop_until(f->event, n[3] >= 10);

        spec.stdin_data = large;
        spec.stdin_size = sizeof(large);
        assert_int_equal(store_submit(api, &(StoreSubmission){ .id = new_id(f), .client = "", .spec = &spec }, on_one, n, NULL), 0);
        assert_int_equal(store_submit(api, &(StoreSubmission){ .id = new_id(f), .client = "", .spec = &spec }, on_one, n, NULL), -ENOBUFS);
        loop_until(f->event, n[3] >= 11);
        assert_int_equal(n[0], 11);

        StoreCounters counters;
        store_counters(api, &counters);
        assert_int_equal(counters.kinds[STORE_SUBMIT].requests, 11);
        assert_int_equal(counters.kinds[STORE_SUBMIT].refused_full, 2);
        assert_int_equal(counters.kinds[STORE_SUBMIT].batches, 2);
        assert_int_equal(counters.kinds[STORE_SUBMIT].largest_batch, 10);
        assert_int_equal(counters.kinds[STORE_SUBMIT].waiting, 0);
        assert_int_equal(counters.connects, 2);
}

static void submit_expecting(Fixture *f, Store *api, size_t n_coming, size_t *n)
{
        JobSpec spec = plain_spec();
        const StoreSubmission submission = { .id = new_id(f), .client = "", .spec = &spec, .n_coming = n_coming };

        assert_int_equal(store_submit(api, &submission, on_one, n, NULL), 0);
}

static void submission_waits_a_moment_for_those_that_are_coming(void **state)
{
        Fixture *f = *state;
        Store *api = fixture_api(f, "api");
        size_t n[4] = { 0 };
        StoreCounters counters;
        usec_t begin = now_usec(CLOCK_MONOTONIC);

        /* They do not come. */
        submit_expecting(f, api, 1000, n);
        loop_until(f->event, n[3] >= 1);
        assert_true(now_usec(CLOCK_MONOTONIC) - begin >= 50 * USEC_PER_MSEC);

        /* They do, and nobody is behind them. */
        submit_expecting(f, api, 1000, n);
        submit_expecting(f, api, 0, n);
        loop_until(f->event, n[3] >= 3);
        assert_int_equal(n[0], 3);
        store_counters(api, &counters);
        assert_int_equal(counters.kinds[STORE_SUBMIT].batches, 2);
        assert_int_equal(counters.kinds[STORE_SUBMIT].largest_batch, 2);
}

static void forgotten_request_calls_nobody(void **state)
{
        Fixture *f = *state;
        Store *api = fixture_api(f, "api");
        JobSpec spec = plain_spec();
        size_t n[4] = { 0 };
        StoreRequest *r;

        assert_int_equal(store_submit(api, &(StoreSubmission){ .id = new_id(f), .client = "", .spec = &spec }, on_one, n, &r), 0);
        store_request_forget(r);
        assert_int_equal(store_submit(api, &(StoreSubmission){ .id = new_id(f), .client = "", .spec = &spec }, on_one, n, NULL), 0);
        loop_until(f->event, n[3] >= 1);
        assert_int_equal(n[3], 1);
        assert_int_equal(server_number(STORE_DATABASE, "SELECT count(*) FROM rce.jobs"), 2);
}

static void free_answers_all_that_waits(void **state)
{
        Fixture *f = *state;
        Store *api = fixture_api(f, "api");
        JobSpec spec = plain_spec();
        size_t n[4] = { 0 };

        for (size_t i = 0; i < 2500; i++)
                assert_int_equal(store_submit(api, &(StoreSubmission){ .id = new_id(f), .client = "", .spec = &spec }, on_one, n, NULL), 0);
        loop_until(f->event, n[3] >= 1);
        size_t answered = n[0];
        fixture_close(f, &api);
        assert_int_equal(n[3], 2500);
        assert_int_equal(n[2], 2500 - answered);
}

/* --- idempotency --------------------------------------------------------------------------------------------------- */

static void same_key_makes_one_job(void **state)
{
        Fixture *f = *state;
        Store *api = fixture_api(f, "api"), *other = fixture_api(f, "other");
        _cleanup_(answer_done) Answer a = { .fixture = f };
        JobSpec spec = plain_spec();
        JobId first = new_id(f);
        StoreSubmission m = { .id = first, .client = "alice", .spec = &spec, .key = "k", .request_hash = { 1 } };

        ask_submit(&a, api, &m);
        assert_int_equal(a.error, 0);
        assert_false(a.flag);

        m.id = new_id(f);
        ask_submit(&a, other, &m);
        assert_int_equal(a.error, 0);
        assert_true(a.flag);
        assert_int_equal(job_id_compare(&a.id, &first), 0);

        /* The same submission again, as after a lost connection. */
        m.id = first;
        ask_submit(&a, api, &m);
        assert_int_equal(a.error, 0);
        assert_false(a.flag);

        m.id = new_id(f);
        m.request_hash[0] = 2;
        ask_submit(&a, api, &m);
        assert_int_equal(a.error, -EEXIST);
        assert_int_equal(job_id_compare(&a.id, &first), 0);

        m.client = "bob";
        ask_submit(&a, api, &m);
        assert_int_equal(a.error, 0);
        assert_false(a.flag);
        assert_int_equal(server_number(STORE_DATABASE, "SELECT count(*) FROM rce.jobs"), 2);
}

typedef struct Race {
        size_t n, n_new, n_again;
        JobId winner;
        bool one_winner;
} Race;

static void on_race(int error, const JobId *id, bool again, void *userdata)
{
        Race *race = userdata;

        assert_int_equal(error, 0);
        race->one_winner = race->n == 0 || (race->one_winner && job_id_compare(&race->winner, id) == 0);
        race->winner = *id;
        race->n_new += !again;
        race->n_again += again;
        race->n++;
}

static void same_key_at_once_makes_one_job(void **state)
{
        Fixture *f = *state;
        Store *stores[] = { fixture_api(f, "a"), fixture_api(f, "b") };
        JobSpec spec = plain_spec();
        Race races[50] = { 0 };
        char key[16];

        for (size_t k = 0; k < 20; k++)
                for (size_t i = 0; i < ELEMENTSOF(races); i++) {
                        /* In opposite orders, which would be deadlocks if the keys were taken as they come. */
                        size_t r = k % 2 == 0 ? i : ELEMENTSOF(races) - 1 - i;

                        (void) snprintf(key, sizeof(key), "key %zu", r);
                        assert_int_equal(store_submit(stores[k % 2],
                                                      &(StoreSubmission){ .id = new_id(f), .client = "c", .spec = &spec,
                                                                          .key = key },
                                                      on_race, &races[r], NULL),
                                         0);
                }
        for (size_t i = 0; i < ELEMENTSOF(races); i++) {
                loop_until(f->event, races[i].n >= 20);
                assert_int_equal(races[i].n_new, 1);
                assert_int_equal(races[i].n_again, 19);
                assert_true(races[i].one_winner);
        }
        assert_int_equal(server_number(STORE_DATABASE, "SELECT count(*) FROM rce.jobs"), ELEMENTSOF(races));
}

/* --- claims -------------------------------------------------------------------------------------------------------- */

static void claim_is_for_one(void **state)
{
        Fixture *f = *state;
        Store *api = fixture_api(f, "api"), *one = fixture_worker(f, "1"), *two = fixture_worker(f, "2");
        _cleanup_(answer_done) Answer a = { .fixture = f };
        JobId id = submit(f, api, "x"), unknown = new_id(f);

        ask_claim(&a, one, &id);
        assert_int_equal(a.claim, STORE_CLAIM_TAKEN);
        ask_claim(&a, two, &id);
        assert_int_equal(a.claim, STORE_CLAIM_BUSY);
        ask_claim(&a, two, &unknown);
        assert_int_equal(a.claim, STORE_CLAIM_GONE);
        assert_true(finish(&a, one, &id, 1, JOB_VERDICT_OK));
        ask_claim(&a, two, &id);
        assert_int_equal(a.claim, STORE_CLAIM_GONE);
}

typedef struct Claimer {
        size_t *n_answers;
        size_t n_taken, n_busy, n_other;
} Claimer;

static void on_claimed(int error, StoreClaim claim, StoreJob *job, void *userdata)
{
        Claimer *c = userdata;

        assert_int_equal(error, 0);
        (*c->n_answers)++;
        c->n_taken += claim == STORE_CLAIM_TAKEN;
        c->n_busy += claim == STORE_CLAIM_BUSY;
        c->n_other += claim != STORE_CLAIM_TAKEN && claim != STORE_CLAIM_BUSY;
}

#define MANY 5000

static void of_three_workers_one_gets_each_of_5000(void **state)
{
        Fixture *f = *state;
        Store *apis[] = { fixture_api(f, "a"), fixture_api(f, "b") };
        Store *workers[] = { fixture_worker(f, "1"), fixture_worker(f, "2"), fixture_worker(f, "3") };
        JobSpec spec = plain_spec();
        size_t n[4] = { 0 }, n_claims = 0;
        static JobId ids[MANY];
        Claimer claimers[3];

        for (size_t i = 0; i < MANY; i++) {
                ids[i] = new_id(f);
                assert_int_equal(store_submit(apis[i % 2], &(StoreSubmission){ .id = ids[i], .client = "", .spec = &spec }, on_one, n, NULL), 0);
        }
        loop_until(f->event, n[3] >= MANY);
        assert_int_equal(n[0], MANY);

        for (size_t w = 0; w < 3; w++)
                claimers[w] = (Claimer){ .n_answers = &n_claims };
        for (size_t i = 0; i < MANY; i++)
                for (size_t w = 0; w < 3; w++)
                        assert_int_equal(store_claim(workers[w], &ids[(i + w * 100) % MANY], on_claimed, &claimers[w], NULL), 0);
        loop_until(f->event, n_claims >= MANY * 3);

        assert_int_equal(claimers[0].n_taken + claimers[1].n_taken + claimers[2].n_taken, MANY);
        assert_int_equal(claimers[0].n_busy + claimers[1].n_busy + claimers[2].n_busy, MANY * 2);
        assert_int_equal(server_number(STORE_DATABASE, "SELECT count(*) FROM rce.jobs WHERE attempt = 1 AND state = 'running'"), MANY);
}

/* That they are cheap: no index is touched where the page has room for the new row. */
static void claims_leave_the_indexes_alone(void **state)
{
        Fixture *f = *state;
        Store *api = fixture_api(f, "api"), *worker = fixture_worker(f, "1");
        _cleanup_(answer_done) Answer a = { .fixture = f };

        for (size_t i = 0; i < 20; i++) {
                JobId id = submit(f, api, "x");

                ask_claim(&a, worker, &id);
                assert_int_equal(a.claim, STORE_CLAIM_TAKEN);
        }
        fixture_close(f, &worker);      /* counts are told at the end of a session at the latest */
        while (server_number(STORE_DATABASE, "SELECT sum(n_tup_upd) FROM pg_stat_user_tables WHERE relname LIKE 'jobs_2%'") < 20)
                loop_for(f->event, 10 * USEC_PER_MSEC);
        assert_int_equal(server_number(STORE_DATABASE, "SELECT sum(n_tup_hot_upd) FROM pg_stat_user_tables WHERE relname LIKE 'jobs_2%'"), 20);
}

static void same_job_twice_in_a_batch_is_taken_once(void **state)
{
        Fixture *f = *state;
        Store *api = fixture_api(f, "api"), *worker = fixture_worker(f, "1");
        JobId id = submit(f, api, "x");
        size_t n = 0;
        Claimer c = { .n_answers = &n };

        assert_int_equal(store_claim(worker, &id, on_claimed, &c, NULL), 0);
        assert_int_equal(store_claim(worker, &id, on_claimed, &c, NULL), 0);
        loop_until(f->event, n >= 2);
        assert_int_equal(c.n_taken, 1);
        assert_int_equal(c.n_busy, 1);
}

static void claim_may_be_repeated_by_its_own_incarnation(void **state)
{
        Fixture *f = *state;
        Store *api = fixture_api(f, "api"), *worker = fixture_worker(f, "1");
        _cleanup_(answer_done) Answer a = { .fixture = f };
        JobId id = submit(f, api, "x");

        for (size_t i = 0; i < 5; i++) {
                ask_claim(&a, worker, &id);
                assert_int_equal(a.claim, STORE_CLAIM_TAKEN);
                assert_int_equal(a.job.attempt, 1);
        }
}

static void replaced_worker_loses_its_jobs_at_once(void **state)
{
        Fixture *f = *state;
        Store *api = fixture_api(f, "api"), *old = fixture_worker(f, "1"), *other = fixture_worker(f, "2");
        _cleanup_(answer_done) Answer a = { .fixture = f };
        JobId id = submit(f, api, "x");

        ask_claim(&a, old, &id);
        ask_claim(&a, other, &id);
        assert_int_equal(a.claim, STORE_CLAIM_BUSY);

        Store *new = fixture_worker(f, "1");
        ask_worker_heartbeat(&a, old);
        assert_int_equal(a.error, -ESTALE);
        ask_claim(&a, other, &id);
        assert_int_equal(a.claim, STORE_CLAIM_TAKEN);
        assert_int_equal(a.job.attempt, 2);

        /* The one that was given up on comes too late. */
        assert_false(finish(&a, old, &id, 1, JOB_VERDICT_OK));
        assert_false(finish(&a, old, &id, 2, JOB_VERDICT_OK));
        assert_true(finish(&a, other, &id, 2, JOB_VERDICT_RUNTIME_ERROR));
        assert_false(finish(&a, old, &id, 1, JOB_VERDICT_OK));
        ask_get(&a, api, &id, NULL);
        assert_int_equal(a.job.result.verdict, JOB_VERDICT_RUNTIME_ERROR);
        ask_worker_heartbeat(&a, new);
        assert_int_equal(a.error, 0);
}

static void finish_may_be_repeated(void **state)
{
        Fixture *f = *state;
        Store *api = fixture_api(f, "api"), *worker = fixture_worker(f, "1");
        _cleanup_(answer_done) Answer a = { .fixture = f };
        JobId id = submit(f, api, "x");

        ask_claim(&a, worker, &id);
        for (size_t i = 0; i < 3; i++)
                assert_true(finish(&a, worker, &id, 1, JOB_VERDICT_OK));
        assert_false(finish(&a, worker, &id, 2, JOB_VERDICT_OK));
}

static void attempts_come_to_an_end(void **state)
{
        Fixture *f = *state;
        Store *api = fixture_api(f, "api");
        _cleanup_(answer_done) Answer a = { .fixture = f };
        JobId id = submit(f, api, "x");

        for (unsigned attempt = 1; attempt <= 3; attempt++) {
                Store *worker = fixture_worker(f, "1");

                ask_claim(&a, worker, &id);
                assert_int_equal(a.claim, STORE_CLAIM_TAKEN);
                assert_int_equal(a.job.attempt, attempt);
                fixture_close(f, &worker);
        }
        Store *worker = fixture_worker(f, "1");
        ask_claim(&a, worker, &id);
        assert_int_equal(a.claim, STORE_CLAIM_EXHAUSTED);
        ask_get(&a, api, &id, NULL);
        assert_int_equal(a.job.state, JOB_STATE_FINISHED);
        assert_int_equal(a.job.result.verdict, JOB_VERDICT_INTERNAL_ERROR);
        assert_string_equal(a.job.result.reason, "Each of its 3 attempts ended with the loss of the worker");
        assert_int_equal(a.job.attempt, 3);
        ask_claim(&a, worker, &id);
        assert_int_equal(a.claim, STORE_CLAIM_GONE);
}

static void released_attempt_does_not_count(void **state)
{
        Fixture *f = *state;
        Store *api = fixture_api(f, "api"), *one = fixture_worker(f, "1"), *two = fixture_worker(f, "2");
        _cleanup_(answer_done) Answer a = { .fixture = f };
        JobId id = submit(f, api, "x");

        for (unsigned attempt = 1; attempt <= 10; attempt++) {
                ask_claim(&a, one, &id);
                assert_int_equal(a.claim, STORE_CLAIM_TAKEN);
                assert_int_equal(a.job.attempt, attempt);
                ask_release(&a, two, &id, attempt);
                assert_false(a.flag);
                ask_release(&a, one, &id, attempt + 1);
                assert_false(a.flag);
                ask_release(&a, one, &id, attempt);
                assert_true(a.flag);
                ask_release(&a, one, &id, attempt);
                assert_false(a.flag);
                /* It is nobody's now. */
                assert_false(finish(&a, one, &id, attempt, JOB_VERDICT_OK));
        }
        ask_claim(&a, two, &id);
        assert_int_equal(a.claim, STORE_CLAIM_TAKEN);
        assert_int_equal(a.job.attempt, 11);
}

static void result_too_long_for_the_row_needs_a_blob(void **state)
{
        Fixture *f = *state;
        Store *api = fixture_api(f, "api"), *worker = fixture_worker(f, "1");
        _cleanup_(answer_done) Answer a = { .fixture = f };
        JobId id = submit(f, api, "x");
        _cleanup_(job_result_done) JobResult result = { .verdict = JOB_VERDICT_OK };
        static const char large[STORE_INLINE_OUTPUT_MAX + 1];
        StoreFinish m = { .id = id, .attempt = 1, .result = &result };

        ask_claim(&a, worker, &id);
        assert_int_equal(buffer_append(&result.out.bytes, large, sizeof(large)), 0);
        assert_int_equal(store_finish(worker, &m, NULL, NULL, NULL), -E2BIG);
        m.out = (StoreOutput){ (char *) "out-blob", sizeof(large) };
        ask_finish(&a, worker, &m);
        assert_true(a.flag);

        ask_purge(&a, api, &id, "nobody");
        assert_int_equal(a.outcome, STORE_UNKNOWN);
        ask_purge(&a, api, &id, "x");
        assert_int_equal(a.outcome, STORE_DONE);
        assert_true(a.flag);
        ask_purge(&a, api, &id, "x");
        assert_int_equal(a.outcome, STORE_UNKNOWN);
}

/* --- cancelling ---------------------------------------------------------------------------------------------------- */

static void queued_job_is_cancelled_at_once(void **state)
{
        Fixture *f = *state;
        Store *api = fixture_api(f, "api"), *worker = fixture_worker(f, "1");
        _cleanup_(answer_done) Answer a = { .fixture = f };
        JobId id = submit(f, api, "x");

        ask_purge(&a, api, &id, NULL);
        assert_int_equal(a.outcome, STORE_TOO_EARLY);
        for (size_t i = 0; i < 2; i++) {
                ask_cancel(&a, api, &id, "x");
                assert_int_equal(a.outcome, STORE_DONE);
        }
        ask_claim(&a, worker, &id);
        assert_int_equal(a.claim, STORE_CLAIM_GONE);
        ask_get(&a, api, &id, NULL);
        assert_int_equal(a.job.state, JOB_STATE_CANCELLED);
        assert_int_equal(a.job.result.verdict, JOB_VERDICT_CANCELLED);
}

static void running_job_is_asked_to_end(void **state)
{
        Fixture *f = *state;
        Store *api = fixture_api(f, "api"), *worker = fixture_worker(f, "1");
        _cleanup_(answer_done) Answer a = { .fixture = f };
        JobId id = submit(f, api, "x"), faster = submit(f, api, "x");

        ask_claim(&a, worker, &id);
        ask_claim(&a, worker, &faster);
        ask_cancel(&a, api, &id, NULL);
        assert_int_equal(a.outcome, STORE_REQUESTED);
        ask_cancel(&a, api, &faster, NULL);
        assert_int_equal(a.outcome, STORE_REQUESTED);
        ask_get(&a, api, &id, NULL);
        assert_int_equal(a.job.state, JOB_STATE_RUNNING);
        assert_true(a.job.cancel_requested);

        assert_true(finish(&a, worker, &id, 1, JOB_VERDICT_CANCELLED));
        ask_get(&a, api, &id, NULL);
        assert_int_equal(a.job.state, JOB_STATE_CANCELLED);

        /* It ended before the worker heard of it. */
        assert_true(finish(&a, worker, &faster, 1, JOB_VERDICT_OK));
        ask_cancel(&a, api, &faster, NULL);
        assert_int_equal(a.outcome, STORE_TOO_LATE);
        ask_get(&a, api, &faster, NULL);
        assert_int_equal(a.job.state, JOB_STATE_FINISHED);
}

static void cancelled_job_of_a_lost_worker_does_not_run_again(void **state)
{
        Fixture *f = *state;
        Store *api = fixture_api(f, "api"), *lost = fixture_worker(f, "1"), *other = fixture_worker(f, "2");
        _cleanup_(answer_done) Answer a = { .fixture = f };
        JobId id = submit(f, api, "x");

        ask_claim(&a, lost, &id);
        ask_cancel(&a, api, &id, NULL);
        assert_int_equal(a.outcome, STORE_REQUESTED);
        (void) fixture_worker(f, "1");
        ask_claim(&a, other, &id);
        assert_int_equal(a.claim, STORE_CLAIM_GONE);
        ask_get(&a, api, &id, NULL);
        assert_int_equal(a.job.state, JOB_STATE_CANCELLED);
}

static void on_cancelled(int error, StoreOutcome outcome, void *userdata)
{
        size_t *n = userdata;

        assert_int_equal(error, 0);
        n[outcome]++;
        n[5]++;
}

static void race_of_cancel_and_claim_has_one_winner(void **state)
{
        Fixture *f = *state;
        Store *api = fixture_api(f, "api"), *worker = fixture_worker(f, "1");
        static JobId ids[500];
        size_t n_claims = 0, n[6] = { 0 };
        Claimer c = { .n_answers = &n_claims };

        for (size_t i = 0; i < ELEMENTSOF(ids); i++)
                ids[i] = submit(f, api, "x");
        for (size_t i = 0; i < ELEMENTSOF(ids); i++) {
                assert_int_equal(store_claim(worker, &ids[i], on_claimed, &c, NULL), 0);
                assert_int_equal(store_cancel(api, &ids[i], NULL, on_cancelled, n, NULL), 0);
        }
        loop_until(f->event, n_claims >= ELEMENTSOF(ids));
        loop_until(f->event, n[5] >= ELEMENTSOF(ids));

        /* Cancelled at once and claimed exclude each other. */
        assert_int_equal(n[STORE_DONE] + n[STORE_REQUESTED], ELEMENTSOF(ids));
        assert_int_equal(server_number(STORE_DATABASE, "SELECT count(*) FROM rce.jobs WHERE state = 'cancelled' AND attempt = 0"),
                         ELEMENTSOF(ids) - c.n_taken);
        assert_int_equal(server_number(STORE_DATABASE, "SELECT count(*) FROM rce.jobs WHERE state = 'running'"
                                                       " AND cancel_requested_at IS NOT NULL"),
                         c.n_taken);
}

/* --- lists and numbers --------------------------------------------------------------------------------------------- */

static void pages_stay_as_they_are_under_inserts(void **state)
{
        Fixture *f = *state;
        Store *api = fixture_api(f, "api");
        _cleanup_(answer_done) Answer a = { .fixture = f };
        StoreFilter filter = STORE_FILTER_ALL;
        static JobId ids[95];
        JobId last;
        size_t seen = 0;

        for (size_t i = 0; i < ELEMENTSOF(ids); i++)
                ids[i] = submit(f, api, i % 5 == 0 ? "bob" : "alice");
        filter.limit = 10;
        do {
                ask_list(&a, api, &filter);
                assert_int_equal(a.error, 0);
                for (size_t i = 0; i < a.n_ids; i++, seen++)
                        assert_int_equal(job_id_compare(&a.ids[i], &ids[ELEMENTSOF(ids) - 1 - seen]), 0);
                last = a.ids[a.n_ids - 1];
                filter.before = &last;
                assert_int_equal(a.n_ids, seen == 95 ? 5 : 10);
                (void) submit(f, api, "alice");
        } while (a.flag || seen < 95);
        assert_int_equal(seen, 95);

        filter = STORE_FILTER_ALL;
        filter.client = "bob";
        ask_list(&a, api, &filter);
        assert_int_equal(a.n_ids, 19);
        assert_false(a.flag);
        filter.client = "nobody";
        ask_list(&a, api, &filter);
        assert_int_equal(a.n_ids, 0);
}

static size_t list_length(Answer *a, Store *api, const char *client, const char *language, const char *tag, int state)
{
        StoreFilter filter = STORE_FILTER_ALL;

        filter.client = client;
        filter.language = language;
        filter.tag = tag;
        filter.state = state;
        ask_list(a, api, &filter);
        if (a->error < 0)
                fail_msg("%s", store_refusal(api));
        return a->n_ids;
}

static void lists_are_filtered(void **state)
{
        Fixture *f = *state;
        Store *api = fixture_api(f, "api"), *worker = fixture_worker(f, "1");
        _cleanup_(answer_done) Answer a = { .fixture = f };
        char *tags[] = { (char *) "course=\"x\"", (char *) "week=1", NULL };
        JobSpec spec = plain_spec(), other = plain_spec();
        JobId ids[6];

        spec.tags = tags;
        other.language = (char *) "datascience";
        for (size_t i = 0; i < 6; i++) {
                ids[i] = new_id(f);
                ask_submit(&a, api, &(StoreSubmission){ .id = ids[i], .client = i < 4 ? "alice" : "bob", .spec = i % 2 ? &spec : &other });
                assert_int_equal(a.error, 0);
        }
        ask_claim(&a, worker, &ids[0]);
        ask_claim(&a, worker, &ids[1]);
        assert_true(finish(&a, worker, &ids[1], 1, JOB_VERDICT_OK));
        ask_cancel(&a, api, &ids[2], NULL);

        assert_int_equal(list_length(&a, api, NULL, NULL, NULL, -1), 6);
        assert_int_equal(list_length(&a, api, "alice", NULL, NULL, -1), 4);
        assert_int_equal(list_length(&a, api, NULL, "python", NULL, -1), 3);
        assert_int_equal(list_length(&a, api, NULL, NULL, "course=\"x\"", -1), 3);
        assert_int_equal(list_length(&a, api, NULL, NULL, "course=y", -1), 0);
        assert_int_equal(list_length(&a, api, NULL, NULL, NULL, JOB_STATE_QUEUED), 3);
        assert_int_equal(list_length(&a, api, NULL, NULL, NULL, JOB_STATE_RUNNING), 1);
        assert_int_equal(list_length(&a, api, NULL, NULL, NULL, JOB_STATE_FINISHED), 1);
        assert_int_equal(list_length(&a, api, NULL, NULL, NULL, JOB_STATE_CANCELLED), 1);
        assert_int_equal(list_length(&a, api, "bob", "python", "week=1", JOB_STATE_QUEUED), 1);
        assert_int_equal(job_id_compare(&a.ids[0], &ids[5]), 0);

        /* Each combination is a statement of its own. */
        for (unsigned i = 0; i < 80; i++) {
                StoreFilter filter = { .limit = 3, .state = (int) (i / 16) - 1 };

                filter.client = i & 1 ? "alice" : NULL;
                filter.language = i & 2 ? "python" : NULL;
                filter.tag = i & 4 ? "week=1" : NULL;
                filter.before = i & 8 ? &ids[5] : NULL;
                ask_list(&a, api, &filter);
                if (a.error < 0)
                        fail_msg("%u: %s", i, store_refusal(api));
        }
        assert_int_equal(store_list(api, &(StoreFilter){ .limit = 0, .state = -1 }, NULL, NULL, NULL), -EINVAL);
        assert_int_equal(store_list(api, &(StoreFilter){ .limit = 1001, .state = -1 }, NULL, NULL, NULL), -EINVAL);
}

static void position_counts_who_goes_before(void **state)
{
        Fixture *f = *state;
        Store *api = fixture_api(f, "api"), *worker = fixture_worker(f, "1");
        _cleanup_(answer_done) Answer a = { .fixture = f };
        JobSpec spec = plain_spec();
        JobId ids[12];

        for (size_t i = 0; i < 12; i++) {
                ids[i] = new_id(f);
                spec.priority = (JobPriority) (i % 3);
                ask_submit(&a, api, &(StoreSubmission){ .id = ids[i], .client = "", .spec = &spec });
        }
        ask_position(&a, api, &ids[2], "python", JOB_PRIORITY_HIGH);
        assert_int_equal(a.number, 0);
        ask_position(&a, api, &ids[11], "python", JOB_PRIORITY_HIGH);
        assert_int_equal(a.number, 3);
        ask_position(&a, api, &ids[4], "python", JOB_PRIORITY_NORMAL);
        assert_int_equal(a.number, 5);
        ask_position(&a, api, &ids[9], "python", JOB_PRIORITY_LOW);
        assert_int_equal(a.number, 11);
        ask_claim(&a, worker, &ids[2]);
        ask_position(&a, api, &ids[11], "python", JOB_PRIORITY_HIGH);
        assert_int_equal(a.number, 2);
        ask_position(&a, api, &ids[9], "other", JOB_PRIORITY_LOW);
        assert_int_equal(a.number, 0);
}

static void on_counts(int error, const StoreCount *counts, size_t n, void *userdata)
{
        Answer *a = userdata;

        assert_int_equal(error, 0);
        assert_int_equal(n, 2);
        assert_string_equal(counts[0].language, "python");
        assert_int_equal(counts[0].priority, JOB_PRIORITY_NORMAL);
        assert_int_equal(counts[0].state, JOB_STATE_QUEUED);
        assert_int_equal(counts[0].n, 2);
        assert_in_range(counts[0].oldest_usec, now_usec(CLOCK_REALTIME) - USEC_PER_MINUTE, now_usec(CLOCK_REALTIME) + USEC_PER_SEC);
        assert_int_equal(counts[1].state, JOB_STATE_RUNNING);
        assert_int_equal(counts[1].n, 1);
        a->n++;
}

static void on_workers(int error, const StoreWorker *workers, size_t n, void *userdata)
{
        Answer *a = userdata;

        assert_int_equal(error, 0);
        assert_int_equal(n, 2);
        assert_string_equal(workers[0].host, "here");
        assert_string_equal(workers[0].name, "1");
        assert_string_equal(workers[0].version, "0");
        assert_int_equal(workers[0].slots, 4);
        assert_int_equal(workers[0].running, 1);
        assert_int_equal(strv_length(workers[0].languages), 2);
        assert_string_equal(workers[0].languages[1], "datascience");
        assert_int_equal(workers[0].finished[JOB_VERDICT_OK], 1);
        assert_int_equal(workers[0].finished[JOB_VERDICT_TIME_LIMIT], 1);
        assert_int_equal(workers[0].finished[JOB_VERDICT_SIGNALLED], 0);
        assert_true(workers[0].alive);
        assert_string_equal(workers[1].name, "2");
        assert_false(workers[1].alive);
        a->n++;
}

static void numbers_are_told(void **state)
{
        Fixture *f = *state;
        Store *api = fixture_api(f, "api"), *worker = fixture_worker(f, "1");
        _cleanup_(answer_done) Answer a = { .fixture = f };
        JobId ids[5];

        (void) fixture_worker(f, "2");
        server_run(STORE_DATABASE, "UPDATE rce.workers SET seen_at = now() - interval '31 s' WHERE name = '2'");
        for (size_t i = 0; i < 5; i++)
                ids[i] = submit(f, api, "");
        for (size_t i = 0; i < 3; i++)
                ask_claim(&a, worker, &ids[i]);
        assert_true(finish(&a, worker, &ids[0], 1, JOB_VERDICT_OK));
        assert_true(finish(&a, worker, &ids[1], 1, JOB_VERDICT_TIME_LIMIT));

        a.n = 0;
        assert_int_equal(store_counts(api, on_counts, &a, NULL), 0);
        loop_until(f->event, a.n >= 1);
        ask_worker_heartbeat(&a, worker);
        a.n = 0;
        assert_int_equal(store_workers(api, on_workers, &a, NULL), 0);
        loop_until(f->event, a.n >= 1);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                with_database(whole_job_comes_back),
                with_database(others_jobs_are_not_there),
                with_database(bad_row_spoils_no_other),
                with_database(full_queue_is_said_at_once),
                with_database(submission_waits_a_moment_for_those_that_are_coming),
                with_database(forgotten_request_calls_nobody),
                with_database(free_answers_all_that_waits),
                with_database(same_key_makes_one_job),
                with_database(same_key_at_once_makes_one_job),
                with_database(claim_is_for_one),
                with_database(of_three_workers_one_gets_each_of_5000),
                with_database(claims_leave_the_indexes_alone),
                with_database(same_job_twice_in_a_batch_is_taken_once),
                with_database(claim_may_be_repeated_by_its_own_incarnation),
                with_database(replaced_worker_loses_its_jobs_at_once),
                with_database(finish_may_be_repeated),
                with_database(attempts_come_to_an_end),
                with_database(released_attempt_does_not_count),
                with_database(result_too_long_for_the_row_needs_a_blob),
                with_database(queued_job_is_cancelled_at_once),
                with_database(running_job_is_asked_to_end),
                with_database(cancelled_job_of_a_lost_worker_does_not_run_again),
                with_database(race_of_cancel_and_claim_has_one_winner),
                with_database(pages_stay_as_they_are_under_inserts),
                with_database(lists_are_filtered),
                with_database(position_counts_who_goes_before),
                with_database(numbers_are_told),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
