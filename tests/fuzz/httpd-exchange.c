/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/fuzz/httpd-exchange.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "basic/fd-util.h"
#include "tests/fuzz/require.h"

static sd_event *event;
static HttpServer *server;
static struct sockaddr_un address;
static socklen_t address_size = sizeof address;

static void start(void (*on_request)(void *userdata, HttpRequest *request))
{
        HttpServerParams params = { .limits = HTTP_LIMITS_DEFAULT, .on_request = on_request };
        sa_family_t family = AF_UNIX;

        params.limits.message_bytes_max = 4096;
        params.limits.queue_bytes_max = 65536;
        params.listen_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        require(params.listen_fd >= 0);
        require(bind(params.listen_fd, (struct sockaddr *) &family, sizeof family) == 0);
        require(listen(params.listen_fd, 16) == 0);
        require(getsockname(params.listen_fd, (struct sockaddr *) &address, &address_size) == 0);
        require(sd_event_new(&event) >= 0);
        require(http_server_new(event, &params, &server, NULL) == 0);
}

void httpd_exchange(void (*on_request)(void *userdata, HttpRequest *request), const void *bytes, size_t size,
                    bool half_close)
{
        _cleanup_(closep) int fd = -EBADF;
        const char *data = bytes;
        bool closed = false;
        char answer[65536];

        if (!server)
                start(on_request);
        fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        require(fd >= 0 && connect(fd, (struct sockaddr *) &address, address_size) == 0);
        require(fd_set_nonblock(fd, true) == 0);

        while (!closed) {
                ssize_t n = size > 0 ? send(fd, data, size, MSG_NOSIGNAL) : 0;

                if (n > 0) {
                        data += n;
                        size -= (size_t) n;
                } else if (n < 0 && errno != EAGAIN) {
                        size = 0;
                }
                if (size == 0 && half_close) {
                        (void) shutdown(fd, SHUT_WR);
                        half_close = false;
                }
                require(sd_event_run(event, 0) >= 0);
                while ((n = recv(fd, answer, sizeof answer, 0)) > 0)
                        continue;
                closed = n == 0 || errno != EAGAIN;
        }

        fd = safe_close(fd);
        while (http_server_counters(server)->connections_open > 0)
                require(sd_event_run(event, UINT64_MAX) >= 0);
        require(http_server_counters(server)->requests_open == 0);
        require(http_server_counters(server)->bodies_bytes == 0);
        require(http_server_counters(server)->websockets_open == 0);
}
