/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Messages between those who accept jobs and those who run them. This header has what both sides share; queue/queue-api.h
 * and queue/queue-worker.h have the verbs of each.
 *
 * Every message is published until the broker has it safely, and so may arrive twice. Callbacks of requests are called
 * once, from the event loop, never during the call, and with -ECANCELED when the queue is freed; they may be NULL. Errors:
 *   -ENOTCONN  not confirmed for too long; it may arrive all the same
 *   -ENOBUFS   the broker refuses it, or, at once: too much waits already
 *   -ENOENT    nobody takes such jobs
 *   -EINVAL    at once: beyond a limit of queue/payload.h, or an unknown language */

#include <systemd/sd-event.h>

#include "queue/payload.h"
#include "queue/topology.h"

typedef struct Queue Queue;

typedef struct QueueParams {
        QueueRole role;
        const char *host;
        uint16_t port;
        const char *vhost, *user, *password;
        const char *name;                /* shown by the broker */
        JobId incarnation;               /* this run of this process */
        char *const *languages;          /* of the jobs that are published, or run */
        unsigned heartbeat_sec;
        usec_t patience_usec;            /* how long a message waits for the broker */
        size_t queue_max;                /* messages that wait */

        /* ready: messages are sent and received now. why is for people, "" when all is well. May be NULL. */
        void (*on_state)(bool ready, const char *why, void *userdata);

        /* Of an API. Only of watched jobs; output is in order, each byte once, for each attempt. */
        void (*on_event)(const QueueEvent *event, void *userdata);
        /* From now on nothing that is said of a watched job is missed, which until now may have been: after queue_watch(),
         * and for each job after every lost connection. Must not call queue_watch() or queue_unwatch(). May be NULL. */
        void (*on_watching)(const JobId *job, void *userdata);
        /* A job that no worker could handle; to be acknowledged when that is noted. */
        void (*on_dead)(const QueueJob *job, const char *reason, uint64_t tag, void *userdata);

        /* Of a worker. Not more than queue_set_room() allows. To be acknowledged when the result is safe. */
        void (*on_job)(const QueueJob *job, uint64_t tag, bool redelivered, void *userdata);
        void (*on_control)(const QueueControl *control, void *userdata);

        void *userdata;
} QueueParams;

#define QUEUE_PARAMS_DEFAULT                                                                                           \
        ((QueueParams){                                                                                                \
                .host = "127.0.0.1",                                                                                   \
                .port = 5672,                                                                                          \
                .vhost = "/",                                                                                          \
                .heartbeat_sec = 10,                                                                                   \
                .patience_usec = 30 * USEC_PER_SEC,                                                                    \
                .queue_max = 16384,                                                                                    \
        })

typedef struct QueueCounters {
        AmqpCounters publish, consume;   /* of the two connections */
        uint64_t malformed;              /* messages that were no such thing */
        uint64_t handed_back;            /* jobs that came when there was no room */
        uint64_t asked;                  /* for output, of workers */
} QueueCounters;

typedef AmqpDone QueueDone;

/* All strings are copied. -EINVAL for a language that cannot be one. */
int queue_new(sd_event *event, const QueueParams *p, Queue **ret);

/* Not to be called from a callback. */
Queue *queue_free(Queue *q);
DEFINE_CLEANUP(Queue *, queue_free)

bool queue_is_ready(const Queue *q);
void queue_counters(const Queue *q, QueueCounters *ret);

/* How many jobs wait there for a worker. */
int queue_depth(Queue *q, const char *language, JobPriority priority, AmqpDepth callback, void *userdata);

/* The message is done with, for good. A tag of a lost connection is ignored: the message comes again. */
int queue_ack(Queue *q, uint64_t tag);
