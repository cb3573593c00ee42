/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The database, the blobs and the broker, as configuration and credentials describe them. None of these calls waits for the
 * other side; each has the worker's patience, which is without end where jobs would be lost. */

#include "blob/blob.h"
#include "queue/queue-worker.h"
#include "shared/config.h"
#include "store/store-worker.h"

/* Which worker it is. */
typedef struct WorkerIdentity {
        char *name, *host;
        char *full_name;                 /* "HOST/NAME" */
        JobId incarnation;
} WorkerIdentity;

int worker_identity_make(const char *name, JobIdMaker *ids, WorkerIdentity *ret);
void worker_identity_done(WorkerIdentity *i);

typedef void (*WorkerConnectState)(bool connected, const char *why, void *userdata);

int worker_connect_store(sd_event *event, const Config *config, const WorkerIdentity *identity, WorkerConnectState on_state,
                         void *userdata, Store **ret, Fault *reterr_fault);

int worker_connect_blobs(sd_event *event, const Config *config, WorkerConnectState on_state, void *userdata, BlobStore **ret,
                         Fault *reterr_fault);

/* callbacks are those of QueueParams and their userdata; nothing else of it is looked at. Each has a name of its own at the
 * broker, so that two may be there at a time. */
int worker_connect_queue(sd_event *event, const Config *config, const WorkerIdentity *identity, JobIdMaker *ids,
                         char *const *languages, const QueueParams *callbacks, Queue **ret, Fault *reterr_fault);
