/* SPDX-License-Identifier: Apache-2.0 */
/* rcectl run: one program, by a server. The job is submitted and then followed, so a connection that is lost, or a
 * server that is started anew, costs nothing but time. */
#include "ctl/run.h"

#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "basic/log.h"
#include "basic/string-util.h"
#include "client/follow.h"
#include "client/transcript.h"
#include "ctl/relay.h"
#include "ctl/result-view.h"
#include "ctl/server.h"
#include "ctl/submission.h"
#include "ctl/view.h"
#include "ctl/waiting.h"
#include "shared/json-util.h"

/* A job that has not begun by then is waiting, and people are told for what. */
#define WAIT_USEC (2 * USEC_PER_SEC)

/* How long the server may be away while a job is followed. */
#define PATIENCE_USEC (2 * USEC_PER_MINUTE)

enum { RUN_STDOUT, RUN_STDERR, _RUN_STREAM_MAX };

typedef struct Run {
        const JobOptions *options;
        sd_event *event;
        Client *client;
        Follow *follow;
        sd_event_source *wait_timer;
        char job[JOB_ID_TEXT_MAX];       /* empty until the server has it */

        Transcript transcripts[_RUN_STREAM_MAX];
        OutputRelay *output[_RUN_STREAM_MAX];
        unsigned attempt;

        struct json_object *result;      /* the job's document, when it has ended */
        Answer problem;                  /* or what kept us from seeing it */
        bool begun, followed, interrupted, cancelled;
        int exit_code;
} Run;

static void run_done(Run *r)
{
        follow_free(r->follow);
        client_free(r->client);
        for (size_t i = 0; i < _RUN_STREAM_MAX; i++) {
                output_relay_free(r->output[i]);
                transcript_done(&r->transcripts[i]);
        }
        sd_event_source_disable_unref(r->wait_timer);
        sd_event_unref(r->event);
        json_object_put(r->result);
        answer_done(&r->problem);
}

static void leave_if_done(Run *r)
{
        bool flushed = true;

        for (size_t i = 0; i < _RUN_STREAM_MAX; i++)
                flushed = flushed && (!r->output[i] || output_relay_idle(r->output[i]));
        if (r->followed && flushed)
                (void) sd_event_exit(r->event, 0);
}

/* --- cancelling ---------------------------------------------------------------------------------------------------- */

static void on_cancel(Answer *answer, void *userdata)
{
        const char *code = answer_code(answer);
        Run *r = userdata;

        /* How it ended will be told as all else is. */
        if (answer_ok(answer) || (code && streq(code, "job_finished")))
                return;
        (void) server_report(answer, "Failed to cancel the job");
        (void) sd_event_exit(r->event, 0);
}

static void cancel(Run *r)
{
        _cleanup_(freep) char *path = format_string("/v1/jobs/%s", r->job);
        const ClientCall call = { .method = HTTP_DELETE, .path = path };

        if (r->cancelled || r->followed)
                return;
        r->cancelled = true;
        if (!path || client_call(r->client, &call, on_cancel, r) < 0)
                (void) sd_event_exit(r->event, 0);
}

static int on_signal(sd_event_source *source, const struct signalfd_siginfo *info, void *userdata)
{
        Run *r = userdata;

        r->exit_code = CTL_EXIT_INTERRUPTED;

        /* Asked twice, we do not wait for the end of the job. */
        if (r->interrupted)
                return sd_event_exit(r->event, 0);

        r->interrupted = true;
        if (*r->job)
                cancel(r);
        return 0;
}

/* Nobody reads what it prints, so nobody needs it to run: what SIGPIPE is for. */
static void on_relay_change(void *userdata)
{
        Run *r = userdata;

        if (output_relay_broken(r->output[RUN_STDOUT])) {
                r->exit_code = RUN_EXIT_BROKEN_PIPE;
                cancel(r);
        }
        leave_if_done(r);
}

/* --- following ----------------------------------------------------------------------------------------------------- */

static int show(Run *r, const JobEvent *event)
{
        size_t stream = event->type == JOB_EVENT_STDOUT ? RUN_STDOUT : RUN_STDERR, size;
        Transcript *t = &r->transcripts[stream];
        const char *data;
        bool differs;

        if (!r->output[stream])
                return 0;
        int k = transcript_add(t, event->attempt, event->offset, event->data, event->size, &data, &size, &differs);
        if (k < 0)
                return k;
        if (differs)
                ctl_progress("It prints something else than before; here is all of it, from the beginning.");
        return output_relay_write(r->output[stream], data, size);
}

static void take_state(Run *r, const JobEvent *event)
{
        if (event->state != JOB_STATE_QUEUED)
                r->begun = true;
        if (event->state == JOB_STATE_RUNNING && event->attempt > 1 && event->attempt > r->attempt)
                ctl_progress("Its worker failed or was lost; the job begins anew, attempt %u.", event->attempt);
        r->attempt = MAX(r->attempt, event->attempt);
        for (size_t i = 0; i < _RUN_STREAM_MAX; i++)
                transcript_begin(&r->transcripts[i], event->attempt);
}

static void on_event(const JobEvent *event, void *userdata)
{
        Run *r = userdata;
        int k = 0;

        if (event->type == JOB_EVENT_STATE)
                take_state(r, event);
        else if (event->type == JOB_EVENT_EXIT)
                r->result = json_object_get(event->job);
        else
                k = show(r, event);
        if (k < 0) {
                (void) ctl_report(k, NULL, "Output");
                r->exit_code = CTL_EXIT_ENGINE;
                cancel(r);
        }
}

static void on_trouble(const char *why, void *userdata)
{
        if (why)
                ctl_progress("Lost the server: %s; trying again …", why);
        else
                ctl_progress("The server is back.");
}

static void on_end(const Answer *problem, void *userdata)
{
        Run *r = userdata;

        if (problem) {
                r->problem = (Answer){ .error = problem->error, .status = problem->status };
                r->problem.document = json_object_get(problem->document);
                (void) free_and_strdup(&r->problem.message, problem->message);
        }
        r->begun = r->followed = true;
        leave_if_done(r);
}

static int on_wait(sd_event_source *source, uint64_t usec, void *userdata)
{
        Run *r = userdata;

        return r->begun || arg_quiet ? 0 : waiting_tell(r->client, r->job, &r->begun);
}

static int follow(Run *r)
{
        static const int own[_RUN_STREAM_MAX] = { STDOUT_FILENO, STDERR_FILENO };
        const FollowParams params = {
                .job = r->job,
                .is_there = true,
                .patience_usec = PATIENCE_USEC,
                .on_event = on_event,
                .on_trouble = on_trouble,
                .on_end = on_end,
                .userdata = r,
        };
        int k;

        for (size_t i = 0; !arg_json && i < _RUN_STREAM_MAX; i++)
                if ((k = output_relay_new(r->event, own[i], on_relay_change, r, &r->output[i])) < 0)
                        return k;
        if ((k = sd_event_add_time_relative(r->event, &r->wait_timer, CLOCK_MONOTONIC, WAIT_USEC, 0, on_wait, r)) < 0 ||
            (k = follow_new(r->client, &params, &r->follow)) < 0)
                return k;
        if (r->interrupted)
                cancel(r);
        return sd_event_loop(r->event);
}

/* --- the end ------------------------------------------------------------------------------------------------------- */

/* Whole, with its output. Returns 0, or the exit code when that is not to be had. */
static int print_document(Run *r)
{
        _cleanup_(freep) char *path = format_string("/v1/jobs/%s", r->job);
        struct json_object *document;

        int k = path ? server_ask(HTTP_GET, path, r->options->file, &document) : -ENOMEM;
        if (k != 0)
                return k;
        k = json_print(document, true);
        json_object_put(document);
        return k;
}

static int print_end(const Run *r, const JobResult *result)
{
        size_t n_findings;
        bool more;
        int k;

        if (result->verdict == JOB_VERDICT_REJECTED) {
                k = result_print_findings(r->result, r->options->file, stderr, &n_findings, &more);
                if (k < 0)
                        return k;
                if (n_findings > 0) {
                        result_print_rejected(n_findings, more, r->job);
                        return 0;
                }
        }
        result_print(result, r->job);
        for (size_t i = 0; i < _RUN_STREAM_MAX; i++)
                if (!transcript_is_true(&r->transcripts[i]))
                        ctl_progress("What is shown above of %s has more than it printed in the end.",
                                     i == RUN_STDOUT ? "its output" : "its errors");
        return 0;
}

static int report_end(Run *r)
{
        JobResult result = { 0 };

        if (!r->followed) {     /* left in a hurry */
                log_warning("Job %s may still run; `rcectl status %s` knows", r->job, r->job);
                return r->exit_code > 0 ? r->exit_code : CTL_EXIT_ENGINE;
        }
        if (!r->result) {
                int code = server_report(&r->problem, r->options->file);

                if (!answer_code(&r->problem))
                        ctl_progress("Job %s goes on; `rcectl logs -f %s` follows it.", r->job, r->job);
                return code;
        }

        int k = result_from_json(r->result, &result);
        if (k >= 0)
                k = arg_json ? print_document(r) : print_end(r, &result);
        if (k == 0)
                k = r->exit_code > 0 ? r->exit_code : ctl_exit_of_result(&result);
        job_result_done(&result);
        return k;
}

/* Returns 0 once the job is there, or the exit code. */
static int submit(Run *r, Submission *submission)
{
        _cleanup_(answer_done) Answer answer = { 0 };

        int k = submission_send(r->client, submission, NULL, &r->interrupted, &answer);
        if (k == -ECANCELED)
                return CTL_EXIT_INTERRUPTED;
        if (k < 0)
                return k;
        if (!answer_ok(&answer))
                return server_report(&answer, r->options->file);

        const char *id = view_string(answer.document, "id");
        k = id ? server_job_id("run", id, r->job) : CTL_EXIT_ENGINE;
        return k < 0 ? 0 : k;
}

int run_on_server(const JobOptions *options, Fault *reterr_fault)
{
        _cleanup_(submission_done) Submission submission = { .spec = JOB_SPEC_DEFAULT };
        _cleanup_(run_done) Run run = { .options = options };
        int k;

        if ((k = submission_read(options, &submission, reterr_fault)) < 0 ||
            (k = run_event_new(on_signal, &run, &run.event)) < 0 ||
            (k = server_open(run.event, &run.client, reterr_fault)) < 0 || (k = submit(&run, &submission)) != 0)
                return k;
        k = follow(&run);
        return k < 0 ? k : report_end(&run);
}
