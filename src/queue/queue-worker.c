/* SPDX-License-Identifier: Apache-2.0 */
#include "queue/queue-worker.h"

#include "basic/string-util.h"
#include "queue/queue-internal.h"

/* --- handing back -------------------------------------------------------------------------------------------------- */

typedef struct HandBack {
        Queue *queue;
        uint64_t tag;
} HandBack;

/* Only when the copy is safe is the original done with. */
static void on_handed_back(int error, void *userdata)
{
        HandBack *h = userdata;

        if (error < 0)
                (void) queue_requeue(h->queue, h->tag);
        else
                (void) queue_ack(h->queue, h->tag);
        free(h);
}

/* To requeue would count as a failed delivery, and a job that comes to one full worker after another is innocent. */
static int hand_back(Queue *q, const char *key, const char *body, size_t size, uint64_t tag)
{
        HandBack *h = new0(HandBack, 1);
        AmqpMessage m = { QUEUE_EXCHANGE_JOBS, key, body, size, .persistent = true, .mandatory = true };

        if (!h)
                return -ENOMEM;
        *h = (HandBack){ q, tag };
        q->counters.handed_back++;

        int r = amqp_publish(q->publisher, &m, on_handed_back, h);
        if (r < 0)
                free(h);
        return r;
}

int queue_hand_back(Queue *q, const QueueJob *job, uint64_t tag)
{
        _cleanup_(buffer_done) Buffer b = { 0 };
        const char *name = topology_job_queue(&q->topology, job->language, job->priority);

        int r = name ? queue_job_format(job, &b) : -EINVAL;
        if (r >= 0)
                r = hand_back(q, topology_job_key(name), b.data, b.size, tag);
        return r < 0 ? queue_requeue(q, tag) : 0;
}

int queue_requeue(Queue *q, uint64_t tag)
{
        return q->consumer ? amqp_requeue(q->consumer, tag) : 0;
}

/* --- taking jobs --------------------------------------------------------------------------------------------------- */

typedef struct Get {
        Queue *queue;
        size_t i;
} Get;

/* A message that is no job is nobody's; the dead letters are where somebody can look at it. */
static void take_job(Queue *q, const AmqpDelivery *d, bool welcome)
{
        QueueJob job;

        int r = queue_job_parse(d->body, d->size, &job);
        if (r == -EBADMSG) {
                q->counters.malformed++;
                (void) amqp_reject(q->consumer, d->tag);
        } else if (r >= 0 && welcome) {
                q->params.on_job(&job, d->tag, d->redelivered, q->params.userdata);
        } else if (r < 0 || hand_back(q, d->key, d->body, d->size, d->tag) < 0) {
                (void) queue_requeue(q, d->tag);
        }
}

static void on_got(int error, const AmqpDelivery *d, void *userdata)
{
        Get *g = userdata;
        Queue *q = g->queue;
        size_t i = g->i;

        free(g);
        if (error < 0)
                taker_on_failed(&q->taker);
        else if (!d)
                taker_on_empty(&q->taker, i);
        else
                take_job(q, d, taker_on_got(&q->taker, i));
}

static int get_from(size_t i, void *userdata)
{
        Queue *q = userdata;
        Get *g = new0(Get, 1);

        if (!g)
                return -ENOMEM;
        *g = (Get){ q, i };

        int r = amqp_get(q->consumer, q->topology.queues[i].name, on_got, g);
        if (r < 0)
                free(g);
        return r;
}

static int listen_to(size_t i, bool on, void *userdata)
{
        Queue *q = userdata;

        return amqp_consume(q->consumer, q->topology.queues[i].name, on);
}

static const TakerOperations operations = { .get = get_from, .listen = listen_to };

int queue_worker_init(Queue *q)
{
        _cleanup_(freep) unsigned *levels = new0(unsigned, q->topology.n_jobs + 1);

        if (!levels)
                return -ENOMEM;
        for (size_t i = 0; i < q->topology.n_jobs; i++)
                levels[i] = i % _JOB_PRIORITY_MAX;
        return taker_init(&q->taker, &operations, q, levels, q->topology.n_jobs);
}

void queue_worker_done(Queue *q)
{
        taker_done(&q->taker);
}

void queue_worker_on_connected(Queue *q, bool connected)
{
        taker_on_connected(&q->taker, connected);
}

void queue_set_room(Queue *q, unsigned n_jobs)
{
        taker_set_room(&q->taker, n_jobs);
}

/* --- what comes, and what goes ------------------------------------------------------------------------------------- */

static void on_control(Queue *q, const AmqpDelivery *d)
{
        QueueControl control;

        int r = queue_control_parse(d->body, d->size, &control);
        if (r >= 0)
                q->params.on_control(&control, q->params.userdata);
        else
                q->counters.malformed += r == -EBADMSG;
}

void queue_worker_on_delivery(Queue *q, const AmqpDelivery *d)
{
        for (size_t i = 0; i < q->topology.n_jobs; i++)
                if (streq(q->topology.queues[i].name, d->queue)) {
                        take_job(q, d, taker_on_ring(&q->taker, i));
                        return;
                }
        on_control(q, d);
        (void) amqp_ack(q->consumer, d->tag);
}

int queue_send_event(Queue *q, const QueueEvent *event, QueueDone callback, void *userdata)
{
        _cleanup_(buffer_done) Buffer b = { 0 };
        char key[JOB_ID_TEXT_MAX];

        int r = queue_event_format(event, &b);
        if (r < 0)
                return r;
        return queue_publish(q, &(AmqpMessage){ .exchange = QUEUE_EXCHANGE_EVENTS, .key = job_id_format(key, &event->job) },
                             &b, callback, userdata);
}
