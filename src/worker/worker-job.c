/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/worker-job.h"

#include <fcntl.h>
#include <stdio.h>

#include "basic/fd-util.h"
#include "basic/string-util.h"
#include "shared/json-util.h"
#include "worker/worker-diag.h"
#include "worker/worker-teller.h"

/* For what is said of a job of which not even the attempt is known, since the database ended it: no attempt is later. */
#define ATTEMPT_UNKNOWN ((unsigned) INT32_MAX)

/* A stream of output on its way to the blobs. */
typedef struct Upload {
        WorkerJob *job;
        BlobRequest *request;
        StoreOutput output;
} Upload;

struct WorkerJob {
        WorkerContext *context;
        Queue *queue;                    /* where the message came from */
        QueueJob message;
        uint64_t tag;
        bool redelivered;

        WorkerState state;
        bool cancelled, draining;
        sd_event_source *timer;

        StoreRequest *request;
        BlobRequest *fetch;
        LintTask *lint;
        Upload uploads[_QUEUE_STREAM_MAX];
        int upload_error;

        StoreJob job;                    /* once it is claimed */
        char *source;                    /* until the sandbox has it, or the message needs it no more */
        size_t source_size;
        WorkerLanguages *languages;
        const WorkerLanguage *language;
        JobLimits limits;
        char **log_fields;
        Sandbox *sandbox;
        bool sandbox_gone;

        WorkerTeller teller;

        JobResult own_result;            /* when no sandbox has one */
        const JobResult *result;
        char *diagnostics;
        bool refused;                    /* by the database, of which one word is enough */
};

static void dispatch(WorkerJob *j, WorkerEvent event);

static WorkerDiag diag_of(const WorkerJob *j)
{
        return (WorkerDiag){ j->context->name, &j->message.id, j->job.attempt, j->message.language, j->job.client };
}

/* --- results ------------------------------------------------------------------------------------------------------- */

static WorkerEvent have_result(WorkerJob *j, JobVerdict verdict, const char *reason)
{
        job_result_done(&j->own_result);
        j->own_result = (JobResult){ .verdict = verdict, .exit_code = -1, .reason = reason ? strdup(reason) : NULL };
        j->result = &j->own_result;
        return WORKER_RESULT;
}

/* This host could not do it. Others, or this one a while later, may. */
static WorkerEvent have_failed(WorkerJob *j, const char *reason)
{
        WorkerDiag diag = diag_of(j);

        worker_diag_attempt_failed(&diag, reason);
        /* While a worker is stopping, as when the host is shut down, a failure says nothing about the job. */
        if (j->job.attempt < j->context->config->attempts_max || j->draining || !sandbox_host_is_connected(j->context->host))
                return WORKER_FAILED;

        (void) have_result(j, JOB_VERDICT_INTERNAL_ERROR, reason);
        return WORKER_FAILED_LAST;
}

/* What is wrong with the request ends the job, what is wrong with this host only the attempt. */
static WorkerEvent have_error(WorkerJob *j, int error, const Fault *fault)
{
        if (error != -EBADMSG)
                return have_failed(j, strerror(-error));

        switch (fault->code) {
        case FAULT_INVALID_REQUEST:
        case FAULT_INVALID_SOURCE:
        case FAULT_TOO_LARGE:
                return have_result(j, JOB_VERDICT_REJECTED, fault->detail);
        default:
                return have_failed(j, fault->detail);
        }
}

/* --- claiming ------------------------------------------------------------------------------------------------------ */

static WorkerEvent unavailable(WorkerJob *j, const char *what, int error)
{
        WorkerDiag diag = diag_of(j);

        worker_diag_waits(&diag, what, error);
        return WORKER_UNAVAILABLE;
}

static WorkerEvent claimed(WorkerJob *j, StoreJob *job)
{
        store_job_done(&j->job);
        j->job = TAKE(*job, (StoreJob){ 0 });

        WorkerDiag diag = diag_of(j);
        worker_diag_claimed(&diag);
        j->teller.attempt = j->job.attempt;
        worker_teller_running(&j->teller);
        return j->source && j->source_size == j->job.spec.source_bytes ? WORKER_TAKEN_WITH_SOURCE : WORKER_TAKEN;
}

static void on_claimed(int error, StoreClaim claim, StoreJob *job, void *userdata)
{
        WorkerJob *j = userdata;
        WorkerDiag diag = diag_of(j);

        j->request = NULL;
        if (error < 0) {
                dispatch(j, unavailable(j, "claimed", error));
                return;
        }

        switch (claim) {
        case STORE_CLAIM_TAKEN:
                dispatch(j, claimed(j, job));
                /* What came up meanwhile. */
                if (j->cancelled)
                        worker_job_cancel(j);
                else if (j->draining)
                        worker_job_drain(j);
                break;
        case STORE_CLAIM_BUSY:
                dispatch(j, !j->redelivered ? WORKER_BUSY : WORKER_BUSY_AGAIN);
                break;
        case STORE_CLAIM_EXHAUSTED:
                worker_diag_given_up(&diag);
                j->context->n_finished++;
                worker_teller_finished(&j->teller, ATTEMPT_UNKNOWN, &(JobResult){ .verdict = JOB_VERDICT_INTERNAL_ERROR });
                dispatch(j, WORKER_SETTLED);
                break;
        case STORE_CLAIM_GONE:
                dispatch(j, WORKER_SETTLED);
                break;
        }
}

static WorkerEvent enter_claiming(WorkerJob *j)
{
        int r = store_claim(j->context->store, &j->message.id, on_claimed, j, &j->request);
        return r < 0 ? unavailable(j, "claimed", r) : WORKER_NO_EVENT;
}

/* --- the source ---------------------------------------------------------------------------------------------------- */

static WorkerEvent take_source(WorkerJob *j, Buffer *data)
{
        /* One that was in the message, and was not it. */
        free(j->source);
        j->message.source = NULL;

        j->source_size = data->size;
        j->source = buffer_take(data);
        return j->source ? WORKER_FETCHED : have_failed(j, NULL);
}

static void on_fetched(int error, BlobResult *result, void *userdata)
{
        WorkerJob *j = userdata;

        j->fetch = NULL;
        if (error == -ENOTCONN || error == -ECANCELED) {
                dispatch(j, unavailable(j, "fetched", error));
        } else if (error < 0) {
                char reason[512];

                snprintf(reason, sizeof(reason), "The source could not be read: %s",
                         result && result->why ? result->why : strerror(-error));
                dispatch(j, have_failed(j, reason));
        } else {
                dispatch(j, take_source(j, &result->data));
        }
}

static WorkerEvent enter_fetching(WorkerJob *j)
{
        int r = blob_get(j->context->blobs, j->job.spec.source_key, (size_t) j->job.spec.source_bytes, on_fetched, j, &j->fetch);

        if (r == -EINVAL)
                return have_failed(j, "The source has no valid key");
        return r < 0 ? unavailable(j, "fetched", r) : WORKER_NO_EVENT;
}

/* --- the linter ---------------------------------------------------------------------------------------------------- */

static WorkerEvent have_findings(WorkerJob *j, const LintResult *lint)
{
        const LintDiagnostic *first = &lint->diagnostics[0];
        _cleanup_(json_putp) struct json_object *o = NULL;
        char reason[512];

        int r = lint_result_to_json(lint, j->language->language->source_name, &o);
        if (r >= 0)
                r = free_and_strdup(&j->diagnostics, json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN));
        if (r < 0)
                return have_failed(j, NULL);

        snprintf(reason, sizeof(reason), "Line %u: %s", first->line, first->reason);
        return have_result(j, JOB_VERDICT_REJECTED, reason);
}

static void on_linted(int error, const Fault *fault, const LintResult *result, void *userdata)
{
        WorkerJob *j = userdata;

        j->lint = NULL;
        if (error < 0)
                dispatch(j, have_error(j, error, fault));
        else
                dispatch(j, result->n_diagnostics > 0 ? have_findings(j, result) : WORKER_CLEAN);
}

static int begin_lint(WorkerJob *j, Fault *reterr_fault)
{
        const WorkerContext *c = j->context;
        const JobSpec *spec = &j->job.spec;
        JobLimits maximum = job_limits_maximum(c->config);
        LintPolicy *policy;
        LintLevel level;
        int r;

        worker_languages_unref(j->languages);
        j->languages = worker_languages_ref(c->languages);
        r = worker_languages_find(j->languages, spec->language, &j->language, reterr_fault);
        if (r < 0)
                return r;

        j->limits = j->language->language->limits;
        job_limits_override(&j->limits, &spec->limits);
        if ((r = job_limits_check(&j->limits, &maximum, reterr_fault)) < 0 ||
            (r = worker_language_lint(j->language, spec->lint, &level, &policy, reterr_fault)) < 0)
                return r;
        return lint_thread_run(c->lint, j->languages, policy, level, j->source, j->source_size, on_linted, j, &j->lint);
}

static WorkerEvent enter_linting(WorkerJob *j)
{
        _cleanup_(fault_done) Fault fault = { 0 };

        int r = begin_lint(j, &fault);
        return r < 0 ? have_error(j, r, &fault) : WORKER_NO_EVENT;
}

/* --- the sandbox --------------------------------------------------------------------------------------------------- */

static void on_output(Sandbox *s, SandboxStream stream, const char *data, size_t size, void *userdata)
{
        worker_teller_output(&((WorkerJob *) userdata)->teller);
}

/* A program that began, and so has a duration, had a sandbox; and a missing image is a matter of its language. */
static void tell_of_host(WorkerJob *j, const JobResult *result)
{
        const WorkerContext *c = j->context;

        if (result->wall_usec > 0)
                c->on_sandbox(true, NULL, c->userdata);
        else if (result->verdict == JOB_VERDICT_INTERNAL_ERROR && !sandbox_fault(j->sandbox))
                c->on_sandbox(false, result->reason, c->userdata);
}

static void on_finished(Sandbox *s, const JobResult *result, void *userdata)
{
        WorkerJob *j = userdata;

        j->result = result;
        tell_of_host(j, result);
        if (result->verdict == JOB_VERDICT_CANCELLED)
                dispatch(j, WORKER_KILLED);
        else if (result->verdict != JOB_VERDICT_INTERNAL_ERROR)
                dispatch(j, WORKER_RESULT);
        else if (j->cancelled)
                dispatch(j, have_result(j, JOB_VERDICT_CANCELLED, NULL));
        else
                dispatch(j, have_failed(j, result->reason));
}

static void on_gone(Sandbox *s, int error, void *userdata)
{
        WorkerJob *j = userdata;

        j->sandbox_gone = true;
        if (error < 0) {
                WorkerDiag diag = diag_of(j);
                worker_diag_leftovers(&diag, sandbox_unit_name(s), error);
        }
        dispatch(j, WORKER_GONE);
}

static int open_stdin(const JobSpec *spec)
{
        if (spec->stdin_data)
                return memfd_new_sealed("stdin", spec->stdin_data, spec->stdin_size);

        int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
        return fd < 0 ? -errno : fd;
}

static WorkerEvent enter_running(WorkerJob *j)
{
        static const SandboxCallbacks callbacks = { on_output, on_finished, on_gone };
        const WorkerContext *c = j->context;
        _cleanup_(fault_done) Fault fault = { 0 };
        _cleanup_(closep) int stdin_fd = open_stdin(&j->job.spec);

        if (stdin_fd < 0)
                return have_failed(j, strerror(-stdin_fd));

        WorkerDiag diag = diag_of(j);
        int r = worker_diag_fields(&diag, &j->log_fields);
        if (r < 0)
                return have_error(j, r, NULL);

        SandboxParams params = {
                .language = j->language->language,
                .service = j->language->service,
                .log_fields = j->log_fields,
                .limits = j->limits,
                .args = j->job.spec.arguments,
                .environment = j->job.spec.environment,
                .source = j->source,
                .source_size = j->source_size,
                .stdin_fd = stdin_fd,
                .start_timeout_usec = c->config->start_timeout_usec,
                .stop_timeout_usec = c->config->stop_timeout_usec,
        };
        r = sandbox_new(c->host, &params, &callbacks, j, &j->sandbox, &fault);
        if (r < 0)
                return have_error(j, r, &fault);
        j->teller.kept = sandbox_result(j->sandbox);
        return WORKER_NO_EVENT;
}

/* --- the result ---------------------------------------------------------------------------------------------------- */

static bool is_uploading(const WorkerJob *j)
{
        return j->uploads[QUEUE_STDOUT].request || j->uploads[QUEUE_STDERR].request;
}

static void on_uploaded(int error, BlobResult *result, void *userdata)
{
        Upload *u = userdata;
        WorkerJob *j = u->job;

        u->request = NULL;
        if (error >= 0)
                error = free_and_strdup(&u->output.key, result->key);
        if (error < 0)
                j->upload_error = error;
        if (is_uploading(j))
                return;
        dispatch(j, j->upload_error < 0 ? unavailable(j, "stored", j->upload_error) : WORKER_STORED);
}

static WorkerEvent enter_storing(WorkerJob *j)
{
        const Buffer *streams[] = { &j->result->out.bytes, &j->result->err.bytes };

        j->upload_error = 0;
        for (size_t i = 0; i < ELEMENTSOF(streams); i++) {
                Upload *u = &j->uploads[i];

                u->job = j;
                u->output.n_bytes = streams[i]->size;
                if (u->output.key || streams[i]->size <= STORE_INLINE_OUTPUT_MAX)
                        continue;
                int r = blob_put(j->context->blobs, streams[i]->data, streams[i]->size, on_uploaded, u, &u->request);
                if (r < 0)
                        j->upload_error = r;
        }

        if (is_uploading(j))
                return WORKER_NO_EVENT;
        return j->upload_error < 0 ? unavailable(j, "stored", j->upload_error) : WORKER_STORED;
}

static void on_stored(int error, bool committed, void *userdata)
{
        WorkerJob *j = userdata;
        WorkerDiag diag = diag_of(j);

        j->request = NULL;
        if (error < 0) {
                if (error == -EIO && !j->refused)
                        worker_diag_refused(&diag, store_refusal(j->context->store));
                j->refused = error == -EIO;
                dispatch(j, unavailable(j, "finished", error));
        } else if (committed) {
                worker_diag_finished(&diag, j->result);
                j->context->n_finished++;
                worker_teller_finished(&j->teller, 0, j->result);
                dispatch(j, WORKER_COMMITTED);
        } else {
                worker_diag_superseded(&diag);
                dispatch(j, WORKER_SUPERSEDED);
        }
}

static WorkerEvent enter_finishing(WorkerJob *j)
{
        StoreFinish finish = {
                .id = j->message.id,
                .attempt = j->job.attempt,
                .result = j->result,
                .out = j->uploads[QUEUE_STDOUT].output,
                .err = j->uploads[QUEUE_STDERR].output,
                .diagnostics = j->diagnostics,
        };

        int r = store_finish(j->context->store, &finish, on_stored, j, &j->request);
        return r < 0 ? unavailable(j, "finished", r) : WORKER_NO_EVENT;
}

/* --- giving back --------------------------------------------------------------------------------------------------- */

/* When it was not ours to give, this may be the second time of asking, the first answer being lost: the message has to be
 * there all the same. */
static void on_released(int error, bool released, void *userdata)
{
        WorkerJob *j = userdata;

        j->request = NULL;
        dispatch(j, error < 0 ? unavailable(j, "given back", error) : WORKER_RELEASED);
}

static WorkerEvent enter_releasing(WorkerJob *j)
{
        int r = store_release(j->context->store, &j->message.id, j->job.attempt, on_released, j, &j->request);
        return r < 0 ? unavailable(j, "given back", r) : WORKER_NO_EVENT;
}

static WorkerEvent enter_acking(WorkerJob *j)
{
        (void) queue_ack(j->queue, j->tag);
        return WORKER_ANSWERED;
}

/* At the end of the queue, where it does not keep this worker from the jobs behind it. */
static WorkerEvent enter_requeuing(WorkerJob *j)
{
        if (j->draining) {
                WorkerDiag diag = diag_of(j);

                worker_diag_returned(&diag);
                j->context->n_returned++;
        }
        (void) queue_hand_back(j->queue, &j->message, j->tag);
        return WORKER_ANSWERED;
}

static WorkerEvent enter_leaving(WorkerJob *j)
{
        return j->sandbox && !j->sandbox_gone ? WORKER_NO_EVENT : WORKER_GONE;
}

/* --- the machine --------------------------------------------------------------------------------------------------- */

static void forget_requests(WorkerJob *j)
{
        if (j->request)
                store_request_forget(j->request);
        j->request = NULL;
        if (j->fetch)
                blob_cancel(j->fetch);
        j->fetch = NULL;
        if (j->lint)
                lint_task_forget(j->lint);
        j->lint = NULL;
        for (size_t i = 0; i < ELEMENTSOF(j->uploads); i++) {
                if (j->uploads[i].request)
                        blob_cancel(j->uploads[i].request);
                j->uploads[i].request = NULL;
        }
        j->timer = sd_event_source_disable_unref(j->timer);
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata);

static void retry_later(WorkerJob *j)
{
        (void) sd_event_add_time_relative(j->context->event, &j->timer, CLOCK_MONOTONIC, j->context->retry_usec, 0, on_timer, j);
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
        WorkerJob *j = userdata;

        j->timer = sd_event_source_disable_unref(j->timer);
        if (j->state == WORKER_WAITING && !j->context->may_claim(j->context->userdata))
                retry_later(j);
        else
                dispatch(j, WORKER_TIMER);
        return 0;
}

static WorkerEvent enter(WorkerJob *j)
{
        static WorkerEvent (*const enters[_WORKER_STATE_MAX])(WorkerJob *j) = {
                [WORKER_CLAIMING] = enter_claiming,   [WORKER_FETCHING] = enter_fetching, [WORKER_LINTING] = enter_linting,
                [WORKER_RUNNING] = enter_running,     [WORKER_STORING] = enter_storing,   [WORKER_FINISHING] = enter_finishing,
                [WORKER_RELEASING] = enter_releasing, [WORKER_ACKING] = enter_acking,     [WORKER_REQUEUING] = enter_requeuing,
                [WORKER_LEAVING] = enter_leaving,
        };

        return enters[j->state](j);
}

/* Goes from state to state until somebody has to be waited for. The job may be gone afterwards. */
static void dispatch(WorkerJob *j, WorkerEvent event)
{
        while (event != WORKER_NO_EVENT) {
                WorkerStep step = worker_step(j->state, event);

                event = WORKER_NO_EVENT;
                if (step.action != WORKER_KILL && (step.action != WORKER_NOTHING || step.state != j->state))
                        forget_requests(j);
                j->state = step.state;

                switch (step.action) {
                case WORKER_ENTER:
                        event = enter(j);
                        break;
                case WORKER_RETRY_LATER:
                        retry_later(j);
                        break;
                case WORKER_KILL:
                        sandbox_cancel(j->sandbox);
                        break;
                case WORKER_NOTHING:
                        break;
                }
        }

        if (j->state == WORKER_ENDED)
                j->context->on_ended(j, j->context->userdata);
        else
                j->context->on_change(j, j->context->userdata);
}

int worker_job_new(WorkerContext *context, const QueueJob *message, uint64_t tag, bool redelivered, WorkerJob **ret)
{
        _cleanup_(worker_job_freep) WorkerJob *j = new0(WorkerJob, 1);

        if (!j)
                return -ENOMEM;

        j->context = context;
        j->queue = context->queue;
        j->tag = tag;
        j->redelivered = redelivered;
        j->message = *message;
        j->state = WORKER_CLAIMING;
        j->teller.queue = &context->queue;
        j->teller.job = message->id;
        if (message->source) {
                j->source = memdup_nul(message->source, message->source_size);
                if (!j->source)
                        return -ENOMEM;
                j->source_size = message->source_size;
                j->message.source = j->source;
        }

        *ret = TAKE_PTR(j);
        return 0;
}

void worker_job_begin(WorkerJob *j)
{
        dispatch(j, WORKER_TIMER);
}

WorkerJob *worker_job_free(WorkerJob *j)
{
        if (!j)
                return NULL;

        forget_requests(j);
        worker_teller_done(&j->teller);
        sandbox_free(j->sandbox);
        strv_free(j->log_fields);
        worker_languages_unref(j->languages);
        store_job_done(&j->job);
        job_result_done(&j->own_result);
        for (size_t i = 0; i < ELEMENTSOF(j->uploads); i++)
                free(j->uploads[i].output.key);
        free(j->source);
        free(j->diagnostics);
        return mfree(j);
}

const JobId *worker_job_id(const WorkerJob *j)
{
        return &j->message.id;
}

WorkerState worker_job_state(const WorkerJob *j)
{
        return j->state;
}

const Queue *worker_job_queue(const WorkerJob *j)
{
        return j->queue;
}

void worker_job_redelivered(WorkerJob *j, uint64_t tag)
{
        /* The other may be from a connection that was lost. If it is not, one message is enough. */
        (void) queue_ack(j->queue, j->tag);
        j->queue = j->context->queue;
        j->tag = tag;
        j->redelivered = true;
}

void worker_job_cancel(WorkerJob *j)
{
        j->cancelled = true;
        if (j->state == WORKER_FETCHING || j->state == WORKER_LINTING)
                (void) have_result(j, JOB_VERDICT_CANCELLED, NULL);
        dispatch(j, WORKER_CANCEL);
}

void worker_job_drain(WorkerJob *j)
{
        j->draining = true;
        dispatch(j, WORKER_DRAIN);
}

void worker_job_give_back(WorkerJob *j)
{
        j->draining = true;
        dispatch(j, WORKER_GIVE_BACK);
}

void worker_job_watch(WorkerJob *j, unsigned attempt, const uint64_t offsets[static _QUEUE_STREAM_MAX])
{
        worker_teller_watch(&j->teller, attempt, offsets);
}

void worker_job_tell_state(WorkerJob *j)
{
        if (worker_state_is_claimed(j->state))
                worker_teller_running(&j->teller);
}
