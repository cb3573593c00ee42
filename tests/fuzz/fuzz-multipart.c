/* SPDX-License-Identifier: Apache-2.0 */

/* The first line is the Content-Type, the rest a body. Whatever file comes out must lie in the body as it is. */

#include "basic/string-util.h"
#include "basic/utf8.h"
#include "httpd/multipart.h"
#include "tests/fuzz/httpd-exchange.h"
#include "tests/fuzz/require.h"

static void on_request(void *userdata, HttpRequest *request)
{
        _cleanup_(multipart_file_done) MultipartFile file = { 0 };
        Fault fault = { 0 };
        const char *body;
        size_t size;
        int r;

        body = http_request_body(request, &size);
        r = http_request_read_multipart(request, "file", &file, &fault);
        if (r < 0) {
                require(r == -EBADMSG && fault.detail && streq(fault.field, "file"));
                require(!file.filename && !file.content.data);
        } else {
                require(!fault.detail && file.content.size <= size);
                require(!file.filename || utf8_is_valid(file.filename, strlen(file.filename), NULL));
                require(file.content.size == 0 || memmem(body, size, file.content.data, file.content.size));
        }
        fault_done(&fault);
        require(http_request_respond(request, r < 0 ? 400 : 200, NULL, "", 0) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        const uint8_t *newline = size > 0 ? memchr(data, '\n', size) : NULL;
        _cleanup_(buffer_done) Buffer request = { 0 };
        size_t line, left;

        if (!newline)
                return 0;
        line = (size_t) (newline - data);
        left = size - line - 1;
        if (memchr(data, '\0', line) || memchr(data, '\r', line))
                return 0;
        require(buffer_printf(&request,
                              "POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Type: %.*s\r\n"
                              "Content-Length: %zu\r\n\r\n", (int) line, (const char *) data, left) == 0);
        require(buffer_append(&request, newline + 1, left) == 0);
        httpd_exchange(on_request, request.data, request.size, false);
        return 0;
}
