/* SPDX-License-Identifier: Apache-2.0 */
/* That no job is lost and none is run twice: dead publishers and workers, lost connections, restarts, retention; and what
 * each role may not do. */
#include <stdio.h>

#include "basic/string-util.h"
#include "pg/pg-session.h"
#include "tests/integration/store-fixture.h"

/* --- sweeping ------------------------------------------------------------------------------------------------------ */

static void on_swept(int error, const StoreOrphan *orphans, size_t n, void *userdata)
{
        size_t *counts = userdata;

        assert_int_equal(error, 0);
        counts[0]++;
        counts[1] += n;
}

static void jobs_of_a_replaced_publisher_are_adopted_once(void **state)
{
        Fixture *f = *state;
        Store *dead = fixture_api(f, "dying"), *one = fixture_api(f, "1"), *two = fixture_api(f, "2");
        _cleanup_(answer_done) Answer a = { .fixture = f };
        size_t n[2] = { 0 };

        for (size_t i = 0; i < 100; i++)
                (void) submit(f, dead, "x");
        (void) submit(f, one, "x");
        ask_sweep(&a, one, 1000);
        assert_int_equal(a.n_ids, 0);

        fixture_close(f, &dead);
        (void) fixture_api(f, "dying");
        for (size_t i = 0; i < 10; i++) {
                assert_int_equal(store_sweep(one, 1000, on_swept, n, NULL), 0);
                assert_int_equal(store_sweep(two, 1000, on_swept, n, NULL), 0);
                assert_int_equal(store_sweep(two, 1000, on_swept, n, NULL), -EBUSY);
                loop_until(f->event, n[0] >= 2 * (i + 1));
        }
        assert_int_equal(n[1], 100);
}

static void sweep_is_bounded(void **state)
{
        Fixture *f = *state;
        Store *dead = fixture_api(f, "dying"), *api = fixture_api(f, "1");
        _cleanup_(answer_done) Answer a = { .fixture = f };
        size_t n = 0;

        for (size_t i = 0; i < 25; i++)
                (void) submit(f, dead, "x");
        ask_leave(&a, dead);
        do {
                ask_sweep(&a, api, 10);
                assert_int_equal(a.error, 0);
                n += a.n_ids;
        } while (a.n_ids == 10);
        assert_int_equal(n, 25);
}

static void silence_is_death_but_not_right_after_connecting(void **state)
{
        Fixture *f = *state;
        Store *silent = fixture_api(f, "silent"), *api = fixture_api(f, "1");
        _cleanup_(answer_done) Answer a = { .fixture = f };
        JobId id = submit(f, silent, "x");

        server_run(STORE_DATABASE, "UPDATE rce.apis SET seen_at = now() - interval '31 s' WHERE name = 'silent'");
        ask_sweep(&a, api, 10);
        assert_int_equal(a.n_ids, 0);

        /* As one that has been connected for longer would ask. */
        assert_int_equal(server_number(STORE_DATABASE, "SELECT count(*) FROM rce.adopt(gen_random_uuid(), true, false, 10)"), 1);
        assert_int_equal(number_for(&id, "SELECT count(*) FROM rce.jobs WHERE id = '%s' AND adopted_at IS NOT NULL"), 1);
}

static void jobs_of_a_lost_worker_are_queued_again(void **state)
{
        Fixture *f = *state;
        Store *api = fixture_api(f, "1"), *worker = fixture_worker(f, "1"), *other = fixture_worker(f, "2");
        _cleanup_(answer_done) Answer a = { .fixture = f };
        JobId id = submit(f, api, "x"), running = submit(f, api, "x");

        ask_claim(&a, worker, &id);
        ask_claim(&a, other, &running);
        ask_sweep(&a, api, 10);
        assert_int_equal(a.n_ids, 0);
        ask_leave(&a, worker);
        ask_sweep(&a, api, 10);
        assert_int_equal(a.n_ids, 1);
        assert_int_equal(job_id_compare(&a.ids[0], &id), 0);
        ask_get(&a, api, &id, NULL);
        assert_int_equal(a.job.state, JOB_STATE_QUEUED);

        assert_false(finish(&a, worker, &id, 1, JOB_VERDICT_OK));
        ask_claim(&a, other, &id);
        assert_int_equal(a.claim, STORE_CLAIM_TAKEN);
        assert_int_equal(a.job.attempt, 2);
}

static void jobs_that_wait_too_long_are_disowned(void **state)
{
        Fixture *f = *state;
        Store *api = fixture_api(f, "1"), *worker = fixture_worker(f, "1");
        _cleanup_(answer_done) Answer a = { .fixture = f };
        JobId old = submit(f, api, "x"), running = submit(f, api, "x"), recent = submit(f, api, "x");

        ask_claim(&a, worker, &running);
        run_for(&recent, "UPDATE rce.jobs SET created_at = now() - interval '1 minute' WHERE id <> '%s'");
        ask_disown_old(&a, api, "python", JOB_PRIORITY_LOW, 30 * USEC_PER_SEC);
        assert_int_equal(a.number, 0);
        ask_disown_old(&a, api, "python", JOB_PRIORITY_NORMAL, 30 * USEC_PER_SEC);
        assert_int_equal(a.error, 0);
        assert_int_equal(a.number, 1);

        ask_sweep(&a, api, 10);
        assert_int_equal(a.n_ids, 1);
        assert_int_equal(job_id_compare(&a.ids[0], &old), 0);

        /* Its new publisher has had it for a moment only. */
        ask_disown_old(&a, api, "python", JOB_PRIORITY_NORMAL, 30 * USEC_PER_SEC);
        assert_int_equal(a.number, 0);
}

static void a_job_whose_message_is_dead_is_finished(void **state)
{
        Fixture *f = *state;
        Store *api = fixture_api(f, "1"), *worker = fixture_worker(f, "1");
        _cleanup_(answer_done) Answer a = { .fixture = f };
        JobId waiting = submit(f, api, "x"), running = submit(f, api, "x"), cancelled = submit(f, api, "x"), none = new_id(f);

        ask_bury(&a, api, &waiting);
        assert_int_equal(a.error, 0);
        assert_true(a.flag);
        ask_get(&a, api, &waiting, NULL);
        assert_int_equal(a.job.state, JOB_STATE_FINISHED);
        assert_int_equal(a.job.result.verdict, JOB_VERDICT_INTERNAL_ERROR);
        assert_string_equal(a.job.result.reason, "lost its message");
        ask_bury(&a, api, &waiting);
        assert_false(a.flag);
        ask_claim(&a, worker, &waiting);
        assert_int_equal(a.claim, STORE_CLAIM_GONE);

        /* One that a worker has needs no message. */
        ask_claim(&a, worker, &running);
        ask_bury(&a, api, &running);
        assert_int_equal(a.error, 0);
        assert_false(a.flag);
        ask_claim(&a, worker, &cancelled);
        ask_cancel(&a, api, &cancelled, NULL);
        ask_leave(&a, worker);
        ask_bury(&a, api, &running);
        assert_true(a.flag);
        ask_bury(&a, api, &cancelled);
        assert_true(a.flag);
        ask_get(&a, api, &cancelled, NULL);
        assert_int_equal(a.job.state, JOB_STATE_CANCELLED);

        ask_bury(&a, api, &none);
        assert_int_equal(a.error, 0);
        assert_false(a.flag);
}

static void disowned_job_is_found_by_the_next_sweep(void **state)
{
        Fixture *f = *state;
        Store *api = fixture_api(f, "1"), *other = fixture_api(f, "2");
        _cleanup_(answer_done) Answer a = { .fixture = f };
        JobId id = submit(f, api, "x");

        ask_disown(&a, other, &id);     /* not its own */
        ask_sweep(&a, api, 10);
        assert_int_equal(a.n_ids, 0);
        ask_disown(&a, api, &id);
        assert_int_equal(a.error, 0);
        ask_sweep(&a, other, 10);
        assert_int_equal(a.n_ids, 1);
        ask_sweep(&a, api, 10);
        assert_int_equal(a.n_ids, 0);
}

static void orphans_of_a_sweep_without_answer_are_told_again(void **state)
{
        Fixture *f = *state;
        Store *dead = fixture_api(f, "dying"), *api = fixture_api(f, "1");
        _cleanup_(answer_done) Answer a = { .fixture = f };
        size_t n[2] = { 0 };
        StoreRequest *r;

        for (size_t i = 0; i < 5; i++)
                (void) submit(f, dead, "x");
        (void) submit(f, api, "x");
        ask_leave(&a, dead);

        assert_int_equal(store_sweep(api, 3, on_swept, n, &r), 0);
        store_request_forget(r);
        ask_heartbeat(&a, api);         /* behind it */
        ask_sweep(&a, api, 100);
        assert_int_equal(a.n_ids, 5);
        ask_sweep(&a, api, 100);
        assert_int_equal(a.n_ids, 0);
        assert_int_equal(n[0], 0);
}

static void older_incarnation_cannot_come_back(void **state)
{
        Fixture *f = *state;
        Store *old = fixture_api(f, "1"), *new = fixture_api(f, "1");
        _cleanup_(answer_done) Answer a = { .fixture = f };

        ask_heartbeat(&a, old);
        assert_int_equal(a.error, -ESTALE);
        ask_heartbeat(&a, new);
        assert_int_equal(a.error, 0);
        ask_leave(&a, old);
        ask_heartbeat(&a, new);
        assert_int_equal(server_number(STORE_DATABASE, "SELECT count(*) FROM rce.apis"), 1);
}

/* --- keeping ------------------------------------------------------------------------------------------------------- */

/* Makes the partition of so many days ago and moves a job there. */
static void make_old(const JobId *id, int days)
{
        char sql[1024];

        (void) snprintf(sql, sizeof(sql),
                        "SET TimeZone = 'UTC'; SET ROLE rce_owner; DO $$ DECLARE d date := current_date - %i; BEGIN"
                        " EXECUTE format('CREATE TABLE IF NOT EXISTS rce.%%I PARTITION OF rce.jobs FOR VALUES FROM (%%L) TO (%%L)',"
                        "  'jobs_' || to_char(d, 'YYYYMMDD'), rce.first_id(d::timestamptz), rce.first_id((d + 1)::timestamptz));"
                        " END $$", days);
        server_run(STORE_DATABASE, sql);
        (void) snprintf(sql, sizeof(sql),
                        "UPDATE rce.jobs SET id = (left(rce.first_id(now() - interval '%i days')::text, 13)"
                        " || right(id::text, 23))::uuid WHERE id = '%%s'", days);
        run_for(id, sql);
}

/* When the day so many days ago began. */
static usec_t day_usec(usec_t days)
{
        const usec_t day = 24 * USEC_PER_HOUR;

        return (now_usec(CLOCK_REALTIME) / day - days) * day;
}

static void old_days_are_dropped_when_all_is_finished(void **state)
{
        Fixture *f = *state;
        Store *api = fixture_api(f, "1");
        _cleanup_(answer_done) Answer a = { .fixture = f };
        JobId finished = submit(f, api, "x"), unfinished = submit(f, api, "x"), recent = submit(f, api, "x");

        ask_cancel(&a, api, &finished, NULL);
        ask_cancel(&a, api, &recent, NULL);
        make_old(&finished, 10);
        make_old(&unfinished, 9);
        make_old(&recent, 6);
        assert_int_equal(server_number(STORE_DATABASE, "SELECT count(*) FROM rce.jobs"), 3);

        ask_maintain(&a, api);
        assert_int_equal(a.error, 0);
        assert_int_equal(a.number, 1);
        assert_int_equal(server_number(STORE_DATABASE, "SELECT count(*) FROM rce.jobs"), 2);
        assert_int_equal(a.usec, day_usec(9));

        server_run(STORE_DATABASE, "UPDATE rce.jobs SET state = 'cancelled', verdict = 'cancelled', finished_at = now()"
                                   " WHERE finished_at IS NULL");
        ask_maintain(&a, api);
        assert_int_equal(a.number, 1);
        assert_int_equal(a.usec, day_usec(6));
        ask_maintain(&a, api);
        assert_int_equal(a.number, 0);
        assert_int_equal(server_number(STORE_DATABASE, "SELECT count(*) FROM rce.jobs"), 1);
}

static void coming_days_are_there(void **state)
{
        Fixture *f = *state;
        Store *api = fixture_api(f, "1");
        _cleanup_(answer_done) Answer a = { .fixture = f };
        JobSpec spec = plain_spec();
        static const char count[] = "SELECT count(*) FROM pg_inherits WHERE inhparent = 'rce.jobs'::regclass";

        assert_int_equal(server_number(STORE_DATABASE, count), 9);
        for (int day = -1; day <= 7; day++) {
                JobIdMaker ids = { 0 };
                JobId id;

                assert_int_equal(job_id_make(&ids, now_usec(CLOCK_REALTIME) + (usec_t) day * 24 * USEC_PER_HOUR, &id), 0);
                ask_submit(&a, api, &(StoreSubmission){ .id = id, .client = "", .spec = &spec });
                assert_int_equal(a.error, 0);
        }

        /* After being away for long, connecting makes today's. */
        fixture_close(f, &api);
        server_run(STORE_DATABASE, "DELETE FROM rce.jobs; DO $$ DECLARE p regclass; BEGIN FOR p IN SELECT inhrelid::regclass"
                                   " FROM pg_inherits WHERE inhparent = 'rce.jobs'::regclass LOOP"
                                   " EXECUTE format('DROP TABLE %s', p); END LOOP; END $$");
        assert_int_equal(server_number(STORE_DATABASE, count), 0);
        api = fixture_api(f, "1");
        (void) submit(f, api, "x");
        assert_int_equal(server_number(STORE_DATABASE, count), 9);
}

static void old_keys_are_forgotten(void **state)
{
        Fixture *f = *state;
        Store *api = fixture_api(f, "1");
        _cleanup_(answer_done) Answer a = { .fixture = f };
        JobSpec spec = plain_spec();
        StoreSubmission m = { .id = new_id(f), .client = "c", .spec = &spec, .key = "k" };

        ask_submit(&a, api, &m);
        server_run(STORE_DATABASE, "UPDATE rce.idempotency SET created_at = now() - interval '25 hours'");
        ask_maintain(&a, api);
        m.id = new_id(f);
        ask_submit(&a, api, &m);
        assert_int_equal(a.error, 0);
        assert_false(a.flag);
        assert_int_equal(server_number(STORE_DATABASE, "SELECT count(*) FROM rce.jobs"), 2);
}

/* --- what a role may not do ---------------------------------------------------------------------------------------- */

static void each_role_may_do_its_own_only(void **state)
{
        static const struct {
                const char *user, *sql;
        } rows[] = {
                { "rce-worker", "INSERT INTO rce.jobs (id, client, language, priority, source_key, source_bytes, spec)"
                                " VALUES (gen_random_uuid(), '', '', 1, repeat('0', 64), 0, '{}')" },
                { "rce-worker", "DELETE FROM rce.jobs" },
                { "rce-worker", "TRUNCATE rce.jobs" },
                { "rce-worker", "UPDATE rce.jobs SET spec = '{}'" },
                { "rce-worker", "UPDATE rce.jobs SET client = 'x'" },
                { "rce-worker", "UPDATE rce.jobs SET source_key = repeat('0', 64)" },
                { "rce-worker", "UPDATE rce.jobs SET publisher = NULL" },
                { "rce-worker", "SELECT FROM rce.idempotency" },
                { "rce-worker", "SELECT FROM rce.apis" },
                { "rce-worker", "SELECT rce.maintain('1 day')" },
                { "rce-worker", "SELECT rce.make_partitions()" },
                { "rce-worker", "SELECT rce.adopt(gen_random_uuid(), true, false, 1)" },
                { "rce-worker", "CREATE TABLE rce.mine (n int)" },
                { "rce-worker", "CREATE TABLE public.mine (n int)" },
                { "rce-worker", "DROP TABLE rce.jobs" },
                { "rce-worker", "ALTER TABLE rce.jobs ADD COLUMN x int" },
                { "rce-worker", "SET ROLE rce_owner" },
                { "rce-worker", "SET ROLE rce_api" },
                { "rce-worker", "INSERT INTO rce.schema_version (version, name) VALUES (99, 'x')" },
                { "rce-api", "UPDATE rce.jobs SET worker = gen_random_uuid()" },
                { "rce-api", "UPDATE rce.jobs SET attempt = 1" },
                { "rce-api", "UPDATE rce.jobs SET claimed_at = now()" },
                { "rce-api", "UPDATE rce.jobs SET stdout = 'x'" },
                { "rce-api", "UPDATE rce.jobs SET spec = '{}'" },
                { "rce-api", "UPDATE rce.workers SET seen_at = now()" },
                { "rce-api", "INSERT INTO rce.workers (host, name, incarnation, version, languages, slots, running, finished)"
                             " VALUES ('', '', gen_random_uuid(), '', '{}', 0, 0, '{}')" },
                { "rce-api", "DELETE FROM rce.idempotency" },
                { "rce-api", "TRUNCATE rce.jobs" },
                { "rce-api", "DROP TABLE rce.jobs" },
                { "rce-api", "CREATE TABLE rce.mine (n int)" },
                { "rce-api", "CREATE FUNCTION rce.mine() RETURNS int LANGUAGE sql AS 'SELECT 1'" },
                { "rce-api", "SET ROLE rce_owner" },
                { "rce-api", "SET ROLE rce_worker" },
                { "nobody", "SELECT FROM rce.jobs" },
        };

        server_run("postgres", "DROP ROLE IF EXISTS nobody; CREATE ROLE nobody LOGIN");
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_(pg_session_freep) PgSession *session = NULL;
                _cleanup_(fault_done) Fault fault = { 0 };

                assert_int_equal(pg_session_open(server_conninfo(STORE_DATABASE, rows[i].user), NULL, &session, &fault), 0);
                assert_row(pg_session_run(session, rows[i].sql, NULL, &fault) == -EBADMSG, rows[i].sql);
                if (!strstr(fault.detail, "permission denied") && !strstr(fault.detail, "must be owner"))
                        fail_msg("%s: %s", rows[i].sql, fault.detail);
        }
}

static void on_refused(int error, StoreClaim claim, StoreJob *job, void *userdata)
{
        size_t *n = userdata;

        assert_int_equal(error, -EIO);
        (*n)++;
}

static void api_cannot_claim(void **state)
{
        Fixture *f = *state;
        Store *api = fixture_api(f, "1");
        JobId id = submit(f, api, "x");
        size_t n = 0;

        assert_int_equal(store_claim(api, &id, on_refused, &n, NULL), 0);
        loop_until(f->event, n >= 1);
        assert_non_null(strstr(store_refusal(api), "permission denied"));
        assert_int_equal(number_for(&id, "SELECT count(*) FROM rce.jobs WHERE id = '%s' AND state = 'queued'"), 1);
}

/* --- lost connections ---------------------------------------------------------------------------------------------- */

#define LOAD 2000

typedef struct Load {
        Fixture *fixture;
        Store *api, *worker;
        struct Item {
                struct Load *load;
                JobId id;
                int error;               /* 1: not answered yet */
                unsigned attempt;
                bool committed;
        } items[LOAD];
        size_t n_sent, n_answered, n_accepted, n_refused, n_claimed, n_finished;
} Load;

static void on_load_submitted(int error, const JobId *id, bool again, void *userdata)
{
        struct Item *item = userdata;

        assert_int_equal(item->error, 1);
        assert_int_equal(job_id_compare(id, &item->id), 0);
        assert_false(again);
        item->error = error;
        item->load->n_answered++;
        item->load->n_accepted += error == 0;
        item->load->n_refused += error == -ENOTCONN || error == -EAGAIN;
        assert_true(error == 0 || error == -ENOTCONN || error == -EAGAIN);
}

static void load_submit(Load *l, size_t most)
{
        JobSpec spec = plain_spec();
        char key[32];

        for (; most > 0 && l->n_sent < LOAD; most--) {
                struct Item *item = &l->items[l->n_sent];

                *item = (struct Item){ .load = l, .id = new_id(l->fixture), .error = 1 };
                (void) snprintf(key, sizeof(key), "%zu", l->n_sent);
                assert_int_equal(store_submit(l->api,
                                              &(StoreSubmission){ .id = item->id, .client = "x", .spec = &spec,
                                                                  .key = l->n_sent % 3 == 0 ? key : NULL },
                                              on_load_submitted, item, NULL),
                                 0);
                l->n_sent++;
        }
}

/* Submits 2,000 jobs, 20 more whenever 20 were answered, while the server is restarted in the middle. */
static void submit_through(Load *l, const char *verb)
{
        bool done = false;

        load_submit(l, 100);
        for (size_t next = 20; next <= LOAD; next += 20) {
                loop_until(l->fixture->event, l->n_answered >= next);
                load_submit(l, 20);
                if (next == LOAD / 4)
                        server_control_async(l->fixture->event, &done, verb);
        }
        loop_until(l->fixture->event, done);
        assert_int_equal(l->n_answered, LOAD);
        print_message("%zu accepted, %zu refused\n", l->n_accepted, l->n_refused);
}

/* Every acknowledged one is there, once (the id is the primary key of a day), and no more than were sent. */
static void check_submitted(const Load *l)
{
        int64_t n = server_number(STORE_DATABASE, "SELECT count(*) FROM rce.jobs");

        for (size_t i = 0; i < LOAD; i++)
                if (l->items[i].error == 0)
                        assert_int_equal(number_for(&l->items[i].id, "SELECT count(*) FROM rce.jobs WHERE id = '%s'"), 1);
        assert_in_range(n, l->n_accepted, LOAD);
}

static void every_acknowledged_job_survives_a_restart(void **state)
{
        Fixture *f = *state;
        static Load l;

        l = (Load){ .fixture = f, .api = fixture_api(f, "1") };
        submit_through(&l, "restart");
        assert_int_equal(l.n_accepted, LOAD);
        check_submitted(&l);
        assert_int_equal(server_number(STORE_DATABASE, "SELECT count(*) FROM rce.idempotency"), (LOAD + 2) / 3);
}

static void every_acknowledged_job_survives_a_crash(void **state)
{
        Fixture *f = *state;
        static Load l;
        bool started;

        l = (Load){ .fixture = f, .api = fixture_api(f, "1") };
        load_submit(&l, LOAD / 2);
        loop_until(f->event, l.n_answered >= 1);
        server_control("kill");
        server_control_async(f->event, &started, "start");
        load_submit(&l, LOAD);
        loop_until(f->event, l.n_answered >= LOAD);
        loop_until(f->event, started);
        check_submitted(&l);
        assert_int_equal(l.n_accepted, LOAD);
}

static void on_load_finished(int error, bool committed, void *userdata)
{
        struct Item *item = userdata;

        assert_int_equal(error, 0);
        assert_false(item->committed);
        item->committed = committed;
        item->load->n_finished++;
}

static void on_load_claimed(int error, StoreClaim claim, StoreJob *job, void *userdata)
{
        struct Item *item = userdata;
        JobResult result = { .verdict = JOB_VERDICT_OK };

        assert_int_equal(error, 0);
        assert_int_equal(claim, STORE_CLAIM_TAKEN);
        assert_int_equal(item->attempt, 0);
        item->attempt = job->attempt;
        item->load->n_claimed++;
        assert_int_equal(store_finish(item->load->worker,
                                      &(StoreFinish){ .id = item->id, .attempt = job->attempt, .result = &result },
                                      on_load_finished, item, NULL),
                         0);
}

static void every_claim_and_result_survives_a_restart(void **state)
{
        Fixture *f = *state;
        static Load l;
        bool done;

        l = (Load){ .fixture = f, .api = fixture_api(f, "1"), .worker = fixture_worker(f, "1") };
        load_submit(&l, LOAD);
        loop_until(f->event, l.n_answered >= LOAD);
        for (size_t i = 0; i < LOAD; i++)
                assert_int_equal(store_claim(l.worker, &l.items[i].id, on_load_claimed, &l.items[i], NULL), 0);

        loop_until(f->event, l.n_finished >= LOAD / 10);
        server_control_async(f->event, &done, "restart");
        loop_until(f->event, l.n_finished >= LOAD);
        loop_until(f->event, done);

        for (size_t i = 0; i < LOAD; i++) {
                assert_true(l.items[i].committed);
                assert_int_equal(l.items[i].attempt, 1);
        }
        assert_int_equal(server_number(STORE_DATABASE, "SELECT count(*) FROM rce.jobs WHERE state = 'finished'"
                                                       " AND verdict = 'ok' AND attempt = 1"),
                         LOAD);
}

static void killed_connections_lose_nothing(void **state)
{
        Fixture *f = *state;
        static Load l;
        size_t step = LOAD / 8;

        l = (Load){ .fixture = f, .api = fixture_api(f, "1"), .worker = fixture_worker(f, "1") };
        load_submit(&l, LOAD);
        loop_until(f->event, l.n_answered >= LOAD);
        for (size_t i = 0; i < LOAD; i++)
                assert_int_equal(store_claim(l.worker, &l.items[i].id, on_load_claimed, &l.items[i], NULL), 0);
        for (size_t n = step; n <= LOAD; n += step) {
                loop_until(f->event, l.n_finished >= n);
                server_run(STORE_DATABASE, "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
                                           " WHERE usename = 'rce-worker'");
        }
        assert_int_equal(l.n_finished, LOAD);
        for (size_t i = 0; i < LOAD; i++)
                assert_true(l.items[i].committed);
        assert_int_equal(server_number(STORE_DATABASE, "SELECT count(*) FROM rce.jobs WHERE verdict = 'ok' AND attempt = 1"), LOAD);
}

typedef struct State {
        bool connected, told;
        char why[256];
} State;

static void on_state(bool connected, const char *why, void *userdata)
{
        State *s = userdata;

        s->connected = connected;
        s->told = true;
        (void) snprintf(s->why, sizeof(s->why), "%s", why);
}

static void on_submitted(int error, const JobId *id, bool again, void *userdata)
{
        int *answer = userdata;

        *answer = error;
}

static void database_without_schema_is_said(void **state)
{
        Fixture *f = *state;
        StoreParams p = STORE_PARAMS_DEFAULT;
        JobSpec spec = plain_spec();
        State s = { 0 };
        int answer = 1;

        server_make_database("bare");
        p.conninfo = server_conninfo("bare", "postgres");
        p.host = p.name = p.version = "x";
        p.patience_usec = 300 * USEC_PER_MSEC;
        p.on_state = on_state;
        p.userdata = &s;
        Store *store = fixture_store(f, &p);
        loop_until(f->event, s.told);
        assert_false(s.connected);
        assert_non_null(strstr(s.why, "schema \"rce\" does not exist"));
        assert_false(store_is_connected(store));

        assert_int_equal(store_submit(store, &(StoreSubmission){ .id = new_id(f), .client = "", .spec = &spec }, on_submitted, &answer, NULL), 0);
        loop_for(f->event, USEC_PER_SEC);
        assert_int_equal(answer, -ENOTCONN);

        server_run(STORE_DATABASE, "UPDATE rce.schema_version SET version = 0");
        p.conninfo = server_conninfo(STORE_DATABASE, "rce-api");
        s = (State){ 0 };
        (void) fixture_store(f, &p);
        loop_until(f->event, s.told);
        assert_non_null(strstr(s.why, "rcectl db migrate"));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                with_database(jobs_of_a_replaced_publisher_are_adopted_once),
                with_database(sweep_is_bounded),
                with_database(silence_is_death_but_not_right_after_connecting),
                with_database(jobs_of_a_lost_worker_are_queued_again),
                with_database(jobs_that_wait_too_long_are_disowned),
                with_database(a_job_whose_message_is_dead_is_finished),
                with_database(disowned_job_is_found_by_the_next_sweep),
                with_database(orphans_of_a_sweep_without_answer_are_told_again),
                with_database(older_incarnation_cannot_come_back),
                with_database(old_days_are_dropped_when_all_is_finished),
                with_database(coming_days_are_there),
                with_database(old_keys_are_forgotten),
                with_database(each_role_may_do_its_own_only),
                with_database(api_cannot_claim),
                with_database(every_acknowledged_job_survives_a_restart),
                with_database(every_acknowledged_job_survives_a_crash),
                with_database(every_claim_and_result_survives_a_restart),
                with_database(killed_connections_lose_nothing),
                with_database(database_without_schema_is_said),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
