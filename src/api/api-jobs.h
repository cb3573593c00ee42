/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Jobs that are there: one, many, their parts; cancelling and forgetting them. */

#include "api/api-manager.h"

void handle_job_get(Manager *m, HttpRequest *request, const char *id);
void handle_job_list(Manager *m, HttpRequest *request, const char *unused);
void handle_job_delete(Manager *m, HttpRequest *request, const char *id);
void handle_job_source(Manager *m, HttpRequest *request, const char *id);
void handle_job_stdout(Manager *m, HttpRequest *request, const char *id);
void handle_job_stderr(Manager *m, HttpRequest *request, const char *id);
