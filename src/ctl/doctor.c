/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/doctor.h"

#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "basic/log.h"
#include "basic/memory.h"
#include "basic/string-util.h"
#include "ctl/ctl.h"
#include "ctl/view.h"
#include "shared/json-util.h"

#define INDENT 22                        /* of what follows state and check */

static const char *const state_names[_DOCTOR_STATE_MAX] = {
        [DOCTOR_OK] = "ok",
        [DOCTOR_WARN] = "warn",
        [DOCTOR_FAIL] = "fail",
};

/* In the order in which things depend on each other, so that the first failure is the one to mend first. */
static const struct {
        void (*function)(Doctor *d);
        bool needs_identity;
} checks[] = {
        { check_systemd, false },
        { check_cgroup, false },
        { check_linger, true },
        { check_user_manager, true },
        { check_controllers, true },
        { check_user_namespaces, false },
        { check_subordinate_ids, true },
        { check_id_mappers, false },
        { check_podman, false },
        { check_quadlet, false },
        { check_runtime, false },
        { check_storage, true },
        { check_files, false },
        { check_languages, false },
        { check_images, true },
};

static int help(void)
{
        puts("rcectl doctor [OPTIONS]\n\n"
             "Shows what this host lacks for running sandboxes, each with the command that mends it.\n"
             "As root it looks at the sandboxes of the worker's user, else at your own. The exit code is\n"
             "0 if all is well or there are only warnings, 1 if something fails.\n\n"
             "Options:\n"
             "  -j, --json              Print JSON\n" CTL_HELP_COMMON "\n"
             "Examples:\n"
             "  sudo rcectl doctor\n"
             "  rcectl doctor --json | jq '.[] | select(.state != \"ok\")'");
        return CTL_EXIT_OK;
}

static void doctor_done(Doctor *d)
{
        identity_done(&d->identity);
        sandbox_host_free(d->host);
        language_registry_free(d->registry);
        json_putp(&d->rows);
}

void doctor_report(Doctor *d, const char *check, DoctorState state, const char *mend, const char *format, ...)
{
        _cleanup_(json_putp) struct json_object *row = json_object_new_object();
        _cleanup_(freep) char *found = NULL;
        va_list ap;
        int r;

        va_start(ap, format);
        r = vasprintf(&found, format, ap);
        va_end(ap);
        if (r < 0 || !row) {
                found = r < 0 ? NULL : found;
                d->error = -ENOMEM;
                return;
        }

        d->n_states[state]++;
        r = json_add_string(row, "check", check);
        if (r >= 0)
                r = json_add_string(row, "state", state_names[state]);
        if (r >= 0)
                r = json_add_string(row, "found", found);
        if (r >= 0)
                r = json_add_string(row, "mend", mend);
        if (r >= 0)
                r = json_array_append(d->rows, TAKE_PTR(row));
        if (r < 0)
                d->error = r;
}

const char *doctor_install(char buf[static DOCTOR_MEND_MAX], const char *deb, const char *rpm)
{
        bool apt = access("/usr/bin/apt-get", X_OK) >= 0 || access("/usr/bin/dnf", X_OK) < 0;

        snprintf(buf, DOCTOR_MEND_MAX, "%s install %s", apt ? "apt" : "dnf", apt ? deb : rpm);
        return buf;
}

static bool check_config(Doctor *d)
{
        _cleanup_(fault_done) Fault fault = { 0 };
        const Config *config;

        int r = ctl_config(&config, &fault);
        if (r == -EBADMSG)
                doctor_report(d, "config", DOCTOR_FAIL, "correct that line; rce.conf(5) has all keys", "%s",
                              fault.detail);
        else if (r < 0)
                d->error = r;
        else
                doctor_report(d, "config", DOCTOR_OK, NULL, "the configuration is understood");
        return r >= 0;
}

/* Without a runtime directory most checks still have something to tell, if nobody points them to it. */
static void check_user(Doctor *d)
{
        _cleanup_(fault_done) Fault fault = { 0 };
        char mend[DOCTOR_MEND_MAX];

        int r = identity_lookup(&d->identity, &fault);
        if (r == -EBADMSG) {
                doctor_report(d, "user", DOCTOR_FAIL, doctor_install(mend, "rce-worker", "rce-worker"), "%s",
                              fault.detail);
                return;
        }
        if (r >= 0)
                r = identity_become(&d->identity);
        if (r < 0) {
                doctor_report(d, "user", DOCTOR_FAIL, NULL, "cannot become the user sandboxes belong to: %s",
                              strerror(-r));
                return;
        }
        d->has_identity = true;
        d->has_runtime = access(d->identity.runtime_dir, W_OK) >= 0;
        if (!d->has_runtime)
                (void) unsetenv("XDG_RUNTIME_DIR");
        doctor_report(d, "user", DOCTOR_OK, NULL, "sandboxes belong to %s (%u)", d->identity.name, d->identity.uid);
}

static const char *colour_of(const char *state)
{
        if (!ctl_colour(STDOUT_FILENO))
                return "";
        return streq(state, "ok") ? "\x1b[32m" : streq(state, "warn") ? "\x1b[33m" : "\x1b[31m";
}

/* What podman says may have several lines. */
static int print_lines(const char *text)
{
        for (bool first = true; *text; first = false) {
                size_t n = strcspn(text, "\n");
                _cleanup_(freep) char *safe = string_escape(text, n);

                if (!safe)
                        return -ENOMEM;
                printf("%*s%s\n", first ? 0 : INDENT, "", safe);
                text += n + (text[n] == '\n');
        }
        return 0;
}

static int print_checks(struct json_object *rows, const void *userdata)
{
        const Doctor *d = userdata;

        for (size_t i = 0; i < json_object_array_length(rows); i++) {
                struct json_object *row = json_object_array_get_idx(rows, i);
                const char *state = view_string(row, "state"), *found = view_string(row, "found");
                const char *mend = view_string(row, "mend"), *colour = colour_of(state);

                printf("%s%-4s%s  %-15s ", colour, state, *colour ? "\x1b[0m" : "", view_string(row, "check"));
                int r = print_lines(found);
                if (r < 0)
                        return r;
                if (mend)
                        printf("%*smend: %s\n", INDENT, "", mend);
        }

        if (d->n_states[DOCTOR_FAIL] + d->n_states[DOCTOR_WARN] == 0)
                puts("\nThis host is fit to run sandboxes.");
        else
                printf("\n%u failed, %u with a warning.\n", d->n_states[DOCTOR_FAIL], d->n_states[DOCTOR_WARN]);
        return 0;
}

/* Returns -1 to go on, else the exit code. */
static int parse_argv(int argc, char **argv)
{
        static const struct option options[] = {
                { "help", no_argument, NULL, 'h' },
                { "quiet", no_argument, NULL, 'q' },
                { "json", no_argument, NULL, 'j' },
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
                default:
                        return ctl_usage("doctor", NULL);
                }
        return optind >= argc ? -1 : ctl_usage("doctor", "it takes no operands, not '%s'", argv[optind]);
}

int verb_doctor(int argc, char **argv)
{
        _cleanup_(doctor_done) Doctor d = { 0 };

        int r = parse_argv(argc, argv);
        if (r >= 0)
                return r;

        d.rows = json_object_new_array();
        if (!d.rows)
                return log_oom();
        r = language_registry_load(NULL, &d.registry);
        if (r < 0)
                return ctl_report(r, NULL, "Failed to read the languages");

        if (check_config(&d))
                check_user(&d);         /* which the configuration names */
        for (size_t i = 0; i < ELEMENTSOF(checks); i++)
                if (d.has_identity || !checks[i].needs_identity)
                        checks[i].function(&d);

        r = d.error < 0 ? d.error : view_print(d.rows, print_checks, &d);
        if (r < 0)
                return ctl_report(r, NULL, NULL);
        return d.n_states[DOCTOR_FAIL] > 0 ? CTL_EXIT_FOUND : CTL_EXIT_OK;
}
