/* SPDX-License-Identifier: Apache-2.0 */

/* /metrics: what this process counts, and what the database knows of all. Where the database is away the page comes without
 * its part, since that is when it is looked at. */

#include <stdio.h>

#include "api/api-call.h"
#include "api/api-info.h"
#include "api/api-publish.h"

typedef struct Sample {
        const char *name, *type, *help;
        uint64_t value;
} Sample;

static int print_samples(Buffer *b, const Sample *samples, size_t n)
{
        int r = 0;

        for (size_t i = 0; i < n && r >= 0; i++) {
                r = metric_head(b, samples[i].name, samples[i].type, samples[i].help);
                if (r >= 0)
                        r = metric_sample(b, samples[i].name, NULL, samples[i].value);
        }
        return r;
}

static int print_own(Buffer *b, const Manager *m)
{
        const Metrics *own = &m->metrics;
        const Sample samples[] = {
                { "rce_api_jobs_submitted_total", "counter", "Jobs taken in.", own->submitted },
                { "rce_api_jobs_replayed_total", "counter", "Submissions answered by an earlier one.", own->replayed },
                { "rce_api_submissions", "gauge", "Submissions that are not durable yet.", m->n_submissions },
                { "rce_api_messages_published_total", "counter", "Messages the broker confirmed.", own->published },
                { "rce_api_messages_failed_total", "counter", "Messages to be published again.", own->publish_failures },
                { "rce_api_messages_waiting", "gauge", "Messages not confirmed yet.", publisher_waiting(m->publisher) },
                { "rce_api_jobs_adopted_total", "counter", "Jobs nobody saw to, published again.", own->adopted },
                { "rce_api_dead_letters_total", "counter", "Messages the broker gave up.", own->dead },
                { "rce_api_blobs_collected_total", "counter", "Blobs removed, which no job named any more.",
                  own->collected },
                { "rce_api_watchers", "gauge", "Clients that follow a job or wait for its end.", own->watchers },
                { "rce_api_watched_bytes_total", "counter", "Output told to clients.", own->watcher_bytes },
                { "rce_api_output_gaps_total", "counter", "Events that came too early.", own->gaps },
                { "rce_api_held_bytes", "gauge", "Output held for clients.", m->held_bytes },
        };
        int r = print_samples(b, samples, ELEMENTSOF(samples));

        if (r >= 0)
                r = metric_head(b, "rce_api_durable_seconds", "histogram", "From a submission to its being stored.");
        return r < 0 ? r : histogram_print(b, "rce_api_durable_seconds", NULL, &own->durable);
}

static int print_connections(Buffer *b, const Manager *m)
{
        HttpCounters sum = { 0 };

        for (size_t i = 0; i < m->n_servers; i++) {
                const HttpCounters *c = http_server_counters(m->servers[i]);

                sum.connections += c->connections;
                sum.connections_open += c->connections_open;
                sum.parked += c->parked;
                sum.refused += c->refused;
                sum.timeouts += c->timeouts;
                sum.cut_off += c->cut_off;
                sum.streams_open += c->streams_open;
                sum.websockets_open += c->websockets_open;
                sum.bodies_bytes += c->bodies_bytes;
        }
        const Sample samples[] = {
                { "rce_api_connections_total", "counter", "Connections accepted.", sum.connections },
                { "rce_api_connections", "gauge", "Connections open.", sum.connections_open },
                { "rce_api_requests_parked", "gauge", "Requests waiting for their answer.", sum.parked },
                { "rce_api_requests_refused_total", "counter", "Requests refused before they were looked at.", sum.refused },
                { "rce_api_timeouts_total", "counter", "Requests, answers and pings that took too long.", sum.timeouts },
                { "rce_api_readers_cut_off_total", "counter", "Readers that were too slow.", sum.cut_off },
                { "rce_api_streams", "gauge", "Server-sent event streams open.", sum.streams_open },
                { "rce_api_websockets", "gauge", "WebSockets open.", sum.websockets_open },
                { "rce_api_bodies_bytes", "gauge", "Request bodies held.", sum.bodies_bytes },
        };
        return print_samples(b, samples, ELEMENTSOF(samples));
}

static int print_backends(Buffer *b, const Manager *m)
{
        const struct {
                const char *name;
                bool up;
        } backends[] = {
                { "database", store_is_connected(m->store) },
                { "broker", queue_is_ready(m->queue) },
                { "blobs", blob_store_ready(m->blobs) },
        };
        int r = metric_head(b, "rce_backend_up", "gauge", "Whether a backend can be reached.");

        for (size_t i = 0; i < ELEMENTSOF(backends) && r >= 0; i++)
                r = metric_sample(b, "rce_backend_up", (const MetricLabel[]){ { "backend", backends[i].name }, { 0 } },
                                  backends[i].up);
        return r;
}

/* One family of what the store counts for each kind of request; offset is the first kind's. */
static int print_store_family(Buffer *b, const StoreCounters *c, const Sample *family, size_t offset)
{
        int r = metric_head(b, family->name, family->type, family->help);

        for (StoreKind k = 0; k < _STORE_KIND_MAX && r >= 0; k++)
                r = metric_sample(b, family->name, (const MetricLabel[]){ { "kind", store_kind_to_string(k) }, { 0 } },
                                  *(const uint64_t *) (const void *) ((const char *) c + offset + k * sizeof(c->kinds[0])));
        return r;
}

static int print_store(Buffer *b, const Manager *m)
{
        static const Sample families[] = {
                { "rce_store_requests_total", "counter", "Requests gathered in batches.", 0 },
                { "rce_store_batches_total", "counter", "Batches they were sent in.", 0 },
                { "rce_store_largest_batch", "gauge", "The largest batch so far.", 0 },
                { "rce_store_waiting", "gauge", "Requests waiting for the next batch.", 0 },
        };
        static const size_t offsets[] = {
                offsetof(StoreCounters, kinds[0].requests),
                offsetof(StoreCounters, kinds[0].batches),
                offsetof(StoreCounters, kinds[0].largest_batch),
                offsetof(StoreCounters, kinds[0].waiting),
        };
        StoreCounters c;
        int r = 0;

        store_counters(m->store, &c);
        for (size_t i = 0; i < ELEMENTSOF(families) && r >= 0; i++)
                r = print_store_family(b, &c, &families[i], offsets[i]);

        const Sample samples[] = {
                { "rce_database_statements_total", "counter", "Statements sent.", c.statements },
                { "rce_database_failures_total", "counter", "Statements that failed.", c.statement_failures },
                { "rce_database_connects_total", "counter", "Connections made.", c.connects },
        };
        if (r >= 0)
                r = print_samples(b, samples, ELEMENTSOF(samples));
        if (r >= 0)
                r = metric_head(b, "rce_database_busy_seconds_total", "counter", "Time of all statements, added up.");
        return r < 0 ? r : metric_sample_usec(b, "rce_database_busy_seconds_total", NULL, c.busy_usec);
}

static int print_queue_and_blobs(Buffer *b, const Manager *m)
{
        BlobCounters blobs = blob_store_counters(m->blobs);
        QueueCounters queue;

        queue_counters(m->queue, &queue);
        const Sample samples[] = {
                { "rce_broker_connects_total", "counter", "Connections made.", queue.publish.connects + queue.consume.connects },
                { "rce_broker_waiting", "gauge", "Messages the broker has not confirmed.", queue.publish.waiting },
                { "rce_broker_delivered_total", "counter", "Messages received.", queue.consume.delivered },
                { "rce_broker_malformed_total", "counter", "Messages that were no such thing.", queue.malformed },
                { "rce_blobs_puts_total", "counter", "Blobs put.", blobs.puts },
                { "rce_blobs_spared_puts_total", "counter", "Puts of what was there.", blobs.spared_puts },
                { "rce_blobs_put_bytes_total", "counter", "Bytes put.", blobs.put_bytes },
                { "rce_blobs_gets_total", "counter", "Blobs read.", blobs.gets },
                { "rce_blobs_failures_total", "counter", "Requests that failed.", blobs.failures },
                { "rce_blobs_batches_total", "counter", "Batches that puts were written in.", blobs.batches },
                { "rce_blobs_waiting", "gauge", "Requests not done yet.", blobs.waiting },
        };
        int r = print_samples(b, samples, ELEMENTSOF(samples));

        if (r >= 0)
                r = metric_head(b, "rce_blobs_put_seconds_total", "counter", "Time of all puts, added up.");
        return r < 0 ? r : metric_sample_usec(b, "rce_blobs_put_seconds_total", NULL, blobs.put_usec);
}

/* --- of all -------------------------------------------------------------------------------------------------------- */

typedef struct MetricsCall {
        Call call;
        Buffer text;
} MetricsCall;

static void metrics_call_done(Call *call)
{
        buffer_done(&((MetricsCall *) call)->text);
}

static void metrics_answer(MetricsCall *c, int error)
{
        _cleanup_(buffer_done) Buffer text = TAKE(c->text, (Buffer){ 0 });
        HttpRequest *request = call_finish(&c->call);

        if (error < 0)
                answer_error(request, error, NULL);
        else
                answer_bytes(request, 200, METRICS_CONTENT_TYPE, NULL, text.data, text.size);
}

static int print_workers(Buffer *b, const StoreWorker *workers, size_t n)
{
        uint64_t alive = 0, slots = 0, running = 0, finished[_JOB_VERDICT_MAX] = { 0 };

        for (size_t i = 0; i < n; i++) {
                for (JobVerdict v = 0; v < _JOB_VERDICT_MAX; v++)
                        finished[v] += workers[i].finished[v];
                if (!workers[i].alive)
                        continue;
                alive++;
                slots += workers[i].slots;
                running += workers[i].running;
        }
        const Sample samples[] = {
                { "rce_workers", "gauge", "Workers that are alive.", alive },
                { "rce_worker_slots", "gauge", "Jobs all workers together run at once.", slots },
                { "rce_worker_running", "gauge", "Jobs they run now.", running },
        };
        int r = print_samples(b, samples, ELEMENTSOF(samples));

        if (r >= 0)
                r = metric_head(b, "rce_jobs_finished_total", "counter",
                                "Jobs finished, by the present run of each known worker.");
        for (JobVerdict v = 0; v < _JOB_VERDICT_MAX && r >= 0; v++)
                r = metric_sample(b, "rce_jobs_finished_total",
                                  (const MetricLabel[]){ { "verdict", job_verdict_to_string(v) }, { 0 } }, finished[v]);
        return r;
}

static void on_workers(int error, const StoreWorker *workers, size_t n, void *userdata)
{
        MetricsCall *c = userdata;

        c->call.store = NULL;
        metrics_answer(c, error < 0 ? 0 : print_workers(&c->text, workers, n));
}

static int print_counts(Buffer *b, const StoreCount *counts, size_t n)
{
        usec_t now = now_usec(CLOCK_REALTIME);
        int r = metric_head(b, "rce_jobs", "gauge", "Jobs that are not finished.");

        for (size_t i = 0; i < n && r >= 0; i++)
                r = metric_sample(b, "rce_jobs",
                                  (const MetricLabel[]){ { "language", counts[i].language },
                                                         { "priority", job_priority_to_string(counts[i].priority) },
                                                         { "state", job_state_to_string(counts[i].state) },
                                                         { 0 } },
                                  counts[i].n);
        if (r >= 0)
                r = metric_head(b, "rce_jobs_oldest_seconds", "gauge", "Age of the oldest of them.");
        for (size_t i = 0; i < n && r >= 0; i++)
                r = metric_sample_usec(b, "rce_jobs_oldest_seconds",
                                       (const MetricLabel[]){ { "language", counts[i].language },
                                                              { "priority", job_priority_to_string(counts[i].priority) },
                                                              { "state", job_state_to_string(counts[i].state) },
                                                              { 0 } },
                                       now > counts[i].oldest_usec ? now - counts[i].oldest_usec : 0);
        return r;
}

static void on_counts(int error, const StoreCount *counts, size_t n, void *userdata)
{
        MetricsCall *c = userdata;

        c->call.store = NULL;
        int r = error < 0 ? 0 : print_counts(&c->text, counts, n);
        if (r < 0 || error < 0 || store_workers(c->call.manager->store, on_workers, c, &c->call.store) < 0)
                metrics_answer(c, r);
}

void handle_metrics(Manager *m, HttpRequest *request, const char *unused)
{
        MetricsCall *c = call_new(m, request, sizeof(*c));
        int r;

        if (!c)
                return;
        c->call.done = metrics_call_done;
        if ((r = metrics_print_requests(&c->text, &m->metrics)) < 0 || (r = print_own(&c->text, m)) < 0 ||
            (r = print_connections(&c->text, m)) < 0 || (r = print_backends(&c->text, m)) < 0 ||
            (r = print_store(&c->text, m)) < 0 || (r = print_queue_and_blobs(&c->text, m)) < 0 ||
            !store_is_connected(m->store) || store_counts(m->store, on_counts, c, &c->call.store) < 0)
                metrics_answer(c, r);
}
