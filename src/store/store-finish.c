/* SPDX-License-Identifier: Apache-2.0 */
/* Results. One counts only while the job is running as the attempt it is of, at the worker it comes from. One that changed
 * nothing is superseded, or it is this very result that was committed before a connection was lost: that is looked at
 * afterwards, by a statement that sees what happened. */
#include "basic/string-util.h"
#include "basic/utf8.h"
#include "store/store-internal.h"

#define BATCH_MAX 256

typedef struct Finish {
        StoreRequest request;
        JobId id;
        unsigned attempt;
        JobResult result;
        StoreOutput out, err;
        char *diagnostics;
} Finish;

static void finish_free(StoreRequest *r)
{
        Finish *f = (Finish *) r;

        job_result_done(&f->result);
        free(f->out.key);
        free(f->err.key);
        free(f->diagnostics);
        free(f);
}

static void finish_fail(StoreRequest *r, int error)
{
        r->on.finish(error, false, r->userdata);
}

static void finish_answer(Finish *f, int error, bool committed)
{
        if (committed)
                f->request.store->finished[f->result.verdict]++;
        if (!f->request.forgotten)
                f->request.on.finish(error, committed, f->request.userdata);
        finish_free(&f->request);
}

/* --- what changed nothing ------------------------------------------------------------------------------------------ */

static void on_own(int error, const PgResult *result, void *userdata)
{
        Finish *f = userdata;

        if (error < 0)
                finish_answer(f, store_error(f->request.store, error, result), false);
        else
                finish_answer(f, 0, pg_result_rows(result) > 0);
}

static void look_for_own(Store *s, Finish *f)
{
        static const PgStatement statement = {
                "own",
                "SELECT FROM rce.jobs WHERE id = $1 AND attempt = $2 AND worker = $3 AND finished_at IS NOT NULL",
                true,
        };
        PgParameters p = { 0 };

        pg_add_uuid(&p, f->id.bytes);
        pg_add_int(&p, PG_INT4, f->attempt);
        pg_add_uuid(&p, s->incarnation.bytes);
        int r = pg_query(s->writes.pg, &statement, &p, on_own, f, NULL);
        if (r < 0)
                finish_answer(f, r, false);
}

/* --- batches ------------------------------------------------------------------------------------------------------- */

static void add_output(PgParameters *p, const JobOutput *bytes, const StoreOutput *output)
{
        if (output->key)
                pg_add_null(p, PG_BYTEA);
        else
                pg_add_bytes(p, bytes->bytes.size > 0 ? bytes->bytes.data : "", bytes->bytes.size);
}

static void add_exit_code(PgParameters *p, const JobResult *result)
{
        if (result->exit_code < 0)
                pg_add_null(p, PG_INT4);
        else
                pg_add_int(p, PG_INT4, result->exit_code);
}

static void add_number(PgParameters *p, uint64_t n)
{
        pg_add_int(p, PG_INT8, (int64_t) MIN(n, (uint64_t) INT64_MAX));
}

static void finish_encode(const StoreBatch *b, PgParameters *p)
{
        BATCH_COLUMN(p, b, PG_UUID_ARRAY, Finish, f, pg_add_uuid(p, f->id.bytes));
        BATCH_COLUMN(p, b, PG_INT4_ARRAY, Finish, f, pg_add_int(p, PG_INT4, f->attempt));
        BATCH_COLUMN(p, b, PG_TEXT_ARRAY, Finish, f, pg_add_text(p, job_verdict_to_string(f->result.verdict)));
        BATCH_COLUMN(p, b, PG_INT4_ARRAY, Finish, f, add_exit_code(p, &f->result));
        BATCH_COLUMN(p, b, PG_INT4_ARRAY, Finish, f, pg_add_int(p, PG_INT4, f->result.signal));
        BATCH_COLUMN(p, b, PG_INT8_ARRAY, Finish, f, add_number(p, f->result.wall_usec));
        BATCH_COLUMN(p, b, PG_INT8_ARRAY, Finish, f, add_number(p, f->result.cpu_usec));
        BATCH_COLUMN(p, b, PG_INT8_ARRAY, Finish, f, add_number(p, f->result.memory_peak_bytes));
        BATCH_COLUMN(p, b, PG_BOOL_ARRAY, Finish, f, pg_add_bool(p, f->result.memory_peak_is_rss));
        BATCH_COLUMN(p, b, PG_TEXT_ARRAY, Finish, f, pg_add_text(p, f->result.reason));
        BATCH_COLUMN(p, b, PG_JSONB_ARRAY, Finish, f, pg_add_json(p, f->diagnostics));
        BATCH_COLUMN(p, b, PG_BYTEA_ARRAY, Finish, f, add_output(p, &f->result.out, &f->out));
        BATCH_COLUMN(p, b, PG_TEXT_ARRAY, Finish, f, pg_add_text(p, f->out.key));
        BATCH_COLUMN(p, b, PG_INT8_ARRAY, Finish, f, add_number(p, f->out.n_bytes));
        BATCH_COLUMN(p, b, PG_BOOL_ARRAY, Finish, f, pg_add_bool(p, f->result.out.truncated));
        BATCH_COLUMN(p, b, PG_BYTEA_ARRAY, Finish, f, add_output(p, &f->result.err, &f->err));
        BATCH_COLUMN(p, b, PG_TEXT_ARRAY, Finish, f, pg_add_text(p, f->err.key));
        BATCH_COLUMN(p, b, PG_INT8_ARRAY, Finish, f, add_number(p, f->err.n_bytes));
        BATCH_COLUMN(p, b, PG_BOOL_ARRAY, Finish, f, pg_add_bool(p, f->result.err.truncated));
        pg_add_uuid(p, b->queue->store->incarnation.bytes);
}

static void finish_decode(StoreBatch *b, const PgResult *result)
{
        for (size_t row = 0; row < pg_result_rows(result); row++) {
                Finish *f = (Finish *) store_batch_take(b, (size_t) pg_get_int(result, row, 0) - 1);

                if (f)
                        finish_answer(f, 0, true);
        }

        for (size_t i = 0; i < b->n; i++) {
                Finish *f = (Finish *) store_batch_take(b, i);

                if (f)
                        look_for_own(b->queue->store, f);
        }
}

const StoreKindOps store_finish_ops = {
        .statement = {
                "finish",
                "WITH input AS MATERIALIZED ("
                "  SELECT * FROM unnest($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19)"
                "    WITH ORDINALITY AS i(id, attempt, verdict, exit_code, signal, wall_usec, cpu_usec, memory_peak_bytes,"
                "      memory_peak_is_rss, reason, diagnostics, stdout, stdout_key, stdout_bytes, stdout_truncated,"
                "      stderr, stderr_key, stderr_bytes, stderr_truncated, n)"
                ") UPDATE rce.jobs j SET"
                "    state = CASE i.verdict WHEN 'cancelled' THEN 'cancelled' ELSE 'finished' END,"
                "    finished_at = now(), verdict = i.verdict, exit_code = i.exit_code, signal = i.signal,"
                "    wall_usec = i.wall_usec, cpu_usec = i.cpu_usec, memory_peak_bytes = i.memory_peak_bytes,"
                "    memory_peak_is_rss = i.memory_peak_is_rss, reason = i.reason, diagnostics = i.diagnostics,"
                "    stdout = i.stdout, stdout_key = i.stdout_key, stdout_bytes = i.stdout_bytes,"
                "    stdout_truncated = i.stdout_truncated, stderr = i.stderr, stderr_key = i.stderr_key,"
                "    stderr_bytes = i.stderr_bytes, stderr_truncated = i.stderr_truncated"
                "  FROM input i"
                "  WHERE j.id = ANY($1) AND j.id = i.id AND j.attempt = i.attempt AND j.state = 'running' AND j.worker = $20"
                "  RETURNING i.n",
                true,
        },
        .batch_max = BATCH_MAX,
        .encode = finish_encode,
        .decode = finish_decode,
        .fail = finish_fail,
        .free = finish_free,
};

/* --- copying ------------------------------------------------------------------------------------------------------- */

/* A reason may have bytes of the program in it; the database takes text only. */
static int copy_reason(const char *reason, char **ret)
{
        if (!reason || utf8_is_valid(reason, strlen(reason), NULL))
                return free_and_strdup(ret, reason);

        *ret = string_escape(reason, strlen(reason));
        return *ret ? 0 : -ENOMEM;
}

static int copy_output(const JobOutput *bytes, const StoreOutput *output, JobOutput *ret_bytes, StoreOutput *ret_output)
{
        ret_bytes->truncated = bytes->truncated;
        ret_output->n_bytes = output->key ? output->n_bytes : bytes->bytes.size;
        if (output->key)
                return free_and_strdup(&ret_output->key, output->key);
        if (bytes->bytes.size > STORE_INLINE_OUTPUT_MAX)
                return -E2BIG;
        return bytes->bytes.size > 0 ? buffer_append(&ret_bytes->bytes, bytes->bytes.data, bytes->bytes.size) : 0;
}

static int copy_finish(const StoreFinish *finish, Finish *f)
{
        const JobResult *from = finish->result;
        int r;

        f->id = finish->id;
        f->attempt = finish->attempt;
        f->result.verdict = from->verdict;
        f->result.exit_code = from->exit_code;
        f->result.signal = from->signal;
        f->result.wall_usec = from->wall_usec;
        f->result.cpu_usec = from->cpu_usec;
        f->result.memory_peak_bytes = from->memory_peak_bytes;
        f->result.memory_peak_is_rss = from->memory_peak_is_rss;

        if ((r = copy_reason(from->reason, &f->result.reason)) < 0 ||
            (r = free_and_strdup(&f->diagnostics, finish->diagnostics)) < 0 ||
            (r = copy_output(&from->out, &finish->out, &f->result.out, &f->out)) < 0 ||
            (r = copy_output(&from->err, &finish->err, &f->result.err, &f->err)) < 0)
                return r;

        f->request.n_bytes = sizeof(*f) + f->result.out.bytes.size + f->result.err.bytes.size +
                             (f->diagnostics ? strlen(f->diagnostics) : 0);
        return 0;
}

int store_finish(Store *s, const StoreFinish *finish, StoreFinishDone callback, void *userdata, StoreRequest **ret)
{
        Finish *f = new0(Finish, 1);

        if (!f)
                return -ENOMEM;
        f->request.on.finish = callback;
        f->request.userdata = userdata;

        int r = copy_finish(finish, f);
        if (r >= 0)
                r = store_queue_add(s, STORE_FINISH, &f->request, ret);
        if (r < 0)
                finish_free(&f->request);
        return r;
}
