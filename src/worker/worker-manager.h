/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* All that a worker holds: its connections, its languages, its jobs; and what is not about a single job: how many there may
 * be, the heartbeat, what systemctl status shows, reload and the way out.
 *
 * It takes jobs once the database has heard of it. Told to stop it takes none any more, gives back what has not begun, waits
 * up to DrainTimeout= for what runs, then gives that back too. A worker that lost the user manager, and so all of its
 * sandboxes, stops by itself, to be started anew. */

#include "basic/macro.h"
#include "shared/fault.h"

typedef struct WorkerManager WorkerManager;

/* The name tells the workers of one host apart. */
int worker_manager_new(const char *name, WorkerManager **ret, Fault *reterr_fault);

/* Until it has stopped; returns the exit code. */
int worker_manager_run(WorkerManager *m);

WorkerManager *worker_manager_free(WorkerManager *m);
DEFINE_CLEANUP(WorkerManager *, worker_manager_free)
