/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What rce-api says in the journal. Everything about a job carries RCE_JOB_ID=, so that its whole story can be asked for. */

#include "job/id.h"
#include "job/spec.h"

void diag_submitted(const JobId *id, const char *client, const char *language, const char *request_id);
void diag_cancelled(const JobId *id, const char *client, bool running);
void diag_purged(const JobId *id, const char *client);
void diag_republished(const JobId *id, const char *language);

/* Finished without a worker, as internal_error. */
void diag_buried(const JobId *id, const char *reason);

/* A backend can be reached, or cannot any more, or still cannot for another reason. */
void diag_backend(const char *backend, bool connected, const char *why);
