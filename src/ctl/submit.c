/* SPDX-License-Identifier: Apache-2.0 */
#include <getopt.h>
#include <stdio.h>

#include "basic/string-util.h"
#include "ctl/server.h"
#include "ctl/submission.h"
#include "ctl/view.h"

static int help(void)
{
        puts("rcectl submit [OPTIONS] FILE|- [-- ARGUMENT...]\n\n"
             "Sends a program to the server and prints the id of its job, once that is stored: it will be run.\n\n"
             "Options:\n" JOB_OPTIONS_HELP
             "  -k, --key STRING        Your own name for this submission: sent again within a day, it is the same\n"
             "                          job and no other\n"
             "  -j, --json              The server's answer\n" SERVER_HELP "\n"
             "Examples:\n"
             "  rcectl submit --priority low --tag course=7 hello.py\n"
             "  job=$(rcectl submit hello.py) && rcectl logs -f $job && rcectl status $job");
        return CTL_EXIT_OK;
}

/* Returns -1 to go on, else the exit code. */
static int parse_argv(int argc, char **argv, JobOptions *o, const char **ret_key)
{
        static const struct option options[] = {
                JOB_OPTIONS_LONG,
                { "key", required_argument, NULL, 'k' },
                SERVER_OPTIONS_LONG,
        };

        for (int c; (c = getopt_long(argc, argv, "k:" JOB_OPTIONS_SHORT SERVER_OPTIONS_SHORT, options, NULL)) >= 0;) {
                if (c == 'k') {
                        *ret_key = optarg;
                        continue;
                }
                int r = job_options_take(o, "submit", c);
                if (r == CTL_OTHER_OPTION)
                        r = server_option(c, "submit", help);
                if (r >= 0)
                        return r;
        }
        return job_options_operands(o, "submit", argc, argv);
}

static int print_id(struct json_object *ticket, const void *userdata)
{
        const char *id = view_string(ticket, "id");

        return puts(id ? id : "") < 0 ? -EIO : 0;
}

static int submit(const JobOptions *o, const char *key, Fault *reterr_fault)
{
        _cleanup_(submission_done) Submission submission = { .spec = JOB_SPEC_DEFAULT };
        _cleanup_(client_freep) Client *client = NULL;
        _cleanup_(answer_done) Answer answer = { 0 };
        const bool never = false;
        sd_event *event = NULL;
        int r;

        if ((r = submission_read(o, &submission, reterr_fault)) < 0 || (r = sd_event_new(&event)) < 0)
                return r;
        r = server_open(event, &client, reterr_fault);
        if (r >= 0)
                r = submission_send(client, &submission, key, &never, &answer);
        sd_event_unref(event);
        if (r < 0)
                return r;
        return answer_ok(&answer) ? view_print(answer.document, print_id, NULL) : server_report(&answer, o->file);
}

int verb_submit(int argc, char **argv)
{
        _cleanup_(job_options_done) JobOptions options = { 0 };
        _cleanup_(fault_done) Fault fault = { 0 };
        const char *key = NULL;

        int r = parse_argv(argc, argv, &options, &key);
        if (r < 0)
                r = submit(&options, key, &fault);
        return r < 0 ? ctl_report(r, &fault, options.file) : r;
}
