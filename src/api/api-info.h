/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What there is: languages, workers, health, metrics, and the description of all this. */

#include "api/api-manager.h"

void handle_languages(Manager *m, HttpRequest *request, const char *unused);
void handle_queue(Manager *m, HttpRequest *request, const char *unused);
void handle_workers(Manager *m, HttpRequest *request, const char *unused);
void handle_healthz(Manager *m, HttpRequest *request, const char *unused);
void handle_readyz(Manager *m, HttpRequest *request, const char *unused);
void handle_metrics(Manager *m, HttpRequest *request, const char *unused);
void handle_openapi(Manager *m, HttpRequest *request, const char *unused);
