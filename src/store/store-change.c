/* SPDX-License-Identifier: Apache-2.0 */
/* What an API changes about jobs after they were submitted, and what keeps them from being lost. Each statement may be
 * executed twice, since it says what shall be and not what shall be done. */
#include "basic/string-util.h"
#include "store/store-internal.h"

/* --- cancelling and forgetting ------------------------------------------------------------------------------------- */

static void answer_cancel(StoreRequest *r, int error, const PgResult *result)
{
        StoreOutcome outcome = STORE_UNKNOWN;

        if (error >= 0 && pg_result_rows(result) > 0)
                switch (job_state_from_string(pg_get_text(result, 0, 0))) {
                case JOB_STATE_CANCELLED:
                        outcome = STORE_DONE;
                        break;
                case JOB_STATE_FINISHED:
                        outcome = STORE_TOO_LATE;
                        break;
                default:
                        outcome = STORE_REQUESTED;
                }
        r->on.cancel(error, outcome, r->userdata);
}

int store_cancel(Store *s, const JobId *id, const char *client, StoreCancelDone callback, void *userdata, StoreRequest **ret)
{
        /* The old row tells of one that was finished before. One that is being finished in this moment looks as if it
         * were still running, and the worker will not mind. */
        static const PgStatement statement = {
                "cancel",
                "WITH changed AS ("
                "  UPDATE rce.jobs SET cancel_requested_at = coalesce(cancel_requested_at, now()),"
                "    state = CASE state WHEN 'queued' THEN 'cancelled' ELSE state END,"
                "    verdict = CASE state WHEN 'queued' THEN 'cancelled' END,"
                "    finished_at = CASE state WHEN 'queued' THEN now() END"
                "  WHERE id = $1 AND ($2 IS NULL OR client = $2) AND finished_at IS NULL RETURNING id, state"
                ") SELECT coalesce(changed.state, old.state) FROM rce.jobs old LEFT JOIN changed USING (id)"
                "  WHERE old.id = $1 AND ($2 IS NULL OR old.client = $2)",
                true,
        };
        PgParameters p = { 0 };

        pg_add_uuid(&p, id->bytes);
        pg_add_text(&p, client);
        return store_ask(s, false, &statement, &p, answer_cancel, (StoreCallback){ .cancel = callback }, userdata, ret);
}

static void answer_purge(StoreRequest *r, int error, const PgResult *result)
{
        if (error < 0 || pg_result_rows(result) == 0)
                r->on.purge(error, STORE_UNKNOWN, NULL, NULL, r->userdata);
        else
                r->on.purge(0, pg_get_bool(result, 0, 0) ? STORE_DONE : STORE_TOO_EARLY, pg_get_text(result, 0, 1),
                            pg_get_text(result, 0, 2), r->userdata);
}

int store_purge(Store *s, const JobId *id, const char *client, StorePurgeDone callback, void *userdata, StoreRequest **ret)
{
        static const PgStatement statement = {
                "purge",
                "WITH purged AS ("
                "  DELETE FROM rce.jobs WHERE id = $1 AND ($2 IS NULL OR client = $2) AND finished_at IS NOT NULL"
                "  RETURNING id, stdout_key, stderr_key"
                ") SELECT purged.id IS NOT NULL, purged.stdout_key, purged.stderr_key"
                "  FROM rce.jobs old LEFT JOIN purged USING (id)"
                "  WHERE old.id = $1 AND ($2 IS NULL OR old.client = $2)",
                true,
        };
        PgParameters p = { 0 };

        pg_add_uuid(&p, id->bytes);
        pg_add_text(&p, client);
        return store_ask(s, false, &statement, &p, answer_purge, (StoreCallback){ .purge = callback }, userdata, ret);
}

/* --- being there --------------------------------------------------------------------------------------------------- */

static void answer_heartbeat(StoreRequest *r, int error, const PgResult *result)
{
        if (error >= 0 && pg_result_rows(result) == 0)
                error = -ESTALE;
        r->on.done(error, r->userdata);
}

/* Only one at a time is on its way. */
static int ask_once(Store *s, bool *pending, const PgStatement *statement, PgParameters *p,
                    void (*answer)(StoreRequest *r, int error, const PgResult *result), StoreCallback callback,
                    void *userdata, StoreRequest **ret)
{
        StoreRequest *r;

        int k = store_ask(s, false, statement, p, answer, callback, userdata, &r);
        if (k < 0)
                return k;
        r->pending = pending;
        *pending = true;
        if (ret)
                *ret = r;
        return 0;
}

static int send_heartbeat(Store *s, const PgStatement *statement, PgParameters *p, StoreDone callback, void *userdata,
                          StoreRequest **ret)
{
        return ask_once(s, &s->heartbeat_pending, statement, p, answer_heartbeat, (StoreCallback){ .done = callback },
                        userdata, ret);
}

int store_heartbeat(Store *s, StoreDone callback, void *userdata, StoreRequest **ret)
{
        static const PgStatement statement = {
                "heartbeat",
                "INSERT INTO rce.apis AS a (host, name, incarnation, version) VALUES ($1, $2, $3, $4)"
                "  ON CONFLICT (host, name) DO UPDATE SET incarnation = excluded.incarnation, version = excluded.version,"
                "    seen_at = now(), started_at = CASE WHEN a.incarnation = excluded.incarnation THEN a.started_at"
                "    ELSE now() END"
                "  WHERE a.incarnation <= excluded.incarnation RETURNING true",
                true,
        };
        PgParameters p = { 0 };

        if (s->heartbeat_pending)
                return -EBUSY;
        pg_add_text(&p, s->host);
        pg_add_text(&p, s->name);
        pg_add_uuid(&p, s->incarnation.bytes);
        pg_add_text(&p, s->version);
        return send_heartbeat(s, &statement, &p, callback, userdata, ret);
}

/* {"ok": 3, …} of what is not 0. */
static int add_finished(const Store *s, PgParameters *p)
{
        _cleanup_(buffer_done) Buffer text = { 0 };
        int r = buffer_append_string(&text, "{");

        for (int i = 0; r >= 0 && i < _JOB_VERDICT_MAX; i++)
                if (s->finished[i] > 0)
                        r = buffer_printf(&text, "%s\"%s\":%llu", text.size > 1 ? "," : "", job_verdict_to_string(i),
                                          (unsigned long long) s->finished[i]);
        if (r >= 0)
                r = buffer_append_string(&text, "}");
        if (r >= 0)
                pg_add_json(p, text.data);
        return r;
}

int store_worker_heartbeat(Store *s, const StoreHeartbeat *heartbeat, StoreDone callback, void *userdata, StoreRequest **ret)
{
        static const PgStatement statement = {
                "worker_heartbeat",
                "INSERT INTO rce.workers AS w (host, name, incarnation, version, languages, slots, running, finished)"
                "  VALUES ($1, $2, $3, $4, $5, $6, $7, $8)"
                "  ON CONFLICT (host, name) DO UPDATE SET incarnation = excluded.incarnation, version = excluded.version,"
                "    languages = excluded.languages, slots = excluded.slots, running = excluded.running,"
                "    finished = excluded.finished, seen_at = now(),"
                "    started_at = CASE WHEN w.incarnation = excluded.incarnation THEN w.started_at ELSE now() END"
                "  WHERE w.incarnation <= excluded.incarnation RETURNING true",
                true,
        };
        _cleanup_(pg_parameters_done) PgParameters p = { 0 };

        if (s->heartbeat_pending)
                return -EBUSY;
        pg_add_text(&p, s->host);
        pg_add_text(&p, s->name);
        pg_add_uuid(&p, s->incarnation.bytes);
        pg_add_text(&p, s->version);
        pg_begin_array(&p, PG_TEXT_ARRAY, strv_length(heartbeat->languages));
        STRV_FOREACH(language, heartbeat->languages)
                pg_add_text(&p, *language);
        pg_end_array(&p);
        pg_add_int(&p, PG_INT4, heartbeat->slots);
        pg_add_int(&p, PG_INT4, heartbeat->running);
        int r = add_finished(s, &p);
        return r < 0 ? r : send_heartbeat(s, &statement, &p, callback, userdata, ret);
}

static void answer_done(StoreRequest *r, int error, const PgResult *result)
{
        r->on.done(error, r->userdata);
}

int store_leave(Store *s, StoreDone callback, void *userdata, StoreRequest **ret)
{
        static const PgStatement api = { "leave", "DELETE FROM rce.apis WHERE incarnation = $1", true };
        static const PgStatement worker = { "worker_leave", "DELETE FROM rce.workers WHERE incarnation = $1", true };
        PgParameters p = { 0 };

        pg_add_uuid(&p, s->incarnation.bytes);
        return store_ask(s, false, s->role == STORE_API ? &api : &worker, &p, answer_done,
                         (StoreCallback){ .done = callback }, userdata, ret);
}

/* --- that none is lost --------------------------------------------------------------------------------------------- */

static int read_orphan(const PgResult *result, size_t row, StoreOrphan *ret)
{
        int64_t priority = pg_get_int(result, row, 2);
        const char *key = pg_get_text(result, row, 3);

        if (priority < 0 || priority >= _JOB_PRIORITY_MAX || strlen(key) != JOB_SOURCE_KEY_SIZE)
                return -EBADMSG;
        memcpy(ret->id.bytes, pg_get_uuid(result, row, 0), JOB_ID_SIZE);
        memcpy(ret->source_key, key, sizeof(ret->source_key));
        ret->language = pg_get_text(result, row, 1);
        ret->priority = (JobPriority) priority;
        ret->source_bytes = (uint64_t) pg_get_int(result, row, 4);
        return 0;
}

static void answer_sweep(StoreRequest *r, int error, const PgResult *result)
{
        size_t n = error < 0 ? 0 : pg_result_rows(result);
        _cleanup_(freep) StoreOrphan *orphans = n > 0 ? new0(StoreOrphan, n) : NULL;

        if (n > 0 && !orphans)
                error = -ENOMEM;
        for (size_t i = 0; error >= 0 && i < n; i++)
                error = read_orphan(result, i, &orphans[i]);

        if (error < 0) {
                r->on.sweep(error, NULL, 0, r->userdata);
                return;
        }
        r->store->sweep_in_doubt = false;
        r->on.sweep(0, orphans, n, r->userdata);
}

int store_sweep(Store *s, size_t max, StoreSweepDone callback, void *userdata, StoreRequest **ret)
{
        /* Whoever adopted jobs without hearing of it would not publish them. So it is not simply repeated: until there is
         * an answer, the next sweep asks for these jobs again. */
        static const PgStatement statement = { "sweep", "SELECT * FROM rce.adopt($1, $2, $3, $4)", false };
        PgParameters p = { 0 };

        if (s->sweep_pending)
                return -EBUSY;
        pg_add_uuid(&p, s->incarnation.bytes);
        pg_add_bool(&p, store_believes_silence(s));
        pg_add_bool(&p, s->sweep_in_doubt);
        pg_add_int(&p, PG_INT4, (int64_t) MIN(max, (size_t) INT32_MAX));
        int r = ask_once(s, &s->sweep_pending, &statement, &p, answer_sweep, (StoreCallback){ .sweep = callback }, userdata,
                         ret);
        if (r >= 0)
                s->sweep_in_doubt = true;
        return r;
}

static void answer_number(StoreRequest *r, int error, const PgResult *result)
{
        r->on.number(error, error < 0 ? 0 : (uint64_t) pg_get_int(result, 0, 0), r->userdata);
}

int store_disown_old(Store *s, const char *language, JobPriority priority, usec_t age_usec, StoreNumberDone callback,
                     void *userdata, StoreRequest **ret)
{
        static const PgStatement statement = {
                "disown_old",
                "WITH disowned AS ("
                "  UPDATE rce.jobs SET publisher = NULL WHERE finished_at IS NULL AND language = $1 AND priority = $2"
                "    AND state = 'queued' AND publisher IS NOT NULL"
                "    AND coalesce(adopted_at, created_at) < now() - $3 * interval '1 microsecond' RETURNING id"
                ") SELECT count(*) FROM disowned",
                true,
        };
        PgParameters p = { 0 };

        pg_add_text(&p, language);
        pg_add_int(&p, PG_INT2, priority);
        pg_add_int(&p, PG_INT8, (int64_t) age_usec);
        return store_ask(s, false, &statement, &p, answer_number, (StoreCallback){ .number = callback }, userdata, ret);
}

static void answer_bury(StoreRequest *r, int error, const PgResult *result)
{
        r->on.bury(error, error >= 0 && pg_result_rows(result) > 0, r->userdata);
}

int store_bury(Store *s, const JobId *id, const char *reason, StoreBuryDone callback, void *userdata, StoreRequest **ret)
{
        static const PgStatement statement = {
                "bury",
                "UPDATE rce.jobs SET finished_at = now(),"
                "    state = CASE WHEN cancel_requested_at IS NULL THEN 'finished' ELSE 'cancelled' END,"
                "    verdict = CASE WHEN cancel_requested_at IS NULL THEN 'internal_error' ELSE 'cancelled' END,"
                "    reason = CASE WHEN cancel_requested_at IS NULL THEN $2 END"
                "  WHERE id = $1 AND finished_at IS NULL"
                "    AND CASE state WHEN 'running' THEN NOT rce.worker_lives(worker, $3) ELSE true END"
                "  RETURNING id",
                true,
        };
        PgParameters p = { 0 };

        pg_add_uuid(&p, id->bytes);
        pg_add_text(&p, reason);
        pg_add_bool(&p, store_believes_silence(s));
        return store_ask(s, false, &statement, &p, answer_bury, (StoreCallback){ .bury = callback }, userdata, ret);
}

static void answer_maintain(StoreRequest *r, int error, const PgResult *result)
{
        if (error < 0)
                r->on.maintain(error, 0, USEC_INFINITY, r->userdata);
        else
                r->on.maintain(0, (uint64_t) pg_get_int(result, 0, 0), pg_get_time(result, 0, 1), r->userdata);
}

int store_maintain(Store *s, StoreMaintainDone callback, void *userdata, StoreRequest **ret)
{
        static const PgStatement statement = {
                "maintain", "SELECT dropped, oldest FROM rce.maintain($1 * interval '1 microsecond')", true
        };
        PgParameters p = { 0 };

        pg_add_int(&p, PG_INT8, (int64_t) MIN(s->keep_usec, 100 * 365 * 24 * USEC_PER_HOUR));
        return store_ask(s, false, &statement, &p, answer_maintain, (StoreCallback){ .maintain = callback }, userdata, ret);
}

/* --- giving up the publishing --------------------------------------------------------------------------------------- */

typedef struct Disowning {
        StoreRequest request;
        JobId id;
} Disowning;

static void disowning_encode(const StoreBatch *b, PgParameters *p)
{
        BATCH_COLUMN(p, b, PG_UUID_ARRAY, Disowning, d, pg_add_uuid(p, d->id.bytes));
        pg_add_uuid(p, b->queue->store->incarnation.bytes);
}

static void disowning_fail(StoreRequest *r, int error)
{
        r->on.done(error, r->userdata);
}

static void disowning_free(StoreRequest *r)
{
        free(r);
}

static void disowning_decode(StoreBatch *b, const PgResult *result)
{
        for (size_t i = 0; i < b->n; i++) {
                StoreRequest *r = store_batch_take(b, i);

                if (!r->forgotten)
                        r->on.done(0, r->userdata);
                free(r);
        }
}

const StoreKindOps store_disown_ops = {
        .statement = {
                "disown",
                "UPDATE rce.jobs SET publisher = NULL WHERE id = ANY($1) AND publisher = $2 AND finished_at IS NULL",
                true,
        },
        .batch_max = 1000,
        .encode = disowning_encode,
        .decode = disowning_decode,
        .fail = disowning_fail,
        .free = disowning_free,
};

int store_disown(Store *s, const JobId *id, StoreDone callback, void *userdata, StoreRequest **ret)
{
        Disowning *d = new0(Disowning, 1);

        if (!d)
                return -ENOMEM;
        d->request.on.done = callback;
        d->request.userdata = userdata;
        d->request.n_bytes = sizeof(*d);
        d->id = *id;

        int r = store_queue_add(s, STORE_DISOWN, &d->request, ret);
        if (r < 0)
                free(d);
        return r;
}
