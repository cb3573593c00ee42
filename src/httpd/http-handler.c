/* SPDX-License-Identifier: Apache-2.0 */

/* What MHD asks during a request, in this order: handler_begin() with the raw target once the first line is there,
 * handler_unescape() for its parts, handler_access() when the headers are complete (the only moment at which a body can
 * be refused before it is read), again with each piece of the body, again when it is complete, and once more when a
 * suspended request was resumed; handler_completed() at the end, whatever happened. Answers are queued inside
 * handler_access() only, and not in its first call unless the connection shall close: MHD takes that for a refusal. */

#include <inttypes.h>
#include <stdio.h>
#include <strings.h>

#include "basic/parse-util.h"
#include "basic/utf8.h"
#include "httpd/http-private.h"
#include "httpd/http-stream.h"

static HttpConnection *connection_of(struct MHD_Connection *mhd)
{
        const union MHD_ConnectionInfo *info = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

        return info ? info->socket_context : NULL;
}

void *handler_begin(void *userdata, const char *uri, struct MHD_Connection *mhd)
{
        HttpServer *server = userdata;
        HttpConnection *connection = connection_of(mhd);
        HttpRequest *request;

        if (!connection)
                return NULL;
        request = new0(HttpRequest, 1);
        if (!request)
                return NULL;

        *request = (HttpRequest){
                .connection = connection,
                .method = "",
                .path = "",
                .began_usec = server_now(server),
                .uri_too_long = strlen(uri) > server->params.limits.uri_bytes_max,
        };
        snprintf(request->id, sizeof request->id, "%016" PRIx64 "-%" PRIx64, server->id_prefix,
                 server->counters.requests);
        connection->request = request;
        server->counters.requests++;
        server->counters.requests_open++;
        if (connection->deadline.queue != &server->headers)
                connection_set_deadline(connection, &server->headers);
        return request;
}

static bool is_hex(char c)
{
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

/* MHD's decoder lets broken escapes stand and a decoded NUL end the string, for two views of one address: a request
 * with either is marked, and refused later. */
size_t handler_unescape(void *userdata, struct MHD_Connection *mhd, char *s)
{
        HttpConnection *connection = connection_of(mhd);
        bool malformed = false;
        size_t size;

        for (const char *p = strchr(s, '%'); p && !malformed; p = strchr(p + 1, '%'))
                malformed = !is_hex(p[1]) || !is_hex(p[2]) || (p[1] == '0' && p[2] == '0');

        size = MHD_http_unescape(s);
        if ((malformed || !utf8_is_valid(s, size, NULL)) && connection && connection->request)
                connection->request->uri_malformed = true;
        return size;
}

static enum MHD_Result request_send(HttpRequest *request)
{
        struct MHD_Response *response = request->response;
        enum MHD_Result result;

        if (!response)
                return MHD_YES;      /* queued before; MHD is still at it */

        request->response = NULL;
        result = MHD_queue_response(request->connection->mhd, request->status, response);
        MHD_destroy_response(response);
        return result;
}

/* The headers that say where a request ends, and for whom it is. MHD takes the first of several: what stands in
 * front of us may take another, and see other requests than we do. */
typedef struct Framing {
        unsigned n_hosts, n_lengths, n_encodings;
        uint64_t body_size;
        bool has_body;
} Framing;

static enum MHD_Result on_header(void *userdata, enum MHD_ValueKind kind, const char *name, const char *value)
{
        Framing *framing = userdata;

        if (strcasecmp(name, MHD_HTTP_HEADER_HOST) == 0) {
                framing->n_hosts++;
        } else if (strcasecmp(name, MHD_HTTP_HEADER_TRANSFER_ENCODING) == 0) {
                framing->n_encodings++;
                framing->has_body = true;
        } else if (strcasecmp(name, MHD_HTTP_HEADER_CONTENT_LENGTH) == 0) {
                framing->n_lengths++;
                /* MHD has checked that it is a number, and answered if it was not. */
                if (!value || parse_uint64(value, &framing->body_size) < 0)
                        framing->body_size = UINT64_MAX;
                framing->has_body = framing->has_body || framing->body_size > 0;
        }
        return MHD_YES;
}

/* Whatever the headers alone can be refused for. */
static void request_check(HttpRequest *request, const Framing *framing)
{
        static const HttpHeader retry[] = { { MHD_HTTP_HEADER_RETRY_AFTER, "1" }, { NULL, NULL } };
        const HttpLimits *limits = &request->connection->server->params.limits;
        const union MHD_ConnectionInfo *info =
                MHD_get_connection_info(request->connection->mhd, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);

        if (request->connection->surplus)
                request_refuse(request, 503, "too_many_connections", "Too many connections are open.", retry);
        else if (request->uri_too_long)
                request_refuse(request, 414, "uri_too_long", "The address is too long.", NULL);
        else if (info && info->header_size > limits->header_bytes_max)
                request_refuse(request, 431, "headers_too_large", "The headers are too large.", NULL);
        else if (request->uri_malformed)
                request_refuse(request, 400, "invalid_uri", "The address has a bad escape, a NUL, or is not UTF-8.",
                               NULL);
        else if (framing->n_hosts > 1 || framing->n_lengths > 1 || framing->n_encodings > 1)
                request_refuse(request, 400, "ambiguous_headers",
                               "Host, Content-Length and Transfer-Encoding may be there only once.", NULL);
        else if (framing->body_size > limits->body_bytes_max)
                request_refuse(request, 413, "body_too_large", "The body is too large.", NULL);
}

static enum MHD_Result request_start(HttpRequest *request, const char *path, const char *method,
                                     const char *version)
{
        HttpConnection *connection = request->connection;
        Framing framing = { 0 };

        request->method = method;
        request->path = path;
        request->version = version;
        deadline_clear(&connection->deadline);

        (void) MHD_get_connection_values(connection->mhd, MHD_HEADER_KIND, on_header, &framing);
        request_check(request, &framing);
        if (request->state == REQUEST_ANSWERED) {
                connection->lingers = framing.has_body;
                return request_send(request);
        }
        if (request->state == REQUEST_DROPPED)
                return MHD_NO;

        request->state = REQUEST_BODY;
        if (framing.has_body)
                connection_set_deadline(connection, &connection->server->bodies);
        return MHD_YES;
}

static enum MHD_Result request_receive(HttpRequest *request, const char *data, size_t size)
{
        HttpConnection *connection = request->connection;
        HttpServer *server = connection->server;
        const HttpLimits *limits = &server->params.limits;

        if (size > limits->body_bytes_max - request->body.size) {
                connection_refuse(connection, 413, "body_too_large", "The body is too large.");
                return MHD_NO;
        }
        if (size > limits->bodies_bytes_max - server->counters.bodies_bytes ||
            buffer_append(&request->body, data, size) < 0) {
                connection_refuse(connection, 503, "overloaded", "Too much is being uploaded now.");
                return MHD_NO;
        }
        server->counters.bodies_bytes += size;
        return MHD_YES;
}

static enum MHD_Result request_dispatch(HttpRequest *request)
{
        HttpServer *server = request->connection->server;

        deadline_clear(&request->connection->deadline);
        request->state = REQUEST_HANDLING;
        server->params.on_request(server->params.userdata, request);

        /* A program that forgot to answer is at fault, not its client. */
        if (request->state == REQUEST_HANDLING)
                request_refuse(request, 500, "internal_error", "The request was not answered.", NULL);

        if (request->state == REQUEST_ANSWERED)
                return request_send(request);
        if (request->state == REQUEST_DROPPED)
                return MHD_NO;
        connection_suspend(request->connection);
        return MHD_YES;
}

enum MHD_Result handler_access(void *userdata, struct MHD_Connection *mhd, const char *path, const char *method,
                               const char *version, const char *data, size_t *size, void **p)
{
        HttpRequest *request = *p;
        size_t n = *size;

        if (!request)
                return MHD_NO;

        *size = 0;
        switch (request->state) {
        case REQUEST_HEADERS:
                return request_start(request, path, method, version);
        case REQUEST_BODY:
                return n > 0 ? request_receive(request, data, n) : request_dispatch(request);
        case REQUEST_ANSWERED:
                return request_send(request);
        case REQUEST_HANDLING:
        case REQUEST_PARKED:
        case REQUEST_DROPPED:
                break;
        }
        return MHD_NO;
}

static int termination_to_error(enum MHD_RequestTerminationCode code)
{
        switch (code) {
        case MHD_REQUEST_TERMINATED_COMPLETED_OK:
                return 0;
        case MHD_REQUEST_TERMINATED_TIMEOUT_REACHED:
                return -ETIMEDOUT;
        case MHD_REQUEST_TERMINATED_DAEMON_SHUTDOWN:
                return -ECANCELED;
        case MHD_REQUEST_TERMINATED_WITH_ERROR:
        case MHD_REQUEST_TERMINATED_READ_ERROR:
        case MHD_REQUEST_TERMINATED_CLIENT_ABORT:
                break;
        }
        return -ECONNRESET;
}

static void request_account(HttpRequest *request)
{
        HttpServer *server = request->connection->server;
        unsigned class = request->status / 100;

        server->counters.requests_open--;
        server->counters.bodies_bytes -= request->body.size;
        server->counters.responses[class < ELEMENTSOF(server->counters.responses) ? class : 0]++;
        if (!server->params.on_done)
                return;
        server->params.on_done(server->params.userdata, &(HttpDone){
                .id = request->id,
                .peer = request->connection->peer,
                .method = request->method,
                .route = request->route,
                .status = request->status,
                .sent_bytes = request->sent_bytes,
                .duration_usec = server_now(server) - request->began_usec,
        });
}

void handler_completed(void *userdata, struct MHD_Connection *mhd, void **p, enum MHD_RequestTerminationCode code)
{
        HttpServer *server = userdata;
        HttpRequest *request = TAKE_PTR(*p);
        HttpConnection *connection;
        int error = termination_to_error(code);

        if (!request)
                return;
        connection = request->connection;

        /* After an upgrade MHD tells this as it forgets the connection; the WebSocket is gone by then. One that is
         * still there was not opened yet. */
        if (request->ws)
                websocket_lost(request->ws, error < 0 ? error : -ECONNRESET);
        else if (server->draining && request->status != MHD_HTTP_SWITCHING_PROTOCOLS)
                connection_cut(connection);     /* it may have been answered before, and be kept for more */
        if (request->stream)
                stream_closed(request->stream, error);
        if (request->response)
                MHD_destroy_response(request->response);
        request_account(request);

        connection->request = NULL;
        connection_set_deadline(connection, &server->idles);
        buffer_done(&request->body);
        free(request);
}
