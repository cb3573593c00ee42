/* SPDX-License-Identifier: Apache-2.0 */
#include "api/api-manager.h"

#include <limits.h>
#include <stdio.h>
#include <unistd.h>

#include "api/api-collect.h"
#include "api/api-diag.h"
#include "api/api-lint-desk.h"
#include "api/api-publish.h"
#include "api/api-sweep.h"
#include "api/api-watch.h"
#include "basic/fd-util.h"
#include "basic/log.h"
#include "basic/string-util.h"
#include "build-config.h"

/* A request that waits for its job must not be cut off before it is answered. */
#define PARK_GRACE_USEC USEC_PER_MINUTE

/* Sources on their way to the blobs, all together. */
#define BLOB_QUEUE_BYTES ((size_t) 64 << 20)

bool manager_hold(Manager *m, uint64_t n_bytes)
{
        if (n_bytes > m->config->api_watched_bytes - MIN(m->held_bytes, m->config->api_watched_bytes))
                return false;
        m->held_bytes += n_bytes;
        return true;
}

void manager_release(Manager *m, uint64_t n_bytes)
{
        m->held_bytes -= n_bytes;
}

/* --- what the others tell ------------------------------------------------------------------------------------------ */

static void on_store_state(bool connected, const char *why, void *userdata)
{
        diag_backend("database", connected, why);
}

static void on_blob_state(bool ready, const char *why, void *userdata)
{
        diag_backend("store of blobs", ready, why);
}

static void on_queue_state(bool ready, const char *why, void *userdata)
{
        Manager *m = userdata;

        diag_backend("broker", ready, why);
        if (ready)
                publisher_retry(m->publisher);
}

static void on_event(const QueueEvent *event, void *userdata)
{
        watches_on_event(((Manager *) userdata)->watches, event);
}

static void on_watching(const JobId *id, void *userdata)
{
        watches_on_watching(((Manager *) userdata)->watches, id);
}

static void on_dead(const QueueJob *job, const char *reason, uint64_t tag, void *userdata)
{
        sweeper_on_dead(((Manager *) userdata)->sweeper, job, reason, tag);
}

static void on_request(void *userdata, HttpRequest *request)
{
        manager_dispatch(userdata, request);
}

static int render_refusal(void *userdata, unsigned status, const char *code, const char *detail, char **ret_body,
                          size_t *ret_size)
{
        return problem_render(&(Problem){ .status = status, .code = code, .detail = detail }, ret_body, ret_size);
}

static void on_done(void *userdata, const HttpDone *done)
{
        metrics_observe(&((Manager *) userdata)->metrics, done);
}

/* --- life ---------------------------------------------------------------------------------------------------------- */

/* A credential that is not there is none; the backend says so if it wants one. */
static int read_credential(const char *name, char **ret)
{
        int r = daemon_credential(name, ret);

        return r == -ENOENT ? 0 : r;
}

static void wipe(char **secret)
{
        if (*secret)
                explicit_bzero(*secret, strlen(*secret));
        *secret = mfree(*secret);
}

static int open_store(Manager *m, const char *name)
{
        _cleanup_(wipe) char *password = NULL;
        StoreParams p = STORE_PARAMS_DEFAULT;
        int r = read_credential("database-password", &password);

        if (r < 0)
                return r;
        p.role = STORE_API;
        p.conninfo = m->config->database;
        p.password = password;
        p.incarnation = m->incarnation;
        p.host = m->host;
        p.name = name;
        p.version = RCE_VERSION;
        p.attempts_max = (unsigned) m->config->attempts_max;
        p.keep_usec = m->config->keep_jobs_usec;
        p.on_state = on_store_state;
        p.userdata = m;
        return store_new(m->event, &p, &m->store);
}

static int open_blobs(Manager *m, Fault *reterr_fault)
{
        const Config *c = m->config;
        _cleanup_(wipe) char *access_key = NULL, *secret_key = NULL;
        int r;

        if ((r = read_credential("s3-access-key", &access_key)) < 0 ||
            (r = read_credential("s3-secret-key", &secret_key)) < 0)
                return r;

        const BlobParams p = {
                .uri = c->blobs,
                .region = c->blobs_region,
                .access_key = access_key,
                .secret_key = secret_key,
                .virtual_host = c->blobs_virtual_host,
                .size_max = MAX(c->source_bytes, c->output_bytes),
                .queue_max = 4 * c->api_submissions,
                .queue_bytes_max = BLOB_QUEUE_BYTES,
                .connections_max = 128,
                .timeout_usec = 10 * USEC_PER_SEC,
                .patience_usec = 10 * USEC_PER_SEC,
                .on_state = on_blob_state,
                .userdata = m,
        };
        return blob_store_new(m->event, &p, &m->blobs, reterr_fault);
}

static int name_languages(const LanguageRegistry *languages, char ***ret)
{
        _cleanup_(strv_freep) char **names = NULL;

        for (size_t i = 0; i < languages->n_languages; i++) {
                const Language *l = languages->languages[i];
                int r = l->broken.detail || !queue_language_is_valid(l->name) ? 0 : strv_extend(&names, l->name);

                if (r < 0)
                        return r;
        }
        *ret = TAKE_PTR(names);
        return 0;
}

static int open_queue(Manager *m, const char *name)
{
        _cleanup_(wipe) char *password = NULL;
        QueueParams p = QUEUE_PARAMS_DEFAULT;
        int r;

        if ((r = read_credential("broker-password", &password)) < 0 ||
            (r = name_languages(m->languages, &m->queue_languages)) < 0)
                return r;
        p.role = QUEUE_API;
        p.host = m->config->broker_host;
        p.port = (uint16_t) m->config->broker_port;
        p.vhost = m->config->broker_vhost;
        p.user = m->config->broker_user;
        p.password = password ? password : "";
        p.name = name;
        p.incarnation = m->incarnation;
        p.languages = m->queue_languages;
        p.on_state = on_queue_state;
        p.on_event = on_event;
        p.on_watching = on_watching;
        p.on_dead = on_dead;
        p.userdata = m;
        return queue_new(m->event, &p, &m->queue);
}

static int open_servers(Manager *m, const ManagerParams *params, Fault *reterr_fault)
{
        HttpLimits limits = HTTP_LIMITS_DEFAULT;

        /* All come from this host, whoever asks. */
        limits.per_address_max = 0;
        limits.connections_max = m->config->api_connections;
        limits.body_bytes_max = m->config->api_body_bytes;
        limits.bodies_bytes_max = MAX(limits.bodies_bytes_max, 4 * limits.body_bytes_max);
        limits.park_timeout_usec = usec_add(m->config->api_wait_usec, PARK_GRACE_USEC);

        for (size_t i = 0; i < params->n_listen_fds; i++) {
                const HttpServerParams p = {
                        .listen_fd = params->listen_fds[i],
                        .limits = limits,
                        .on_request = on_request,
                        .render_refusal = render_refusal,
                        .refusal_content_type = PROBLEM_CONTENT_TYPE,
                        .on_done = on_done,
                        .userdata = m,
                };
                int r = http_server_new(m->event, &p, &m->servers[i], reterr_fault);

                if (r < 0) {
                        for (size_t k = i + 1; k < params->n_listen_fds; k++)
                                safe_close(params->listen_fds[k]);
                        return r;
                }
                m->n_servers++;
        }
        return 0;
}

static int read_host_name(char **ret)
{
        char name[HOST_NAME_MAX + 1];

        if (gethostname(name, sizeof(name)) < 0)
                return -errno;
        name[sizeof(name) - 1] = '\0';
        *ret = strdup(name);
        return *ret ? 0 : -ENOMEM;
}

static int manager_open(Manager *m, const ManagerParams *params, Fault *reterr_fault)
{
        int r;

        if ((r = read_host_name(&m->host)) < 0 ||
            (r = job_id_make(&m->ids, now_usec(CLOCK_REALTIME), &m->incarnation)) < 0 ||
            (r = language_registry_load(params->language_directories, &m->languages)) < 0 ||
            (r = watches_new(m, &m->watches)) < 0 || (r = publisher_new(m, &m->publisher)) < 0 ||
            (r = lint_desk_new(m->event, params->policy_directory, &m->lint)) < 0 || (r = open_store(m, params->name)) < 0 ||
            (r = open_blobs(m, reterr_fault)) < 0 || (r = open_queue(m, params->name)) < 0)
                return r;
        r = sweeper_new(m, &m->sweeper);
        return r < 0 ? r : collector_new(m, &m->collector);
}

int manager_new(sd_event *event, const ManagerParams *params, Manager **ret, Fault *reterr_fault)
{
        _cleanup_(manager_freep) Manager *m = new0(Manager, 1);
        int r = -ENOMEM;

        if (m) {
                m->event = sd_event_ref(event);
                m->config = params->config;
                m->language_directories = params->language_directories;
                m->maximum = job_limits_maximum(params->config);
                m->on_drained = params->on_drained;
                m->on_replaced = params->on_replaced;
                m->userdata = params->userdata;
                r = manager_open(m, params, reterr_fault);
        }
        if (r < 0) {
                for (size_t i = 0; i < params->n_listen_fds; i++)
                        safe_close(params->listen_fds[i]);
                return r;
        }
        r = open_servers(m, params, reterr_fault);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(m);
        return 0;
}

/* Clients first; then who tells them; then those who answer, whose last words are about what is still under way: the blobs
 * before the database, where a job goes whose source is stored. */
Manager *manager_free(Manager *m)
{
        if (!m)
                return NULL;

        m->draining = true;
        for (size_t i = 0; i < m->n_servers; i++)
                http_server_free(m->servers[i]);
        watches_free(m->watches);
        lint_desk_free(m->lint);
        blob_store_free(m->blobs);
        queue_free(m->queue);
        store_free(m->store);
        publisher_free(m->publisher);
        sweeper_free(m->sweeper);
        collector_free(m->collector);
        language_registry_free(m->languages);
        strv_free(m->queue_languages);
        free(m->host);
        sd_event_unref(m->event);
        return mfree(m);
}

int manager_reload(Manager *m)
{
        _cleanup_(language_registry_freep) LanguageRegistry *languages = NULL;
        _cleanup_(strv_freep) char **names = NULL;
        int r;

        lint_desk_reload(m->lint);
        if ((r = language_registry_load(m->language_directories, &languages)) < 0 ||
            (r = name_languages(languages, &names)) < 0)
                return r;

        /* Each has queues at the broker, which are made when the connection is. */
        STRV_FOREACH(name, names)
                if (!strv_contains(m->queue_languages, *name))
                        return log_warning_errno(ESTALE, "The language %s is new: restart rce-api to take it in", *name);

        LanguageRegistry *old = m->languages;
        m->languages = TAKE_PTR(languages);
        language_registry_free(old);
        return 0;
}

static void on_left(int error, void *userdata)
{
        Manager *m = userdata;

        m->on_drained(m->userdata);
}

static void on_server_drained(void *userdata)
{
        Manager *m = userdata;

        if (--m->n_undrained > 0)
                return;
        /* What is not published yet need not wait for somebody to notice our silence. */
        if (store_leave(m->store, on_left, m, NULL) < 0)
                m->on_drained(m->userdata);
}

void manager_drain(Manager *m)
{
        if (m->draining)
                return;
        m->draining = true;
        watches_end(m->watches);
        m->n_undrained = m->n_servers;
        for (size_t i = 0; i < m->n_servers; i++)
                http_server_drain(m->servers[i], m->config->api_drain_usec, on_server_drained, m);
}

void manager_status(const Manager *m, char *ret, size_t size)
{
        (void) snprintf(ret, size, "%llu jobs taken, %llu wait; %llu clients follow jobs%s%s%s",
                        (unsigned long long) m->metrics.submitted, (unsigned long long) m->n_queued,
                        (unsigned long long) m->metrics.watchers, store_is_connected(m->store) ? "" : "; no database",
                        queue_is_ready(m->queue) ? "" : "; no broker", blob_store_ready(m->blobs) ? "" : "; no blobs");
}
