/* SPDX-License-Identifier: Apache-2.0 */
#include <getopt.h>
#include <stdio.h>

#include "basic/string-util.h"
#include "ctl/server.h"
#include "ctl/view.h"
#include "shared/json-util.h"

static int help(void)
{
        puts("rcectl cancel [OPTIONS] JOB...\n\n"
             "Cancels jobs. One that waits is not run; one that runs is stopped, and what it has printed is kept.\n\n"
             "Options:\n"
             "  -j, --json              An array with the server's answers\n" SERVER_HELP "\n"
             "Examples:\n"
             "  rcectl cancel 01890a5d-ac96-774b-bcce-b302099a8057\n"
             "  rcectl list --state queued --tag course=7 --json | jq -r .[].id | xargs rcectl cancel");
        return CTL_EXIT_OK;
}

/* Returns -1 to go on, else the exit code. */
static int parse_argv(int argc, char **argv)
{
        static const struct option options[] = { SERVER_OPTIONS_LONG };
        char id[JOB_ID_TEXT_MAX];
        int r;

        for (int c; (c = getopt_long(argc, argv, SERVER_OPTIONS_SHORT, options, NULL)) >= 0;)
                if ((r = server_option(c, "cancel", help)) >= 0)
                        return r;
        if (optind >= argc)
                return ctl_usage("cancel", "which jobs? Their ids, as `rcectl submit` prints them");
        for (int i = optind; i < argc; i++)
                if ((r = server_job_id("cancel", argv[i], id)) >= 0)
                        return r;
        return -1;
}

/* 0, or the exit code. */
static int cancel(const char *text, struct json_object *tickets)
{
        _cleanup_(json_putp) struct json_object *ticket = NULL;
        char id[JOB_ID_TEXT_MAX];

        (void) server_job_id("cancel", text, id);
        _cleanup_(freep) char *path = format_string("/v1/jobs/%s", id);
        int r = path ? server_ask(HTTP_DELETE, path, id, &ticket) : -ENOMEM;
        if (r != 0)
                return r;

        const char *state = view_string(ticket, "state");
        if (state && streq(state, "running"))
                ctl_progress("%s is being stopped.", id);
        else
                ctl_progress("%s is cancelled.", id);
        return json_array_append(tickets, TAKE_PTR(ticket));
}

int verb_cancel(int argc, char **argv)
{
        _cleanup_(json_putp) struct json_object *tickets = NULL;
        int r, code = 0;

        r = parse_argv(argc, argv);
        if (r >= 0)
                return r;
        tickets = json_object_new_array();
        if (!tickets)
                return ctl_report(-ENOMEM, NULL, NULL);

        /* One that cannot be cancelled keeps none of the others from it. */
        for (int i = optind; i < argc; i++) {
                r = cancel(argv[i], tickets);
                if (r < 0)
                        return ctl_report(r, NULL, argv[i]);
                code = MAX(code, r);
        }
        r = arg_json ? json_print(tickets, true) : 0;
        return r < 0 ? ctl_report(r, NULL, NULL) : code;
}
