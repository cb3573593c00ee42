/* SPDX-License-Identifier: Apache-2.0 */
/* Without a broker: what is at the other end is one of our own that misbehaves. tests/integration/test-amqp.c has the rest. */
#include "amqp/amqp-client.h"

#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "basic/fd-util.h"
#include "tests/unit/test.h"

typedef struct Fixture {
        sd_event *event;
        int listen_fd, peer_fd;
        uint16_t port;
        AmqpClient *client;
        size_t n_states, n_answers;
        char why[256];
        int last_error;
} Fixture;

static int setup(void **state)
{
        Fixture *f = new0(Fixture, 1);
        struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
        socklen_t size = sizeof(address);

        f->peer_fd = -EBADF;
        f->listen_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        assert_true(f->listen_fd >= 0);
        assert_int_equal(bind(f->listen_fd, (struct sockaddr *) &address, size), 0);
        assert_int_equal(listen(f->listen_fd, 5), 0);
        assert_int_equal(getsockname(f->listen_fd, (struct sockaddr *) &address, &size), 0);
        f->port = ntohs(address.sin_port);
        assert_true(sd_event_new(&f->event) >= 0);
        *state = f;
        return 0;
}

static int teardown(void **state)
{
        Fixture *f = *state;

        amqp_client_free(f->client);
        safe_close(f->listen_fd);
        safe_close(f->peer_fd);
        sd_event_unref(f->event);
        free(f);
        return 0;
}

static void on_state(bool connected, bool blocked, const char *why, void *userdata)
{
        Fixture *f = userdata;

        assert_false(connected || blocked);
        f->n_states++;
        (void) snprintf(f->why, sizeof(f->why), "%s", why);
}

static void on_done(int error, void *userdata)
{
        Fixture *f = userdata;

        f->n_answers++;
        f->last_error = error;
}

static void start(Fixture *f, size_t queue_max, usec_t patience_usec)
{
        AmqpClientParams p = {
                .host = "127.0.0.1",
                .port = f->port,
                .vhost = "/",
                .user = "u",
                .password = "p",
                .name = "test",
                .heartbeat_sec = 1,
                .queue_max = queue_max,
                .patience_usec = patience_usec,
                .on_state = on_state,
                .userdata = f,
        };

        assert_int_equal(amqp_client_new(f->event, &p, &f->client), 0);
}

static int publish(Fixture *f)
{
        return amqp_publish(f->client, &(AmqpMessage){ "", "q", "x", 1 }, on_done, f);
}

static void accept_peer(Fixture *f)
{
        f->peer_fd = safe_close(f->peer_fd);
        f->peer_fd = accept4(f->listen_fd, NULL, NULL, SOCK_CLOEXEC);
        assert_true(f->peer_fd >= 0);
}

static void run_until(Fixture *f, const size_t *count, size_t wanted)
{
        usec_t deadline = now_usec(CLOCK_MONOTONIC) + 30 * USEC_PER_SEC;

        while (*count < wanted) {
                assert_true(now_usec(CLOCK_MONOTONIC) < deadline);
                assert_true(sd_event_run(f->event, USEC_PER_SEC) >= 0);
        }
}

static void messages_fail_when_patience_ends(void **state)
{
        Fixture *f = *state;

        f->listen_fd = safe_close(f->listen_fd);
        start(f, 2, 100 * USEC_PER_MSEC);
        assert_int_equal(publish(f), 0);
        assert_int_equal(publish(f), 0);
        assert_int_equal(publish(f), -ENOBUFS);
        assert_int_equal(f->n_answers, 0);
        run_until(f, &f->n_answers, 2);
        assert_int_equal(f->last_error, -ENOTCONN);
        assert_int_equal(amqp_client_counters(f->client)->waiting, 0);
        assert_int_equal(publish(f), 0);
        run_until(f, &f->n_answers, 3);
        assert_non_null(strstr(f->why, "Connection refused"));
}

static void garbage_is_not_taken_for_a_broker(void **state)
{
        static const char garbage[] = "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n";
        Fixture *f = *state;

        start(f, 10, USEC_INFINITY);
        accept_peer(f);
        assert_int_equal(write_full(f->peer_fd, garbage, sizeof(garbage) - 1), 0);
        assert_int_equal(shutdown(f->peer_fd, SHUT_WR), 0);
        run_until(f, &f->n_states, 1);
        assert_non_null(strstr(f->why, "login"));
        assert_int_equal(publish(f), 0);

        /* It tries again. */
        accept_peer(f);
        assert_int_equal(f->n_answers, 0);
}

static void freeing_does_not_wait_for_a_peer_that_says_nothing(void **state)
{
        Fixture *f = *state;

        start(f, 10, USEC_INFINITY);
        accept_peer(f);
        assert_int_equal(publish(f), 0);

        usec_t since = now_usec(CLOCK_MONOTONIC);
        f->client = amqp_client_free(f->client);
        assert_true(now_usec(CLOCK_MONOTONIC) - since < 5 * USEC_PER_SEC);
        assert_int_equal(f->n_answers, 1);
        assert_int_equal(f->last_error, -ECANCELED);
}

static void a_host_that_has_no_address_is_told(void **state)
{
        Fixture *f = *state;
        AmqpClientParams p = {
                .host = "256.256.256.256", .vhost = "/", .user = "", .password = "", .name = "", .on_state = on_state,
                .userdata = f
        };

        assert_int_equal(amqp_client_new(f->event, &p, &f->client), 0);
        run_until(f, &f->n_states, 1);
        assert_non_null(strstr(f->why, "256.256.256.256"));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(messages_fail_when_patience_ends),
                TEST(garbage_is_not_taken_for_a_broker),
                TEST(freeing_does_not_wait_for_a_peer_that_says_nothing),
                TEST(a_host_that_has_no_address_is_told),
        };

        return cmocka_run_group_tests_name("amqp-client", tests, NULL, NULL);
}
