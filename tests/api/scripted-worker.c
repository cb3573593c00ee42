/* SPDX-License-Identifier: Apache-2.0 */

/* A worker for the tests of rce-api: it takes jobs from the real queue, claims and finishes them in the real database and
 * sends real events, but has no sandbox. A job's source is a script instead, one command a line:
 *
 *     out TEXT, err TEXT       prints it, and a line feed
 *     raw HEX                  prints these bytes to stdout
 *     fill N                   prints N bytes to stdout, "0123456789…"
 *     watched                  goes on when somebody has asked for the output
 *     wait NAME                goes on when there is a file of that name in the directory given
 *     die                      the worker is gone, as if killed
 *     refuse                   as the first line: goes back to the broker before it is claimed
 *     exit CODE
 *
 * scripted-worker CONNINFO PORT VHOST DIRECTORY LANGUAGE... */
#include <limits.h>
#include <stdio.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "basic/string-util.h"
#include "blob/blob.h"
#include "queue/queue-worker.h"
#include "shared/daemon.h"
#include "store/store-worker.h"

#define JOBS_MAX 4

typedef struct Worker Worker;

typedef struct Job {
        Worker *worker;
        bool used, claimed, finishing;
        QueueJob message;
        uint64_t tag;
        char *script, *next;             /* next: the line to do */
        char *waits_for;                 /* a file */
        bool waits_for_watcher, watched, cancelled;
        StoreJob row;
        Buffer streams[_QUEUE_STREAM_MAX];
        uint64_t told[_QUEUE_STREAM_MAX];
        JobResult result;
        StoreOutput out, err;
        unsigned n_blobs;
} Job;

struct Worker {
        sd_event *event;
        Store *store;
        Queue *queue;
        BlobStore *blobs;
        const char *directory;
        char **languages;
        Job jobs[JOBS_MAX];
        sd_event_source *heartbeat;
};

static void check(int r, const char *what)
{
        if (r >= 0)
                return;
        fprintf(stderr, "scripted-worker: %s: %s\n", what, strerror(-r));
        exit(EXIT_FAILURE);
}

static void set_room(Worker *w)
{
        unsigned n = 0;

        for (size_t i = 0; i < JOBS_MAX; i++)
                n += !w->jobs[i].used;
        queue_set_room(w->queue, n);
}

static void job_end(Job *j)
{
        Worker *w = j->worker;

        check(queue_ack(w->queue, j->tag), "ack");
        free(j->script);
        free(j->waits_for);
        for (size_t i = 0; i < _QUEUE_STREAM_MAX; i++)
                buffer_done(&j->streams[i]);
        if (j->claimed)
                store_job_done(&j->row);
        *j = (Job){ .worker = w };
        set_room(w);
}

/* --- events -------------------------------------------------------------------------------------------------------- */

static void tell_state(Job *j)
{
        QueueEvent e = { .type = QUEUE_EVENT_STATE, .job = j->row.id, .attempt = j->row.attempt, .state = JOB_STATE_RUNNING };

        check(queue_send_event(j->worker->queue, &e, NULL, NULL), "event");
}

static void tell_output(Job *j)
{
        for (QueueStream i = 0; j->watched && i < _QUEUE_STREAM_MAX; i++)
                while (j->told[i] < j->streams[i].size) {
                        size_t n = MIN(j->streams[i].size - (size_t) j->told[i], (size_t) QUEUE_CHUNK_MAX);
                        QueueEvent e = {
                                .type = QUEUE_EVENT_OUTPUT,
                                .job = j->row.id,
                                .attempt = j->row.attempt,
                                .stream = i,
                                .offset = j->told[i],
                                .data = j->streams[i].data + j->told[i],
                                .size = n,
                        };

                        check(queue_send_event(j->worker->queue, &e, NULL, NULL), "event");
                        j->told[i] += n;
                }
}

static void on_finished(int error, bool committed, void *userdata)
{
        Job *j = userdata;
        QueueEvent e = {
                .type = QUEUE_EVENT_FINISHED,
                .job = j->row.id,
                .attempt = j->row.attempt,
                .verdict = j->result.verdict,
                .stream_bytes = { j->streams[QUEUE_STDOUT].size, j->streams[QUEUE_STDERR].size },
        };

        check(error, "finish");
        if (committed)
                check(queue_send_event(j->worker->queue, &e, NULL, NULL), "event");
        free(j->out.key);
        free(j->err.key);
        job_end(j);
}

static void commit(Job *j)
{
        StoreFinish f = { .id = j->row.id, .attempt = j->row.attempt, .result = &j->result, .out = j->out, .err = j->err };

        j->result.out.bytes = j->streams[QUEUE_STDOUT];
        j->result.err.bytes = j->streams[QUEUE_STDERR];
        check(store_finish(j->worker->store, &f, on_finished, j, NULL), "finish");
}

static void on_blob(int error, BlobResult *result, void *userdata)
{
        Job *j = userdata;

        check(error, "blob");
        j->out.key = strdup(result->key);
        commit(j);
}

static void finish(Job *j, JobVerdict verdict, int code)
{
        if (j->finishing)
                return;
        j->finishing = true;
        j->result = (JobResult){ .verdict = verdict, .exit_code = code, .wall_usec = 1000, .cpu_usec = 500,
                                 .memory_peak_bytes = 1 << 20 };
        j->out.n_bytes = j->streams[QUEUE_STDOUT].size;
        j->err.n_bytes = j->streams[QUEUE_STDERR].size;
        if (j->out.n_bytes <= STORE_INLINE_OUTPUT_MAX)
                commit(j);
        else
                check(blob_put(j->worker->blobs, j->streams[QUEUE_STDOUT].data, j->streams[QUEUE_STDOUT].size, on_blob, j,
                               NULL),
                      "blob");
}

/* --- scripts ------------------------------------------------------------------------------------------------------- */

static void print(Job *j, QueueStream stream, const char *text)
{
        check(buffer_printf(&j->streams[stream], "%s\n", text), "output");
}

static void print_hex(Job *j, const char *hex)
{
        for (unsigned byte; sscanf(hex, "%2x", &byte) == 1; hex += 2)
                check(buffer_append(&j->streams[QUEUE_STDOUT], &(char){ (char) byte }, 1), "output");
}

static void fill(Job *j, unsigned long n)
{
        for (unsigned long i = 0; i < n; i++)
                check(buffer_append(&j->streams[QUEUE_STDOUT], &"0123456789"[i % 10], 1), "output");
}

/* False: the rest comes later, or never. */
static bool command(Job *j, const char *line)
{
        const char *text;

        if ((text = startswith(line, "out ")))
                print(j, QUEUE_STDOUT, text);
        else if ((text = startswith(line, "err ")))
                print(j, QUEUE_STDERR, text);
        else if ((text = startswith(line, "raw ")))
                print_hex(j, text);
        else if ((text = startswith(line, "fill ")))
                fill(j, strtoul(text, NULL, 10));
        else if (streq(line, "watched"))
                return !(j->waits_for_watcher = !j->watched);
        else if ((text = startswith(line, "wait ")))
                j->waits_for = format_string("%s/%s", j->worker->directory, text);
        else if (streq(line, "die"))
                _exit(EXIT_SUCCESS);
        else if ((text = startswith(line, "exit "))) {
                int code = atoi(text);

                tell_output(j);
                finish(j, code == 0 ? JOB_VERDICT_OK : JOB_VERDICT_RUNTIME_ERROR, code);
                return false;
        }
        return true;
}

static bool is_held(Job *j)
{
        if (j->waits_for && access(j->waits_for, F_OK) >= 0)
                j->waits_for = mfree(j->waits_for);
        return j->waits_for || j->waits_for_watcher;
}

static void go_on(Job *j)
{
        while (j->claimed && !j->finishing && !is_held(j) && j->next)
                if (!command(j, strsep(&j->next, "\n")))
                        break;
        if (!j->claimed || j->finishing)
                return;
        tell_output(j);
        if (!j->next && !is_held(j))
                finish(j, JOB_VERDICT_OK, 0);
}

static int on_file(sd_event_source *source, const struct inotify_event *event, void *userdata)
{
        Worker *w = userdata;

        for (size_t i = 0; i < JOBS_MAX; i++)
                if (w->jobs[i].used)
                        go_on(&w->jobs[i]);
        return 0;
}

/* --- jobs ---------------------------------------------------------------------------------------------------------- */

static void on_source(int error, BlobResult *result, void *userdata)
{
        Job *j = userdata;

        check(error, "source");
        j->script = buffer_take(&result->data);
        j->next = j->script;
        go_on(j);
}

static void on_claimed(int error, StoreClaim claim, StoreJob *row, void *userdata)
{
        Job *j = userdata;

        check(error, "claim");
        if (claim != STORE_CLAIM_TAKEN) {
                job_end(j);
                return;
        }
        j->row = TAKE(*row, (StoreJob){ 0 });
        j->claimed = true;
        tell_state(j);
        if (j->cancelled)
                finish(j, JOB_VERDICT_CANCELLED, -1);
        else if (j->script)
                go_on(j);
        else
                check(blob_get(j->worker->blobs, j->row.spec.source_key, 1 << 20, on_source, j, NULL), "source");
}

static void on_job(const QueueJob *message, uint64_t tag, bool redelivered, void *userdata)
{
        Worker *w = userdata;

        if (message->source && startswith(message->source, "refuse")) {
                check(queue_requeue(w->queue, tag), "requeue");
                set_room(w);
                return;
        }
        for (size_t i = 0; i < JOBS_MAX; i++) {
                Job *j = &w->jobs[i];

                if (j->used)
                        continue;
                *j = (Job){ .worker = w, .used = true, .message = *message, .tag = tag };
                if (message->source)
                        j->next = j->script = memdup_nul(message->source, message->source_size);
                check(store_claim(w->store, &message->id, on_claimed, j, NULL), "claim");
                return;
        }
        check(-ENOBUFS, "a job too many");
}

static void on_control(const QueueControl *control, void *userdata)
{
        Worker *w = userdata;

        for (size_t i = 0; i < JOBS_MAX; i++) {
                Job *j = &w->jobs[i];

                if (!j->used || !j->claimed || job_id_compare(&j->row.id, &control->job) != 0)
                        continue;
                if (control->type == QUEUE_CONTROL_CANCEL) {
                        finish(j, JOB_VERDICT_CANCELLED, -1);
                        return;
                }
                j->watched = true;
                for (size_t k = 0; k < _QUEUE_STREAM_MAX; k++)
                        j->told[k] = control->attempt == j->row.attempt ? MIN(control->offsets[k], j->told[k]) : 0;
                j->waits_for_watcher = false;
                go_on(j);
                return;
        }
}

/* --- life ---------------------------------------------------------------------------------------------------------- */

static void on_heartbeat(int error, void *userdata)
{
        Worker *w = userdata;

        check(error, "heartbeat");
        set_room(w);
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
        Worker *w = userdata;
        StoreHeartbeat h = { .languages = w->languages, .slots = JOBS_MAX };

        for (size_t i = 0; i < JOBS_MAX; i++)
                h.running += w->jobs[i].used;
        (void) store_worker_heartbeat(w->store, &h, on_heartbeat, w, NULL);
        (void) sd_event_source_set_time_relative(source, USEC_PER_SEC);
        (void) sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
        return 0;
}

static void on_stop(void *userdata)
{
        (void) sd_event_exit(((Worker *) userdata)->event, 0);
}

static void open_all(Worker *w, char **argv)
{
        _cleanup_(freep) char *uri = format_string("file:%s/blobs", w->directory);
        _cleanup_(fault_done) Fault fault = { 0 };
        JobIdMaker ids = { 0 };
        JobId incarnation;

        check(job_id_make(&ids, now_usec(CLOCK_REALTIME), &incarnation), "id");

        StoreParams s = STORE_PARAMS_DEFAULT;
        s.role = STORE_WORKER;
        s.conninfo = argv[1];
        s.incarnation = incarnation;
        s.host = "test";
        s.name = "scripted";
        s.version = "0";
        s.patience_usec = USEC_INFINITY;
        check(store_new(w->event, &s, &w->store), "store");

        BlobParams b = {
                .uri = uri,
                .size_max = 64 << 20,
                .queue_max = 100,
                .queue_bytes_max = 256 << 20,
                .connections_max = 1,
                .timeout_usec = USEC_PER_SEC,
                .patience_usec = USEC_PER_SEC,
        };
        int r = blob_store_new(w->event, &b, &w->blobs, &fault);
        check(r, fault.detail ? fault.detail : "blobs");

        QueueParams q = QUEUE_PARAMS_DEFAULT;
        q.role = QUEUE_WORKER;
        q.port = (uint16_t) atoi(argv[2]);
        q.vhost = argv[3];
        q.user = q.password = "guest";
        q.name = "scripted";
        q.incarnation = incarnation;
        q.languages = w->languages;
        q.on_job = on_job;
        q.on_control = on_control;
        q.userdata = w;
        check(queue_new(w->event, &q, &w->queue), "queue");
}

int main(int argc, char **argv)
{
        Worker w = { 0 };
        const DaemonCallbacks callbacks = { .on_stop = on_stop, .userdata = &w };
        Daemon *daemon;

        if (argc < 6)
                return EXIT_FAILURE;
        w.directory = argv[4];
        w.languages = argv + 5;
        check(daemon_new(&callbacks, &daemon), "loop");
        w.event = daemon_event(daemon);
        open_all(&w, argv);
        check(sd_event_add_inotify(w.event, NULL, w.directory, IN_CREATE | IN_MOVED_TO, on_file, &w), "inotify");
        check(sd_event_add_time_relative(w.event, &w.heartbeat, CLOCK_MONOTONIC, 0, 0, on_timer, &w), "timer");

        int r = daemon_run(daemon);
        queue_free(w.queue);
        store_free(w.store);
        blob_store_free(w.blobs);
        sd_event_source_disable_unref(w.heartbeat);
        daemon_free(daemon);
        return r;
}
