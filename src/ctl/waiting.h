/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Why a job has not begun. */

#include "client/client.h"

/* Of the job's language, what /v1/workers has, and what /readyz says, either of which may be NULL: a sentence the caller
 * frees; NULL for no memory. */
char *waiting_explain(const char *language, struct json_object *workers, struct json_object *readiness);

/* Asks the server about this job and says it, as progress, once there are the answers. *over: it has begun meanwhile, so
 * that nothing is said; it must live as long as the client. */
int waiting_tell(Client *client, const char *job, const bool *over);
