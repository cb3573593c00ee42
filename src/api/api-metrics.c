/* SPDX-License-Identifier: Apache-2.0 */
#include "api/api-metrics.h"

#include <stdio.h>

#include "basic/string-util.h"

static const char *known_method(const char *method)
{
        static const char *const methods[] = { "GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS" };

        for (size_t i = 0; i < ELEMENTSOF(methods); i++)
                if (streq(methods[i], method))
                        return methods[i];
        return "other";
}

static RouteMetrics *find_route(Metrics *metrics, const char *route, const char *method)
{
        for (size_t i = 0; i < metrics->n_routes; i++)
                if (streq(metrics->routes[i].route, route) && streq(metrics->routes[i].method, method))
                        return &metrics->routes[i];
        if (metrics->n_routes == METRICS_ROUTES_MAX)
                return NULL;

        RouteMetrics *r = &metrics->routes[metrics->n_routes++];
        r->route = route;
        (void) snprintf(r->method, sizeof(r->method), "%s", method);
        return r;
}

void metrics_observe(Metrics *metrics, const HttpDone *done)
{
        RouteMetrics *r = find_route(metrics, done->route ? done->route : METRICS_NO_ROUTE, known_method(done->method));
        size_t i = 0;

        if (!r)
                return;
        histogram_observe(&r->duration, done->duration_usec);
        while (i < r->n_codes && r->codes[i].status != done->status)
                i++;
        if (i == METRICS_CODES_MAX)
                return;
        if (i == r->n_codes)
                r->codes[r->n_codes++].status = done->status;
        r->codes[i].n++;
}

int metrics_print_requests(Buffer *b, const Metrics *metrics)
{
        int r = metric_head(b, "rce_api_requests_total", "counter", "Requests by route and status; code 0: no answer.");

        for (size_t i = 0; i < metrics->n_routes && r >= 0; i++)
                for (size_t k = 0; k < metrics->routes[i].n_codes && r >= 0; k++) {
                        const RouteMetrics *route = &metrics->routes[i];
                        char code[12];

                        (void) snprintf(code, sizeof(code), "%u", route->codes[k].status);
                        r = metric_sample(b, "rce_api_requests_total",
                                          (const MetricLabel[]){ { "route", route->route },
                                                                 { "method", route->method },
                                                                 { "code", code },
                                                                 { 0 } },
                                          route->codes[k].n);
                }
        if (r >= 0)
                r = metric_head(b, "rce_api_request_duration_seconds", "histogram",
                                "From a request's first line to its answer's last byte.");
        for (size_t i = 0; i < metrics->n_routes && r >= 0; i++)
                r = histogram_print(b, "rce_api_request_duration_seconds",
                                    (const MetricLabel[]){ { "route", metrics->routes[i].route },
                                                           { "method", metrics->routes[i].method },
                                                           { 0 } },
                                    &metrics->routes[i].duration);
        return r;
}
