/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* A WebSocket (RFC 6455), without extensions. Messages come whole, up to message_bytes_max; text is UTF-8. Pings are
 * sent and answered here. What the other side does not read waits, up to queue_bytes_max; beyond that it is cut off.
 *
 * Browsers let any page open one, with the user's cookies and from inside the user's network: whoever decides by
 * these must look at http_request_header(request, "Origin") first. */

#include "httpd/http-request.h"

typedef struct WebSocket WebSocket;

#define WEBSOCKET_NORMAL 1000u
#define WEBSOCKET_GOING_AWAY 1001u
#define WEBSOCKET_PROTOCOL_ERROR 1002u
#define WEBSOCKET_UNSUPPORTED 1003u
#define WEBSOCKET_ABNORMAL 1006u             /* never sent: it ended without a word */
#define WEBSOCKET_INVALID_DATA 1007u
#define WEBSOCKET_POLICY 1008u
#define WEBSOCKET_TOO_BIG 1009u
#define WEBSOCKET_INTERNAL_ERROR 1011u
#define WEBSOCKET_TRY_AGAIN 1013u

typedef struct WebSocketParams {
        const char *protocol;                /* the one chosen of Sec-WebSocket-Protocol, or NULL */

        /* data has a NUL behind it; not called once websocket_close() was. */
        void (*on_message)(void *userdata, bool is_text, const char *data, size_t size);

        /* Exactly once; the WebSocket is gone when it returns. code is the one received, or the one sent if we closed.
         * error: 0 closed as it should be, -ECONNRESET the connection broke, -ETIMEDOUT no sign of life, or no answer
         * to the close, -EBADMSG the other side broke the protocol, -ENOBUFS it was cut off, -ECANCELED the server
         * ends. */
        void (*on_closed)(void *userdata, unsigned code, int error);
        void *userdata;
} WebSocketParams;

/* Whether this asks to become one. If not, it is a plain request. */
bool http_request_wants_websocket(const HttpRequest *request);

/* Answers 101, after which the request is gone; messages may be sent from now on. -EBADMSG: the handshake is wrong, the
 * client was told (400, 426), the request is gone. -ENOMEM: it still wants an answer. */
int websocket_accept(HttpRequest *request, const WebSocketParams *params, WebSocket **ret);

/* Copies. -ENOBUFS: too much waits, it is cut off now. -EPIPE: it is closed or closing. -EINVAL: text that is not
 * UTF-8. */
int websocket_send_text(WebSocket *ws, const char *text, size_t size);
int websocket_send_binary(WebSocket *ws, const void *data, size_t size);

/* Bytes that wait for the other side, not counting the kernel's. */
size_t websocket_waiting(const WebSocket *ws);

/* Begins the closing; what waits is sent before. reason: UTF-8, at most 123 bytes of it are sent, may be NULL. A second
 * time does nothing. */
void websocket_close(WebSocket *ws, unsigned code, const char *reason);
