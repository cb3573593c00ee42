/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/worker/fake-ports.h"

#include <stdio.h>
#include <unistd.h>

#include "basic/string-util.h"
#include "tests/unit/test.h"

FakePorts fake;

/* Stands for whatever a handle is. */
static char handle[8];

static int accept_call(void)
{
        return TAKE(fake.fail, 0);
}

/* --- the database -------------------------------------------------------------------------------------------------- */

int store_claim(Store *s, const JobId *id, StoreClaimDone callback, void *userdata, StoreRequest **ret)
{
        fake.n_claims++;
        fake.on_claimed = callback;
        fake.store_userdata = userdata;
        *ret = (StoreRequest *) handle;
        return accept_call();
}

int store_finish(Store *s, const StoreFinish *finish, StoreFinishDone callback, void *userdata, StoreRequest **ret)
{
        fake.n_finishes++;
        fake.on_finished = callback;
        fake.store_userdata = userdata;
        fake.verdict = finish->result->verdict;
        snprintf(fake.reason, sizeof(fake.reason), "%s", finish->result->reason ? finish->result->reason : "");
        fake.has_diagnostics = finish->diagnostics;
        fake.has_out_key = finish->out.key;
        fake.attempt = finish->attempt;
        *ret = (StoreRequest *) handle;
        return accept_call();
}

int store_release(Store *s, const JobId *id, unsigned attempt, StoreReleaseDone callback, void *userdata, StoreRequest **ret)
{
        fake.n_releases++;
        fake.on_released = callback;
        fake.store_userdata = userdata;
        fake.attempt = attempt;
        *ret = (StoreRequest *) handle;
        return accept_call();
}

void store_request_forget(StoreRequest *r)
{
        fake.n_forgotten++;
}

const char *store_refusal(const Store *s)
{
        return "no such column";
}

void store_job_done(StoreJob *job)
{
        free(job->client);
        job_spec_done(&job->spec);
        *job = (StoreJob){ 0 };
}

/* --- the queue ----------------------------------------------------------------------------------------------------- */

int queue_ack(Queue *q, uint64_t tag)
{
        fake.acked[fake.n_acks++ % ELEMENTSOF(fake.acked)] = tag;
        return 0;
}

int queue_hand_back(Queue *q, const QueueJob *job, uint64_t tag)
{
        fake.n_hand_backs++;
        fake.handed_source = job->source;
        return 0;
}

int queue_send_event(Queue *q, const QueueEvent *event, QueueDone callback, void *userdata)
{
        int r = accept_call();

        if (r < 0)
                return r;
        assert_true(fake.n_events < ELEMENTSOF(fake.events));
        fake.events[fake.n_events++] = *event;
        if (callback) {
                snprintf(fake.event_data, sizeof(fake.event_data), "%.*s", (int) event->size, event->data);
                fake.on_sent = callback;
                fake.sent_userdata = userdata;
        }
        return 0;
}

/* --- blobs --------------------------------------------------------------------------------------------------------- */

static int ask_blob(unsigned n, BlobCallback callback, void *userdata, BlobRequest **ret)
{
        int r = accept_call();

        if (r < 0)
                return r;
        fake.on_blob[n % 2] = callback;
        fake.blob_userdata[n % 2] = userdata;
        *ret = (BlobRequest *) &handle[n % 2];
        return 0;
}

int blob_get(BlobStore *b, const char *key, size_t size_max, BlobCallback callback, void *userdata, BlobRequest **ret)
{
        fake.n_gets++;
        return ask_blob(0, callback, userdata, ret);
}

int blob_put(BlobStore *b, const void *data, size_t size, BlobCallback callback, void *userdata, BlobRequest **ret)
{
        return ask_blob(fake.n_puts++, callback, userdata, ret);
}

void blob_cancel(BlobRequest *r)
{
        fake.n_cancelled_blobs++;
}

/* --- the sandbox --------------------------------------------------------------------------------------------------- */

int sandbox_new(SandboxHost *host, const SandboxParams *p, const SandboxCallbacks *callbacks, void *userdata, Sandbox **ret,
                Fault *reterr_fault)
{
        int r = accept_call();

        if (r == -EBADMSG)
                return fault_set(reterr_fault, FAULT_INVALID_REQUEST, "args", "Too many arguments");
        if (r < 0)
                return r;

        fake.n_sandboxes++;
        fake.sandbox = *callbacks;
        fake.sandbox_userdata = userdata;
        fake.limits = p->limits;
        snprintf(fake.source, sizeof(fake.source), "%.*s", (int) p->source_size, p->source);
        snprintf(fake.args, sizeof(fake.args), "%s", p->args ? p->args[0] : "");
        ssize_t n = read(p->stdin_fd, fake.input, sizeof(fake.input) - 1);
        assert_true(n >= 0);
        fake.input[n] = '\0';
        *ret = (Sandbox *) handle;
        return 0;
}

void sandbox_cancel(Sandbox *s)
{
        fake.n_kills++;
}

bool sandbox_host_is_connected(const SandboxHost *h)
{
        return !fake.no_manager;
}

const Fault *sandbox_fault(const Sandbox *s)
{
        static const Fault fault = { .code = FAULT_MISSING_IMAGE, .detail = (char *) "no image" };

        return fake.no_image ? &fault : NULL;
}

const char *sandbox_unit_name(const Sandbox *s)
{
        return "rce-sandbox-test-1.service";
}

const JobResult *sandbox_result(const Sandbox *s)
{
        return &fake.result;
}

Sandbox *sandbox_free(Sandbox *s)
{
        fake.n_freed_sandboxes += s != NULL;
        return NULL;
}

void fake_output(SandboxStream stream, const char *text)
{
        JobOutput *output = stream == SANDBOX_STDOUT ? &fake.result.out : &fake.result.err;

        assert_int_equal(buffer_append_string(&output->bytes, text), 0);
        fake.sandbox.on_output((Sandbox *) handle, stream, text, strlen(text), fake.sandbox_userdata);
}

void fake_finished(JobVerdict verdict, const char *reason)
{
        fake.result.verdict = verdict;
        (void) free_and_strdup(&fake.result.reason, reason);
        fake.sandbox.on_finished((Sandbox *) handle, &fake.result, fake.sandbox_userdata);
}

void fake_gone(void)
{
        fake.sandbox.on_gone((Sandbox *) handle, 0, fake.sandbox_userdata);
}

/* --- languages ----------------------------------------------------------------------------------------------------- */

/* Without Podman. */
int quadlet_service_load(const Language *l, QuadletService **ret, Fault *reterr_fault)
{
        int r = accept_call();

        if (r == -EBADMSG)
                return fault_set(reterr_fault, FAULT_BROKEN_LANGUAGE, NULL, "No such key");
        *ret = new0(QuadletService, 1);
        return *ret ? 0 : -ENOMEM;
}

QuadletService *quadlet_service_free(QuadletService *s)
{
        free(s);
        return NULL;
}

/* Policies are not installed while they are tested. */
int __wrap_lint_policy_open(const char *grammar, LintPolicy **ret, Fault *reterr_fault);

int __wrap_lint_policy_open(const char *grammar, LintPolicy **ret, Fault *reterr_fault)
{
        char path[4096];

        assert_non_null(getenv("RCE_LINT_POLICIES"));
        snprintf(path, sizeof(path), "%s/%s.scm", getenv("RCE_LINT_POLICIES"), grammar);
        if (access(path, F_OK) < 0)
                return fault_set(reterr_fault, FAULT_BROKEN_LANGUAGE, "lint", "There is no lint policy for '%s'", grammar);
        return lint_policy_load(grammar, path, ret, reterr_fault);
}
