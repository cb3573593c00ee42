/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* All that a worker says to the journal about jobs and about itself, with the fields to find it by. Nothing here ever
 * carries text of a user: reasons are ours, but may have a program's words in them, so only verdicts are told. */

#include "job/id.h"
#include "job/result.h"

/* What the messages are about. Strings are borrowed; job may be NULL, as all that is not known yet. */
typedef struct WorkerDiag {
        const char *worker;              /* "HOST/NAME" */
        const JobId *job;
        unsigned attempt;
        const char *language, *client;
} WorkerDiag;

/* "FIELD=VALUE" by which all of these are found, for others to say theirs with. */
int worker_diag_fields(const WorkerDiag *d, char ***ret);

void worker_diag_claimed(const WorkerDiag *d);
void worker_diag_finished(const WorkerDiag *d, const JobResult *result);
void worker_diag_given_up(const WorkerDiag *d);         /* the database found that it had all of its attempts */
void worker_diag_attempt_failed(const WorkerDiag *d, const char *reason);
void worker_diag_returned(const WorkerDiag *d);
void worker_diag_superseded(const WorkerDiag *d);
void worker_diag_refused(const WorkerDiag *d, const char *why);         /* the database does not take the result */
void worker_diag_leftovers(const WorkerDiag *d, const char *unit, int error);
void worker_diag_waits(const WorkerDiag *d, const char *what, int error);      /* debug */

void worker_diag_backend(const WorkerDiag *d, const char *backend, bool connected, const char *why);
void worker_diag_complaint(const WorkerDiag *d, const char *complaint);
void worker_diag_drained(const WorkerDiag *d, uint64_t n_finished, uint64_t n_returned);
