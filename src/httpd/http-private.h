/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What the files of this room know of each other. A connection owns its current request, a request its stream or
 * WebSocket; all die by MHD's word: the request in its "completed", the connection in its "closed" notification.
 *
 * What libmicrohttpd and wslay need to be handled with, and where that is:
 *   external epoll, its timer, resumes batched per turn of the loop     http-server.c
 *   absolute deadlines, leaving clients, unread uploads                 http-connection.c
 *   answers only inside the access handler, bodies bounded              http-handler.c
 *   chunked answers that wait suspended                                 http-stream.c
 *   the socket after an upgrade, bounds wslay has not                   websocket.c
 *
 * Known and left alone: each resume makes MHD walk all suspended connections, WebSockets too (so resumes are
 * batched); answers to what is not HTTP are MHD's own; a chunk extension in an upload is refused, since MHD 1.0.1
 * loses count over it; accept() failing for want of descriptors while MHD has no connection at all makes it try
 * again at once (LimitNOFILE= is to be far above connections_max). */

#include <microhttpd.h>

#include "basic/memory.h"
#include "httpd/deadline.h"
#include "httpd/http-request.h"
#include "httpd/http-server.h"
#include "httpd/linger.h"

typedef struct HttpConnection HttpConnection;
typedef struct HttpStream HttpStream;
typedef struct WebSocket WebSocket;

/* Accepted beyond connections_max, to be told so. */
#define HTTP_SURPLUS_CONNECTIONS 64u

typedef enum RequestState {
        REQUEST_HEADERS,                 /* before MHD's first call of the access handler */
        REQUEST_BODY,
        REQUEST_HANDLING,                /* in on_request() */
        REQUEST_PARKED,
        REQUEST_ANSWERED,                /* ->response waits to be queued, or was */
        REQUEST_DROPPED,                 /* the connection shall close without an answer */
} RequestState;

struct HttpRequest {
        HttpConnection *connection;
        RequestState state;
        char id[40];
        usec_t began_usec;

        const char *method, *path, *version, *route;
        bool uri_too_long, uri_malformed;
        Buffer body;

        void (*on_abandoned)(void *userdata, int error);
        void *userdata;

        struct MHD_Response *response;
        unsigned status;
        uint64_t sent_bytes;
        HttpStream *stream;
        WebSocket *ws;
};

struct HttpConnection {
        HttpServer *server;
        struct MHD_Connection *mhd;
        HttpConnection *previous, *next;
        HttpRequest *request;
        int fd;                          /* MHD's */
        bool surplus;                    /* beyond connections_max */
        bool suspended;
        bool lingers;                    /* may have more to say than we read */
        sd_event_source *watch;          /* on once it was suspended; matters while it is */
        Deadline deadline;
        char peer[64];
};

struct HttpServer {
        sd_event *event;
        HttpServerParams params;
        HttpCounters counters;

        int listen_fd;
        bool is_unix;
        struct MHD_Daemon *daemon;
        sd_event_source *io_source, *turn_source, *timer_source;
        usec_t timer_usec;               /* when the timer goes off; it may find that it is too early */

        HttpConnection *connections;
        Lingerer lingerer;
        DeadlineQueue headers, idles, bodies, parked, pings, closings;

        bool draining;
        usec_t drain_until_usec;
        void (*on_drained)(void *userdata);
        void *drained_userdata;

        uint64_t id_prefix;
};

/* http-server.c */
usec_t server_now(HttpServer *server);
void server_wake(HttpServer *server);                   /* MHD has to run soon */
void server_arm(HttpServer *server, usec_t at_usec);    /* no later than that */

/* http-connection.c */
void connection_notify(void *userdata, struct MHD_Connection *mhd, void **connection,
                       enum MHD_ConnectionNotificationCode what);
void connection_set_deadline(HttpConnection *connection, DeadlineQueue *queue);
void connection_suspend(HttpConnection *connection);    /* inside MHD's callbacks only */
void connection_resume(HttpConnection *connection);     /* does nothing if it is not suspended */
void connection_cut(HttpConnection *connection);        /* MHD, the watch, or the WebSocket will notice */
void connection_release(HttpConnection *connection);    /* ends what waits, as the server ends */
void connection_header_expired(Deadline *deadline);
void connection_idle_expired(Deadline *deadline);
void connection_body_expired(Deadline *deadline);
void connection_parked_expired(Deadline *deadline);

/* http-handler.c: MHD's callbacks */
void *handler_begin(void *userdata, const char *uri, struct MHD_Connection *mhd);
size_t handler_unescape(void *userdata, struct MHD_Connection *mhd, char *s);
enum MHD_Result handler_access(void *userdata, struct MHD_Connection *mhd, const char *path, const char *method,
                               const char *version, const char *data, size_t *size, void **request);
void handler_completed(void *userdata, struct MHD_Connection *mhd, void **request,
                       enum MHD_RequestTerminationCode code);

/* http-request.c */
int request_add_headers(struct MHD_Response *response, const HttpHeader *headers);
void request_answer(HttpRequest *request, unsigned status, struct MHD_Response *response);   /* takes it */
void request_drop(HttpRequest *request);
void request_forsake(HttpRequest *request, int error);  /* tells that nobody shall answer it any more */

/* refusal.c */
void request_refuse(HttpRequest *request, unsigned status, const char *code, const char *detail,
                    const HttpHeader *headers);
void connection_refuse(HttpConnection *connection, unsigned status, const char *code, const char *detail);

/* http-stream.c */
void stream_closed(HttpStream *stream, int error);
void stream_break(HttpStream *stream, int error);

/* websocket.c */
void websocket_lost(WebSocket *ws, int error);          /* from the loop only; tells, and frees */
void websocket_ping_expired(Deadline *deadline);
void websocket_closing_expired(Deadline *deadline);
