/* SPDX-License-Identifier: Apache-2.0 */
/* The pipeline against a real server: what goes in comes out, in order, once, whatever happens to the connection. */
#include "pg/pg.h"

#include <stdio.h>

#include "basic/string-util.h"
#include "tests/integration/server.h"

#define DATABASE "pg"

typedef struct Test {
        sd_event *event;
        PgConnection *c;
        bool connected, disconnected;
        size_t n_states;
        char why[512];

        /* what the answers were */
        size_t n_answers, n_ok, n_reset, n_unconnected, n_canceled, n_refused;
        int64_t last;
        size_t n_disordered;
        char state[8];
} Test;

static void on_state(bool connected, const char *why, void *userdata)
{
        Test *t = userdata;

        t->connected = connected;
        t->disconnected = !connected;
        t->n_states++;
        (void) snprintf(t->why, sizeof(t->why), "%s", why);
}

static void connect_as(Test *t, const char *conninfo, const char *password, usec_t patience_usec, const char *setup)
{
        t->c = pg_connection_free(t->c);
        assert_int_equal(pg_connection_new(t->event,
                                           &(PgConnectionParams){
                                                   .conninfo = conninfo,
                                                   .password = password,
                                                   .queue_max = 10000,
                                                   .patience_usec = patience_usec,
                                                   .setup = setup,
                                                   .on_state = on_state,
                                                   .userdata = t,
                                           },
                                           &t->c),
                         0);
}

static int setup(void **state)
{
        Test *t = test_calloc(1, sizeof(Test));

        assert_true(sd_event_new(&t->event) >= 0);
        server_make_database(DATABASE);
        connect_as(t, server_conninfo(DATABASE, "postgres"), NULL, 30 * USEC_PER_SEC, NULL);
        *state = t;
        return 0;
}

static int teardown(void **state)
{
        Test *t = *state;

        pg_connection_free(t->c);
        sd_event_unref(t->event);
        test_free(t);
        return 0;
}

static void count(Test *t, int error, const PgResult *result)
{
        t->n_answers++;
        t->n_ok += error == 0;
        t->n_reset += error == -ECONNRESET;
        t->n_unconnected += error == -ENOTCONN;
        t->n_canceled += error == -ECANCELED;
        t->n_refused += error == -EBADMSG;
        if (error == -EBADMSG)
                (void) snprintf(t->state, sizeof(t->state), "%s", pg_result_state(result));
}

static void on_answer(int error, const PgResult *result, void *userdata)
{
        count(userdata, error, result);
}

static void on_number(int error, const PgResult *result, void *userdata)
{
        Test *t = userdata;

        count(t, error, result);
        if (error < 0)
                return;
        int64_t number = pg_get_int(result, 0, 0);
        t->n_disordered += number != t->last + 1;
        t->last = number;
}

static void query_number(Test *t, const PgStatement *statement, int64_t number, PgCallback callback)
{
        PgParameters p = { 0 };

        pg_add_int(&p, PG_INT8, number);
        assert_int_equal(pg_query(t->c, statement, &p, callback, t, NULL), 0);
}

static void query(Test *t, const PgStatement *statement)
{
        PgParameters p = { 0 };

        assert_int_equal(pg_query(t->c, statement, &p, on_answer, t, NULL), 0);
}

static const PgStatement echo = { "echo", "SELECT $1", true };

static void thousands_are_answered_in_order(void **state)
{
        Test *t = *state;

        for (int64_t i = 1; i <= 5000; i++)
                query_number(t, &echo, i, on_number);
        loop_until(t->event, t->n_answers >= 5000);

        assert_int_equal(t->n_ok, 5000);
        assert_int_equal(t->n_disordered, 0);
        assert_int_equal(pg_connection_counters(t->c)->queries, 5000);
        assert_int_equal(pg_connection_counters(t->c)->in_flight, 0);
        assert_int_equal(pg_connection_counters(t->c)->waiting, 0);
}

static void refusal_touches_only_its_own_statement(void **state)
{
        static const PgStatement bad[] = {
                { "syntax", "SELEC 1", false },
                { "constraint", "INSERT INTO small VALUES (7, 'x')", false },
                { "type", "SELECT 'x'::text::int", false },
                { "long", "INSERT INTO small VALUES (1, 'abcd')", false },
                { "missing", "SELECT nothing FROM nowhere", false },
        };
        static const char *const states[] = { "42601", "23514", "22P02", "22001", "42P01" };
        Test *t = *state;

        server_run(DATABASE, "CREATE TABLE small (n int CHECK (n < 5), s varchar(3))");
        for (size_t i = 0; i < ELEMENTSOF(bad); i++) {
                t->n_answers = t->n_refused = t->n_ok = 0;
                for (size_t k = 0; k < 30; k++) {
                        query_number(t, &echo, (int64_t) k, on_answer);
                        if (k == 5 || k == 20)
                                query(t, &bad[i]);
                }
                loop_until(t->event, t->n_answers >= 32);
                assert_row(t->n_ok == 30, bad[i].name);
                assert_row(t->n_refused == 2, bad[i].name);
                assert_string_equal(t->state, states[i]);
        }
        assert_true(pg_connection_ready(t->c));
        assert_int_equal(pg_connection_counters(t->c)->connects, 1);
        assert_int_equal(server_number(DATABASE, "SELECT count(*) FROM small"), 0);
}

static void on_values(int error, const PgResult *r, void *userdata)
{
        static const uint8_t uuid[PG_UUID_SIZE] = { 1, 2, 0xff, [15] = 9 };
        size_t size;

        count(userdata, error, r);
        assert_int_equal(error, 0);
        assert_int_equal(pg_result_rows(r), 1);
        assert_true(pg_get_bool(r, 0, 0));
        assert_int_equal(pg_get_int(r, 0, 1), -2);
        assert_int_equal(pg_get_int(r, 0, 2), INT32_MIN);
        assert_int_equal(pg_get_int(r, 0, 3), INT64_MAX);
        assert_string_equal(pg_get_text(r, 0, 4), "grün 🐍");
        assert_string_equal(pg_get_text(r, 0, 5), "");
        assert_memory_equal(pg_get_bytes(r, 0, 6, &size), "\0a\0", 3);
        assert_int_equal(size, 3);
        assert_non_null(pg_get_bytes(r, 0, 7, &size));
        assert_int_equal(size, 0);
        assert_memory_equal(pg_get_uuid(r, 0, 8), uuid, sizeof(uuid));
        assert_int_equal(pg_get_time(r, 0, 9), 1234567);                        /* in 1970 */
        assert_int_equal(pg_get_time(r, 0, 10), UINT64_C(1795420800123456));    /* in 2026 */
        assert_int_equal(pg_get_time(r, 0, 11), USEC_INFINITY);
        assert_string_equal(pg_get_text(r, 0, 12), "{\"a\": [1, \"ü\"]}");
        for (unsigned column = 13; column < 20; column++)
                assert_true(pg_is_null(r, 0, column));
        assert_null(pg_get_text(r, 0, 15));
        assert_null(pg_get_bytes(r, 0, 16, &size));
        assert_null(pg_get_uuid(r, 0, 17));
}

static void values_come_back_as_they_went(void **state)
{
        static const PgStatement statement = {
                "values", "SELECT $1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,$13,$14,$15,$16,$17,$18,$19,$20", true
        };
        static const uint8_t uuid[PG_UUID_SIZE] = { 1, 2, 0xff, [15] = 9 };
        Test *t = *state;
        PgParameters p = { 0 };

        pg_add_bool(&p, true);
        pg_add_int(&p, PG_INT2, -2);
        pg_add_int(&p, PG_INT4, INT32_MIN);
        pg_add_int(&p, PG_INT8, INT64_MAX);
        pg_add_text(&p, "grün 🐍");
        pg_add_text(&p, "");
        pg_add_bytes(&p, "\0a\0", 3);
        pg_add_bytes(&p, "", 0);
        pg_add_uuid(&p, uuid);
        pg_add_time(&p, 1234567);
        pg_add_time(&p, UINT64_C(1795420800123456));
        pg_add_time(&p, USEC_INFINITY);
        pg_add_json(&p, "{\"a\":[1,\"ü\"]}");
        pg_add_null(&p, PG_BOOL);
        pg_add_null(&p, PG_INT8);
        pg_add_text(&p, NULL);
        pg_add_bytes(&p, NULL, 0);
        pg_add_uuid(&p, NULL);
        pg_add_json(&p, NULL);
        pg_add_null(&p, PG_TIMESTAMPTZ);
        assert_int_equal(pg_query(t->c, &statement, &p, on_values, t, NULL), 0);
        loop_until(t->event, t->n_answers >= 1);
}

static void on_arrays(int error, const PgResult *r, void *userdata)
{
        static const char *const texts[] = {
                "{t,NULL,f}",
                "{\"\\\\x00ff\",\"\\\\x\",NULL}",
                "{-1,NULL,32767}",
                "{-2147483648,NULL}",
                "{-9223372036854775808,NULL,9223372036854775807}",
                "{\"\",NULL,\"a,b\",\"NULL\"}",
                "{01020304-0506-0708-090a-0b0c0d0e0f10,NULL}",
                "{\"2026-11-23 00:00:00+00\",NULL}",
                "{\"{\\\"a\\\": null}\",NULL,1}",
                "{}",
                "{}",
        };

        count(userdata, error, r);
        if (error < 0)
                fail_msg("%s", pg_result_message(r));
        for (unsigned i = 0; i < ELEMENTSOF(texts); i++)
                assert_string_equal(pg_get_text(r, 0, i), texts[i]);
}

static void arrays_of_all_types_arrive(void **state)
{
        static const PgStatement statement = {
                "arrays",
                "SELECT $1::text,$2::text,$3::text,$4::text,$5::text,$6::text,$7::text,$8::text,$9::text,$10::text,"
                "$11::text",
                true
        };
        static const uint8_t uuid[PG_UUID_SIZE] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16 };
        Test *t = *state;
        PgParameters p = { 0 };

        connect_as(t, server_conninfo(DATABASE, "postgres"), NULL, USEC_PER_SEC, "SET TimeZone = 'UTC'");
        pg_begin_array(&p, PG_BOOL_ARRAY, 3);
        pg_add_bool(&p, true);
        pg_add_null(&p, PG_BOOL);
        pg_add_bool(&p, false);
        pg_end_array(&p);
        pg_begin_array(&p, PG_BYTEA_ARRAY, 3);
        pg_add_bytes(&p, "\0\xff", 2);
        pg_add_bytes(&p, "", 0);
        pg_add_bytes(&p, NULL, 0);
        pg_end_array(&p);
        pg_begin_array(&p, PG_INT2_ARRAY, 3);
        pg_add_int(&p, PG_INT2, -1);
        pg_add_null(&p, PG_INT2);
        pg_add_int(&p, PG_INT2, INT16_MAX);
        pg_end_array(&p);
        pg_begin_array(&p, PG_INT4_ARRAY, 2);
        pg_add_int(&p, PG_INT4, INT32_MIN);
        pg_add_null(&p, PG_INT4);
        pg_end_array(&p);
        pg_begin_array(&p, PG_INT8_ARRAY, 3);
        pg_add_int(&p, PG_INT8, INT64_MIN);
        pg_add_null(&p, PG_INT8);
        pg_add_int(&p, PG_INT8, INT64_MAX);
        pg_end_array(&p);
        pg_begin_array(&p, PG_TEXT_ARRAY, 4);
        pg_add_text(&p, "");
        pg_add_text(&p, NULL);
        pg_add_text(&p, "a,b");
        pg_add_text(&p, "NULL");
        pg_end_array(&p);
        pg_begin_array(&p, PG_UUID_ARRAY, 2);
        pg_add_uuid(&p, uuid);
        pg_add_uuid(&p, NULL);
        pg_end_array(&p);
        pg_begin_array(&p, PG_TIMESTAMPTZ_ARRAY, 2);
        pg_add_time(&p, UINT64_C(1795392000) * USEC_PER_SEC);
        pg_add_time(&p, USEC_INFINITY);
        pg_end_array(&p);
        pg_begin_array(&p, PG_JSONB_ARRAY, 3);
        pg_add_json(&p, "{\"a\":null}");
        pg_add_json(&p, NULL);
        pg_add_json(&p, "1");
        pg_end_array(&p);
        pg_begin_array(&p, PG_TEXT_ARRAY, 0);
        pg_end_array(&p);
        pg_begin_array(&p, PG_BYTEA_ARRAY, 0);
        pg_end_array(&p);
        assert_int_equal(pg_query(t->c, &statement, &p, on_arrays, t, NULL), 0);
        loop_until(t->event, t->n_answers >= 1);
}

#define LARGE_BYTES (1024 * 1024)

static void on_large(int error, const PgResult *r, void *userdata)
{
        size_t size;

        count(userdata, error, r);
        assert_int_equal(error, 0);
        const uint8_t *bytes = pg_get_bytes(r, 0, 0, &size);
        assert_int_equal(size, LARGE_BYTES);
        assert_int_equal(bytes[0], 0xa5);
        assert_int_equal(bytes[size - 1], 0x5a);
}

/* Both directions are full at once, which must not become a deadlock. */
static void large_values_pass_both_ways_at_once(void **state)
{
        static const PgStatement statement = { "large", "SELECT $1", true };
        static char large[LARGE_BYTES];
        Test *t = *state;

        large[0] = (char) 0xa5;
        large[sizeof(large) - 1] = 0x5a;
        for (size_t i = 0; i < 64; i++) {
                PgParameters p = { 0 };

                pg_add_bytes(&p, large, sizeof(large));
                assert_int_equal(pg_query(t->c, &statement, &p, on_large, t, NULL), 0);
        }
        loop_until(t->event, t->n_answers >= 64);
}

static const PgStatement insert_repeatable = { "insert_repeatable",
                                               "INSERT INTO numbers VALUES ($1) ON CONFLICT DO NOTHING", true };
static const PgStatement insert_once = { "insert_once", "INSERT INTO numbers VALUES ($1)", false };

/* Ends all sessions of this database but the one that asks. */
static void terminate(void)
{
        server_run("postgres", "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = '" DATABASE "'");
}

static void insert_numbers(Test *t, const PgStatement *statement, const char *disturb)
{
        bool done = true;

        server_run(DATABASE, "CREATE TABLE IF NOT EXISTS numbers (n bigint PRIMARY KEY); TRUNCATE numbers");
        for (int64_t i = 0; i < 3000; i++)
                query_number(t, statement, i, on_answer);

        loop_until(t->event, t->n_answers >= 500);
        assert_true(t->n_answers < 2999);
        if (disturb)
                server_control_async(t->event, &done, disturb);
        else
                terminate();
        loop_until(t->event, t->n_answers >= 3000);
        loop_until(t->event, done);
        assert_int_equal(t->n_answers, 3000);
}

static void repeatable_statements_survive_a_killed_connection(void **state)
{
        Test *t = *state;

        insert_numbers(t, &insert_repeatable, NULL);
        assert_int_equal(t->n_ok, 3000);
        assert_int_equal(server_number(DATABASE, "SELECT count(*) FROM numbers"), 3000);
        assert_int_equal(pg_connection_counters(t->c)->connects, 2);
        assert_true(pg_connection_counters(t->c)->repeats > 0);
}

static void others_are_in_doubt_and_none_is_doubled(void **state)
{
        Test *t = *state;

        insert_numbers(t, &insert_once, NULL);
        int64_t n = server_number(DATABASE, "SELECT count(*) FROM numbers");

        /* A second execution would have been refused as a duplicate. */
        assert_int_equal(t->n_refused, 0);
        assert_true(t->n_reset > 0);
        assert_int_equal(t->n_ok + t->n_reset, 3000);
        assert_in_range(n, t->n_ok, 3000);
        assert_int_equal(pg_connection_counters(t->c)->repeats, 0);
}

static void repeatable_statements_survive_a_restart(void **state)
{
        Test *t = *state;

        insert_numbers(t, &insert_repeatable, "restart");
        assert_int_equal(t->n_ok, 3000);
        assert_int_equal(server_number(DATABASE, "SELECT count(*) FROM numbers"), 3000);
        assert_true(t->connected);
}

static void queue_keeps_while_the_server_is_down(void **state)
{
        Test *t = *state;
        bool started;

        loop_until(t->event, t->connected);
        server_control("stop");
        for (int64_t i = 1; i <= 100; i++)
                query_number(t, &echo, i, on_number);
        loop_for(t->event, USEC_PER_SEC);
        assert_int_equal(t->n_answers, 0);
        assert_false(pg_connection_ready(t->c));

        server_control_async(t->event, &started, "start");
        loop_until(t->event, t->n_answers >= 100);
        loop_until(t->event, started);
        assert_int_equal(t->n_ok, 100);
        assert_int_equal(t->n_disordered, 0);
}

static void patience_ends_without_a_busy_loop(void **state)
{
        Test *t = *state;

        connect_as(t, server_conninfo(DATABASE, "postgres"), NULL, USEC_PER_SEC, NULL);
        loop_until(t->event, t->connected);
        server_control("stop");
        loop_until(t->event, t->disconnected);
        usec_t begin = now_usec(CLOCK_MONOTONIC), used = processor_usec();
        size_t n_states = t->n_states;

        query_number(t, &echo, 1, on_answer);
        loop_until(t->event, t->n_answers >= 1);
        assert_int_equal(t->n_unconnected, 1);
        assert_in_range(now_usec(CLOCK_MONOTONIC) - begin, USEC_PER_SEC - 50 * USEC_PER_MSEC, 3 * USEC_PER_SEC);

        /* Each reason is told once, however often it is tried. */
        loop_for(t->event, 3 * USEC_PER_SEC);
        assert_true(processor_usec() - used < 200 * USEC_PER_MSEC);
        assert_in_range(t->n_states - n_states, 1, 3);
        assert_false(t->connected);

        bool started;
        server_control_async(t->event, &started, "start");
        query_number(t, &echo, 1, on_answer);
        loop_until(t->event, started);
        loop_until(t->event, t->connected);
}

static void cannot_connect(Test *t, const char *conninfo, const char *password, const char *setup_sql, const char *words)
{
        t->n_answers = t->n_unconnected = 0;
        connect_as(t, conninfo, password, 500 * USEC_PER_MSEC, setup_sql);
        query_number(t, &echo, 1, on_answer);
        loop_until(t->event, t->n_answers >= 1);
        assert_int_equal(t->n_unconnected, 1);
        assert_false(pg_connection_ready(t->c));
        if (!strstr(t->why, words))
                fail_msg("'%s' does not say '%s'", t->why, words);
}

static void reason_of_a_failed_connection_is_told(void **state)
{
        Test *t = *state;

        server_run(DATABASE, "DROP ROLE IF EXISTS rce_with_password;"
                             "CREATE ROLE rce_with_password LOGIN PASSWORD 'right'");
        cannot_connect(t, server_conninfo(DATABASE, "rce_with_password"), "wrong", NULL, "password authentication failed");
        cannot_connect(t, server_conninfo(DATABASE, "rce_with_password"), NULL, NULL, "no password supplied");
        cannot_connect(t, server_conninfo("nowhere", "postgres"), NULL, NULL, "database \"nowhere\" does not exist");
        cannot_connect(t, server_conninfo(DATABASE, "postgres"), NULL, "SELECT 1/0", "division by zero");
        cannot_connect(t, "host=/nonexistent dbname=x", NULL, NULL, "/nonexistent");
        cannot_connect(t, "this is no conninfo", NULL, NULL, "conn");

        connect_as(t, server_conninfo(DATABASE, "rce_with_password"), "right", USEC_PER_SEC, NULL);
        query_number(t, &echo, 1, on_answer);
        loop_until(t->event, t->n_answers >= 2);
        assert_int_equal(t->n_ok, 1);
}

static void full_queue_refuses_more(void **state)
{
        Test *t = *state;
        PgParameters p = { 0 };

        for (int64_t i = 0; i < 10000; i++)
                query_number(t, &echo, i, on_answer);
        pg_add_int(&p, PG_INT8, 1);
        assert_int_equal(pg_query(t->c, &echo, &p, on_answer, t, NULL), -ENOBUFS);
        assert_int_equal(p.n, 0);

        loop_until(t->event, t->n_answers >= 10000);
        query_number(t, &echo, 1, on_answer);
        loop_until(t->event, t->n_answers >= 10001);
        assert_int_equal(t->n_ok, 10001);
}

static void parameters_that_make_no_sense_are_refused(void **state)
{
        Test *t = *state;
        PgParameters p = { 0 };

        for (size_t i = 0; i <= PG_PARAMETERS_MAX; i++)
                pg_add_int(&p, PG_INT4, 1);
        assert_true(pg_query(t->c, &echo, &p, on_answer, t, NULL) < 0);

        pg_begin_array(&p, PG_INT4_ARRAY, 1);
        pg_end_array(&p);
        assert_true(pg_query(t->c, &echo, &p, on_answer, t, NULL) < 0);

        pg_begin_array(&p, PG_INT4_ARRAY, 0);
        pg_add_int(&p, PG_INT4, 1);
        pg_end_array(&p);
        assert_true(pg_query(t->c, &echo, &p, on_answer, t, NULL) < 0);

        pg_begin_array(&p, PG_INT4_ARRAY, 1);
        pg_add_text(&p, "1");
        pg_end_array(&p);
        assert_true(pg_query(t->c, &echo, &p, on_answer, t, NULL) < 0);
        assert_int_equal(t->n_answers, 0);
}

static void all_that_waits_is_cancelled_by_free(void **state)
{
        Test *t = *state;

        loop_until(t->event, t->connected);
        for (int64_t i = 0; i < 1000; i++)
                query_number(t, &echo, i, on_answer);
        loop_until(t->event, t->n_answers >= 1);
        size_t answered = t->n_answers;

        t->c = pg_connection_free(t->c);
        assert_int_equal(t->n_answers, 1000);
        assert_int_equal(t->n_canceled, 1000 - answered);
}

static void on_more(int error, const PgResult *result, void *userdata)
{
        Test *t = userdata;

        count(t, error, result);
        if (t->n_answers < 1000) {
                query_number(t, &echo, 1, on_more);
                if (t->n_answers < 100)
                        query_number(t, &echo, 1, on_answer);
        }
}

static void callback_may_ask_for_more(void **state)
{
        Test *t = *state;

        query_number(t, &echo, 1, on_more);
        loop_until(t->event, t->n_answers >= 1000);
        loop_for(t->event, 100 * USEC_PER_MSEC);
        assert_int_equal(t->n_ok, t->n_answers);
}

static void forgotten_query_calls_nobody(void **state)
{
        Test *t = *state;
        PgParameters p = { 0 };
        PgQuery *q;

        pg_add_int(&p, PG_INT8, 1);
        assert_int_equal(pg_query(t->c, &echo, &p, on_answer, t, &q), 0);
        pg_query_forget(q);
        query_number(t, &echo, 2, on_answer);
        loop_until(t->event, t->n_answers >= 1);
        loop_for(t->event, 50 * USEC_PER_MSEC);
        assert_int_equal(t->n_answers, 1);
}

static void stale_plan_is_made_anew(void **state)
{
        static const PgStatement all = { "all", "SELECT * FROM changing", true };
        Test *t = *state;

        server_run(DATABASE, "CREATE TABLE changing (a int); INSERT INTO changing VALUES (1)");
        for (size_t round = 0; round < 5; round++) {
                char sql[64];

                for (size_t i = 0; i < 100; i++)
                        query(t, &all);
                loop_until(t->event, t->n_answers >= (round + 1) * 100);
                (void) snprintf(sql, sizeof(sql), "ALTER TABLE changing ADD COLUMN b%zu int", round);
                server_run(DATABASE, sql);
        }
        assert_int_equal(t->n_ok, 500);
        assert_int_equal(pg_connection_counters(t->c)->connects, 1);
}

static void forgotten_preparation_is_made_anew(void **state)
{
        static const PgStatement deallocate = { "deallocate", "DEALLOCATE ALL", false };
        Test *t = *state;

        for (size_t i = 0; i < 300; i++) {
                if (i % 100 == 50)
                        query(t, &deallocate);
                query_number(t, &echo, (int64_t) i, on_answer);
        }
        loop_until(t->event, t->n_answers >= 303);
        assert_int_equal(t->n_ok, 303);
}

int main(void)
{
#define WITH_CONNECTION(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
        const struct CMUnitTest tests[] = {
                WITH_CONNECTION(thousands_are_answered_in_order),
                WITH_CONNECTION(refusal_touches_only_its_own_statement),
                WITH_CONNECTION(values_come_back_as_they_went),
                WITH_CONNECTION(arrays_of_all_types_arrive),
                WITH_CONNECTION(large_values_pass_both_ways_at_once),
                WITH_CONNECTION(repeatable_statements_survive_a_killed_connection),
                WITH_CONNECTION(others_are_in_doubt_and_none_is_doubled),
                WITH_CONNECTION(repeatable_statements_survive_a_restart),
                WITH_CONNECTION(queue_keeps_while_the_server_is_down),
                WITH_CONNECTION(patience_ends_without_a_busy_loop),
                WITH_CONNECTION(reason_of_a_failed_connection_is_told),
                WITH_CONNECTION(full_queue_refuses_more),
                WITH_CONNECTION(parameters_that_make_no_sense_are_refused),
                WITH_CONNECTION(all_that_waits_is_cancelled_by_free),
                WITH_CONNECTION(callback_may_ask_for_more),
                WITH_CONNECTION(forgotten_query_calls_nobody),
                WITH_CONNECTION(stale_plan_is_made_anew),
                WITH_CONNECTION(forgotten_preparation_is_made_anew),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
