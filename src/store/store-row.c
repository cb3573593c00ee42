/* SPDX-License-Identifier: Apache-2.0 */
/* A row of rce.jobs becomes a StoreJob. What is in the database was checked when it went in, and is checked again: it may
 * have been written by another version. */
#include "basic/string-util.h"
#include "shared/json-util.h"
#include "store/store-internal.h"

/* As in STORE_JOB_COLUMNS. */
enum {
        COLUMN_ID,
        COLUMN_CLIENT,
        COLUMN_STATE,
        COLUMN_ATTEMPT,
        COLUMN_WORKER,
        COLUMN_LANGUAGE,
        COLUMN_PRIORITY,
        COLUMN_SPEC,
        COLUMN_TAGS,
        COLUMN_SOURCE_KEY,
        COLUMN_SOURCE_BYTES,
        COLUMN_CANCEL_REQUESTED,
        COLUMN_CREATED,
        COLUMN_CLAIMED,
        COLUMN_FINISHED,
        COLUMN_VERDICT,
        COLUMN_EXIT_CODE,
        COLUMN_SIGNAL,
        COLUMN_WALL_USEC,
        COLUMN_CPU_USEC,
        COLUMN_MEMORY_PEAK,
        COLUMN_MEMORY_PEAK_IS_RSS,
        COLUMN_REASON,
        COLUMN_DIAGNOSTICS,
        COLUMN_OUT_KEY,
        COLUMN_OUT_BYTES,
        COLUMN_OUT_TRUNCATED,
        COLUMN_ERR_KEY,
        COLUMN_ERR_BYTES,
        COLUMN_ERR_TRUNCATED,
        COLUMN_STDIN,
        COLUMN_OUT,
        COLUMN_ERR,
};

/* One row, from one column on. */
typedef struct Row {
        const PgResult *result;
        size_t row;
        unsigned first;
} Row;

static bool has(const Row *r, unsigned column)
{
        return !pg_is_null(r->result, r->row, r->first + column);
}

static const char *text(const Row *r, unsigned column)
{
        return pg_get_text(r->result, r->row, r->first + column);
}

/* 0 when NULL. */
static uint64_t number(const Row *r, unsigned column)
{
        return (uint64_t) pg_get_int(r->result, r->row, r->first + column);
}

static bool flag(const Row *r, unsigned column)
{
        return has(r, column) && pg_get_bool(r->result, r->row, r->first + column);
}

static usec_t moment(const Row *r, unsigned column)
{
        return pg_get_time(r->result, r->row, r->first + column);
}

static int copy_text(const Row *r, unsigned column, char **ret)
{
        return free_and_strdup(ret, text(r, column));
}

static void copy_id(const Row *r, unsigned column, JobId *ret)
{
        const uint8_t *uuid = pg_get_uuid(r->result, r->row, r->first + column);

        if (uuid)
                memcpy(ret->bytes, uuid, JOB_ID_SIZE);
}

void store_job_done(StoreJob *job)
{
        free(job->client);
        free(job->out.key);
        free(job->err.key);
        free(job->diagnostics);
        job_spec_done(&job->spec);
        job_result_done(&job->result);
        *job = (StoreJob){ 0 };
}

static int read_tags(const Row *r, char ***ret)
{
        const char *s = text(r, COLUMN_TAGS);
        _cleanup_(json_putp) struct json_object *o = s ? json_tokener_parse(s) : NULL;

        return s && !o ? -EBADMSG : job_assignments_from_json(o, "tags", ret, NULL);
}

static int read_spec(const Row *r, JobSpec *spec)
{
        size_t n_stdin;
        const void *input = pg_get_bytes(r->result, r->row, r->first + COLUMN_STDIN, &n_stdin);
        const char *key = text(r, COLUMN_SOURCE_KEY);
        uint64_t priority = number(r, COLUMN_PRIORITY);
        int k;

        if (strlen(key) != JOB_SOURCE_KEY_SIZE || priority >= _JOB_PRIORITY_MAX)
                return -EBADMSG;
        memcpy(spec->source_key, key, JOB_SOURCE_KEY_SIZE + 1);
        spec->source_bytes = number(r, COLUMN_SOURCE_BYTES);
        spec->priority = (JobPriority) priority;

        if ((k = copy_text(r, COLUMN_LANGUAGE, &spec->language)) < 0 ||
            (k = job_spec_from_json(text(r, COLUMN_SPEC), spec, NULL)) < 0 || (k = read_tags(r, &spec->tags)) < 0)
                return k;

        if (input && !(spec->stdin_data = memdup_nul(input, n_stdin)))
                return -ENOMEM;
        spec->stdin_size = n_stdin;
        return 0;
}

static int read_output(const Row *r, unsigned first, unsigned bytes_column, StoreOutput *output, JobOutput *bytes)
{
        size_t size;
        const void *data = pg_get_bytes(r->result, r->row, r->first + bytes_column, &size);
        int k = copy_text(r, first, &output->key);

        if (k < 0)
                return k;
        output->n_bytes = number(r, first + 1);
        bytes->truncated = flag(r, first + 2);
        return data ? buffer_append(&bytes->bytes, data, size) : 0;
}

static int read_result(const Row *r, StoreJob *job)
{
        JobResult *result = &job->result;
        int verdict = job_verdict_from_string(text(r, COLUMN_VERDICT)), k;

        if (verdict < 0)
                return -EBADMSG;
        result->verdict = (JobVerdict) verdict;
        result->exit_code = has(r, COLUMN_EXIT_CODE) ? (int) (int64_t) number(r, COLUMN_EXIT_CODE) : -1;
        result->signal = (int) number(r, COLUMN_SIGNAL);
        result->wall_usec = number(r, COLUMN_WALL_USEC);
        result->cpu_usec = number(r, COLUMN_CPU_USEC);
        result->memory_peak_bytes = number(r, COLUMN_MEMORY_PEAK);
        result->memory_peak_is_rss = flag(r, COLUMN_MEMORY_PEAK_IS_RSS);

        if ((k = copy_text(r, COLUMN_REASON, &result->reason)) < 0 ||
            (k = copy_text(r, COLUMN_DIAGNOSTICS, &job->diagnostics)) < 0 ||
            (k = read_output(r, COLUMN_OUT_KEY, COLUMN_OUT, &job->out, &result->out)) < 0)
                return k;
        return read_output(r, COLUMN_ERR_KEY, COLUMN_ERR, &job->err, &result->err);
}

int store_job_read(const PgResult *result, size_t row, unsigned column, StoreJob *ret)
{
        const Row r = { result, row, column };
        _cleanup_(store_job_done) StoreJob job = { .spec = JOB_SPEC_DEFAULT, .result.exit_code = -1 };
        int state = job_state_from_string(text(&r, COLUMN_STATE)), k;

        if (state < 0)
                return -EBADMSG;
        job.state = (JobState) state;
        job.attempt = (unsigned) number(&r, COLUMN_ATTEMPT);
        job.cancel_requested = flag(&r, COLUMN_CANCEL_REQUESTED);
        job.created_usec = moment(&r, COLUMN_CREATED);
        job.claimed_usec = moment(&r, COLUMN_CLAIMED);
        job.finished_usec = moment(&r, COLUMN_FINISHED);
        copy_id(&r, COLUMN_ID, &job.id);
        copy_id(&r, COLUMN_WORKER, &job.worker);

        if ((k = copy_text(&r, COLUMN_CLIENT, &job.client)) < 0 || (k = read_spec(&r, &job.spec)) < 0 ||
            (has(&r, COLUMN_VERDICT) && (k = read_result(&r, &job)) < 0))
                return k;

        *ret = TAKE(job, (StoreJob){ 0 });
        return 0;
}
