/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Which exchanges and queues there are, for the broker to be told on every connection. Everybody declares the queues of jobs, so
 * that no job is ever published to nowhere. */

#include "amqp/amqp-client.h"
#include "job/id.h"
#include "job/spec.h"

#define QUEUE_EXCHANGE_JOBS "rce.jobs"           /* topic, "<language>.<priority>" */
#define QUEUE_EXCHANGE_DEAD "rce.dead"           /* fanout: jobs that killed worker after worker */
#define QUEUE_EXCHANGE_EVENTS "rce.events"       /* topic, the job's id */
#define QUEUE_EXCHANGE_CONTROL "rce.control"     /* fanout */
#define QUEUE_DEAD "rce.dead"

/* The attempts counted in the database decide first; this is for messages that kill a worker before it can count. */
#define QUEUE_DELIVERY_LIMIT 20

typedef enum QueueRole { QUEUE_API, QUEUE_WORKER } QueueRole;

typedef struct Topology {
        const AmqpExchange *exchanges;
        size_t n_exchanges;
        AmqpQueue *queues;
        size_t n_queues;
        AmqpBinding *bindings;
        size_t n_bindings;
        AmqpConsumer *consumers;
        size_t n_consumers;

        size_t n_jobs;                   /* the first of the queues: of each language low, normal, high */
        const char *own;                 /* the queue of this process: of events, or of control messages */
        char **texts;                    /* what the names above point to */
} Topology;

int topology_make(QueueRole role, char *const *languages, const JobId *incarnation, Topology *ret);
void topology_done(Topology *t);

/* NULL when there is no such language. The key is the queue's name behind the prefix. */
const char *topology_job_queue(const Topology *t, const char *language, JobPriority priority);
const char *topology_job_key(const char *queue);
