/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* HTTP requests in the event loop, to servers over TCP or a Unix socket. Connections are kept and shared; what is
 * beyond their number waits its turn, in order. Proxies, redirects, cookies and .netrc are not for us. A program
 * that uses https has to ignore SIGPIPE. */

#include <systemd/sd-event.h>

#include "basic/memory.h"
#include "basic/time-util.h"

typedef struct HttpClient HttpClient;
typedef struct HttpRequestHandle HttpRequestHandle;

typedef struct HttpClientParams {
        unsigned connections_max;        /* to all hosts together */
        size_t queue_max;                /* requests waiting or on their way; more are -ENOBUFS */
        usec_t connect_timeout_usec;
        usec_t request_timeout_usec;     /* of the whole request, once its turn has come */
} HttpClientParams;

typedef enum HttpMethod { HTTP_GET, HTTP_HEAD, HTTP_PUT, HTTP_POST, HTTP_DELETE } HttpMethod;

/* How to sign, for servers that speak S3. */
typedef struct HttpSigV4 {
        const char *region;
        const char *access_key;
        const char *secret_key;
} HttpSigV4;

typedef struct HttpCall {
        HttpMethod method;
        const char *url;
        const char *unix_path;           /* connect there instead; or NULL */
        char *const *headers;            /* "Name: value" */
        const void *body;                /* copied; of PUT and POST only */
        size_t body_size;
        const HttpSigV4 *sigv4;          /* or NULL */
        usec_t timeout_usec;             /* instead of the client's, USEC_INFINITY for none; 0: the client's */
        size_t answer_max;               /* bytes of body; more is -EFBIG */

        /* Gets the body as it comes, instead of the answer, which answer_max does not count then. A negative errno
         * ends the request with that error. It may not call any function of this room. */
        int (*on_data)(const void *data, size_t size, void *userdata);
} HttpCall;

typedef struct HttpAnswer {
        long status;
        Buffer body;                     /* may be taken */
        const char *content_type;        /* or NULL */
        int64_t content_length;          /* as announced, by HEAD too; -1 when it is not */
        int64_t modified_sec;            /* Last-Modified; -1 without */
        usec_t retry_after_usec;         /* 0 without */
} HttpAnswer;

typedef struct HttpClientCounters {
        uint64_t requests, failures;
        uint64_t in_flight, waiting;     /* now; those that wait are in flight too */
        usec_t busy_usec;                /* sum over all that ended, waiting included */
} HttpClientCounters;

/* error is 0 whatever the status; when there is no answer, and message is a sentence about it then:
 *   -ECONNREFUSED  no connection (of any reason), -EHOSTUNREACH no such host
 *   -ETIMEDOUT     the connection or the answer took too long
 *   -ECONNRESET    the connection broke; the server may have done what it was asked
 *   -EFBIG         the answer is larger than it may be
 *   -EPROTO        the answer is no HTTP, or TLS failed
 *   -ECANCELED     the client was freed */
typedef void (*HttpCallback)(int error, HttpAnswer *answer, const char *message, void *userdata);

int http_client_new(sd_event *event, const HttpClientParams *p, HttpClient **ret);

/* What is on its way fails with -ECANCELED. Not to be called from a callback. */
HttpClient *http_client_free(HttpClient *c);
DEFINE_CLEANUP(HttpClient *, http_client_free)

const HttpClientCounters *http_client_counters(const HttpClient *c);

/* The callback is called once, later, from the event loop. A URL or header with control characters is -EINVAL, a
 * client that has too much to do -ENOBUFS. ret may be NULL. */
int http_client_call(HttpClient *c, const HttpCall *call, HttpCallback callback, void *userdata,
                     HttpRequestHandle **ret);

/* Ends it without the callback; the handle is good until the callback is called. */
void http_client_cancel(HttpRequestHandle *r);
