/* SPDX-License-Identifier: Apache-2.0 */
/* rcectl workers, rcectl queue: one question to the server, one table. */
#include <getopt.h>
#include <stdio.h>

#include "ctl/server.h"
#include "ctl/view.h"
#include "shared/json-util.h"

static int workers_help(void)
{
        puts("rcectl workers [OPTIONS]\n\n"
             "Lists the workers that were seen within a day: where they are, how much they do, what they can.\n\n"
             "Options:\n"
             "  -j, --json              An array with one object a worker\n" SERVER_HELP "\n"
             "Examples:\n"
             "  rcectl workers");
        return CTL_EXIT_OK;
}

static int print_workers(struct json_object *workers, const void *userdata)
{
        static const Column columns[] = {
                { "host", "HOST" },       { "name", "WORKER" },     { "alive", "ALIVE" },   { "slots", "SLOTS" },
                { "running", "RUNNING" }, { "version", "VERSION" }, { "seen_at", "SEEN" }, { "languages", "LANGUAGES" },
        };

        return view_table(workers, columns, ELEMENTSOF(columns));
}

static int queue_help(void)
{
        puts("rcectl queue [OPTIONS]\n\n"
             "Says how many jobs wait and run, by language and priority, and since when the oldest of them\n"
             "is there.\n\n"
             "Options:\n"
             "  -j, --json              An array with one object for each language, priority and state\n" SERVER_HELP "\n"
             "Examples:\n"
             "  rcectl queue");
        return CTL_EXIT_OK;
}

static int print_queue(struct json_object *queue, const void *userdata)
{
        static const Column columns[] = {
                { "language", "LANGUAGE" }, { "priority", "PRIORITY" }, { "state", "STATE" },
                { "jobs", "JOBS" },         { "oldest_at", "OLDEST" },
        };

        return view_table(queue, columns, ELEMENTSOF(columns));
}

typedef struct Table {
        const char *verb, *path, *member;
        int (*help)(void);
        int (*print)(struct json_object *rows, const void *userdata);
} Table;

static int show(const Table *table, int argc, char **argv)
{
        static const struct option options[] = { SERVER_OPTIONS_LONG };
        _cleanup_(json_putp) struct json_object *answer = NULL;
        struct json_object *rows;
        int r;

        for (int c; (c = getopt_long(argc, argv, SERVER_OPTIONS_SHORT, options, NULL)) >= 0;)
                if ((r = server_option(c, table->verb, table->help)) >= 0)
                        return r;
        if (optind < argc)
                return ctl_usage(table->verb, "there is nothing to be said but options");

        r = server_ask(HTTP_GET, table->path, NULL, &answer);
        if (r == 0 && json_object_object_get_ex(answer, table->member, &rows) && json_object_is_type(rows, json_type_array))
                r = view_print(rows, table->print, NULL);
        else if (r == 0)
                r = -EBADMSG;
        return r < 0 ? ctl_report(r, NULL, NULL) : r;
}

int verb_workers(int argc, char **argv)
{
        static const Table table = { "workers", "/v1/workers", "workers", workers_help, print_workers };

        return show(&table, argc, argv);
}

int verb_queue(int argc, char **argv)
{
        static const Table table = { "queue", "/v1/queue", "queue", queue_help, print_queue };

        return show(&table, argc, argv);
}
