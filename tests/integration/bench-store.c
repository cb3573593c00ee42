/* SPDX-License-Identifier: Apache-2.0 */
/* Submissions per second with so many in flight, beside what the same cluster does with one commit per row: pgbench
 * inserts the same rows into the same table. Prints a table with the ratio. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "basic/fd-util.h"
#include "tests/integration/store-fixture.h"

#define MEASURE_USEC (5 * USEC_PER_SEC)
#define SAMPLES_MAX 2000000

/* What a submission is to the database. */
static const char insert_sql[] =
        "INSERT INTO rce.jobs (id, client, language, priority, source_key, source_bytes, spec, publisher) VALUES ("
        "(left(rce.first_id(clock_timestamp())::text, 13) || '-7' || substr(gen_random_uuid()::text, 16))::uuid,"
        " 'bench', 'python', 1, repeat('0', 64), 12, '{}', gen_random_uuid());\n";

typedef struct Bench {
        Fixture *fixture;
        Store *api;
        usec_t until_usec;
        size_t n_sent, n_done, n_failed;
        uint32_t *latencies;
} Bench;

typedef struct Client {
        Bench *bench;
        usec_t sent_usec;
} Client;

static void on_done(int error, const JobId *id, bool again, void *userdata);

static void submit_one(Client *c)
{
        JobSpec spec = plain_spec();
        Bench *b = c->bench;

        c->sent_usec = now_usec(CLOCK_MONOTONIC);
        b->n_sent++;
        assert_int_equal(store_submit(b->api,
                                      &(StoreSubmission){ .id = new_id(b->fixture), .client = "bench", .spec = &spec },
                                      on_done, c, NULL),
                         0);
}

static void on_done(int error, const JobId *id, bool again, void *userdata)
{
        Client *c = userdata;
        Bench *b = c->bench;
        usec_t now = now_usec(CLOCK_MONOTONIC);

        if (b->n_done < SAMPLES_MAX)
                b->latencies[b->n_done] = (uint32_t) (now - c->sent_usec);
        b->n_done++;
        b->n_failed += error < 0;
        if (now < b->until_usec)
                submit_one(c);
}

static int compare(const void *a, const void *b)
{
        uint32_t x = *(const uint32_t *) a, y = *(const uint32_t *) b;

        return x < y ? -1 : x > y;
}

static double measure_store(Fixture *f, Store *api, size_t n_clients, double *ret_p50_msec, double *ret_p99_msec)
{
        Bench b = { .fixture = f, .api = api, .latencies = test_calloc(SAMPLES_MAX, sizeof(uint32_t)) };
        Client *clients = test_calloc(n_clients, sizeof(Client));
        usec_t begin = now_usec(CLOCK_MONOTONIC);

        b.until_usec = begin + MEASURE_USEC;
        for (size_t i = 0; i < n_clients; i++) {
                clients[i].bench = &b;
                submit_one(&clients[i]);
        }
        while (b.n_done < b.n_sent)
                loop_until(f->event, b.n_done >= b.n_sent);
        double seconds = (double) (now_usec(CLOCK_MONOTONIC) - begin) / (double) USEC_PER_SEC;
        assert_int_equal(b.n_failed, 0);

        size_t n = MIN(b.n_done, (size_t) SAMPLES_MAX);
        qsort(b.latencies, n, sizeof(uint32_t), compare);
        *ret_p50_msec = b.latencies[n / 2] / 1000.0;
        *ret_p99_msec = b.latencies[n * 99 / 100] / 1000.0;
        test_free(b.latencies);
        test_free(clients);
        return (double) b.n_done / seconds;
}

/* Transactions per second, with so many connections. */
static double measure_pgbench(size_t n_clients)
{
        char script[] = "/tmp/rce-bench.XXXXXX", command[512], line[256];
        double tps = 0;
        int fd = mkstemp(script);

        assert_true(fd >= 0);
        assert_int_equal(write_full(fd, insert_sql, sizeof(insert_sql) - 1), 0);
        assert_int_equal(close(fd), 0);
        (void) snprintf(command, sizeof(command), "pgbench -n -M prepared -f %s -c %zu -j 2 -T %" PRIu64 " %s 2>&1",
                        script, n_clients, MEASURE_USEC / USEC_PER_SEC, STORE_DATABASE);

        FILE *pipe = popen(command, "r");
        assert_non_null(pipe);
        while (fgets(line, sizeof(line), pipe))
                (void) sscanf(line, "tps = %lf", &tps);
        assert_int_equal(pclose(pipe), 0);
        assert_int_equal(unlink(script), 0);
        return tps;
}

static void submissions_beside_commits(void **state)
{
        static const size_t in_flight[] = { 1, 50, 500 };
        Fixture *f = *state;
        Store *api = fixture_api(f, "bench");
        double p50, p99;

        (void) measure_store(f, api, 50, &p50, &p99);   /* warm */
        printf("in flight   store/s   p50 ms   p99 ms   pgbench/s   ratio\n");
        for (size_t i = 0; i < ELEMENTSOF(in_flight); i++) {
                double store = measure_store(f, api, in_flight[i], &p50, &p99);
                double commits = measure_pgbench(MIN(in_flight[i], (size_t) 50));

                printf("%9zu %9.0f %8.2f %8.2f %11.0f %7.2f\n", in_flight[i], store, p50, p99, commits, store / commits);
        }

        StoreCounters c;
        store_counters(api, &c);
        printf("%" PRIu64 " submissions in %" PRIu64 " batches, the largest %" PRIu64 "\n", c.kinds[STORE_SUBMIT].requests,
               c.kinds[STORE_SUBMIT].batches, c.kinds[STORE_SUBMIT].largest_batch);
}

/* --- the other verbs, on a deep queue ------------------------------------------------------------------------------- */

#define DEPTH 200000
#define RUN 20000

typedef struct Work {
        Store *worker;
        JobId *ids;
        size_t n_begun, n_done;
} Work;

static void on_claimed(int error, StoreClaim claim, StoreJob *job, void *userdata);

static void begin_one(Work *w)
{
        if (w->n_begun < RUN)
                assert_int_equal(store_claim(w->worker, &w->ids[w->n_begun++], on_claimed, w, NULL), 0);
}

static void on_finished(int error, bool committed, void *userdata)
{
        Work *w = userdata;

        assert_int_equal(error, 0);
        assert_true(committed);
        w->n_done++;
        begin_one(w);
}

static void on_claimed(int error, StoreClaim claim, StoreJob *job, void *userdata)
{
        Work *w = userdata;
        JobResult result = { .verdict = JOB_VERDICT_OK };

        assert_int_equal(error, 0);
        assert_int_equal(claim, STORE_CLAIM_TAKEN);
        result.out.bytes = (Buffer){ .data = (char *) "hello\n", .size = 6 };
        assert_int_equal(store_finish(w->worker, &(StoreFinish){ .id = job->id, .attempt = job->attempt, .result = &result },
                                      on_finished, w, NULL),
                         0);
}

static void on_submitted(int error, const JobId *id, bool again, void *userdata)
{
        size_t *n = userdata;

        assert_int_equal(error, 0);
        (*n)++;
}

static void fill(Fixture *f, Store *api, JobId *ids, size_t n)
{
        JobSpec spec = plain_spec();
        size_t n_done = 0;

        for (size_t i = 0; i < n; i++) {
                ids[i] = new_id(f);
                while (store_submit(api, &(StoreSubmission){ .id = ids[i], .client = "c", .spec = &spec }, on_submitted,
                                    &n_done, NULL) == -ENOBUFS)
                        assert_true(sd_event_run(f->event, UINT64_MAX) >= 0);
        }
        loop_until(f->event, n_done >= n);
}

static void on_any_counts(int error, const StoreCount *counts, size_t n, void *userdata)
{
        assert_int_equal(error, 0);
        (*(size_t *) userdata)++;
}

#define TIMED(what, call)                                                                                              \
        do {                                                                                                           \
                usec_t _begin = now_usec(CLOCK_MONOTONIC);                                                             \
                call;                                                                                                  \
                printf("%-44s %8.2f ms\n", what, (double) (now_usec(CLOCK_MONOTONIC) - _begin) / 1000.0);              \
        } while (0)

static void verbs_on_a_deep_queue(void **state)
{
        Fixture *f = *state;
        Store *api = fixture_api(f, "bench"), *dead = fixture_api(f, "dead"), *worker = fixture_worker(f, "bench");
        JobId *ids = test_calloc(DEPTH, sizeof(JobId));
        Work w = { .worker = worker, .ids = ids };
        _cleanup_(answer_done) Answer a = { .fixture = f };
        StoreFilter filter = STORE_FILTER_ALL;

        fill(f, api, ids, DEPTH);
        usec_t begin = now_usec(CLOCK_MONOTONIC);
        for (size_t i = 0; i < 200; i++)
                begin_one(&w);
        loop_until(f->event, w.n_done >= RUN);
        printf("%i queued: %.0f claims and results per second, 200 at once\n", DEPTH,
               RUN / ((double) (now_usec(CLOCK_MONOTONIC) - begin) / (double) USEC_PER_SEC));

        for (size_t round = 0; round < 2; round++) {
                size_t n = 0;

                printf(round == 0 ? "cold:\n" : "warm:\n");
                TIMED("get", ask_get(&a, api, &ids[DEPTH - 1], NULL));
                TIMED("list, the newest 100", ask_list(&a, api, &filter));
                filter.state = JOB_STATE_FINISHED;
                TIMED("list, 100 finished ones", ask_list(&a, api, &filter));
                filter.state = JOB_STATE_RUNNING;
                TIMED("list, running ones (none)", ask_list(&a, api, &filter));
                filter.state = JOB_STATE_CANCELLED;
                TIMED("list, cancelled ones (none)", ask_list(&a, api, &filter));
                filter.state = -1;
                filter.tag = "a=b";
                TIMED("list, by a tag nobody has", ask_list(&a, api, &filter));
                filter.tag = NULL;
                TIMED("position of the last one", ask_position(&a, api, &ids[DEPTH - 1], "python", JOB_PRIORITY_NORMAL));
                TIMED("counts", {
                        assert_int_equal(store_counts(api, on_any_counts, &n, NULL), 0);
                        loop_until(f->event, n >= 1);
                });
                TIMED("sweep that finds nothing", ask_sweep(&a, api, 1000));
                assert_int_equal(a.n_ids, 0);
                TIMED("maintain", ask_maintain(&a, api));
        }

        fill(f, dead, ids, 5000);
        ask_leave(&a, dead);
        TIMED("sweep that adopts 1000", ask_sweep(&a, api, 1000));
        assert_int_equal(a.n_ids, 1000);
        test_free(ids);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                with_database(submissions_beside_commits),
                with_database(verbs_on_a_deep_queue),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
