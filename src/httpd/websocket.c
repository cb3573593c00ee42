/* SPDX-License-Identifier: Apache-2.0 */

/* wslay knows frames; the rest is here. What it would bound badly is bounded here: it would allocate a whole message
 * when that is announced, collect one chunk a fragment, and queue pongs without end, so messages are collected in
 * one buffer that grows with what arrives, and everything to send passes at once into a queue whose size is known;
 * while too much waits there nothing more is read. Nor does one turn of the loop read more than a share.
 *
 * The socket stays MHD's: it is given back by MHD_UPGRADE_ACTION_CLOSE, never closed here. Calls of the program
 * never end a WebSocket by themselves: they shut the socket, and the loop finds that. */

#include "httpd/websocket.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <wslay/wslay.h>

#include "basic/string-util.h"
#include "basic/utf8.h"
#include "httpd/byte-queue.h"
#include "httpd/http-private.h"
#include "httpd/websocket-handshake.h"

#define TURN_BYTES (64u * 1024)
#define MESSAGE_KEEP_BYTES 4096u
#define REASON_BYTES_MAX 123u

struct WebSocket {
        HttpRequest *request;
        HttpConnection *connection;
        WebSocketParams params;
        wslay_event_context_ptr wslay;

        int fd;                          /* -EBADF until the upgrade */
        struct MHD_UpgradeResponseHandle *upgrade;
        sd_event_source *source;

        ByteQueue early;                 /* came along with the handshake */
        ByteQueue out;
        Buffer message;
        size_t turn_bytes;               /* may still be read in this turn */

        bool in_control;                 /* the frame that arrives is a control frame */
        bool reading;                    /* inside wslay_event_recv() */
        bool heard;                      /* since the last ping */
        bool closing;                    /* by us */
        bool broken;                     /* the socket is of no use any more */
        unsigned close_code;             /* which we sent, if we did */
        int error;                       /* why, if it did not end well */
};

static WebSocket *websocket_free(WebSocket *ws)
{
        if (!ws)
                return NULL;

        sd_event_source_disable_unref(ws->source);
        wslay_event_context_free(ws->wslay);
        byte_queue_done(&ws->early);
        byte_queue_done(&ws->out);
        buffer_done(&ws->message);
        return mfree(ws);
}
DEFINE_CLEANUP(WebSocket *, websocket_free)

static const HttpLimits *websocket_limits(const WebSocket *ws)
{
        return &ws->connection->server->params.limits;
}

static bool websocket_is_full(const WebSocket *ws)
{
        return byte_queue_size(&ws->out) > websocket_limits(ws)->queue_bytes_max;
}

/* From wslay: bytes wanted. */
static ssize_t on_recv(wslay_event_context_ptr ctx, uint8_t *buffer, size_t size, int flags, void *userdata)
{
        WebSocket *ws = userdata;
        ssize_t n;

        if (byte_queue_size(&ws->early) > 0) {
                n = (ssize_t) MIN(size, byte_queue_size(&ws->early));
                memcpy(buffer, byte_queue_data(&ws->early), (size_t) n);
                byte_queue_drop(&ws->early, (size_t) n);
                return n;
        }
        if (ws->turn_bytes == 0 || websocket_is_full(ws)) {
                wslay_event_set_error(ctx, WSLAY_ERR_WOULDBLOCK);
                return -1;
        }

        n = recv(ws->fd, buffer, MIN(size, ws->turn_bytes), MSG_DONTWAIT);
        if (n > 0) {
                ws->heard = true;
                ws->turn_bytes -= (size_t) n;
                return n;
        }
        if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
                wslay_event_set_error(ctx, WSLAY_ERR_WOULDBLOCK);
                return -1;
        }
        ws->broken = true;
        wslay_event_set_error(ctx, WSLAY_ERR_CALLBACK_FAILURE);
        return -1;
}

/* From wslay: bytes to send. They are all taken, so that it never keeps any. */
static ssize_t on_send(wslay_event_context_ptr ctx, const uint8_t *data, size_t size, int flags, void *userdata)
{
        WebSocket *ws = userdata;

        if (byte_queue_push(&ws->out, data, size) < 0) {
                ws->broken = true;
                wslay_event_set_error(ctx, WSLAY_ERR_CALLBACK_FAILURE);
                return -1;
        }
        return (ssize_t) size;
}

static void websocket_fail(WebSocket *ws, unsigned code)
{
        if (ws->close_code == 0)
                ws->close_code = code;
        ws->error = -EBADMSG;
        (void) wslay_event_queue_close(ws->wslay, (uint16_t) code, NULL, 0);
        wslay_event_shutdown_read(ws->wslay);
}

static void on_frame(wslay_event_context_ptr ctx, const struct wslay_event_on_frame_recv_start_arg *frame,
                     void *userdata)
{
        WebSocket *ws = userdata;

        ws->in_control = wslay_is_ctrl_frame(frame->opcode);
        if (!ws->in_control && frame->payload_length > websocket_limits(ws)->message_bytes_max - ws->message.size)
                websocket_fail(ws, WEBSOCKET_TOO_BIG);
        /* Half a code, which wslay takes for none. */
        if (frame->opcode == WSLAY_CONNECTION_CLOSE && frame->payload_length == 1)
                websocket_fail(ws, WEBSOCKET_PROTOCOL_ERROR);
}

static void on_chunk(wslay_event_context_ptr ctx, const struct wslay_event_on_frame_recv_chunk_arg *chunk,
                     void *userdata)
{
        WebSocket *ws = userdata;

        if (ws->in_control || ws->error < 0)
                return;
        if (buffer_append(&ws->message, chunk->data, chunk->data_length) < 0)
                websocket_fail(ws, WEBSOCKET_TRY_AGAIN);
}

static void on_message(wslay_event_context_ptr ctx, const struct wslay_event_on_msg_recv_arg *arg, void *userdata)
{
        WebSocket *ws = userdata;

        if (wslay_is_ctrl_frame(arg->opcode))
                return;
        if (ws->error == 0 && !ws->closing && ws->params.on_message)
                ws->params.on_message(ws->params.userdata, arg->opcode == WSLAY_TEXT_FRAME,
                                      ws->message.data ? ws->message.data : "", ws->message.size);
        if (ws->message.allocated > MESSAGE_KEEP_BYTES) {
                buffer_done(&ws->message);
        } else if (ws->message.data) {
                ws->message.size = 0;
                ws->message.data[0] = '\0';
        }
}

/* Hands to the kernel what it takes. */
static void websocket_flush(WebSocket *ws)
{
        if (wslay_event_want_write(ws->wslay) && wslay_event_send(ws->wslay) < 0)
                ws->broken = true;

        while (ws->fd >= 0 && !ws->broken && byte_queue_size(&ws->out) > 0) {
                ssize_t n = send(ws->fd, byte_queue_data(&ws->out), byte_queue_size(&ws->out),
                                 MSG_DONTWAIT | MSG_NOSIGNAL);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0 && errno == EAGAIN)
                        return;
                if (n < 0)
                        ws->broken = true;
                else
                        byte_queue_drop(&ws->out, (size_t) n);
        }
}

static bool websocket_is_finished(const WebSocket *ws)
{
        return byte_queue_size(&ws->out) == 0 && wslay_event_get_close_sent(ws->wslay) &&
               (wslay_event_get_close_received(ws->wslay) || !wslay_event_want_read(ws->wslay));
}

/* What to wake up for. An end that was reached is for the loop too. */
static void websocket_set_interest(WebSocket *ws)
{
        uint32_t events = 0;

        if (!ws->source)
                return;
        if (wslay_event_want_read(ws->wslay) && !websocket_is_full(ws))
                events |= EPOLLIN;
        if (byte_queue_size(&ws->out) > 0 || ws->broken || websocket_is_finished(ws))
                events |= EPOLLOUT;
        (void) sd_event_source_set_io_events(ws->source, events);
}

/* The end. Only from the loop, or as the server ends. */
static void websocket_end(WebSocket *ws, unsigned code, int error)
{
        HttpConnection *connection = ws->connection;

        ws->request->ws = NULL;
        deadline_clear(&connection->deadline);
        ws->source = sd_event_source_disable_unref(ws->source);
        connection->server->counters.websockets_open--;
        if (ws->params.on_closed)
                ws->params.on_closed(ws->params.userdata, code, error);
        if (ws->upgrade) {
                connection->lingers = error < 0 && error != -ECONNRESET;
                (void) MHD_upgrade_action(ws->upgrade, MHD_UPGRADE_ACTION_CLOSE);
                server_wake(connection->server);
        }
        websocket_free(ws);
}

void websocket_lost(WebSocket *ws, int error)
{
        websocket_end(ws, ws->closing ? ws->close_code : WEBSOCKET_ABNORMAL, ws->error < 0 ? ws->error : error);
}

/* A frame that is none: wslay would close without saying why. */
static void websocket_protocol_error(WebSocket *ws)
{
        static const unsigned char frame[] = {
                0x88, 2, WEBSOCKET_PROTOCOL_ERROR >> 8, WEBSOCKET_PROTOCOL_ERROR & 0xff,
        };

        if (!wslay_event_get_close_sent(ws->wslay))
                (void) byte_queue_push(&ws->out, frame, sizeof frame);
        wslay_event_shutdown_write(ws->wslay);
        websocket_flush(ws);
        websocket_end(ws, WEBSOCKET_PROTOCOL_ERROR, -EBADMSG);
}

static void websocket_finish(WebSocket *ws)
{
        if (ws->close_code == 0 && wslay_event_get_close_received(ws->wslay)) {
                ws->close_code = wslay_event_get_status_code_received(ws->wslay);
        } else if (ws->close_code == 0) {
                /* wslay closed by itself: for a bad frame, or bad text. */
                ws->close_code = wslay_event_get_status_code_sent(ws->wslay);
                ws->error = -EBADMSG;
        }
        websocket_end(ws, ws->close_code, ws->error);
}

static int on_io(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
        WebSocket *ws = userdata;
        int r = 0;

        ws->turn_bytes = TURN_BYTES;
        if (wslay_event_want_read(ws->wslay) && !ws->broken) {
                ws->reading = true;
                r = wslay_event_recv(ws->wslay);
                ws->reading = false;
        }
        if (r < 0 && !ws->broken) {
                websocket_protocol_error(ws);
                return 0;
        }

        websocket_flush(ws);
        if (websocket_is_finished(ws))
                websocket_finish(ws);
        else if (ws->broken || (revents & (EPOLLHUP | EPOLLERR)))
                websocket_lost(ws, -ECONNRESET);
        else
                websocket_set_interest(ws);
        return 0;
}

/* After what the program did, within its call. */
static void websocket_push(WebSocket *ws)
{
        if (ws->reading)
                return;              /* on_io() does it in a moment */
        websocket_flush(ws);
        if (ws->broken)
                connection_cut(ws->connection);
        websocket_set_interest(ws);
}

static void on_upgrade(void *userdata, struct MHD_Connection *mhd, void *request, const char *extra, size_t extra_size,
                       MHD_socket fd, struct MHD_UpgradeResponseHandle *upgrade)
{
        WebSocket *ws = userdata;
        HttpServer *server = ws->connection->server;
        int on = 1;

        ws->fd = fd;
        ws->upgrade = upgrade;
        /* A socket can be watched once only. */
        ws->connection->watch = sd_event_source_disable_unref(ws->connection->watch);
        /* MHD switches this off, and frames are small. It means nothing to AF_UNIX. */
        (void) setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);

        if (byte_queue_push(&ws->early, extra, extra_size) < 0 ||
            sd_event_add_io(server->event, &ws->source, fd, EPOLLIN | EPOLLOUT, on_io, ws) < 0) {
                websocket_lost(ws, -ENOMEM);
                return;
        }
        (void) sd_event_source_set_description(ws->source, "httpd-websocket");
        connection_set_deadline(ws->connection, ws->closing ? &server->closings : &server->pings);
}

void websocket_ping_expired(Deadline *deadline)
{
        HttpConnection *connection = DEADLINE_OWNER(HttpConnection, deadline);
        WebSocket *ws = connection->request->ws;
        const struct wslay_event_msg ping = { .opcode = WSLAY_PING };

        if (!ws->heard) {
                connection->server->counters.timeouts++;
                websocket_lost(ws, -ETIMEDOUT);
                return;
        }
        ws->heard = false;
        connection_set_deadline(connection, &connection->server->pings);
        if (!websocket_is_full(ws))
                (void) wslay_event_queue_msg(ws->wslay, &ping);
        websocket_push(ws);
}

void websocket_closing_expired(Deadline *deadline)
{
        HttpConnection *connection = DEADLINE_OWNER(HttpConnection, deadline);

        connection->server->counters.timeouts++;
        websocket_lost(connection->request->ws, -ETIMEDOUT);
}

bool http_request_wants_websocket(const HttpRequest *request)
{
        return streq(request->method, MHD_HTTP_METHOD_GET) &&
               header_has_token(http_request_header(request, MHD_HTTP_HEADER_UPGRADE), "websocket");
}

/* -EBADMSG after having said what is wrong with it. */
static int handshake_check(HttpRequest *request, char ret_accept[static WEBSOCKET_ACCEPT_MAX])
{
        static const HttpHeader supported[] = {
                { "Sec-WebSocket-Version", "13" }, { MHD_HTTP_HEADER_UPGRADE, "websocket" }, { NULL, NULL }
        };
        const char *version = http_request_header(request, "Sec-WebSocket-Version");
        const char *wrong = NULL;
        int r;

        r = websocket_accept_key(http_request_header(request, "Sec-WebSocket-Key"), ret_accept);
        /* MHD upgrades nothing older. */
        if (!http_request_wants_websocket(request) || !streq(request->version, MHD_HTTP_VERSION_1_1))
                wrong = "This address speaks WebSocket: a GET with 'Upgrade: websocket' is wanted.";
        else if (!version || !streq(version, "13"))
                wrong = "Only version 13 of the WebSocket protocol is spoken.";
        if (wrong) {
                request_refuse(request, 426, "upgrade_required", wrong, supported);
                return -EBADMSG;
        }

        if (!header_has_token(http_request_header(request, MHD_HTTP_HEADER_CONNECTION), "upgrade"))
                wrong = "The header 'Connection: Upgrade' is missing.";
        else if (r == -EBADMSG)
                wrong = "Sec-WebSocket-Key must be 16 bytes in base64.";
        else if (r < 0)
                return r;
        if (wrong) {
                request_refuse(request, 400, "invalid_handshake", wrong, NULL);
                return -EBADMSG;
        }
        return 0;
}

static int websocket_new(HttpRequest *request, const WebSocketParams *params, WebSocket **ret)
{
        static const struct wslay_event_callbacks callbacks = {
                .recv_callback = on_recv,
                .send_callback = on_send,
                .on_frame_recv_start_callback = on_frame,
                .on_frame_recv_chunk_callback = on_chunk,
                .on_msg_recv_callback = on_message,
        };
        _cleanup_(websocket_freep) WebSocket *ws = new0(WebSocket, 1);

        if (!ws)
                return -ENOMEM;
        *ws = (WebSocket){
                .request = request,
                .connection = request->connection,
                .params = *params,
                .fd = -EBADF,
                .heard = true,
        };
        if (wslay_event_context_server_init(&ws->wslay, &callbacks, ws) != 0) {
                ws->wslay = NULL;
                return -ENOMEM;
        }
        wslay_event_config_set_no_buffering(ws->wslay, 1);
        wslay_event_config_set_max_recv_msg_length(ws->wslay, websocket_limits(ws)->message_bytes_max);
        *ret = TAKE_PTR(ws);
        return 0;
}

int websocket_accept(HttpRequest *request, const WebSocketParams *params, WebSocket **ret)
{
        char accept[WEBSOCKET_ACCEPT_MAX];
        const HttpHeader headers[] = {
                { MHD_HTTP_HEADER_UPGRADE, "websocket" },
                { "Sec-WebSocket-Accept", accept },
                { params->protocol ? "Sec-WebSocket-Protocol" : NULL, params->protocol },
                { NULL, NULL },
        };
        _cleanup_(websocket_freep) WebSocket *ws = NULL;
        struct MHD_Response *response;
        int r;

        if (request->state != REQUEST_HANDLING && request->state != REQUEST_PARKED)
                return -EINVAL;
        r = handshake_check(request, accept);
        if (r < 0)
                return r;
        r = websocket_new(request, params, &ws);
        if (r < 0)
                return r;

        response = MHD_create_response_for_upgrade(on_upgrade, ws);
        if (!response)
                return -ENOMEM;
        r = request_add_headers(response, headers);
        if (r < 0) {
                MHD_destroy_response(response);
                return r;
        }

        request->connection->server->counters.websockets_open++;
        request->ws = ws;
        request_answer(request, MHD_HTTP_SWITCHING_PROTOCOLS, response);
        *ret = TAKE_PTR(ws);
        return 0;
}

static int websocket_send(WebSocket *ws, uint8_t opcode, const void *data, size_t size)
{
        const struct wslay_event_msg message = { .opcode = opcode, .msg = data, .msg_length = size };

        if (ws->error == -ENOBUFS)
                return -ENOBUFS;
        if (ws->closing || ws->broken || ws->error < 0)
                return -EPIPE;
        if (size > websocket_limits(ws)->queue_bytes_max ||
            byte_queue_size(&ws->out) > websocket_limits(ws)->queue_bytes_max - size) {
                ws->connection->server->counters.cut_off++;
                ws->error = -ENOBUFS;
                connection_cut(ws->connection);
                return -ENOBUFS;
        }

        switch (wslay_event_queue_msg(ws->wslay, &message)) {
        case 0:
                websocket_push(ws);
                return 0;
        case WSLAY_ERR_NO_MORE_MSG:
                return -EPIPE;
        default:
                return -ENOMEM;
        }
}

int websocket_send_text(WebSocket *ws, const char *text, size_t size)
{
        return utf8_is_valid(text, size, NULL) ? websocket_send(ws, WSLAY_TEXT_FRAME, text, size) : -EINVAL;
}

int websocket_send_binary(WebSocket *ws, const void *data, size_t size)
{
        return websocket_send(ws, WSLAY_BINARY_FRAME, data, size);
}

size_t websocket_waiting(const WebSocket *ws)
{
        return byte_queue_size(&ws->out);
}

/* Where to cut a reason that is too long: not within a character. */
static size_t reason_size(const char *reason)
{
        size_t size = strlen(reason), n = 0;

        while (n < size) {
                size_t k = utf8_character_size(reason + n, size - n);

                if (k == 0 || n + k > REASON_BYTES_MAX)
                        break;
                n += k;
        }
        return n;
}

void websocket_close(WebSocket *ws, unsigned code, const char *reason)
{
        if (ws->closing)
                return;

        ws->closing = true;
        ws->close_code = code;
        (void) wslay_event_queue_close(ws->wslay, (uint16_t) code, (const uint8_t *) reason,
                                       reason ? reason_size(reason) : 0);
        if (ws->fd >= 0)
                connection_set_deadline(ws->connection, &ws->connection->server->closings);
        websocket_push(ws);
}
