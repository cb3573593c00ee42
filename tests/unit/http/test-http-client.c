/* SPDX-License-Identifier: Apache-2.0 */
#include "http/http-client.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "basic/fd-util.h"
#include "basic/string-util.h"
#include "tests/unit/http/peer.h"
#include "tests/unit/scratch.h"

#define PATIENCE_USEC (20 * USEC_PER_SEC)

typedef struct Test {
        sd_event *event;
        Peer *peer;
        HttpClient *client;
        char *scratch;

        size_t n_done, n_ok, n_canceled;
        int error;
        long status;
        Buffer body;
        char content_type[64], message[256];
        int64_t content_length, modified_sec;
        usec_t retry_after_usec;
} Test;

static HttpClient *client_of(sd_event *event, unsigned connections_max)
{
        HttpClient *c;

        assert_int_equal(http_client_new(event,
                                         &(HttpClientParams){
                                                         .connections_max = connections_max,
                                                         .queue_max = 2000,
                                                         .connect_timeout_usec = 2 * USEC_PER_SEC,
                                                         .request_timeout_usec = 5 * USEC_PER_SEC,
                                         },
                                         &c),
                         0);
        return c;
}

static int setup(void **state)
{
        Test *t = test_calloc(1, sizeof(Test));
        void *scratch;

        assert_int_equal(scratch_setup(&scratch), 0);
        t->scratch = scratch;
        assert_true(sd_event_new(&t->event) >= 0);
        t->peer = peer_new(t->event, NULL);
        t->client = client_of(t->event, 4);
        *state = t;
        return 0;
}

static int teardown(void **state)
{
        Test *t = *state;
        void *scratch = t->scratch;

        http_client_free(t->client);
        peer_free(t->peer);
        buffer_done(&t->body);
        sd_event_unref(t->event);
        test_free(t);
        return scratch_teardown(&scratch);
}

static void on_done(int error, HttpAnswer *answer, const char *message, void *userdata)
{
        Test *t = userdata;

        t->n_done++;
        t->n_ok += error == 0 && answer->status == 200;
        t->n_canceled += error == -ECANCELED;
        t->error = error;
        t->status = answer->status;
        buffer_done(&t->body);
        t->body = TAKE(answer->body, (Buffer){ 0 });
        t->content_length = answer->content_length;
        t->modified_sec = answer->modified_sec;
        t->retry_after_usec = answer->retry_after_usec;
        (void) snprintf(t->content_type, sizeof(t->content_type), "%s",
                        answer->content_type ? answer->content_type : "");
        (void) snprintf(t->message, sizeof(t->message), "%s", message);
}

static void run_until(Test *t, const size_t *count, size_t wanted)
{
        usec_t deadline = now_usec(CLOCK_MONOTONIC) + PATIENCE_USEC;

        while (*count < wanted) {
                usec_t now = now_usec(CLOCK_MONOTONIC);

                if (now > deadline)
                        fail_msg("%zu of %zu", *count, wanted);
                assert_true(sd_event_run(t->event, deadline - now) >= 0);
        }
}

static void run_for(Test *t, usec_t usec)
{
        usec_t deadline = now_usec(CLOCK_MONOTONIC) + usec;

        for (usec_t now; (now = now_usec(CLOCK_MONOTONIC)) < deadline;)
                assert_true(sd_event_run(t->event, deadline - now) >= 0);
}

static void call(Test *t, const HttpCall *c)
{
        size_t before = t->n_done;

        assert_int_equal(http_client_call(t->client, c, on_done, t, NULL), 0);
        assert_int_equal(t->n_done, before);
}

static void get(Test *t, const char *what)
{
        call(t, &(HttpCall){ .url = peer_url(t->peer, what), .answer_max = 1 << 20 });
        run_until(t, &t->n_done, t->n_done + 1);
}

static void answer_comes_whole(void **state)
{
        Test *t = *state;

        get(t, "ok");
        assert_int_equal(t->error, 0);
        assert_int_equal(t->status, 200);
        assert_string_equal(t->body.data, "hello");
        assert_string_equal(t->content_type, "text/plain");
        assert_int_equal(t->content_length, 5);
        assert_int_equal(t->modified_sec, 100);

        get(t, "chunks");
        assert_string_equal(t->body.data, "onetwo");
        assert_int_equal(t->content_length, -1);
        get(t, "status/503");
        assert_int_equal(t->error, 0);
        assert_int_equal(t->status, 503);
        assert_int_equal(t->retry_after_usec, 7 * USEC_PER_SEC);
        assert_int_equal(t->modified_sec, -1);
}

static void head_has_a_length_and_no_body(void **state)
{
        Test *t = *state;

        call(t, &(HttpCall){ .method = HTTP_HEAD, .url = peer_url(t->peer, "size/123456"), .answer_max = 0 });
        run_until(t, &t->n_done, 1);
        assert_int_equal(t->error, 0);
        assert_int_equal(t->content_length, 123456);
        assert_int_equal(t->body.size, 0);
}

static void bodies_go_out_by_put_and_post(void **state)
{
        static char body[300000];
        Test *t = *state;

        for (size_t i = 0; i < sizeof(body); i++)
                body[i] = (char) (i * 7);
        for (size_t i = 0; i < 6; i++) {
                size_t size = i < 2 ? sizeof(body) : i < 4 ? 1 : 0;

                call(t, &(HttpCall){ .method = i % 2 ? HTTP_PUT : HTTP_POST,
                                     .url = peer_url(t->peer, "echo"),
                                     .body = body,
                                     .body_size = size,
                                     .answer_max = sizeof(body) });
                run_until(t, &t->n_done, i + 1);
                assert_int_equal(t->error, 0);
                assert_int_equal(t->body.size, size);
                assert_true(size == 0 || memcmp(t->body.data, body, size) == 0);
        }
        assert_int_equal(peer_connections(t->peer), 1);
}

static void connection_is_kept(void **state)
{
        Test *t = *state;

        for (size_t i = 0; i < 50; i++)
                get(t, "ok");
        assert_int_equal(t->n_ok, 50);
        assert_int_equal(peer_connections(t->peer), 1);
}

static void body_is_sent_again_when_a_kept_connection_is_dead(void **state)
{
        static char body[3000000];
        Test *t = *state;

        for (size_t i = 0; i < sizeof(body); i++)
                body[i] = (char) (i * 13);
        for (size_t i = 1; i <= 5; i++) {
                get(t, "once");
                call(t, &(HttpCall){ .method = HTTP_PUT,
                                     .url = peer_url(t->peer, "echo"),
                                     .body = body,
                                     .body_size = sizeof(body),
                                     .answer_max = sizeof(body) });
                run_until(t, &t->n_done, 2 * i);
                assert_int_equal(t->error, 0);
                assert_int_equal(t->body.size, sizeof(body));
                assert_memory_equal(t->body.data, body, sizeof(body));
        }
}

static void many_wait_for_a_connection(void **state)
{
        Test *t = *state;

        for (size_t i = 0; i < 1000; i++)
                call(t, &(HttpCall){ .url = peer_url(t->peer, "ok"), .answer_max = 100 });
        assert_int_equal(http_client_counters(t->client)->in_flight, 1000);
        run_until(t, &t->n_done, 1000);
        assert_int_equal(t->n_ok, 1000);
        assert_true(peer_most(t->peer) <= 4);
        assert_true(peer_connections(t->peer) <= 4);
        assert_int_equal(http_client_counters(t->client)->in_flight, 0);
        assert_int_equal(http_client_counters(t->client)->requests, 1000);
}

static void full_client_refuses_more(void **state)
{
        Test *t = *state;
        HttpCall c = { .url = peer_url(t->peer, "ok"), .answer_max = 100 };

        for (size_t i = 0; i < 2000; i++)
                call(t, &c);
        assert_int_equal(http_client_call(t->client, &c, on_done, t, NULL), -ENOBUFS);
        run_until(t, &t->n_done, 2000);
        call(t, &c);
        run_until(t, &t->n_done, 2001);
        assert_int_equal(t->n_ok, 2001);
}

static void refused_connection_is_told(void **state)
{
        Test *t = *state;
        _cleanup_(freep) char *url = strdup(peer_url(t->peer, "ok"));

        peer_close(t->peer);
        call(t, &(HttpCall){ .url = url, .answer_max = 100 });
        run_until(t, &t->n_done, 1);
        assert_int_equal(t->error, -ECONNREFUSED);
        assert_non_null(strstr(t->message, "127.0.0.1"));
        assert_int_equal(http_client_counters(t->client)->failures, 1);
}

static void unknown_host_is_told(void **state)
{
        char url[] = "http://0123456789012345678901234567890123456789012345678901234567890123456789/";
        Test *t = *state;

        /* Its label is too long for a name, so nobody is asked. */
        memset(url + STRLEN("http://"), 'a', 70);
        call(t, &(HttpCall){ .url = url, .answer_max = 100 });
        run_until(t, &t->n_done, 1);
        assert_int_equal(t->error, -EHOSTUNREACH);
}

static void broken_answers_are_told_apart(void **state)
{
        static const struct {
                const char *path;
                int error;
        } cases[] = {
                { "half", -ECONNRESET },
                { "rudely", -ECONNRESET },
                { "garbage", -EPROTO },
        };
        Test *t = *state;

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                get(t, cases[i].path);
                assert_row(t->error == cases[i].error, cases[i].path);
                assert_row(*t->message, cases[i].path);
        }
        get(t, "ok");
        assert_int_equal(t->error, 0);
}

static usec_t processor_usec(void)
{
        struct rusage u;

        assert_int_equal(getrusage(RUSAGE_SELF, &u), 0);
        return (usec_t) (u.ru_utime.tv_sec + u.ru_stime.tv_sec) * USEC_PER_SEC +
               (usec_t) (u.ru_utime.tv_usec + u.ru_stime.tv_usec);
}

static void silence_ends_in_time_and_costs_nothing(void **state)
{
        Test *t = *state;
        usec_t begin = now_usec(CLOCK_MONOTONIC), used = processor_usec();

        for (size_t i = 0; i < 4; i++)
                call(t, &(HttpCall){ .url = peer_url(t->peer, "silence"),
                                     .timeout_usec = USEC_PER_SEC,
                                     .answer_max = 100 });
        run_until(t, &t->n_done, 4);
        usec_t took = now_usec(CLOCK_MONOTONIC) - begin;

        assert_int_equal(t->error, -ETIMEDOUT);
        assert_true(took >= USEC_PER_SEC && took < 2 * USEC_PER_SEC);
        assert_true(processor_usec() - used < 200 * USEC_PER_MSEC);
}

static void idle_client_does_nothing(void **state)
{
        Test *t = *state;

        get(t, "ok");
        run_for(t, 200 * USEC_PER_MSEC);

        usec_t used = processor_usec();
        run_for(t, 2 * USEC_PER_SEC);
        assert_true(processor_usec() - used < 20 * USEC_PER_MSEC);
}

static void answer_beyond_its_limit_is_refused(void **state)
{
        Test *t = *state;

        call(t, &(HttpCall){ .url = peer_url(t->peer, "size/100000"), .answer_max = 100000 });
        run_until(t, &t->n_done, 1);
        assert_int_equal(t->error, 0);
        call(t, &(HttpCall){ .url = peer_url(t->peer, "size/100001"), .answer_max = 100000 });
        run_until(t, &t->n_done, 2);
        assert_int_equal(t->error, -EFBIG);
        assert_true(t->body.size <= 100000);
}

static void redirect_is_an_answer(void **state)
{
        Test *t = *state;

        get(t, "redirect");
        assert_int_equal(t->status, 302);
        assert_int_equal(peer_requests(t->peer), 1);
}

static void proxy_of_the_environment_is_ignored(void **state)
{
        static const char *const names[] = { "http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY" };
        Test *t = *state;

        for (size_t i = 0; i < ELEMENTSOF(names); i++)
                assert_int_equal(setenv(names[i], "http://127.0.0.1:1/", true), 0);
        get(t, "ok");
        for (size_t i = 0; i < ELEMENTSOF(names); i++)
                assert_int_equal(unsetenv(names[i]), 0);
        assert_int_equal(t->error, 0);
}

static void nothing_can_be_slipped_into_a_request(void **state)
{
        static const char *const headers[] = {
                "X-A: b\r\nX-Evil: 1", "X-A: b\n", "X-A: \x01",  "X-A\r\n: b", "no colon",
                ": no name",           "X A: b",   "X-A: b\x7f",
        };
        static const char *const urls[] = { "ok\r\nX-Evil: 1", "ok ok", "ok\n", "ok\t", "ok\x7f" };
        Test *t = *state;

        for (size_t i = 0; i < ELEMENTSOF(headers); i++) {
                char *const strv[] = { (char *) headers[i], NULL };
                HttpCall c = { .url = peer_url(t->peer, "ok"), .headers = strv };

                assert_row(http_client_call(t->client, &c, on_done, t, NULL) == -EINVAL, headers[i]);
        }
        for (size_t i = 0; i < ELEMENTSOF(urls); i++) {
                HttpCall c = { .url = peer_url(t->peer, urls[i]) };

                assert_row(http_client_call(t->client, &c, on_done, t, NULL) == -EINVAL, urls[i]);
        }
        HttpCall with_body = { .method = HTTP_DELETE, .url = peer_url(t->peer, "ok"), .body = "x", .body_size = 1 };
        assert_int_equal(http_client_call(t->client, &with_body, on_done, t, NULL), -EINVAL);

        /* Other schemes are not for us, whoever names them. */
        call(t, &(HttpCall){ .url = "file:///etc/passwd", .answer_max = 100000 });
        run_until(t, &t->n_done, 1);
        assert_int_equal(t->error, -EPROTO);
        assert_int_equal(t->body.size, 0);
}

static void headers_are_sent_as_given(void **state)
{
        char *const headers[] = { (char *) "X-Rce: one, two", (char *) "Accept: application/json", NULL };
        Test *t = *state;

        call(t, &(HttpCall){ .url = peer_url(t->peer, "head"), .headers = headers, .answer_max = 4096 });
        run_until(t, &t->n_done, 1);
        assert_non_null(strstr(t->body.data, "\r\nX-Rce: one, two\r\n"));
        assert_non_null(strstr(t->body.data, "\r\nAccept: application/json\r\n"));
        assert_null(strstr(t->body.data, "Expect"));
        assert_null(strstr(t->body.data, "User-Agent"));
}

static void request_is_signed_but_the_secret_stays(void **state)
{
        HttpSigV4 keys = { .region = "us-east-1", .access_key = "KEY", .secret_key = "SECRET" };
        Test *t = *state;

        call(t, &(HttpCall){ .url = peer_url(t->peer, "head"), .sigv4 = &keys, .answer_max = 4096 });
        run_until(t, &t->n_done, 1);
        assert_non_null(strstr(t->body.data, "Authorization: AWS4-HMAC-SHA256 Credential=KEY/"));
        assert_null(strstr(t->body.data, "SECRET"));
        assert_null(strstr(t->body.data, "Basic"));
}

static void unix_socket_is_spoken_to(void **state)
{
        Test *t = *state;
        const char *path = scratch_path(t->scratch, "api.sock");
        Peer *peer = peer_new(t->event, path);

        for (size_t i = 1; i <= 10; i++) {
                call(t, &(HttpCall){ .url = "http://localhost/ok", .unix_path = path, .answer_max = 100 });
                run_until(t, &t->n_done, i);
                assert_int_equal(t->error, 0);
                assert_string_equal(t->body.data, "hello");
        }
        assert_int_equal(peer_connections(peer), 1);
        assert_int_equal(peer_connections(t->peer), 0);
        peer_free(peer);

        call(t, &(HttpCall){ .url = "http://localhost/ok", .unix_path = path, .answer_max = 100 });
        run_until(t, &t->n_done, 11);
        assert_int_equal(t->error, -ECONNREFUSED);
}

static void cancelled_request_calls_nobody(void **state)
{
        HttpRequestHandle *handles[20];
        Test *t = *state;

        for (size_t i = 0; i < ELEMENTSOF(handles); i++) {
                HttpCall c = { .url = peer_url(t->peer, i % 2 ? "silence" : "ok"), .answer_max = 100 };

                assert_int_equal(http_client_call(t->client, &c, on_done, t, &handles[i]), 0);
                if (i == 7) {
                        size_t none = t->n_done;

                        run_for(t, 50 * USEC_PER_MSEC);
                        t->n_done = none;
                }
        }
        for (size_t i = 9; i < ELEMENTSOF(handles); i++)
                http_client_cancel(handles[i]);
        http_client_cancel(handles[1]);
        http_client_cancel(handles[3]);
        http_client_cancel(handles[5]);
        http_client_cancel(handles[7]);

        run_until(t, &t->n_done, 1);
        run_for(t, 100 * USEC_PER_MSEC);
        assert_int_equal(t->n_done, 1);
        assert_int_equal(http_client_counters(t->client)->in_flight, 0);
}

static void free_cancels_all(void **state)
{
        Test *t = *state;
        size_t descriptors = 0;

        for (size_t i = 0; i < 100; i++)
                call(t, &(HttpCall){ .url = peer_url(t->peer, i % 2 ? "silence" : "ok"), .answer_max = 100 });
        run_for(t, 50 * USEC_PER_MSEC);
        size_t done = t->n_done;

        t->client = http_client_free(t->client);
        assert_int_equal(t->n_done, 100);
        assert_int_equal(t->n_canceled, 100 - done);
        run_for(t, 50 * USEC_PER_MSEC);

        /* Nothing stays open. */
        descriptors = scratch_open_descriptors();
        t->client = client_of(t->event, 4);
        get(t, "ok");
        t->client = http_client_free(t->client);
        run_for(t, 50 * USEC_PER_MSEC);
        assert_int_equal(scratch_open_descriptors(), descriptors);
}

static void on_done_ask_again(int error, HttpAnswer *answer, const char *message, void *userdata)
{
        Test *t = userdata;

        on_done(error, answer, message, t);
        HttpCall c = { .url = peer_url(t->peer, t->n_done % 3 ? "ok" : "rudely"), .answer_max = 100 };
        if (t->n_done < 500)
                (void) http_client_call(t->client, &c, on_done_ask_again, t, NULL);
}

static void callback_may_ask_again(void **state)
{
        Test *t = *state;
        HttpCall c = { .url = peer_url(t->peer, "ok"), .answer_max = 100 };

        for (size_t i = 0; i < 10; i++)
                assert_int_equal(http_client_call(t->client, &c, on_done_ask_again, t, NULL), 0);
        run_until(t, &t->n_done, 509);
        run_for(t, 50 * USEC_PER_MSEC);
        assert_int_equal(t->n_done, 509);
        assert_true(t->n_ok >= 300);

        /* Also while it is freed. */
        t->n_done = 0;
        for (size_t i = 0; i < 10; i++)
                assert_int_equal(http_client_call(t->client, &c, on_done_ask_again, t, NULL), 0);
        t->client = http_client_free(t->client);
        assert_int_equal(t->n_done, 10);
}

/* Each ends its connection, so that descriptors are used over and over while others wait. */
static void churn_of_connections_loses_none(void **state)
{
        Test *t = *state;

        for (size_t i = 0; i < 1500; i++)
                call(t, &(HttpCall){ .url = peer_url(t->peer, i % 3 == 0   ? "ok"
                                                              : i % 3 == 1 ? "half"
                                                                           : "garbage"),
                                     .answer_max = 100 });
        run_until(t, &t->n_done, 1500);
        assert_int_equal(t->n_ok, 500);
}

typedef struct Stream {
        Test *test;
        Buffer got;
        size_t most;
} Stream;

static int on_data(const void *data, size_t size, void *userdata)
{
        Stream *s = userdata;

        if (s->got.size + size > s->most)
                return -EPIPE;
        return buffer_append(&s->got, data, size);
}

static void on_stream_done(int error, HttpAnswer *answer, const char *message, void *userdata)
{
        Stream *s = userdata;

        on_done(error, answer, message, s->test);
}

static void body_may_be_taken_as_it_comes(void **state)
{
        Test *t = *state;
        Stream s = { .test = t, .most = 1 << 20 };
        HttpCall c = { .url = peer_url(t->peer, "size/500000"), .on_data = on_data, .timeout_usec = USEC_INFINITY };

        assert_int_equal(http_client_call(t->client, &c, on_stream_done, &s, NULL), 0);
        run_until(t, &t->n_done, 1);
        assert_int_equal(t->error, 0);
        assert_int_equal(s.got.size, 500000);
        assert_int_equal(t->body.size, 0);

        s.most = 0;
        assert_int_equal(http_client_call(t->client, &c, on_stream_done, &s, NULL), 0);
        run_until(t, &t->n_done, 2);
        assert_int_equal(t->error, -EPIPE);
        buffer_done(&s.got);
}

int main(void)
{
#define WITH_PEER(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
        const struct CMUnitTest tests[] = {
                WITH_PEER(answer_comes_whole),
                WITH_PEER(head_has_a_length_and_no_body),
                WITH_PEER(bodies_go_out_by_put_and_post),
                WITH_PEER(connection_is_kept),
                WITH_PEER(body_is_sent_again_when_a_kept_connection_is_dead),
                WITH_PEER(many_wait_for_a_connection),
                WITH_PEER(full_client_refuses_more),
                WITH_PEER(refused_connection_is_told),
                WITH_PEER(unknown_host_is_told),
                WITH_PEER(broken_answers_are_told_apart),
                WITH_PEER(silence_ends_in_time_and_costs_nothing),
                WITH_PEER(idle_client_does_nothing),
                WITH_PEER(answer_beyond_its_limit_is_refused),
                WITH_PEER(redirect_is_an_answer),
                WITH_PEER(proxy_of_the_environment_is_ignored),
                WITH_PEER(nothing_can_be_slipped_into_a_request),
                WITH_PEER(headers_are_sent_as_given),
                WITH_PEER(request_is_signed_but_the_secret_stays),
                WITH_PEER(unix_socket_is_spoken_to),
                WITH_PEER(cancelled_request_calls_nobody),
                WITH_PEER(free_cancels_all),
                WITH_PEER(callback_may_ask_again),
                WITH_PEER(churn_of_connections_loses_none),
                WITH_PEER(body_may_be_taken_as_it_comes),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
