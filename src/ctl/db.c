/* SPDX-License-Identifier: Apache-2.0 */
#include <getopt.h>
#include <stdio.h>

#include "basic/string-util.h"
#include "build-config.h"
#include "ctl/ctl.h"
#include "ctl/view.h"
#include "shared/json-util.h"
#include "store/migrate.h"

#define OPTION_SCHEMA (CTL_OPTION_COMMON + 1)

static const char *arg_database = NULL;
static const char *arg_schema = RCE_DATA_DIR "/schema";

static int help(void)
{
        puts("rcectl db [OPTIONS] migrate\n"
             "rcectl db [OPTIONS] status\n\n"
             "The database's schema. `migrate` brings it up to date, and does nothing if it is; it has to be\n"
             "run by a superuser of PostgreSQL, which is the Unix user postgres as a rule. `status` says which\n"
             "version the database has and which is needed.\n\n"
             "Options:\n"
             "  -d, --database CONNINFO Where it is, otherwise Connection= in rce.conf says\n"
             "      --schema DIRECTORY  Where the migrations are, otherwise " RCE_DATA_DIR "/schema\n"
             "  -j, --json              Print JSON (status)\n" CTL_HELP_COMMON "\n"
             "Examples:\n"
             "  runuser -u postgres -- rcectl db migrate\n"
             "  rcectl db status --database 'host=db.example.org dbname=rce user=admin'");
        return CTL_EXIT_OK;
}

static void on_applied(const Migration *migration, void *userdata)
{
        ctl_progress("Applied %s.", migration->name);
}

static int migrate(Fault *reterr_fault)
{
        _cleanup_(schema_done) Schema schema = { 0 };

        int r = schema_load(arg_schema, &schema, reterr_fault);
        if (r >= 0)
                r = schema_migrate(&schema, arg_database, NULL, on_applied, NULL, reterr_fault);
        if (r >= 0)
                ctl_progress("The database has version %i of the schema.", STORE_SCHEMA_VERSION);
        return r;
}

static int print_status(struct json_object *data, const void *userdata)
{
        const unsigned *version = userdata;

        printf("The database has version %u of the schema, %i is needed: %s.\n", *version, STORE_SCHEMA_VERSION,
               *version == STORE_SCHEMA_VERSION  ? "it is up to date"
               : *version < STORE_SCHEMA_VERSION ? "run `rcectl db migrate`"
                                                 : "this program is too old for it");
        return 0;
}

static int status(Fault *reterr_fault)
{
        _cleanup_(json_putp) struct json_object *o = json_object_new_object();
        unsigned version;
        int r;

        if (!o)
                return -ENOMEM;
        if ((r = schema_version(arg_database, NULL, &version, reterr_fault)) < 0 ||
            (r = json_add_uint(o, "version", version)) < 0 || (r = json_add_uint(o, "needed", STORE_SCHEMA_VERSION)) < 0 ||
            (r = json_add_bool(o, "current", version == STORE_SCHEMA_VERSION)) < 0)
                return r;
        return view_print(o, print_status, &version);
}

/* Returns -1 to go on, else the exit code. */
static int parse_argv(int argc, char **argv)
{
        static const struct option options[] = {
                { "database", required_argument, NULL, 'd' }, { "schema", required_argument, NULL, OPTION_SCHEMA },
                { "json", no_argument, NULL, 'j' },           { "quiet", no_argument, NULL, 'q' },
                { "help", no_argument, NULL, 'h' },           { 0 },
        };

        for (int c; (c = getopt_long(argc, argv, "d:jqh", options, NULL)) >= 0;)
                switch (c) {
                case 'd':
                        arg_database = optarg;
                        break;
                case OPTION_SCHEMA:
                        arg_schema = optarg;
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
                        return ctl_usage("db", NULL);
                }
        return -1;
}

int verb_db(int argc, char **argv)
{
        _cleanup_(fault_done) Fault fault = { 0 };
        const Config *config;

        int r = parse_argv(argc, argv);
        if (r >= 0)
                return r;

        const char *what = optind == argc - 1 ? argv[optind] : "";
        if (!streq(what, "migrate") && !streq(what, "status"))
                return ctl_usage("db", "it is either `migrate` or `status`");

        if (!arg_database) {
                r = ctl_config(&config, &fault);
                if (r < 0)
                        return ctl_report(r, &fault, NULL);
                arg_database = config->database;
        }

        r = streq(what, "migrate") ? migrate(&fault) : status(&fault);
        return r < 0 ? ctl_report(r, &fault, NULL) : CTL_EXIT_OK;
}
