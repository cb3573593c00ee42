/* SPDX-License-Identifier: Apache-2.0 */
/* From nothing to running consumers. Here the thread may wait for answers, each for a limited time, and the loop can end it by
 * shutting the socket down, which is why the socket is ours before it is connected. */
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "amqp/amqp-private.h"
#include "basic/fd-util.h"
#include "basic/string-util.h"
#if __has_include(<rabbitmq-c/tcp_socket.h>)
#include <rabbitmq-c/tcp_socket.h>
#else
#include <amqp_tcp_socket.h>
#endif

#define CONNECT_TIMEOUT_SEC 10
#define ANSWER_TIMEOUT_SEC 20
#define FRAME_BYTES_MAX (128 * 1024)
#define SEND_BUFFER_BYTES (208 * 1024)  /* the kernel doubles it; messages up to a third of that are sent without waiting */

static int say_closed(Thread *t, const char *what, amqp_bytes_t text)
{
        return amqp_failed(t, "%s: %.*s", what, (int) text.len, (const char *) text.bytes);
}

static int check_reply(Thread *t, amqp_rpc_reply_t reply, const char *what)
{
        if (reply.reply_type == AMQP_RESPONSE_NORMAL)
                return 0;
        if (reply.reply_type == AMQP_RESPONSE_LIBRARY_EXCEPTION)
                return amqp_check_status(t, reply.library_error, what);
        if (reply.reply_type == AMQP_RESPONSE_SERVER_EXCEPTION) {
                if (reply.reply.id == AMQP_CHANNEL_CLOSE_METHOD)
                        return say_closed(t, what, ((amqp_channel_close_t *) reply.reply.decoded)->reply_text);
                if (reply.reply.id == AMQP_CONNECTION_CLOSE_METHOD)
                        return say_closed(t, what, ((amqp_connection_close_t *) reply.reply.decoded)->reply_text);
        }
        return amqp_failed(t, "%s: the broker broke the protocol", what);
}

static int check_answer(Thread *t, const char *what)
{
        return check_reply(t, amqp_get_rpc_reply(t->connection), what);
}

/* --- topology ------------------------------------------------------------------------------------------------------ */

/* A queue that belongs to a connection has another name on each: after a connection was lost the broker may keep the old
 * queue, and its lock, until it has noticed. */
const char *amqp_wire_name(const Thread *t, const char *queue, char buffer[static QUEUE_NAME_MAX])
{
        const AmqpClientParams *p = &t->client->params;

        for (size_t i = 0; i < p->n_queues; i++)
                if (!p->queues[i].quorum && streq(p->queues[i].name, queue)) {
                        snprintf(buffer, QUEUE_NAME_MAX, "%s.%u", queue, (unsigned) t->epoch);
                        return buffer;
                }
        return queue;
}

static void add_text(amqp_table_t *table, const char *key, const char *value)
{
        table->entries[table->num_entries++] = (amqp_table_entry_t){
                amqp_text(key), { .kind = AMQP_FIELD_KIND_UTF8, .value.bytes = amqp_text(value) }
        };
}

static void add_number(amqp_table_t *table, const char *key, int value)
{
        table->entries[table->num_entries++] = (amqp_table_entry_t){
                amqp_text(key), { .kind = AMQP_FIELD_KIND_I32, .value.i32 = value }
        };
}

/* Dead letters move at least once only together with reject-publish, which also is what a queue that must not lose
 * anything does when an operator gives it a length. */
static int declare_queue(Thread *t, const AmqpQueue *q)
{
        amqp_table_entry_t entries[6];
        amqp_table_t arguments = { 0, entries };
        char name[QUEUE_NAME_MAX];

        if (q->quorum)
                add_text(&arguments, "x-queue-type", "quorum");
        if (q->delivery_limit > 0)
                add_number(&arguments, "x-delivery-limit", q->delivery_limit);
        if (q->dead_letter_exchange) {
                add_text(&arguments, "x-dead-letter-exchange", q->dead_letter_exchange);
                add_text(&arguments, "x-dead-letter-strategy", "at-least-once");
                add_text(&arguments, "x-overflow", "reject-publish");
        }
        if (q->bytes_max > 0)
                add_number(&arguments, "x-max-length-bytes", q->bytes_max);

        (void) amqp_queue_declare(t->connection, CHANNEL_CONSUME, amqp_text(amqp_wire_name(t, q->name, name)), false,
                                  q->quorum, !q->quorum, !q->quorum, arguments);
        return check_answer(t, q->name);
}

static int bind_queue(Thread *t, const char *queue, const char *exchange, const char *key)
{
        char name[QUEUE_NAME_MAX];

        (void) amqp_queue_bind(t->connection, CHANNEL_CONSUME, amqp_text(amqp_wire_name(t, queue, name)),
                               amqp_text(exchange), amqp_text(key), amqp_empty_table);
        return check_answer(t, queue);
}

static int declare_topology(Thread *t)
{
        const AmqpClientParams *p = &t->client->params;
        Command *c;
        int r = 0;

        for (size_t i = 0; r >= 0 && i < p->n_exchanges; i++) {
                (void) amqp_exchange_declare(t->connection, CHANNEL_CONSUME, amqp_text(p->exchanges[i].name),
                                             amqp_text(p->exchanges[i].type), false, true, false, false,
                                             amqp_empty_table);
                r = check_answer(t, p->exchanges[i].name);
        }
        for (size_t i = 0; r >= 0 && i < p->n_queues; i++)
                r = declare_queue(t, &p->queues[i]);
        for (size_t i = 0; r >= 0 && i < p->n_bindings; i++)
                r = bind_queue(t, p->bindings[i].queue, p->bindings[i].exchange, p->bindings[i].key);
        TAILQ_FOREACH(c, &t->bindings, entry)
                if (r >= 0)
                        r = bind_queue(t, c->queue, c->exchange, c->key);
        return r;
}

/* Each start has another tag: to a quorum queue, the same tag is the same consumer, whose prefetch goes on to count what it
 * has not acknowledged. */
void amqp_format_tag(const Thread *t, size_t i, char buffer[static QUEUE_NAME_MAX])
{
        snprintf(buffer, QUEUE_NAME_MAX, "%s#%u", t->client->params.consumers[i].queue, t->consumers[i].n_starts);
}

/* The prefetch is not global: it is each consumer's own, and is fixed when it starts. Nobody waits for the answers; a
 * refusal closes the channel. */
int amqp_start_consumer(Thread *t, size_t i)
{
        const AmqpConsumer *c = &t->client->params.consumers[i];
        char name[QUEUE_NAME_MAX], tag[QUEUE_NAME_MAX];
        amqp_basic_qos_t qos = { .prefetch_count = c->prefetch };

        t->consumers[i].n_starts++;
        amqp_format_tag(t, i, tag);
        amqp_basic_consume_t consume = {
                .queue = amqp_text(amqp_wire_name(t, c->queue, name)),
                .consumer_tag = amqp_text(tag),
                .nowait = true,
        };

        int r = amqp_check_status(t, amqp_send_method(t->connection, CHANNEL_CONSUME, AMQP_BASIC_QOS_METHOD, &qos), "qos");
        if (r < 0)
                return r;
        return amqp_check_status(
                t, amqp_send_method(t->connection, CHANNEL_CONSUME, AMQP_BASIC_CONSUME_METHOD, &consume), "consume");
}

static int start_consumers(Thread *t)
{
        int r = 0;

        for (size_t i = 0; r >= 0 && i < t->client->params.n_consumers; i++)
                if (t->consumers[i].on)
                        r = amqp_start_consumer(t, i);
        return r;
}

/* --- connecting ---------------------------------------------------------------------------------------------------- */

/* From here the loop may shut it down. */
static int share_socket(Thread *t, int fd)
{
        (void) pthread_mutex_lock(&t->client->lock);
        bool stop = t->client->stop;
        t->client->socket_fd = stop ? -EBADF : fd;
        (void) pthread_mutex_unlock(&t->client->lock);
        return stop ? -ECANCELED : 0;
}

static int finish_connecting(int fd)
{
        struct pollfd p = { .fd = fd, .events = POLLOUT };
        socklen_t size = sizeof(int);
        int error = 0;

        int r = poll(&p, 1, CONNECT_TIMEOUT_SEC * 1000);
        if (r <= 0)
                return r == 0 ? -ETIMEDOUT : -errno;
        if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) < 0)
                return -errno;
        if (error == 0 && (p.revents & POLLHUP))
                return -ECONNABORTED;
        return -error;
}

/* Takes the descriptor over into the library's connection. */
static int connect_address(Thread *t, amqp_socket_t *socket_object, const struct addrinfo *a)
{
        int fd = socket(a->ai_family, a->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, a->ai_protocol);

        if (fd < 0)
                return -errno;

        (void) setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){ 1 }, sizeof(int));
        (void) setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &(int){ SEND_BUFFER_BYTES }, sizeof(int));
        (void) setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &(int){ 1 }, sizeof(int));
        int r = share_socket(t, fd);
        if (r >= 0 && connect(fd, a->ai_addr, a->ai_addrlen) < 0)
                r = errno == EINPROGRESS ? finish_connecting(fd) : -errno;
        if (r < 0) {
                (void) share_socket(t, -EBADF);
                safe_close(fd);
                return r;
        }
        amqp_tcp_socket_set_sockfd(socket_object, fd);
        return 0;
}

static int open_socket(Thread *t)
{
        const AmqpClient *c = t->client;
        struct addrinfo hints = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG };
        struct addrinfo *addresses = NULL;
        char port[8];

        t->connection = amqp_new_connection();
        amqp_socket_t *socket_object = t->connection ? amqp_tcp_socket_new(t->connection) : NULL;
        if (!socket_object)
                return amqp_failed(t, "Out of memory");

        snprintf(port, sizeof(port), "%u", c->params.port);
        int r = getaddrinfo(c->host, port, &hints, &addresses);
        if (r != 0)
                return amqp_failed(t, "%s: %s", c->host, gai_strerror(r));

        r = -EADDRNOTAVAIL;
        for (struct addrinfo *a = addresses; a && r < 0 && r != -ECANCELED; a = a->ai_next)
                r = connect_address(t, socket_object, a);
        freeaddrinfo(addresses);
        if (r < 0 && r != -ECANCELED)
                return amqp_failed(t, "%s port %s: %s", c->host, port, strerror(-r));
        return r;
}

static amqp_table_entry_t capability(const char *name)
{
        return (amqp_table_entry_t){ amqp_text(name), { .kind = AMQP_FIELD_KIND_BOOLEAN, .value.boolean = true } };
}

/* Only what a client says it knows does the broker send. */
static int log_in(Thread *t)
{
        AmqpClient *c = t->client;
        amqp_table_entry_t capabilities[] = {
                capability("authentication_failure_close"), capability("basic.nack"),
                capability("connection.blocked"), capability("consumer_cancel_notify"),
                capability("publisher_confirms"),
        };
        amqp_table_entry_t entries[] = {
                { amqp_text("capabilities"),
                  { .kind = AMQP_FIELD_KIND_TABLE, .value.table = { (int) ELEMENTSOF(capabilities), capabilities } } },
                { amqp_text("connection_name"), { .kind = AMQP_FIELD_KIND_UTF8, .value.bytes = amqp_text(c->name) } },
        };
        amqp_table_t properties = { (int) ELEMENTSOF(entries), entries };

        return check_reply(t,
                           amqp_login_with_properties(t->connection, c->vhost, 0, FRAME_BYTES_MAX,
                                                      (int) c->params.heartbeat_sec, &properties,
                                                      AMQP_SASL_METHOD_PLAIN, c->user, c->password),
                           "login");
}

static int open_channels(Thread *t)
{
        for (amqp_channel_t channel = CHANNEL_PUBLISH; channel <= CHANNEL_CONSUME; channel++) {
                (void) amqp_channel_open(t->connection, channel);
                int r = check_answer(t, "channel");
                if (r < 0)
                        return r;
        }

        (void) amqp_confirm_select(t->connection, CHANNEL_PUBLISH);
        return check_answer(t, "confirm");
}

int amqp_connect(Thread *t)
{
        struct timeval timeout = { .tv_sec = ANSWER_TIMEOUT_SEC };
        int r;

        if ((r = open_socket(t)) < 0)
                return r;
        (void) amqp_set_handshake_timeout(t->connection, &timeout);
        (void) amqp_set_rpc_timeout(t->connection, &timeout);
        if ((r = log_in(t)) < 0 || (r = open_channels(t)) < 0 || (r = declare_topology(t)) < 0)
                return r;
        return start_consumers(t);
}
