/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* One request. on_request() gets it whole and does exactly one of these with it:
 *
 *   answers it                http_request_respond()
 *   streams the answer        http_stream_begin(), in http-stream.h
 *   makes it a WebSocket      websocket_accept(), in websocket.h
 *   keeps it for later        http_request_park(), and one of the three above later
 *
 * Once answered it is the server's again and must not be touched. Strings live as long as the request. */

#include <sys/types.h>

#include "basic/macro.h"

typedef struct HttpRequest HttpRequest;

typedef struct HttpHeader {
        const char *name;
        const char *value;
} HttpHeader;

const char *http_request_id(const HttpRequest *request);             /* unique, for logs and answers */
const char *http_request_method(const HttpRequest *request);         /* "HEAD" is told as such; its body is not sent */
const char *http_request_path(const HttpRequest *request);           /* decoded; UTF-8 without NUL */

/* Header names in any case. The first of several. NULL if there is none. */
const char *http_request_header(const HttpRequest *request, const char *name);

/* Of the query string, decoded; UTF-8 without NUL. One without "=" has the value "". */
const char *http_request_query(const HttpRequest *request, const char *name);

/* Tells of each, until visit() gives false. */
void http_request_visit_query(const HttpRequest *request,
                              bool (*visit)(void *userdata, const char *name, const char *value), void *userdata);

/* Never NULL; has a NUL behind it. */
const char *http_request_body(const HttpRequest *request, size_t *ret_size);

/* "192.0.2.1", "2001:db8::1", "unix". */
const char *http_request_peer(const HttpRequest *request);

/* Of who connected, over AF_UNIX; -EOPNOTSUPP over TCP. */
int http_request_peer_credentials(const HttpRequest *request, uid_t *ret_uid, pid_t *ret_pid);

/* A short name for all requests of this kind, for on_done(); must stay valid. */
void http_request_set_route(HttpRequest *request, const char *route);

/* The request shall be answered later. on_abandoned() is called at most once, if that cannot be any more, and the
 * request is gone then: -ECONNRESET the client went away (or shut its sending side, which is how that looks),
 * -ETIMEDOUT nobody answered in time, -ECANCELED the server ends. It is not called after an answer. Inside on_request()
 * only. */
void http_request_park(HttpRequest *request, void (*on_abandoned)(void *userdata, int error), void *userdata);

/* headers ends with one without a name; NULL for none. Content-Length and Date need not be said. body is copied. The
 * request is gone afterwards, also on failure: -EINVAL for a header that cannot be sent, -ENOMEM; the connection is
 * closed then. */
int http_request_respond(HttpRequest *request, unsigned status, const HttpHeader *headers, const void *body,
                         size_t size);

/* The same with a body from malloc(), which is taken, also on failure. */
int http_request_respond_take(HttpRequest *request, unsigned status, const HttpHeader *headers, char *body,
                              size_t size);
