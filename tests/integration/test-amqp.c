/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "amqp/amqp-client.h"
#include "basic/string-util.h"
#include "tests/integration/broker.h"

#define NUMBERS_MAX 50000

/* A client and everything it was told. Messages are numbers in text. */
typedef struct Peer {
        sd_event *event;
        AmqpClient *client;
        AmqpQueue queue;
        AmqpConsumer consumer;
        bool connected, blocked, held;   /* held: deliveries are not acknowledged */
        size_t n_states, n_connects;
        char why[256];

        size_t n_deliveries, n_redelivered;
        uint32_t numbers[NUMBERS_MAX];   /* of the deliveries, in their order */
        uint64_t tags[NUMBERS_MAX];
        size_t largest, smallest;
        char death[64];

        size_t n_confirmed, n_failed;
        int last_error;
} Peer;

static void on_delivery(const AmqpDelivery *d, void *userdata)
{
        Peer *p = userdata;

        assert_true(p->n_deliveries < NUMBERS_MAX);
        p->numbers[p->n_deliveries] = (uint32_t) strtoul(d->body, NULL, 10);
        p->tags[p->n_deliveries] = d->tag;
        p->n_deliveries++;
        p->n_redelivered += d->redelivered;
        p->largest = MAX(p->largest, d->size);
        p->smallest = MIN(p->smallest, d->size);
        if (d->death)
                snprintf(p->death, sizeof(p->death), "%s", d->death);
        if (!p->held)
                assert_int_equal(amqp_ack(p->client, d->tag), 0);
}

static void on_state(bool connected, bool blocked, const char *why, void *userdata)
{
        Peer *p = userdata;

        p->n_connects += connected && !p->connected;
        p->connected = connected;
        p->blocked = blocked;
        p->n_states++;
        snprintf(p->why, sizeof(p->why), "%s", why);
}

static void on_confirm(int error, void *userdata)
{
        Peer *p = userdata;

        if (error == 0) {
                p->n_confirmed++;
                return;
        }
        p->n_failed++;
        p->last_error = error;
}

static AmqpClientParams defaults(void)
{
        return (AmqpClientParams){
                .host = "127.0.0.1",
                .port = broker_port(),
                .vhost = "/",
                .user = "guest",
                .password = "guest",
                .name = "test",
                .heartbeat_sec = 10,
                .queue_max = 20000,
                .patience_usec = USEC_PER_MINUTE,
        };
}

/* With this queue, which is consumed when there is a prefetch; the queue may be NULL. */
static Peer *peer_new(sd_event *event, AmqpClientParams p, const AmqpQueue *queue, uint16_t prefetch)
{
        Peer *peer = new0(Peer, 1);

        assert_non_null(peer);
        if (queue) {
                peer->queue = *queue;
                peer->consumer = (AmqpConsumer){ queue->name, prefetch, false };
                p.queues = &peer->queue;
                p.n_queues = 1;
                p.consumers = &peer->consumer;
                p.n_consumers = prefetch > 0;
        }
        peer->event = event;
        peer->smallest = SIZE_MAX;
        p.on_delivery = on_delivery;
        p.on_state = on_state;
        p.userdata = peer;
        assert_int_equal(amqp_client_new(event, &p, &peer->client), 0);
        return peer;
}

static Peer *peer_free(Peer *p)
{
        if (p)
                amqp_client_free(p->client);
        return mfree(p);
}
DEFINE_CLEANUP(Peer *, peer_free)

static Peer *peer_connected(sd_event *event, const AmqpQueue *queue, uint16_t prefetch)
{
        Peer *p = peer_new(event, defaults(), queue, prefetch);

        loop_until(event, p->connected);
        return p;
}

/* To the default exchange, whose keys are the names of queues. */
static int publish(Peer *p, const char *queue, uint32_t number)
{
        char text[16];

        snprintf(text, sizeof(text), "%u", number);
        return amqp_publish(p->client,
                            &(AmqpMessage){ "", queue, text, strlen(text), .persistent = true, .mandatory = true },
                            on_confirm, p);
}

static void publish_all(Peer *p, const char *queue, uint32_t from, uint32_t n)
{
        for (uint32_t i = 0; i < n; i++)
                assert_int_equal(publish(p, queue, from + i), 0);
}

/* How many of the numbers 0 to n-1 never came. */
static size_t n_missing(const Peer *p, size_t n)
{
        _cleanup_(freep) bool *seen = new0(bool, n);
        size_t missing = 0;

        for (size_t i = 0; i < p->n_deliveries; i++)
                if (p->numbers[i] < n)
                        seen[p->numbers[i]] = true;
        for (size_t i = 0; i < n; i++)
                missing += !seen[i];
        return missing;
}

static int setup(void **state)
{
        return sd_event_new((sd_event **) state);
}

static int teardown(void **state)
{
        sd_event_unref(*state);
        return 0;
}

/* --- the plain way ------------------------------------------------------------------------------------------------- */

static void ten_thousand_are_confirmed_and_arrive_in_order(void **state)
{
        static const AmqpQueue queue = { .name = "order", .quorum = true };
        _cleanup_(peer_freep) Peer *publisher = peer_connected(*state, &queue, 0);
        _cleanup_(peer_freep) Peer *consumer = peer_connected(*state, &queue, 200);

        publish_all(publisher, "order", 0, 10000);
        loop_until(*state, publisher->n_confirmed == 10000 && consumer->n_deliveries == 10000);
        for (uint32_t i = 0; i < 10000; i++)
                assert_int_equal(consumer->numbers[i], i);

        const AmqpCounters *c = amqp_client_counters(publisher->client);
        assert_int_equal(c->published, 10000);
        assert_int_equal(c->confirmed, 10000);
        assert_int_equal(c->waiting, 0);
        assert_int_equal(c->failed, 0);
        assert_int_equal(amqp_client_counters(consumer->client)->delivered, 10000);
}

static void bodies_may_be_empty_or_large(void **state)
{
        static const AmqpQueue queue = { .name = "sizes", .quorum = true };
        _cleanup_(peer_freep) Peer *p = peer_connected(*state, &queue, 10);
        size_t size = 1 << 20;
        _cleanup_(freep) char *large = malloc(size);

        memset(large, 'x', size);
        assert_int_equal(amqp_publish(p->client, &(AmqpMessage){ "", "sizes", large, size, true, true }, on_confirm, p), 0);
        assert_int_equal(amqp_publish(p->client, &(AmqpMessage){ "", "sizes", "", 0, true, true }, on_confirm, p), 0);
        loop_until(*state, p->n_deliveries == 2);
        assert_int_equal(p->largest, size);
        assert_int_equal(p->smallest, 0);
        assert_int_equal(p->n_redelivered, 0);
}

static void without_a_queue_a_mandatory_message_comes_back(void **state)
{
        static const AmqpQueue queue = { .name = "some", .quorum = true };
        _cleanup_(peer_freep) Peer *p = peer_connected(*state, &queue, 0);

        assert_int_equal(publish(p, "some", 1), 0);
        assert_int_equal(publish(p, "nowhere", 2), 0);
        assert_int_equal(publish(p, "some", 3), 0);
        loop_until(*state, p->n_confirmed == 2 && p->n_failed == 1);
        assert_int_equal(p->last_error, -ENOENT);

        assert_int_equal(publish(p, "nowhere", 4), 0);
        loop_until(*state, p->n_failed == 2);
        assert_int_equal(p->last_error, -ENOENT);

        assert_int_equal(
                amqp_publish(p->client, &(AmqpMessage){ "", "nowhere", "5", 1, true, false }, on_confirm, p), 0);
        loop_until(*state, p->n_confirmed == 3);
}

static void a_full_queue_refuses(void **state)
{
        static const AmqpQueue queue = {
                .name = "full", .quorum = true, .dead_letter_exchange = "amq.fanout", .bytes_max = 100
        };
        _cleanup_(peer_freep) Peer *p = peer_connected(*state, &queue, 0);

        /* It notices a little late. */
        for (size_t n = 20; p->n_failed == 0 && n < 10000; n += 20) {
                publish_all(p, "full", 10000, 20);
                loop_until(*state, p->n_confirmed + p->n_failed == n);
        }
        assert_true(p->n_confirmed > 10);
        assert_true(p->n_failed > 0);
        assert_int_equal(p->last_error, -ENOBUFS);
}

static void prefetch_bounds_and_requeued_comes_again(void **state)
{
        static const AmqpQueue queue = { .name = "prefetch", .quorum = true };
        _cleanup_(peer_freep) Peer *publisher = peer_connected(*state, &queue, 0);
        _cleanup_(peer_freep) Peer *p = peer_connected(*state, &queue, 3);

        p->held = true;
        publish_all(publisher, "prefetch", 0, 10);
        loop_until(*state, p->n_deliveries == 3 && publisher->n_confirmed == 10);
        loop_for(*state, 200 * USEC_PER_MSEC);
        assert_int_equal(p->n_deliveries, 3);

        assert_int_equal(amqp_ack(p->client, p->tags[0]), 0);
        loop_until(*state, p->n_deliveries == 4);
        assert_int_equal(p->n_redelivered, 0);

        p->held = false;
        assert_int_equal(amqp_requeue(p->client, p->tags[1]), 0);
        assert_int_equal(amqp_ack(p->client, p->tags[2]), 0);
        assert_int_equal(amqp_ack(p->client, p->tags[3]), 0);
        loop_until(*state, p->n_deliveries == 11);
        assert_int_equal(p->n_redelivered, 1);
        assert_int_equal(n_missing(p, 10), 0);
}

/* --- asking -------------------------------------------------------------------------------------------------------- */

typedef struct Answer {
        bool done, empty;
        int error;
        uint64_t value, tag;
} Answer;

static void on_got(int error, const AmqpDelivery *d, void *userdata)
{
        Answer *a = userdata;

        *a = (Answer){ true, !d, error, d ? strtoull(d->body, NULL, 10) : 0, d ? d->tag : 0 };
}

static void on_depth(int error, uint64_t n_messages, void *userdata)
{
        *(Answer *) userdata = (Answer){ .done = true, .error = error, .value = n_messages };
}

static void on_bound(int error, void *userdata)
{
        *(Answer *) userdata = (Answer){ .done = true, .error = error };
}

static void messages_are_got_one_by_one(void **state)
{
        static const AmqpQueue queue = { .name = "get", .quorum = true };
        _cleanup_(peer_freep) Peer *p = peer_connected(*state, &queue, 0);
        Answer first = { 0 }, second = { 0 }, third = { 0 }, depth = { 0 };

        publish_all(p, "get", 7, 2);
        loop_until(*state, p->n_confirmed == 2);
        assert_int_equal(amqp_depth(p->client, "get", on_depth, &depth), 0);
        assert_int_equal(amqp_get(p->client, "get", on_got, &first), 0);
        assert_int_equal(amqp_get(p->client, "get", on_got, &second), 0);
        assert_int_equal(amqp_get(p->client, "get", on_got, &third), 0);
        loop_until(*state, third.done);
        assert_true(depth.done && depth.value == 2 && depth.error == 0);
        assert_true(first.done && !first.empty && first.value == 7);
        assert_true(second.done && !second.empty && second.value == 8);
        assert_true(third.empty && third.error == 0);
        assert_int_equal(amqp_ack(p->client, first.tag), 0);
        assert_int_equal(amqp_ack(p->client, second.tag), 0);
}

static void what_is_rejected_or_requeued_too_often_is_a_dead_letter(void **state)
{
        static const AmqpExchange exchange = { "test.dead", "fanout" };
        static const AmqpQueue queues[] = {
                { .name = "test.dead", .quorum = true },
                { .name = "deadly", .quorum = true, .delivery_limit = 3, .dead_letter_exchange = "test.dead" },
        };
        static const AmqpBinding binding = { "test.dead", "test.dead", "" };
        AmqpClientParams params = defaults();

        params.exchanges = &exchange;
        params.n_exchanges = 1;
        params.queues = queues;
        params.n_queues = ELEMENTSOF(queues);
        params.bindings = &binding;
        params.n_bindings = 1;
        _cleanup_(peer_freep) Peer *p = peer_new(*state, params, NULL, 0);
        loop_until(*state, p->connected);
        _cleanup_(peer_freep) Peer *dead = peer_connected(*state, &queues[0], 10);

        Answer got = { 0 };
        publish_all(p, "deadly", 1, 1);
        loop_until(*state, p->n_confirmed == 1);
        assert_int_equal(amqp_get(p->client, "deadly", on_got, &got), 0);
        loop_until(*state, got.done);
        assert_int_equal(amqp_reject(p->client, got.tag), 0);
        loop_until(*state, dead->n_deliveries == 1);
        assert_string_equal(dead->death, "rejected");

        publish_all(p, "deadly", 2, 1);
        loop_until(*state, p->n_confirmed == 2);
        for (int i = 0; i < 4; i++) {
                got = (Answer){ 0 };
                assert_int_equal(amqp_get(p->client, "deadly", on_got, &got), 0);
                loop_until(*state, got.done);
                assert_false(got.empty);
                assert_int_equal(amqp_requeue(p->client, got.tag), 0);
        }
        loop_until(*state, dead->n_deliveries == 2);
        assert_string_equal(dead->death, "delivery_limit");
        assert_int_equal(dead->numbers[1], 2);
}

static void bindings_come_and_go(void **state)
{
        static const AmqpExchange exchange = { "test.topic", "topic" };
        static const AmqpQueue queue = { .name = "mine" };
        static const AmqpConsumer consumer = { "mine", 10, false };
        AmqpClientParams params = defaults();
        Answer bound = { 0 };

        params.exchanges = &exchange;
        params.n_exchanges = 1;
        params.queues = &queue;
        params.n_queues = 1;
        params.consumers = &consumer;
        params.n_consumers = 1;
        _cleanup_(peer_freep) Peer *p = peer_new(*state, params, NULL, 0);

        /* Asked for before there is a connection. */
        assert_int_equal(amqp_bind(p->client, "mine", "test.topic", "a", on_bound, &bound), 0);
        loop_until(*state, bound.done);
        assert_int_equal(bound.error, 0);
        assert_true(p->connected);

        bound = (Answer){ 0 };
        assert_int_equal(amqp_bind(p->client, "mine", "test.topic", "b", on_bound, &bound), 0);
        loop_until(*state, bound.done);
        for (int i = 0; i < 2; i++) {
                AmqpMessage a = { "test.topic", "a", "1", 1 }, b = { "test.topic", "b", "2", 1 };

                assert_int_equal(amqp_publish(p->client, &a, on_confirm, p), 0);
                assert_int_equal(amqp_publish(p->client, &b, on_confirm, p), 0);
                loop_until(*state, p->n_confirmed == 2);
                loop_until(*state, p->n_deliveries == 2);
                assert_int_equal(n_missing(p, 3), 1);   /* the 0 */

                /* Once more after all connections were closed: the bindings are there again. */
                size_t before = p->n_connects;
                if (i == 0) {
                        broker_control("ctl", "close_all_connections", "test");
                        loop_until(*state, p->n_connects > before);
                        p->n_confirmed = p->n_deliveries = 0;
                }
        }

        assert_int_equal(amqp_unbind(p->client, "mine", "test.topic", "a"), 0);
        bound = (Answer){ 0 };
        assert_int_equal(amqp_bind(p->client, "mine", "test.topic", "c", on_bound, &bound), 0);
        loop_until(*state, bound.done);
        AmqpMessage a = { "test.topic", "a", "1", 1, .mandatory = true };
        assert_int_equal(amqp_publish(p->client, &a, on_confirm, p), 0);
        loop_until(*state, p->n_failed == 1);
        assert_int_equal(p->last_error, -ENOENT);
}

static void a_consumer_is_turned_off_and_on(void **state)
{
        static const AmqpQueue queue = { .name = "switch", .quorum = true };
        _cleanup_(peer_freep) Peer *p = peer_connected(*state, &queue, 10);
        Answer depth = { 0 };

        publish_all(p, "switch", 0, 1);
        loop_until(*state, p->n_deliveries == 1);

        assert_int_equal(amqp_consume(p->client, "switch", false), 0);
        assert_int_equal(amqp_depth(p->client, "switch", on_depth, &depth), 0);
        loop_until(*state, depth.done);
        publish_all(p, "switch", 1, 5);
        loop_until(*state, p->n_confirmed == 6);
        loop_for(*state, 200 * USEC_PER_MSEC);
        assert_int_equal(p->n_deliveries, 1);

        /* A new connection does not forget it. */
        size_t before = p->n_connects;
        broker_control("ctl", "close_all_connections", "test");
        loop_until(*state, p->n_connects > before);
        loop_for(*state, 200 * USEC_PER_MSEC);
        assert_int_equal(p->n_deliveries, 1);

        assert_int_equal(amqp_consume(p->client, "switch", true), 0);
        loop_until(*state, p->n_deliveries == 6);
        assert_int_equal(n_missing(p, 6), 0);
}

static void a_consumer_that_begins_again_has_a_fresh_prefetch(void **state)
{
        static const AmqpQueue queue = { .name = "fresh", .quorum = true };
        _cleanup_(peer_freep) Peer *publisher = peer_connected(*state, &queue, 0);
        _cleanup_(peer_freep) Peer *p = peer_connected(*state, &queue, 1);

        p->held = true;
        publish_all(publisher, "fresh", 0, 3);
        for (size_t i = 1; i <= 3; i++) {
                loop_until(*state, p->n_deliveries == i);
                assert_int_equal(amqp_consume(p->client, "fresh", false), 0);
                assert_int_equal(amqp_consume(p->client, "fresh", true), 0);
        }
        for (size_t i = 0; i < 3; i++)
                assert_int_equal(amqp_ack(p->client, p->tags[i]), 0);
        assert_int_equal(n_missing(p, 3), 0);
        assert_int_equal(p->n_redelivered, 0);
}

/* --- limits and refusals ------------------------------------------------------------------------------------------- */

static void more_than_the_limit_is_refused_at_once(void **state)
{
        static const AmqpQueue queue = { .name = "limit", .quorum = true };
        AmqpClientParams params = defaults();

        params.queue_max = 5;
        _cleanup_(peer_freep) Peer *p = peer_new(*state, params, &queue, 0);
        publish_all(p, "limit", 0, 5);
        assert_int_equal(publish(p, "limit", 5), -ENOBUFS);
        loop_until(*state, p->n_confirmed == 5);
        assert_int_equal(publish(p, "limit", 5), 0);
        loop_until(*state, p->n_confirmed == 6);
}

static void without_a_broker_patience_ends(void **state)
{
        AmqpClientParams params = defaults();
        Answer depth = { 0 };

        params.port = 1;
        params.patience_usec = 300 * USEC_PER_MSEC;
        _cleanup_(peer_freep) Peer *p = peer_new(*state, params, NULL, 0);
        usec_t since = now_usec(CLOCK_MONOTONIC);
        publish_all(p, "q", 0, 3);
        assert_int_equal(amqp_depth(p->client, "q", on_depth, &depth), 0);
        loop_until(*state, p->n_failed == 3);
        assert_in_range(now_usec(CLOCK_MONOTONIC) - since, 300 * USEC_PER_MSEC, 2 * USEC_PER_SEC);
        assert_int_equal(p->last_error, -ENOTCONN);
        assert_int_equal(depth.error, -ENOTCONN);
        assert_non_null(strstr(p->why, "port 1: Connection refused"));
        assert_int_equal(p->n_states, 1);       /* the same reason is told once */
        assert_false(amqp_client_ready(p->client));
}

static void a_wrong_password_is_told_and_not_tried_without_end(void **state)
{
        AmqpClientParams params = defaults();

        params.password = "wrong";
        _cleanup_(peer_freep) Peer *p = peer_new(*state, params, NULL, 0);
        loop_until(*state, p->n_states == 1);
        assert_false(p->connected);
        assert_non_null(strstr(p->why, "ACCESS_REFUSED"));
        assert_non_null(strstr(p->why, "login"));
}

static void a_queue_that_is_declared_otherwise_is_told_and_not_tried_without_end(void **state)
{
        static const AmqpQueue quorum = { .name = "mismatch", .quorum = true };
        static const AmqpQueue other = { .name = "mismatch", .quorum = true, .delivery_limit = 5 };
        _cleanup_(peer_freep) Peer *first = peer_connected(*state, &quorum, 0);
        _cleanup_(peer_freep) Peer *p = peer_new(*state, defaults(), &other, 0);

        loop_until(*state, p->n_states == 1);
        assert_false(p->connected);
        assert_non_null(strstr(p->why, "PRECONDITION_FAILED"));
        assert_non_null(strstr(p->why, "mismatch"));

        usec_t before = processor_usec();
        loop_for(*state, USEC_PER_SEC);
        assert_true(processor_usec() - before < 200 * USEC_PER_MSEC);
        assert_int_equal(p->n_states, 1);
}

/* --- trouble ------------------------------------------------------------------------------------------------------- */

/* Publishes, some at a time, while the broker is troubled, and until both have a new connection. */
static void survive(sd_event *event, const AmqpQueue *queue, const char *trouble[], const char *cure[])
{
        _cleanup_(peer_freep) Peer *publisher = peer_connected(event, queue, 0);
        _cleanup_(peer_freep) Peer *consumer = peer_connected(event, queue, 50);
        bool cured = !cure, done;
        uint32_t n = 0;

        control_async_strv(event, &done, "RCE_RABBITMQ", trouble);
        while (!done || !cured || publisher->n_connects < 2 || consumer->n_connects < 2 || n < 5000) {
                if (done && cure) {
                        control_async_strv(event, &cured, "RCE_RABBITMQ", cure);
                        cure = NULL;
                }
                if (n < NUMBERS_MAX && n < publisher->n_confirmed + 50)
                        assert_int_equal(publish(publisher, queue->name, n++), 0);
                assert_true(sd_event_run(event, USEC_PER_MSEC) >= 0);
        }
        loop_until(event, publisher->n_confirmed == n && n_missing(consumer, n) == 0);
        assert_int_equal(publisher->n_failed, 0);
        printf("%u published, %zu delivered, %zu of them marked as redelivered\n", n, consumer->n_deliveries,
               consumer->n_redelivered);
}

static const char *stop[] = { "control", "stop", NULL }, *start[] = { "control", "start", NULL },
                  *kill_it[] = { "control", "kill", NULL },
                  *close_all[] = { "control", "ctl", "close_all_connections", "enough of you", NULL };

static void nothing_is_lost_when_the_broker_restarts(void **state)
{
        survive(*state, &(AmqpQueue){ .name = "restart", .quorum = true }, stop, start);
}

static void nothing_is_lost_when_the_broker_is_killed(void **state)
{
        static const AmqpQueue queue = { .name = "killed", .quorum = true };

        /* A node that is killed forgets a quorum queue it made within the last moment (ra's directory is written with
         * delay), so make it in an earlier life. */
        peer_free(peer_connected(*state, &queue, 0));
        broker_control("stop");
        broker_control("start");
        survive(*state, &queue, kill_it, start);
}

static void nothing_is_lost_when_the_broker_closes_connections(void **state)
{
        survive(*state, &(AmqpQueue){ .name = "closed", .quorum = true }, close_all, NULL);
}

static void the_reason_of_a_closed_connection_is_told(void **state)
{
        _cleanup_(peer_freep) Peer *p = peer_connected(*state, NULL, 0);
        bool done = false;

        broker_control_async(*state, &done, "ctl", "close_all_connections", "maintenance at noon");
        loop_until(*state, !p->connected);
        assert_non_null(strstr(p->why, "maintenance at noon"));
        loop_until(*state, p->connected && done);
        assert_string_equal(p->why, "");
}

static void a_queue_that_is_deleted_is_made_again(void **state)
{
        static const AmqpQueue queue = { .name = "deleted", .quorum = true };
        _cleanup_(peer_freep) Peer *p = peer_connected(*state, &queue, 10);

        publish_all(p, "deleted", 0, 1);
        loop_until(*state, p->n_deliveries == 1);
        broker_control("ctl", "delete_queue", "deleted");
        loop_until(*state, p->n_connects == 2);
        publish_all(p, "deleted", 1, 1);
        loop_until(*state, p->n_deliveries == 2);
        assert_int_equal(p->n_failed, 0);
}

static void an_alarm_is_told_and_waited_for(void **state)
{
        static const AmqpQueue queue = { .name = "alarm", .quorum = true };
        AmqpClientParams impatient = defaults();

        impatient.patience_usec = USEC_PER_SEC / 2;
        _cleanup_(peer_freep) Peer *consumer = peer_connected(*state, &queue, 10);
        _cleanup_(peer_freep) Peer *patient = peer_connected(*state, &queue, 0);
        _cleanup_(peer_freep) Peer *other = peer_new(*state, impatient, &queue, 0);
        loop_until(*state, other->connected);

        broker_control("ctl", "set_vm_memory_high_watermark", "absolute", "1MB");
        publish_all(patient, "alarm", 0, 100);
        loop_until(*state, patient->blocked);
        assert_true(patient->connected);
        assert_false(amqp_client_ready(patient->client));
        assert_non_null(strstr(patient->why, "memory"));

        publish_all(other, "alarm", 100, 100);
        loop_until(*state, other->n_failed + other->n_confirmed == 100);
        assert_true(other->n_failed > 0);
        assert_int_equal(other->last_error, -ENOTCONN);
        assert_true(patient->n_confirmed < 100);

        broker_control("ctl", "set_vm_memory_high_watermark", "0.6");
        loop_until(*state, patient->n_confirmed == 100 && !patient->blocked);
        assert_true(amqp_client_ready(patient->client));
        assert_int_equal(patient->n_connects, 1);
        loop_until(*state, n_missing(consumer, 100) == 0);
        assert_int_equal(publish(other, "alarm", 300), 0);
        size_t before = other->n_confirmed;
        loop_until(*state, !other->blocked && other->n_confirmed > before);
}

static void freeing_does_not_wait_for_a_broker_that_does_not_read(void **state)
{
        static const AmqpQueue queue = { .name = "stuck", .quorum = true };
        size_t size = 16 << 20;
        _cleanup_(freep) char *large = malloc(size);
        Peer *p = peer_connected(*state, &queue, 0);

        memset(large, 'x', size);
        broker_control("pause");
        for (int i = 0; i < 3; i++)
                assert_int_equal(
                        amqp_publish(p->client, &(AmqpMessage){ "", "stuck", large, size, true, true }, on_confirm, p), 0);
        publish_all(p, "stuck", 0, 50);
        loop_for(*state, 300 * USEC_PER_MSEC);

        usec_t since = now_usec(CLOCK_MONOTONIC);
        p->client = amqp_client_free(p->client);
        assert_true(now_usec(CLOCK_MONOTONIC) - since < 3 * USEC_PER_SEC);
        assert_int_equal(p->n_failed, 53);
        assert_int_equal(p->last_error, -ECANCELED);
        peer_free(p);
        broker_control("resume");
}

static void freeing_at_once_cancels(void **state)
{
        Peer *p = peer_new(*state, defaults(), NULL, 0);
        Answer got = { 0 }, bound = { 0 };

        publish_all(p, "x", 0, 10);
        assert_int_equal(amqp_get(p->client, "x", on_got, &got), 0);
        assert_int_equal(amqp_bind(p->client, "x", "y", "z", on_bound, &bound), 0);
        p->client = amqp_client_free(p->client);
        assert_int_equal(p->n_failed + p->n_confirmed, 10);
        assert_true(got.done && bound.done);
        assert_true(got.error == -ECANCELED || got.error == -ENOTCONN);
        assert_int_equal(bound.error, -ECANCELED);
        peer_free(p);
}

static void what_was_acknowledged_before_freeing_does_not_come_again(void **state)
{
        static const AmqpQueue queue = { .name = "last-words", .quorum = true };
        Peer *p = peer_connected(*state, &queue, 100);

        publish_all(p, "last-words", 0, 10);
        loop_until(*state, p->n_deliveries == 10 && p->n_confirmed == 10);
        peer_free(p);

        Answer got = { 0 };
        p = peer_connected(*state, &queue, 0);
        assert_int_equal(amqp_get(p->client, "last-words", on_got, &got), 0);
        loop_until(*state, got.done);
        assert_true(got.empty);
        peer_free(p);
}

static void heartbeats_keep_an_idle_connection(void **state)
{
        AmqpClientParams params = defaults();

        params.heartbeat_sec = 1;
        _cleanup_(peer_freep) Peer *p = peer_new(*state, params, NULL, 0);
        loop_until(*state, p->connected);
        loop_for(*state, 4 * USEC_PER_SEC);
        assert_true(p->connected);
        assert_int_equal(p->n_connects, 1);
        assert_int_equal(p->n_states, 1);
}

static void a_broker_that_falls_silent_is_noticed(void **state)
{
        static const AmqpQueue queue = { .name = "silent", .quorum = true };
        AmqpClientParams params = defaults();

        params.heartbeat_sec = 1;
        _cleanup_(peer_freep) Peer *p = peer_new(*state, params, &queue, 10);
        loop_until(*state, p->connected);
        broker_control("pause");
        publish_all(p, "silent", 0, 10);
        loop_until(*state, !p->connected);
        assert_non_null(strstr(p->why, "heartbeat"));
        broker_control("resume");
        loop_until(*state, p->connected && p->n_confirmed == 10 && n_missing(p, 10) == 0);
        assert_int_equal(p->n_failed, 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(int argc, char *argv[])
{
        const struct CMUnitTest tests[] = {
                TEST(ten_thousand_are_confirmed_and_arrive_in_order),
                TEST(bodies_may_be_empty_or_large),
                TEST(without_a_queue_a_mandatory_message_comes_back),
                TEST(a_full_queue_refuses),
                TEST(prefetch_bounds_and_requeued_comes_again),
                TEST(messages_are_got_one_by_one),
                TEST(what_is_rejected_or_requeued_too_often_is_a_dead_letter),
                TEST(bindings_come_and_go),
                TEST(a_consumer_is_turned_off_and_on),
                TEST(a_consumer_that_begins_again_has_a_fresh_prefetch),
                TEST(more_than_the_limit_is_refused_at_once),
                TEST(without_a_broker_patience_ends),
                TEST(a_wrong_password_is_told_and_not_tried_without_end),
                TEST(a_queue_that_is_declared_otherwise_is_told_and_not_tried_without_end),
                TEST(nothing_is_lost_when_the_broker_closes_connections),
                TEST(the_reason_of_a_closed_connection_is_told),
                TEST(a_queue_that_is_deleted_is_made_again),
                TEST(freeing_at_once_cancels),
                TEST(freeing_does_not_wait_for_a_broker_that_does_not_read),
                TEST(what_was_acknowledged_before_freeing_does_not_come_again),
                TEST(heartbeats_keep_an_idle_connection),
                TEST(a_broker_that_falls_silent_is_noticed),
                TEST(an_alarm_is_told_and_waited_for),
                TEST(nothing_is_lost_when_the_broker_restarts),
                TEST(nothing_is_lost_when_the_broker_is_killed),
        };

        if (argc > 1)
                cmocka_set_test_filter(argv[1]);
        return cmocka_run_group_tests_name("amqp", tests, NULL, NULL);
}
