/* SPDX-License-Identifier: Apache-2.0 */
/* The API's side and the workers' side together, over a real broker; workers also as processes of their own, to be killed. */
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "basic/fd-util.h"
#include "basic/string-util.h"
#include "queue/queue-api.h"
#include "queue/queue-worker.h"
#include "queue/watch.h"
#include "tests/integration/broker.h"

#define JOBS_MAX 4000
#define TESTS_MAX 20
#define WORKER_ARGUMENT "--worker"
#define WORKER_FD 30

/* A broker may take long to start on a busy machine, and then has to be waited for. */
#define PATIENCE_USEC (5 * USEC_PER_MINUTE)

static char *languages[] = { (char[]){ "python" }, (char[]){ "cobol" }, NULL };
static JobIdMaker id_maker;
static char vhost[16];                   /* of the present test, which so begins with empty queues */

static JobId make_id(void)
{
        JobId id;

        assert_int_equal(job_id_make(&id_maker, now_usec(CLOCK_REALTIME), &id), 0);
        return id;
}

/* --- an API -------------------------------------------------------------------------------------------------------- */

typedef struct Api {
        Queue *queue;
        bool ready;
        char why[300];
        size_t n_confirmed, n_failed;
        int last_error;

        Buffer streams[_QUEUE_STREAM_MAX];
        unsigned attempt;
        size_t n_states, n_finished, n_watching;
        QueueEvent last;

        size_t n_dead;
        JobId dead;
        char dead_reason[64];
} Api;

static void on_api_state(bool ready, const char *why, void *userdata)
{
        Api *a = userdata;

        a->ready = ready;
        snprintf(a->why, sizeof(a->why), "%s", why);
}

static void on_confirmed(int error, void *userdata)
{
        Api *a = userdata;

        if (error == 0) {
                a->n_confirmed++;
                return;
        }
        a->n_failed++;
        a->last_error = error;
}

static void on_event(const QueueEvent *e, void *userdata)
{
        Api *a = userdata;

        if (e->attempt != a->attempt) {
                assert_true(e->attempt > a->attempt);
                a->attempt = e->attempt;
                a->streams[0].size = a->streams[1].size = 0;
        }
        if (e->type == QUEUE_EVENT_OUTPUT) {
                assert_int_equal(e->offset, a->streams[e->stream].size);
                assert_int_equal(buffer_append(&a->streams[e->stream], e->data, e->size), 0);
        }
        a->n_states += e->type == QUEUE_EVENT_STATE;
        a->n_finished += e->type == QUEUE_EVENT_FINISHED;
        a->last = *e;
}

static void on_watching(const JobId *job, void *userdata)
{
        ((Api *) userdata)->n_watching++;
}

static void on_dead(const QueueJob *job, const char *reason, uint64_t tag, void *userdata)
{
        Api *a = userdata;

        a->n_dead++;
        a->dead = job->id;
        snprintf(a->dead_reason, sizeof(a->dead_reason), "%s", reason);
        assert_int_equal(queue_ack(a->queue, tag), 0);
}

static QueueParams params(QueueRole role, void *userdata)
{
        QueueParams p = QUEUE_PARAMS_DEFAULT;

        p.role = role;
        p.port = broker_port();
        p.vhost = vhost;
        p.patience_usec = PATIENCE_USEC;
        p.user = "guest";
        p.password = "guest";
        p.name = role == QUEUE_API ? "test api" : "test worker";
        p.incarnation = make_id();
        p.languages = languages;
        p.userdata = userdata;
        return p;
}

static Api *api_new(sd_event *event)
{
        Api *a = new0(Api, 1);
        QueueParams p = params(QUEUE_API, a);

        p.on_state = on_api_state;
        p.on_event = on_event;
        p.on_watching = on_watching;
        p.on_dead = on_dead;
        assert_int_equal(queue_new(event, &p, &a->queue), 0);
        loop_until(event, a->ready);
        return a;
}

static Api *api_free(Api *a)
{
        if (!a)
                return NULL;
        queue_free(a->queue);
        buffer_done(&a->streams[0]);
        buffer_done(&a->streams[1]);
        return mfree(a);
}
DEFINE_CLEANUP(Api *, api_free)

static JobId publish(Api *a, const char *language, JobPriority priority)
{
        QueueJob job = { .id = make_id(), .priority = priority, .source = "print(1)\n", .source_size = 9 };

        snprintf(job.language, sizeof(job.language), "%s", language);
        assert_int_equal(queue_publish_job(a->queue, &job, on_confirmed, a), 0);
        return job.id;
}

/* --- a worker in this process -------------------------------------------------------------------------------------- */

typedef struct Taken {
        QueueJob job;
        uint64_t tag;
        bool redelivered;
} Taken;

typedef struct Worker {
        Queue *queue;
        bool ready;
        Taken taken[JOBS_MAX];
        size_t n_taken;
        QueueControl controls[64];
        size_t n_controls;
        size_t n_sent;
} Worker;

static void on_worker_state(bool ready, const char *why, void *userdata)
{
        Worker *w = userdata;

        w->ready = ready;
}

static void on_job(const QueueJob *job, uint64_t tag, bool redelivered, void *userdata)
{
        Worker *w = userdata;

        assert_true(w->n_taken < JOBS_MAX);
        assert_int_equal(job->source_size, 9);
        assert_memory_equal(job->source, "print(1)\n", 9);
        w->taken[w->n_taken] = (Taken){ *job, tag, redelivered };
        w->taken[w->n_taken].job.source = "print(1)\n";
        w->n_taken++;
}

static void on_control(const QueueControl *control, void *userdata)
{
        Worker *w = userdata;

        assert_true(w->n_controls < ELEMENTSOF(w->controls));
        w->controls[w->n_controls++] = *control;
}

static void on_sent(int error, void *userdata)
{
        Worker *w = userdata;

        assert_int_equal(error, 0);
        w->n_sent++;
}

static Worker *worker_new(sd_event *event)
{
        Worker *w = new0(Worker, 1);
        QueueParams p = params(QUEUE_WORKER, w);

        p.on_state = on_worker_state;
        p.on_job = on_job;
        p.on_control = on_control;
        assert_int_equal(queue_new(event, &p, &w->queue), 0);
        loop_until(event, w->ready);
        return w;
}

static Worker *worker_free(Worker *w)
{
        if (w)
                queue_free(w->queue);
        return mfree(w);
}
DEFINE_CLEANUP(Worker *, worker_free)

static void send_state(Worker *w, const JobId *job, unsigned attempt)
{
        QueueEvent e = { QUEUE_EVENT_STATE, *job, attempt, .state = JOB_STATE_RUNNING };

        assert_int_equal(queue_send_event(w->queue, &e, on_sent, w), 0);
}

static void send_output(Worker *w, const JobId *job, unsigned attempt, uint64_t offset, const char *text)
{
        QueueEvent e = {
                QUEUE_EVENT_OUTPUT, *job, attempt, .stream = QUEUE_STDOUT, .offset = offset, .data = text,
                .size = strlen(text)
        };

        assert_int_equal(queue_send_event(w->queue, &e, on_sent, w), 0);
}

static void send_finished(Worker *w, const JobId *job, unsigned attempt)
{
        QueueEvent e = { QUEUE_EVENT_FINISHED, *job, attempt, .verdict = JOB_VERDICT_OK };

        assert_int_equal(queue_send_event(w->queue, &e, on_sent, w), 0);
}

/* --- the tests ----------------------------------------------------------------------------------------------------- */

/* All at once, since each rabbitmqctl takes a second or two. */
static int make_vhosts(void **state)
{
        char code[400];

        snprintf(code, sizeof(code),
                 "[begin rabbit_vhost:add(V, <<\"test\">>), rabbit_auth_backend_internal:set_permissions("
                 "<<\"guest\">>, V, <<\".*\">>, <<\".*\">>, <<\".*\">>, <<\"test\">>) end "
                 "|| N <- lists:seq(1, %i), V <- [integer_to_binary(N)]].", TESTS_MAX);
        broker_control("ctl", "eval", code);
        return 0;
}

static int setup(void **state)
{
        static unsigned n;

        assert_true(n < TESTS_MAX);
        snprintf(vhost, sizeof(vhost), "%u", ++n);
        return sd_event_new((sd_event **) state);
}

static int teardown(void **state)
{
        sd_event_unref(*state);
        return 0;
}

#define DEPTH_ASKING SIZE_MAX
#define DEPTH_AGAIN (SIZE_MAX - 1)

static void on_depth(int error, uint64_t n, void *userdata)
{
        /* A broker that has just come back may have no leader for the queue yet. */
        if (error != -ENOTCONN)
                assert_int_equal(error, 0);
        *(size_t *) userdata = error < 0 ? DEPTH_AGAIN : n;
}

static size_t depth(sd_event *event, Api *a, const char *language, JobPriority priority)
{
        size_t n;

        do {
                n = DEPTH_ASKING;
                assert_int_equal(queue_depth(a->queue, language, priority, on_depth, &n), 0);
                loop_until(event, n != DEPTH_ASKING);
        } while (n == DEPTH_AGAIN);
        return n;
}

static void a_worker_takes_what_it_has_room_for_by_priority(void **state)
{
        _cleanup_(api_freep) Api *api = api_new(*state);
        _cleanup_(worker_freep) Worker *worker = worker_new(*state);

        for (int i = 0; i < 5; i++)
                for (JobPriority p = 0; p < _JOB_PRIORITY_MAX; p++)
                        for (int l = 0; l < 2; l++)
                                (void) publish(api, languages[l], p);
        loop_until(*state, api->n_confirmed == 30);
        assert_int_equal(worker->n_taken, 0);
        assert_int_equal(depth(*state, api, "python", JOB_PRIORITY_HIGH), 5);

        queue_set_room(worker->queue, 4);
        loop_until(*state, worker->n_taken == 4);
        loop_for(*state, 200 * USEC_PER_MSEC);
        assert_int_equal(worker->n_taken, 4);
        assert_int_equal(depth(*state, api, "python", JOB_PRIORITY_HIGH) + depth(*state, api, "cobol", JOB_PRIORITY_HIGH), 6);

        for (size_t i = 0; i < 30; i++) {
                loop_until(*state, worker->n_taken > i);
                assert_int_equal(queue_ack(worker->queue, worker->taken[i].tag), 0);
                queue_set_room(worker->queue, 4 - (unsigned) (worker->n_taken - i - 1));
        }
        for (size_t i = 1; i < 30; i++)
                assert_true(worker->taken[i].job.priority <= worker->taken[i - 1].job.priority);

        /* Two languages took turns. */
        size_t n_python = 0;
        for (size_t i = 0; i < 10; i++)
                n_python += streq(worker->taken[i].job.language, "python");
        assert_int_equal(n_python, 5);

        QueueCounters c;
        queue_counters(worker->queue, &c);
        assert_int_equal(c.handed_back, 0);
}

static void an_idle_worker_hears_of_a_job_at_once(void **state)
{
        _cleanup_(api_freep) Api *api = api_new(*state);
        _cleanup_(worker_freep) Worker *worker = worker_new(*state);
        usec_t sum = 0;

        queue_set_room(worker->queue, 2);
        for (size_t i = 0; i < 50; i++) {
                usec_t since = now_usec(CLOCK_MONOTONIC);

                (void) publish(api, languages[i % 2], (JobPriority) (i % 3));
                loop_until(*state, worker->n_taken == i + 1);
                sum += now_usec(CLOCK_MONOTONIC) - since;
                assert_int_equal(queue_ack(worker->queue, worker->taken[i].tag), 0);
                queue_set_room(worker->queue, 2);
                /* Long enough for it to listen again. */
                loop_for(*state, 20 * USEC_PER_MSEC);
        }
        printf("from publishing to an idle worker: %.2f ms\n", (double) sum / 50 / 1000);
}

static void a_busy_worker_keeps_no_job_from_an_idle_one(void **state)
{
        _cleanup_(api_freep) Api *api = api_new(*state);
        _cleanup_(worker_freep) Worker *busy = worker_new(*state);

        queue_set_room(busy->queue, 1);
        loop_for(*state, 200 * USEC_PER_MSEC);

        /* One into each queue at the same time: every doorbell rings. */
        for (JobPriority p = 0; p < _JOB_PRIORITY_MAX; p++)
                for (int l = 0; l < 2; l++)
                        (void) publish(api, languages[l], p);
        loop_until(*state, api->n_confirmed == 6 && busy->n_taken == 1);

        _cleanup_(worker_freep) Worker *idle = worker_new(*state);
        queue_set_room(idle->queue, 10);
        loop_until(*state, idle->n_taken == 5);
        assert_int_equal(busy->n_taken, 1);
        for (size_t i = 0; i < 5; i++)
                assert_int_equal(queue_ack(idle->queue, idle->taken[i].tag), 0);
        assert_int_equal(queue_ack(busy->queue, busy->taken[0].tag), 0);

        /* Some the broker takes back itself, when it is told that nobody listens. */
        QueueCounters c;
        queue_counters(busy->queue, &c);
        printf("%zu were handed back\n", (size_t) c.handed_back);
}

static void what_is_handed_back_goes_to_another(void **state)
{
        _cleanup_(api_freep) Api *api = api_new(*state);
        _cleanup_(worker_freep) Worker *first = worker_new(*state);
        _cleanup_(worker_freep) Worker *second = worker_new(*state);

        queue_set_room(first->queue, 1);
        JobId id = publish(api, "python", JOB_PRIORITY_NORMAL);
        loop_until(*state, first->n_taken == 1);
        assert_int_equal(queue_hand_back(first->queue, &first->taken[0].job, first->taken[0].tag), 0);
        queue_set_room(second->queue, 1);
        loop_until(*state, second->n_taken == 1);
        assert_int_equal(job_id_compare(&second->taken[0].job.id, &id), 0);
        assert_false(second->taken[0].redelivered);
        assert_int_equal(queue_ack(second->queue, second->taken[0].tag), 0);
}

static void an_unknown_language_is_refused_at_once(void **state)
{
        _cleanup_(api_freep) Api *api = api_new(*state);
        QueueJob job = { .id = make_id(), .language = "klingon" };

        assert_int_equal(queue_publish_job(api->queue, &job, on_confirmed, api), -EINVAL);
        assert_int_equal(queue_depth(api->queue, "klingon", JOB_PRIORITY_LOW, on_depth, NULL), -EINVAL);
}

static void a_job_that_is_delivered_too_often_is_told_as_dead(void **state)
{
        _cleanup_(api_freep) Api *api = api_new(*state);
        _cleanup_(worker_freep) Worker *worker = worker_new(*state);
        size_t n = 0;

        JobId id = publish(api, "cobol", JOB_PRIORITY_HIGH);
        queue_set_room(worker->queue, 1);
        for (; api->n_dead == 0; n++) {
                loop_until(*state, worker->n_taken > n || api->n_dead > 0);
                if (api->n_dead > 0)
                        break;
                assert_int_equal(worker->taken[n].redelivered, n > 0);
                assert_int_equal(queue_requeue(worker->queue, worker->taken[n].tag), 0);
                queue_set_room(worker->queue, 1);
        }
        assert_int_equal(n, QUEUE_DELIVERY_LIMIT + 1);
        assert_int_equal(job_id_compare(&api->dead, &id), 0);
        assert_string_equal(api->dead_reason, "delivery_limit");
}

/* --- watching ------------------------------------------------------------------------------------------------------ */

/* What a worker does with a job that is watched. */
static void control_is(const Worker *w, size_t i, QueueControlType type, const JobId *job)
{
        assert_true(w->n_controls > i);
        assert_int_equal(w->controls[i].type, type);
        assert_int_equal(job_id_compare(&w->controls[i].job, job), 0);
}

static void output_of_watched_jobs_comes_in_order_and_once(void **state)
{
        _cleanup_(api_freep) Api *api = api_new(*state);
        _cleanup_(api_freep) Api *other = api_new(*state);
        _cleanup_(worker_freep) Worker *w = worker_new(*state);
        JobId job = make_id();

        assert_int_equal(queue_watch(api->queue, &job, 0, NULL), 0);
        assert_int_equal(api->n_watching, 0);
        loop_until(*state, w->n_controls == 1);
        assert_int_equal(api->n_watching, 1);
        control_is(w, 0, QUEUE_CONTROL_WATCH, &job);

        /* It starts to run only now, so that nobody can have heard the first request. */
        send_state(w, &job, 1);
        loop_until(*state, w->n_controls == 2 && api->n_states == 1);
        control_is(w, 1, QUEUE_CONTROL_WATCH, &job);
        assert_int_equal(w->controls[1].attempt, 1);

        send_output(w, &job, 1, 0, "hello ");
        send_output(w, &job, 1, 0, "hello ");
        send_output(w, &job, 1, 3, "lo world");

        /* The answer to the last question could still be on its way, so another is asked only after a while. */
        loop_for(*state, WATCH_ASK_AGAIN_USEC);
        send_output(w, &job, 1, 100, "far away");
        loop_until(*state, w->n_controls == 3);
        assert_int_equal(w->controls[2].offsets[QUEUE_STDOUT], 11);
        send_output(w, &job, 1, 11, "!");
        send_finished(w, &job, 1);
        loop_until(*state, api->n_finished == 1);
        assert_int_equal(api->streams[QUEUE_STDOUT].size, 12);
        assert_memory_equal(api->streams[QUEUE_STDOUT].data, "hello world!", 12);
        assert_int_equal(other->n_states + other->n_finished, 0);

        assert_int_equal(queue_unwatch(api->queue, &job), 0);
        assert_int_equal(queue_unwatch(api->queue, &job), 0);
        send_state(w, &job, 2);
        size_t n = w->n_sent;
        loop_until(*state, w->n_sent > n);
        loop_for(*state, 100 * USEC_PER_MSEC);
        assert_int_equal(api->n_states, 1);
}

static void a_second_attempt_is_followed_from_its_beginning(void **state)
{
        _cleanup_(api_freep) Api *api = api_new(*state);
        _cleanup_(worker_freep) Worker *w = worker_new(*state);
        JobId job = make_id();

        assert_int_equal(queue_watch(api->queue, &job, 0, NULL), 0);
        loop_until(*state, w->n_controls == 1);
        send_output(w, &job, 1, 0, "first");
        loop_until(*state, api->streams[QUEUE_STDOUT].size == 5);
        send_state(w, &job, 2);
        loop_until(*state, w->n_controls == 2);
        assert_int_equal(w->controls[1].attempt, 2);
        assert_int_equal(w->controls[1].offsets[QUEUE_STDOUT], 0);
        send_output(w, &job, 1, 5, "late");
        send_output(w, &job, 2, 0, "second");
        send_finished(w, &job, 2);
        loop_until(*state, api->n_finished == 1);
        assert_memory_equal(api->streams[QUEUE_STDOUT].data, "second", 6);
        assert_int_equal(api->streams[QUEUE_STDOUT].size, 6);
}

/* All of it may happen between two turns of the loop. */
static bool has_reconnected(const Queue *q)
{
        QueueCounters c;

        queue_counters(q, &c);
        return c.publish.connects == 2 && c.consume.connects == 2 && queue_is_ready(q);
}

static void watching_goes_on_over_a_new_connection(void **state)
{
        _cleanup_(api_freep) Api *api = api_new(*state);
        _cleanup_(worker_freep) Worker *w = worker_new(*state);
        JobId job = make_id();

        assert_int_equal(queue_watch(api->queue, &job, 0, NULL), 0);
        loop_until(*state, w->n_controls == 1);
        send_output(w, &job, 1, 0, "before ");
        loop_until(*state, api->streams[QUEUE_STDOUT].size == 7);

        broker_control("ctl", "close_all_connections", "--vhost", vhost, "test");
        loop_until(*state, has_reconnected(api->queue) && has_reconnected(w->queue));
        assert_int_equal(api->n_watching, 2);

        /* The worker may have come back later than the question. */
        size_t n = w->n_controls;
        send_state(w, &job, 1);
        loop_until(*state, w->n_controls > n);
        assert_int_equal(w->controls[w->n_controls - 1].offsets[QUEUE_STDOUT], 7);
        send_output(w, &job, 1, 7, "after");
        loop_until(*state, api->streams[QUEUE_STDOUT].size == 12);
        assert_memory_equal(api->streams[QUEUE_STDOUT].data, "before after", 12);
}

static void cancel_and_stdin_reach_every_worker(void **state)
{
        _cleanup_(api_freep) Api *api = api_new(*state);
        _cleanup_(worker_freep) Worker *one = worker_new(*state);
        _cleanup_(worker_freep) Worker *two = worker_new(*state);
        QueueControl cancel = { QUEUE_CONTROL_CANCEL, make_id() };
        QueueControl input = { QUEUE_CONTROL_STDIN, make_id(), .offset = 7, .end = true, .data = "x", .size = 1 };

        assert_int_equal(queue_send_control(api->queue, &cancel, on_confirmed, api), 0);
        assert_int_equal(queue_send_control(api->queue, &input, on_confirmed, api), 0);
        loop_until(*state, api->n_confirmed == 2 && one->n_controls == 2 && two->n_controls == 2);
        control_is(one, 0, QUEUE_CONTROL_CANCEL, &cancel.job);
        control_is(two, 1, QUEUE_CONTROL_STDIN, &input.job);
        assert_int_equal(two->controls[1].offset, 7);
        assert_true(two->controls[1].end);
        assert_int_equal(two->controls[1].size, 1);
}

/* --- workers as processes ------------------------------------------------------------------------------------------ */

/* What such a worker says of each job over its pipe. */
typedef struct Note {
        JobId id;
        bool acknowledged;               /* else it was only taken */
} Note;

typedef struct Child {
        Queue *queue;
        sd_event *event;
        int fd;
        uint64_t tags[8];
        JobId ids[8];
        size_t n_running;
} Child;

static void note(Child *c, const JobId *id, bool acknowledged)
{
        Note n = { *id, acknowledged };

        if (write(c->fd, &n, sizeof(n)) != sizeof(n))
                _exit(1);
}

/* "Runs" for 2 ms. */
static int on_run(sd_event_source *source, uint64_t usec, void *userdata)
{
        Child *c = userdata;

        note(c, &c->ids[0], true);
        (void) queue_ack(c->queue, c->tags[0]);
        c->n_running--;
        memmove(c->ids, c->ids + 1, c->n_running * sizeof(c->ids[0]));
        memmove(c->tags, c->tags + 1, c->n_running * sizeof(c->tags[0]));
        queue_set_room(c->queue, (unsigned) (ELEMENTSOF(c->ids) - c->n_running));
        sd_event_source_unref(source);
        return 0;
}

static void on_child_job(const QueueJob *job, uint64_t tag, bool redelivered, void *userdata)
{
        Child *c = userdata;
        sd_event_source *source;

        if (c->n_running == ELEMENTSOF(c->ids))
                _exit(2);
        c->ids[c->n_running] = job->id;
        c->tags[c->n_running++] = tag;
        note(c, &job->id, false);
        if (sd_event_add_time_relative(c->event, &source, CLOCK_MONOTONIC, 2000, 1, on_run, c) < 0)
                _exit(3);
}

static void on_child_control(const QueueControl *control, void *userdata)
{
}

/* The parent closes its end, and then what was acknowledged is still sent. */
static int on_parent(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
        return sd_event_exit(sd_event_source_get_event(source), 0);
}

static int run_child(int fd)
{
        Child c = { .fd = fd };
        QueueParams p;

        (void) prctl(PR_SET_PDEATHSIG, SIGKILL);
        p = params(QUEUE_WORKER, &c);
        p.on_job = on_child_job;
        p.on_control = on_child_control;
        if (sd_event_new(&c.event) < 0 || queue_new(c.event, &p, &c.queue) < 0 ||
            sd_event_add_io(c.event, NULL, fd, EPOLLHUP, on_parent, NULL) < 0)
                return 4;
        queue_set_room(c.queue, (unsigned) ELEMENTSOF(c.ids));
        if (sd_event_loop(c.event) < 0)
                return 5;
        queue_free(c.queue);
        sd_event_unref(c.event);
        return 0;
}

/* This program itself, with the other end of the pipe as its WORKER_FD. */
static pid_t start_child(int *ret_fd)
{
        char *argv[] = { (char[]){ "test-queue" }, (char[]){ WORKER_ARGUMENT }, vhost, NULL };
        posix_spawn_file_actions_t actions;
        int pair[2];
        pid_t pid;

        assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
        assert_int_equal(posix_spawn_file_actions_init(&actions), 0);
        assert_int_equal(posix_spawn_file_actions_adddup2(&actions, pair[1], WORKER_FD), 0);
        assert_int_equal(posix_spawn(&pid, program_invocation_name, &actions, NULL, argv, environ), 0);
        assert_int_equal(posix_spawn_file_actions_destroy(&actions), 0);
        safe_close(pair[1]);
        assert_int_equal(fd_set_nonblock(pair[0], true), 0);
        *ret_fd = pair[0];
        return pid;
}

typedef struct Ledger {
        JobId ids[2000];
        unsigned taken[2000], acknowledged[2000];
        size_t n, n_acknowledged;
} Ledger;

static void read_notes(Ledger *l, int fd)
{
        Note n;

        while (read(fd, &n, sizeof(n)) == sizeof(n))
                for (size_t i = 0; i < l->n; i++) {
                        if (job_id_compare(&l->ids[i], &n.id) != 0)
                                continue;
                        if (n.acknowledged && l->acknowledged[i]++ == 0)
                                l->n_acknowledged++;
                        l->taken[i] += !n.acknowledged;
                        break;
                }
}

static void no_job_is_lost_when_a_worker_is_killed(void **state)
{
        int fds[3];
        pid_t pids[3] = { start_child(&fds[0]), start_child(&fds[1]), 0 };
        _cleanup_(api_freep) Api *api = api_new(*state);
        _cleanup_(freep) Ledger *l = new0(Ledger, 1);
        usec_t deadline = now_usec(CLOCK_MONOTONIC) + USEC_PER_MINUTE;
        int status;

        for (; l->n < ELEMENTSOF(l->ids); l->n++)
                l->ids[l->n] = publish(api, languages[l->n % 2], (JobPriority) (l->n % 3));
        while (l->n_acknowledged < 500) {
                assert_true(now_usec(CLOCK_MONOTONIC) < deadline);
                assert_true(sd_event_run(*state, USEC_PER_MSEC) >= 0);
                read_notes(l, fds[0]);
                read_notes(l, fds[1]);
        }

        assert_int_equal(kill(pids[0], SIGKILL), 0);
        assert_int_equal(waitpid(pids[0], &status, 0), pids[0]);
        read_notes(l, fds[0]);
        pids[2] = start_child(&fds[2]);
        while (l->n_acknowledged < l->n) {
                assert_true(now_usec(CLOCK_MONOTONIC) < deadline);
                assert_true(sd_event_run(*state, USEC_PER_MSEC) >= 0);
                read_notes(l, fds[1]);
                read_notes(l, fds[2]);
        }

        size_t n_again = 0;
        for (size_t i = 0; i < l->n; i++) {
                assert_true(l->acknowledged[i] >= 1);
                n_again += l->taken[i] > 1;
        }
        printf("%zu jobs, each acknowledged; %zu were taken again\n", l->n, n_again);
        assert_true(n_again <= 64);
        for (size_t i = 0; i < 3; i++)
                safe_close(fds[i]);
        for (size_t i = 1; i < 3; i++) {
                assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
                assert_int_equal(status, 0);
        }
        for (JobPriority p = 0; p < _JOB_PRIORITY_MAX; p++)
                loop_until(*state, depth(*state, api, "python", p) + depth(*state, api, "cobol", p) == 0);
}

/* Takes what there is and acknowledges it at once. */
typedef struct Drain {
        Worker *worker;
        size_t n_acknowledged;
        JobId ids[JOBS_MAX];             /* of the jobs that came, each once */
        size_t n_ids;
} Drain;

static void drain(Drain *d, unsigned room)
{
        for (; d->n_acknowledged < d->worker->n_taken; d->n_acknowledged++) {
                const Taken *t = &d->worker->taken[d->n_acknowledged];
                bool known = false;

                (void) queue_ack(d->worker->queue, t->tag);
                for (size_t i = 0; i < d->n_ids && !known; i++)
                        known = job_id_compare(&d->ids[i], &t->job.id) == 0;
                if (!known)
                        d->ids[d->n_ids++] = t->job.id;
        }
        queue_set_room(d->worker->queue, room);
}

static void nothing_is_lost_when_the_broker_restarts(void **state)
{
        _cleanup_(api_freep) Api *api = api_new(*state);
        _cleanup_(worker_freep) Worker *w = worker_new(*state);
        _cleanup_(freep) Drain *d = new0(Drain, 1);
        bool done;
        size_t n = 0;

        d->worker = w;
        broker_control_async(*state, &done, "stop");
        while (!done || api->ready) {
                if (n < 1500 && n < api->n_confirmed + 20) {
                        (void) publish(api, "python", JOB_PRIORITY_NORMAL);
                        n++;
                }
                drain(d, 2);
                assert_true(sd_event_run(*state, USEC_PER_MSEC) >= 0);
        }
        assert_true(*api->why);
        broker_control_async(*state, &done, "start");
        for (; n < 2000; n++)
                (void) publish(api, "python", JOB_PRIORITY_NORMAL);

        usec_t deadline = now_usec(CLOCK_MONOTONIC) + PATIENCE_USEC;
        while (d->n_ids < n || api->n_confirmed < n || !done) {
                assert_true(now_usec(CLOCK_MONOTONIC) < deadline);
                drain(d, 20);
                assert_true(sd_event_run(*state, 100 * USEC_PER_MSEC) >= 0);
        }
        assert_int_equal(api->n_failed, 0);
        printf("%zu jobs published, %zu deliveries\n", n, w->n_taken);

        /* What was published twice is still to come. */
        do
                drain(d, 20);
        while (depth(*state, api, "python", JOB_PRIORITY_NORMAL) > 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(int argc, char *argv[])
{
        const struct CMUnitTest tests[] = {
                TEST(no_job_is_lost_when_a_worker_is_killed),
                TEST(a_worker_takes_what_it_has_room_for_by_priority),
                TEST(an_idle_worker_hears_of_a_job_at_once),
                TEST(a_busy_worker_keeps_no_job_from_an_idle_one),
                TEST(what_is_handed_back_goes_to_another),
                TEST(an_unknown_language_is_refused_at_once),
                TEST(a_job_that_is_delivered_too_often_is_told_as_dead),
                TEST(output_of_watched_jobs_comes_in_order_and_once),
                TEST(a_second_attempt_is_followed_from_its_beginning),
                TEST(watching_goes_on_over_a_new_connection),
                TEST(cancel_and_stdin_reach_every_worker),
                TEST(nothing_is_lost_when_the_broker_restarts),
        };

        if (argc > 2 && streq(argv[1], WORKER_ARGUMENT)) {
                snprintf(vhost, sizeof(vhost), "%s", argv[2]);
                return run_child(WORKER_FD);
        }
        if (argc > 1)
                cmocka_set_test_filter(argv[1]);
        return cmocka_run_group_tests_name("queue", tests, make_vhosts, NULL);
}
