/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Three endpoints of an earlier service, for clients that were written for it: POST /submit with a file in a form, GET
 * /status/{id}, and a WebSocket /ws/{id} that sends the same object at each change. "logs" is all output so far, both
 * streams as they came, as text. */

#include "api/api-manager.h"

/* Longer logs are cut. */
#define LEGACY_LOGS_MAX ((size_t) 1024 * 1024)

void handle_legacy_submit(Manager *m, HttpRequest *request, const char *unused);
void handle_legacy_status(Manager *m, HttpRequest *request, const char *id);
void handle_legacy_ws(Manager *m, HttpRequest *request, const char *id);

/* QUEUED, PROCESSING, COMPLETED, FAILED; verdict is looked at when it is finished. */
const char *legacy_status(JobState state, JobVerdict verdict);

/* Appends bytes as UTF-8: what is none becomes U+FFFD. Not beyond LEGACY_LOGS_MAX. */
int legacy_logs_append(Buffer *logs, const char *data, size_t size);
