/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/httpd/fixture.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

#include "basic/fd-util.h"
#include "basic/string-util.h"

/* Sends one byte after the other, each some time after the last, until the server has enough of it. */
static void trickle_until_closed(Client *c, const char *begin)
{
        usec_t start = now_usec(CLOCK_MONOTONIC);

        client_send(c, begin);
        while (!c->eof) {
                client_send(c, "x");
                fixture_run_for(c->fixture, 5 * USEC_PER_MSEC);
                assert_true(now_usec(CLOCK_MONOTONIC) - start < GUARD_USEC);
        }
}

static void slow_headers_have_a_deadline(void **state)
{
        static const char *const begins[] = { "G", "GET /hello HTTP/1.1\r\n", "GET /hello HTTP/1.1\r\nHost: a\r\nX: " };
        Fixture *f = *state;
        const char *body;

        f->limits.header_timeout_usec = 60 * USEC_PER_MSEC;
        fixture_start(f);
        for (size_t i = 0; i < ELEMENTSOF(begins); i++) {
                Client *c = client_new(f);

                trickle_until_closed(c, begins[i]);
                assert_int_equal(client_expect_response(c, &body), 408);
                assert_string_equal(body, "{\"status\":408,\"code\":\"request_timeout\"}");
                client_free(c);
        }
        assert_int_equal(f->n_requests, 0);
        assert_int_equal(http_server_counters(f->server)->timeouts, 3);
}

static void slow_headers_of_a_later_request_too(void **state)
{
        Fixture *f = *state;
        Client *c;

        f->limits.header_timeout_usec = 60 * USEC_PER_MSEC;
        fixture_start(f);
        c = client_new(f);
        assert_int_equal(client_get(c, "/hello", NULL), 200);
        trickle_until_closed(c, "GET /hello HTTP/1.1\r\nX: ");
        assert_int_equal(client_expect_response(c, NULL), 408);
        client_free(c);
}

static void a_later_request_that_never_gets_a_line_ends(void **state)
{
        Fixture *f = *state;
        Client *c;

        f->limits.header_timeout_usec = 60 * USEC_PER_MSEC;
        f->limits.idle_timeout_usec = 60 * USEC_PER_MSEC;
        fixture_start(f);
        c = client_new(f);
        assert_int_equal(client_get(c, "/hello", NULL), 200);
        trickle_until_closed(c, "G");
        assert_int_equal(c->in.size, 0);
        client_free(c);
}

static void slow_bodies_have_a_deadline(void **state)
{
        static const char *const begins[] = {
                "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\nhalf",
                "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nFFFF\r\nhalf",
        };
        Fixture *f = *state;
        const char *body;

        f->limits.body_timeout_usec = 60 * USEC_PER_MSEC;
        fixture_start(f);
        for (size_t i = 0; i < ELEMENTSOF(begins); i++) {
                Client *c = client_new(f);

                trickle_until_closed(c, begins[i]);
                assert_int_equal(client_expect_response(c, &body), 408);
                client_free(c);
        }
        assert_int_equal(f->n_requests, 0);
        assert_int_equal(f->done.status, 408);
        assert_int_equal(http_server_counters(f->server)->bodies_bytes, 0);
}

static void a_client_that_leaves_within_a_request_is_forgotten(void **state)
{
        static const char *const begins[] = {
                "", "GET /he", "GET /hello HTTP/1.1\r\nHost:",
                "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nhalf",
                "GET /big HTTP/1.1\r\nHost: a\r\n\r\n",
        };
        Fixture *f = *state;

        fixture_start(f);
        for (size_t i = 0; i < ELEMENTSOF(begins); i++) {
                Client *c = client_new(f);

                client_stop_reading(c);
                client_send(c, begins[i]);
                fixture_run_until(f, http_server_counters(f->server)->connections == i + 1);
                fixture_run_for(f, 5 * USEC_PER_MSEC);
                client_free(c);
        }
        fixture_run_until(f, http_server_counters(f->server)->connections_open == 0);
        assert_int_equal(http_server_counters(f->server)->requests_open, 0);
}

static void an_idle_connection_is_closed(void **state)
{
        Fixture *f = *state;
        Client *c;

        f->limits.idle_timeout_usec = USEC_PER_SEC;
        fixture_start(f);
        c = client_new(f);
        assert_int_equal(client_get(c, "/hello", NULL), 200);
        client_expect_eof(c);
        client_free(c);
}

static void a_reader_that_takes_nothing_is_closed(void **state)
{
        Fixture *f = *state;
        Client *c;

        f->limits.idle_timeout_usec = USEC_PER_SEC;
        fixture_start(f);
        c = client_new(f);
        client_stop_reading(c);
        client_send(c, "GET /big HTTP/1.1\r\nHost: a\r\n\r\n");
        fixture_run_until(f, f->n_done == 1);
        assert_int_equal(http_server_counters(f->server)->requests_open, 0);
        client_free(c);
}

static void too_many_connections_are_told_so(void **state)
{
        Fixture *f = *state;
        Client *clients[3];
        const char *body;

        f->limits.connections_max = 2;
        fixture_start(f);
        for (unsigned i = 0; i < 3; i++) {
                clients[i] = client_new(f);
                fixture_run_until(f, http_server_counters(f->server)->connections == i + 1);
        }
        assert_int_equal(client_get(clients[2], "/hello", &body), 503);
        assert_string_equal(body, "{\"status\":503,\"code\":\"too_many_connections\"}");
        client_expect_eof(clients[2]);
        assert_int_equal(client_get(clients[0], "/hello", NULL), 200);
        client_free(clients[0]);
        client_free(clients[2]);
        fixture_run_until(f, http_server_counters(f->server)->connections_open == 1);

        clients[2] = client_new(f);
        assert_int_equal(client_get(clients[2], "/hello", NULL), 200);
        client_free(clients[1]);
        client_free(clients[2]);
}

static void one_address_gets_only_so_many(void **state)
{
        Fixture *f = *state;
        Client *clients[3];

        f->limits.per_address_max = 2;
        fixture_start(f);
        for (unsigned i = 0; i < 3; i++)
                clients[i] = client_new(f);
        client_expect_eof(clients[2]);
        assert_int_equal(clients[2]->in.size, 0);
        assert_int_equal(client_get(clients[0], "/hello", NULL), 200);
        assert_int_equal(client_get(clients[1], "/hello", NULL), 200);
        for (unsigned i = 0; i < 3; i++)
                client_free(clients[i]);
}

static void limits_that_make_no_sense_are_refused(void **state)
{
        Fixture *f = *state;
        HttpLimits limits = HTTP_LIMITS_DEFAULT;
        Fault fault = { 0 };

        limits.uri_bytes_max = limits.header_bytes_max + 1;
        assert_int_equal(http_server_new(f->event, &(HttpServerParams){ .listen_fd = -EBADF, .limits = limits },
                                         &f->server, &fault), -EBADMSG);
        assert_string_equal(fault.field, "uri_bytes");
        assert_null(f->server);
        fault_done(&fault);
}

static void what_is_no_socket_is_refused(void **state)
{
        Fixture *f = *state;
        int fds[2];

        assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
        assert_int_equal(http_server_new(f->event, &(HttpServerParams){ .listen_fd = fds[0],
                                                                       .limits = HTTP_LIMITS_DEFAULT },
                                         &f->server, NULL), -ENOTSOCK);
        safe_close(fds[1]);
}

static void two_servers_share_a_loop(void **state)
{
        Fixture *tcp = *state;
        Fixture local = { .event = tcp->event, .is_unix = true, .limits = HTTP_LIMITS_DEFAULT };
        Client *a, *b;

        fixture_start(tcp);
        fixture_start(&local);
        a = client_new(tcp);
        b = client_new(&local);
        assert_int_equal(client_get(a, "/hello", NULL), 200);
        assert_int_equal(client_get(b, "/hello", NULL), 200);
        assert_int_equal(tcp->n_requests, 1);
        assert_int_equal(local.n_requests, 1);
        client_free(a);
        client_free(b);
        fixture_stop(&local);
        free(local.taken);
}

static void on_drained(void *userdata)
{
        ((Fixture *) userdata)->drained = true;
}

static void on_drained_free(void *userdata)
{
        fixture_stop(userdata);
        on_drained(userdata);
}

static void an_idle_server_drains_at_once(void **state)
{
        Fixture *f = *state;

        fixture_start(f);
        http_server_drain(f->server, USEC_INFINITY, on_drained_free, f);
        fixture_run_until(f, f->drained);
        assert_null(f->server);
}

static void draining_finishes_what_is_under_way(void **state)
{
        Fixture *f = *state;
        Client *idle, *parked, *half, *late;
        const char *head;

        fixture_start(f);
        idle = client_new(f);
        assert_int_equal(client_get(idle, "/hello", NULL), 200);
        parked = client_new(f);
        client_send(parked, "GET /park HTTP/1.1\r\nHost: a\r\n\r\n");
        half = client_new(f);
        client_send(half, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nha");
        fixture_run_until(f, f->n_parked == 1 && http_server_counters(f->server)->requests == 3);

        http_server_drain(f->server, USEC_INFINITY, on_drained, f);
        late = client_new(f);
        client_expect_eof(idle);
        client_send(half, "lf");
        head = client_expect(half, "\r\n\r\nhalf");
        assert_non_null(strstr(head, "HTTP/1.1 200"));
        assert_non_null(strcasestr(head, "Connection: close"));
        client_expect_eof(half);
        assert_false(f->drained);

        assert_int_equal(http_request_respond(f->parked[0], 200, NULL, "done", 4), 0);
        client_expect(parked, "done");
        client_expect_eof(parked);
        fixture_run_until(f, f->drained);
        assert_int_equal(http_server_counters(f->server)->connections, 3);
        assert_int_equal(f->n_abandoned, 0);

        client_free(idle);
        client_free(parked);
        client_free(half);
        client_free(late);
}

static void draining_waits_for_streams_to_end(void **state)
{
        Fixture *f = *state;
        Client *c;

        fixture_start(f);
        c = client_new(f);
        client_send(c, "GET /stream HTTP/1.1\r\nHost: a\r\n\r\n");
        client_expect(c, "\r\n\r\n");
        http_server_drain(f->server, USEC_INFINITY, on_drained, f);
        assert_int_equal(http_stream_write(f->stream, "the rest", 8), 0);
        client_expect(c, "the rest");
        assert_false(f->drained);
        http_stream_end(f->stream);
        client_expect(c, "0\r\n\r\n");
        /* Though it was not told so when the answer began. */
        client_expect_eof(c);
        fixture_run_until(f, f->drained);
        assert_int_equal(f->stream_error, 0);
        client_free(c);
}

static void draining_cuts_what_does_not_finish(void **state)
{
        Fixture *f = *state;
        Client *parked, *stream, *half, *big;

        fixture_start(f);
        parked = client_new(f);
        client_send(parked, "GET /park HTTP/1.1\r\nHost: a\r\n\r\n");
        stream = client_new(f);
        client_send(stream, "GET /stream HTTP/1.1\r\nHost: a\r\n\r\n");
        half = client_new(f);
        client_send(half, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nha");
        big = client_new(f);
        client_stop_reading(big);
        client_send(big, "GET /big HTTP/1.1\r\nHost: a\r\n\r\n");
        fixture_run_until(f, http_server_counters(f->server)->requests == 4 && f->n_requests == 3);
        client_expect(stream, "\r\n\r\n");

        http_server_drain(f->server, 50 * USEC_PER_MSEC, on_drained, f);
        fixture_run_until(f, f->drained);
        assert_int_equal(f->n_abandoned, 1);
        assert_int_equal(f->abandoned_error, -ECANCELED);
        assert_int_equal(f->n_streams_closed, 1);
        assert_int_equal(f->stream_error, -ECANCELED);
        client_expect_eof(parked);
        client_expect_eof(stream);
        /* Not ended as if it were whole. */
        assert_int_equal(stream->in.size, 0);

        client_free(parked);
        client_free(stream);
        client_free(half);
        client_free(big);
}

/* 1,000 connections that idle, and one of everything else that can wait. */
static void waiting_costs_nothing(void **state)
{
        enum { IDLE = 1000 };
        Fixture *f = *state;
        Client *clients[IDLE], *parked, *stream, *half, *big;
        struct rlimit limit;
        uint64_t turns, before, after;

        assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
        if (limit.rlim_max < 2 * IDLE + 100)
                skip();
        limit.rlim_cur = MAX(limit.rlim_cur, (rlim_t) 2 * IDLE + 100);
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);

        fixture_start(f);
        for (unsigned i = 0; i < IDLE; i++)
                clients[i] = client_new(f);
        for (unsigned i = 0; i < IDLE; i++)
                assert_int_equal(client_get(clients[i], "/hello", NULL), 200);
        assert_int_equal(http_server_counters(f->server)->connections_open, IDLE);

        parked = client_new(f);
        client_send(parked, "GET /park HTTP/1.1\r\nHost: a\r\n\r\nGET /hello HTTP/1.1\r\nHost: a\r\n\r\n");
        stream = client_new(f);
        client_send(stream, "GET /stream HTTP/1.1\r\nHost: a\r\n\r\n");
        half = client_new(f);
        client_send(half, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nha");
        big = client_new(f);
        client_stop_reading(big);
        client_send(big, "GET /big HTTP/1.1\r\nHost: a\r\n\r\n");
        fixture_run_until(f, http_server_counters(f->server)->requests == IDLE + 4 && f->stream && f->n_parked == 1);
        fixture_run_for(f, 100 * USEC_PER_MSEC);

        turns = http_server_counters(f->server)->turns;
        assert_true(sd_event_get_iteration(f->event, &before) >= 0);
        fixture_run_for(f, USEC_PER_SEC);
        assert_true(sd_event_get_iteration(f->event, &after) >= 0);
        assert_true(http_server_counters(f->server)->turns - turns < 10);
        assert_true(after - before < 20);

        for (unsigned i = 0; i < IDLE; i++) {
                assert_int_equal(client_get(clients[i], "/hello", NULL), 200);
                client_free(clients[i]);
        }
        client_free(parked);
        client_free(stream);
        client_free(half);
        client_free(big);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
                TEST(slow_headers_have_a_deadline),
                TEST(slow_headers_of_a_later_request_too),
                TEST(a_later_request_that_never_gets_a_line_ends),
                TEST(slow_bodies_have_a_deadline),
                TEST(a_client_that_leaves_within_a_request_is_forgotten),
                TEST(an_idle_connection_is_closed),
                TEST(a_reader_that_takes_nothing_is_closed),
                TEST(too_many_connections_are_told_so),
                TEST(one_address_gets_only_so_many),
                TEST(limits_that_make_no_sense_are_refused),
                TEST(what_is_no_socket_is_refused),
                TEST(two_servers_share_a_loop),
                TEST(an_idle_server_drains_at_once),
                TEST(draining_finishes_what_is_under_way),
                TEST(draining_waits_for_streams_to_end),
                TEST(draining_cuts_what_does_not_finish),
                TEST(waiting_costs_nothing),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
