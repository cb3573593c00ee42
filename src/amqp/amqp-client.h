/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* A connection to an AMQP 0-9-1 broker, RabbitMQ, for the event loop. The library blocks, so a thread of its own drives
 * it; nobody outside this room sees that. The connection is made, and made again, by itself: the topology is declared,
 * consumers begin anew, and everything published that the broker has not confirmed is published again. So a message may
 * arrive twice, and none is lost that was confirmed.
 *
 * Let one object publish and another consume: a broker that is short of resources stops reading from connections that
 * publish.
 *
 * Callbacks are called from the loop, never from within the call they belong to, each exactly once; on amqp_client_free()
 * with -ECANCELED. They may call everything here but amqp_client_free(). */

#include <systemd/sd-event.h>

#include "basic/memory.h"
#include "basic/time-util.h"

typedef struct AmqpClient AmqpClient;

/* What is declared on every connection, in this order. The arrays and strings must stay valid as long as the client. */
typedef struct AmqpExchange {
        const char *name;
        const char *type;                /* "topic", "fanout" */
} AmqpExchange;

typedef struct AmqpQueue {
        const char *name;
        bool quorum;                     /* durable and replicated; else it belongs to one connection and is gone with it */
        int delivery_limit;              /* of a quorum queue; 0 for none */
        const char *dead_letter_exchange;        /* of a quorum queue: what is dead goes there, at least once */
        int bytes_max;                   /* the oldest messages are dropped beyond; 0 for no limit */
} AmqpQueue;

typedef struct AmqpBinding {
        const char *queue, *exchange, *key;
} AmqpBinding;

typedef struct AmqpConsumer {
        const char *queue;
        uint16_t prefetch;               /* deliveries that are not acknowledged yet */
        bool off;                        /* until amqp_consume() */
} AmqpConsumer;

typedef struct AmqpDelivery {
        uint64_t tag;                    /* for amqp_ack() and its like */
        const char *queue;
        const char *key;
        const char *death;               /* of a dead letter: why it died first, "delivery_limit" for one; else NULL */
        bool redelivered;
        const char *body;                /* a NUL follows that is not counted */
        size_t size;
} AmqpDelivery;

typedef struct AmqpClientParams {
        const char *host;
        uint16_t port;
        const char *vhost;
        const char *user;
        const char *password;
        const char *name;                /* shown by the broker */
        unsigned heartbeat_sec;
        size_t queue_max;                /* messages waiting or unconfirmed; more are -ENOBUFS */
        usec_t patience_usec;            /* how old a message may become before it is confirmed, then -ENOTCONN */

        const AmqpExchange *exchanges;
        size_t n_exchanges;
        const AmqpQueue *queues;
        size_t n_queues;
        const AmqpBinding *bindings;
        size_t n_bindings;
        const AmqpConsumer *consumers;
        size_t n_consumers;

        /* Valid during the call. May be NULL without consumers. */
        void (*on_delivery)(const AmqpDelivery *d, void *userdata);
        /* Each change, and each new reason why there is no connection. May be NULL. blocked: the broker takes nothing now
         * (memory, disk). When connected, the bindings and consumers are there. */
        void (*on_state)(bool connected, bool blocked, const char *why, void *userdata);
        void *userdata;
} AmqpClientParams;

typedef struct AmqpCounters {
        uint64_t published, confirmed, failed, delivered, connects, waiting;
        usec_t confirm_usec;             /* sum over the confirmed, from amqp_publish() to the callback */
} AmqpCounters;

int amqp_client_new(sd_event *event, const AmqpClientParams *p, AmqpClient **ret);

/* What was acknowledged before is still sent when the broker takes it within a moment. */
AmqpClient *amqp_client_free(AmqpClient *c);
DEFINE_CLEANUP(AmqpClient *, amqp_client_free)

bool amqp_client_ready(const AmqpClient *c);    /* connected and not blocked */
const AmqpCounters *amqp_client_counters(const AmqpClient *c);

/* error is 0 when the broker has it safely; -ENOENT nobody is bound to that key, -ENOBUFS the broker refuses it (queue
 * full), -ENOTCONN not confirmed for too long, it may have arrived or not. */
typedef void (*AmqpDone)(int error, void *userdata);

typedef struct AmqpMessage {
        const char *exchange;
        const char *key;
        const void *body;                /* copied */
        size_t size;
        bool persistent;
        bool mandatory;                  /* there must be a queue for it, else -ENOENT */
} AmqpMessage;

/* In the order of the calls. The callback may be NULL. */
int amqp_publish(AmqpClient *c, const AmqpMessage *m, AmqpDone callback, void *userdata);

/* Beyond the connection's life a tag means nothing, and these do nothing: the broker delivers it again. Requeued, it counts
 * towards the delivery limit; rejected, it is a dead letter. */
int amqp_ack(AmqpClient *c, uint64_t tag);
int amqp_requeue(AmqpClient *c, uint64_t tag);
int amqp_reject(AmqpClient *c, uint64_t tag);

/* Asks for one message. d is NULL when there is none; error is 0 or -ENOTCONN. */
typedef void (*AmqpGot)(int error, const AmqpDelivery *d, void *userdata);
int amqp_get(AmqpClient *c, const char *queue, AmqpGot callback, void *userdata);

/* How many messages wait there for somebody. error is 0 or -ENOTCONN. */
typedef void (*AmqpDepth)(int error, uint64_t n_messages, void *userdata);
int amqp_depth(AmqpClient *c, const char *queue, AmqpDepth callback, void *userdata);

/* Bindings that come and go; as many unbinds as binds undo it. They are made again on every connection. The callback may be
 * NULL and says that what is published from now on arrives. */
int amqp_bind(AmqpClient *c, const char *queue, const char *exchange, const char *key, AmqpDone callback,
              void *userdata);
int amqp_unbind(AmqpClient *c, const char *queue, const char *exchange, const char *key);

/* Turns a consumer off or on. Turned off, some deliveries may still come; turned on again it begins with a fresh prefetch,
 * whatever is not acknowledged yet. */
int amqp_consume(AmqpClient *c, const char *queue, bool on);
