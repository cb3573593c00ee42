/* SPDX-License-Identifier: Apache-2.0 */
/* The side of the thread. It owns the connection and everything the library says about it, and waits for one of two things:
 * a command from the loop, or bytes from the broker. Once connected it never waits for one particular answer: answers come in
 * the order of the calls.
 *
 * Known traps of the library, and what is done: level-triggered waiting says nothing of bytes it has read ahead, so frames are
 * taken until there are none; heartbeats are sent and checked only inside its calls, so it is called at least twice per
 * heartbeat, which also keeps versions before 0.14 from waiting for ever in a publish; its send waits while the socket is
 * full, so nothing is given to it that the socket may not take at once. A single message larger than that can still make it
 * wait; amqp_client_free() ends it by shutting the socket down. */
#include <inttypes.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include "amqp/amqp-private.h"
#include "basic/string-util.h"

#define RECONNECT_MIN_USEC (100 * USEC_PER_MSEC)
#define RECONNECT_MAX_USEC (5 * USEC_PER_SEC)
#define STABLE_USEC (10 * USEC_PER_SEC)         /* a connection that lasted so long forgets the backoff */
#define UNCONFIRMED_MAX 1024

/* --- telling the loop ---------------------------------------------------------------------------------------------- */

Event *amqp_event_new(EventType type)
{
        Event *e;

        /* What happened must reach the loop: without memory for it, we wait until there is some. */
        while (!(e = new0(Event, 1)))
                (void) usleep(10 * USEC_PER_MSEC);
        e->type = type;
        return e;
}

/* Only what is new is told. */
void amqp_post_state(Thread *t, bool connected)
{
        if (!connected && t->told_disconnected && streq(t->why, t->told_why))
                return;

        Event *e = amqp_event_new(EVENT_STATE);
        e->connected = connected;
        e->blocked = t->blocked;
        e->why = strdup(t->why);
        t->told_disconnected = !connected;
        strcpy(t->told_why, t->why);
        amqp_post(t->client, e);
}

void amqp_post_reply(Thread *t, Command *c, int error)
{
        if (c->reply.type == REPLY_NONE)
                return;

        Event *e = amqp_event_new(EVENT_REPLY);
        e->reply = TAKE(c->reply, (Reply){ 0 });
        e->error = error;
        amqp_post(t->client, e);
}

int amqp_failed(Thread *t, const char *format, ...)
{
        va_list ap;

        va_start(ap, format);
        vsnprintf(t->why, sizeof(t->why), format, ap);
        va_end(ap);
        return -EIO;
}

int amqp_check_status(Thread *t, int status, const char *what)
{
        return status == AMQP_STATUS_OK ? 0 : amqp_failed(t, "%s: %s", what, amqp_error_string2(status));
}

/* --- losing the connection ----------------------------------------------------------------------------------------- */

/* What was not confirmed waits again, before what came later. */
static void publish_again(Thread *t)
{
        Command *c;

        while ((c = TAILQ_LAST(&t->unconfirmed, CommandQueue))) {
                TAILQ_REMOVE(&t->unconfirmed, c, entry);
                c->returned = false;
                TAILQ_INSERT_HEAD(&t->ready, c, entry);
        }
        t->n_unconfirmed = 0;
        t->next_sequence = 0;
}

/* Bindings will be there when there is a connection again; everything else is not answered any more. */
static void fail_calls(Thread *t)
{
        Command *next;

        for (Command *c = TAILQ_FIRST(&t->calls); c; c = next) {
                next = TAILQ_NEXT(c, entry);
                if (c->type == COMMAND_BIND)
                        continue;
                TAILQ_REMOVE(&t->calls, c, entry);
                amqp_post_reply(t, c, -ENOTCONN);
                command_free(c);
        }
}

static void disconnect(Thread *t)
{
        (void) pthread_mutex_lock(&t->client->lock);
        t->client->socket_fd = -EBADF;
        (void) pthread_mutex_unlock(&t->client->lock);

        if (t->connection)
                (void) amqp_destroy_connection(t->connection);
        t->connection = NULL;
        t->blocked = false;
        for (size_t i = 0; i < ELEMENTSOF(t->incoming); i++)
                amqp_incoming_reset(&t->incoming[i]);
        publish_again(t);
        fail_calls(t);
}

/* --- publishing ---------------------------------------------------------------------------------------------------- */

/* Writable means that a third of its buffer is free (see amqp-connect.c). */
static bool socket_has_room(Thread *t)
{
        struct pollfd p = { .fd = amqp_get_sockfd(t->connection), .events = POLLOUT };

        return poll(&p, 1, 0) > 0;
}

static Command *next_publish(Thread *t)
{
        return t->blocked || t->n_unconfirmed >= UNCONFIRMED_MAX ? NULL : TAILQ_FIRST(&t->ready);
}

static int publish(Thread *t, Command *c)
{
        char id[24];
        amqp_basic_properties_t properties = {
                ._flags = AMQP_BASIC_DELIVERY_MODE_FLAG | AMQP_BASIC_MESSAGE_ID_FLAG,
                .delivery_mode = c->persistent ? AMQP_DELIVERY_PERSISTENT : AMQP_DELIVERY_NONPERSISTENT,
        };

        snprintf(id, sizeof(id), "%" PRIu64, c->sequence);
        properties.message_id = amqp_text(id);
        return amqp_check_status(t,
                                 amqp_basic_publish(t->connection, CHANNEL_PUBLISH, amqp_text(c->exchange),
                                                    amqp_text(c->key), c->mandatory, false, &properties,
                                                    (amqp_bytes_t){ .len = c->size, .bytes = c->body }),
                                 "publish");
}

/* The library sends each message by itself, in three parts. */
static void gather_segments(Thread *t, bool on)
{
        (void) setsockopt(amqp_get_sockfd(t->connection), IPPROTO_TCP, TCP_CORK, &(int){ on }, sizeof(int));
}

static int publish_ready(Thread *t)
{
        bool many = !TAILQ_EMPTY(&t->ready) && TAILQ_NEXT(TAILQ_FIRST(&t->ready), entry);
        Command *c;
        int r = 0;

        if (many)
                gather_segments(t, true);
        while (r >= 0 && (c = next_publish(t)) && socket_has_room(t)) {
                TAILQ_REMOVE(&t->ready, c, entry);
                c->sequence = ++t->next_sequence;
                TAILQ_INSERT_TAIL(&t->unconfirmed, c, entry);
                t->n_unconfirmed++;
                r = publish(t, c);
        }
        if (many)
                gather_segments(t, false);
        return r;
}

/* Both queues are in the order of age. */
static void drop_old(Thread *t, CommandQueue *queue, size_t *n)
{
        usec_t now = now_usec(CLOCK_MONOTONIC);
        Command *c;

        while ((c = TAILQ_FIRST(queue)) && usec_add(c->reply.since_usec, t->client->params.patience_usec) <= now) {
                TAILQ_REMOVE(queue, c, entry);
                (*n)--;
                amqp_post_reply(t, c, -ENOTCONN);
                command_free(c);
        }
}

static void drop_impatient(Thread *t)
{
        size_t ignored = 0;

        drop_old(t, &t->unconfirmed, &t->n_unconfirmed);
        drop_old(t, &t->ready, &ignored);
}

/* --- commands ------------------------------------------------------------------------------------------------------ */

static int acknowledge(Thread *t, const Command *c)
{
        uint64_t tag = c->tag & TAG_MASK;

        if (!t->connection || c->tag >> TAG_EPOCH_SHIFT != t->epoch)
                return 0;
        if (c->type == COMMAND_ACK)
                return amqp_check_status(t, amqp_basic_ack(t->connection, CHANNEL_CONSUME, tag, false), "ack");
        return amqp_check_status(
                t, amqp_basic_nack(t->connection, CHANNEL_CONSUME, tag, false, c->type == COMMAND_REQUEUE), "nack");
}

/* Sends a method whose answer the command then waits for, in t->calls. */
static int call(Thread *t, Command *c, amqp_method_number_t id, void *method)
{
        TAILQ_INSERT_TAIL(&t->calls, c, entry);
        return amqp_check_status(t, amqp_send_method(t->connection, CHANNEL_CONSUME, id, method), "send");
}

static int ask(Thread *t, Command *c)
{
        char name[QUEUE_NAME_MAX];
        amqp_bytes_t queue = amqp_text(amqp_wire_name(t, c->queue, name));

        if (!t->connection) {
                amqp_post_reply(t, c, -ENOTCONN);
                command_free(c);
                return 0;
        }
        if (c->type == COMMAND_GET)
                return call(t, c, AMQP_BASIC_GET_METHOD, &(amqp_basic_get_t){ .queue = queue });
        return call(t, c, AMQP_QUEUE_DECLARE_METHOD, &(amqp_queue_declare_t){ .queue = queue, .passive = true });
}

/* The binding is remembered, and the call for it is another object. */
static int add_binding(Thread *t, Command *c)
{
        char name[QUEUE_NAME_MAX];
        Command *waiting;

        while (!(waiting = new0(Command, 1)))
                (void) usleep(10 * USEC_PER_MSEC);
        waiting->type = COMMAND_BIND;
        waiting->reply = TAKE(c->reply, (Reply){ 0 });
        TAILQ_INSERT_TAIL(&t->bindings, c, entry);
        if (!t->connection) {
                TAILQ_INSERT_TAIL(&t->calls, waiting, entry);
                return 0;
        }
        return call(t, waiting, AMQP_QUEUE_BIND_METHOD,
                    &(amqp_queue_bind_t){ .queue = amqp_text(amqp_wire_name(t, c->queue, name)),
                                          .exchange = amqp_text(c->exchange),
                                          .routing_key = amqp_text(c->key) });
}

/* After connecting, every binding that was asked for is there. */
static void answer_bindings(Thread *t)
{
        Command *c;

        while ((c = TAILQ_FIRST(&t->calls))) {
                TAILQ_REMOVE(&t->calls, c, entry);
                amqp_post_reply(t, c, 0);
                command_free(c);
        }
}

static Command *find_binding(Thread *t, const Command *like)
{
        Command *c;

        TAILQ_FOREACH(c, &t->bindings, entry)
                if (streq(c->key, like->key) && streq(c->queue, like->queue) && streq(c->exchange, like->exchange))
                        return c;
        return NULL;
}

static int remove_binding(Thread *t, const Command *c)
{
        Command *known = find_binding(t, c);
        char name[QUEUE_NAME_MAX];

        if (!known)
                return 0;
        TAILQ_REMOVE(&t->bindings, known, entry);
        command_free(known);
        if (!t->connection || find_binding(t, c))
                return 0;       /* somebody else wants it still */
        return amqp_check_status(
                t,
                amqp_send_method(t->connection, CHANNEL_CONSUME, AMQP_QUEUE_UNBIND_METHOD,
                                 &(amqp_queue_unbind_t){ .queue = amqp_text(amqp_wire_name(t, c->queue, name)),
                                                         .exchange = amqp_text(c->exchange),
                                                         .routing_key = amqp_text(c->key) }),
                "unbind");
}

static int set_consuming(Thread *t, const Command *c)
{
        const AmqpClientParams *p = &t->client->params;
        char tag[QUEUE_NAME_MAX];
        size_t i = 0;

        while (i < p->n_consumers && !streq(p->consumers[i].queue, c->queue))
                i++;
        if (i == p->n_consumers || t->consumers[i].on == c->on)
                return 0;
        t->consumers[i].on = c->on;
        if (!t->connection)
                return 0;
        if (c->on)
                return amqp_start_consumer(t, i);

        amqp_format_tag(t, i, tag);
        amqp_basic_cancel_t cancel = { .consumer_tag = amqp_text(tag), .nowait = true };
        return amqp_check_status(
                t, amqp_send_method(t->connection, CHANNEL_CONSUME, AMQP_BASIC_CANCEL_METHOD, &cancel), "cancel");
}

/* Takes the command. */
static int execute(Thread *t, Command *c)
{
        int r = 0;

        switch (c->type) {
        case COMMAND_PUBLISH:
                TAILQ_INSERT_TAIL(&t->ready, c, entry);
                return 0;
        case COMMAND_BIND:
                return add_binding(t, c);
        case COMMAND_GET:
        case COMMAND_DEPTH:
                return ask(t, c);
        case COMMAND_ACK:
        case COMMAND_REQUEUE:
        case COMMAND_REJECT:
                r = acknowledge(t, c);
                break;
        case COMMAND_UNBIND:
                r = remove_binding(t, c);
                break;
        case COMMAND_CONSUME:
                r = set_consuming(t, c);
                break;
        }
        command_free(c);
        return r;
}

/* -ECANCELED when the loop wants us to end. Every command is taken up, whatever became of the one before. */
static int take_commands(Thread *t)
{
        CommandQueue commands = TAILQ_HEAD_INITIALIZER(commands);
        uint64_t count;
        Command *c;
        int r = 0;

        (void) !read(t->client->command_fd, &count, sizeof(count));

        (void) pthread_mutex_lock(&t->client->lock);
        TAILQ_CONCAT(&commands, &t->client->commands, entry);
        bool stop = t->client->stop;
        (void) pthread_mutex_unlock(&t->client->lock);

        while ((c = TAILQ_FIRST(&commands))) {
                TAILQ_REMOVE(&commands, c, entry);

                int k = execute(t, c);
                r = r < 0 ? r : k;
        }
        return stop ? -ECANCELED : r;
}

/* --- the thread ---------------------------------------------------------------------------------------------------- */

/* Until the oldest message is too old, and at most this long. */
static usec_t patience_left(Thread *t, usec_t at_most_usec)
{
        const Command *c = TAILQ_FIRST(&t->unconfirmed) ? TAILQ_FIRST(&t->unconfirmed) : TAILQ_FIRST(&t->ready);
        usec_t now = now_usec(CLOCK_MONOTONIC);

        if (!c)
                return at_most_usec;

        usec_t until = usec_add(c->reply.since_usec, t->client->params.patience_usec);
        return MIN(until > now ? until - now : 0, at_most_usec);
}

/* Waits for either side. */
static void wait_turn(Thread *t, usec_t at_most_usec)
{
        struct pollfd fds[] = {
                { .fd = t->client->command_fd, .events = POLLIN },
                { .fd = -1, .events = POLLIN },
        };

        if (t->connection) {
                fds[1].fd = amqp_get_sockfd(t->connection);
                if (amqp_frames_enqueued(t->connection) || amqp_data_in_buffer(t->connection))
                        return;
                if (next_publish(t))
                        fds[1].events |= POLLOUT;
        }
        (void) poll(fds, ELEMENTSOF(fds), (int) ((patience_left(t, at_most_usec) + USEC_PER_MSEC - 1) / USEC_PER_MSEC));
}

static int serve(Thread *t)
{
        usec_t turn = MAX(t->client->params.heartbeat_sec, 1u) * USEC_PER_SEC / 2;

        for (;;) {
                int r = take_commands(t);

                if (r >= 0)
                        r = publish_ready(t);
                if (r >= 0)
                        r = amqp_receive(t);
                if (r < 0)
                        return r;
                drop_impatient(t);
                wait_turn(t, turn);
        }
}

/* Until the time has come to try again. */
static int pause_before_retry(Thread *t)
{
        uint64_t jitter = 0;

        (void) !getrandom(&jitter, sizeof(jitter), GRND_NONBLOCK);
        t->backoff_usec = MIN(MAX(t->backoff_usec * 2, (usec_t) RECONNECT_MIN_USEC), (usec_t) RECONNECT_MAX_USEC);
        usec_t until = now_usec(CLOCK_MONOTONIC) + t->backoff_usec / 2 + jitter % (t->backoff_usec / 2);

        for (usec_t now; (now = now_usec(CLOCK_MONOTONIC)) < until;) {
                int r = take_commands(t);
                if (r < 0)
                        return r;
                drop_impatient(t);
                wait_turn(t, until - now);
        }
        return 0;
}

/* A last word, so that the broker need not guess. One that does not listen is not waited for. */
static void say_goodbye(Thread *t)
{
        struct timeval timeout = { .tv_usec = 500 * USEC_PER_MSEC };

        if (!t->connection || t->blocked || !socket_has_room(t))
                return;
        (void) amqp_set_rpc_timeout(t->connection, &timeout);
        (void) amqp_connection_close(t->connection, AMQP_REPLY_SUCCESS);
}

/* One connection, from its making to its end. */
static int run_connection(Thread *t)
{
        usec_t since = now_usec(CLOCK_MONOTONIC);

        t->epoch = (t->epoch + 1) & 0xffff;
        int r = amqp_connect(t);
        if (r >= 0) {
                *t->why = '\0';
                amqp_post_state(t, true);
                answer_bindings(t);
                r = serve(t);
                if (now_usec(CLOCK_MONOTONIC) - since > STABLE_USEC)
                        t->backoff_usec = 0;
        }
        if (r == -ECANCELED)
                say_goodbye(t);
        disconnect(t);
        if (r != -ECANCELED)
                amqp_post_state(t, false);
        return r;
}

/* Whoever waits for something is told by the loop's side. */
static void return_commands(Thread *t)
{
        (void) pthread_mutex_lock(&t->client->lock);
        TAILQ_CONCAT(&t->client->commands, &t->ready, entry);
        TAILQ_CONCAT(&t->client->commands, &t->calls, entry);
        TAILQ_CONCAT(&t->client->commands, &t->bindings, entry);
        (void) pthread_mutex_unlock(&t->client->lock);
}

void *amqp_thread_main(void *client)
{
        Thread t = { .client = client };
        const AmqpClientParams *p = &t.client->params;

        TAILQ_INIT(&t.ready);
        TAILQ_INIT(&t.unconfirmed);
        TAILQ_INIT(&t.calls);
        TAILQ_INIT(&t.bindings);
        while (!(t.consumers = new0(struct ConsumerState, p->n_consumers + 1)))
                (void) usleep(10 * USEC_PER_MSEC);
        for (size_t i = 0; i < p->n_consumers; i++)
                t.consumers[i].on = !p->consumers[i].off;

        while (run_connection(&t) != -ECANCELED && pause_before_retry(&t) != -ECANCELED)
                ;

        return_commands(&t);
        free(t.consumers);
        return NULL;
}
