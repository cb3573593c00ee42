/* SPDX-License-Identifier: Apache-2.0 */
#include "queue/queue-api.h"

#include <search.h>

#include "basic/string-util.h"
#include "queue/queue-internal.h"

/* The watch is first, so that a key is one too. */
typedef struct WatchEntry {
        Watch watch;
        Queue *queue;
} WatchEntry;

static int compare_entries(const void *a, const void *b)
{
        return job_id_compare(&((const WatchEntry *) a)->watch.job, &((const WatchEntry *) b)->watch.job);
}

static WatchEntry *find_entry(Queue *q, const JobId *job)
{
        WatchEntry key = { .watch = { .job = *job } };
        WatchEntry **found = tfind(&key, &q->watches, compare_entries);

        return found ? *found : NULL;
}

void queue_api_done(Queue *q)
{
        tdestroy(q->watches, free);
        q->watches = NULL;
}

/* --- jobs ---------------------------------------------------------------------------------------------------------- */

int queue_publish_job(Queue *q, const QueueJob *job, QueueDone callback, void *userdata)
{
        _cleanup_(buffer_done) Buffer b = { 0 };
        const char *queue = topology_job_queue(&q->topology, job->language, job->priority);

        int r = queue ? queue_job_format(job, &b) : -EINVAL;
        if (r < 0)
                return r;

        AmqpMessage m = {
                .exchange = QUEUE_EXCHANGE_JOBS,
                .key = topology_job_key(queue),
                .persistent = true,
                .mandatory = true,
        };
        return queue_publish(q, &m, &b, callback, userdata);
}

int queue_send_control(Queue *q, const QueueControl *control, QueueDone callback, void *userdata)
{
        _cleanup_(buffer_done) Buffer b = { 0 };

        int r = queue_control_format(control, &b);
        if (r < 0)
                return r;
        return queue_publish(q, &(AmqpMessage){ .exchange = QUEUE_EXCHANGE_CONTROL, .key = "" }, &b, callback, userdata);
}

/* --- watching ------------------------------------------------------------------------------------------------------ */

static void ask_worker(Queue *q, const Watch *w)
{
        QueueControl control = {
                .type = QUEUE_CONTROL_WATCH,
                .job = w->job,
                .attempt = w->attempt,
                .offsets = { w->next[QUEUE_STDOUT], w->next[QUEUE_STDERR] },
        };

        /* One that is not sent now is made good for by the next event, or at the latest by the job's end. */
        q->counters.asked++;
        (void) queue_send_control(q, &control, NULL, NULL);
}

/* What the worker sends from now on arrives here. */
static void begin_watching(Queue *q, WatchEntry *e)
{
        if (!e->watch.finished) {
                e->watch.asked_usec = now_usec(CLOCK_MONOTONIC);
                ask_worker(q, &e->watch);
        }
        if (q->params.on_watching)
                q->params.on_watching(&e->watch.job, q->params.userdata);
}

/* The watch may have ended meanwhile, so it is looked for by its name. */
typedef struct Binding {
        Queue *queue;
        JobId job;
} Binding;

static void on_bound(int error, void *userdata)
{
        Binding *b = userdata;
        WatchEntry *e = error < 0 ? NULL : find_entry(b->queue, &b->job);

        if (e)
                begin_watching(b->queue, e);
        free(b);
}

static WatchEntry *add_entry(Queue *q, const JobId *job)
{
        WatchEntry *e = new0(WatchEntry, 1);

        if (!e)
                return NULL;
        e->watch.job = *job;
        if (!tsearch(e, &q->watches, compare_entries))
                return mfree(e);
        return e;
}

static void remove_entry(Queue *q, WatchEntry *e)
{
        tdelete(e, &q->watches, compare_entries);
        free(e);
}

static int bind_job(Queue *q, const JobId *job)
{
        Binding *b = new0(Binding, 1);
        char key[JOB_ID_TEXT_MAX];

        if (!b)
                return -ENOMEM;
        *b = (Binding){ q, *job };

        int r = amqp_bind(q->consumer, q->topology.own, QUEUE_EXCHANGE_EVENTS, job_id_format(key, job), on_bound, b);
        if (r < 0)
                free(b);
        return r;
}

int queue_watch(Queue *q, const JobId *job, unsigned attempt, const uint64_t offsets[_QUEUE_STREAM_MAX])
{
        WatchEntry *e = find_entry(q, job);
        bool bound = e;

        if (!e && !(e = add_entry(q, job)))
                return -ENOMEM;

        e->watch = (Watch){ .job = *job, .attempt = attempt };
        if (offsets)
                memcpy(e->watch.next, offsets, sizeof(e->watch.next));
        if (bound) {
                ask_worker(q, &e->watch);
                return 0;
        }

        int r = bind_job(q, job);
        if (r < 0)
                remove_entry(q, e);
        return r;
}

int queue_unwatch(Queue *q, const JobId *job)
{
        WatchEntry *e = find_entry(q, job);
        char key[JOB_ID_TEXT_MAX];

        if (!e)
                return 0;
        remove_entry(q, e);
        return amqp_unbind(q->consumer, q->topology.own, QUEUE_EXCHANGE_EVENTS, job_id_format(key, job));
}

static void watch_again(const void *node, VISIT visit, void *userdata)
{
        if (visit == postorder || visit == leaf)
                begin_watching(userdata, *(WatchEntry *const *) node);
}

/* What was sent while there was no connection is lost. */
void queue_api_on_connected(Queue *q)
{
        twalk_r(q->watches, watch_again, q);
}

/* --- what comes ---------------------------------------------------------------------------------------------------- */

static void on_event(Queue *q, const AmqpDelivery *d)
{
        QueueEvent event;

        int r = queue_event_parse(d->body, d->size, &event);
        if (r < 0) {
                q->counters.malformed += r == -EBADMSG;
                return;
        }

        WatchEntry *e = find_entry(q, &event.job);
        if (!e)
                return;

        WatchAction action = watch_take(&e->watch, &event, now_usec(CLOCK_MONOTONIC));
        if (action & WATCH_ASK)
                ask_worker(q, &e->watch);
        if (action & WATCH_TELL)
                q->params.on_event(&event, q->params.userdata);
}

/* A dead letter that is not even a job tells nobody anything. */
static void on_dead(Queue *q, const AmqpDelivery *d)
{
        QueueJob job;

        int r = queue_job_parse(d->body, d->size, &job);
        if (r >= 0) {
                q->params.on_dead(&job, d->death ? d->death : "", d->tag, q->params.userdata);
        } else if (r == -EBADMSG) {
                q->counters.malformed++;
                (void) amqp_ack(q->consumer, d->tag);
        }
}

void queue_api_on_delivery(Queue *q, const AmqpDelivery *d)
{
        if (streq(d->queue, QUEUE_DEAD)) {
                on_dead(q, d);
                return;
        }
        on_event(q, d);
        (void) amqp_ack(q->consumer, d->tag);
}
