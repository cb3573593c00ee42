/* SPDX-License-Identifier: Apache-2.0 */
#include "api/api-diag.h"

#include <stdarg.h>
#include <stdio.h>

#include "basic/log.h"
#include "job/result.h"
#include "shared/message-id.h"

#define FIELD_MAX 256

typedef struct Fields {
        char text[LOG_FIELDS_MAX][FIELD_MAX];
        char *fields[LOG_FIELDS_MAX + 1];
        size_t n;
} Fields;

/* Left out when there is no value. */
static void add(Fields *f, const char *name, const char *value)
{
        if (!value || f->n >= LOG_FIELDS_MAX)
                return;
        (void) snprintf(f->text[f->n], FIELD_MAX, "%s=%s", name, value);
        f->fields[f->n] = f->text[f->n];
        f->fields[++f->n] = NULL;
}

static const char *begin(Fields *f, char id_text[static JOB_ID_TEXT_MAX], const JobId *id, const char *client)
{
        f->n = 0;
        f->fields[0] = NULL;
        add(f, "RCE_JOB_ID", job_id_format(id_text, id));
        add(f, "RCE_CLIENT", client);
        return id_text;
}

void diag_submitted(const JobId *id, const char *client, const char *language, const char *request_id)
{
        char text[JOB_ID_TEXT_MAX];
        Fields f;

        begin(&f, text, id, client);
        add(&f, "RCE_LANGUAGE", language);
        add(&f, "RCE_REQUEST_ID", request_id);
        (void) log_fields(LOG_INFO, 0, f.fields, "Job %s: submitted by %s, %s", text, client, language);
}

void diag_cancelled(const JobId *id, const char *client, bool running)
{
        char text[JOB_ID_TEXT_MAX];
        Fields f;

        begin(&f, text, id, client);
        (void) log_fields(LOG_INFO, 0, f.fields, "Job %s: cancelled by %s%s", text, client,
                          running ? " while it runs" : "");
}

void diag_purged(const JobId *id, const char *client)
{
        char text[JOB_ID_TEXT_MAX];
        Fields f;

        begin(&f, text, id, client);
        (void) log_fields(LOG_INFO, 0, f.fields, "Job %s: purged by %s", text, client);
}

void diag_republished(const JobId *id, const char *language)
{
        char text[JOB_ID_TEXT_MAX];
        Fields f;

        begin(&f, text, id, NULL);
        add(&f, "RCE_LANGUAGE", language);
        (void) log_fields(LOG_NOTICE, 0, f.fields, "Job %s: published again, since nobody saw to it", text);
}

void diag_buried(const JobId *id, const char *reason)
{
        const char *verdict = job_verdict_to_string(JOB_VERDICT_INTERNAL_ERROR);
        char text[JOB_ID_TEXT_MAX];
        Fields f;

        begin(&f, text, id, NULL);
        add(&f, "MESSAGE_ID", MESSAGE_ID_JOB_FINISHED);
        add(&f, "RCE_VERDICT", verdict);
        (void) log_fields(LOG_WARNING, 0, f.fields, "Job %s: %s: %s", text, verdict, reason);
}

void diag_backend(const char *backend, bool connected, const char *why)
{
        Fields f = { 0 };

        add(&f, "MESSAGE_ID", connected ? MESSAGE_ID_BACKEND_BACK : MESSAGE_ID_BACKEND_LOST);
        if (connected)
                (void) log_fields(LOG_NOTICE, 0, f.fields, "Connected to the %s", backend);
        else
                (void) log_fields(LOG_WARNING, 0, f.fields, "No connection to the %s: %s", backend, why ? why : "");
}
