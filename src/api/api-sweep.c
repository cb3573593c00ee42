/* SPDX-License-Identifier: Apache-2.0 */
#include "api/api-sweep.h"

#include "api/api-diag.h"
#include "api/api-manager.h"
#include "api/api-publish.h"
#include "basic/log.h"
#include "basic/string-util.h"

#define TICK_USEC (2 * USEC_PER_SEC)
#define SWEEP_TICKS 2u                   /* a heartbeat and a sweep every so many */
#define MAINTAIN_TICKS 1800u
#define SWEEP_MAX 500

/* Blobs live longer than the jobs that name them: by so much, and at least by what the store of blobs needs. */
#define BLOB_GRACE_USEC (24 * USEC_PER_HOUR)

struct Sweeper {
        Manager *manager;
        sd_event_source *timer;
        unsigned tick, maintain_tick;    /* the present one; when it is time to clean up */
        bool registered;                 /* the first heartbeat has arrived */
        bool counting, sweeping, maintaining;

        /* going through the blobs */
        size_t n_deleting;
        bool collecting, more;
        char last[BLOB_KEY_SIZE];
        uint64_t n_collected;
};

/* --- jobs ---------------------------------------------------------------------------------------------------------- */

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
        s->registered = true;
        sweep(s);
}

static void on_counts(int error, const StoreCount *counts, size_t n, void *userdata)
{
        Sweeper *s = userdata;
        uint64_t queued = 0;

        s->counting = false;
        if (error < 0)
                return;
        for (size_t i = 0; i < n; i++)
                if (counts[i].state == JOB_STATE_QUEUED)
                        queued += counts[i].n;
        s->manager->n_queued = queued;
}

static void on_disowned(int error, void *userdata)
{
}

/* It was delivered again and again to workers that were lost with it, each before it had told the database. The next sweep
 * publishes it anew, and each attempt that is told counts; when all are used up the job is finished as internal_error. */
void sweeper_on_dead(Sweeper *s, const QueueJob *job, const char *reason, uint64_t tag)
{
        Manager *m = s->manager;

        m->metrics.dead++;
        diag_dead(&job->id, reason);
        if (store_disown(m->store, &job->id, on_disowned, NULL, NULL) >= 0)
                (void) queue_ack(m->queue, tag);
}

/* --- what is past keeping ------------------------------------------------------------------------------------------ */

static void collect(Sweeper *s);

static void on_deleted(int error, BlobResult *result, void *userdata)
{
        Sweeper *s = userdata;

        s->n_collected += error >= 0;
        if (--s->n_deleting > 0)
                return;
        if (s->more)
                collect(s);
        else
                s->collecting = false;
}

static void on_listed(int error, BlobResult *result, void *userdata)
{
        Sweeper *s = userdata;
        usec_t age = s->manager->config->keep_jobs_usec + BLOB_GRACE_USEC;

        if (error < 0) {
                s->collecting = false;
                return;
        }
        s->more = result->more;
        memcpy(s->last, result->key, sizeof(s->last));
        s->n_deleting = 1;      /* this function itself, so that it is not done before it is */
        STRV_FOREACH(key, result->keys)
                if (blob_delete(s->manager->blobs, *key, age, on_deleted, s, NULL) >= 0)
                        s->n_deleting++;
        on_deleted(-EALREADY, NULL, s);
}

static void collect(Sweeper *s)
{
        usec_t age = s->manager->config->keep_jobs_usec + BLOB_GRACE_USEC;

        s->collecting = !s->manager->draining && blob_list(s->manager->blobs, s->last[0] ? s->last : NULL, age, on_listed,
                                                           s, NULL) >= 0;
}

static void on_maintained(int error, uint64_t n, void *userdata)
{
        Sweeper *s = userdata;

        s->maintaining = false;
        if (error >= 0 && n > 0)
                log_info("Jobs of %llu days past KeepJobs= were dropped", (unsigned long long) n);
}

/* --- time ---------------------------------------------------------------------------------------------------------- */

static void tick(Sweeper *s)
{
        Manager *m = s->manager;

        if (s->tick % SWEEP_TICKS == 0)
                (void) store_heartbeat(m->store, on_heartbeat, s, NULL);
        if (!s->counting && store_is_connected(m->store) && store_counts(m->store, on_counts, s, NULL) >= 0)
                s->counting = true;
        if (s->registered && s->tick >= s->maintain_tick) {
                s->maintain_tick = s->tick + MAINTAIN_TICKS;
                if (!s->maintaining && store_maintain(m->store, on_maintained, s, NULL) >= 0)
                        s->maintaining = true;
                if (!s->collecting) {
                        s->last[0] = '\0';
                        collect(s);
                }
        }
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
        sd_event_source_disable_unref(s->timer);
        return mfree(s);
}
