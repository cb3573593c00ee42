/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What the files of the room share: queue.c has the connections, queue-api.c and queue-worker.c what comes over them. */

#include "queue/queue.h"
#include "queue/taker.h"
#include "queue/watch.h"

struct Queue {
        QueueParams params;              /* its strings are not valid any more */
        Topology topology;
        AmqpClient *publisher, *consumer;
        struct ConnectionState {
                bool connected, blocked;
                char why[256];
        } publishing, consuming;
        bool ready;
        char why[300];
        QueueCounters counters;

        void *watches;                   /* of an API: a tree of WatchEntry (tsearch) */
        Taker taker;                     /* of a worker */
};

/* Publishes what the buffer holds. */
int queue_publish(Queue *q, const AmqpMessage *m, const Buffer *body, QueueDone callback, void *userdata);

void queue_api_done(Queue *q);
void queue_api_on_connected(Queue *q);
void queue_api_on_delivery(Queue *q, const AmqpDelivery *d);

int queue_worker_init(Queue *q);
void queue_worker_done(Queue *q);
void queue_worker_on_connected(Queue *q, bool connected);
void queue_worker_on_delivery(Queue *q, const AmqpDelivery *d);
