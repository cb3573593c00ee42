/* SPDX-License-Identifier: Apache-2.0 */
#include "api/api-lint.h"

#include "api/api-call.h"
#include "api/api-job-request.h"
#include "api/api-lint-desk.h"
#include "api/api-submit.h"
#include "basic/string-util.h"
#include "shared/json-util.h"

typedef struct LintCall {
        Call call;
        LintTask *task;
        char *language, *level, *file;
} LintCall;

static void lint_call_done(Call *call)
{
        LintCall *l = (LintCall *) call;

        if (l->task)
                lint_task_forget(l->task);
        free(l->language);
        free(l->level);
        free(l->file);
}

static int result_to_json(const LintCall *l, const LintResult *result, struct json_object **ret)
{
        _cleanup_(json_putp) struct json_object *o = NULL;
        int r;

        if ((r = lint_result_to_json(result, l->file, &o)) < 0)
                return r;
        if ((r = json_add_string(o, "language", l->language)) < 0 || (r = json_add_string(o, "lint", l->level)) < 0)
                return r;
        *ret = TAKE_PTR(o);
        return 0;
}

static void on_linted(int error, const Fault *fault, const LintResult *result, void *userdata)
{
        LintCall *l = userdata;
        struct json_object *o = NULL;

        l->task = NULL;
        if (error >= 0)
                error = result_to_json(l, result, &o);
        HttpRequest *request = call_finish(&l->call);
        if (error < 0)
                answer_error(request, error, fault);
        else
                answer_json(request, 200, NULL, o);
}

/* The same members as a job has, as far as they matter. */
static int read_request(const HttpRequest *request, JobRequest *ret, Fault *reterr_fault)
{
        _cleanup_(json_putp) struct json_object *o = NULL;
        size_t size;
        const char *body = http_request_body(request, &size);

        int r = json_body_parse(body, size, &o, reterr_fault);
        if (r < 0)
                return r;
        json_object_object_foreach(o, name, value) {
                (void) value;
                if (!streq(name, "language") && !streq(name, "source") && !streq(name, "lint"))
                        return fault_set(reterr_fault, FAULT_INVALID_REQUEST, name, "There is no member of that name");
        }
        return job_request_parse(body, size, ret, reterr_fault);
}

static int choose(Manager *m, const JobRequest *job, const Language **ret_language, LintLevel *ret_level,
                  Fault *reterr_fault)
{
        Language *named;
        int r;

        if (job->source_size > m->config->source_bytes)
                return fault_set(reterr_fault, FAULT_TOO_LARGE, "source", "The source may have at most %llu bytes",
                                 (unsigned long long) m->config->source_bytes);
        if (job->spec.language) {
                r = language_registry_find(m->languages, job->spec.language, &named, reterr_fault);
                *ret_language = named;
        } else
                r = choose_language(m, NULL, job->source, job->source_size, ret_language, reterr_fault);
        if (r < 0)
                return r;
        return lint_level_parse(job->spec.lint ? job->spec.lint : (*ret_language)->lint_level, ret_level, reterr_fault);
}

static int lint_start(LintCall *l, const JobRequest *job, const Language *language, LintLevel level)
{
        int r;

        if ((r = free_and_strdup(&l->language, language->name)) < 0 ||
            (r = free_and_strdup(&l->file, language->source_name)) < 0 ||
            (r = free_and_strdup(&l->level, lint_level_to_string(level))) < 0)
                return r;
        return lint_desk_ask(l->call.manager->lint, language->lint_grammar, level, job->source, job->source_size, on_linted,
                             l, &l->task);
}

void handle_lint(Manager *m, HttpRequest *request, const char *unused)
{
        _cleanup_(job_request_done) JobRequest job = JOB_REQUEST_INIT;
        _cleanup_(fault_done) Fault fault = { 0 };
        const Language *language;
        LintLevel level;
        LintCall *l;

        int r = read_request(request, &job, &fault);
        if (r == -EPROTO) {
                answer_problem(request, "invalid_json", NULL, "%s", fault.detail);
                return;
        }
        if (r >= 0)
                r = choose(m, &job, &language, &level, &fault);
        if (r < 0) {
                answer_error(request, r, &fault);
                return;
        }

        l = call_new(m, request, sizeof(*l));
        if (!l)
                return;
        l->call.done = lint_call_done;
        r = lint_start(l, &job, language, level);
        if (r < 0)
                call_fail(&l->call, r);
}
