/* SPDX-License-Identifier: Apache-2.0 */
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>

#include "basic/parse-util.h"
#include "basic/string-util.h"
#include "client/client-request.h"
#include "ctl/server.h"
#include "ctl/view.h"
#include "shared/json-util.h"

/* Of one answer of the server. */
#define PAGE_MAX 1000

typedef struct ListOptions {
        const char *state, *language, *tag;
        uint64_t number;
} ListOptions;

static int help(void)
{
        puts("rcectl list [OPTIONS]\n\n"
             "Lists jobs, the newest first.\n\n"
             "Options:\n"
             "      --state STATE       Only those that are queued, running, finished or cancelled\n"
             "  -l, --language NAME     Only those of a language\n"
             "      --tag NAME=VALUE    Only those with this tag\n"
             "  -n, --number N          So many at most; 20 unless told\n"
             "  -j, --json              An array with one object a job\n" SERVER_HELP "\n"
             "Examples:\n"
             "  rcectl list --state queued\n"
             "  rcectl list -n 1000 --tag course=7 --json");
        return CTL_EXIT_OK;
}

enum { OPTION_STATE = CTL_OPTION_COMMON, OPTION_TAG };

/* Returns -1 to go on, else the exit code. */
static int parse_argv(int argc, char **argv, ListOptions *o)
{
        static const struct option options[] = {
                { "state", required_argument, NULL, OPTION_STATE }, { "language", required_argument, NULL, 'l' },
                { "tag", required_argument, NULL, OPTION_TAG },     { "number", required_argument, NULL, 'n' },
                SERVER_OPTIONS_LONG,
        };
        int r;

        for (int c; (c = getopt_long(argc, argv, "l:n:" SERVER_OPTIONS_SHORT, options, NULL)) >= 0;)
                switch (c) {
                case OPTION_STATE:
                        if (job_state_from_string(optarg) < 0)
                                return ctl_usage("list", "--state is queued, running, finished or cancelled");
                        o->state = optarg;
                        break;
                case OPTION_TAG:
                        if (!strchr(optarg, '=') || *optarg == '=')
                                return ctl_usage("list", "--tag is NAME=VALUE, not '%s'", optarg);
                        o->tag = optarg;
                        break;
                case 'l':
                        o->language = optarg;
                        break;
                case 'n':
                        if (parse_uint64(optarg, &o->number) < 0 || o->number == 0)
                                return ctl_usage("list", "--number is a number from 1 on, not '%s'", optarg);
                        break;
                default:
                        r = server_option(c, "list", help);
                        if (r >= 0)
                                return r;
                }
        return optind < argc ? ctl_usage("list", "there is nothing to be said but options") : -1;
}

static int page_path(const ListOptions *o, uint64_t n, const char *cursor, char **ret)
{
        _cleanup_(buffer_done) Buffer b = { 0 };
        char limit[24];
        int r;

        (void) snprintf(limit, sizeof(limit), "%" PRIu64, MIN(n, (uint64_t) PAGE_MAX));
        if ((r = buffer_append_string(&b, "/v1/jobs")) < 0 || (r = client_query_add(&b, "limit", limit)) < 0 ||
            (r = client_query_add(&b, "state", o->state)) < 0 || (r = client_query_add(&b, "tag", o->tag)) < 0 ||
            (r = client_query_add(&b, "language", o->language)) < 0 || (r = client_query_add(&b, "cursor", cursor)) < 0)
                return r;
        *ret = buffer_take(&b);
        return *ret ? 0 : -ENOMEM;
}

/* Page after page. 0, or the exit code. */
static int collect(const ListOptions *o, struct json_object *jobs)
{
        _cleanup_(freep) char *cursor = NULL;
        int r;

        do {
                _cleanup_(json_putp) struct json_object *page = NULL;
                _cleanup_(freep) char *path = NULL;
                struct json_object *more;

                r = page_path(o, o->number - json_object_array_length(jobs), cursor, &path);
                if (r >= 0)
                        r = server_ask(HTTP_GET, path, NULL, &page);
                if (r != 0)
                        return r;
                if (!json_object_object_get_ex(page, "jobs", &more) || !json_object_is_type(more, json_type_array))
                        return -EBADMSG;
                for (size_t i = 0; i < json_object_array_length(more) && r >= 0; i++)
                        r = json_array_append(jobs, json_object_get(json_object_array_get_idx(more, i)));
                if (r >= 0)
                        r = free_and_strdup(&cursor, view_string(page, "next_cursor"));
        } while (r >= 0 && cursor && json_object_array_length(jobs) < o->number);
        return r;
}

static int print_jobs(struct json_object *jobs, const void *userdata)
{
        static const Column columns[] = {
                { "id", "JOB" },           { "state", "STATE" },       { "verdict", "VERDICT" },
                { "language", "LANGUAGE" }, { "priority", "PRIORITY" }, { "created_at", "CREATED" },
        };

        return view_table(jobs, columns, ELEMENTSOF(columns));
}

int verb_list(int argc, char **argv)
{
        _cleanup_(json_putp) struct json_object *jobs = NULL;
        ListOptions options = { .number = 20 };

        int r = parse_argv(argc, argv, &options);
        if (r >= 0)
                return r;
        jobs = json_object_new_array();
        r = jobs ? collect(&options, jobs) : -ENOMEM;
        if (r == 0)
                r = view_print(jobs, print_jobs, NULL);
        return r < 0 ? ctl_report(r, NULL, NULL) : r;
}
