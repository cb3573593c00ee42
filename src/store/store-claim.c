/* SPDX-License-Identifier: Apache-2.0 */
/* Claims, and claims given back.
 *
 * A claim is one conditional UPDATE, and so of any number of workers one gets the job. Claiming a job that is running at
 * this very incarnation gives it again, as the same attempt: that is what makes the statement repeatable after a lost
 * connection, and is why nobody may claim what it is running already. */
#include "basic/string-util.h"
#include "store/store-internal.h"

/* Each row brings its specification along. */
#define BATCH_MAX 256

typedef struct Claim {
        StoreRequest request;
        JobId id;
        unsigned attempt;                /* of one to be released */
} Claim;

static int claim_new(const JobId *id, StoreCallback callback, void *userdata, Claim **ret)
{
        Claim *c = new0(Claim, 1);

        if (!c)
                return -ENOMEM;
        c->request.on = callback;
        c->request.userdata = userdata;
        c->request.n_bytes = sizeof(*c);
        c->id = *id;
        *ret = c;
        return 0;
}

static void claim_free(StoreRequest *r)
{
        free(r);
}

/* --- claims -------------------------------------------------------------------------------------------------------- */

static void claim_encode(const StoreBatch *b, PgParameters *p)
{
        const Store *s = b->queue->store;

        BATCH_COLUMN(p, b, PG_UUID_ARRAY, Claim, c, pg_add_uuid(p, c->id.bytes));
        pg_add_uuid(p, s->incarnation.bytes);
        pg_add_int(p, PG_INT4, s->attempts_max);
        pg_add_bool(p, store_believes_silence(s));
}

static void claim_fail(StoreRequest *r, int error)
{
        r->on.claim(error, STORE_CLAIM_BUSY, NULL, r->userdata);
}

static StoreClaim claim_outcome(const PgResult *result, size_t row)
{
        const char *outcome = pg_get_text(result, row, 1);

        return streq(outcome, "running")     ? STORE_CLAIM_TAKEN
               : streq(outcome, "finished")  ? STORE_CLAIM_EXHAUSTED
               : streq(outcome, "elsewhere") ? STORE_CLAIM_BUSY
                                             : STORE_CLAIM_GONE;
}

static void claim_answer(Store *s, StoreRequest *r, const PgResult *result, size_t row)
{
        _cleanup_(store_job_done) StoreJob job = { 0 };
        StoreClaim outcome = claim_outcome(result, row);
        int error = 0;

        if (outcome == STORE_CLAIM_EXHAUSTED)
                s->finished[JOB_VERDICT_INTERNAL_ERROR]++;
        if (outcome == STORE_CLAIM_TAKEN)
                error = store_job_read(result, row, 2, &job);
        if (!r->forgotten)
                r->on.claim(error, outcome, error >= 0 && outcome == STORE_CLAIM_TAKEN ? &job : NULL, r->userdata);
        claim_free(r);
}

/* Two claims of one job in one batch have one row; the first gets it, and for the second the job is taken. */
static void claim_decode(StoreBatch *b, const PgResult *result)
{
        for (size_t row = 0; row < pg_result_rows(result); row++) {
                StoreRequest *r = store_batch_take(b, (size_t) pg_get_int(result, row, 0) - 1);

                if (r)
                        claim_answer(b->queue->store, r, result, row);
        }

        for (size_t i = 0; i < b->n; i++) {
                StoreRequest *r = store_batch_take(b, i);

                if (!r)
                        continue;
                if (!r->forgotten)
                        r->on.claim(0, STORE_CLAIM_BUSY, NULL, r->userdata);
                claim_free(r);
        }
}

/* What was not changed is told from the row as it was before: unfinished, it is somebody else's (or has become so in this
 * moment); else it is gone. */
#define MINE "(j.state = 'running' AND j.worker = $2)"
#define SPENT "(NOT " MINE " AND j.attempt - j.released >= $3)"

const StoreKindOps store_claim_ops = {
        .statement = {
                "claim",
                "WITH input AS MATERIALIZED ("
                "  SELECT id, min(n) AS n FROM unnest($1) WITH ORDINALITY AS i(id, n) GROUP BY id"
                "), claimed AS ("
                "  UPDATE rce.jobs j SET"
                "    state = CASE WHEN j.cancel_requested_at IS NOT NULL THEN 'cancelled'"
                "      WHEN " SPENT " THEN 'finished' ELSE 'running' END,"
                "    verdict = CASE WHEN j.cancel_requested_at IS NOT NULL THEN 'cancelled'"
                "      WHEN " SPENT " THEN 'internal_error' END,"
                "    finished_at = CASE WHEN j.cancel_requested_at IS NOT NULL OR " SPENT " THEN now() END,"
                "    reason = CASE WHEN j.cancel_requested_at IS NULL AND " SPENT
                "      THEN format('Each of its %s attempts ended with the loss of the worker', j.attempt - j.released) END,"
                "    attempt = j.attempt + CASE WHEN j.cancel_requested_at IS NOT NULL OR " MINE " OR " SPENT
                "      THEN 0 ELSE 1 END,"
                "    claimed_at = CASE WHEN " MINE " OR " SPENT " THEN j.claimed_at ELSE now() END,"
                "    worker = $2"
                "  WHERE j.id = ANY($1) AND j.finished_at IS NULL"
                "    AND (j.state = 'queued' OR j.worker = $2 OR NOT rce.worker_lives(j.worker, $4))"
                "  RETURNING j.*"
                ") SELECT i.n, coalesce(j.state, CASE WHEN old.finished_at IS NULL AND old.id IS NOT NULL THEN 'elsewhere'"
                "    ELSE 'gone' END), " STORE_JOB_COLUMNS
                "  FROM input i LEFT JOIN claimed j USING (id)"
                "  LEFT JOIN (SELECT id, finished_at FROM rce.jobs WHERE id = ANY($1)) old ON old.id = i.id AND j.id IS NULL",
                true,
        },
        .batch_max = BATCH_MAX,
        .encode = claim_encode,
        .decode = claim_decode,
        .fail = claim_fail,
        .free = claim_free,
};

int store_claim(Store *s, const JobId *id, StoreClaimDone callback, void *userdata, StoreRequest **ret)
{
        Claim *c;

        int r = claim_new(id, (StoreCallback){ .claim = callback }, userdata, &c);
        if (r < 0)
                return r;
        r = store_queue_add(s, STORE_CLAIM, &c->request, ret);
        if (r < 0)
                free(c);
        return r;
}

/* --- giving back --------------------------------------------------------------------------------------------------- */

static void release_encode(const StoreBatch *b, PgParameters *p)
{
        BATCH_COLUMN(p, b, PG_UUID_ARRAY, Claim, c, pg_add_uuid(p, c->id.bytes));
        BATCH_COLUMN(p, b, PG_INT4_ARRAY, Claim, c, pg_add_int(p, PG_INT4, c->attempt));
        pg_add_uuid(p, b->queue->store->incarnation.bytes);
}

static void release_fail(StoreRequest *r, int error)
{
        r->on.release(error, false, r->userdata);
}

static void release_answer(StoreRequest *r, bool released)
{
        if (r && !r->forgotten)
                r->on.release(0, released, r->userdata);
        free(r);
}

static void release_decode(StoreBatch *b, const PgResult *result)
{
        for (size_t row = 0; row < pg_result_rows(result); row++)
                release_answer(store_batch_take(b, (size_t) pg_get_int(result, row, 0) - 1), true);
        for (size_t i = 0; i < b->n; i++)
                release_answer(store_batch_take(b, i), false);
}

const StoreKindOps store_release_ops = {
        .statement = {
                "release",
                /* Repeated, it changes nothing and tells that it was not ours; by then it is not. */
                "WITH input AS MATERIALIZED ("
                "  SELECT * FROM unnest($1, $2) WITH ORDINALITY AS i(id, attempt, n)"
                ") UPDATE rce.jobs j SET state = 'queued', released = j.released + 1 FROM input i"
                "  WHERE j.id = ANY($1) AND j.id = i.id AND j.attempt = i.attempt AND j.state = 'running' AND j.worker = $3"
                "  RETURNING i.n",
                true,
        },
        .batch_max = BATCH_MAX,
        .encode = release_encode,
        .decode = release_decode,
        .fail = release_fail,
        .free = claim_free,
};

int store_release(Store *s, const JobId *id, unsigned attempt, StoreReleaseDone callback, void *userdata, StoreRequest **ret)
{
        Claim *c;

        int r = claim_new(id, (StoreCallback){ .release = callback }, userdata, &c);
        if (r < 0)
                return r;
        c->attempt = attempt;
        r = store_queue_add(s, STORE_RELEASE, &c->request, ret);
        if (r < 0)
                free(c);
        return r;
}
