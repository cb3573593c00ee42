/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Jobs followed by clients: server-sent events, and a WebSocket with the same events as messages. */

#include "api/api-manager.h"

void handle_job_events(Manager *m, HttpRequest *request, const char *id);
void handle_job_stream(Manager *m, HttpRequest *request, const char *id);
