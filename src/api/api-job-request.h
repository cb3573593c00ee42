/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* A job as a client asks for it. openapi.json says the same in its own words, which a test holds to this. Pure. */

#include <json-c/json.h>

#include "job/spec.h"

/* What a request brings. Initialise with JOB_REQUEST_INIT, release with job_request_done(). */
typedef struct JobRequest {
        JobSpec spec;                    /* language NULL: not said; no source key yet */
        char *source;
        size_t source_size;
} JobRequest;

#define JOB_REQUEST_INIT ((JobRequest){ .spec = JOB_SPEC_DEFAULT })

void job_request_done(JobRequest *request);

/* The body of POST /v1/jobs. Every member it does not know, or that is not what it has to be, is a fault whose field is a
 * path ("limits.memory_bytes", "args[2]"). Sizes are not looked at. -EPROTO when it is not JSON at all; the fault's detail
 * says where. */
int job_request_parse(const char *body, size_t size, JobRequest *ret, Fault *reterr_fault);

/* One JSON text, an object, in UTF-8, not nested deeper than any request of ours. Errors as above. */
int json_body_parse(const char *body, size_t size, struct json_object **ret, Fault *reterr_fault);
