/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Jobs as clients read them. openapi.json says the same in its own words, which a test holds to this. Pure. */

#include <json-c/json.h>

#include "store/store.h"

/* "2026-11-23T06:22:14.123Z", or null for USEC_INFINITY. */
int json_add_time(struct json_object *object, const char *key, usec_t usec);

/* Its state, and how it ended if it has; without its output. */
int job_to_json(const StoreJob *job, struct json_object **ret);

/* The same with "stdout" and "stderr", both null while the job is not finished. */
int job_to_json_with_output(const StoreJob *job, const Buffer *out, const Buffer *err, struct json_object **ret);

/* {"id", "state", "links"}: what a submission is answered with. */
int job_ticket_to_json(const JobId *id, JobState state, struct json_object **ret);
