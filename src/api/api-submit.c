/* SPDX-License-Identifier: Apache-2.0 */
#include "api/api-submit.h"

#include <stdio.h>

#include "api/api-diag.h"
#include "api/api-imports.h"
#include "api/api-job-json.h"
#include "api/api-publish.h"
#include "api/api-watch.h"
#include "basic/parse-util.h"
#include "basic/string-util.h"
#include "lint/lint.h"

typedef struct Submission {
        Manager *manager;
        HttpRequest *request;            /* NULL: the client is gone, or answered */
        void (*answer)(HttpRequest *request, const JobId *id, bool again);

        JobId id;
        JobRequest job;
        char client[CLIENT_MAX];
        char *key;                       /* Idempotency-Key, or NULL */
        uint8_t hash[STORE_REQUEST_HASH_SIZE];
        bool again;
        usec_t began_usec;

        Watcher *watcher;                /* of a client that waits for the end */
        sd_event_source *timer;
        bool waiting;                    /* it is durable, and now the client waits */
} Submission;

static void submission_free(Submission *s)
{
        watcher_free(s->watcher);
        sd_event_source_disable_unref(s->timer);
        job_request_done(&s->job);
        free(s->key);
        free(s);
}

/* Until it is durable it goes on without its client. */
static void on_abandoned(void *userdata, int error)
{
        Submission *s = userdata;

        s->request = NULL;
        s->watcher = watcher_free(s->watcher);
        if (s->waiting)
                submission_free(s);
}

static HttpRequest *take_request(Submission *s)
{
        return TAKE_PTR(s->request);
}

/* --- the answer ---------------------------------------------------------------------------------------------------- */

static void answer_ticket(HttpRequest *request, const JobId *id, bool again)
{
        char location[64], text[JOB_ID_TEXT_MAX];
        const HttpHeader more[] = { { "Location", location },
                                    { again ? "Idempotent-Replayed" : NULL, "true" },
                                    { NULL, NULL } };
        struct json_object *o = NULL;

        (void) snprintf(location, sizeof(location), "/v1/jobs/%s", job_id_format(text, id));
        (void) job_ticket_to_json(id, JOB_STATE_QUEUED, &o);
        answer_json(request, 202, more, o);
}

static void on_state(void *userdata, JobState state, unsigned attempt)
{
}

static void on_end(void *userdata, int error, const View *view)
{
        struct json_object *o = NULL;
        Submission *s = userdata;

        s->watcher = NULL;
        /* It is not durable yet, or the client is gone: then the end is nobody's business here. */
        if (!s->waiting)
                return;

        HttpRequest *request = take_request(s);
        if (error >= 0)
                error = job_to_json_with_output(view_job(view), view_stdout(view), view_stderr(view), &o);
        if (error >= 0)
                answer_json(request, 200, s->again ? (const HttpHeader[]){ { "Idempotent-Replayed", "true" }, { 0 } } : NULL,
                            o);
        else
                s->answer(request, &s->id, s->again);
        submission_free(s);
}

static const WatcherOps wait_ops = { .on_state = on_state, .on_end = on_end };

static int on_deadline(sd_event_source *source, uint64_t usec, void *userdata)
{
        Submission *s = userdata;

        /* Storing it took all the time there was: it is answered as soon as that is done. */
        if (!s->waiting) {
                s->timer = sd_event_source_disable_unref(s->timer);
                return 0;
        }
        s->answer(take_request(s), &s->id, s->again);
        submission_free(s);
        return 0;
}

/* The job is another than was watched for, when it was submitted before. */
static int wait_for_end(Submission *s)
{
        if (s->again || !s->watcher) {
                s->watcher = watcher_free(s->watcher);
                int r = watcher_new(s->manager->watches, &s->id, false, NULL, &wait_ops, s, &s->watcher);
                if (r < 0)
                        return r;
        } else
                watcher_born(s->watcher);
        s->waiting = true;
        return 0;
}

/* --- durable ------------------------------------------------------------------------------------------------------- */

static void submission_fail(Submission *s, int error)
{
        s->manager->n_submissions--;
        if (s->request && error == -EEXIST)
                answer_problem(take_request(s), "key_reused", "Idempotency-Key",
                               "The key was used for another request within the last day");
        else if (s->request)
                answer_error(take_request(s), error, NULL);
        submission_free(s);
}

static void submission_durable(Submission *s)
{
        Manager *m = s->manager;
        const JobSpec *spec = &s->job.spec;

        m->n_submissions--;
        histogram_observe(&m->metrics.durable, now_usec(CLOCK_MONOTONIC) - s->began_usec);
        if (s->again)
                m->metrics.replayed++;
        else {
                m->metrics.submitted++;
                m->n_queued++;
                publisher_publish(m->publisher, &s->id, spec->language, spec->priority, s->job.source,
                                  s->job.source_size);
                diag_submitted(&s->id, s->client, spec->language, s->request ? answer_request_id(s->request) : NULL);
        }

        if (s->request && s->timer && !m->draining && wait_for_end(s) >= 0)
                return;
        if (s->request)
                s->answer(take_request(s), &s->id, s->again);
        submission_free(s);
}

static void on_stored(int error, const JobId *id, bool again, void *userdata)
{
        Submission *s = userdata;

        if (error < 0) {
                submission_fail(s, error);
                return;
        }
        s->id = *id;
        s->again = again;
        submission_durable(s);
}

/* One after the other, although side by side would be faster for one client: a row whose source is not there, because this
 * process or the blobs failed in between, is a job that a later request with the same key would be promised. */
static void on_source_put(int error, BlobResult *result, void *userdata)
{
        Submission *s = userdata;
        StoreSubmission row = { .id = s->id, .client = s->client, .spec = &s->job.spec, .key = s->key };

        row.n_coming = --s->manager->n_sources;
        memcpy(row.request_hash, s->hash, sizeof(row.request_hash));
        if (error >= 0)
                error = store_submit(s->manager->store, &row, on_stored, s, NULL);
        if (error < 0)
                submission_fail(s, error);
}

/* --- asking -------------------------------------------------------------------------------------------------------- */

/* Equal bodies are equal requests. */
static int hash_request(const HttpRequest *request, uint8_t ret[static STORE_REQUEST_HASH_SIZE])
{
        char hex[BLOB_KEY_SIZE];
        size_t size;
        const char *body = http_request_body(request, &size);

        int r = blob_key_of(body, size, hex);
        for (size_t i = 0; i < STORE_REQUEST_HASH_SIZE && r >= 0; i++) {
                unsigned byte;

                if (sscanf(hex + 2 * i, "%2x", &byte) != 1)
                        return -EINVAL;
                ret[i] = (uint8_t) byte;
        }
        return r;
}

/* Once the source is on its way, the answer comes from there. */
static int submission_start(Submission *s, const char *key)
{
        Manager *m = s->manager;
        int r = key ? hash_request(s->request, s->hash) : 0;

        if (r >= 0)
                r = free_and_strdup(&s->key, key);
        if (r >= 0)
                r = blob_put(m->blobs, s->job.source, s->job.source_size, on_source_put, s, NULL);
        if (r >= 0) {
                m->n_submissions++;
                m->n_sources++;
        }
        return r;
}

static int submission_new(Manager *m, HttpRequest *request, JobRequest *job, const SubmitOptions *options,
                          Submission **ret)
{
        Submission *s = new0(Submission, 1);
        int r;

        if (!s)
                return -ENOMEM;
        *s = (Submission){ .manager = m, .answer = options->answer, .began_usec = now_usec(CLOCK_MONOTONIC) };
        s->job = TAKE(*job, JOB_REQUEST_INIT);
        (void) manager_client(request, s->client);
        r = job_id_make(&m->ids, now_usec(CLOCK_REALTIME), &s->id);
        if (r >= 0 && options->wait_usec > 0) {
                r = sd_event_add_time_relative(m->event, &s->timer, CLOCK_MONOTONIC, options->wait_usec, 0, on_deadline, s);
                if (r >= 0)
                        r = watcher_new(m->watches, &s->id, true, NULL, &wait_ops, s, &s->watcher);
        }
        if (r < 0) {
                submission_free(s);
                return r;
        }
        *ret = s;
        return 0;
}

/* Whether there is room for one more at all. */
static bool is_welcome(const Manager *m, HttpRequest *request)
{
        if (m->draining)
                answer_error(request, -ECANCELED, NULL);
        else if (m->n_submissions >= m->config->api_submissions)
                answer_error(request, -ENOBUFS, NULL);
        else if (m->n_queued >= m->config->api_queued)
                answer_problem(request, "queue_full", NULL, "%llu jobs wait already, as many as may",
                               (unsigned long long) m->n_queued);
        else
                return true;
        return false;
}

/* --- what may be asked --------------------------------------------------------------------------------------------- */

static int check_limits(const Manager *m, const Language *language, const JobLimits *asked, Fault *reterr_fault)
{
        JobLimits limits = language->limits;
        int r;

        job_limits_override(&limits, asked);
        r = job_limits_check(&limits, &m->maximum, reterr_fault);
        if (r == -EBADMSG && reterr_fault && reterr_fault->field) {
                _cleanup_(freep) char *path = format_string("limits.%s", reterr_fault->field);

                if (!path)
                        return -ENOMEM;
                free(reterr_fault->field);
                reterr_fault->field = TAKE_PTR(path);
        }
        return r;
}

/* The linter is the administrator's; a client may have it stricter, not laxer. */
static int check_lint(const Language *language, const char *asked, Fault *reterr_fault)
{
        LintLevel level;
        int r = asked ? lint_level_parse(asked, &level, reterr_fault) : 0;

        if (r < 0 || !asked)
                return r;
        if ((int) level < lint_level_from_string(language->lint_level))
                return fault_set(reterr_fault, FAULT_INVALID_REQUEST, "lint", "lint is %s here, and may only be stricter",
                                 language->lint_level);
        return 0;
}

int choose_language(Manager *m, const char *file_name, const char *source, size_t size, const Language **ret,
                    Fault *reterr_fault)
{
        _cleanup_(strv_freep) char **modules = NULL;
        Language *l = file_name ? language_registry_guess(m->languages, file_name) : NULL;
        int r;

        if (!l && (r = language_registry_find(m->languages, m->config->language, &l, reterr_fault)) < 0)
                return r;
        r = imports_scan(source, size, &modules);
        if (r < 0)
                return r;
        *ret = language_registry_refine(m->languages, l, modules);
        return 0;
}

static int check_job(Manager *m, JobRequest *job, Fault *reterr_fault)
{
        const Config *c = m->config;
        JobSpec *spec = &job->spec;
        const Language *language;
        Language *named;
        int r;

        if (job->source_size > c->source_bytes)
                return fault_set(reterr_fault, FAULT_TOO_LARGE, "source", "The source may have at most %llu bytes",
                                 (unsigned long long) c->source_bytes);
        r = lint_check_text(job->source, job->source_size, reterr_fault);
        if (r < 0)
                return r;

        if (spec->language) {
                r = language_registry_find(m->languages, spec->language, &named, reterr_fault);
                language = named;
        } else
                r = choose_language(m, NULL, job->source, job->source_size, &language, reterr_fault);
        /* Aliases are for people; queues have one name. */
        if (r < 0 || (r = free_and_strdup(&spec->language, language->name)) < 0 ||
            (r = check_lint(language, spec->lint, reterr_fault)) < 0 ||
            (r = check_limits(m, language, &spec->limits, reterr_fault)) < 0)
                return r;

        spec->source_bytes = job->source_size;
        r = blob_key_of(job->source, job->source_size, spec->source_key);
        return r < 0 ? r : job_spec_check(spec, c->arguments_bytes, c->stdin_bytes, reterr_fault);
}

void submit(Manager *m, HttpRequest *request, JobRequest *job, const SubmitOptions *options)
{
        _cleanup_(fault_done) Fault fault = { 0 };
        Submission *s;

        if (!is_welcome(m, request))
                return;
        int r = check_job(m, job, &fault);
        if (r >= 0)
                r = submission_new(m, request, job, options, &s);
        if (r < 0) {
                answer_error(request, r, &fault);
                return;
        }

        s->request = request;
        r = submission_start(s, options->key);
        if (r < 0) {
                answer_error(take_request(s), r, NULL);
                submission_free(s);
                return;
        }
        http_request_park(request, on_abandoned, s);
}

/* --- POST /v1/jobs ------------------------------------------------------------------------------------------------- */

static bool is_printable(const char *s)
{
        while (*s >= 0x20 && *s <= 0x7e)
                s++;
        return *s == '\0';
}

static int read_options(const Manager *m, const HttpRequest *request, SubmitOptions *ret, Fault *reterr_fault)
{
        const char *wait = http_request_query(request, "wait"), *key = http_request_header(request, "Idempotency-Key");
        char most[TIMESPAN_MAX];

        *ret = (SubmitOptions){ .key = key, .answer = answer_ticket };
        if (wait && (parse_usec(wait, &ret->wait_usec) < 0 || ret->wait_usec > m->config->api_wait_usec))
                return fault_set(reterr_fault, FAULT_INVALID_REQUEST, "wait", "wait is a number of seconds, at most %s",
                                 format_timespan(most, m->config->api_wait_usec));
        if (key) {
                size_t n = strlen(key);

                if (n < 1 || n > IDEMPOTENCY_KEY_MAX || !is_printable(key))
                        return fault_set(reterr_fault, FAULT_INVALID_REQUEST, "Idempotency-Key",
                                         "Idempotency-Key has 1 to %i printable characters", IDEMPOTENCY_KEY_MAX);
        }
        return 0;
}

void handle_submit(Manager *m, HttpRequest *request, const char *unused)
{
        _cleanup_(job_request_done) JobRequest job = JOB_REQUEST_INIT;
        _cleanup_(fault_done) Fault fault = { 0 };
        SubmitOptions options;
        size_t size;

        int r = read_options(m, request, &options, &fault);
        if (r >= 0) {
                const char *body = http_request_body(request, &size);

                r = job_request_parse(body, size, &job, &fault);
        }
        if (r == -EPROTO)
                answer_problem(request, "invalid_json", NULL, "%s", fault.detail);
        else if (r < 0)
                answer_error(request, r, &fault);
        else
                submit(m, request, &job, &options);
}
