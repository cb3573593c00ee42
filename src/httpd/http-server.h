/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* An HTTP/1.1 server on one listening socket, TCP or AF_UNIX, driven by the caller's sd_event loop. Several may live in
 * one process. No TLS: that is for what stands in front.
 *
 * Requests come whole, body and all, to on_request(); see http-request.h for what may be done with one. No callback is
 * called from inside a call the program makes, and none of the server's objects may be freed by the program but the
 * server itself, which must not happen inside a callback other than on_drained(). */

#include <systemd/sd-event.h>

#include "basic/time-util.h"
#include "shared/fault.h"

typedef struct HttpRequest HttpRequest;
typedef struct HttpServer HttpServer;

/* Every one has to be more than zero, except where it says otherwise. Times are absolute: to keep sending something
 * does not help, except against the idle one. */
typedef struct HttpLimits {
        usec_t header_timeout_usec;      /* from the connection, or the first line, to the end of the headers: 408 */
        usec_t body_timeout_usec;        /* from there to the end of the body: 408 */
        usec_t idle_timeout_usec;        /* between requests, and for a reader that takes nothing; counted in seconds */
        usec_t park_timeout_usec;        /* until a parked request must be answered: 504 */
        usec_t ping_interval_usec;       /* of WebSockets; who says nothing for that long after a ping is dead */
        usec_t close_timeout_usec;       /* for the other side's half of a WebSocket's closing */
        uint64_t connections_max;        /* 503 for a few more, then they wait to be accepted */
        uint64_t per_address_max;        /* connections; more are closed at once. 0: any number. Not for AF_UNIX */
        uint64_t header_bytes_max;       /* request line included: 431 */
        uint64_t uri_bytes_max;          /* 414 */
        uint64_t body_bytes_max;         /* 413 */
        uint64_t bodies_bytes_max;       /* of all connections together: 503 */
        uint64_t message_bytes_max;      /* of a WebSocket: closed with 1009 */
        uint64_t queue_bytes_max;        /* waiting for the reader of one stream or WebSocket, who is cut off then */
} HttpLimits;

#define HTTP_LIMITS_DEFAULT                                                                                            \
        ((HttpLimits){                                                                                                 \
                .header_timeout_usec = 10 * USEC_PER_SEC,                                                              \
                .body_timeout_usec = 60 * USEC_PER_SEC,                                                                \
                .idle_timeout_usec = 75 * USEC_PER_SEC,                                                                \
                .park_timeout_usec = 5 * USEC_PER_MINUTE,                                                              \
                .ping_interval_usec = 30 * USEC_PER_SEC,                                                               \
                .close_timeout_usec = 5 * USEC_PER_SEC,                                                                \
                .connections_max = 4096,                                                                               \
                .per_address_max = 2048,                                                                               \
                .header_bytes_max = 16 * 1024,                                                                         \
                .uri_bytes_max = 8 * 1024,                                                                             \
                .body_bytes_max = 4 * 1024 * 1024,                                                                     \
                .bodies_bytes_max = 256 * 1024 * 1024,                                                                 \
                .message_bytes_max = 64 * 1024,                                                                        \
                .queue_bytes_max = 4 * 1024 * 1024,                                                                    \
        })

/* A finished request. route is what http_request_set_route() said, or NULL; status is 0 if none could be sent. */
typedef struct HttpDone {
        const char *id;
        const char *peer;
        const char *method;
        const char *route;
        unsigned status;
        uint64_t sent_bytes;             /* of the body; of a WebSocket, both ways' frames are not counted */
        usec_t duration_usec;            /* from its first line to the last byte of the answer */
} HttpDone;

typedef struct HttpServerParams {
        int listen_fd;                   /* taken, also on failure; listening */
        HttpLimits limits;

        void (*on_request)(void *userdata, HttpRequest *request);

        /* The body of an answer the server gives by itself, in memory the server frees; code is a stable name, detail
         * a sentence. -ENOMEM sends the status alone. What is not even HTTP is answered by the library under us in its
         * own words (400, 431, 501, 505 ...), which cannot be changed. */
        int (*render_refusal)(void *userdata, unsigned status, const char *code, const char *detail, char **ret_body,
                              size_t *ret_size);
        const char *refusal_content_type;

        void (*on_done)(void *userdata, const HttpDone *done);      /* may be NULL */
        void *userdata;
} HttpServerParams;

typedef struct HttpCounters {
        uint64_t connections, connections_open;
        uint64_t requests, requests_open, parked;
        uint64_t responses[6];           /* by the status' first digit; 0: none sent */
        uint64_t refused;                /* answered by the server itself */
        uint64_t timeouts;               /* headers, bodies, answers, pings that took too long */
        uint64_t abandoned;              /* clients that left while their request was parked */
        uint64_t cut_off;                /* readers that were too slow */
        uint64_t streams_open, websockets_open;
        uint64_t bodies_bytes;           /* held now */
        uint64_t turns;                  /* of the machinery; stands still when nothing happens */
} HttpCounters;

/* -EBADMSG with the fault set for limits that make no sense. */
int http_server_new(sd_event *event, const HttpServerParams *params, HttpServer **ret, Fault *reterr_fault);

/* What is under way is cut, its callbacks are called (-ECANCELED). */
HttpServer *http_server_free(HttpServer *server);
DEFINE_CLEANUP(HttpServer *, http_server_free)

/* Accepts nothing more, closes what idles, closes WebSockets (1001), and lets requests be answered and streams be
 * ended, which is up to the program; what is left after timeout_usec is cut. on_drained() is called once when no
 * connection is left. */
void http_server_drain(HttpServer *server, usec_t timeout_usec, void (*on_drained)(void *userdata), void *userdata);

const HttpCounters *http_server_counters(const HttpServer *server);
