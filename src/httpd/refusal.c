/* SPDX-License-Identifier: Apache-2.0 */

/* Answers the server gives by itself, in the form the program wants. MHD takes an answer only before and after the
 * body, so what goes wrong within is said on the socket directly: nothing else was sent on it for this request, and
 * the connection ends after it. */

#include <inttypes.h>
#include <sys/socket.h>

#include "httpd/http-private.h"

static char *refusal_render(HttpServer *server, unsigned status, const char *code, const char *detail, size_t *ret_size)
{
        char *body = NULL;

        if (server->params.render_refusal &&
            server->params.render_refusal(server->params.userdata, status, code, detail, &body, ret_size) >= 0 && body)
                return body;
        *ret_size = 0;
        return NULL;
}

void request_refuse(HttpRequest *request, unsigned status, const char *code, const char *detail,
                    const HttpHeader *headers)
{
        HttpServer *server = request->connection->server;
        struct MHD_Response *response;
        size_t size;
        char *body;

        server->counters.refused++;
        body = refusal_render(server, status, code, detail, &size);
        response = MHD_create_response_from_buffer(size, body, MHD_RESPMEM_MUST_FREE);
        if (!response) {
                free(body);
                request_drop(request);
                return;
        }

        if (size > 0 && server->params.refusal_content_type)
                (void) MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE,
                                               server->params.refusal_content_type);
        (void) request_add_headers(response, headers);
        request->sent_bytes = size;
        request_answer(request, status, response);
}

void connection_refuse(HttpConnection *connection, unsigned status, const char *code, const char *detail)
{
        HttpServer *server = connection->server;
        _cleanup_(freep) char *body = NULL;
        _cleanup_(buffer_done) Buffer text = { 0 };
        size_t size;
        int r;

        server->counters.refused++;
        body = refusal_render(server, status, code, detail, &size);
        r = buffer_printf(&text,
                          "HTTP/1.1 %u %s\r\n"
                          "Content-Type: %s\r\n"
                          "Content-Length: %zu\r\n"
                          "Connection: close\r\n"
                          "\r\n",
                          status, MHD_get_reason_phrase_for(status),
                          server->params.refusal_content_type ? server->params.refusal_content_type : "text/plain",
                          size);
        if (r < 0 || buffer_append(&text, body, size) < 0)
                return;

        /* A fresh answer fits the socket's buffer, unless the client does not read, and then it is not owed one. */
        (void) send(connection->fd, text.data, text.size, MSG_DONTWAIT | MSG_NOSIGNAL);
        connection->lingers = true;
        if (connection->request) {
                connection->request->status = status;
                connection->request->sent_bytes = size;
        }
}
