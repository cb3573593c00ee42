/* SPDX-License-Identifier: Apache-2.0 */
/* The store's life, its connections, and how requests become batches.
 *
 * A batch is one statement, which takes arrays and so is a transaction of its own. Each kind has at most one on its way;
 * while it is, what comes up waits, and all of that becomes the next batch. So nothing is delayed on an idle system, and
 * under load one commit carries hundreds of requests. Where many are known to be coming, though one by one, as when each
 * has to be stored elsewhere before, the first ones wait a moment for the next ones: a commit costs as much as ten rows.
 *
 * The database refuses a statement as a whole. When that is for what was in it, the batch is sent again in two halves, and so
 * on, until the request that is at fault is alone. */
#include "basic/string-util.h"
#include "store/migrate.h"
#include "store/store-internal.h"

#define STRINGIFY(x) #x
#define TO_STRING(x) STRINGIFY(x)

/* Of the PostgreSQL room: batches and single questions, not jobs. */
#define STATEMENTS_MAX 4096

/* How long to wait for more, unless every eighth of them is there. */
#define GATHER_USEC (50 * USEC_PER_MSEC)
#define GATHER_SHARE 8

/* A statement that takes this long is given up by the server, so that one cannot stop those behind it for good. */
#define COMMON_SETUP                                                                                                   \
        "SET statement_timeout = '20s'; SET lock_timeout = '10s'; SET TimeZone = 'UTC';"                                \
        "SELECT rce.require_version(" TO_STRING(STORE_SCHEMA_VERSION) ");"

static const char *const store_kind_table[_STORE_KIND_MAX] = {
        [STORE_SUBMIT] = "submit",   [STORE_CLAIM] = "claim",   [STORE_FINISH] = "finish",
        [STORE_RELEASE] = "release", [STORE_DISOWN] = "disown",
};
DEFINE_STRING_TABLE(store_kind, StoreKind, _STORE_KIND_MAX)

static const StoreKindOps *const kind_ops[_STORE_KIND_MAX] = {
        [STORE_SUBMIT] = &store_submit_ops,   [STORE_CLAIM] = &store_claim_ops,   [STORE_FINISH] = &store_finish_ops,
        [STORE_RELEASE] = &store_release_ops, [STORE_DISOWN] = &store_disown_ops,
};

/* --- what went wrong ----------------------------------------------------------------------------------------------- */

int store_error(Store *s, int error, const PgResult *result)
{
        const char *state = pg_result_state(result);

        if (error == -ECONNRESET)
                return -ENOTCONN;
        if (error != -EBADMSG)
                return error;

        (void) free_and_strdup(&s->refusal, pg_result_message(result));
        /* Insufficient resources, an operator or a timeout in the way, locks, or a transaction that was in the way. */
        return startswith(state, "53") || startswith(state, "57") || startswith(state, "55") || startswith(state, "40")
                       ? -EAGAIN
                       : -EIO;
}

/* Whether the database refused a statement for the values that were given to it. */
static bool is_about_values(int error, const PgResult *result)
{
        const char *state = pg_result_state(result);

        return error == -EBADMSG && (startswith(state, "22") || startswith(state, "23"));
}

const char *store_refusal(const Store *s)
{
        return s->refusal ? s->refusal : "";
}

/* --- batches ------------------------------------------------------------------------------------------------------- */

static void request_fail(StoreQueue *q, StoreRequest *r, int error)
{
        q->n_failures++;
        if (!r->forgotten)
                q->ops->fail(r, error);
        q->ops->free(r);
}

static void queue_insert(StoreQueue *q, StoreRequest *r, bool first)
{
        if (first)
                TAILQ_INSERT_HEAD(&q->waiting, r, entry);
        else
                TAILQ_INSERT_TAIL(&q->waiting, r, entry);
        q->n_waiting++;
        q->n_bytes += r->n_bytes;
}

static StoreRequest *queue_pop(StoreQueue *q)
{
        StoreRequest *r = TAILQ_FIRST(&q->waiting);

        if (r) {
                TAILQ_REMOVE(&q->waiting, r, entry);
                q->n_waiting--;
                q->n_bytes -= r->n_bytes;
        }
        return r;
}

void store_queue_again(StoreQueue *q, StoreRequest *r)
{
        queue_insert(q, r, false);
}

StoreRequest *store_batch_take(StoreBatch *b, size_t i)
{
        return i < b->n ? TAKE_PTR(b->requests[i]) : NULL;
}

static void batch_free(StoreBatch *b)
{
        free(b->requests);
        free(b);
}

/* Puts all of them back, in order, as the first ones, to be sent in batches of at most half the size. */
static void split(StoreBatch *b)
{
        for (size_t i = b->n; i-- > 0;) {
                StoreRequest *r = store_batch_take(b, i);

                r->batch_max = b->n / 2;
                queue_insert(b->queue, r, true);
        }
}

static void queue_send(StoreQueue *q);

static void on_batch(int error, const PgResult *result, void *userdata)
{
        StoreBatch *b = userdata;
        StoreQueue *q = b->queue;
        StoreRequest *r;

        q->in_flight = NULL;
        if (error >= 0) {
                q->ops->decode(b, result);
                error = -EPROTO;        /* for those without an answer, of which there are none */
        } else if (b->n > 1 && is_about_values(error, result)) {
                split(b);
        } else {
                error = store_error(q->store, error, result);
        }

        for (size_t i = 0; i < b->n; i++)
                if ((r = store_batch_take(b, i)))
                        request_fail(q, r, error);
        batch_free(b);
        queue_send(q);
}

/* Takes the next ones out of the queue. */
static StoreBatch *batch_new(StoreQueue *q)
{
        StoreBatch *b = new0(StoreBatch, 1);
        size_t max = MIN((size_t) q->n_waiting, q->ops->batch_max);

        if (!b || !(b->requests = new0(StoreRequest *, max))) {
                free(b);
                return NULL;
        }
        b->queue = q;

        for (StoreRequest *r; (r = TAILQ_FIRST(&q->waiting)) && b->n < MIN(max, r->batch_max); b->n++) {
                max = MIN(max, r->batch_max);
                b->requests[b->n] = queue_pop(q);
        }
        return b;
}

/* Whether it is better to wait for more; then the timer is set. */
static bool queue_gathers(StoreQueue *q)
{
        if (q->n_waiting >= q->ops->batch_max || q->n_waiting >= q->n_coming / GATHER_SHARE ||
            now_usec(CLOCK_MONOTONIC) >= q->gather_usec)
                return false;
        return sd_event_source_set_time(q->store->gather, q->gather_usec) >= 0 &&
               sd_event_source_set_enabled(q->store->gather, SD_EVENT_ONESHOT) >= 0;
}

static void queue_send(StoreQueue *q)
{
        PgParameters parameters = { 0 };

        if (q->in_flight || TAILQ_EMPTY(&q->waiting) || q->store->closing || queue_gathers(q))
                return;

        /* When it cannot be sent, they wait for the next occasion. */
        StoreBatch *b = batch_new(q);
        if (!b)
                return;

        q->ops->encode(b, &parameters);
        if (pg_query(q->store->writes.pg, &q->ops->statement, &parameters, on_batch, b, NULL) < 0) {
                for (size_t i = b->n; i-- > 0;)
                        queue_insert(q, store_batch_take(b, i), true);
                batch_free(b);
                return;
        }

        q->in_flight = b;
        q->n_batches++;
        q->largest_batch = MAX(q->largest_batch, b->n);
}

int store_queue_add(Store *s, StoreKind kind, StoreRequest *r, StoreRequest **ret)
{
        StoreQueue *q = &s->queues[kind];

        if (q->n_waiting >= s->queue_max || (q->n_waiting > 0 && q->n_bytes + r->n_bytes > s->queue_bytes)) {
                q->n_refused_full++;
                return -ENOBUFS;
        }

        int k = sd_event_source_set_enabled(s->kick, SD_EVENT_ONESHOT);
        if (k < 0)
                return k;

        if (q->n_waiting == 0 && r->n_coming > 0)
                q->gather_usec = now_usec(CLOCK_MONOTONIC) + GATHER_USEC;
        q->n_coming = r->n_coming;
        r->store = s;
        r->batch_max = q->ops->batch_max;
        queue_insert(q, r, false);
        q->n_requests++;
        if (ret)
                *ret = r;
        return 0;
}

/* Once a turn: all that came up in it goes together. */
static int on_kick(sd_event_source *source, void *userdata)
{
        Store *s = userdata;

        for (size_t i = 0; i < _STORE_KIND_MAX; i++)
                queue_send(&s->queues[i]);
        return 0;
}

static int on_gathered(sd_event_source *source, uint64_t usec, void *userdata)
{
        return on_kick(source, userdata);
}

/* --- requests by themselves ---------------------------------------------------------------------------------------- */

static void on_answer(int error, const PgResult *result, void *userdata)
{
        StoreRequest *r = userdata;

        if (r->pending)
                *r->pending = false;
        if (error < 0)
                error = store_error(r->store, error, result);
        if (!r->forgotten)
                r->answer(r, error, result);
        free(r);
}

int store_ask(Store *s, bool read, const PgStatement *statement, PgParameters *parameters,
              void (*answer)(StoreRequest *r, int error, const PgResult *result), StoreCallback callback, void *userdata,
              StoreRequest **ret)
{
        StoreRequest *r = new0(StoreRequest, 1);

        if (!r) {
                pg_parameters_done(parameters);
                return -ENOMEM;
        }
        r->store = s;
        r->answer = answer;
        r->on = callback;
        r->userdata = userdata;

        int k = pg_query(read && s->reads.pg ? s->reads.pg : s->writes.pg, statement, parameters, on_answer, r, NULL);
        if (k < 0) {
                free(r);
                return k;
        }
        if (ret)
                *ret = r;
        return 0;
}

void store_request_forget(StoreRequest *r)
{
        r->forgotten = true;
}

/* --- the outside --------------------------------------------------------------------------------------------------- */

static void on_link_state(bool connected, const char *why, void *userdata)
{
        struct StoreLink *link = userdata;
        Store *s = link->store;

        link->connected = connected;
        if (link == &s->writes)
                s->connected_usec = now_usec(CLOCK_MONOTONIC);

        bool all = s->writes.connected && (!s->reads.pg || s->reads.connected);
        if (all == s->connected && (all || streq(s->why, why)))
                return;

        s->connected = all;
        (void) free_and_strdup(&s->why, why);
        if (s->on_state)
                s->on_state(all, why, s->userdata);
}

static int open_link(Store *s, struct StoreLink *link, const StoreParams *p, const char *setup)
{
        link->store = s;
        return pg_connection_new(s->event,
                                 &(PgConnectionParams){
                                         .conninfo = p->conninfo ? p->conninfo : STORE_CONNINFO_DEFAULT,
                                         .password = p->password,
                                         .queue_max = STATEMENTS_MAX,
                                         .patience_usec = p->patience_usec,
                                         .setup = setup,
                                         .on_state = on_link_state,
                                         .userdata = link,
                                 },
                                 &link->pg);
}

static int open_links(Store *s, const StoreParams *p)
{
        if (p->role == STORE_WORKER)
                return open_link(s, &s->writes, p, COMMON_SETUP);

        int r = open_link(s, &s->writes, p, COMMON_SETUP "SELECT rce.make_partitions()");
        return r < 0 ? r : open_link(s, &s->reads, p, COMMON_SETUP);
}

int store_new(sd_event *event, const StoreParams *p, Store **ret)
{
        _cleanup_(store_freep) Store *s = new0(Store, 1);
        int r;

        if (!s)
                return -ENOMEM;

        s->event = sd_event_ref(event);
        s->role = p->role;
        s->incarnation = p->incarnation;
        s->queue_max = p->queue_max;
        s->queue_bytes = p->queue_bytes;
        s->attempts_max = p->attempts_max;
        s->keep_usec = p->keep_usec;
        s->on_state = p->on_state;
        s->userdata = p->userdata;
        for (size_t i = 0; i < _STORE_KIND_MAX; i++) {
                s->queues[i].store = s;
                s->queues[i].ops = kind_ops[i];
                TAILQ_INIT(&s->queues[i].waiting);
        }

        if ((r = free_and_strdup(&s->host, p->host)) < 0 || (r = free_and_strdup(&s->name, p->name)) < 0 ||
            (r = free_and_strdup(&s->version, p->version)) < 0 || (r = free_and_strdup(&s->why, "")) < 0 ||
            (r = sd_event_add_defer(event, &s->kick, on_kick, s)) < 0 ||
            (r = sd_event_source_set_enabled(s->kick, SD_EVENT_OFF)) < 0 ||
            (r = sd_event_add_time(event, &s->gather, CLOCK_MONOTONIC, USEC_INFINITY, USEC_PER_MSEC, on_gathered, s)) < 0 ||
            (r = sd_event_source_set_enabled(s->gather, SD_EVENT_OFF)) < 0 || (r = open_links(s, p)) < 0)
                return r;

        *ret = TAKE_PTR(s);
        return 0;
}

Store *store_free(Store *s)
{
        StoreRequest *r;

        if (!s)
                return NULL;

        /* What is on its way is answered by its connection, what waits by us. */
        s->closing = true;
        s->on_state = NULL;
        pg_connection_free(s->writes.pg);
        pg_connection_free(s->reads.pg);
        for (size_t i = 0; i < _STORE_KIND_MAX; i++)
                while ((r = queue_pop(&s->queues[i])))
                        request_fail(&s->queues[i], r, -ECANCELED);

        for (size_t i = 0; i < LIST_STATEMENTS; i++) {
                free((char *) s->list_statements[i].name);
                free((char *) s->list_statements[i].sql);
        }
        sd_event_source_disable_unref(s->kick);
        sd_event_source_disable_unref(s->gather);
        sd_event_unref(s->event);
        free(s->host);
        free(s->name);
        free(s->version);
        free(s->why);
        free(s->refusal);
        return mfree(s);
}

bool store_believes_silence(const Store *s)
{
        return s->writes.connected && now_usec(CLOCK_MONOTONIC) - s->connected_usec > SUPERVISION_USEC;
}

bool store_is_connected(const Store *s)
{
        return s->connected;
}

static void add_statements(StoreCounters *c, const PgConnection *pg)
{
        if (!pg)
                return;

        const PgCounters *n = pg_connection_counters(pg);
        c->statements += n->queries;
        c->statement_failures += n->failures;
        c->repeats += n->repeats;
        c->connects += n->connects;
        c->busy_usec += n->busy_usec;
}

void store_counters(const Store *s, StoreCounters *ret)
{
        StoreCounters c = { 0 };

        for (size_t i = 0; i < _STORE_KIND_MAX; i++) {
                const StoreQueue *q = &s->queues[i];

                c.kinds[i].requests = q->n_requests;
                c.kinds[i].refused_full = q->n_refused_full;
                c.kinds[i].failures = q->n_failures;
                c.kinds[i].batches = q->n_batches;
                c.kinds[i].largest_batch = q->largest_batch;
                c.kinds[i].waiting = q->n_waiting;
                c.kinds[i].in_flight = q->in_flight ? q->in_flight->n : 0;
        }
        add_statements(&c, s->writes.pg);
        add_statements(&c, s->reads.pg);
        *ret = c;
}
