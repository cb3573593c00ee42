/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What rce-api counts of its own work. The rooms count theirs; api-metrics-page.c shows all of it. */

#include "api/api-metrics-text.h"
#include "httpd/http-server.h"

#define METRICS_ROUTES_MAX 64
#define METRICS_CODES_MAX 16

/* Where no route was found. */
#define METRICS_NO_ROUTE "none"

typedef struct RouteMetrics {
        const char *route;
        char method[8];
        struct {
                unsigned status;
                uint64_t n;
        } codes[METRICS_CODES_MAX];
        size_t n_codes;
        Histogram duration;
} RouteMetrics;

typedef struct Metrics {
        RouteMetrics routes[METRICS_ROUTES_MAX];
        size_t n_routes;

        uint64_t submitted, replayed;    /* jobs taken; the same one asked for again */
        uint64_t published, publish_failures, adopted, dead;
        uint64_t collected;              /* blobs */
        uint64_t watchers, watcher_bytes; /* now; told in all */
        uint64_t gaps;                   /* output that had to be asked for again */
        Histogram durable;               /* from a submission to its being stored */
} Metrics;

/* A route's name must stay valid. Methods that are none of HTTP's are "other". */
void metrics_observe(Metrics *metrics, const HttpDone *done);

/* Requests by route, method and code, and how long they took. */
int metrics_print_requests(Buffer *b, const Metrics *metrics);
