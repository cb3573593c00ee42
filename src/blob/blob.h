/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Where bytes are kept under the SHA-256 of themselves: a local directory, or the bucket of an S3 server. Equal
 * bytes are one blob. What was acknowledged is on the disk, or with the server; what is read is what was written,
 * or an error.
 *
 * Several processes may use one directory at a time. It and everything in it belong to the group of the
 * directory, and its mode says what others of that group may do. */

#include <systemd/sd-event.h>

#include "basic/memory.h"
#include "basic/time-util.h"
#include "blob/blob-key.h"
#include "shared/fault.h"

typedef struct BlobStore BlobStore;
typedef struct BlobRequest BlobRequest;

typedef struct BlobParams {
        const char *uri;                 /* "file:/DIRECTORY", "s3+http://HOST:PORT/BUCKET", "s3+https://…" */
        const char *region;              /* of S3; NULL: us-east-1, which most servers that are not Amazon's want */
        const char *access_key;
        const char *secret_key;
        bool virtual_host;               /* "https://BUCKET.HOST/" instead of "https://HOST/BUCKET/" */

        size_t size_max;                 /* of a blob; larger ones are -EFBIG */
        size_t queue_max;                /* requests that are not done; more are -ENOBUFS */
        size_t queue_bytes_max;          /* in puts that are not done; more are -ENOBUFS */
        usec_t spare_usec;               /* how long bytes are not stored again; 0: BLOB_SPARE_USEC */
        unsigned connections_max;        /* to the S3 server */
        usec_t timeout_usec;             /* of one try with the S3 server */
        usec_t patience_usec;            /* with the S3 server, over all tries */

        /* Each change of whether blobs can be stored, and each new reason why not. May be NULL. */
        void (*on_state)(bool ready, const char *why, void *userdata);
        void *userdata;
} BlobParams;

typedef struct BlobResult {
        char key[BLOB_KEY_SIZE];         /* the request's; of put too */
        Buffer data;                     /* of get; may be taken */
        char **keys;                     /* of list, sorted; may be taken */
        bool more;                       /* of list: there may be more behind key, which is the last one looked at */
        const char *why;                 /* a sentence, when there is an error */
} BlobResult;

typedef struct BlobCounters {
        uint64_t puts, put_bytes, spared_puts, gets, deletes, failures, corruptions;
        uint64_t waiting, waiting_bytes; /* now */
        uint64_t batches, batched_puts;  /* of a directory: how many puts shared how many syncs */
        uint64_t retries, outages;       /* of an S3 server */
        usec_t put_usec;                 /* sum over all puts, from the call to the callback */
} BlobCounters;

/* error is 0, or
 *   -ENOENT     there is no such blob
 *   -EBADMSG    the blob's bytes are not those that were stored
 *   -EFBIG      it is larger than asked for
 *   -ENOSPC     the disk is full
 *   -EACCES     file modes, or the S3 keys, forbid it
 *   -ENXIO      there is no such bucket, or the directory is gone
 *   -EIO        anything else that is wrong with disk or server
 *   -ENOTCONN   the server could not be reached, or did not work, for too long
 *   -ECANCELED  the store was freed */
typedef void (*BlobCallback)(int error, BlobResult *result, void *userdata);

/* -EBADMSG with the fault set for a place that cannot be used as it is described. */
int blob_store_new(sd_event *event, const BlobParams *p, BlobStore **ret, Fault *reterr_fault);

/* What is not done fails with -ECANCELED; a batch that is being written is waited for. Not to be called from a
 * callback. */
BlobStore *blob_store_free(BlobStore *b);
DEFINE_CLEANUP(BlobStore *, blob_store_free)

bool blob_store_ready(const BlobStore *b);
BlobCounters blob_store_counters(const BlobStore *b);

/* All of these call back once, later, from the event loop; keys that are none are -EINVAL; ret may be NULL. */
int blob_put(BlobStore *b, const void *data, size_t size, BlobCallback callback, void *userdata, BlobRequest **ret);
int blob_get(BlobStore *b, const char *key, size_t size_max, BlobCallback callback, void *userdata, BlobRequest **ret);
int blob_exists(BlobStore *b, const char *key, BlobCallback callback, void *userdata, BlobRequest **ret);

/* Makes the bucket if there is none. Nothing to do for a directory. */
int blob_prepare(BlobStore *b, BlobCallback callback, void *userdata, BlobRequest **ret);

/* For removing what nothing names any more: lists keys behind one (NULL: from the first) that were last put at least
 * age_usec ago, and deletes one if that is still so. One that is gone, or younger, is fine.
 *
 * A put of bytes that are there already makes the blob young again, but for up to BLOB_SPARE_USEC a process that has
 * stored them does not do so again. So the age has to be well above that, as long as anybody may put. */
#define BLOB_SPARE_USEC (10 * USEC_PER_MINUTE)
int blob_list(BlobStore *b, const char *after, usec_t age_usec, BlobCallback callback, void *userdata,
              BlobRequest **ret);
int blob_delete(BlobStore *b, const char *key, usec_t age_usec, BlobCallback callback, void *userdata,
                BlobRequest **ret);

/* Ends it without the callback; the handle is good until the callback is called. It may be done nevertheless. */
void blob_cancel(BlobRequest *r);
