/* SPDX-License-Identifier: Apache-2.0 */
#include <getopt.h>
#include <stdio.h>
#include <unistd.h>

#include "basic/string-util.h"
#include "ctl/server.h"

typedef struct JournalOptions {
        char job[JOB_ID_TEXT_MAX];
        bool follow;
} JournalOptions;

static int help(void)
{
        puts("rcectl journal [OPTIONS] JOB [-- OPTION OF JOURNALCTL...]\n\n"
             "Shows what this host's journal has about a job, from its submission to its end: the API, the worker\n"
             "and its sandbox. On a host with none of them there is nothing.\n\n"
             "Options:\n"
             "  -f, --follow            Go on with what is still to come\n"
             "  -j, --json              One JSON object a line, with all fields\n" CTL_HELP_COMMON "\n"
             "Examples:\n"
             "  rcectl journal 01890a5d-ac96-774b-bcce-b302099a8057\n"
             "  rcectl journal 01890a5d-ac96-774b-bcce-b302099a8057 -- -o verbose");
        return CTL_EXIT_OK;
}

/* Returns -1 to go on, else the exit code. */
static int parse_argv(int argc, char **argv, JournalOptions *o)
{
        static const struct option options[] = {
                { "follow", no_argument, NULL, 'f' },
                { "json", no_argument, NULL, 'j' },
                { "quiet", no_argument, NULL, 'q' },
                { "help", no_argument, NULL, 'h' },
                { 0 },
        };

        for (int c; (c = getopt_long(argc, argv, "fjqh", options, NULL)) >= 0;)
                switch (c) {
                case 'f':
                        o->follow = true;
                        break;
                case 'j':
                        arg_json = true;
                        break;
                case 'q':
                        arg_quiet = true;
                        break;
                case 'h':
                        return help();
                default:
                        return ctl_usage("journal", NULL);
                }
        if (optind >= argc)
                return ctl_usage("journal", "which job? One id, as `rcectl submit` prints it");
        return server_job_id("journal", argv[optind++], o->job);
}

static int show(const JournalOptions *o, char *const *more)
{
        _cleanup_(strv_freep) char **argv = NULL;
        int r;

        if ((r = strv_extend(&argv, "journalctl")) < 0 || (r = strv_extendf(&argv, "RCE_JOB_ID=%s", o->job)) < 0 ||
            (o->follow && (r = strv_extend(&argv, "--follow")) < 0) ||
            (arg_quiet && (r = strv_extend(&argv, "--quiet")) < 0) ||
            (arg_json && (r = strv_extend(&argv, "--output=json")) < 0))
                return r;
        STRV_FOREACH (s, more)
                if ((r = strv_extend(&argv, *s)) < 0)
                        return r;
        (void) execvp("journalctl", argv);
        return -errno;
}

int verb_journal(int argc, char **argv)
{
        JournalOptions options = { 0 };

        int r = parse_argv(argc, argv, &options);
        if (r >= 0)
                return r;
        return ctl_report(show(&options, argv + optind), NULL, "journalctl");
}
