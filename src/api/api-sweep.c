/* SPDX-License-Identifier: Apache-2.0 */
#include "api/api-sweep.h"

#include <stdio.h>
#include <sys/queue.h>

#include "api/api-diag.h"
#include "api/api-manager.h"
#include "api/api-publish.h"
#include "api/api-watch.h"
#include "basic/log.h"
#include "basic/string-util.h"

#define TICK_USEC (2 * USEC_PER_SEC)
#define SWEEP_TICKS 2u                   /* a heartbeat and a sweep every so many */
#define SWEEP_MAX 500

/* How long jobs may wait before it is looked whether their messages wait too. */
#define DOUBT_USEC USEC_PER_MINUTE

/* A job whose message is dead. */
typedef struct Burial {
        TAILQ_ENTRY(Burial) entry;
        Sweeper *sweeper;
        JobId id;
        uint64_t tag;
        char reason[128];
        bool pending;                    /* the database is asked */
} Burial;

/* A queue of the broker that may lack messages. */
typedef struct Doubt {
        Sweeper *sweeper;
        char language[JOB_LANGUAGE_MAX + 1];
        JobPriority priority;
} Doubt;

struct Sweeper {
        Manager *manager;
        sd_event_source *timer;
        unsigned tick;
        bool counting, sweeping;
        size_t n_doubts;
        TAILQ_HEAD(, Burial) burials;
};

/* --- whom nobody sees to ------------------------------------------------------------------------------------------- */

static void sweep(Sweeper *s);

static void on_swept(int error, const StoreOrphan *orphans, size_t n, void *userdata)
{
        Sweeper *s = userdata;

        s->sweeping = false;
        for (size_t i = 0; i < n; i++) {
                s->manager->metrics.adopted++;
                diag_republished(&orphans[i].id, orphans[i].language);
                publisher_publish(s->manager->publisher, &orphans[i].id, orphans[i].language, orphans[i].priority, NULL, 0);
        }
        if (error >= 0 && n == SWEEP_MAX)
                sweep(s);
}

static void sweep(Sweeper *s)
{
        if (!s->sweeping && !s->manager->draining &&
            store_sweep(s->manager->store, SWEEP_MAX, on_swept, s, NULL) >= 0)
                s->sweeping = true;
}

static void on_heartbeat(int error, void *userdata)
{
        Sweeper *s = userdata;

        if (error == -ESTALE) {
                s->manager->on_replaced(s->manager->userdata);
                return;
        }
        if (error < 0)
                return;
        sweep(s);
}

/* --- messages that are not where they should be -------------------------------------------------------------------- */

/* Where jobs have waited for so long and no message does, the broker has lost some: a queue was deleted, or emptied. The next
 * sweep publishes them again. Those that workers are just taking may be among them, which does no harm. */
static void on_disowned(int error, uint64_t n, void *userdata)
{
        Doubt *d = userdata;

        if (n > 0)
                log_warning("%llu jobs of the language %s waited without a message, which is published again",
                            (unsigned long long) n, d->language);
        d->sweeper->n_doubts--;
        free(d);
}

static void on_depth(int error, uint64_t n_messages, void *userdata)
{
        Doubt *d = userdata;

        if (error >= 0 && n_messages == 0 && !d->sweeper->manager->draining &&
            store_disown_old(d->sweeper->manager->store, d->language, d->priority, DOUBT_USEC, on_disowned, d, NULL) >= 0)
                return;
        d->sweeper->n_doubts--;
        free(d);
}

static void doubt(Sweeper *s, const StoreCount *count)
{
        Doubt *d = strlen(count->language) > JOB_LANGUAGE_MAX ? NULL : new0(Doubt, 1);

        if (!d)
                return;
        d->sweeper = s;
        d->priority = count->priority;
        strcpy(d->language, count->language);
        if (queue_depth(s->manager->queue, d->language, d->priority, on_depth, d) < 0)
                free(d);
        else
                s->n_doubts++;
}

static void on_counts(int error, const StoreCount *counts, size_t n, void *userdata)
{
        usec_t now = now_usec(CLOCK_REALTIME);
        uint64_t queued = 0;
        Sweeper *s = userdata;
        /* While it is still being published, there is nothing to wonder about. */
        bool may_doubt = s->n_doubts == 0 && queue_is_ready(s->manager->queue) &&
                         publisher_waiting(s->manager->publisher) == 0 && !s->manager->draining;

        s->counting = false;
        if (error < 0)
                return;
        for (size_t i = 0; i < n; i++) {
                if (counts[i].state != JOB_STATE_QUEUED)
                        continue;
                queued += counts[i].n;
                if (may_doubt && usec_add(counts[i].waiting_usec, DOUBT_USEC) < now)
                        doubt(s, &counts[i]);
        }
        s->manager->n_queued = queued;
}

/* --- messages the broker has given up ------------------------------------------------------------------------------ */

static void burial_free(Burial *b)
{
        TAILQ_REMOVE(&b->sweeper->burials, b, entry);
        free(b);
}

static void on_buried(int error, bool finished, void *userdata)
{
        Burial *b = userdata;
        Manager *m = b->sweeper->manager;

        b->pending = false;
        if (error < 0)
                return; /* at the next tick again */
        if (finished) {
                diag_buried(&b->id, b->reason);
                watches_poke(m->watches, &b->id);
        }
        (void) queue_ack(m->queue, b->tag);
        burial_free(b);
}

static void bury(Burial *b)
{
        if (!b->pending && store_bury(b->sweeper->manager->store, &b->id, b->reason, on_buried, b, NULL) >= 0)
                b->pending = true;
}

/* It was delivered again and again, to workers that were lost with it each time, before one of them had told the database. */
void sweeper_on_dead(Sweeper *s, const QueueJob *job, const char *reason, uint64_t tag)
{
        Burial *b = new0(Burial, 1);

        s->manager->metrics.dead++;
        if (!b)
                return; /* it comes again with the next connection */
        b->sweeper = s;
        b->id = job->id;
        b->tag = tag;
        if (streq(reason, "delivery_limit"))
                (void) snprintf(b->reason, sizeof(b->reason), "Each worker it was given to was lost before it could begin");
        else
                (void) snprintf(b->reason, sizeof(b->reason), "The broker gave it up: %s", reason);
        TAILQ_INSERT_TAIL(&s->burials, b, entry);
        bury(b);
}

/* --- time ---------------------------------------------------------------------------------------------------------- */

static void tick(Sweeper *s)
{
        Manager *m = s->manager;
        Burial *b;

        if (s->tick % SWEEP_TICKS == 0)
                (void) store_heartbeat(m->store, on_heartbeat, s, NULL);
        if (!s->counting && store_is_connected(m->store) && store_counts(m->store, on_counts, s, NULL) >= 0)
                s->counting = true;
        TAILQ_FOREACH(b, &s->burials, entry)
                bury(b);
        s->tick++;
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
        Sweeper *s = userdata;

        tick(s);
        (void) sd_event_source_set_time_relative(source, TICK_USEC);
        (void) sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
        return 0;
}

int sweeper_new(Manager *m, Sweeper **ret)
{
        Sweeper *s = new0(Sweeper, 1);

        if (!s)
                return -ENOMEM;
        s->manager = m;
        TAILQ_INIT(&s->burials);
        int r = sd_event_add_time_relative(m->event, &s->timer, CLOCK_MONOTONIC, 0, 0, on_timer, s);
        if (r < 0) {
                free(s);
                return r;
        }
        *ret = s;
        return 0;
}

/* The stores are to be freed before, so that nobody answers any more. */
Sweeper *sweeper_free(Sweeper *s)
{
        if (!s)
                return NULL;
        while (!TAILQ_EMPTY(&s->burials))
                burial_free(TAILQ_FIRST(&s->burials));
        sd_event_source_disable_unref(s->timer);
        return mfree(s);
}
