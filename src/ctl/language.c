/* SPDX-License-Identifier: Apache-2.0 */
#include "language/language.h"

#include <getopt.h>
#include <stdio.h>
#include <unistd.h>

#include "basic/fd-util.h"
#include "basic/log.h"
#include "basic/string-util.h"
#include "ctl/ctl.h"
#include "ctl/identity.h"
#include "ctl/podman.h"
#include "ctl/view.h"
#include "sandbox/quadlet.h"
#include "shared/json-util.h"

static bool arg_names = false;

static int help(void)
{
        puts("rcectl language [OPTIONS] list\n"
             "rcectl language [OPTIONS] show NAME\n\n"
             "The languages programs can be in. Each is one file, in /etc/rce/languages or, for those that\n"
             "are shipped, /usr/share/rce/languages. `show` prints the file and the service Podman makes\n"
             "of it, which is what will run.\n\n"
             "Options of list:\n"
             "      --names             Only names and aliases of those that work, one a line\n"
             "  -j, --json              Print JSON\n\n"
             "Options:\n" CTL_HELP_COMMON "\n"
             "Examples:\n"
             "  rcectl language list\n"
             "  rcectl language show python\n"
             "  rcectl language list --json | jq '.[] | select(.broken) | .path'");
        return CTL_EXIT_OK;
}

static int print_names(const LanguageRegistry *registry)
{
        for (size_t i = 0; i < registry->n_languages; i++) {
                const Language *l = registry->languages[i];

                if (l->broken.detail)
                        continue;
                puts(l->name);
                STRV_FOREACH(alias, l->aliases)
                        puts(*alias);
        }
        return CTL_EXIT_OK;
}

/* Whether podman has it, as far as podman can be asked at all: a list of languages is no reason to complain. */
static struct json_object *image_presence(const char *image, bool podman)
{
        _cleanup_(fault_done) Fault fault = { 0 };
        int r = podman ? podman_image_find(image, NULL, &fault) : -ENOENT;

        return r < 0 ? NULL : json_object_new_boolean(r > 0);
}

static int add_aliases(struct json_object *row, const Language *l)
{
        struct json_object *aliases = json_object_new_array();

        int r = json_add(row, "aliases", aliases);
        STRV_FOREACH(alias, l->aliases)
                if (r >= 0)
                        r = json_array_append(aliases, json_object_new_string(*alias));
        return r;
}

static int add_language(struct json_object *rows, const Language *l, bool podman)
{
        _cleanup_(json_putp) struct json_object *row = json_object_new_object();
        bool works = !l->broken.detail;

        if (!row)
                return -ENOMEM;

        int r = json_add_string(row, "name", l->name);
        if (r >= 0)
                r = json_add_string(row, "version", l->version);
        if (r >= 0)
                r = add_aliases(row, l);
        if (r >= 0)
                r = json_add_string(row, "isolation", works ? isolation_to_string(l->isolation) : NULL);
        if (r >= 0)
                r = json_add_string(row, "image", l->image);
        if (r >= 0 && json_object_object_add(row, "image_present", works ? image_presence(l->image, podman) : NULL) < 0)
                r = -ENOMEM;
        if (r >= 0)
                r = json_add_string(row, "path", l->path);
        if (r >= 0)
                r = json_add_string(row, "broken", l->broken.detail);
        return r < 0 ? r : json_array_append(rows, TAKE_PTR(row));
}

static int print_languages(struct json_object *rows, const void *userdata)
{
        static const Column columns[] = {
                { "name", "NAME" },           { "version", "VERSION" },     { "aliases", "ALIASES" },
                { "isolation", "ISOLATION" }, { "image_present", "IMAGE" }, { "path", "FROM" },
        };

        int r = view_table(rows, columns, ELEMENTSOF(columns));
        for (size_t i = 0; i < json_object_array_length(rows) && r >= 0; i++) {
                const char *broken = view_string(json_object_array_get_idx(rows, i), "broken");

                if (broken)
                        printf("\nBroken: %s\n", broken);
        }
        return r;
}

static int list(const LanguageRegistry *registry)
{
        _cleanup_(json_putp) struct json_object *rows = json_object_new_array();
        _cleanup_(fault_done) Fault fault = { 0 };

        if (!rows)
                return log_oom();
        if (arg_names)
                return print_names(registry);

        bool podman = identity_assume(&fault) >= 0;
        int r = 0;
        for (size_t i = 0; i < registry->n_languages && r >= 0; i++)
                r = add_language(rows, registry->languages[i], podman);
        if (r >= 0)
                r = view_print(rows, print_languages, NULL);
        return r < 0 ? ctl_report(r, NULL, NULL) : CTL_EXIT_OK;
}

/* A broken language is shown too: that is how to find out what is wrong with it. */
static const Language *find_broken(const LanguageRegistry *registry, const char *name)
{
        for (size_t i = 0; i < registry->n_languages; i++)
                if (registry->languages[i]->broken.detail && streq(registry->languages[i]->name, name))
                        return registry->languages[i];
        return NULL;
}

static int print_file(const char *path)
{
        _cleanup_(freep) char *text = NULL;
        size_t size;

        int r = read_file(path, UNIT_FILE_BYTES_MAX, &text, &size);
        if (r < 0)
                return r;
        printf("# %s\n%s%s", path, text, size > 0 && text[size - 1] != '\n' ? "\n" : "");
        return 0;
}

static int show(LanguageRegistry *registry, const char *name)
{
        _cleanup_(fault_done) Fault fault = { 0 };
        _cleanup_(freep) char *unit = NULL;
        const Language *broken = find_broken(registry, name);
        Language *l;

        int r = broken ? print_file(broken->path) : 0;
        if (r >= 0)
                r = language_registry_find(registry, name, &l, &fault);
        if (r >= 0)
                r = print_file(l->path);
        if (r < 0)
                return ctl_report(r, &fault, NULL);

        r = quadlet_generate(l, &unit, &fault);
        if (r < 0)
                return ctl_report(r, &fault, "The service that would run cannot be shown");
        printf("\n# what Podman makes of it; `rcectl run` passes this on to the user manager\n%s", unit);
        return CTL_EXIT_OK;
}

enum { OPTION_NAMES = CTL_OPTION_COMMON };

/* Returns -1 to go on, else the exit code. */
static int parse_argv(int argc, char **argv)
{
        static const struct option options[] = {
                { "help", no_argument, NULL, 'h' },
                { "quiet", no_argument, NULL, 'q' },
                { "json", no_argument, NULL, 'j' },
                { "names", no_argument, NULL, OPTION_NAMES },
                { 0 },
        };

        for (int c; (c = getopt_long(argc, argv, "hqj", options, NULL)) >= 0;)
                switch (c) {
                case 'h':
                        return help();
                case 'q':
                        arg_quiet = true;
                        break;
                case 'j':
                        arg_json = true;
                        break;
                case OPTION_NAMES:
                        arg_names = true;
                        break;
                default:
                        return ctl_usage("language", NULL);
                }
        return -1;
}

int verb_language(int argc, char **argv)
{
        _cleanup_(language_registry_freep) LanguageRegistry *registry = NULL;

        int r = parse_argv(argc, argv);
        if (r >= 0)
                return r;

        const char *what = argv[optind], *name = what ? argv[optind + 1] : NULL;
        if (!what)
                return ctl_usage("language", "one of list and show is missing");
        if (!streq(what, "list") && !streq(what, "show"))
                return ctl_usage("language", "'%s' is none of list and show", what);
        if (streq(what, "list") ? name != NULL : !name || argv[optind + 2])
                return ctl_usage("language", "list takes no name, show takes one");
        if (streq(what, "show") && (arg_json || arg_names))
                return ctl_usage("language", "only list has --json and --names");
        if (arg_json && arg_names)
                return ctl_usage("language", "--json and --names exclude each other");

        r = language_registry_load(NULL, &registry);
        if (r < 0)
                return ctl_report(r, NULL, "Failed to read the languages");
        return streq(what, "list") ? list(registry) : show(registry, name);
}
