/* SPDX-License-Identifier: Apache-2.0 */
#include "queue/topology.h"

#include "basic/string-util.h"
#include "queue/payload.h"

#define JOB_QUEUE_PREFIX "rce.jobs."

/* How much an API takes at once of what its jobs say, and a worker of what it is told. Behind that the broker keeps some, and
 * then drops the oldest: whoever misses output asks for it again. */
#define EVENTS_PREFETCH 500
#define CONTROL_PREFETCH 100
#define DEAD_PREFETCH 10
#define OWN_QUEUE_BYTES_MAX (64 * 1024 * 1024)

static const AmqpExchange exchanges[] = {
        { QUEUE_EXCHANGE_JOBS, "topic" },
        { QUEUE_EXCHANGE_DEAD, "fanout" },
        { QUEUE_EXCHANGE_EVENTS, "topic" },
        { QUEUE_EXCHANGE_CONTROL, "fanout" },
};

void topology_done(Topology *t)
{
        free(t->queues);
        free(t->bindings);
        free(t->consumers);
        strv_free(t->texts);
        *t = (Topology){ 0 };
}

const char *topology_job_key(const char *queue)
{
        return startswith(queue, JOB_QUEUE_PREFIX);
}

const char *topology_job_queue(const Topology *t, const char *language, JobPriority priority)
{
        size_t n = strlen(language);

        if ((int) priority < 0 || priority >= _JOB_PRIORITY_MAX)
                return NULL;
        for (size_t i = priority; i < t->n_jobs; i += _JOB_PRIORITY_MAX) {
                const char *key = topology_job_key(t->queues[i].name);

                if (strncmp(key, language, n) == 0 && key[n] == '.' && !strchr(key + n + 1, '.'))
                        return t->queues[i].name;
        }
        return NULL;
}

/* A text that lives as long as the topology, and takes what format_string() gave. */
static const char *keep(Topology *t, char *text)
{
        return text && strv_consume(&t->texts, text) >= 0 ? text : NULL;
}

static int add_jobs(Topology *t, const char *language, QueueRole role)
{
        if (!queue_language_is_valid(language))
                return -EINVAL;

        for (JobPriority p = 0; p < _JOB_PRIORITY_MAX; p++) {
                const char *name = keep(t, format_string(JOB_QUEUE_PREFIX "%s.%s", language, job_priority_to_string(p)));

                if (!name)
                        return -ENOMEM;
                t->queues[t->n_queues++] = (AmqpQueue){
                        .name = name,
                        .quorum = true,
                        .delivery_limit = QUEUE_DELIVERY_LIMIT,
                        .dead_letter_exchange = QUEUE_EXCHANGE_DEAD,
                };
                t->bindings[t->n_bindings++] = (AmqpBinding){ name, QUEUE_EXCHANGE_JOBS, topology_job_key(name) };
                if (role == QUEUE_WORKER)
                        t->consumers[t->n_consumers++] = (AmqpConsumer){ name, 1, .off = true };
        }
        t->n_jobs = t->n_queues;
        return 0;
}

static void add_queue(Topology *t, const AmqpQueue *queue, const char *exchange, uint16_t prefetch)
{
        t->queues[t->n_queues++] = *queue;
        if (exchange)
                t->bindings[t->n_bindings++] = (AmqpBinding){ queue->name, exchange, "" };
        if (prefetch > 0)
                t->consumers[t->n_consumers++] = (AmqpConsumer){ queue->name, prefetch, .off = false };
}

static int fill(Topology *t, QueueRole role, char *const *languages, const JobId *incarnation)
{
        char text[JOB_ID_TEXT_MAX];
        int r = 0;

        STRV_FOREACH(language, languages)
                if ((r = add_jobs(t, *language, role)) < 0)
                        return r;

        bool api = role == QUEUE_API;
        t->own = keep(t, format_string("%s.%s", api ? QUEUE_EXCHANGE_EVENTS : QUEUE_EXCHANGE_CONTROL,
                                       job_id_format(text, incarnation)));
        if (!t->own)
                return -ENOMEM;
        add_queue(t, &(AmqpQueue){ .name = QUEUE_DEAD, .quorum = true }, QUEUE_EXCHANGE_DEAD, api ? DEAD_PREFETCH : 0);
        add_queue(t, &(AmqpQueue){ .name = t->own, .bytes_max = OWN_QUEUE_BYTES_MAX },
                  api ? NULL : QUEUE_EXCHANGE_CONTROL, api ? EVENTS_PREFETCH : CONTROL_PREFETCH);
        return 0;
}

int topology_make(QueueRole role, char *const *languages, const JobId *incarnation, Topology *ret)
{
        size_t n_max = strv_length(languages) * _JOB_PRIORITY_MAX + 2;
        Topology t = {
                .exchanges = exchanges,
                .n_exchanges = ELEMENTSOF(exchanges),
                .queues = new0(AmqpQueue, n_max),
                .bindings = new0(AmqpBinding, n_max),
                .consumers = new0(AmqpConsumer, n_max),
        };
        int r = t.queues && t.bindings && t.consumers ? fill(&t, role, languages, incarnation) : -ENOMEM;

        if (r < 0)
                topology_done(&t);
        else
                *ret = t;
        return r;
}
