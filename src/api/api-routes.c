/* SPDX-License-Identifier: Apache-2.0 */
#include "api/api-info.h"
#include "api/api-jobs.h"
#include "api/api-legacy.h"
#include "api/api-lint.h"
#include "api/api-live.h"
#include "api/api-submit.h"

/* openapi.json has the same, and a test that they agree. */
const Route api_routes[] = {
        { "POST", "/v1/jobs", ROUTE_BODY_JSON, "wait", false, handle_submit },
        { "GET", "/v1/jobs", ROUTE_BODY_NONE, "state language tag limit cursor", false, handle_job_list },
        { "GET", "/v1/jobs/{id}", ROUTE_BODY_NONE, NULL, false, handle_job_get },
        { "DELETE", "/v1/jobs/{id}", ROUTE_BODY_NONE, "purge", false, handle_job_delete },
        { "GET", "/v1/jobs/{id}/source", ROUTE_BODY_NONE, NULL, false, handle_job_source },
        { "GET", "/v1/jobs/{id}/stdout", ROUTE_BODY_NONE, NULL, false, handle_job_stdout },
        { "GET", "/v1/jobs/{id}/stderr", ROUTE_BODY_NONE, NULL, false, handle_job_stderr },
        { "GET", "/v1/jobs/{id}/events", ROUTE_BODY_NONE, NULL, false, handle_job_events },
        { "GET", "/v1/jobs/{id}/stream", ROUTE_BODY_NONE, NULL, true, handle_job_stream },
        { "POST", "/v1/lint", ROUTE_BODY_JSON, NULL, false, handle_lint },
        { "GET", "/v1/languages", ROUTE_BODY_NONE, NULL, false, handle_languages },
        { "GET", "/v1/workers", ROUTE_BODY_NONE, NULL, false, handle_workers },
        { "GET", "/v1/queue", ROUTE_BODY_NONE, NULL, false, handle_queue },
        { "GET", "/openapi.json", ROUTE_BODY_NONE, NULL, false, handle_openapi },
        { "GET", "/healthz", ROUTE_BODY_NONE, NULL, false, handle_healthz },
        { "GET", "/readyz", ROUTE_BODY_NONE, NULL, false, handle_readyz },
        { "GET", "/metrics", ROUTE_BODY_NONE, NULL, false, handle_metrics },
        { "POST", "/submit", ROUTE_BODY_FORM, NULL, false, handle_legacy_submit },
        { "GET", "/status/{id}", ROUTE_BODY_NONE, NULL, false, handle_legacy_status },
        { "GET", "/ws/{id}", ROUTE_BODY_NONE, NULL, true, handle_legacy_ws },
        { 0 },
};
