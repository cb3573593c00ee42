/* SPDX-License-Identifier: Apache-2.0 */
/* rcectl run: one program, its output live; by a server, or here. */
#include "ctl/run.h"

#include <getopt.h>
#include <signal.h>
#include <stdio.h>

#include "basic/string-util.h"
#include "ctl/server.h"
#include "ctl/watch.h"

typedef struct RunOptions {
        JobOptions job;
        bool local, watch;
} RunOptions;

static int help(void)
{
        puts("rcectl run [OPTIONS] FILE|- [-- ARGUMENT...]\n\n"
             "Sends a program to the server, to be run in a sandbox of its own, and shows what it prints while\n"
             "it does; then a line about how it ended. Its exit code becomes rcectl's. Ctrl-C cancels it.\n\n"
             "Options:\n" JOB_OPTIONS_HELP
             "      --local             Run it on this host, without a server; --lint may ask for less then, and a\n"
             "                          terminal is the program's standard input too\n"
             "  -w, --watch             Run it again whenever the file changes, until Ctrl-C\n"
             "  -j, --json              One JSON document with everything, when it has ended\n" SERVER_HELP "\n"
             "Examples:\n"
             "  rcectl run hello.py\n"
             "  rcectl run --time 2s --memory 64M --stdin input.txt solution.py\n"
             "  echo 'print(6 * 7)' | rcectl run --language python -\n"
             "  rcectl run --language datascience --json analysis.py -- --fast\n"
             "  rcectl run --local hello.py");
        return CTL_EXIT_OK;
}

enum { OPTION_LOCAL = CTL_OPTION_COMMON };

/* Returns -1 to go on, else the exit code. */
static int parse_argv(int argc, char **argv, RunOptions *o)
{
        static const struct option options[] = {
                JOB_OPTIONS_LONG,
                { "local", no_argument, NULL, OPTION_LOCAL },
                { "watch", no_argument, NULL, 'w' },
                SERVER_OPTIONS_LONG,
        };
        int r;

        for (int c; (c = getopt_long(argc, argv, "w" JOB_OPTIONS_SHORT SERVER_OPTIONS_SHORT, options, NULL)) >= 0;)
                switch (c) {
                case 'w':
                        o->watch = true;
                        break;
                case OPTION_LOCAL:
                        o->local = true;
                        break;
                default:
                        r = job_options_take(&o->job, "run", c);
                        if (r == CTL_OTHER_OPTION)
                                r = server_option(c, "run", help);
                        if (r >= 0)
                                return r;
                }

        r = job_options_operands(&o->job, "run", argc, argv);
        if (r < 0 && o->local && (arg_server || arg_token_file || o->job.priority || o->job.tags))
                return ctl_usage("run", "--server, --token-file, --priority and --tag are not for --local");
        return r;
}

/* The command line of a single run with these options. */
static int single_run(const RunOptions *o, char ***ret)
{
        _cleanup_(strv_freep) char **argv = NULL;
        int r;

        if ((r = strv_extend(&argv, "rcectl")) < 0 || (r = strv_extend(&argv, "run")) < 0 ||
            (o->local && (r = strv_extend(&argv, "--local")) < 0) ||
            (arg_quiet && (r = strv_extend(&argv, "--quiet")) < 0) ||
            (arg_json && (r = strv_extend(&argv, "--json")) < 0) ||
            (arg_server && (r = strv_extendf(&argv, "--server=%s", arg_server)) < 0) ||
            (arg_token_file && (r = strv_extendf(&argv, "--token-file=%s", arg_token_file)) < 0) ||
            (r = job_options_unparse(&o->job, &argv)) < 0)
                return r;
        *ret = TAKE_PTR(argv);
        return 0;
}

static int run_whenever_changed(const RunOptions *o)
{
        _cleanup_(strv_freep) char **argv = NULL;

        if (streq(o->job.file, "-"))
                return ctl_usage("run", "standard input cannot be watched");

        int r = single_run(o, &argv);
        return r < 0 ? r : watch_and_run(o->job.file, argv);
}

int run_event_new(sd_event_signal_handler_t on_signal, void *userdata, sd_event **ret)
{
        static const int signals[] = { SIGINT, SIGTERM, SIGHUP };
        sd_event *event = NULL;
        sigset_t set;

        (void) signal(SIGPIPE, SIG_IGN);
        (void) sigemptyset(&set);
        for (size_t i = 0; i < ELEMENTSOF(signals); i++)
                (void) sigaddset(&set, signals[i]);
        if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
                return -errno;

        int r = sd_event_new(&event);
        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(signals); i++)
                r = sd_event_add_signal(event, NULL, signals[i], on_signal, userdata);
        if (r < 0) {
                sd_event_unref(event);
                return r;
        }
        *ret = event;
        return 0;
}

static int run_once(const RunOptions *o, Fault *reterr_fault)
{
        return o->local ? run_here(&o->job, reterr_fault) : run_on_server(&o->job, reterr_fault);
}

int verb_run(int argc, char **argv)
{
        RunOptions options = { 0 };
        _cleanup_(fault_done) Fault fault = { 0 };

        int r = parse_argv(argc, argv, &options);
        if (r < 0)
                r = options.watch ? run_whenever_changed(&options) : run_once(&options, &fault);
        if (r < 0)
                r = ctl_report(r, &fault, options.job.file);
        job_options_done(&options.job);
        return r;
}
