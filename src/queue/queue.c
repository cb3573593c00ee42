/* SPDX-License-Identifier: Apache-2.0 */
#include "queue/queue.h"

#include <stdio.h>

#include "basic/string-util.h"
#include "queue/queue-internal.h"

/* --- state --------------------------------------------------------------------------------------------------------- */

static bool usable(const struct ConnectionState *s)
{
        return s->connected && !s->blocked;
}

static void describe(Queue *q, char why[static 300])
{
        if (q->publishing.connected && q->publishing.blocked)
                snprintf(why, 300, "The broker accepts nothing: %s", q->publishing.why);
        else if (!q->publishing.connected)
                snprintf(why, 300, "%s", q->publishing.why);
        else
                snprintf(why, 300, "%s", q->consuming.connected ? "" : q->consuming.why);
}

static void tell_state(Queue *q)
{
        bool ready = usable(&q->publishing) && q->consuming.connected;
        char why[300];

        describe(q, why);
        if (ready == q->ready && streq(why, q->why))
                return;
        q->ready = ready;
        strcpy(q->why, why);
        if (q->params.on_state)
                q->params.on_state(ready, why, q->params.userdata);
}

static void set_state(struct ConnectionState *s, bool connected, bool blocked, const char *why)
{
        s->connected = connected;
        s->blocked = blocked;
        snprintf(s->why, sizeof(s->why), "%s", why);
}

static void on_publisher_state(bool connected, bool blocked, const char *why, void *userdata)
{
        Queue *q = userdata;

        set_state(&q->publishing, connected, blocked, why);
        tell_state(q);
}

static void on_consumer_state(bool connected, bool blocked, const char *why, void *userdata)
{
        Queue *q = userdata;

        set_state(&q->consuming, connected, blocked, why);
        tell_state(q);
        if (q->params.role == QUEUE_WORKER)
                queue_worker_on_connected(q, connected);
        else if (connected)
                queue_api_on_connected(q);
}

static void on_delivery(const AmqpDelivery *d, void *userdata)
{
        Queue *q = userdata;

        if (q->params.role == QUEUE_WORKER)
                queue_worker_on_delivery(q, d);
        else
                queue_api_on_delivery(q, d);
}

/* --- life ---------------------------------------------------------------------------------------------------------- */

static int connect_publisher(Queue *q, sd_event *event, const AmqpClientParams *common)
{
        AmqpClientParams p = *common;

        /* The queues of jobs and of the dead, but not this process's own. */
        p.n_queues = q->topology.n_queues - 1;
        p.n_bindings = q->topology.n_bindings - (q->params.role == QUEUE_WORKER);
        p.on_state = on_publisher_state;
        return amqp_client_new(event, &p, &q->publisher);
}

static int connect_consumer(Queue *q, sd_event *event, const AmqpClientParams *common)
{
        AmqpClientParams p = *common;

        p.consumers = q->topology.consumers;
        p.n_consumers = q->topology.n_consumers;
        p.on_delivery = on_delivery;
        p.on_state = on_consumer_state;
        return amqp_client_new(event, &p, &q->consumer);
}

int queue_new(sd_event *event, const QueueParams *p, Queue **ret)
{
        _cleanup_(queue_freep) Queue *q = new0(Queue, 1);
        int r;

        if (!q)
                return -ENOMEM;
        q->params = *p;
        if ((r = topology_make(p->role, p->languages, &p->incarnation, &q->topology)) < 0 ||
            (p->role == QUEUE_WORKER && (r = queue_worker_init(q)) < 0))
                return r;

        AmqpClientParams common = {
                .host = p->host,
                .port = p->port,
                .vhost = p->vhost,
                .user = p->user,
                .password = p->password,
                .name = p->name,
                .heartbeat_sec = p->heartbeat_sec,
                .queue_max = p->queue_max,
                .patience_usec = p->patience_usec,
                .exchanges = q->topology.exchanges,
                .n_exchanges = q->topology.n_exchanges,
                .queues = q->topology.queues,
                .n_queues = q->topology.n_queues,
                .bindings = q->topology.bindings,
                .n_bindings = q->topology.n_bindings,
                .userdata = q,
        };
        if ((r = connect_publisher(q, event, &common)) < 0 || (r = connect_consumer(q, event, &common)) < 0)
                return r;

        *ret = TAKE_PTR(q);
        return 0;
}

/* The consumer ends first, since what it hands back goes over the publisher. */
Queue *queue_free(Queue *q)
{
        if (!q)
                return NULL;
        q->consumer = amqp_client_free(q->consumer);
        q->publisher = amqp_client_free(q->publisher);
        queue_api_done(q);
        queue_worker_done(q);
        topology_done(&q->topology);
        return mfree(q);
}

bool queue_is_ready(const Queue *q)
{
        return q->ready;
}

void queue_counters(const Queue *q, QueueCounters *ret)
{
        *ret = q->counters;
        ret->publish = *amqp_client_counters(q->publisher);
        ret->consume = *amqp_client_counters(q->consumer);
}

/* --- what both sides do -------------------------------------------------------------------------------------------- */

int queue_publish(Queue *q, const AmqpMessage *m, const Buffer *body, QueueDone callback, void *userdata)
{
        AmqpMessage message = *m;

        message.body = body->data;
        message.size = body->size;
        return amqp_publish(q->publisher, &message, callback, userdata);
}

int queue_depth(Queue *q, const char *language, JobPriority priority, AmqpDepth callback, void *userdata)
{
        const char *name = topology_job_queue(&q->topology, language, priority);

        return name ? amqp_depth(q->consumer, name, callback, userdata) : -EINVAL;
}

/* On the way out there is nothing to acknowledge to. */
int queue_ack(Queue *q, uint64_t tag)
{
        return q->consumer ? amqp_ack(q->consumer, tag) : 0;
}
