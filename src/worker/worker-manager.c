/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/worker-manager.h"

#include <inttypes.h>
#include <unistd.h>

#include "basic/log.h"
#include "basic/string-util.h"
#include "shared/daemon.h"
#include "worker/worker-connect.h"
#include "worker/worker-diag.h"
#include "worker/worker-health.h"
#include "worker/worker-job.h"

#define HEARTBEAT_USEC (5 * USEC_PER_SEC)
#define RETRY_USEC (1 * USEC_PER_SEC)
#define TICK_USEC (1 * USEC_PER_SEC)

/* How long systemd is asked to wait for the next word of ours. */
#define EXTEND_USEC (15 * USEC_PER_SEC)

/* For a last word to the database, which is only a courtesy. */
#define LEAVE_USEC (5 * USEC_PER_SEC)

/* After DrainTimeout=, for sandboxes to die and the database to hear of it. */
#define GIVE_BACK_USEC (15 * USEC_PER_SEC)

/* Jobs that wait for another worker's death are not counted as running, so they need a bound of their own. */
#define WAITING_MAX 256

typedef enum Backend { BACKEND_DATABASE, BACKEND_BROKER, BACKEND_BLOBS, BACKEND_SANDBOXES, _BACKEND_MAX } Backend;

static const char *const backend_names[_BACKEND_MAX] = { "database", "broker", "blobs", "sandboxes" };

struct WorkerManager {
        Daemon *daemon;
        Config config;
        JobIdMaker ids;
        WorkerIdentity identity;
        WorkerContext context;

        WorkerJob **jobs;
        size_t n_jobs, n_allocated;
        unsigned slots;
        WorkerHealth health;

        Queue **retired;                 /* of before a reload, until their last job has ended */
        size_t n_retired, n_retired_allocated;

        sd_event_source *tick, *cleaner;
        usec_t next_heartbeat_usec;
        bool registered, ready;
        char *trouble[_BACKEND_MAX];     /* why it cannot be used now; NULL when all is well */

        usec_t drain_usec, leave_usec;   /* when that began; 0: not yet */
        int exit_code;
};

static WorkerDiag diag_of(const WorkerManager *m)
{
        return (WorkerDiag){ .worker = m->identity.full_name };
}

/* --- how many -------------------------------------------------------------------------------------------------------- */

static unsigned count_waiting(const WorkerManager *m)
{
        unsigned n = 0;

        for (size_t i = 0; i < m->n_jobs; i++)
                n += worker_job_state(m->jobs[i]) == WORKER_WAITING;
        return n;
}

static unsigned count_running(const WorkerManager *m)
{
        return (unsigned) m->n_jobs - count_waiting(m);
}

static void show_status(WorkerManager *m)
{
        const char *backend = "", *why = "";

        for (size_t i = 0; i < _BACKEND_MAX && !*backend; i++)
                if (m->trouble[i]) {
                        backend = backend_names[i];
                        why = m->trouble[i];
                }
        daemon_status(m->daemon, "%s %u of %u jobs, %" PRIu64 " done%s%s%s%s", m->drain_usec > 0 ? "Draining," : "Running",
                      count_running(m), m->slots, m->context.n_finished, *backend ? "; no " : "", backend, *backend ? ": " : "",
                      why);
}

static void begin_drain(WorkerManager *m, int exit_code);

/* How many more jobs may run. */
static unsigned room(const WorkerManager *m)
{
        if (m->drain_usec > 0 || !store_is_connected(m->context.store))
                return 0;
        return worker_health_room(&m->health, now_usec(CLOCK_MONOTONIC), m->slots, count_running(m));
}

/* After anything that changes how many jobs may come. */
static void update(WorkerManager *m)
{
        if (m->context.queue)
                queue_set_room(m->context.queue, count_waiting(m) < WAITING_MAX ? room(m) : 0);
        show_status(m);

        if (m->drain_usec == 0 && !sandbox_host_is_connected(m->context.host)) {
                log_error("The user manager is gone, and with it all sandboxes; starting anew");
                begin_drain(m, EXIT_FAILURE);
        }
        if (m->n_retired > 0 || (m->drain_usec > 0 && m->n_jobs == 0))
                (void) sd_event_source_set_enabled(m->cleaner, SD_EVENT_ONESHOT);
}

static bool may_claim(void *userdata)
{
        return room(userdata) > 0;
}

/* --- jobs ------------------------------------------------------------------------------------------------------------ */

static void on_change(WorkerJob *j, void *userdata)
{
        update(userdata);
}

static void on_ended(WorkerJob *j, void *userdata)
{
        WorkerManager *m = userdata;
        size_t i = 0;

        while (m->jobs[i] != j)
                i++;
        memmove(&m->jobs[i], &m->jobs[i + 1], (m->n_jobs - i - 1) * sizeof(*m->jobs));
        m->n_jobs--;
        worker_job_free(j);
        update(m);
}

/* One whose message was answered is another matter: that message may be here already. */
static WorkerJob *find_job(const WorkerManager *m, const JobId *id)
{
        for (size_t i = 0; i < m->n_jobs; i++)
                if (job_id_compare(worker_job_id(m->jobs[i]), id) == 0 && worker_job_state(m->jobs[i]) < WORKER_LEAVING)
                        return m->jobs[i];
        return NULL;
}

static void on_job(const QueueJob *message, uint64_t tag, bool redelivered, void *userdata)
{
        WorkerManager *m = userdata;
        WorkerJob *j = find_job(m, &message->id);

        if (j) {
                worker_job_redelivered(j, tag);
                update(m);
                return;
        }

        int r = m->drain_usec > 0 ? -ESHUTDOWN : GROW_ARRAY(m->jobs, m->n_allocated, m->n_jobs + 1);
        if (r >= 0)
                r = worker_job_new(&m->context, message, tag, redelivered, &j);
        if (r < 0) {
                (void) queue_hand_back(m->context.queue, message, tag);
                return;
        }
        m->jobs[m->n_jobs++] = j;
        worker_job_begin(j);
}

static void on_control(const QueueControl *control, void *userdata)
{
        WorkerManager *m = userdata;
        WorkerJob *j = find_job(m, &control->job);

        if (!j)
                return;

        switch (control->type) {
        case QUEUE_CONTROL_CANCEL:
                worker_job_cancel(j);
                break;
        case QUEUE_CONTROL_WATCH:
                worker_job_watch(j, control->attempt, control->offsets);
                break;
        default:
                break;   /* programs have all of their input from the beginning */
        }
}

/* --- backends -------------------------------------------------------------------------------------------------------- */

static void note_backend(WorkerManager *m, Backend backend, bool connected, const char *why)
{
        WorkerDiag diag = diag_of(m);
        char *trouble = connected ? NULL : strdup(why);

        /* PostgreSQL speaks in several lines. */
        for (char *p = trouble; p && *p; p++)
                if (*p == '\n' || *p == '\t')
                        *p = ' ';
        free(m->trouble[backend]);
        m->trouble[backend] = trouble;
        worker_diag_backend(&diag, backend_names[backend], connected, trouble);
        update(m);
}

static void on_store_state(bool connected, const char *why, void *userdata)
{
        note_backend(userdata, BACKEND_DATABASE, connected, why);
}

static void on_blob_state(bool ready, const char *why, void *userdata)
{
        note_backend(userdata, BACKEND_BLOBS, ready, why);
}

/* Its own fault may be that Podman's first process has died. */
static void on_sandbox(bool works, const char *why, void *userdata)
{
        WorkerManager *m = userdata;
        bool ill = worker_health_is_ill(&m->health);

        if (works) {
                worker_health_works(&m->health);
                if (ill)
                        note_backend(m, BACKEND_SANDBOXES, true, NULL);
        } else if (m->drain_usec == 0 && sandbox_host_is_connected(m->context.host)) {
                worker_health_failed(&m->health, now_usec(CLOCK_MONOTONIC));
                sandbox_host_mend(m->context.host);
                if (!ill)
                        note_backend(m, BACKEND_SANDBOXES, false, why);
        }
}

static void on_queue_state(bool ready, const char *why, void *userdata)
{
        WorkerManager *m = userdata;

        note_backend(m, BACKEND_BROKER, ready, why);
        if (!ready)
                return;

        for (size_t i = 0; i < m->n_jobs; i++)
                worker_job_tell_state(m->jobs[i]);
        if (!m->ready) {
                m->ready = true;
                daemon_ready(m->daemon);
        }
}

static int open_queue(WorkerManager *m, Queue **ret)
{
        static const QueueParams callbacks = { .on_state = on_queue_state, .on_job = on_job, .on_control = on_control };
        _cleanup_(fault_done) Fault fault = { 0 };
        QueueParams params = callbacks;

        params.userdata = m;
        int r = worker_connect_queue(m->context.event, &m->config, &m->identity, &m->ids,
                                     worker_languages_names(m->context.languages), &params, ret, &fault);
        if (r < 0)
                log_error("The broker cannot be used: %s", r == -EBADMSG ? fault.detail : strerror(-r));
        return r;
}

/* --- the heartbeat --------------------------------------------------------------------------------------------------- */

static void on_registered(WorkerManager *m)
{
        m->registered = true;

        if (open_queue(m, &m->context.queue) < 0)
                begin_drain(m, EXIT_FAILURE);
        update(m);
}

static void on_heartbeat(int error, void *userdata)
{
        WorkerManager *m = userdata;

        if (error == -ESTALE) {
                log_error("Another worker '%s' of this host has taken this one's place", m->identity.name);
                daemon_exit(m->daemon, EXIT_FAILURE);
        } else if (error < 0) {
                (void) log_full(error == -EIO ? LOG_ERR : LOG_DEBUG, error, "The database does not take the heartbeat: %s",
                                error == -EIO ? store_refusal(m->context.store) : strerror(-error));
        } else if (!m->registered && m->drain_usec == 0) {
                on_registered(m);
        }
}

static void beat(WorkerManager *m)
{
        StoreHeartbeat heartbeat = {
                .languages = worker_languages_names(m->context.languages),
                .slots = m->drain_usec == 0 ? m->slots : 0,
                .running = count_running(m),
        };

        /* -EBUSY: the one before has not got through yet. */
        (void) store_worker_heartbeat(m->context.store, &heartbeat, on_heartbeat, m, NULL);
}

/* --- the way out ----------------------------------------------------------------------------------------------------- */

static void on_left(int error, void *userdata)
{
        WorkerManager *m = userdata;
        WorkerDiag diag = diag_of(m);

        if (error != -ECANCELED)
                worker_diag_drained(&diag, m->context.n_finished, m->context.n_returned);
        daemon_exit(m->daemon, m->exit_code);
}

static void leave(WorkerManager *m)
{
        if (m->leave_usec > 0)
                return;

        m->leave_usec = now_usec(CLOCK_MONOTONIC);
        int r = store_leave(m->context.store, on_left, m, NULL);
        if (r < 0)
                on_left(r, m);
}

static void begin_drain(WorkerManager *m, int exit_code)
{
        if (m->drain_usec > 0)
                return;

        m->drain_usec = now_usec(CLOCK_MONOTONIC);
        m->exit_code = exit_code;
        daemon_extend_timeout(m->daemon, EXTEND_USEC);

        for (size_t i = m->n_jobs; i-- > 0;)
                worker_job_drain(m->jobs[i]);
        update(m);
}

static void continue_drain(WorkerManager *m)
{
        usec_t now = now_usec(CLOCK_MONOTONIC), end = usec_add(m->drain_usec, m->config.worker_drain_usec);

        if (m->leave_usec > 0 && now >= usec_add(m->leave_usec, LEAVE_USEC)) {
                on_left(-ETIMEDOUT, m);
                return;
        }
        if (now >= usec_add(end, GIVE_BACK_USEC)) {
                log_warning("%zu jobs could not be given back; they are taken from this worker when it is found gone", m->n_jobs);
                daemon_exit(m->daemon, EXIT_FAILURE);
                return;
        }

        daemon_extend_timeout(m->daemon, EXTEND_USEC);
        for (size_t i = m->n_jobs; now >= end && i-- > 0;)
                worker_job_give_back(m->jobs[i]);
}

static void on_stop(void *userdata)
{
        begin_drain(userdata, EXIT_SUCCESS);
}

static int on_tick(sd_event_source *source, uint64_t usec, void *userdata)
{
        WorkerManager *m = userdata;

        (void) sd_event_source_set_time_relative(source, TICK_USEC);
        if (usec >= m->next_heartbeat_usec) {
                m->next_heartbeat_usec = usec_add(usec, HEARTBEAT_USEC);
                beat(m);
        }
        if (m->drain_usec > 0)
                continue_drain(m);
        else if (!m->ready)
                daemon_extend_timeout(m->daemon, EXTEND_USEC);
        update(m);
        return 0;
}

static bool is_in_use(const WorkerManager *m, const Queue *q)
{
        for (size_t i = 0; i < m->n_jobs; i++)
                if (worker_job_queue(m->jobs[i]) == q)
                        return true;
        return false;
}

/* What must not be done from within a callback. */
static int on_clean(sd_event_source *source, void *userdata)
{
        WorkerManager *m = userdata;
        size_t n = 0;

        for (size_t i = 0; i < m->n_retired; i++)
                if (is_in_use(m, m->retired[i]))
                        m->retired[n++] = m->retired[i];
                else
                        queue_free(m->retired[i]);
        m->n_retired = n;

        if (m->drain_usec > 0 && m->n_jobs == 0)
                leave(m);
        return 0;
}

/* --- reload ---------------------------------------------------------------------------------------------------------- */

static void complain(const WorkerManager *m)
{
        WorkerDiag diag = diag_of(m);

        STRV_FOREACH(c, worker_languages_complaints(m->context.languages))
                worker_diag_complaint(&diag, *c);
}

static unsigned slots_of(const Config *c)
{
        long n = sysconf(_SC_NPROCESSORS_ONLN);

        if (c->worker_slots > 0)
                return (unsigned) MIN(c->worker_slots, (uint64_t) 4096);
        return n > 0 ? (unsigned) n : 1;
}

static bool same_names(char *const *a, char *const *b)
{
        size_t n = strv_length(a);

        if (n != strv_length(b))
                return false;
        for (size_t i = 0; i < n; i++)
                if (!streq(a[i], b[i]))
                        return false;
        return true;
}

/* A queue is for certain languages. The one before stays, for the messages of its jobs. */
static int replace_queue(WorkerManager *m)
{
        Queue *queue;

        int r = GROW_ARRAY(m->retired, m->n_retired_allocated, m->n_retired + 1);
        if (r >= 0)
                r = open_queue(m, &queue);
        if (r < 0)
                return r;

        queue_set_room(m->context.queue, 0);
        m->retired[m->n_retired++] = m->context.queue;
        m->context.queue = queue;
        return 0;
}

static int reload_languages(WorkerManager *m)
{
        _cleanup_(worker_languages_unrefp) WorkerLanguages *before = m->context.languages, *languages = NULL;

        int r = worker_languages_load(NULL, &languages);
        if (r < 0) {
                TAKE_PTR(before);
                return r;
        }

        bool same = same_names(worker_languages_names(before), worker_languages_names(languages));
        m->context.languages = TAKE_PTR(languages);
        complain(m);
        return same || !m->context.queue ? 0 : replace_queue(m);
}

/* Only what takes effect at once: limits, slots and time-outs. Connections stay as they are. */
static int reload_config(WorkerManager *m, Fault *reterr_fault)
{
        Config fresh;

        int r = config_load(NULL, &fresh, reterr_fault);
        if (r < 0)
                return r;

        config_done(&m->config);
        m->config = fresh;
        m->slots = slots_of(&m->config);
        return 0;
}

static void on_reload(void *userdata)
{
        _cleanup_(fault_done) Fault fault = { 0 };
        WorkerManager *m = userdata;
        int r;

        r = reload_config(m, &fault);
        if (r < 0)
                log_error("The configuration stays as it was: %s", r == -EBADMSG ? fault.detail : strerror(-r));
        r = reload_languages(m);
        if (r < 0)
                log_error("The languages could not be loaded anew: %s", strerror(-r));
        beat(m);
        update(m);
}

/* --- birth and death ------------------------------------------------------------------------------------------------- */

static int add_sources(WorkerManager *m)
{
        sd_event *event = m->context.event;
        int r;

        if ((r = sd_event_add_time_relative(event, &m->tick, CLOCK_MONOTONIC, 0, 0, on_tick, m)) < 0 ||
            (r = sd_event_source_set_enabled(m->tick, SD_EVENT_ON)) < 0 ||
            (r = sd_event_add_defer(event, &m->cleaner, on_clean, m)) < 0)
                return r;
        return sd_event_source_set_enabled(m->cleaner, SD_EVENT_OFF);
}

int worker_manager_new(const char *name, WorkerManager **ret, Fault *reterr_fault)
{
        _cleanup_(worker_manager_freep) WorkerManager *m = new0(WorkerManager, 1);
        WorkerContext *c;
        int r;

        if (!m)
                return -ENOMEM;
        c = &m->context;

        r = config_load(NULL, &m->config, reterr_fault);
        if (r < 0)
                return r;
        m->slots = slots_of(&m->config);

        if ((r = worker_identity_make(name, &m->ids, &m->identity)) < 0 ||
            (r = daemon_new(&(DaemonCallbacks){ on_stop, on_reload, m }, &m->daemon)) < 0)
                return r;

        *c = (WorkerContext){
                .event = daemon_event(m->daemon),
                .config = &m->config,
                .name = m->identity.full_name,
                .retry_usec = RETRY_USEC,
                .on_sandbox = on_sandbox,
                .may_claim = may_claim,
                .on_change = on_change,
                .on_ended = on_ended,
                .userdata = m,
        };

        r = worker_languages_load(NULL, &c->languages);
        if (r < 0)
                return r;
        complain(m);
        if (strv_length(worker_languages_names(c->languages)) == 0)
                return fault_set(reterr_fault, FAULT_BROKEN_LANGUAGE, NULL, "There is no language that can be used");

        if ((r = sandbox_host_open(c->event, &c->host, reterr_fault)) < 0 || (r = lint_thread_new(c->event, &c->lint)) < 0 ||
            (r = worker_connect_blobs(c->event, &m->config, on_blob_state, m, &c->blobs, reterr_fault)) < 0 ||
            (r = worker_connect_store(c->event, &m->config, &m->identity, on_store_state, m, &c->store, reterr_fault)) < 0 ||
            (r = add_sources(m)) < 0)
                return r;

        *ret = TAKE_PTR(m);
        return 0;
}

int worker_manager_run(WorkerManager *m)
{
        return daemon_run(m->daemon);
}

WorkerManager *worker_manager_free(WorkerManager *m)
{
        if (!m)
                return NULL;

        /* First those that ask, then those who are asked. */
        for (size_t i = 0; i < m->n_jobs; i++)
                worker_job_free(m->jobs[i]);
        free(m->jobs);
        lint_thread_free(m->context.lint);
        for (size_t i = 0; i < m->n_retired; i++)
                queue_free(m->retired[i]);
        free(m->retired);
        queue_free(m->context.queue);
        store_free(m->context.store);
        blob_store_free(m->context.blobs);
        worker_languages_unref(m->context.languages);
        sandbox_host_free(m->context.host);
        sd_event_source_disable_unref(m->tick);
        sd_event_source_disable_unref(m->cleaner);
        daemon_free(m->daemon);
        config_done(&m->config);
        worker_identity_done(&m->identity);
        for (size_t i = 0; i < _BACKEND_MAX; i++)
                free(m->trouble[i]);
        return mfree(m);
}
