/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/httpd/fixture.h"

#include <stdio.h>

static HttpStream *open_stream(Client *c)
{
        Fixture *f = c->fixture;

        f->stream = NULL;
        client_send(c, "GET /stream HTTP/1.1\r\nHost: a\r\n\r\n");
        client_expect(c, "\r\n\r\n");
        fixture_run_until(f, f->stream);
        return f->stream;
}

static void pieces_arrive_as_they_are_written(void **state)
{
        Fixture *f = *state;
        HttpStream *stream;
        Client *c;
        char piece[32];

        fixture_start(f);
        c = client_new(f);
        stream = open_stream(c);
        for (unsigned i = 0; i < 20; i++) {
                snprintf(piece, sizeof piece, "piece %u.", i);
                assert_int_equal(http_stream_write(stream, piece, strlen(piece)), 0);
                client_expect(c, piece);
                assert_int_equal(http_stream_waiting(stream), 0);
        }
        http_stream_end(stream);
        assert_int_equal(http_stream_write(stream, "x", 1), -EPIPE);
        client_expect(c, "\r\n0\r\n\r\n");
        fixture_run_until(f, f->n_streams_closed == 1);
        assert_int_equal(f->stream_error, 0);
        fixture_run_until(f, f->n_done == 1);
        assert_int_equal(f->done.sent_bytes, 10 * 8 + 10 * 9);
        assert_int_equal(client_get(c, "/hello", NULL), 200);
        client_free(c);
}

static void a_stream_without_a_byte_is_whole(void **state)
{
        Fixture *f = *state;
        Client *c;

        fixture_start(f);
        c = client_new(f);
        http_stream_end(open_stream(c));
        client_expect(c, "0\r\n\r\n");
        fixture_run_until(f, f->n_streams_closed == 1);
        assert_int_equal(f->stream_error, 0);
        client_free(c);
}

static void a_parked_request_may_become_a_stream(void **state)
{
        Fixture *f = *state;
        HttpStream *stream;
        Client *c;

        fixture_start(f);
        c = client_new(f);
        client_send(c, "GET /park HTTP/1.1\r\nHost: a\r\n\r\n");
        fixture_run_until(f, f->n_parked == 1);
        assert_int_equal(http_stream_begin(f->parked[0], 200, NULL, NULL, NULL, &stream), 0);
        assert_int_equal(http_stream_write(stream, "late", 4), 0);
        client_expect(c, "late");
        http_stream_end(stream);
        client_expect(c, "0\r\n\r\n");
        assert_int_equal(f->n_abandoned, 0);
        client_free(c);
}

static char pattern(size_t i)
{
        return (char) ('A' + i % 53);
}

static void much_arrives_in_order_when_the_reader_sets_the_pace(void **state)
{
        Fixture *f = *state;
        const size_t total = 8 * 1024 * 1024;
        char chunk[10007];
        HttpStream *stream;
        size_t written = 0, seen = 0;
        Client *c;

        f->limits.queue_bytes_max = 256 * 1024;
        fixture_start(f);
        c = client_new(f);
        client_send(c, "GET /stream HTTP/1.0\r\n\r\n");     /* no chunks, so that only our bytes come */
        client_expect(c, "\r\n\r\n");
        stream = f->stream;
        while (written < total) {
                size_t n = MIN(sizeof chunk, total - written);

                while (http_stream_waiting(stream) + n > f->limits.queue_bytes_max)
                        assert_true(sd_event_run(f->event, GUARD_USEC) >= 0);
                for (size_t i = 0; i < n; i++)
                        chunk[i] = pattern(written + i);
                assert_int_equal(http_stream_write(stream, chunk, n), 0);
                written += n;
                for (size_t i = 0; i < c->in.size; i++)
                        assert_int_equal(c->in.data[i], pattern(seen++));
                c->in.size = 0;
        }
        http_stream_end(stream);
        client_expect_eof(c);
        for (size_t i = 0; i < c->in.size; i++)
                assert_int_equal(c->in.data[i], pattern(seen++));
        assert_int_equal(seen, total);
        assert_int_equal(f->stream_error, 0);
        client_free(c);
}

static void a_reader_that_is_too_slow_is_cut_off_alone(void **state)
{
        Fixture *f = *state;
        HttpStream *slow, *quick;
        char chunk[65536];
        Client *a, *b;
        int r = 0;

        memset(chunk, 'x', sizeof chunk);
        f->limits.queue_bytes_max = 1024 * 1024;
        fixture_start(f);
        a = client_new(f);
        slow = open_stream(a);
        client_stop_reading(a);
        b = client_new(f);
        quick = open_stream(b);

        for (unsigned i = 0; i < 10000 && r >= 0; i++) {
                r = http_stream_write(slow, chunk, sizeof chunk);
                assert_int_equal(http_stream_write(quick, "tick", 4), 0);
                client_expect(b, "tick");
        }
        assert_int_equal(r, -ENOBUFS);
        fixture_run_until(f, f->n_streams_closed == 1);
        assert_int_equal(f->stream_error, -ENOBUFS);
        assert_int_equal(http_server_counters(f->server)->cut_off, 1);
        assert_int_equal(http_stream_write(quick, "still", 5), 0);
        client_expect(b, "still");
        client_free(a);
        client_free(b);
        fixture_run_until(f, f->n_streams_closed == 2);
}

static void one_piece_too_large_cuts_an_idle_stream(void **state)
{
        Fixture *f = *state;
        Client *c;

        f->limits.queue_bytes_max = 10;
        fixture_start(f);
        c = client_new(f);
        assert_int_equal(http_stream_write(open_stream(c), "12345678901", 11), -ENOBUFS);
        fixture_run_until(f, f->n_streams_closed == 1);
        assert_int_equal(f->stream_error, -ENOBUFS);
        client_expect_eof(c);
        client_free(c);
}

static void a_reader_that_stops_is_timed_out(void **state)
{
        Fixture *f = *state;
        char *data = calloc(1, 16 * 1024 * 1024);
        Client *c;

        assert_non_null(data);
        f->limits.queue_bytes_max = 16 * 1024 * 1024;
        f->limits.idle_timeout_usec = USEC_PER_SEC;
        fixture_start(f);
        c = client_new(f);
        HttpStream *stream = open_stream(c);
        client_stop_reading(c);
        assert_int_equal(http_stream_write(stream, data, 16 * 1024 * 1024), 0);
        fixture_run_until(f, f->n_streams_closed == 1);
        assert_int_equal(f->stream_error, -ETIMEDOUT);
        client_free(c);
        free(data);
}

static void a_reader_that_leaves_is_noticed(void **state)
{
        Fixture *f = *state;
        Client *c;

        fixture_start(f);
        c = client_new(f);
        (void) open_stream(c);
        client_free(c);
        fixture_run_until(f, f->n_streams_closed == 1);
        assert_int_equal(f->stream_error, -ECONNRESET);
        fixture_run_until(f, http_server_counters(f->server)->connections_open == 0);
        assert_int_equal(http_server_counters(f->server)->streams_open, 0);
}

static void the_answer_to_a_head_is_over_at_once(void **state)
{
        Fixture *f = *state;
        Client *c;

        fixture_start(f);
        c = client_new(f);
        client_send(c, "HEAD /stream HTTP/1.1\r\nHost: a\r\n\r\n");
        client_expect(c, "\r\n\r\n");
        fixture_run_until(f, f->n_streams_closed == 1);
        assert_int_equal(f->stream_error, 0);
        assert_int_equal(client_get(c, "/hello", NULL), 200);
        client_free(c);
}

static void a_stream_is_told_when_the_server_ends(void **state)
{
        Fixture *f = *state;
        Client *waiting, *stuck;
        char chunk[65536] = { 0 };
        HttpStream *stream;

        fixture_start(f);
        waiting = client_new(f);
        (void) open_stream(waiting);
        stuck = client_new(f);
        stream = open_stream(stuck);
        client_stop_reading(stuck);
        while (http_stream_waiting(stream) < 1024 * 1024) {
                assert_int_equal(http_stream_write(stream, chunk, sizeof chunk), 0);
                assert_true(sd_event_run(f->event, 0) >= 0);
        }
        fixture_stop(f);
        assert_int_equal(f->n_streams_closed, 2);
        assert_int_equal(f->stream_error, -ECANCELED);
        client_free(waiting);
        client_free(stuck);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
                TEST(pieces_arrive_as_they_are_written),
                TEST(a_stream_without_a_byte_is_whole),
                TEST(a_parked_request_may_become_a_stream),
                TEST(much_arrives_in_order_when_the_reader_sets_the_pace),
                TEST(a_reader_that_is_too_slow_is_cut_off_alone),
                TEST(one_piece_too_large_cuts_an_idle_stream),
                TEST(a_reader_that_stops_is_timed_out),
                TEST(a_reader_that_leaves_is_noticed),
                TEST(the_answer_to_a_head_is_over_at_once),
                TEST(a_stream_is_told_when_the_server_ends),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
