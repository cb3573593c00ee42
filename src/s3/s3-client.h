/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* One bucket of an S3 server, in the event loop. A server that cannot be reached, or says that it cannot work now,
 * is tried again with growing pauses, by one request at a time, while the others wait; every verb may be repeated
 * without harm. What waited longer than the patience fails; what is on its way then may take until its own
 * timeout. */

#include <systemd/sd-event.h>

#include "http/http-client.h"
#include "s3/s3-answer.h"
#include "s3/s3-sign.h"
#include "shared/fault.h"

typedef struct S3Client S3Client;
typedef struct S3Request S3Request;

typedef struct S3Params {
        S3Place place;                   /* copied */
        unsigned parallel_max;           /* requests on their way */
        size_t queue_max;                /* requests waiting or on their way; more are -ENOBUFS */
        usec_t patience_usec;
        /* Each change, and each new reason. Connected means that the bucket can be used. May be NULL. */
        void (*on_state)(bool connected, const char *why, void *userdata);
        void *userdata;
} S3Params;

typedef struct S3Answer {
        long status;
        Buffer body;                     /* of get; may be taken */
        uint64_t size;                   /* of head: the object's */
        usec_t modified_usec;            /* of head, get: when it was written; 0 if the server does not say */
        const char *why;                 /* a sentence, when there is an error */
} S3Answer;

typedef struct S3Counters {
        uint64_t requests, failures, retries, outages, waiting, in_flight;
        usec_t busy_usec;                /* sum over all requests that were answered, waiting included */
} S3Counters;

/* error is 0, or
 *   -ENOENT     there is no such object
 *   -ENXIO      there is no such bucket
 *   -EACCES     these keys are wrong or may not do this
 *   -ENOSPC     the server's disks are full
 *   -EFBIG      the object is larger than it may be
 *   -EIO        the server refuses it for another reason
 *   -ENOTCONN   the server could not be reached, or did not work, for too long
 *   -ECANCELED  the client was freed */
typedef void (*S3Callback)(int error, S3Answer *answer, void *userdata);

/* http must outlive it. -EBADMSG with the fault set for parameters that cannot be. */
int s3_client_new(sd_event *event, HttpClient *http, const S3Params *p, S3Client **ret, Fault *reterr_fault);

/* Everything that waits fails with -ECANCELED. Not to be called from a callback. */
S3Client *s3_client_free(S3Client *c);
DEFINE_CLEANUP(S3Client *, s3_client_free)

bool s3_client_ready(const S3Client *c);
const S3Counters *s3_client_counters(const S3Client *c);

/* The callback is called once, later, from the event loop. -EINVAL is an invalid key. ret may be NULL.
 * Data is copied; its digest in hex is computed when that is NULL. */
int s3_put(S3Client *c, const char *key, const void *data, size_t size, const char *digest, S3Callback callback,
           void *userdata, S3Request **ret);
int s3_get(S3Client *c, const char *key, size_t size_max, S3Callback callback, void *userdata, S3Request **ret);
int s3_head(S3Client *c, const char *key, S3Callback callback, void *userdata, S3Request **ret);
/* An object that is not there is fine. */
int s3_delete(S3Client *c, const char *key, S3Callback callback, void *userdata, S3Request **ret);
/* Up to count (at most 1000) keys behind this one, or from the first; the body is for s3_list_parse(). */
int s3_list(S3Client *c, const char *after, unsigned count, S3Callback callback, void *userdata, S3Request **ret);
/* One that is ours already is fine. */
int s3_make_bucket(S3Client *c, S3Callback callback, void *userdata, S3Request **ret);

/* Ends it without the callback; the handle is good until the callback is called. The server may do it
 * nevertheless. */
void s3_cancel(S3Request *r);
