/* SPDX-License-Identifier: Apache-2.0 */
#include "api/api-jobs.h"

#include <stdio.h>

#include "api/api-call.h"
#include "api/api-diag.h"
#include "api/api-job-json.h"
#include "api/api-watch.h"
#include "basic/parse-util.h"
#include "basic/string-util.h"
#include "queue/queue-api.h"
#include "shared/json-util.h"

#define LIST_LIMIT_DEFAULT 100

static void answer_unknown(HttpRequest *request)
{
        answer_problem(request, "unknown_job", NULL, "There is no such job, or not any more");
}

static void fail_job(Call *call, int error)
{
        if (error == -ENOENT)
                answer_unknown(call_finish(call));
        else
                call_fail(call, error);
}

/* --- one ----------------------------------------------------------------------------------------------------------- */

static void on_job(int error, View *view, void *userdata)
{
        Call *call = userdata;
        struct json_object *o = NULL;

        if (error >= 0)
                error = job_to_json_with_output(view_job(view), view_stdout(view), view_stderr(view), &o);
        if (error < 0)
                fail_job(call, error);
        else
                answer_json(call_finish(call), 200, NULL, o);
}

void handle_job_get(Manager *m, HttpRequest *request, const char *parameter)
{
        JobId id;
        Call *call;

        if (!manager_job_id(request, parameter, &id) || !(call = call_new(m, request, sizeof(*call))))
                return;
        int r = view_new(m, &id, VIEW_OUTPUT, on_job, call, &call->view);
        if (r < 0)
                call_fail(call, r);
}

/* --- its parts ----------------------------------------------------------------------------------------------------- */

typedef struct PartCall {
        Call call;
        ViewParts part;
        uint64_t held_bytes;
} PartCall;

static void on_output(int error, View *view, void *userdata)
{
        PartCall *p = userdata;

        if (error < 0) {
                fail_job(&p->call, error);
                return;
        }

        const StoreJob *job = view_job(view);
        if (job->finished_usec == USEC_INFINITY) {
                answer_problem(call_finish(&p->call), "no_output", NULL,
                               "The job is %s; what it has printed so far is to be had as events",
                               job_state_to_string(job->state));
                return;
        }

        /* Of the view, which goes with the call. */
        Buffer *b = (Buffer *) (p->part == VIEW_STDOUT ? view_stdout(view) : view_stderr(view));
        bool truncated = p->part == VIEW_STDOUT ? job->result.out.truncated : job->result.err.truncated;
        const HttpHeader more[] = { { "X-RCE-Truncated", truncated ? "true" : "false" }, { NULL, NULL } };
        _cleanup_(buffer_done) Buffer bytes = TAKE(*b, (Buffer){ 0 });

        answer_bytes(call_finish(&p->call), 200, "application/octet-stream", more, bytes.data ? bytes.data : "",
                     bytes.size);
}

static void handle_output(Manager *m, HttpRequest *request, const char *parameter, ViewParts part)
{
        PartCall *p;
        JobId id;

        if (!manager_job_id(request, parameter, &id) || !(p = call_new(m, request, sizeof(*p))))
                return;
        p->part = part;
        int r = view_new(m, &id, part, on_output, p, &p->call.view);
        if (r < 0)
                call_fail(&p->call, r);
}

void handle_job_stdout(Manager *m, HttpRequest *request, const char *parameter)
{
        handle_output(m, request, parameter, VIEW_STDOUT);
}

void handle_job_stderr(Manager *m, HttpRequest *request, const char *parameter)
{
        handle_output(m, request, parameter, VIEW_STDERR);
}

static void release_held(Call *call)
{
        manager_release(call->manager, ((PartCall *) call)->held_bytes);
}

static void on_source(int error, BlobResult *result, void *userdata)
{
        PartCall *p = userdata;

        p->call.blob = NULL;
        if (error < 0) {
                /* The job is there, so this is not about the client's asking. */
                call_fail(&p->call, error == -ENOENT ? -EIO : error);
                return;
        }
        answer_bytes(call_finish(&p->call), 200, "text/plain; charset=utf-8", NULL,
                     result->data.data ? result->data.data : "", result->data.size);
}

static void on_job_for_source(int error, StoreJob *job, void *userdata)
{
        PartCall *p = userdata;

        p->call.store = NULL;
        if (error >= 0 && !manager_hold(p->call.manager, job->spec.source_bytes))
                error = -ENOBUFS;
        if (error >= 0) {
                p->held_bytes = job->spec.source_bytes;
                error = blob_get(p->call.manager->blobs, job->spec.source_key, job->spec.source_bytes, on_source, p,
                                 &p->call.blob);
        }
        if (error < 0)
                fail_job(&p->call, error);
}

void handle_job_source(Manager *m, HttpRequest *request, const char *parameter)
{
        PartCall *p;
        JobId id;

        if (!manager_job_id(request, parameter, &id) || !(p = call_new(m, request, sizeof(*p))))
                return;
        p->call.done = release_held;
        int r = store_get(m->store, &id, NULL, on_job_for_source, p, &p->call.store);
        if (r < 0)
                call_fail(&p->call, r);
}

/* --- many ---------------------------------------------------------------------------------------------------------- */

static int list_to_json(const StoreJob *jobs, size_t n, bool more, struct json_object **ret)
{
        _cleanup_(json_putp) struct json_object *o = json_object_new_object(), *array = json_object_new_array();
        char cursor[JOB_ID_TEXT_MAX];
        int r;

        if (!o || !array)
                return -ENOMEM;
        for (size_t i = 0; i < n; i++) {
                struct json_object *job;

                r = job_to_json(&jobs[i], &job);
                if (r >= 0)
                        r = json_array_append(array, job);
                if (r < 0)
                        return r;
        }
        if ((r = json_add(o, "jobs", TAKE_PTR(array))) < 0 ||
            (r = json_add_string(o, "next_cursor", more && n > 0 ? job_id_format(cursor, &jobs[n - 1].id) : NULL)) < 0)
                return r;
        *ret = TAKE_PTR(o);
        return 0;
}

static void on_list(int error, StoreJob *jobs, size_t n, bool more, void *userdata)
{
        Call *call = userdata;
        struct json_object *o = NULL;

        call->store = NULL;
        if (error >= 0)
                error = list_to_json(jobs, n, more, &o);
        if (error < 0)
                call_fail(call, error);
        else
                answer_json(call_finish(call), 200, NULL, o);
}

/* The filter points into the request, and at the cursor. */
static int read_filter(const HttpRequest *request, StoreFilter *ret, JobId *ret_cursor, Fault *reterr_fault)
{
        const char *state = http_request_query(request, "state"), *limit = http_request_query(request, "limit"),
                   *cursor = http_request_query(request, "cursor");
        StoreFilter filter = STORE_FILTER_ALL;
        uint64_t n;

        filter.limit = LIST_LIMIT_DEFAULT;
        filter.language = http_request_query(request, "language");
        filter.tag = http_request_query(request, "tag");

        if (state && (filter.state = job_state_from_string(state)) < 0)
                return fault_set(reterr_fault, FAULT_INVALID_REQUEST, "state",
                                 "state is queued, running, finished or cancelled");
        if (filter.tag && (!strchr(filter.tag, '=') || *filter.tag == '='))
                return fault_set(reterr_fault, FAULT_INVALID_REQUEST, "tag", "tag is NAME=VALUE");
        if (limit) {
                if (parse_uint64(limit, &n) < 0 || n < 1 || n > STORE_LIST_MAX)
                        return fault_set(reterr_fault, FAULT_INVALID_REQUEST, "limit", "limit is a number from 1 to %i",
                                         STORE_LIST_MAX);
                filter.limit = n;
        }
        if (cursor) {
                if (job_id_parse(cursor, ret_cursor) < 0)
                        return fault_set(reterr_fault, FAULT_INVALID_REQUEST, "cursor",
                                         "cursor is what an answer had as next_cursor");
                filter.before = ret_cursor;
        }
        *ret = filter;
        return 0;
}

void handle_job_list(Manager *m, HttpRequest *request, const char *unused)
{
        _cleanup_(fault_done) Fault fault = { 0 };
        StoreFilter filter;
        JobId cursor;
        Call *call;

        int r = read_filter(request, &filter, &cursor, &fault);
        if (r < 0) {
                answer_error(request, r, &fault);
                return;
        }
        call = call_new(m, request, sizeof(*call));
        if (!call)
                return;
        r = store_list(m->store, &filter, on_list, call, &call->store);
        if (r < 0)
                call_fail(call, r);
}

/* --- cancelling, forgetting ---------------------------------------------------------------------------------------- */

typedef struct DeleteCall {
        Call call;
        JobId id;
} DeleteCall;

static void on_cancelled(int error, StoreOutcome outcome, void *userdata)
{
        DeleteCall *d = userdata;
        Manager *m = d->call.manager;
        struct json_object *o = NULL;
        char client[CLIENT_MAX];
        JobId id = d->id;

        d->call.store = NULL;
        if (error < 0) {
                call_fail(&d->call, error);
                return;
        }
        if (outcome == STORE_DONE || outcome == STORE_REQUESTED)
                diag_cancelled(&id, manager_client(d->call.request, client), outcome == STORE_REQUESTED);

        HttpRequest *request = call_finish(&d->call);
        switch (outcome) {
        case STORE_REQUESTED:
                /* Should this be lost, the worker sees it in the row when it finishes. */
                (void) queue_send_control(m->queue, &(QueueControl){ .type = QUEUE_CONTROL_CANCEL, .job = id }, NULL, NULL);
                (void) job_ticket_to_json(&id, JOB_STATE_RUNNING, &o);
                answer_json(request, 202, NULL, o);
                break;
        case STORE_DONE:
                watches_poke(m->watches, &id);
                (void) job_ticket_to_json(&id, JOB_STATE_CANCELLED, &o);
                answer_json(request, 200, NULL, o);
                break;
        case STORE_TOO_LATE:
                answer_problem(request, "job_finished", NULL, "The job is finished; ?purge=1 forgets it");
                break;
        case STORE_TOO_EARLY:
        case STORE_UNKNOWN:
                answer_unknown(request);
                break;
        }
}

/* The blobs of its output are left to age: others may have printed the same. */
static void on_purged(int error, StoreOutcome outcome, const char *out_key, const char *err_key, void *userdata)
{
        DeleteCall *d = userdata;
        char client[CLIENT_MAX];

        d->call.store = NULL;
        if (error < 0) {
                call_fail(&d->call, error);
                return;
        }
        if (outcome == STORE_DONE)
                diag_purged(&d->id, manager_client(d->call.request, client));

        HttpRequest *request = call_finish(&d->call);
        if (outcome == STORE_DONE)
                answer_bytes(request, 204, NULL, NULL, "", 0);
        else if (outcome == STORE_TOO_EARLY)
                answer_problem(request, "job_unfinished", NULL, "The job is not finished; cancel it first");
        else
                answer_unknown(request);
}

void handle_job_delete(Manager *m, HttpRequest *request, const char *parameter)
{
        const char *purge = http_request_query(request, "purge");
        bool forget = false;
        DeleteCall *d;
        JobId id;

        if (purge && parse_bool(*purge ? purge : "1", &forget) < 0) {
                answer_problem(request, "invalid_request", "purge", "purge is 1 or 0");
                return;
        }
        if (!manager_job_id(request, parameter, &id) || !(d = call_new(m, request, sizeof(*d))))
                return;
        d->id = id;

        int r = forget ? store_purge(m->store, &id, NULL, on_purged, d, &d->call.store)
                       : store_cancel(m->store, &id, NULL, on_cancelled, d, &d->call.store);
        if (r < 0)
                call_fail(&d->call, r);
}
