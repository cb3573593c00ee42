/* SPDX-License-Identifier: Apache-2.0 */
/* rcectl run: one program, here, through the user manager. */
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "basic/fd-util.h"
#include "basic/log.h"
#include "basic/string-util.h"
#include "ctl/ctl.h"
#include "ctl/identity.h"
#include "ctl/relay.h"
#include "ctl/source.h"
#include "ctl/watch.h"
#include "lint/imports.h"
#include "lint/lint.h"
#include "sandbox/sandbox.h"
#include "shared/json-util.h"

#define EXIT_BROKEN_PIPE (CTL_EXIT_SIGNAL + SIGPIPE)

typedef struct RunOptions {
        const char *file;
        const char *language;
        const char *lint;
        const char *stdin_path;
        char **args;
        char **environment;
        char **limits;                   /* NAME=VALUE */
        bool watch;
} RunOptions;

static void run_options_done(RunOptions *o)
{
        strv_free(o->args);
        strv_free(o->environment);
        strv_free(o->limits);
}

typedef struct Runner {
        const RunOptions *options;
        const Config *config;
        LanguageRegistry *registry;
        Language *language;
        QuadletService *service;
        LintPolicy *policy;
        LintLevel lint_level;
        JobLimits limits;
        int stdin_fd;                    /* ours, to be passed on; -EBADF for none */

        sd_event *event;
        SandboxHost *host;
        Sandbox *sandbox;
        InputRelay *input;
        OutputRelay *output[_SANDBOX_STREAM_MAX];

        bool interrupted;
        bool sandbox_gone;
        int exit_code;
} Runner;

static void runner_done(Runner *r)
{
        sandbox_free(r->sandbox);
        input_relay_free(r->input);
        for (size_t i = 0; i < _SANDBOX_STREAM_MAX; i++)
                output_relay_free(r->output[i]);
        sandbox_host_free(r->host);
        sd_event_unref(r->event);
        lint_policy_free(r->policy);
        quadlet_service_free(r->service);
        language_registry_free(r->registry);
        safe_close(r->stdin_fd);
}

/* --- what people see ----------------------------------------------------------------------------------------------- */

static const char *verdict_colour(JobVerdict verdict)
{
        if (!ctl_colour(STDERR_FILENO))
                return "";
        return verdict == JOB_VERDICT_OK ? "\x1b[32m" : "\x1b[31m";
}

/* "ok: exit 0, 0.041s wall, 32ms cpu, 9.1M memory" */
static void print_summary(const JobResult *result)
{
        const char *colour = verdict_colour(result->verdict), *plain = *colour ? "\x1b[0m" : "";
        char wall[TIMESPAN_MAX], cpu[TIMESPAN_MAX], how[64] = "";
        const char *signal_name = result->signal > 0 ? sigabbrev_np(result->signal) : NULL;

        if (arg_quiet && result->verdict == JOB_VERDICT_OK)
                return;

        if (result->exit_code >= 0)
                snprintf(how, sizeof(how), "exit %d, ", result->exit_code);
        else if (signal_name)
                snprintf(how, sizeof(how), "SIG%s, ", signal_name);
        else if (result->signal > 0)
                snprintf(how, sizeof(how), "signal %d, ", result->signal);

        fprintf(stderr, "%s%s%s: %s%s wall, %s cpu, %.1fM memory%s%s\n", colour, job_verdict_to_string(result->verdict),
                plain, how, format_timespan(wall, result->wall_usec), format_timespan(cpu, result->cpu_usec),
                (double) result->memory_peak_bytes / (1024 * 1024), result->reason ? ". " : "",
                result->reason ? result->reason : "");
}

static int print_result_json(const Runner *r, const JobResult *result, const LintResult *lint)
{
        _cleanup_(json_putp) struct json_object *o = NULL;
        struct json_object *limits, *findings;
        int k;

        k = job_result_to_json(result, &o);
        if (k < 0)
                return k;

        if ((k = json_add_string(o, "language", r->language->name)) < 0 ||
            (k = job_limits_to_json(&r->limits, &limits)) < 0 || (k = json_add(o, "limits", limits)) < 0 ||
            (k = lint_result_to_json(lint, r->options->file, &findings)) < 0 || (k = json_add(o, "lint", findings)) < 0)
                return k;
        return json_print(o, true);
}

/* --- one run ------------------------------------------------------------------------------------------------------- */

static void leave_if_done(Runner *r)
{
        bool flushed = true;

        for (size_t i = 0; i < _SANDBOX_STREAM_MAX; i++)
                flushed = flushed && (!r->output[i] || output_relay_idle(r->output[i]));
        if (r->sandbox_gone && flushed)
                (void) sd_event_exit(r->event, 0);
}

static void on_relay_change(void *userdata)
{
        Runner *r = userdata;

        /* Nobody reads what it prints, so nobody needs it to run: what SIGPIPE is for. */
        if (r->sandbox && output_relay_broken(r->output[SANDBOX_STDOUT])) {
                r->exit_code = EXIT_BROKEN_PIPE;
                sandbox_cancel(r->sandbox);
        }
        leave_if_done(r);
}

static void on_output(Sandbox *s, SandboxStream stream, const char *data, size_t size, void *userdata)
{
        Runner *r = userdata;

        if (output_relay_write(r->output[stream], data, size) < 0)
                sandbox_cancel(s);
}

static void on_finished(Sandbox *s, const JobResult *result, void *userdata)
{
        Runner *r = userdata;

        r->input = input_relay_free(r->input);
        if (r->exit_code == 0)
                r->exit_code = ctl_exit_of_result(result);
}

static void on_gone(Sandbox *s, int error, void *userdata)
{
        Runner *r = userdata;

        if (error < 0)
                log_warning("The sandbox %s could not be seen to its end: %s", sandbox_unit_name(s), strerror(-error));
        r->sandbox_gone = true;
        leave_if_done(r);
}

static int start_relays(Runner *r, int *ret_stdin_fd)
{
        static const int own[_SANDBOX_STREAM_MAX] = { STDOUT_FILENO, STDERR_FILENO };
        int k;

        for (size_t i = 0; !arg_json && i < _SANDBOX_STREAM_MAX; i++) {
                k = output_relay_new(r->event, own[i], on_relay_change, r, &r->output[i]);
                if (k < 0)
                        return k;
        }

        if (r->stdin_fd >= 0)
                return input_relay_new(r->event, r->stdin_fd, &r->input, ret_stdin_fd);

        *ret_stdin_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
        return *ret_stdin_fd < 0 ? -errno : 0;
}

/* From a source that may run to its end. Returns the exit code. */
static int run_in_sandbox(Runner *r, const Source *source, const LintResult *lint, Fault *reterr_fault)
{
        static const SandboxCallbacks live = { on_output, on_finished, on_gone };
        static const SandboxCallbacks silent = { NULL, on_finished, on_gone };
        _cleanup_(closep) int stdin_fd = -EBADF;
        int k;

        k = start_relays(r, &stdin_fd);
        if (k < 0)
                return k;

        SandboxParams params = {
                .language = r->language,
                .service = r->service,
                .limits = r->limits,
                .args = r->options->args,
                .environment = r->options->environment,
                .source = source->text,
                .source_size = source->size,
                .stdin_fd = stdin_fd,
                .start_timeout_usec = r->config->start_timeout_usec,
                .stop_timeout_usec = r->config->stop_timeout_usec,
        };
        k = sandbox_new(r->host, &params, arg_json ? &silent : &live, r, &r->sandbox, reterr_fault);
        if (k < 0)
                return k;

        k = sd_event_loop(r->event);
        if (k < 0)
                return k;

        if (!r->sandbox_gone)   /* left in a hurry, without a result */
                return r->exit_code;

        const JobResult *result = sandbox_result(r->sandbox);
        const Fault *fault = sandbox_fault(r->sandbox);
        if (fault)
                return fault_set(reterr_fault, fault->code, fault->field, "%s", fault->detail);

        if (!arg_json)
                print_summary(result);
        else if ((k = print_result_json(r, result, lint)) < 0)
                return k;
        return r->exit_code;
}

/* Nothing ran: the findings are the result. */
static int report_rejected(Runner *r, const Source *source, const LintResult *lint)
{
        JobResult result = { .verdict = JOB_VERDICT_REJECTED, .exit_code = -1 };
        int k;

        if (arg_json) {
                k = print_result_json(r, &result, lint);
        } else {
                k = lint_result_print(lint, source->name, stderr);
                fprintf(stderr, "%s%s%s: %zu finding%s%s; nothing was run\n", verdict_colour(result.verdict),
                        job_verdict_to_string(result.verdict), *verdict_colour(result.verdict) ? "\x1b[0m" : "",
                        lint->n_diagnostics, lint->n_diagnostics == 1 ? "" : "s", lint->truncated ? " at least" : "");
        }
        return k < 0 ? k : CTL_EXIT_REJECTED;
}

static int on_signal(sd_event_source *source, const struct signalfd_siginfo *info, void *userdata)
{
        Runner *r = userdata;

        r->exit_code = CTL_EXIT_INTERRUPTED;

        /* Asked twice, we do not wait for the end of the sandbox: it ends with its socket. */
        if (r->interrupted || !r->sandbox)
                return sd_event_exit(r->event, 0);

        r->interrupted = true;
        sandbox_cancel(r->sandbox);
        return 0;
}

/* --- preparation --------------------------------------------------------------------------------------------------- */

/* Named, or told by the file's ending and then by what it imports. */
static int choose_language(Runner *r, const Source *source, Fault *reterr_fault)
{
        _cleanup_(strv_freep) char **modules = NULL;

        int k = language_registry_load(NULL, &r->registry);
        if (k < 0)
                return k;
        if (r->options->language)
                return language_registry_find(r->registry, r->options->language, &r->language, reterr_fault);

        /* A broken file might have been the better choice, so a guess without it is not made in silence. */
        for (size_t i = 0; i < r->registry->n_languages; i++)
                if (r->registry->languages[i]->broken.detail)
                        log_warning("Not considered: %s", r->registry->languages[i]->broken.detail);

        r->language = language_registry_guess(r->registry, source->name);
        if (!r->language &&
            (k = language_registry_find(r->registry, r->config->language, &r->language, reterr_fault)) < 0)
                return k;

        k = lint_imports(r->language->lint_grammar, source->text, source->size, &modules);
        if (k < 0)
                return k;
        r->language = language_registry_refine(r->registry, r->language, modules);
        return 0;
}

static int choose_lint(Runner *r, Fault *reterr_fault)
{
        const char *name = r->options->lint ? r->options->lint : r->language->lint_level;

        int k = lint_level_parse(name, &r->lint_level, reterr_fault);
        if (k < 0 || r->lint_level == LINT_OFF)
                return k;
        return lint_policy_open(r->language->lint_grammar, &r->policy, reterr_fault);
}

static int choose_limits(Runner *r, Fault *reterr_fault)
{
        JobLimits maximum = job_limits_maximum(r->config);

        r->limits = r->language->limits;
        STRV_FOREACH(l, r->options->limits) {
                char *eq = strchr(*l, '=');
                _cleanup_(freep) char *name = eq ? strndup(*l, (size_t) (eq - *l)) : NULL;

                if (!eq)
                        return fault_set(reterr_fault, FAULT_INVALID_REQUEST, "limits", "A limit is NAME=VALUE, not '%s'",
                                         *l);
                if (!name)
                        return -ENOMEM;

                int k = job_limits_set(&r->limits, name, eq + 1, reterr_fault);
                if (k < 0)
                        return k;
        }
        return job_limits_check(&r->limits, &maximum, reterr_fault);
}

static int check_strings(const Config *c, char *const *strv, const char *field, Fault *reterr_fault)
{
        size_t n = 0;

        STRV_FOREACH(s, strv)
                n += strlen(*s) + 1;
        if (n > c->arguments_bytes)
                return fault_set(reterr_fault, FAULT_TOO_LARGE, field,
                                 "They take %zu bytes, more than %" PRIu64 " (Arguments= in rce.conf)", n,
                                 c->arguments_bytes);
        return 0;
}

static int open_stdin(Runner *r, Fault *reterr_fault)
{
        const char *path = r->options->stdin_path;

        if (!path && streq(r->options->file, "-"))
                return 0;       /* the program itself came from there */

        r->stdin_fd = path && !streq(path, "-") ? open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY)
                                                : fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);
        if (r->stdin_fd < 0 && path)
                return fault_set(reterr_fault, FAULT_INVALID_REQUEST, "stdin", "%s: %s", path, strerror(errno));
        return 0;
}

static int start_event_loop(Runner *r)
{
        static const int signals[] = { SIGINT, SIGTERM, SIGHUP };
        sigset_t set;
        int k;

        (void) signal(SIGPIPE, SIG_IGN);
        (void) sigemptyset(&set);
        for (size_t i = 0; i < ELEMENTSOF(signals); i++)
                (void) sigaddset(&set, signals[i]);
        if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
                return -errno;

        k = sd_event_new(&r->event);
        for (size_t i = 0; k >= 0 && i < ELEMENTSOF(signals); i++)
                k = sd_event_add_signal(r->event, NULL, signals[i], on_signal, r);
        return k;
}

/* Everything that can be wrong with the request is found before the first part of a sandbox exists. */
static int prepare(Runner *r, Source *ret_source, Fault *reterr_fault)
{
        int k;

        if ((k = ctl_config(&r->config, reterr_fault)) < 0)
                return k;

        /* What the command line names belongs to the caller, whoever we become then. */
        if ((k = source_read(r->options->file, r->config->source_bytes, ret_source, reterr_fault)) < 0 ||
            (k = open_stdin(r, reterr_fault)) < 0 || (k = identity_assume(reterr_fault)) < 0)
                return k;

        if ((k = choose_language(r, ret_source, reterr_fault)) < 0 || (k = choose_limits(r, reterr_fault)) < 0 ||
            (k = check_strings(r->config, r->options->args, "args", reterr_fault)) < 0 ||
            (k = check_strings(r->config, r->options->environment, "env", reterr_fault)) < 0)
                return k;
        return choose_lint(r, reterr_fault);
}

static int run_file(const RunOptions *options, Fault *reterr_fault)
{
        _cleanup_(runner_done) Runner r = { .options = options, .stdin_fd = -EBADF };
        _cleanup_(lint_result_freep) LintResult *lint = NULL;
        _cleanup_(source_done) Source source = { 0 };
        int k;

        if ((k = prepare(&r, &source, reterr_fault)) < 0 ||
            (k = lint_run(r.policy, r.lint_level, source.text, source.size, &lint, reterr_fault)) < 0)
                return k;
        if (lint->n_diagnostics > 0)
                return report_rejected(&r, &source, lint);

        if ((k = quadlet_service_load(r.language, &r.service, reterr_fault)) < 0 || (k = start_event_loop(&r)) < 0 ||
            (k = sandbox_host_open(r.event, &r.host, reterr_fault)) < 0)
                return k;
        return run_in_sandbox(&r, &source, lint, reterr_fault);
}

/* --- command line -------------------------------------------------------------------------------------------------- */

static int help(void)
{
        puts("rcectl run [OPTIONS] FILE|- [-- ARGUMENT…]\n\n"
             "Runs a program in a sandbox of its own on this host and shows what it prints as it prints it.\n\n"
             "Options:\n"
             "  -l, --language NAME     The language; else the file's ending and what it imports tell, else\n"
             "                          Language= in rce.conf\n"
             "  -i, --stdin FILE        What the program reads; - is our own standard input, which it is anyway\n"
             "                          unless the program came from there\n"
             "  -a, --arg STRING        An argument for the program; also those behind --\n"
             "  -e, --env NAME=VALUE    A variable in its environment\n"
             "  -t, --time SPAN         Wall time it may take (10s, 500ms)\n"
             "  -m, --memory SIZE       Memory it may use (128M)\n"
             "      --limit NAME=VALUE  Another limit: memory processes cpu wall_time cpu_time output\n"
             "      --lint LEVEL        off, standard or strict, in place of the language's own\n"
             "  -w, --watch             Run it again whenever the file changes, until Ctrl-C\n"
             "  -j, --json              One JSON document with everything, when it has ended\n" CTL_HELP_COMMON "\n"
             "Examples:\n"
             "  rcectl run hello.py\n"
             "  rcectl run --time 2s --memory 64M --stdin input.txt solution.py\n"
             "  echo 'print(6 * 7)' | rcectl run --language python -\n"
             "  rcectl run --language datascience --json analysis.py -- --fast");
        return CTL_EXIT_OK;
}

static int add_limit(RunOptions *o, const char *name, const char *value)
{
        return strv_extendf(&o->limits, "%s=%s", name, value);
}

enum { OPTION_LIMIT = CTL_OPTION_COMMON, OPTION_LINT };

/* Returns -1 to go on, else the exit code. */
static int parse_argv(int argc, char **argv, RunOptions *o)
{
        static const struct option options[] = {
                { "language", required_argument, NULL, 'l' },
                { "stdin", required_argument, NULL, 'i' },
                { "arg", required_argument, NULL, 'a' },
                { "env", required_argument, NULL, 'e' },
                { "time", required_argument, NULL, 't' },
                { "memory", required_argument, NULL, 'm' },
                { "limit", required_argument, NULL, OPTION_LIMIT },
                { "lint", required_argument, NULL, OPTION_LINT },
                { "watch", no_argument, NULL, 'w' },
                { "json", no_argument, NULL, 'j' },
                { "quiet", no_argument, NULL, 'q' },
                { "help", no_argument, NULL, 'h' },
                { 0 },
        };
        int r = 0;

        for (int c; r >= 0 && (c = getopt_long(argc, argv, "l:i:a:e:t:m:wjqh", options, NULL)) >= 0;)
                switch (c) {
                case 'l':
                        o->language = optarg;
                        break;
                case 'i':
                        o->stdin_path = optarg;
                        break;
                case 'a':
                        r = strv_extend(&o->args, optarg);
                        break;
                case 'e':
                        if (!strchr(optarg, '=') || *optarg == '=')
                                return ctl_usage("run", "--env is NAME=VALUE, not '%s'", optarg);
                        r = strv_extend(&o->environment, optarg);
                        break;
                case 't':
                        r = add_limit(o, "wall_time", optarg);
                        break;
                case 'm':
                        r = add_limit(o, "memory", optarg);
                        break;
                case OPTION_LIMIT:
                        r = strv_extend(&o->limits, optarg);
                        break;
                case OPTION_LINT:
                        o->lint = optarg;
                        break;
                case 'w':
                        o->watch = true;
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
                        return ctl_usage("run", NULL);
                }

        if (r >= 0 && optind >= argc)
                return ctl_usage("run", "which program? A FILE, or - for standard input");

        o->file = argv[optind];
        for (int i = optind + 1; r >= 0 && i < argc; i++)
                r = strv_extend(&o->args, argv[i]);
        return r < 0 ? ctl_report(r, NULL, NULL) : -1;
}

/* The command line of a single run with these options. */
static int single_run(const RunOptions *o, char ***ret)
{
        const struct {
                const char *option, *value;
        } single[] = { { "--language", o->language }, { "--lint", o->lint }, { "--stdin", o->stdin_path } };
        const struct {
                const char *option;
                char **values;
        } many[] = { { "--env", o->environment }, { "--limit", o->limits }, { "--arg", o->args } };
        _cleanup_(strv_freep) char **argv = NULL;
        int r = strv_extend(&argv, "rcectl");

        if (r >= 0)
                r = strv_extend(&argv, "run");
        if (r >= 0 && arg_quiet)
                r = strv_extend(&argv, "--quiet");
        if (r >= 0 && arg_json)
                r = strv_extend(&argv, "--json");
        for (size_t i = 0; i < ELEMENTSOF(single); i++)
                if (r >= 0 && single[i].value)
                        r = strv_extendf(&argv, "%s=%s", single[i].option, single[i].value);
        for (size_t i = 0; i < ELEMENTSOF(many); i++)
                STRV_FOREACH(v, many[i].values)
                        if (r >= 0)
                                r = strv_extendf(&argv, "%s=%s", many[i].option, *v);
        if (r >= 0)
                r = strv_extend(&argv, "--");
        if (r >= 0)
                r = strv_extend(&argv, o->file);
        if (r < 0)
                return r;

        *ret = TAKE_PTR(argv);
        return 0;
}

static int run_whenever_changed(const RunOptions *o)
{
        _cleanup_(strv_freep) char **argv = NULL;

        if (streq(o->file, "-"))
                return ctl_usage("run", "standard input cannot be watched");

        int r = single_run(o, &argv);
        return r < 0 ? r : watch_and_run(o->file, argv);
}

int verb_run(int argc, char **argv)
{
        _cleanup_(run_options_done) RunOptions options = { 0 };
        _cleanup_(fault_done) Fault fault = { 0 };

        int r = parse_argv(argc, argv, &options);
        if (r >= 0)
                return r;

        r = options.watch ? run_whenever_changed(&options) : run_file(&options, &fault);
        return r < 0 ? ctl_report(r, &fault, options.file) : r;
}
