/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/integration/store-fixture.h"

#include <stdio.h>

#include "basic/string-util.h"
#include "store/migrate.h"

#define SOURCE_KEY "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

int fixture_setup(void **state)
{
        Fixture *f = test_calloc(1, sizeof(Fixture));
        _cleanup_(schema_done) Schema schema = { 0 };
        _cleanup_(fault_done) Fault fault = { 0 };

        assert_true(sd_event_new(&f->event) >= 0);
        server_make_database(STORE_DATABASE);
        if (schema_load(getenv("RCE_SCHEMA"), &schema, &fault) < 0 ||
            schema_migrate(&schema, server_conninfo(STORE_DATABASE, "postgres"), NULL, NULL, NULL, &fault) < 0)
                fail_msg("%s", fault.detail);
        *state = f;
        return 0;
}

int fixture_teardown(void **state)
{
        Fixture *f = *state;

        while (f->n_stores > 0)
                store_free(f->stores[--f->n_stores]);
        sd_event_unref(f->event);
        test_free(f);
        return 0;
}

JobId new_id(Fixture *f)
{
        JobId id;

        assert_int_equal(job_id_make(&f->ids, now_usec(CLOCK_REALTIME), &id), 0);
        return id;
}

Store *fixture_store(Fixture *f, const StoreParams *params)
{
        assert_true(f->n_stores < ELEMENTSOF(f->stores));
        assert_int_equal(store_new(f->event, params, &f->stores[f->n_stores]), 0);
        return f->stores[f->n_stores++];
}

void fixture_close(Fixture *f, Store **s)
{
        for (size_t i = 0; i < f->n_stores; i++)
                if (f->stores[i] == *s) {
                        f->stores[i] = f->stores[--f->n_stores];
                        break;
                }
        *s = store_free(*s);
}

Store *fixture_api(Fixture *f, const char *name)
{
        StoreParams p = STORE_PARAMS_DEFAULT;
        Answer a = { .fixture = f };

        p.role = STORE_API;
        p.conninfo = server_conninfo(STORE_DATABASE, "rce-api");
        p.incarnation = new_id(f);
        p.host = "here";
        p.name = name;
        p.version = "0";
        p.queue_max = 10000;
        p.patience_usec = 30 * USEC_PER_SEC;

        Store *s = fixture_store(f, &p);
        ask_heartbeat(&a, s);
        assert_int_equal(a.error, 0);
        return s;
}

Store *fixture_worker(Fixture *f, const char *name)
{
        StoreParams p = STORE_PARAMS_DEFAULT;
        Answer a = { .fixture = f };

        p.role = STORE_WORKER;
        p.conninfo = server_conninfo(STORE_DATABASE, "rce-worker");
        p.incarnation = new_id(f);
        p.host = "here";
        p.name = name;
        p.version = "0";
        p.queue_max = 10000;
        p.patience_usec = USEC_INFINITY;

        Store *s = fixture_store(f, &p);
        ask_worker_heartbeat(&a, s);
        assert_int_equal(a.error, 0);
        return s;
}

JobSpec plain_spec(void)
{
        static char python[] = "python";
        JobSpec spec = JOB_SPEC_DEFAULT;

        spec.language = python;
        memcpy(spec.source_key, SOURCE_KEY, sizeof(spec.source_key));
        spec.source_bytes = 12;
        return spec;
}

JobId submit(Fixture *f, Store *s, const char *client)
{
        JobSpec spec = plain_spec();
        Answer a = { .fixture = f };

        ask_submit(&a, s, &(StoreSubmission){ .id = new_id(f), .client = client, .spec = &spec });
        assert_int_equal(a.error, 0);
        assert_false(a.flag);
        return a.id;
}

/* --- answers ------------------------------------------------------------------------------------------------------- */

void answer_done(Answer *a)
{
        store_job_done(&a->job);
}

static void begin(Answer *a)
{
        Fixture *f = a->fixture;

        answer_done(a);
        *a = (Answer){ .fixture = f };
}

static void await(Answer *a, int r)
{
        assert_int_equal(r, 0);
        assert_int_equal(a->n, 0);       /* never from inside the call */
        loop_until(a->fixture->event, a->n >= 1);
        assert_int_equal(a->n, 1);
}

static void on_done(int error, void *userdata)
{
        Answer *a = userdata;

        a->n++;
        a->error = error;
}

static void on_number(int error, uint64_t n, void *userdata)
{
        on_done(error, userdata);
        ((Answer *) userdata)->number = n;
}

static void on_submit(int error, const JobId *id, bool again, void *userdata)
{
        Answer *a = userdata;

        on_done(error, a);
        a->id = *id;
        a->flag = again;
}

void ask_submit(Answer *a, Store *s, const StoreSubmission *submission)
{
        begin(a);
        await(a, store_submit(s, submission, on_submit, a, NULL));
}

static void on_job(int error, StoreJob *job, void *userdata)
{
        Answer *a = userdata;

        on_done(error, a);
        if (job)
                a->job = TAKE(*job, (StoreJob){ 0 });
}

void ask_get(Answer *a, Store *s, const JobId *id, const char *client)
{
        begin(a);
        await(a, store_get(s, id, client, on_job, a, NULL));
}

static void on_cancel(int error, StoreOutcome outcome, void *userdata)
{
        on_done(error, userdata);
        ((Answer *) userdata)->outcome = outcome;
}

void ask_cancel(Answer *a, Store *s, const JobId *id, const char *client)
{
        begin(a);
        await(a, store_cancel(s, id, client, on_cancel, a, NULL));
}

static void on_purge(int error, StoreOutcome outcome, const char *out_key, const char *err_key, void *userdata)
{
        on_cancel(error, outcome, userdata);
        ((Answer *) userdata)->flag = out_key && streq(out_key, "out-blob") && !err_key;
}

void ask_purge(Answer *a, Store *s, const JobId *id, const char *client)
{
        begin(a);
        await(a, store_purge(s, id, client, on_purge, a, NULL));
}

void ask_position(Answer *a, Store *s, const JobId *id, const char *language, JobPriority priority)
{
        begin(a);
        await(a, store_position(s, id, language, priority, on_number, a, NULL));
}

static void on_list(int error, StoreJob *jobs, size_t n, bool more, void *userdata)
{
        Answer *a = userdata;

        on_done(error, a);
        a->flag = more;
        a->n_ids = n;
        for (size_t i = 0; i < n; i++)
                a->ids[i] = jobs[i].id;
}

void ask_list(Answer *a, Store *s, const StoreFilter *filter)
{
        begin(a);
        await(a, store_list(s, filter, on_list, a, NULL));
}

static void on_sweep(int error, const StoreOrphan *orphans, size_t n, void *userdata)
{
        Answer *a = userdata;

        on_done(error, a);
        a->n_ids = n;
        for (size_t i = 0; i < n; i++) {
                a->ids[i] = orphans[i].id;
                assert_string_equal(orphans[i].language, "python");
                assert_string_equal(orphans[i].source_key, SOURCE_KEY);
        }
}

void ask_sweep(Answer *a, Store *s, size_t max)
{
        begin(a);
        await(a, store_sweep(s, max, on_sweep, a, NULL));
}

void ask_disown(Answer *a, Store *s, const JobId *id)
{
        begin(a);
        await(a, store_disown(s, id, on_done, a, NULL));
}

static void on_maintain(int error, uint64_t n_dropped, usec_t oldest_usec, void *userdata)
{
        on_number(error, n_dropped, userdata);
        ((Answer *) userdata)->usec = oldest_usec;
}

void ask_maintain(Answer *a, Store *s)
{
        begin(a);
        await(a, store_maintain(s, on_maintain, a, NULL));
}

void ask_disown_old(Answer *a, Store *s, const char *language, JobPriority priority, usec_t age_usec)
{
        begin(a);
        await(a, store_disown_old(s, language, priority, age_usec, on_number, a, NULL));
}

static void on_flag(int error, bool flag, void *userdata)
{
        on_done(error, userdata);
        ((Answer *) userdata)->flag = flag;
}

void ask_bury(Answer *a, Store *s, const JobId *id)
{
        begin(a);
        await(a, store_bury(s, id, "lost its message", on_flag, a, NULL));
}

static void on_claim(int error, StoreClaim claim, StoreJob *job, void *userdata)
{
        Answer *a = userdata;

        on_job(error, job, a);
        a->claim = claim;
}

void ask_claim(Answer *a, Store *s, const JobId *id)
{
        begin(a);
        await(a, store_claim(s, id, on_claim, a, NULL));
}

void ask_finish(Answer *a, Store *s, const StoreFinish *finish)
{
        begin(a);
        await(a, store_finish(s, finish, on_flag, a, NULL));
}

void ask_release(Answer *a, Store *s, const JobId *id, unsigned attempt)
{
        begin(a);
        await(a, store_release(s, id, attempt, on_flag, a, NULL));
}

void ask_heartbeat(Answer *a, Store *s)
{
        begin(a);
        await(a, store_heartbeat(s, on_done, a, NULL));
}

void ask_worker_heartbeat(Answer *a, Store *s)
{
        static const char *const languages[] = { "python", "datascience", NULL };

        begin(a);
        await(a, store_worker_heartbeat(s,
                                       &(StoreHeartbeat){ .languages = (char *const *) languages, .slots = 4, .running = 1 },
                                       on_done, a, NULL));
}

void ask_leave(Answer *a, Store *s)
{
        begin(a);
        await(a, store_leave(s, on_done, a, NULL));
}

bool finish(Answer *a, Store *s, const JobId *id, unsigned attempt, JobVerdict verdict)
{
        JobResult result = { .verdict = verdict };

        ask_finish(a, s, &(StoreFinish){ .id = *id, .attempt = attempt, .result = &result });
        assert_int_equal(a->error, 0);
        return a->flag;
}

/* --- behind the stores' back --------------------------------------------------------------------------------------- */

static char *for_id(const JobId *id, const char *sql)
{
        char text[JOB_ID_TEXT_MAX];
        const char *place = strstr(sql, "%s");

        assert_non_null(place);
        char *whole = format_string("%.*s%s%s", (int) (place - sql), sql, job_id_format(text, id), place + 2);
        assert_non_null(whole);
        return whole;
}

void run_for(const JobId *id, const char *format)
{
        _cleanup_(freep) char *sql = for_id(id, format);

        server_run(STORE_DATABASE, sql);
}

int64_t number_for(const JobId *id, const char *format)
{
        _cleanup_(freep) char *sql = for_id(id, format);

        return server_number(STORE_DATABASE, sql);
}
