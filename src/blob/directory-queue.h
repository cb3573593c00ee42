/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* A directory of blobs behind two threads: one puts, taking everything that waits as one batch, and one does the
 * rest. */

#include "blob/blob-private.h"
#include "blob/directory.h"

typedef struct DirectoryQueue DirectoryQueue;

int directory_queue_new(const char *path, DirectoryQueue **ret, Fault *reterr_fault);

/* Waits for what is being done. What has not begun comes out with -ECANCELED, of directory_queue_collect(). */
void directory_queue_stop(DirectoryQueue *q);

/* What is in it is lost. */
DirectoryQueue *directory_queue_free(DirectoryQueue *q);
DEFINE_CLEANUP(DirectoryQueue *, directory_queue_free)

/* Becomes readable when something is done. */
int directory_queue_fd(const DirectoryQueue *q);

void directory_queue_add(DirectoryQueue *q, BlobRequest *r);

/* Appends what is done, with error, why and result filled in. */
void directory_queue_collect(DirectoryQueue *q, BlobRequestList *ret);

/* How many batches were written so far, and how many puts were in them. */
void directory_queue_count(DirectoryQueue *q, uint64_t *ret_batches, uint64_t *ret_puts);
