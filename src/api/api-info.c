/* SPDX-License-Identifier: Apache-2.0 */
#include "api/api-info.h"

#include "api/api-call.h"
#include "api/api-job-json.h"
#include "api/api-openapi.h"
#include "basic/string-util.h"
#include "build-config.h"
#include "shared/json-util.h"

/* --- languages ----------------------------------------------------------------------------------------------------- */

static int add_names(struct json_object *o, const char *key, char *const *names)
{
        _cleanup_(json_putp) struct json_object *a = json_object_new_array();

        if (!a)
                return -ENOMEM;
        STRV_FOREACH(name, names) {
                int r = json_array_append(a, json_object_new_string(*name));
                if (r < 0)
                        return r;
        }
        return json_add(o, key, TAKE_PTR(a));
}

static int language_to_json(const Language *l, struct json_object **ret)
{
        _cleanup_(json_putp) struct json_object *o = json_object_new_object();
        struct json_object *limits;
        int r;

        if (!o || (r = json_add_string(o, "name", l->name)) < 0 || (r = json_add_string(o, "version", l->version)) < 0 ||
            (r = add_names(o, "aliases", l->aliases)) < 0 ||
            (r = json_add_string(o, "source_name", l->source_name)) < 0 ||
            (r = json_add_string(o, "lint", l->lint_level)) < 0 || (r = add_names(o, "preload", l->preload)) < 0 ||
            (r = json_add_bool(o, "compiled", l->compile_argv != NULL)) < 0 ||
            (r = job_limits_to_json(&l->limits, &limits)) < 0 || (r = json_add(o, "limits", limits)) < 0)
                return -ENOMEM;
        *ret = TAKE_PTR(o);
        return 0;
}

void handle_languages(Manager *m, HttpRequest *request, const char *unused)
{
        _cleanup_(json_putp) struct json_object *o = json_object_new_object(), *a = json_object_new_array(), *l = NULL;
        int r = o && a ? 0 : -ENOMEM;

        for (size_t i = 0; i < m->languages->n_languages && r >= 0; i++) {
                if (m->languages->languages[i]->broken.detail)
                        continue;
                r = language_to_json(m->languages->languages[i], &l);
                if (r >= 0)
                        r = json_array_append(a, TAKE_PTR(l));
        }
        if (r >= 0)
                r = json_add(o, "languages", TAKE_PTR(a));
        if (r >= 0)
                r = job_limits_to_json(&m->maximum, &l);
        if (r >= 0)
                r = json_add(o, "limits_maximum", TAKE_PTR(l));
        if (r >= 0)
                r = json_add_string(o, "default", m->config->language);
        answer_json(request, 200, NULL, r < 0 ? NULL : TAKE_PTR(o));
}

/* --- workers ------------------------------------------------------------------------------------------------------- */

static int worker_to_json(const StoreWorker *w, struct json_object **ret)
{
        _cleanup_(json_putp) struct json_object *o = json_object_new_object(), *finished = json_object_new_object();
        char id[JOB_ID_TEXT_MAX];
        int r;

        for (JobVerdict v = 0; v < _JOB_VERDICT_MAX; v++)
                if (w->finished[v] > 0 && json_add_uint(finished, job_verdict_to_string(v), w->finished[v]) < 0)
                        return -ENOMEM;
        if (!o || !finished || (r = json_add_string(o, "name", w->name)) < 0 ||
            (r = json_add_string(o, "host", w->host)) < 0 ||
            (r = json_add_string(o, "incarnation", job_id_format(id, &w->incarnation))) < 0 ||
            (r = json_add_string(o, "version", w->version)) < 0 || (r = json_add_bool(o, "alive", w->alive)) < 0 ||
            (r = json_add_uint(o, "slots", w->slots)) < 0 || (r = json_add_uint(o, "running", w->running)) < 0 ||
            (r = add_names(o, "languages", w->languages)) < 0 || (r = json_add(o, "finished", TAKE_PTR(finished))) < 0 ||
            (r = json_add_time(o, "started_at", w->started_usec)) < 0 ||
            (r = json_add_time(o, "seen_at", w->seen_usec)) < 0)
                return -ENOMEM;
        *ret = TAKE_PTR(o);
        return 0;
}

static void on_workers(int error, const StoreWorker *workers, size_t n, void *userdata)
{
        _cleanup_(json_putp) struct json_object *o = json_object_new_object(), *a = json_object_new_array();
        Call *call = userdata;
        int r = o && a ? error : -ENOMEM;

        call->store = NULL;
        for (size_t i = 0; i < n && r >= 0; i++) {
                struct json_object *worker;

                r = worker_to_json(&workers[i], &worker);
                if (r >= 0)
                        r = json_array_append(a, worker);
        }
        if (r >= 0)
                r = json_add(o, "workers", TAKE_PTR(a));
        if (r < 0)
                call_fail(call, r);
        else
                answer_json(call_finish(call), 200, NULL, TAKE_PTR(o));
}

void handle_workers(Manager *m, HttpRequest *request, const char *unused)
{
        Call *call = call_new(m, request, sizeof(*call));

        if (!call)
                return;
        int r = store_workers(m->store, on_workers, call, &call->store);
        if (r < 0)
                call_fail(call, r);
}

/* --- the queue ----------------------------------------------------------------------------------------------------- */

static int count_to_json(const StoreCount *c, struct json_object **ret)
{
        _cleanup_(json_putp) struct json_object *o = json_object_new_object();
        int r;

        if (!o || (r = json_add_string(o, "language", c->language)) < 0 ||
            (r = json_add_string(o, "priority", job_priority_to_string(c->priority))) < 0 ||
            (r = json_add_string(o, "state", job_state_to_string(c->state))) < 0 ||
            (r = json_add_uint(o, "jobs", c->n)) < 0 || (r = json_add_time(o, "oldest_at", c->oldest_usec)) < 0)
                return -ENOMEM;
        *ret = TAKE_PTR(o);
        return 0;
}

static void on_counts(int error, const StoreCount *counts, size_t n, void *userdata)
{
        _cleanup_(json_putp) struct json_object *o = json_object_new_object(), *a = json_object_new_array();
        Call *call = userdata;
        int r = o && a ? error : -ENOMEM;

        call->store = NULL;
        for (size_t i = 0; i < n && r >= 0; i++) {
                struct json_object *count;

                r = count_to_json(&counts[i], &count);
                if (r >= 0)
                        r = json_array_append(a, count);
        }
        if (r >= 0)
                r = json_add(o, "queue", TAKE_PTR(a));
        if (r < 0)
                call_fail(call, r);
        else
                answer_json(call_finish(call), 200, NULL, TAKE_PTR(o));
}

void handle_queue(Manager *m, HttpRequest *request, const char *unused)
{
        Call *call = call_new(m, request, sizeof(*call));

        if (!call)
                return;
        int r = store_counts(m->store, on_counts, call, &call->store);
        if (r < 0)
                call_fail(call, r);
}

/* --- health -------------------------------------------------------------------------------------------------------- */

void handle_healthz(Manager *m, HttpRequest *request, const char *unused)
{
        struct json_object *o = json_object_new_object();

        if (json_add_string(o, "status", "ok") < 0 || json_add_string(o, "version", RCE_VERSION) < 0) {
                json_object_put(o);
                o = NULL;
        }
        answer_json(request, 200, NULL, o);
}

/* Ready is who can take a submission now. Without the broker it can: what is stored is published as soon as there is one. */
void handle_readyz(Manager *m, HttpRequest *request, const char *unused)
{
        const struct {
                const char *name;
                bool ready, needed;
        } backends[] = {
                { "database", store_is_connected(m->store), true },
                { "blobs", blob_store_ready(m->blobs), true },
                { "broker", queue_is_ready(m->queue), false },
        };
        _cleanup_(json_putp) struct json_object *o = json_object_new_object(), *list = json_object_new_object();
        bool ready = !m->draining;
        int r = o && list ? 0 : -ENOMEM;

        for (size_t i = 0; i < ELEMENTSOF(backends) && r >= 0; i++) {
                ready = ready && (backends[i].ready || !backends[i].needed);
                r = json_add_string(list, backends[i].name, backends[i].ready ? "ok" : "unavailable");
        }
        if (r >= 0)
                r = json_add_string(o, "status", ready ? "ok" : m->draining ? "stopping" : "unavailable");
        if (r >= 0)
                r = json_add(o, "backends", TAKE_PTR(list));
        answer_json(request, ready ? 200 : 503, NULL, r < 0 ? NULL : TAKE_PTR(o));
}

/* --- the description ----------------------------------------------------------------------------------------------- */

void handle_openapi(Manager *m, HttpRequest *request, const char *unused)
{
        answer_bytes(request, 200, "application/json", NULL, api_openapi_start,
                     (size_t) (api_openapi_end - api_openapi_start));
}
