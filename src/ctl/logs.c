/* SPDX-License-Identifier: Apache-2.0 */
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "basic/fd-util.h"
#include "basic/log.h"
#include "basic/string-util.h"
#include "client/follow.h"
#include "ctl/server.h"
#include "shared/json-util.h"

#define PATIENCE_USEC (2 * USEC_PER_MINUTE)

typedef struct Logs {
        sd_event *event;
        Client *client;
        Follow *follow;
        char job[JOB_ID_TEXT_MAX];
        bool wait;                       /* --follow */
        unsigned attempt;
        int exit_code;                   /* or a negative errno */
} Logs;

static void logs_done(Logs *l)
{
        follow_free(l->follow);
        client_free(l->client);
        sd_event_unref(l->event);
}

static int help(void)
{
        puts("rcectl logs [OPTIONS] JOB\n\n"
             "Prints what a finished job has printed, each of the two streams to its own; with --follow that of\n"
             "any job, from its first byte on, until it ends. Ctrl-C leaves the job alone.\n\n"
             "Options:\n"
             "  -f, --follow            Wait for the end of the job, and show what it prints meanwhile\n"
             "  -j, --json              What happens to it, one JSON object a line\n" SERVER_HELP "\n"
             "Examples:\n"
             "  rcectl logs -f 01890a5d-ac96-774b-bcce-b302099a8057");
        return CTL_EXIT_OK;
}

/* Returns -1 to go on, else the exit code. */
static int parse_argv(int argc, char **argv, Logs *l)
{
        static const struct option options[] = { { "follow", no_argument, NULL, 'f' }, SERVER_OPTIONS_LONG };
        int r;

        for (int c; (c = getopt_long(argc, argv, "f" SERVER_OPTIONS_SHORT, options, NULL)) >= 0;)
                if (c == 'f')
                        l->wait = true;
                else if ((r = server_option(c, "logs", help)) >= 0)
                        return r;
        if (optind != argc - 1)
                return ctl_usage("logs", "which job? One id, as `rcectl submit` prints it");
        return server_job_id("logs", argv[optind], l->job);
}

static void leave(Logs *l, int code)
{
        if (l->exit_code == 0)
                l->exit_code = code;
        (void) sd_event_exit(l->event, 0);
}

static void take_state(Logs *l, const JobEvent *event)
{
        if (!l->wait && event->state != JOB_STATE_FINISHED && event->state != JOB_STATE_CANCELLED) {
                log_error("Job %s is %s; --follow shows what it prints", l->job, job_state_to_string(event->state));
                leave(l, CTL_EXIT_FOUND);
        }
        if (event->attempt > l->attempt && l->attempt > 0)
                ctl_progress("Its worker failed or was lost; the job begins anew, and so does what it prints.");
        l->attempt = MAX(l->attempt, event->attempt);
}

static void on_event(const JobEvent *event, void *userdata)
{
        int fd = event->type == JOB_EVENT_STDOUT ? STDOUT_FILENO : STDERR_FILENO, r = 0;
        Logs *l = userdata;

        if (l->exit_code != 0)
                return;
        if (event->type == JOB_EVENT_STATE)
                take_state(l, event);
        if (arg_json && l->exit_code == 0)
                r = json_print(event->document, false);
        else if (event->type == JOB_EVENT_STDOUT || event->type == JOB_EVENT_STDERR)
                r = write_full(fd, event->data, event->size);
        if (r < 0)
                leave(l, r);
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
        Logs *l = userdata;

        leave(l, problem ? server_report(problem, l->job) : 0);
}

static int show(Logs *l, Fault *reterr_fault)
{
        const FollowParams params = {
                .job = l->job,
                .patience_usec = PATIENCE_USEC,
                .on_event = on_event,
                .on_trouble = on_trouble,
                .on_end = on_end,
                .userdata = l,
        };
        int r;

        if ((r = sd_event_new(&l->event)) < 0 || (r = server_open(l->event, &l->client, reterr_fault)) < 0 ||
            (r = follow_new(l->client, &params, &l->follow)) < 0 || (r = sd_event_loop(l->event)) < 0)
                return r;
        return l->exit_code;
}

int verb_logs(int argc, char **argv)
{
        _cleanup_(fault_done) Fault fault = { 0 };
        _cleanup_(logs_done) Logs logs = { 0 };

        int r = parse_argv(argc, argv, &logs);
        if (r >= 0)
                return r;
        r = show(&logs, &fault);

        /* Nobody reads it any more, which any other program in a pipe would have died of. */
        if (r == -EPIPE)
                return CTL_EXIT_SIGNAL + SIGPIPE;
        return r < 0 ? ctl_report(r, &fault, NULL) : r;
}
