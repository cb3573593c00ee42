/* SPDX-License-Identifier: Apache-2.0 */

/* What a client sends after the handshake. Messages must be within the limit, text must be UTF-8, and the end must
 * be told exactly once. */

#include <string.h>

#include "basic/memory.h"
#include "basic/utf8.h"
#include "httpd/websocket.h"
#include "tests/fuzz/httpd-exchange.h"
#include "tests/fuzz/require.h"

static WebSocket *ws;
static unsigned n_closed;

static void on_message(void *userdata, bool is_text, const char *data, size_t size)
{
        require(size <= 4096);
        require(data[size] == '\0');
        if (is_text) {
                require(utf8_is_valid(data, size, NULL));
                (void) websocket_send_text(ws, data, size);
        } else {
                (void) websocket_send_binary(ws, data, size);
        }
        if (size == 3)
                websocket_close(ws, WEBSOCKET_POLICY, data);
}

static void on_closed(void *userdata, unsigned code, int error)
{
        require(++n_closed == 1);
        require(code >= 1000 && code < 5000);
        require(error <= 0);
}

static void on_request(void *userdata, HttpRequest *request)
{
        WebSocketParams params = { .on_message = on_message, .on_closed = on_closed };

        require(http_request_wants_websocket(request));
        require(websocket_accept(request, &params, &ws) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static const char handshake[] = "GET / HTTP/1.1\r\nHost: a\r\n"
                                        "Upgrade: websocket\r\nConnection: Upgrade\r\n"
                                        "Sec-WebSocket-Version: 13\r\n"
                                        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
        _cleanup_(buffer_done) Buffer bytes = { 0 };

        n_closed = 0;
        require(buffer_append(&bytes, handshake, strlen(handshake)) == 0);
        require(buffer_append(&bytes, data, size) == 0);
        httpd_exchange(on_request, bytes.data, bytes.size, true);
        require(n_closed == 1);
        return 0;
}
