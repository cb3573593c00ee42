/* SPDX-License-Identifier: Apache-2.0 */
/* Submissions, and their idempotency keys.
 *
 * One statement inserts a batch's keys and those jobs that have no key or whose key was new, so that there is never one
 * without the other. It returns the rest: their keys were taken, by somebody else or by this very statement when it is
 * repeated after a lost connection. Whose they are can only be seen by a later statement, as the first one's view of the
 * table is older than the conflict. */
#include "basic/string-util.h"
#include "shared/json-util.h"
#include "store/store-internal.h"

#define BATCH_MAX 1000

typedef struct Submission {
        StoreRequest request;
        JobId id;
        char *client, *language, *source_key, *spec, *tags, *key;
        void *input;
        size_t n_input;
        JobPriority priority;
        uint64_t source_bytes;
        uint8_t hash[STORE_REQUEST_HASH_SIZE];
        unsigned n_lookups;
} Submission;

static void submission_free(StoreRequest *r)
{
        Submission *m = (Submission *) r;

        free(m->client);
        free(m->language);
        free(m->source_key);
        free(m->spec);
        free(m->tags);
        free(m->key);
        free(m->input);
        free(m);
}

static void submission_fail(StoreRequest *r, int error)
{
        r->on.submit(error, &((Submission *) r)->id, false, r->userdata);
}

static void submission_answer(Submission *m, int error, const JobId *id, bool again)
{
        if (!m->request.forgotten)
                m->request.on.submit(error, id, again, m->request.userdata);
        submission_free(&m->request);
}

/* --- keys that were taken ------------------------------------------------------------------------------------------ */

static void on_key(int error, const PgResult *result, void *userdata)
{
        Submission *m = userdata;
        Store *s = m->request.store;
        JobId id;

        if (error < 0) {
                submission_answer(m, store_error(s, error, result), &m->id, false);
                return;
        }
        if (pg_result_rows(result) == 0) {
                /* It has expired in between. */
                store_queue_again(&s->queues[STORE_SUBMIT], &m->request);
                (void) sd_event_source_set_enabled(s->kick, SD_EVENT_ONESHOT);
                return;
        }

        memcpy(id.bytes, pg_get_uuid(result, 0, 0), JOB_ID_SIZE);
        if (job_id_compare(&id, &m->id) == 0)
                submission_answer(m, 0, &id, false);
        else
                submission_answer(m, pg_get_bool(result, 0, 1) ? 0 : -EEXIST, &id, true);
}

static void look_key_up(Submission *m)
{
        static const PgStatement statement = {
                "key", "SELECT job, request_hash = $3 FROM rce.idempotency WHERE client = $1 AND key = $2", true
        };
        PgParameters p = { 0 };
        int k = -EAGAIN;

        if (m->n_lookups++ < 3) {
                pg_add_text(&p, m->client);
                pg_add_text(&p, m->key);
                pg_add_bytes(&p, m->hash, sizeof(m->hash));
                k = pg_query(m->request.store->writes.pg, &statement, &p, on_key, m, NULL);
        }
        if (k < 0)
                submission_answer(m, k, &m->id, false);
}

/* --- batches ------------------------------------------------------------------------------------------------------- */

static void submission_encode(const StoreBatch *b, PgParameters *p)
{
        BATCH_COLUMN(p, b, PG_UUID_ARRAY, Submission, m, pg_add_uuid(p, m->id.bytes));
        BATCH_COLUMN(p, b, PG_TEXT_ARRAY, Submission, m, pg_add_text(p, m->client));
        BATCH_COLUMN(p, b, PG_TEXT_ARRAY, Submission, m, pg_add_text(p, m->language));
        BATCH_COLUMN(p, b, PG_INT2_ARRAY, Submission, m, pg_add_int(p, PG_INT2, (int64_t) m->priority));
        BATCH_COLUMN(p, b, PG_TEXT_ARRAY, Submission, m, pg_add_text(p, m->source_key));
        BATCH_COLUMN(p, b, PG_INT8_ARRAY, Submission, m, pg_add_int(p, PG_INT8, (int64_t) m->source_bytes));
        BATCH_COLUMN(p, b, PG_JSONB_ARRAY, Submission, m, pg_add_json(p, m->spec));
        BATCH_COLUMN(p, b, PG_JSONB_ARRAY, Submission, m, pg_add_json(p, m->tags));
        BATCH_COLUMN(p, b, PG_BYTEA_ARRAY, Submission, m, pg_add_bytes(p, m->input, m->n_input));
        BATCH_COLUMN(p, b, PG_TEXT_ARRAY, Submission, m, pg_add_text(p, m->key));
        BATCH_COLUMN(p, b, PG_BYTEA_ARRAY, Submission, m, pg_add_bytes(p, m->hash, sizeof(m->hash)));
        pg_add_uuid(p, b->queue->store->incarnation.bytes);
}

static void submission_decode(StoreBatch *b, const PgResult *result)
{
        for (size_t i = 0; i < pg_result_rows(result); i++) {
                Submission *m = (Submission *) store_batch_take(b, (size_t) pg_get_int(result, i, 0) - 1);

                if (m)
                        look_key_up(m);
        }

        for (size_t i = 0; i < b->n; i++) {
                Submission *m = (Submission *) store_batch_take(b, i);

                if (m)
                        submission_answer(m, 0, &m->id, false);
        }
}

const StoreKindOps store_submit_ops = {
        .statement = {
                "submit",
                "WITH input AS MATERIALIZED ("
                "  SELECT * FROM unnest($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) WITH ORDINALITY AS"
                "    i(id, client, language, priority, source_key, source_bytes, spec, tags, stdin, key, hash, n)"
                "), taken AS ("
                "  INSERT INTO rce.idempotency (client, key, job, request_hash)"
                "  SELECT client, key, id, hash FROM input WHERE key IS NOT NULL ORDER BY client, key"
                "  ON CONFLICT DO NOTHING RETURNING job"
                "), added AS ("
                "  INSERT INTO rce.jobs (id, client, language, priority, source_key, source_bytes, spec, tags, stdin,"
                "    publisher)"
                "  SELECT id, client, language, priority, source_key, source_bytes, spec, tags, stdin, $12 FROM input"
                "  WHERE key IS NULL OR id IN (SELECT job FROM taken)"
                "  ON CONFLICT DO NOTHING"
                ") SELECT n FROM input WHERE key IS NOT NULL AND id NOT IN (SELECT job FROM taken)",
                true,
        },
        .batch_max = BATCH_MAX,
        .encode = submission_encode,
        .decode = submission_decode,
        .fail = submission_fail,
        .free = submission_free,
};

static int to_text(struct json_object *o, char **ret)
{
        return o ? free_and_strdup(ret, json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN)) : 0;
}

static int copy_submission(const StoreSubmission *submission, Submission *m)
{
        _cleanup_(json_putp) struct json_object *spec_json = NULL, *tags_json = NULL;
        const JobSpec *spec = submission->spec;
        int k;

        if ((k = job_spec_to_json(spec, &spec_json)) < 0 || (k = to_text(spec_json, &m->spec)) < 0 ||
            (k = job_assignments_to_json(spec->tags, &tags_json)) < 0 || (k = to_text(tags_json, &m->tags)) < 0 ||
            (k = free_and_strdup(&m->client, submission->client)) < 0 ||
            (k = free_and_strdup(&m->key, submission->key)) < 0 ||
            (k = free_and_strdup(&m->language, spec->language)) < 0 ||
            (k = free_and_strdup(&m->source_key, spec->source_key)) < 0)
                return k;
        if (spec->stdin_data && !(m->input = memdup_nul(spec->stdin_data, spec->stdin_size)))
                return -ENOMEM;

        m->id = submission->id;
        m->n_input = spec->stdin_size;
        m->request.n_coming = submission->n_coming;
        m->priority = spec->priority;
        m->source_bytes = spec->source_bytes;
        memcpy(m->hash, submission->request_hash, sizeof(m->hash));
        m->request.n_bytes = sizeof(*m) + m->n_input + strlen(m->spec) + (m->tags ? strlen(m->tags) : 0);
        return 0;
}

int store_submit(Store *s, const StoreSubmission *submission, StoreSubmitDone callback, void *userdata, StoreRequest **ret)
{
        Submission *m = new0(Submission, 1);

        if (!m)
                return -ENOMEM;
        m->request.on.submit = callback;
        m->request.userdata = userdata;

        int k = copy_submission(submission, m);
        if (k >= 0)
                k = store_queue_add(s, STORE_SUBMIT, &m->request, ret);
        if (k < 0)
                submission_free(&m->request);
        return k;
}
