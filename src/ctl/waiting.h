/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Why a job has not begun. */

#include "client/client.h"

/* Of what /v1/workers has: a sentence the caller frees, NULL for no memory. language is the job's. */
char *waiting_explain(struct json_object *workers, const char *language);

/* Asks the server about this job and says it, as progress, once there are the answers. *over: it has begun meanwhile, so
 * that nothing is said; it must live as long as the client. */
int waiting_tell(Client *client, const char *job, const bool *over);
