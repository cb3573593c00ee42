/* SPDX-License-Identifier: Apache-2.0 */
/* rcectl run --local: one program, here, through the user manager. */
#include "ctl/run.h"

#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "basic/fd-util.h"
#include "basic/log.h"
#include "basic/string-util.h"
#include "ctl/identity.h"
#include "ctl/relay.h"
#include "ctl/result-view.h"
#include "ctl/source.h"
#include "lint/imports.h"
#include "lint/lint.h"
#include "sandbox/sandbox.h"
#include "shared/json-util.h"

typedef struct Runner {
        const JobOptions *options;
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
                r->exit_code = RUN_EXIT_BROKEN_PIPE;
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
                result_print(result, NULL);
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
                result_print_rejected(lint->n_diagnostics, lint->truncated, NULL);
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

        int k = job_options_limits(r->options, &r->limits, reterr_fault);
        if (k < 0)
                return k;
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

/* Everything that can be wrong with the request is found before the first part of a sandbox exists. */
static int prepare(Runner *r, Source *ret_source, Fault *reterr_fault)
{
        int k;

        if ((k = ctl_config(&r->config, reterr_fault)) < 0)
                return k;

        /* What the command line names belongs to the caller, whoever we become then. */
        if ((k = source_read(r->options->file, r->config->source_bytes, "Source= in rce.conf", ret_source,
                             reterr_fault)) < 0 ||
            (k = job_options_open_stdin(r->options, true, &r->stdin_fd, reterr_fault)) < 0 ||
            (k = identity_assume(reterr_fault)) < 0)
                return k;

        if ((k = choose_language(r, ret_source, reterr_fault)) < 0 || (k = choose_limits(r, reterr_fault)) < 0 ||
            (k = check_strings(r->config, r->options->args, "args", reterr_fault)) < 0 ||
            (k = check_strings(r->config, r->options->environment, "env", reterr_fault)) < 0)
                return k;
        return choose_lint(r, reterr_fault);
}

int run_here(const JobOptions *options, Fault *reterr_fault)
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

        if ((k = quadlet_service_load(r.language, &r.service, reterr_fault)) < 0 ||
            (k = run_event_new(on_signal, &r, &r.event)) < 0 ||
            (k = sandbox_host_open(r.event, &r.host, reterr_fault)) < 0)
                return k;
        return run_in_sandbox(&r, &source, lint, reterr_fault);
}
