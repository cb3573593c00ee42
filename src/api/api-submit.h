/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Taking a job in. Its source goes to the blobs, then its row to the database; when that is durable too the client is told,
 * and the message is published. What becomes of the message after that is the publisher's affair, so a client that
 * goes away, or a broker that does, changes nothing. */

#include "api/api-job-request.h"
#include "api/api-manager.h"

#define IDEMPOTENCY_KEY_MAX 255

typedef struct SubmitOptions {
        const char *key;                 /* Idempotency-Key; NULL: none */
        usec_t wait_usec;                /* 0: the answer does not wait for the end */
        void (*answer)(HttpRequest *request, const JobId *id, bool again);      /* when it is durable */
} SubmitOptions;

/* Takes what is in the job. Answers the request, sooner or later. */
void submit(Manager *m, HttpRequest *request, JobRequest *job, const SubmitOptions *options);

/* POST /v1/jobs */
void handle_submit(Manager *m, HttpRequest *request, const char *unused);

/* Which language it is when none was said: one that has what the program imports, of those with its file's ending. */
int choose_language(Manager *m, const char *file_name, const char *source, size_t size, const Language **ret,
                    Fault *reterr_fault);
