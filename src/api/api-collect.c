/* SPDX-License-Identifier: Apache-2.0 */

/* A blob is put, or put again, when a job that names it is submitted or finished. So one that was last put before the oldest
 * job there is, is nobody's, and its age is all that has to be looked at. */

#include "api/api-collect.h"

#include "api/api-manager.h"
#include "basic/log.h"
#include "basic/string-util.h"

#define COLLECT_USEC USEC_PER_HOUR
#define RETRY_USEC USEC_PER_MINUTE

/* By how much a blob may be older than its job: it need not be put again when that was done a little while ago, and the
 * clocks of servers differ. */
#define GRACE_USEC (BLOB_SPARE_USEC + USEC_PER_HOUR)

struct Collector {
        Manager *manager;
        sd_event_source *timer;
        usec_t before_usec;              /* what was last put before goes */
        size_t n_deleting;
        bool more;
        char last[BLOB_KEY_SIZE];        /* where the listing is */
};

static void again(Collector *c, usec_t usec)
{
        (void) sd_event_source_set_time_relative(c->timer, usec);
        (void) sd_event_source_set_enabled(c->timer, SD_EVENT_ONESHOT);
}

static usec_t age_max(const Collector *c)
{
        return now_usec(CLOCK_REALTIME) - c->before_usec;
}

static void collect(Collector *c);

static void on_deleted(int error, BlobResult *result, void *userdata)
{
        Collector *c = userdata;

        c->manager->metrics.collected += error >= 0;
        if (--c->n_deleting == 0)
                collect(c);
}

static void on_listed(int error, BlobResult *result, void *userdata)
{
        Collector *c = userdata;

        if (error < 0) {
                again(c, RETRY_USEC);
                return;
        }
        c->more = result->more;
        memcpy(c->last, result->key, sizeof(c->last));
        STRV_FOREACH(key, result->keys)
                if (blob_delete(c->manager->blobs, *key, age_max(c), on_deleted, c, NULL) >= 0)
                        c->n_deleting++;
        if (c->n_deleting == 0)
                collect(c);
}

/* The next part of all blobs, if there is one. */
static void collect(Collector *c)
{
        if (!c->more || c->manager->draining)
                again(c, COLLECT_USEC);
        else if (blob_list(c->manager->blobs, *c->last ? c->last : NULL, age_max(c), on_listed, c, NULL) < 0)
                again(c, RETRY_USEC);
}

static void on_maintained(int error, uint64_t n_dropped, usec_t oldest_usec, void *userdata)
{
        Collector *c = userdata;

        if (error < 0) {
                again(c, RETRY_USEC);
                return;
        }
        if (n_dropped > 0)
                log_info("Jobs of %llu days past KeepJobs= were dropped", (unsigned long long) n_dropped);
        if (oldest_usec == USEC_INFINITY) {
                again(c, COLLECT_USEC);
                return;
        }
        c->before_usec = oldest_usec - GRACE_USEC;
        c->last[0] = '\0';
        c->more = true;
        collect(c);
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
        Collector *c = userdata;

        if (store_maintain(c->manager->store, on_maintained, c, NULL) < 0)
                again(c, RETRY_USEC);
        return 0;
}

int collector_new(Manager *m, Collector **ret)
{
        Collector *c = new0(Collector, 1);

        if (!c)
                return -ENOMEM;
        c->manager = m;
        int r = sd_event_add_time_relative(m->event, &c->timer, CLOCK_MONOTONIC, 0, 0, on_timer, c);
        if (r < 0) {
                free(c);
                return r;
        }
        *ret = c;
        return 0;
}

Collector *collector_free(Collector *c)
{
        if (!c)
                return NULL;
        sd_event_source_disable_unref(c->timer);
        return mfree(c);
}
