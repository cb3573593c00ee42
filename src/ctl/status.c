/* SPDX-License-Identifier: Apache-2.0 */
#include <getopt.h>
#include <stdio.h>
#include <unistd.h>

#include "basic/string-util.h"
#include "ctl/result-view.h"
#include "ctl/server.h"
#include "ctl/view.h"
#include "shared/json-util.h"

static int help(void)
{
        puts("rcectl status [OPTIONS] JOB\n\n"
             "Says how a job is: whether it waits, runs or is finished, and how it ended.\n\n"
             "Options:\n"
             "  -j, --json              The job's document, its output included\n" SERVER_HELP "\n"
             "Examples:\n"
             "  rcectl status 01890a5d-ac96-774b-bcce-b302099a8057\n"
             "  rcectl status --json 01890a5d-ac96-774b-bcce-b302099a8057 | jq -r .verdict");
        return CTL_EXIT_OK;
}

/* Returns -1 to go on, else the exit code. */
static int parse_argv(int argc, char **argv, char ret_id[static JOB_ID_TEXT_MAX])
{
        static const struct option options[] = { SERVER_OPTIONS_LONG };

        for (int c; (c = getopt_long(argc, argv, SERVER_OPTIONS_SHORT, options, NULL)) >= 0;) {
                int r = server_option(c, "status", help);
                if (r >= 0)
                        return r;
        }
        if (optind != argc - 1)
                return ctl_usage("status", "which job? One id, as `rcectl submit` prints it");
        return server_job_id("status", argv[optind], ret_id);
}

static int print_result(struct json_object *job)
{
        JobResult result = { 0 };
        _cleanup_(freep) char *line = NULL;

        int r = result_from_json(job, &result);
        if (r >= 0) {
                line = result_format(&result, ctl_colour(STDOUT_FILENO));
                r = line && printf("%-10s %s\n", "verdict", line) >= 0 ? 0 : -ENOMEM;
        }
        job_result_done(&result);
        return r == -EBADMSG ? 0 : r;
}

static int print_line(const char *title, const char *value)
{
        _cleanup_(freep) char *safe = isempty(value) ? strdup("-") : string_escape(value, strlen(value));

        if (!safe)
                return -ENOMEM;
        printf("%-10s %s\n", title, safe);
        return 0;
}

/* "course=7 week=2" */
static int print_tags(struct json_object *job)
{
        _cleanup_(buffer_done) Buffer b = { 0 };
        struct json_object *tags;
        int r;

        if (json_object_object_get_ex(job, "tags", &tags) && json_object_is_type(tags, json_type_object)) {
                json_object_object_foreach(tags, name, value) {
                        r = buffer_printf(&b, "%s%s=%s", b.size > 0 ? " " : "", name, json_object_get_string(value));
                        if (r < 0)
                                return r;
                }
        }
        return print_line("tags", b.data);
}

static int print_status(struct json_object *job, const void *userdata)
{
        static const struct {
                const char *key, *title;
        } lines[] = {
                { "id", "job" },
                { "language", "language" },
                { "priority", "priority" },
                { "created_at", "created" },
                { "started_at", "started" },
                { "finished_at", "ended" },
                { "attempt", "attempt" },
                { "stdout_bytes", "stdout" },
                { "stderr_bytes", "stderr" },
        };
        int r = 0;

        for (size_t i = 0; i < ELEMENTSOF(lines) && r >= 0; i++)
                r = print_line(lines[i].title, view_string(job, lines[i].key));
        if (r >= 0)
                r = print_tags(job);
        if (r >= 0)
                r = print_line("state", view_string(job, "state"));
        return r < 0 ? r : print_result(job);
}

int verb_status(int argc, char **argv)
{
        _cleanup_(json_putp) struct json_object *job = NULL;
        _cleanup_(freep) char *path = NULL;
        char id[JOB_ID_TEXT_MAX];

        int r = parse_argv(argc, argv, id);
        if (r >= 0)
                return r;
        path = format_string("/v1/jobs/%s", id);
        r = path ? server_ask(HTTP_GET, path, id, &job) : -ENOMEM;
        if (r == 0)
                r = view_print(job, print_status, NULL);
        return r < 0 ? ctl_report(r, NULL, NULL) : r;
}
