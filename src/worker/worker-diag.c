/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/worker-diag.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "basic/log.h"
#include "basic/string-util.h"
#include "shared/message-id.h"

#define FIELD_MAX 256

/* Room for the fields of one message. */
typedef struct Fields {
        char text[LOG_FIELDS_MAX][FIELD_MAX];
        char *fields[LOG_FIELDS_MAX + 1];
        size_t n;
} Fields;

static void _printf_(2, 3) add(Fields *f, const char *format, ...)
{
        va_list ap;

        if (f->n >= LOG_FIELDS_MAX)
                return;

        va_start(ap, format);
        vsnprintf(f->text[f->n], FIELD_MAX, format, ap);
        va_end(ap);
        f->fields[f->n] = f->text[f->n];
        f->fields[++f->n] = NULL;
}

static void add_subject(Fields *f, const char *message_id, const WorkerDiag *d)
{
        char id[JOB_ID_TEXT_MAX];

        f->n = 0;
        f->fields[0] = NULL;
        if (message_id)
                add(f, "MESSAGE_ID=%s", message_id);
        add(f, "RCE_WORKER=%s", d->worker);
        if (d->job)
                add(f, "RCE_JOB_ID=%s", job_id_format(id, d->job));
        if (d->attempt > 0)
                add(f, "RCE_ATTEMPT=%u", d->attempt);
        if (d->language)
                add(f, "RCE_LANGUAGE=%s", d->language);
        if (d->client)
                add(f, "RCE_CLIENT=%s", d->client);
}

static const char *id_of(const WorkerDiag *d, char buf[static JOB_ID_TEXT_MAX])
{
        return job_id_format(buf, d->job);
}

int worker_diag_fields(const WorkerDiag *d, char ***ret)
{
        Fields f;

        add_subject(&f, NULL, d);
        *ret = strv_copy(f.fields);
        return *ret ? 0 : -ENOMEM;
}

void worker_diag_claimed(const WorkerDiag *d)
{
        char id[JOB_ID_TEXT_MAX];
        Fields f;

        add_subject(&f, MESSAGE_ID_JOB_CLAIMED, d);
        (void) log_fields(LOG_INFO, 0, f.fields, "Job %s: attempt %u", id_of(d, id), d->attempt);
}

void worker_diag_finished(const WorkerDiag *d, const JobResult *result)
{
        const char *verdict = job_verdict_to_string(result->verdict);
        char id[JOB_ID_TEXT_MAX], span[TIMESPAN_MAX];
        Fields f;

        add_subject(&f, MESSAGE_ID_JOB_FINISHED, d);
        add(&f, "RCE_VERDICT=%s", verdict);
        add(&f, "RCE_DURATION_USEC=%" PRIu64, result->wall_usec);
        (void) log_fields(result->verdict == JOB_VERDICT_INTERNAL_ERROR ? LOG_WARNING : LOG_INFO, 0, f.fields,
                          "Job %s: %s after %s", id_of(d, id), verdict, format_timespan(span, result->wall_usec));
}

void worker_diag_given_up(const WorkerDiag *d)
{
        char id[JOB_ID_TEXT_MAX];
        Fields f;

        add_subject(&f, MESSAGE_ID_JOB_FINISHED, d);
        add(&f, "RCE_VERDICT=%s", job_verdict_to_string(JOB_VERDICT_INTERNAL_ERROR));
        (void) log_fields(LOG_WARNING, 0, f.fields, "Job %s: given up, since each of its attempts lost its worker",
                          id_of(d, id));
}

void worker_diag_attempt_failed(const WorkerDiag *d, const char *reason)
{
        char id[JOB_ID_TEXT_MAX];
        Fields f;

        add_subject(&f, MESSAGE_ID_ATTEMPT_FAILED, d);
        (void) log_fields(LOG_WARNING, 0, f.fields, "Job %s: attempt %u failed: %s", id_of(d, id), d->attempt,
                          reason ? reason : "out of memory");
}

void worker_diag_returned(const WorkerDiag *d)
{
        char id[JOB_ID_TEXT_MAX];
        Fields f;

        add_subject(&f, MESSAGE_ID_JOB_RETURNED, d);
        (void) log_fields(LOG_INFO, 0, f.fields, "Job %s: given back", id_of(d, id));
}

void worker_diag_superseded(const WorkerDiag *d)
{
        char id[JOB_ID_TEXT_MAX];
        Fields f;

        add_subject(&f, MESSAGE_ID_RESULT_SUPERSEDED, d);
        (void) log_fields(LOG_NOTICE, 0, f.fields, "Job %s: attempt %u was superseded by another", id_of(d, id), d->attempt);
}

void worker_diag_refused(const WorkerDiag *d, const char *why)
{
        char id[JOB_ID_TEXT_MAX];
        Fields f;

        add_subject(&f, NULL, d);
        (void) log_fields(LOG_ERR, 0, f.fields, "Job %s: the database refuses the result, trying on: %s", id_of(d, id), why);
}

void worker_diag_leftovers(const WorkerDiag *d, const char *unit, int error)
{
        char id[JOB_ID_TEXT_MAX];
        Fields f;

        add_subject(&f, NULL, d);
        (void) log_fields(LOG_WARNING, error, f.fields, "Job %s: %s could not be seen to its end: %s", id_of(d, id), unit,
                          strerror(abs(error)));
}

void worker_diag_waits(const WorkerDiag *d, const char *what, int error)
{
        char id[JOB_ID_TEXT_MAX];
        Fields f;

        add_subject(&f, NULL, d);
        (void) log_fields(LOG_DEBUG, error, f.fields, "Job %s: %s again in a while: %s", id_of(d, id), what,
                          strerror(abs(error)));
}

void worker_diag_backend(const WorkerDiag *d, const char *backend, bool connected, const char *why)
{
        Fields f;

        add_subject(&f, connected ? MESSAGE_ID_BACKEND_BACK : MESSAGE_ID_BACKEND_LOST, d);
        if (connected)
                (void) log_fields(LOG_NOTICE, 0, f.fields, "The %s can be used", backend);
        else
                (void) log_fields(LOG_WARNING, 0, f.fields, "The %s cannot be used: %s", backend, why ? why : "");
}

void worker_diag_complaint(const WorkerDiag *d, const char *complaint)
{
        Fields f;

        add_subject(&f, NULL, d);
        (void) log_fields(LOG_WARNING, 0, f.fields, "%s", complaint);
}

void worker_diag_drained(const WorkerDiag *d, uint64_t n_finished, uint64_t n_returned)
{
        Fields f;

        add_subject(&f, MESSAGE_ID_WORKER_DRAINED, d);
        (void) log_fields(LOG_NOTICE, 0, f.fields, "Drained: %" PRIu64 " jobs finished, %" PRIu64 " given back", n_finished,
                          n_returned);
}
