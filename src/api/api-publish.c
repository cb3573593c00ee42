/* SPDX-License-Identifier: Apache-2.0 */
#include "api/api-publish.h"

#include <sys/queue.h>

#include "api/api-manager.h"
#include "basic/log.h"
#include "basic/string-util.h"
#include "queue/queue-api.h"

/* Sources on their way, all together; workers fetch the others. */
#define RIDING_BYTES_MAX (UINT64_C(32) << 20)

/* Messages on their way. The rest waits here, where one costs a hundred bytes; MaxQueued= bounds them. */
#define IN_FLIGHT_MAX 4096u

#define RETRY_USEC USEC_PER_SEC

typedef struct Publication {
        TAILQ_ENTRY(Publication) entry;  /* while it waits */
        Publisher *publisher;
        JobId id;
        JobPriority priority;
        size_t riding_bytes;
        char language[JOB_LANGUAGE_MAX + 1];
} Publication;

struct Publisher {
        Manager *manager;
        TAILQ_HEAD(, Publication) waiting;
        size_t n_waiting, n_in_flight;
        uint64_t riding_bytes;
        sd_event_source *timer;
};

static void publish_later(Publication *pub)
{
        Publisher *p = pub->publisher;

        TAILQ_INSERT_TAIL(&p->waiting, pub, entry);
        if (p->n_waiting++ > 0)
                return;
        (void) sd_event_source_set_time_relative(p->timer, RETRY_USEC);
        (void) sd_event_source_set_enabled(p->timer, SD_EVENT_ONESHOT);
}

static void on_published(int error, void *userdata)
{
        Publication *pub = userdata;
        Publisher *p = pub->publisher;

        p->n_in_flight--;
        p->riding_bytes -= pub->riding_bytes;
        pub->riding_bytes = 0;
        if (error >= 0) {
                p->manager->metrics.published++;
                free(pub);
                return;
        }

        p->manager->metrics.publish_failures++;
        publish_later(pub);
}

static int send(Publication *pub, const char *source, size_t source_size)
{
        Publisher *p = pub->publisher;
        QueueJob job = { .id = pub->id, .priority = pub->priority };

        if (!queue_is_ready(p->manager->queue) || p->n_in_flight >= IN_FLIGHT_MAX)
                return -EAGAIN;

        memcpy(job.language, pub->language, sizeof(job.language));
        if (source && source_size <= QUEUE_SOURCE_MAX && p->riding_bytes + source_size <= RIDING_BYTES_MAX) {
                job.source = source;
                job.source_size = source_size;
        }
        int r = queue_publish_job(p->manager->queue, &job, on_published, pub);
        if (r < 0)
                return r;
        pub->riding_bytes = job.source ? job.source_size : 0;
        p->riding_bytes += pub->riding_bytes;
        p->n_in_flight++;
        return 0;
}

void publisher_retry(Publisher *p)
{
        for (Publication *pub; (pub = TAILQ_FIRST(&p->waiting));) {
                int r = send(pub, NULL, 0);

                if (r < 0 && r != -EINVAL)
                        break;
                TAILQ_REMOVE(&p->waiting, pub, entry);
                p->n_waiting--;
                if (r < 0) {
                        log_warning("A job of the language %s cannot be published", pub->language);
                        free(pub);
                }
        }
        if (p->n_waiting == 0)
                return;
        (void) sd_event_source_set_time_relative(p->timer, RETRY_USEC);
        (void) sd_event_source_set_enabled(p->timer, SD_EVENT_ONESHOT);
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
        publisher_retry(userdata);
        return 0;
}

static void on_disowned(int error, void *userdata)
{
}

void publisher_publish(Publisher *p, const JobId *id, const char *language, JobPriority priority, const char *source,
                       size_t source_size)
{
        Publication *pub = new0(Publication, 1);

        if (!pub || strlen(language) > JOB_LANGUAGE_MAX) {
                /* Somebody's next sweep finds it. */
                free(pub);
                (void) store_disown(p->manager->store, id, on_disowned, NULL, NULL);
                return;
        }
        pub->publisher = p;
        pub->id = *id;
        pub->priority = priority;
        memcpy(pub->language, language, strlen(language) + 1);

        /* In the order of their submission. */
        if (p->n_waiting > 0 || send(pub, source, source_size) < 0)
                publish_later(pub);
}

size_t publisher_waiting(const Publisher *p)
{
        return p->n_waiting + p->n_in_flight;
}

int publisher_new(Manager *m, Publisher **ret)
{
        Publisher *p = new0(Publisher, 1);

        if (!p)
                return -ENOMEM;
        p->manager = m;
        TAILQ_INIT(&p->waiting);
        int r = sd_event_add_time_relative(m->event, &p->timer, CLOCK_MONOTONIC, RETRY_USEC, 0, on_timer, p);
        if (r >= 0)
                r = sd_event_source_set_enabled(p->timer, SD_EVENT_OFF);
        if (r < 0) {
                publisher_free(p);
                return r;
        }
        *ret = p;
        return 0;
}

/* The queue is to be freed before, so that nothing is on its way. */
Publisher *publisher_free(Publisher *p)
{
        if (!p)
                return NULL;

        for (Publication *pub; (pub = TAILQ_FIRST(&p->waiting));) {
                TAILQ_REMOVE(&p->waiting, pub, entry);
                free(pub);
        }
        sd_event_source_disable_unref(p->timer);
        return mfree(p);
}
