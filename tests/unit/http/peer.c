/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/http/peer.h"

#include <netinet/in.h>
#include <stdio.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "basic/fd-util.h"
#include "basic/string-util.h"

typedef struct Connection {
        TAILQ_ENTRY(Connection) entry;
        Peer *peer;
        int fd;
        sd_event_source *source;
        Buffer in, out;
        size_t sent;
        bool end_after, fails_next, silent;
} Connection;

struct Peer {
        sd_event *event;
        int fd;
        sd_event_source *source;
        uint16_t port;
        TAILQ_HEAD(, Connection) open;
        size_t n_connections, n_open, n_most, n_requests;
};

static void connection_free(Connection *c)
{
        TAILQ_REMOVE(&c->peer->open, c, entry);
        c->peer->n_open--;
        sd_event_source_disable_unref(c->source);
        safe_close(c->fd);
        buffer_done(&c->in);
        buffer_done(&c->out);
        free(c);
}

static void say(Connection *c, const char *status, const char *headers, const void *body, size_t size)
{
        assert_int_equal(buffer_printf(&c->out, "HTTP/1.1 %s\r\n%sContent-Length: %zu\r\n\r\n", status, headers, size),
                         0);
        assert_int_equal(buffer_append(&c->out, body, size), 0);
}

static void answer(Connection *c, const char *path, const char *head, size_t head_size, const char *body, size_t size)
{
        const char *rest;

        if (streq(path, "/ok") || streq(path, "/once")) {
                say(c, "200 OK", "Content-Type: text/plain\r\nLast-Modified: Thu, 01 Jan 1970 00:01:40 GMT\r\n",
                    "hello", 5);
                c->fails_next = streq(path, "/once");
        } else if (streq(path, "/echo"))
                say(c, "200 OK", "", body, size);
        else if (streq(path, "/head"))
                say(c, "200 OK", "", head, head_size);
        else if ((rest = startswith(path, "/size/"))) {
                size_t n = strtoul(rest, NULL, 10);
                _cleanup_(freep) char *data = malloc(n + 1);

                assert_non_null(data);
                memset(data, 'x', n);
                say(c, "200 OK", "", data, n);
        } else if ((rest = startswith(path, "/status/")))
                say(c, rest, "Retry-After: 7\r\n", "", 0);
        else if (streq(path, "/redirect"))
                say(c, "302 Found", "Location: /ok\r\n", "", 0);
        else if (streq(path, "/chunks"))
                assert_int_equal(buffer_append_string(&c->out, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                                                               "3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n"),
                                 0);
        else if (streq(path, "/half")) {
                assert_int_equal(buffer_append_string(&c->out, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello"),
                                 0);
                c->end_after = true;
        } else if (streq(path, "/garbage")) {
                assert_int_equal(buffer_append_string(&c->out, "\x01\x02 this is not what you think it is\r\n\r\n"), 0);
                c->end_after = true;
        } else if (streq(path, "/rudely"))
                c->end_after = true;
        else if (streq(path, "/silence"))
                c->silent = true;
        else
                fail_msg("Nobody knows %s", path);
}

/* Takes one whole request out of what came; false when there is none yet. */
static bool take_request(Connection *c)
{
        char *end = c->in.data ? memmem(c->in.data, c->in.size, "\r\n\r\n", 4) : NULL, path[256];
        size_t size = 0;

        if (!end)
                return false;
        size_t head_size = (size_t) (end - c->in.data) + 4;
        const char *length = memmem(c->in.data, head_size, "Content-Length: ", 16);
        if (length)
                size = strtoul(length + 16, NULL, 10);

        if (c->fails_next) {
                /* Once some of the body is there, so that it has to be sent again. */
                if (size > 0 && c->in.size == head_size)
                        return false;
                c->end_after = true;
                return true;
        }
        if (c->in.size < head_size + size)
                return false;

        assert_int_equal(sscanf(c->in.data, "%*s %255s", path), 1);
        bool is_head = startswith(c->in.data, "HEAD ");
        c->peer->n_requests++;
        size_t before = c->out.size;
        answer(c, path, c->in.data, head_size, c->in.data + head_size, size);
        if (is_head) {
                char *body = memmem(c->out.data + before, c->out.size - before, "\r\n\r\n", 4);

                assert_non_null(body);
                c->out.size = (size_t) (body - c->out.data) + 4;
        }

        size_t used = head_size + size;
        memmove(c->in.data, c->in.data + used, c->in.size - used);
        c->in.size -= used;
        return true;
}

static int on_connection(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
        Connection *c = userdata;
        char chunk[16 * 1024];

        if (revents & EPOLLIN) {
                ssize_t k = read(fd, chunk, sizeof(chunk));

                if (k <= 0) {
                        connection_free(c);
                        return 0;
                }
                assert_int_equal(buffer_append(&c->in, chunk, (size_t) k), 0);
        }
        while (!c->end_after && !c->silent && take_request(c))
                ;

        while (c->sent < c->out.size) {
                ssize_t k = send(fd, c->out.data + c->sent, c->out.size - c->sent, MSG_NOSIGNAL);

                if (k < 0)
                        break;
                c->sent += (size_t) k;
        }
        bool all = c->sent == c->out.size;
        if (revents & (EPOLLERR | EPOLLHUP) || (all && c->end_after)) {
                connection_free(c);
                return 0;
        }
        if (all)
                c->sent = c->out.size = 0;
        assert_true(sd_event_source_set_io_events(source, EPOLLIN | (all ? 0 : EPOLLOUT)) >= 0);
        return 0;
}

static int on_accept(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
        Peer *p = userdata;
        int accepted = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

        if (accepted < 0)
                return 0;
        Connection *c = new0(Connection, 1);
        assert_non_null(c);
        c->peer = p;
        c->fd = accepted;
        p->n_connections++;
        p->n_open++;
        p->n_most = MAX(p->n_most, p->n_open);
        TAILQ_INSERT_TAIL(&p->open, c, entry);
        assert_true(sd_event_add_io(p->event, &c->source, c->fd, EPOLLIN, on_connection, c) >= 0);
        return 0;
}

Peer *peer_new(sd_event *event, const char *unix_path)
{
        struct sockaddr_in in = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
        struct sockaddr_un un = { .sun_family = AF_UNIX };
        socklen_t size = sizeof(in);
        Peer *p = new0(Peer, 1);

        assert_non_null(p);
        TAILQ_INIT(&p->open);
        p->event = event;
        p->fd = socket(unix_path ? AF_UNIX : AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        assert_true(p->fd >= 0);
        if (unix_path) {
                (void) snprintf(un.sun_path, sizeof(un.sun_path), "%s", unix_path);
                assert_int_equal(bind(p->fd, (struct sockaddr *) &un, sizeof(un)), 0);
        } else {
                assert_int_equal(bind(p->fd, (struct sockaddr *) &in, sizeof(in)), 0);
                assert_int_equal(getsockname(p->fd, (struct sockaddr *) &in, &size), 0);
                p->port = ntohs(in.sin_port);
        }
        assert_int_equal(listen(p->fd, 128), 0);
        assert_true(sd_event_add_io(event, &p->source, p->fd, EPOLLIN, on_accept, p) >= 0);
        return p;
}

void peer_close(Peer *p)
{
        Connection *c;

        while ((c = TAILQ_FIRST(&p->open)))
                connection_free(c);
        p->source = sd_event_source_disable_unref(p->source);
        p->fd = safe_close(p->fd);
}

void peer_free(Peer *p)
{
        peer_close(p);
        free(p);
}

const char *peer_url(const Peer *p, const char *what)
{
        static char urls[4][512];
        static unsigned next;
        char *url = urls[next++ % ELEMENTSOF(urls)];

        (void) snprintf(url, sizeof(urls[0]), "http://127.0.0.1:%u/%s", (unsigned) p->port, what);
        return url;
}

size_t peer_connections(const Peer *p)
{
        return p->n_connections;
}

size_t peer_most(const Peer *p)
{
        return p->n_most;
}

size_t peer_requests(const Peer *p)
{
        return p->n_requests;
}
