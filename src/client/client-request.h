/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What a client sends: documents, and questions in addresses. */

#include "basic/memory.h"
#include "job/spec.h"

/* The body of POST /v1/jobs. What the spec leaves open is the server's choice; the source must be UTF-8. */
int client_request_of_job(const JobSpec *spec, const char *source, size_t size, struct json_object **ret);

/* Appends "?name=value", or "&name=value" behind another one, to an address; nothing for a NULL value. */
int client_query_add(Buffer *path, const char *name, const char *value);
