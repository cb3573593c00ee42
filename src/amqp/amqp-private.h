/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What the loop's side (amqp-client.c) and the thread's side share: two queues under one lock, and a descriptor for each
 * that says that there is something in it. And what the files of the thread share: amqp-thread.c takes commands,
 * amqp-connect.c makes connections, amqp-receive.c takes frames. */

#include <pthread.h>
#if __has_include(<rabbitmq-c/amqp.h>)
#include <rabbitmq-c/amqp.h>
#else /* before 0.13 */
#include <amqp.h>
#endif
#include <sys/queue.h>

#include "amqp/amqp-client.h"

typedef enum CommandType {
        COMMAND_PUBLISH,
        COMMAND_ACK,
        COMMAND_REQUEUE,
        COMMAND_REJECT,
        COMMAND_GET,
        COMMAND_DEPTH,
        COMMAND_BIND,
        COMMAND_UNBIND,
        COMMAND_CONSUME,
} CommandType;

/* The answer that is owed to a caller. Whoever holds it gives it, or hands it on. */
typedef enum ReplyType { REPLY_NONE, REPLY_CONFIRM, REPLY_BOUND, REPLY_GOT, REPLY_DEPTH } ReplyType;

typedef struct Reply {
        ReplyType type;
        union {
                AmqpDone done;           /* of REPLY_CONFIRM and REPLY_BOUND; may be NULL */
                AmqpGot got;
                AmqpDepth depth;
        };
        void *userdata;
        usec_t since_usec;
} Reply;

/* From the loop to the thread. */
typedef struct Command {
        TAILQ_ENTRY(Command) entry;
        CommandType type;
        char *queue, *exchange, *key;
        char *body;
        size_t size;
        bool persistent, mandatory, on;
        uint64_t tag;                    /* of the delivery, with the connection's epoch in the high bits */
        Reply reply;

        uint64_t sequence;               /* of a publish on this connection */
        bool returned;                   /* the broker knows no queue for it */
} Command;

typedef TAILQ_HEAD(CommandQueue, Command) CommandQueue;

typedef enum EventType { EVENT_REPLY, EVENT_DELIVERY, EVENT_STATE } EventType;

/* From the thread to the loop. */
typedef struct Event {
        TAILQ_ENTRY(Event) entry;
        EventType type;
        Reply reply;
        int error;
        uint64_t n_messages;
        char *queue, *key, *death;       /* of a delivery, and of a get that gave one */
        char *body;
        size_t size;
        uint64_t tag;
        bool redelivered;
        bool connected, blocked;         /* of a state */
        char *why;
} Event;

typedef TAILQ_HEAD(EventQueue, Event) EventQueue;

struct AmqpClient {
        sd_event *event;
        sd_event_source *source;
        AmqpClientParams params;
        char *host, *vhost, *user, *password, *name;

        pthread_t thread;
        bool thread_started;

        pthread_mutex_t lock;
        CommandQueue commands;           /* under the lock */
        EventQueue events;               /* under the lock */
        bool stop;                       /* under the lock */
        int socket_fd;                   /* under the lock: to shut it down from the other side */
        int command_fd, event_fd;

        bool connected, blocked;         /* the loop's own */
        AmqpCounters counters;
};

void command_free(Command *c);
void event_free(Event *e);

/* To the loop. Takes the event. */
void amqp_post(AmqpClient *c, Event *e);

/* The thread: runs until c->stop. */
void *amqp_thread_main(void *client);

/* --- of the thread alone ------------------------------------------------------------------------------------------- */

#define CHANNEL_PUBLISH 1
#define CHANNEL_CONSUME 2

/* A tag's high bits are the number of the connection it came over. */
#define TAG_EPOCH_SHIFT 48
#define TAG_MASK ((UINT64_C(1) << TAG_EPOCH_SHIFT) - 1)

#define QUEUE_NAME_MAX 256

/* A message whose frames are still coming, one for each channel. */
typedef struct Incoming {
        enum { INCOMING_NONE, INCOMING_DELIVERY, INCOMING_GOT, INCOMING_RETURN } kind;
        Event *event;                    /* of a delivery, or of a get */
        Command *returned;               /* of a return */
        Buffer body;
        uint64_t expected;
        bool has_header;
} Incoming;

typedef struct Thread {
        AmqpClient *client;
        amqp_connection_state_t connection;
        uint64_t epoch;
        uint64_t next_sequence;
        usec_t backoff_usec;
        bool blocked;
        bool told_disconnected;
        CommandQueue ready;              /* publishes that wait to be sent */
        CommandQueue unconfirmed;        /* sent, in the order of their sequence */
        size_t n_unconfirmed;
        CommandQueue calls;              /* sent, and answered in this order */
        CommandQueue bindings;           /* those that were asked for */
        struct ConsumerState {
                bool on;
                unsigned n_starts;       /* the number is part of its tag */
        } *consumers;                    /* for each of the client's */
        Incoming incoming[CHANNEL_CONSUME + 1];
        char why[256], told_why[256];
} Thread;

static inline amqp_bytes_t amqp_text(const char *s)
{
        return s ? amqp_cstring_bytes(s) : amqp_empty_bytes;
}

/* Never fails. */
Event *amqp_event_new(EventType type);
void amqp_post_reply(Thread *t, Command *c, int error);
void amqp_post_state(Thread *t, bool connected);

/* Says why the connection cannot go on; returns -EIO. */
int amqp_failed(Thread *t, const char *format, ...) _printf_(2, 3);
int amqp_check_status(Thread *t, int status, const char *what);

/* The queue's name on the wire. */
const char *amqp_wire_name(const Thread *t, const char *queue, char buffer[static QUEUE_NAME_MAX]);

/* Everything up to running consumers; -ECANCELED when the loop wants us to end. */
int amqp_connect(Thread *t);
int amqp_start_consumer(Thread *t, size_t i);
void amqp_format_tag(const Thread *t, size_t i, char buffer[static QUEUE_NAME_MAX]);

/* Takes every frame there is, without waiting for more. */
int amqp_receive(Thread *t);
void amqp_incoming_reset(Incoming *i);
