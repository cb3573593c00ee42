/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/httpd/fixture.h"

#include <stdio.h>
#include <unistd.h>

#include "basic/string-util.h"

static void a_request_is_answered(void **state)
{
        Fixture *f = *state;
        const char *body;
        Client *c;

        fixture_start(f);
        c = client_new(f);
        assert_int_equal(client_get(c, "/hello", &body), 200);
        assert_string_equal(body, "hello");
        fixture_run_until(f, f->n_done == 1);
        assert_int_equal(f->done.status, 200);
        assert_int_equal(f->done.sent_bytes, 5);
        assert_string_equal(f->done_method, "GET");
        assert_string_equal(f->done_route, "route");
        client_free(c);
}

static void a_connection_is_kept_and_used_again(void **state)
{
        Fixture *f = *state;
        const char *body;
        Client *c;

        fixture_start(f);
        c = client_new(f);
        for (unsigned i = 0; i < 50; i++) {
                assert_int_equal(client_get(c, i % 2 ? "/hello" : "/nowhere", &body), i % 2 ? 200 : 404);
                assert_string_equal(body, i % 2 ? "hello" : "not here");
        }
        assert_int_equal(http_server_counters(f->server)->connections, 1);
        assert_int_equal(http_server_counters(f->server)->requests, 50);
        client_free(c);
}

static void pipelined_requests_are_answered_in_order(void **state)
{
        Fixture *f = *state;
        const char *body;
        Client *c;

        fixture_start(f);
        c = client_new(f);
        client_send(c, "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n"
                       "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\none"
                       "GET /park HTTP/1.1\r\nHost: a\r\n\r\n"
                       "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\ntwo");
        assert_int_equal(client_expect_response(c, &body), 200);
        assert_string_equal(body, "hello");
        assert_int_equal(client_expect_response(c, &body), 200);
        assert_string_equal(body, "one");
        fixture_run_until(f, f->n_parked == 1);
        assert_int_equal(http_request_respond(f->parked[0], 200, NULL, "waited", 6), 0);
        assert_int_equal(client_expect_response(c, &body), 200);
        assert_string_equal(body, "waited");
        assert_int_equal(client_expect_response(c, &body), 200);
        assert_string_equal(body, "two");
        client_free(c);
}

static void a_request_may_come_byte_by_byte(void **state)
{
        static const char request[] = "POST /echo?a=b HTTP/1.1\r\nHost: a\r\nX-Thing: 1\r\nContent-Length: 9\r\n\r\n"
                                      "slow body";
        Fixture *f = *state;
        const char *body;
        Client *c;

        fixture_start(f);
        c = client_new(f);
        for (size_t i = 0; i < strlen(request); i++) {
                client_send_bytes(c, request + i, 1);
                assert_true(sd_event_run(f->event, 0) >= 0);
        }
        assert_int_equal(client_expect_response(c, &body), 200);
        assert_string_equal(body, "slow body");
        client_free(c);
}

static void what_a_request_says_is_told(void **state)
{
        Fixture *f = *state;
        const char *body;
        Client *c;

        fixture_start(f);
        c = client_new(f);
        client_send(c, "GET /about%20t%C3%BCr?color=dark%20red&Color=no&empty=&bare&a+b=c%26d HTTP/1.1\r\n"
                       "Host: a\r\nX-THING: some thing\r\n\r\n");
        assert_int_equal(client_expect_response(c, &body), 200);
        assert_string_equal(body, "GET /about tür peer=127.0.0.1 cred=-95/0 color=dark red header=some thing "
                                  "query=color=dark red;Color=no;empty=;bare=;a b=c&d;");
        client_free(c);
}

static void over_a_local_socket_the_peer_is_known(void **state)
{
        Fixture *f = *state;
        const char *body;
        Client *c;

        f->is_unix = true;
        fixture_start(f);
        c = client_new(f);
        assert_int_equal(client_get(c, "/about", &body), 200);
        assert_string_equal(body, "GET /about peer=unix cred=0/1 color=(none) header=(none) query=");
        client_free(c);
}

static void odd_addresses_are_refused(void **state)
{
        static const char *const bad[] = {
                "/about%00x", "/about%zz", "/about%", "/about%4", "/about%ff", "/about%c0%af",
                "/about?a=%00", "/about?a=%ff", "/about?%fe=a", "/about?a=%e2%82",
        };
        Fixture *f = *state;
        const char *body;

        fixture_start(f);
        for (size_t i = 0; i < ELEMENTSOF(bad); i++) {
                Client *c = client_new(f);

                assert_row(client_get(c, bad[i], &body) == 400, bad[i]);
                assert_row(streq(body, "{\"status\":400,\"code\":\"invalid_uri\"}"), bad[i]);
                client_free(c);
        }
        assert_int_equal(f->n_requests, 0);
}

static void what_is_not_http_is_refused(void **state)
{
        static const char *const bad[] = {
                "GET /hello HTTP/1.1\r\n\r\n",                                          /* no Host */
                "GET /hello HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
                "GET /hello HTTP/1.1\r\nHost: a\r\nnocolon\r\n\r\n",
                "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n",
                "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n",
                "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
                "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\nabc",
                "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
                "GET /hello HTTP/9.9\r\nHost: a\r\n\r\n",
                "GET\r\n\r\n",
        };
        Fixture *f = *state;

        fixture_start(f);
        for (size_t i = 0; i < ELEMENTSOF(bad); i++) {
                Client *c = client_new(f);

                client_send(c, bad[i]);
                client_expect_eof(c);
                /* Answered with an error, or just closed: never served. */
                assert_row(!c->in.data || startswith(c->in.data, "HTTP/1.1 4") || startswith(c->in.data, "HTTP/1.1 5"),
                           bad[i]);
                client_free(c);
        }
        assert_int_equal(f->n_requests, 0);
}

static void bodies_come_whole(void **state)
{
        Fixture *f = *state;
        const size_t size = 3 * 1024 * 1024;
        char *data = malloc(size);
        const char *body;
        char head[128];
        Client *c;

        assert_non_null(data);
        for (size_t i = 0; i < size; i++)
                data[i] = (char) ('a' + i % 23);
        fixture_start(f);
        c = client_new(f);
        snprintf(head, sizeof head, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: %zu\r\n\r\n", size);
        client_send(c, head);
        client_send_bytes(c, data, size);
        assert_int_equal(client_expect_response(c, &body), 200);
        assert_memory_equal(body, data, size);
        assert_int_equal(client_get(c, "/hello", NULL), 200);
        assert_int_equal(http_server_counters(f->server)->bodies_bytes, 0);
        client_free(c);
        free(data);
}

static void chunked_bodies_come_whole(void **state)
{
        Fixture *f = *state;
        const char *body;
        Client *c;

        fixture_start(f);
        c = client_new(f);
        client_send(c, "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
                       "5\r\nhello\r\n1\r\n \r\nA\r\nchunk body\r\n0\r\nX-Trailer: 1\r\n\r\n");
        assert_int_equal(client_expect_response(c, &body), 200);
        assert_string_equal(body, "hello chunk body");
        assert_int_equal(client_get(c, "/hello", NULL), 200);
        client_free(c);
}

static void a_body_too_large_is_refused_before_it_is_sent(void **state)
{
        Fixture *f = *state;
        const char *body;
        Client *c;

        f->limits.body_bytes_max = 1000;
        fixture_start(f);
        c = client_new(f);
        client_send(c, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 1001\r\nExpect: 100-continue\r\n\r\n");
        assert_int_equal(client_expect_response(c, &body), 413);
        assert_string_equal(body, "{\"status\":413,\"code\":\"body_too_large\"}");
        client_expect_eof(c);
        client_free(c);

        c = client_new(f);
        client_send(c, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999999\r\n\r\n");
        client_expect_eof(c);
        assert_non_null(startswith(c->in.data, "HTTP/1.1 413"));
        client_free(c);
        assert_int_equal(f->n_requests, 0);
}

/* The client sends all of it and reads only then, as simple ones do: the answer has to be there still. */
static void a_client_that_sends_too_much_anyway_gets_the_answer(void **state)
{
        Fixture *f = *state;
        const size_t size = 16 * 1024 * 1024;
        char *data = calloc(1, size);
        const char *body;
        Client *c;

        assert_non_null(data);
        fixture_start(f);
        c = client_new(f);
        client_stop_reading(c);
        client_send(c, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 16777216\r\n\r\n");
        for (size_t sent = 0; sent < size;) {
                ssize_t n = send(c->fd, data + sent, size - sent, MSG_NOSIGNAL);

                if (n > 0)
                        sent += (size_t) n;
                else
                        assert_int_equal(errno, EAGAIN);
                assert_true(sd_event_run(f->event, 1000) >= 0);
        }
        assert_true(sd_event_source_set_enabled(c->source, SD_EVENT_ON) >= 0);
        assert_int_equal(client_expect_response(c, &body), 413);
        assert_string_equal(body, "{\"status\":413,\"code\":\"body_too_large\"}");
        client_expect_eof(c);
        client_free(c);
        free(data);
}

static void a_chunked_body_too_large_is_refused_on_the_way(void **state)
{
        Fixture *f = *state;
        const char *body;
        Client *c;

        f->limits.body_bytes_max = 10;
        fixture_start(f);
        c = client_new(f);
        client_send(c, "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
                       "8\r\n12345678\r\n8\r\n12345678\r\n");
        assert_int_equal(client_expect_response(c, &body), 413);
        assert_string_equal(body, "{\"status\":413,\"code\":\"body_too_large\"}");
        client_expect_eof(c);
        assert_int_equal(f->n_requests, 0);
        assert_int_equal(f->done.status, 413);
        client_free(c);
}

static void too_many_bodies_at_once_are_refused(void **state)
{
        Fixture *f = *state;
        const char *body;
        Client *a, *b;

        f->limits.body_bytes_max = 1000;
        f->limits.bodies_bytes_max = 1000;
        fixture_start(f);
        a = client_new(f);
        b = client_new(f);
        client_send(a, "POST /park HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\nfirst!");
        fixture_run_until(f, f->n_parked == 1);
        assert_int_equal(http_server_counters(f->server)->bodies_bytes, 6);
        client_send(b, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 995\r\n\r\n");
        for (unsigned i = 0; i < 199; i++)
                client_send(b, "12345");
        assert_int_equal(client_expect_response(b, &body), 503);
        assert_string_equal(body, "{\"status\":503,\"code\":\"overloaded\"}");
        assert_int_equal(http_request_respond(f->parked[0], 200, NULL, "", 0), 0);
        assert_int_equal(client_expect_response(a, NULL), 200);
        client_free(a);
        client_free(b);
}

static void long_addresses_and_headers_are_refused(void **state)
{
        Fixture *f = *state;
        char request[4096], filler[2048];
        const char *body;
        Client *c;

        f->limits.uri_bytes_max = 100;
        f->limits.header_bytes_max = 1000;
        memset(filler, 'x', sizeof filler);
        fixture_start(f);

        c = client_new(f);
        snprintf(request, sizeof request, "GET /%.100s HTTP/1.1\r\nHost: a\r\n\r\n", filler);
        client_send(c, request);
        assert_int_equal(client_expect_response(c, &body), 414);
        assert_string_equal(body, "{\"status\":414,\"code\":\"uri_too_long\"}");
        client_free(c);

        c = client_new(f);
        snprintf(request, sizeof request, "GET / HTTP/1.1\r\nHost: a\r\nX-A: %.1000s\r\n\r\n", filler);
        client_send(c, request);
        assert_int_equal(client_expect_response(c, &body), 431);
        assert_string_equal(body, "{\"status\":431,\"code\":\"headers_too_large\"}");
        client_free(c);

        /* Without end: there the library gives up. */
        c = client_new(f);
        client_send(c, "GET / HTTP/1.1\r\nHost: a\r\n");
        for (unsigned i = 0; i < 100 && !c->eof; i++) {
                snprintf(request, sizeof request, "X-%u: %.200s\r\n", i, filler);
                client_send(c, request);
                assert_true(sd_event_run(f->event, 0) >= 0);
        }
        client_expect(c, "HTTP/1.1 431");
        client_expect_eof(c);
        client_free(c);
        assert_int_equal(f->n_requests, 0);
}

static void head_gets_the_headers_only(void **state)
{
        Fixture *f = *state;
        const char *head, *body;
        Client *c;

        fixture_start(f);
        c = client_new(f);
        client_send(c, "HEAD /hello HTTP/1.1\r\nHost: a\r\n\r\n");
        head = client_expect(c, "\r\n\r\n");
        assert_non_null(strstr(head, "HTTP/1.1 200"));
        assert_non_null(strstr(head, "Content-Length: 5"));
        assert_int_equal(client_get(c, "/hello", &body), 200);
        assert_string_equal(body, "hello");
        client_free(c);
}

static void expect_continue_is_answered_before_the_body(void **state)
{
        Fixture *f = *state;
        const char *body;
        Client *c;

        fixture_start(f);
        c = client_new(f);
        client_send(c, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n");
        client_expect(c, "HTTP/1.1 100 Continue\r\n\r\n");
        client_send(c, "body");
        assert_int_equal(client_expect_response(c, &body), 200);
        assert_string_equal(body, "body");
        client_free(c);
}

static void http_1_0_is_answered_and_closed(void **state)
{
        Fixture *f = *state;
        Client *c;

        fixture_start(f);
        c = client_new(f);
        client_send(c, "GET /hello HTTP/1.0\r\n\r\n");
        client_expect(c, "200 OK");
        client_expect(c, "\r\n\r\nhello");
        client_expect_eof(c);
        client_free(c);
}

static void a_parked_request_is_answered_later(void **state)
{
        Fixture *f = *state;
        const char *body;
        Client *c;

        fixture_start(f);
        c = client_new(f);
        for (unsigned i = 0; i < 3; i++) {
                client_send(c, "POST /park HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi");
                fixture_run_until(f, f->n_parked == i + 1);
                assert_int_equal(http_server_counters(f->server)->parked, 1);
                fixture_run_for(f, 20 * USEC_PER_MSEC);
                assert_int_equal(c->in.size, 0);
                body = http_request_body(f->parked[i], &(size_t){ 0 });
                assert_int_equal(http_request_respond_take(f->parked[i], 202, NULL, strdup(body), 2), 0);
                assert_int_equal(client_expect_response(c, &body), 202);
                assert_string_equal(body, "hi");
        }
        assert_int_equal(client_get(c, "/park-and-answer", &body), 200);
        assert_string_equal(body, "quick");
        assert_int_equal(http_server_counters(f->server)->parked, 0);
        assert_int_equal(f->n_abandoned, 0);
        client_free(c);
}

static void many_parked_requests_are_answered_in_any_order(void **state)
{
        Fixture *f = *state;
        Client *clients[100];
        const char *body;

        fixture_start(f);
        for (unsigned i = 0; i < 100; i++) {
                clients[i] = client_new(f);
                client_send(clients[i], "GET /park HTTP/1.1\r\nHost: a\r\n\r\n");
                fixture_run_until(f, f->n_parked == i + 1);
        }
        for (unsigned i = 0; i < 100; i++) {
                unsigned j = i * 37 % 100;
                char number[16];

                snprintf(number, sizeof number, "%u", j);
                assert_int_equal(http_request_respond(f->parked[j], 200, NULL, number, strlen(number)), 0);
        }
        for (unsigned i = 0; i < 100; i++) {
                assert_int_equal(client_expect_response(clients[i], &body), 200);
                assert_int_equal(strtoul(body, NULL, 10), i);
                client_free(clients[i]);
        }
}

static void a_parked_request_learns_that_its_client_left(void **state)
{
        for (unsigned is_unix = 0; is_unix < 2; is_unix++) {
                Fixture *f = *state;
                Client *c;

                f->is_unix = is_unix;
                f->n_parked = f->n_abandoned = f->n_done = 0;
                fixture_start(f);
                c = client_new(f);
                client_send(c, "GET /park HTTP/1.1\r\nHost: a\r\n\r\n");
                fixture_run_until(f, f->n_parked == 1);
                client_free(c);
                fixture_run_until(f, f->n_abandoned == 1);
                assert_int_equal(f->abandoned_error, -ECONNRESET);
                fixture_run_until(f, http_server_counters(f->server)->connections_open == 0);
                assert_int_equal(f->n_done, 1);
                assert_int_equal(f->done.status, 0);
                assert_int_equal(http_server_counters(f->server)->abandoned, 1);
                fixture_stop(f);
        }
}

static void a_parked_request_has_a_deadline(void **state)
{
        Fixture *f = *state;
        const char *body;
        Client *c;

        f->limits.park_timeout_usec = 50 * USEC_PER_MSEC;
        fixture_start(f);
        c = client_new(f);
        assert_int_equal(client_get(c, "/park", &body), 504);
        assert_string_equal(body, "{\"status\":504,\"code\":\"answer_timeout\"}");
        assert_int_equal(f->n_abandoned, 1);
        assert_int_equal(f->abandoned_error, -ETIMEDOUT);
        assert_int_equal(client_get(c, "/hello", NULL), 200);
        client_free(c);
}

static void a_parked_request_is_told_when_the_server_ends(void **state)
{
        Fixture *f = *state;
        Client *c;

        fixture_start(f);
        c = client_new(f);
        client_send(c, "GET /park HTTP/1.1\r\nHost: a\r\n\r\n");
        fixture_run_until(f, f->n_parked == 1);
        fixture_stop(f);
        assert_int_equal(f->n_abandoned, 1);
        assert_int_equal(f->abandoned_error, -ECANCELED);
        assert_int_equal(f->n_done, 1);
        client_expect_eof(c);
        client_free(c);
}

static void a_request_nobody_answers_is_an_error_of_ours(void **state)
{
        Fixture *f = *state;
        const char *body;
        Client *c;

        fixture_start(f);
        c = client_new(f);
        assert_int_equal(client_get(c, "/forgotten", &body), 500);
        assert_string_equal(body, "{\"status\":500,\"code\":\"internal_error\"}");
        client_free(c);
}

static void headers_cannot_be_smuggled_into_an_answer(void **state)
{
        Fixture *f = *state;
        Client *c;

        fixture_start(f);
        c = client_new(f);
        client_send(c, "GET /bad-header HTTP/1.1\r\nHost: a\r\n\r\n");
        client_expect_eof(c);
        assert_int_equal(c->in.size, 0);
        client_free(c);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
                TEST(a_request_is_answered),
                TEST(a_connection_is_kept_and_used_again),
                TEST(pipelined_requests_are_answered_in_order),
                TEST(a_request_may_come_byte_by_byte),
                TEST(what_a_request_says_is_told),
                TEST(over_a_local_socket_the_peer_is_known),
                TEST(odd_addresses_are_refused),
                TEST(what_is_not_http_is_refused),
                TEST(bodies_come_whole),
                TEST(chunked_bodies_come_whole),
                TEST(a_body_too_large_is_refused_before_it_is_sent),
                TEST(a_client_that_sends_too_much_anyway_gets_the_answer),
                TEST(a_chunked_body_too_large_is_refused_on_the_way),
                TEST(too_many_bodies_at_once_are_refused),
                TEST(long_addresses_and_headers_are_refused),
                TEST(head_gets_the_headers_only),
                TEST(expect_continue_is_answered_before_the_body),
                TEST(http_1_0_is_answered_and_closed),
                TEST(a_parked_request_is_answered_later),
                TEST(many_parked_requests_are_answered_in_any_order),
                TEST(a_parked_request_learns_that_its_client_left),
                TEST(a_parked_request_has_a_deadline),
                TEST(a_parked_request_is_told_when_the_server_ends),
                TEST(a_request_nobody_answers_is_an_error_of_ours),
                TEST(headers_cannot_be_smuggled_into_an_answer),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
