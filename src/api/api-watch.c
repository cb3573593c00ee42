/* SPDX-License-Identifier: Apache-2.0 */

/* Events make it fast, rows make it true: whatever events tell or miss, a watched job's row is looked at now and then, and
 * what it says about the end counts. */

#include "api/api-watch.h"

#include <search.h>
#include <sys/queue.h>

#include "api/api-manager.h"
#include "queue/queue-api.h"

/* How often to look at the row when nothing is heard. */
#define LOOK_USEC (5 * USEC_PER_SEC)

/* When to try again with readers that were full. */
#define PUMP_AGAIN_USEC (20 * USEC_PER_MSEC)

struct Watcher {
        TAILQ_ENTRY(Watcher) entry;
        struct JobWatch *watch;
        const WatcherOps *ops;
        void *userdata;
        OutputReader reader;
        bool told;                       /* of the next two */
        JobState state;
        unsigned attempt;
};

/* The id is first, since that is what the tree compares. */
typedef struct JobWatch {
        JobId id;
        Watches *watches;
        TAILQ_HEAD(, Watcher) watchers;

        bool wanted;                     /* the output is, by somebody */
        bool known;                      /* the next two are */
        JobState state;
        unsigned attempt;
        OutputLog log;
        uint64_t held_bytes;

        View *view;                      /* being read, or how it ended */
        bool reading, look_again;
        bool ended;
        int error;

        bool born;                       /* it has a row */
        sd_event_source *look_timer, *pump_timer;
} JobWatch;

struct Watches {
        Manager *manager;
        void *by_id;
        bool closing;
};

static int compare_watches(const void *a, const void *b)
{
        return job_id_compare((const JobId *) a, (const JobId *) b);
}

static JobWatch *find_watch(Watches *watches, const JobId *id)
{
        JobWatch **found = tfind(id, &watches->by_id, compare_watches);

        return found ? *found : NULL;
}

static JobWatch *job_watch_free(JobWatch *w)
{
        Manager *m = w->watches->manager;

        tdelete(w, &w->watches->by_id, compare_watches);
        if (m->queue)
                (void) queue_unwatch(m->queue, &w->id);
        sd_event_source_disable_unref(w->look_timer);
        sd_event_source_disable_unref(w->pump_timer);
        view_free(w->view);
        output_log_done(&w->log);
        manager_release(m, w->held_bytes);
        return mfree(w);
}

static void set_timer(sd_event_source *timer, usec_t usec)
{
        (void) sd_event_source_set_time_relative(timer, usec);
        (void) sd_event_source_set_enabled(timer, SD_EVENT_ONESHOT);
}

/* --- telling ------------------------------------------------------------------------------------------------------- */

static void tell_state(JobWatch *w, Watcher *watcher)
{
        if (!w->known || (watcher->told && watcher->state == w->state && watcher->attempt == w->attempt))
                return;
        watcher->told = true;
        watcher->state = w->state;
        watcher->attempt = w->attempt;
        watcher->ops->on_state(watcher->userdata, w->state, w->attempt);
}

/* True: it has all there is. */
static bool tell_output(JobWatch *w, Watcher *watcher)
{
        OutputPiece piece;
        bool told = false, all = true;

        while (watcher->ops->can_take) {
                all = false;
                if (!watcher->ops->can_take(watcher->userdata))
                        break;
                all = !output_log_next(&w->log, &watcher->reader, &piece);
                if (all)
                        break;
                watcher->ops->on_output(watcher->userdata, w->log.attempt, &piece, &watcher->reader);
                w->watches->manager->metrics.watcher_bytes += piece.size;
                told = true;
        }
        if (told && watcher->ops->on_pause)
                watcher->ops->on_pause(watcher->userdata, true);
        return all;
}

static void end_watcher(JobWatch *w, Watcher *watcher)
{
        const WatcherOps *ops = watcher->ops;
        void *userdata = watcher->userdata;

        TAILQ_REMOVE(&w->watchers, watcher, entry);
        w->watches->manager->metrics.watchers--;
        free(watcher);
        ops->on_end(userdata, w->error, w->view);
}

/* May free the watch. */
static void pump(JobWatch *w)
{
        bool behind = false;

        for (Watcher *watcher = TAILQ_FIRST(&w->watchers), *next; watcher; watcher = next) {
                next = TAILQ_NEXT(watcher, entry);
                if (w->error < 0) {
                        end_watcher(w, watcher);
                        continue;
                }
                tell_state(w, watcher);
                if (!w->known)
                        continue;
                if (!tell_output(w, watcher))
                        behind = true;
                else if (w->ended)
                        end_watcher(w, watcher);
        }

        if (TAILQ_EMPTY(&w->watchers))
                job_watch_free(w);
        else if (behind)
                set_timer(w->pump_timer, PUMP_AGAIN_USEC);
}

static int on_pump_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
        pump(userdata);
        return 0;
}

static void pump_soon(JobWatch *w)
{
        set_timer(w->pump_timer, 0);
}

/* --- what is known ------------------------------------------------------------------------------------------------- */

static void set_state(JobWatch *w, JobState state, unsigned attempt)
{
        if (w->known && attempt < w->attempt)
                return;
        if (attempt > 0)
                output_log_begin(&w->log, attempt);
        w->known = true;
        w->state = state;
        w->attempt = attempt;
}

static void fail(JobWatch *w, int error)
{
        w->error = error;
        w->ended = true;
        pump_soon(w);
}

static int add_output(JobWatch *w, OutputStream stream, uint64_t offset, const char *data, size_t size)
{
        Manager *m = w->watches->manager;
        int r = output_log_add(&w->log, stream, offset, data, size);
        uint64_t now = output_log_size(&w->log);

        if (now > w->held_bytes && !manager_hold(m, now - w->held_bytes))
                return -ENOBUFS;
        if (now < w->held_bytes)
                manager_release(m, w->held_bytes - now);
        w->held_bytes = now;
        return r;
}

static void end(JobWatch *w)
{
        const StoreJob *job = view_job(w->view);
        const Buffer *streams[] = { view_stdout(w->view), view_stderr(w->view) };
        int r = 0;

        /* One that was never begun has no attempt, and no output. */
        set_state(w, job->state, MAX(job->attempt, w->attempt));
        for (OutputStream i = 0; i < _OUTPUT_STREAM_MAX && r >= 0; i++)
                r = add_output(w, i, 0, streams[i]->data, streams[i]->size);
        w->log.complete = true;
        w->ended = true;
        if (r < 0)
                w->error = r;
        pump(w);
}

static void look(JobWatch *w);

static void on_view(int error, View *view, void *userdata)
{
        JobWatch *w = userdata;
        bool look_again = w->look_again;

        w->reading = w->look_again = false;
        if (error >= 0 && view_job(view)->finished_usec != USEC_INFINITY) {
                end(w);
                return;
        }

        if (error >= 0)
                set_state(w, view_job(view)->state, view_job(view)->attempt);
        w->view = view_free(w->view);

        /* Where the database is away, so will be the end of the job; it is waited for. */
        if (error == -ENOENT || error == -ENOBUFS || (error < 0 && error != -ENOTCONN && error != -EAGAIN)) {
                fail(w, error);
                return;
        }
        set_timer(w->look_timer, look_again ? 0 : LOOK_USEC);
        pump(w);
}

static void look(JobWatch *w)
{
        if (w->ended)
                return;
        if (w->reading) {
                w->look_again = true;
                return;
        }

        int r = view_new(w->watches->manager, &w->id, VIEW_OUTPUT, on_view, w, &w->view);
        if (r < 0)
                set_timer(w->look_timer, LOOK_USEC);
        else
                w->reading = true;
}

static int on_look_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
        JobWatch *w = userdata;
        Watcher *watcher;

        TAILQ_FOREACH(watcher, &w->watchers, entry)
                if (watcher->told && watcher->ops->on_pause)
                        watcher->ops->on_pause(watcher->userdata, false);
        look(w);
        return 0;
}

void watches_poke(Watches *watches, const JobId *id)
{
        JobWatch *w = find_watch(watches, id);

        if (w)
                look(w);
}

/* What happened before is in the row. */
void watches_on_watching(Watches *watches, const JobId *id)
{
        JobWatch *w = find_watch(watches, id);

        if (!w || w->ended)
                return;
        if (w->reading)
                w->look_again = true;
        else if (w->born)
                set_timer(w->look_timer, 0);
}

void watches_on_event(Watches *watches, const QueueEvent *event)
{
        JobWatch *w = find_watch(watches, &event->job);
        int r = 0;

        if (!w || w->ended)
                return;

        switch (event->type) {
        case QUEUE_EVENT_STATE:
                set_state(w, event->state, event->attempt);
                break;
        case QUEUE_EVENT_OUTPUT:
                set_state(w, JOB_STATE_RUNNING, event->attempt);
                if (w->wanted && event->attempt == w->attempt)
                        r = add_output(w, event->stream == QUEUE_STDOUT ? OUTPUT_STDOUT : OUTPUT_STDERR, event->offset,
                                       event->data, event->size);
                break;
        default:
                look(w);
                return;
        }

        /* What is missing comes with the row at the end, at the latest. */
        if (r == -ENODATA)
                watches->manager->metrics.gaps++;
        else if (r < 0)
                fail(w, r);
        pump(w);
}

/* --- life ---------------------------------------------------------------------------------------------------------- */

static int job_watch_new(Watches *watches, const JobId *id, JobWatch **ret)
{
        sd_event *event = watches->manager->event;
        JobWatch *w = new0(JobWatch, 1);
        int r = -ENOMEM;

        if (!w)
                return -ENOMEM;
        w->id = *id;
        w->watches = watches;
        TAILQ_INIT(&w->watchers);

        if (!tsearch(w, &watches->by_id, compare_watches)) {
                free(w);
                return -ENOMEM;
        }
        if ((r = sd_event_add_time_relative(event, &w->look_timer, CLOCK_MONOTONIC, 0, 0, on_look_timer, w)) < 0 ||
            (r = sd_event_source_set_enabled(w->look_timer, SD_EVENT_OFF)) < 0 ||
            (r = sd_event_add_time_relative(event, &w->pump_timer, CLOCK_MONOTONIC, 0, 1, on_pump_timer, w)) < 0 ||
            (r = sd_event_source_set_enabled(w->pump_timer, SD_EVENT_OFF)) < 0 ||
            (r = queue_watch(watches->manager->queue, id, 0, NULL)) < 0) {
                job_watch_free(w);
                return r;
        }
        *ret = w;
        return 0;
}

/* While nobody wanted output, none was kept. */
static void want_output(JobWatch *w)
{
        const uint64_t offsets[_QUEUE_STREAM_MAX] = { w->log.streams[OUTPUT_STDOUT].size,
                                                      w->log.streams[OUTPUT_STDERR].size };

        if (w->wanted)
                return;
        w->wanted = true;
        if (w->log.attempt > 0 && !w->ended)
                (void) queue_watch(w->watches->manager->queue, &w->id, w->log.attempt, offsets);
}

int watcher_new(Watches *watches, const JobId *id, bool unborn, const OutputReader *from, const WatcherOps *ops,
                void *userdata, Watcher **ret)
{
        JobWatch *w = find_watch(watches, id);
        Watcher *watcher = new0(Watcher, 1);
        int r;

        if (!watcher)
                return -ENOMEM;
        if (!w) {
                r = job_watch_new(watches, id, &w);
                if (r < 0) {
                        free(watcher);
                        return r;
                }
        }

        watcher->watch = w;
        watcher->ops = ops;
        watcher->userdata = userdata;
        if (from)
                watcher->reader = *from;
        TAILQ_INSERT_TAIL(&w->watchers, watcher, entry);
        watches->manager->metrics.watchers++;

        if (ops->can_take)
                want_output(w);
        if (w->known || w->ended)
                pump_soon(w);
        else if (!unborn) {
                w->born = true;
                look(w);
        }
        *ret = watcher;
        return 0;
}

/* Who has just stored it knows what the row says now. */
void watcher_born(Watcher *watcher)
{
        JobWatch *w = watcher->watch;

        w->born = true;
        set_timer(w->look_timer, LOOK_USEC);
}

Watcher *watcher_free(Watcher *watcher)
{
        if (!watcher)
                return NULL;

        JobWatch *w = watcher->watch;
        TAILQ_REMOVE(&w->watchers, watcher, entry);
        w->watches->manager->metrics.watchers--;
        if (TAILQ_EMPTY(&w->watchers))
                job_watch_free(w);
        return mfree(watcher);
}

int watches_new(Manager *m, Watches **ret)
{
        Watches *watches = new0(Watches, 1);

        if (!watches)
                return -ENOMEM;
        watches->manager = m;
        *ret = watches;
        return 0;
}

void watches_end(Watches *watches)
{
        while (watches->by_id) {
                JobWatch *w = *(JobWatch **) watches->by_id;

                w->error = -ECANCELED;
                w->ended = true;
                pump(w);
        }
}

Watches *watches_free(Watches *watches)
{
        if (watches)
                watches_end(watches);
        return mfree(watches);
}
