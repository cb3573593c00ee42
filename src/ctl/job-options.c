/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/job-options.h"

#include <fcntl.h>
#include <getopt.h>
#include <unistd.h>

#include "basic/string-util.h"

void job_options_done(JobOptions *o)
{
        strv_free(o->args);
        strv_free(o->environment);
        strv_free(o->limits);
        strv_free(o->tags);
}

static int take_assignment(char ***strv, const char *verb, const char *option)
{
        if (!strchr(optarg, '=') || *optarg == '=')
                return ctl_usage(verb, "--%s is NAME=VALUE, not '%s'", option, optarg);

        int r = strv_extend(strv, optarg);
        return r < 0 ? ctl_report(r, NULL, NULL) : -1;
}

static int take_limit(JobOptions *o, const char *name)
{
        int r = strv_extendf(&o->limits, "%s=%s", name, optarg);

        return r < 0 ? ctl_report(r, NULL, NULL) : -1;
}

int job_options_take(JobOptions *o, const char *verb, int c)
{
        switch (c) {
        case 'l':
                o->language = optarg;
                return -1;
        case 'i':
                o->stdin_path = optarg;
                return -1;
        case 'a':
                return strv_extend(&o->args, optarg) < 0 ? ctl_report(-ENOMEM, NULL, NULL) : -1;
        case 'e':
                return take_assignment(&o->environment, verb, "env");
        case 't':
                return take_limit(o, "wall_time");
        case 'm':
                return take_limit(o, "memory");
        case JOB_OPTION_LIMIT:
                return strv_extend(&o->limits, optarg) < 0 ? ctl_report(-ENOMEM, NULL, NULL) : -1;
        case JOB_OPTION_LINT:
                o->lint = optarg;
                return -1;
        case JOB_OPTION_PRIORITY:
                if (job_priority_from_string(optarg) < 0)
                        return ctl_usage(verb, "--priority is low, normal or high, not '%s'", optarg);
                o->priority = optarg;
                return -1;
        case JOB_OPTION_TAG:
                return take_assignment(&o->tags, verb, "tag");
        default:
                return CTL_OTHER_OPTION;
        }
}

int job_options_operands(JobOptions *o, const char *verb, int argc, char **argv)
{
        if (optind >= argc)
                return ctl_usage(verb, "which program? A FILE, or - for standard input");

        o->file = argv[optind];
        for (int i = optind + 1; i < argc; i++) {
                int r = strv_extend(&o->args, argv[i]);
                if (r < 0)
                        return ctl_report(r, NULL, NULL);
        }
        return -1;
}

int job_options_unparse(const JobOptions *o, char ***argv)
{
        const struct {
                const char *option, *value;
        } single[] = {
                { "language", o->language },
                { "lint", o->lint },
                { "stdin", o->stdin_path },
                { "priority", o->priority },
        };
        const struct {
                const char *option;
                char **values;
        } many[] = { { "env", o->environment }, { "limit", o->limits }, { "tag", o->tags }, { "arg", o->args } };
        int r = 0;

        for (size_t i = 0; i < ELEMENTSOF(single); i++)
                if (r >= 0 && single[i].value)
                        r = strv_extendf(argv, "--%s=%s", single[i].option, single[i].value);
        for (size_t i = 0; i < ELEMENTSOF(many); i++)
                STRV_FOREACH(v, many[i].values)
                        if (r >= 0)
                                r = strv_extendf(argv, "--%s=%s", many[i].option, *v);
        if (r >= 0)
                r = strv_extend(argv, "--");
        return r < 0 ? r : strv_extend(argv, o->file);
}

int job_options_open_stdin(const JobOptions *o, bool terminal_too, int *ret, Fault *reterr_fault)
{
        const char *path = o->stdin_path;

        *ret = -EBADF;
        if (!path && (streq(o->file, "-") || (!terminal_too && isatty(STDIN_FILENO) > 0)))
                return 0;

        *ret = path && !streq(path, "-") ? open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY)
                                         : fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);
        if (*ret >= 0)
                return 0;
        *ret = -EBADF;
        if (path)
                return fault_set(reterr_fault, FAULT_INVALID_REQUEST, "stdin", "%s: %s", path, strerror(errno));
        return 0;
}

int job_options_limits(const JobOptions *o, JobLimits *limits, Fault *reterr_fault)
{
        STRV_FOREACH(l, o->limits) {
                const char *eq = strchr(*l, '=');
                _cleanup_(freep) char *name = eq ? strndup(*l, (size_t) (eq - *l)) : NULL;

                if (!eq)
                        return fault_set(reterr_fault, FAULT_INVALID_REQUEST, "limits", "A limit is NAME=VALUE, not '%s'",
                                         *l);
                if (!name)
                        return -ENOMEM;

                int r = job_limits_set(limits, name, eq + 1, reterr_fault);
                if (r < 0)
                        return r;
        }
        return 0;
}
