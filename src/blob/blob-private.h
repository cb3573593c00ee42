/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What the parts of this room share: a request on its way through a thread or the S3 client. */

#include <sys/queue.h>

#include "blob/blob.h"
#include "s3/s3-client.h"

typedef enum BlobVerb {
        BLOB_PUT,
        BLOB_GET,
        BLOB_EXISTS,
        BLOB_DELETE,
        BLOB_LIST,
        BLOB_PREPARE,
        BLOB_CHECK,                      /* the store's own: could something be put? */
        _BLOB_VERB_MAX,
} BlobVerb;

struct BlobRequest {
        TAILQ_ENTRY(BlobRequest) entry;
        BlobStore *store;
        S3Client *server;                /* where it goes to, and */
        S3Request *s3;                   /* what it is there */

        BlobVerb verb;
        bool spared;                     /* a put of what was put lately */
        char *data;                      /* of put */
        size_t size, size_max;
        usec_t age_usec;

        BlobCallback callback;           /* NULL when it was cancelled */
        void *userdata;
        usec_t begin_usec;

        /* filled in by who does it */
        int error;
        BlobResult result;
        char *why;
};

typedef TAILQ_HEAD(BlobRequestList, BlobRequest) BlobRequestList;

/* Ends a request that came back, in the event loop: calls back and frees it. why is copied. */
void blob_request_end(BlobRequest *r, int error, const char *why);

/* The S3 side. Sends a request; when that fails it is still the caller's. */
int blob_s3_send(S3Client *s3, BlobRequest *r);
