/* SPDX-License-Identifier: Apache-2.0 */
/* Questions about jobs and workers. They go over the connection for reading, so that a slow one keeps no submission
 * waiting. */
#include <stdio.h>

#include "basic/string-util.h"
#include "shared/json-util.h"
#include "store/store-internal.h"

/* --- one job ------------------------------------------------------------------------------------------------------- */

static void answer_job(StoreRequest *r, int error, const PgResult *result)
{
        _cleanup_(store_job_done) StoreJob job = { 0 };

        if (error >= 0)
                error = pg_result_rows(result) == 0 ? -ENOENT : store_job_read(result, 0, 0, &job);
        r->on.job(error, error < 0 ? NULL : &job, r->userdata);
}

int store_get(Store *s, const JobId *id, const char *client, StoreJobDone callback, void *userdata, StoreRequest **ret)
{
        static const PgStatement statement = {
                "get",
                "SELECT " STORE_JOB_COLUMNS " FROM rce.jobs j WHERE id = $1 AND ($2 IS NULL OR client = $2)",
                true,
        };
        PgParameters p = { 0 };

        pg_add_uuid(&p, id->bytes);
        pg_add_text(&p, client);
        return store_ask(s, true, &statement, &p, answer_job, (StoreCallback){ .job = callback }, userdata, ret);
}

static void answer_number(StoreRequest *r, int error, const PgResult *result)
{
        r->on.number(error, error < 0 ? 0 : (uint64_t) pg_get_int(result, 0, 0), r->userdata);
}

int store_position(Store *s, const JobId *id, const char *language, JobPriority priority, StoreNumberDone callback,
                   void *userdata, StoreRequest **ret)
{
        static const PgStatement statement = {
                "position",
                "SELECT count(*) FROM (SELECT FROM rce.jobs WHERE finished_at IS NULL AND state = 'queued'"
                "  AND language = $2 AND (priority > $3 OR (priority = $3 AND id < $1)) LIMIT $4) AS earlier",
                true,
        };
        PgParameters p = { 0 };

        pg_add_uuid(&p, id->bytes);
        pg_add_text(&p, language);
        pg_add_int(&p, PG_INT2, (int64_t) priority);
        pg_add_int(&p, PG_INT8, STORE_POSITION_MAX);
        return store_ask(s, true, &statement, &p, answer_number, (StoreCallback){ .number = callback }, userdata, ret);
}

/* --- lists --------------------------------------------------------------------------------------------------------- */

/* Each combination of filters is a statement of its own, so that each gets the plan that suits it. What is filtered is a
 * parameter in this order. */
enum {
        FILTER_CLIENT = 1,
        FILTER_LANGUAGE = 2,
        FILTER_TAG = 4,
        FILTER_BEFORE = 8,
        FILTER_STATE = 16,               /* times 1 + the state */
};

/* So written that the indexes of unfinished and of cancelled jobs fit. */
static const char *const state_conditions[_JOB_STATE_MAX] = {
        [JOB_STATE_QUEUED] = " AND finished_at IS NULL AND state = 'queued'",
        [JOB_STATE_RUNNING] = " AND finished_at IS NULL AND state = 'running'",
        [JOB_STATE_FINISHED] = " AND state = 'finished'",
        [JOB_STATE_CANCELLED] = " AND verdict = 'cancelled'",
};

static int make_list_statement(unsigned number, PgStatement *ret)
{
        _cleanup_(buffer_done) Buffer sql = { 0 };
        _cleanup_(freep) char *name = format_string("list_%u", number);
        unsigned n_parameters = 1, state = number / FILTER_STATE;
        int r;

        if (!name || (r = buffer_append_string(&sql, "SELECT " STORE_JOB_COLUMNS_SMALL " FROM rce.jobs j WHERE true")) < 0)
                return -ENOMEM;
        if ((number & FILTER_CLIENT && (r = buffer_printf(&sql, " AND client = $%u", ++n_parameters)) < 0) ||
            (number & FILTER_LANGUAGE && (r = buffer_printf(&sql, " AND language = $%u", ++n_parameters)) < 0) ||
            (number & FILTER_TAG &&
             (r = buffer_printf(&sql, " AND tags IS NOT NULL AND tags @> $%u", ++n_parameters)) < 0) ||
            (number & FILTER_BEFORE && (r = buffer_printf(&sql, " AND id < $%u", ++n_parameters)) < 0) ||
            (state > 0 && (r = buffer_append_string(&sql, state_conditions[state - 1])) < 0) ||
            (r = buffer_append_string(&sql, " ORDER BY id DESC LIMIT $1")) < 0)
                return r;

        char *text = buffer_take(&sql);
        if (!text)
                return -ENOMEM;
        *ret = (PgStatement){ TAKE_PTR(name), text, true };
        return 0;
}

static void answer_list(StoreRequest *r, int error, const PgResult *result)
{
        size_t n = error < 0 ? 0 : MIN(pg_result_rows(result), r->limit);
        StoreJob *jobs = n > 0 ? new0(StoreJob, n) : NULL;

        if (n > 0 && !jobs)
                error = -ENOMEM;
        for (size_t i = 0; error >= 0 && i < n; i++)
                error = store_job_read(result, i, 0, &jobs[i]);

        if (error < 0)
                r->on.list(error, NULL, 0, false, r->userdata);
        else
                r->on.list(0, jobs, n, pg_result_rows(result) > n, r->userdata);
        for (size_t i = 0; jobs && i < n; i++)
                store_job_done(&jobs[i]);
        free(jobs);
}

static int add_tag(PgParameters *p, const char *tag)
{
        _cleanup_(json_putp) struct json_object *o = NULL;
        char *const tags[] = { (char *) tag, NULL };

        int r = job_assignments_to_json(tags, &o);
        if (r < 0)
                return r;
        pg_add_json(p, json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN));
        return 0;
}

int store_list(Store *s, const StoreFilter *f, StoreListDone callback, void *userdata, StoreRequest **ret)
{
        _cleanup_(pg_parameters_done) PgParameters p = { 0 };
        unsigned number = (f->client ? FILTER_CLIENT : 0) | (f->language ? FILTER_LANGUAGE : 0) |
                          (f->tag ? FILTER_TAG : 0) | (f->before ? FILTER_BEFORE : 0);
        StoreRequest *request;
        int r;

        if (f->limit < 1 || f->limit > STORE_LIST_MAX || f->state >= _JOB_STATE_MAX)
                return -EINVAL;
        number += (unsigned) (f->state + 1) * FILTER_STATE;

        PgStatement *statement = &s->list_statements[number];
        if (!statement->sql && (r = make_list_statement(number, statement)) < 0)
                return r;

        pg_add_int(&p, PG_INT8, (int64_t) f->limit + 1);
        if (f->client)
                pg_add_text(&p, f->client);
        if (f->language)
                pg_add_text(&p, f->language);
        if (f->tag && (r = add_tag(&p, f->tag)) < 0)
                return r;
        if (f->before)
                pg_add_uuid(&p, f->before->bytes);

        r = store_ask(s, true, statement, &p, answer_list, (StoreCallback){ .list = callback }, userdata, &request);
        if (r < 0)
                return r;
        request->limit = f->limit;
        if (ret)
                *ret = request;
        return 0;
}

/* --- numbers ------------------------------------------------------------------------------------------------------- */

static int read_count(const PgResult *result, size_t row, StoreCount *ret)
{
        int state = job_state_from_string(pg_get_text(result, row, 2));
        int64_t priority = pg_get_int(result, row, 1);

        if (state < 0 || priority < 0 || priority >= _JOB_PRIORITY_MAX)
                return -EBADMSG;
        *ret = (StoreCount){
                .language = pg_get_text(result, row, 0),
                .priority = (JobPriority) priority,
                .state = (JobState) state,
                .n = (uint64_t) pg_get_int(result, row, 3),
                .oldest_usec = pg_get_time(result, row, 4),
                .waiting_usec = pg_get_time(result, row, 5),
        };
        return 0;
}

static void answer_counts(StoreRequest *r, int error, const PgResult *result)
{
        size_t n = error < 0 ? 0 : pg_result_rows(result);
        _cleanup_(freep) StoreCount *counts = n > 0 ? new0(StoreCount, n) : NULL;

        if (n > 0 && !counts)
                error = -ENOMEM;
        for (size_t i = 0; error >= 0 && i < n; i++)
                error = read_count(result, i, &counts[i]);
        r->on.counts(error, error < 0 ? NULL : counts, error < 0 ? 0 : n, r->userdata);
}

int store_counts(Store *s, StoreCountsDone callback, void *userdata, StoreRequest **ret)
{
        static const PgStatement statement = {
                "counts",
                "SELECT language, priority, state, count(*), min(created_at), min(coalesce(adopted_at, created_at)) FROM rce.jobs"
                "  WHERE finished_at IS NULL GROUP BY language, priority, state ORDER BY language, priority, state",
                true,
        };
        PgParameters p = { 0 };

        return store_ask(s, true, &statement, &p, answer_counts, (StoreCallback){ .counts = callback }, userdata, ret);
}

/* --- workers ------------------------------------------------------------------------------------------------------- */

/* Verdicts this version does not know are left out. */
static void read_finished(const char *text, uint64_t finished[static _JOB_VERDICT_MAX])
{
        _cleanup_(json_putp) struct json_object *o = json_tokener_parse(text);

        if (!json_object_is_type(o, json_type_object))
                return;
        json_object_object_foreach(o, name, n) {
                int verdict = job_verdict_from_string(name);

                if (verdict >= 0)
                        finished[verdict] = json_object_get_uint64(n);
        }
}

static int read_worker(const PgResult *result, size_t row, StoreWorker *ret)
{
        memcpy(ret->incarnation.bytes, pg_get_uuid(result, row, 0), JOB_ID_SIZE);
        ret->host = pg_get_text(result, row, 1);
        ret->name = pg_get_text(result, row, 2);
        ret->version = pg_get_text(result, row, 3);
        ret->slots = (unsigned) pg_get_int(result, row, 5);
        ret->running = (unsigned) pg_get_int(result, row, 6);
        read_finished(pg_get_text(result, row, 7), ret->finished);
        ret->started_usec = pg_get_time(result, row, 8);
        ret->seen_usec = pg_get_time(result, row, 9);
        ret->alive = pg_get_bool(result, row, 10);
        return strv_split(pg_get_text(result, row, 4), &ret->languages);
}

static void answer_workers(StoreRequest *r, int error, const PgResult *result)
{
        size_t n = error < 0 ? 0 : pg_result_rows(result);
        StoreWorker *workers = n > 0 ? new0(StoreWorker, n) : NULL;

        if (n > 0 && !workers)
                error = -ENOMEM;
        for (size_t i = 0; error >= 0 && i < n; i++)
                error = read_worker(result, i, &workers[i]);

        r->on.workers(error < 0 ? error : 0, error < 0 ? NULL : workers, error < 0 ? 0 : n, r->userdata);
        for (size_t i = 0; workers && i < n; i++)
                strv_free(workers[i].languages);
        free(workers);
}

int store_workers(Store *s, StoreWorkersDone callback, void *userdata, StoreRequest **ret)
{
        static const PgStatement statement = {
                "workers",
                "SELECT incarnation, host, name, version, array_to_string(languages, ' '), slots, running, finished,"
                "  started_at, seen_at, seen_at > now() - interval '30 seconds' FROM rce.workers ORDER BY host, name",
                true,
        };
        PgParameters p = { 0 };

        return store_ask(s, true, &statement, &p, answer_workers, (StoreCallback){ .workers = callback }, userdata, ret);
}
