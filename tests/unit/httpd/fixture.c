/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/httpd/fixture.h"

#include <netinet/in.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "basic/fd-util.h"
#include "basic/string-util.h"
#include "tests/unit/scratch.h"

static void on_abandoned(void *userdata, int error)
{
        Fixture *f = userdata;

        f->n_abandoned++;
        f->abandoned_error = error;
}

static void on_stream_closed(void *userdata, int error)
{
        Fixture *f = userdata;

        f->n_streams_closed++;
        f->stream_error = error;
        f->stream = NULL;
}

static void on_message(void *userdata, bool is_text, const char *data, size_t size)
{
        Fixture *f = userdata;

        f->n_messages++;
        f->message_is_text = is_text;
        buffer_done(&f->message);
        assert_int_equal(buffer_append(&f->message, data, size), 0);
        if (f->n_ws != 1)
                return;
        if (size == 5 && memcmp(data, "close", 5) == 0)
                websocket_close(f->ws[0], WEBSOCKET_NORMAL, "as you wish");
        else if (is_text)
                (void) websocket_send_text(f->ws[0], data, size);
        else
                (void) websocket_send_binary(f->ws[0], data, size);
}

static void on_closed(void *userdata, unsigned code, int error)
{
        Fixture *f = userdata;

        f->n_closed++;
        f->closed_code = code;
        f->closed_error = error;
}

static int answer(HttpRequest *request, unsigned status, const char *text)
{
        return http_request_respond(request, status,
                                    (HttpHeader[]){ { "Content-Type", "text/plain" }, { NULL, NULL } }, text,
                                    strlen(text));
}

static bool visit(void *userdata, const char *name, const char *value)
{
        return buffer_printf(userdata, "%s=%s;", name, value) >= 0;
}

static void on_form(HttpRequest *request)
{
        _cleanup_(multipart_file_done) MultipartFile file = { 0 };
        _cleanup_(buffer_done) Buffer text = { 0 };
        Fault fault = { 0 };

        if (http_request_read_multipart(request, "file", &file, &fault) < 0) {
                (void) answer(request, 400, fault.detail);
                fault_done(&fault);
                return;
        }
        assert_int_equal(buffer_printf(&text, "%s:", file.filename ? file.filename : "(none)"), 0);
        assert_int_equal(buffer_append(&text, file.content.data, file.content.size), 0);
        assert_int_equal(http_request_respond(request, 200, NULL, text.data, text.size), 0);
}

static void on_about(HttpRequest *request)
{
        _cleanup_(buffer_done) Buffer text = { 0 };
        const char *color = http_request_query(request, "color");
        const char *header = http_request_header(request, "x-thing");
        uid_t uid = (uid_t) -1;
        pid_t pid = -1;
        int r = http_request_peer_credentials(request, &uid, &pid);

        assert_int_equal(buffer_printf(&text, "%s %s peer=%s cred=%d/%d color=%s header=%s query=",
                                       http_request_method(request), http_request_path(request),
                                       http_request_peer(request), r, r >= 0 && uid == getuid() && pid == getpid(),
                                       color ? color : "(none)", header ? header : "(none)"), 0);
        http_request_visit_query(request, visit, &text);
        (void) answer(request, 200, text.data);
}

static void on_request(void *userdata, HttpRequest *request)
{
        Fixture *f = userdata;
        const char *path = http_request_path(request);
        size_t size;

        f->n_requests++;
        http_request_set_route(request, "route");
        if (streq(path, "/hello")) {
                (void) answer(request, 200, "hello");
        } else if (streq(path, "/big")) {
                /* More than any socket's buffer. */
                size = 32 * 1024 * 1024;
                (void) http_request_respond_take(request, 200, NULL, calloc(1, size), size);
        } else if (streq(path, "/echo")) {
                const char *body = http_request_body(request, &size);
                (void) http_request_respond(request, 200, NULL, body, size);
        } else if (streq(path, "/form")) {
                on_form(request);
        } else if (startswith(path, "/about")) {
                on_about(request);
        } else if (streq(path, "/park")) {
                assert_true(f->n_parked < SLOTS);
                f->parked[f->n_parked++] = request;
                http_request_park(request, on_abandoned, f);
        } else if (streq(path, "/park-and-answer")) {
                http_request_park(request, on_abandoned, f);
                (void) answer(request, 200, "quick");
        } else if (streq(path, "/stream")) {
                assert_int_equal(http_stream_begin(request, 200,
                                                   (HttpHeader[]){ { "Content-Type", "text/event-stream" }, { 0 } },
                                                   on_stream_closed, f, &f->stream), 0);
        } else if (streq(path, "/ws")) {
                WebSocketParams params = { .on_message = on_message, .on_closed = on_closed, .userdata = f };
                assert_true(f->n_ws < SLOTS);
                if (websocket_accept(request, &params, &f->ws[f->n_ws]) >= 0)
                        f->n_ws++;
        } else if (streq(path, "/bad-header")) {
                assert_int_equal(http_request_respond(request, 200, (HttpHeader[]){ { "X-A", "a\r\nX-B: b" }, { 0 } },
                                                      "", 0), -EINVAL);
        } else if (!streq(path, "/forgotten")) {
                (void) answer(request, 404, "not here");
        }
}

static int render_refusal(void *userdata, unsigned status, const char *code, const char *detail, char **ret_body,
                          size_t *ret_size)
{
        *ret_body = format_string("{\"status\":%u,\"code\":\"%s\"}", status, code);
        *ret_size = *ret_body ? strlen(*ret_body) : 0;
        return *ret_body ? 0 : -ENOMEM;
}

static void on_done(void *userdata, const HttpDone *done)
{
        Fixture *f = userdata;

        f->n_done++;
        f->done = *done;
        snprintf(f->done_method, sizeof f->done_method, "%s", done->method);
        snprintf(f->done_route, sizeof f->done_route, "%s", done->route ? done->route : "");
}

int fixture_setup(void **state)
{
        Fixture *f = new0(Fixture, 1);

        assert_non_null(f);
        f->limits = HTTP_LIMITS_DEFAULT;
        f->n_descriptors = scratch_open_descriptors();
        assert_true(sd_event_new(&f->event) >= 0);
        *state = f;
        return 0;
}

int fixture_teardown(void **state)
{
        Fixture *f = *state;

        fixture_stop(f);
        sd_event_unref(f->event);
        buffer_done(&f->message);
        assert_int_equal(scratch_open_descriptors(), f->n_descriptors);
        free(f->taken);
        free(f);
        return 0;
}

void fixture_start(Fixture *f)
{
        int fd = socket(f->is_unix ? AF_UNIX : AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        struct sockaddr_in in = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
        sa_family_t un = AF_UNIX;

        assert_true(fd >= 0);
        /* AF_UNIX with nothing but the family: the kernel chooses an abstract name. */
        assert_int_equal(f->is_unix ? bind(fd, (struct sockaddr *) &un, sizeof un)
                                    : bind(fd, (struct sockaddr *) &in, sizeof in), 0);
        assert_int_equal(listen(fd, 1024), 0);
        f->address_size = sizeof f->address;
        assert_int_equal(getsockname(fd, (struct sockaddr *) &f->address, &f->address_size), 0);

        assert_int_equal(http_server_new(f->event, &(HttpServerParams){
                .listen_fd = fd,
                .limits = f->limits,
                .on_request = on_request,
                .render_refusal = render_refusal,
                .refusal_content_type = "application/problem+json",
                .on_done = on_done,
                .userdata = f,
        }, &f->server, NULL), 0);

}

void fixture_stop(Fixture *f)
{
        f->server = http_server_free(f->server);
}

static int on_alarm(sd_event_source *source, uint64_t usec, void *userdata)
{
        *(bool *) userdata = true;
        return 0;
}

void fixture_run_for(Fixture *f, usec_t usec)
{
        sd_event_source *source = NULL;
        bool over = false;

        assert_true(sd_event_add_time_relative(f->event, &source, CLOCK_MONOTONIC, usec, 1, on_alarm, &over) >= 0);
        fixture_run_until(f, over);
        sd_event_source_unref(source);
}

static int on_readable(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
        Client *c = userdata;
        char buffer[65536];
        ssize_t n = recv(fd, buffer, sizeof buffer, MSG_DONTWAIT);

        if (n > 0) {
                assert_int_equal(buffer_append(&c->in, buffer, (size_t) n), 0);
        } else if (n == 0 || errno != EAGAIN) {
                c->eof = true;
                (void) sd_event_source_set_enabled(source, SD_EVENT_OFF);
        }
        return 0;
}

Client *client_new(Fixture *f)
{
        Client *c = new0(Client, 1);

        assert_non_null(c);
        c->fixture = f;
        c->fd = socket(f->address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
        assert_true(c->fd >= 0);
        assert_int_equal(connect(c->fd, (struct sockaddr *) &f->address, f->address_size), 0);
        assert_int_equal(fd_set_nonblock(c->fd, true), 0);
        assert_true(sd_event_add_io(f->event, &c->source, c->fd, EPOLLIN, on_readable, c) >= 0);
        return c;
}

void client_free(Client *c)
{
        sd_event_source_disable_unref(c->source);
        safe_close(c->fd);
        buffer_done(&c->in);
        free(c);
}

void client_send_bytes(Client *c, const void *p, size_t n)
{
        const char *data = p;

        while (n > 0 && !c->eof) {
                ssize_t k = send(c->fd, data, n, MSG_NOSIGNAL);

                if (k > 0) {
                        data += k;
                        n -= (size_t) k;
                } else if (errno == EAGAIN) {
                        /* Writable again when the server has read: then this returns. */
                        assert_true(sd_event_source_set_io_events(c->source, EPOLLIN | EPOLLOUT) >= 0);
                        assert_true(sd_event_run(c->fixture->event, GUARD_USEC) >= 0);
                        assert_true(sd_event_source_set_io_events(c->source, EPOLLIN) >= 0);
                } else {
                        return;         /* refused and closed: what was answered is still there */
                }
        }
}

void client_send(Client *c, const char *text)
{
        client_send_bytes(c, text, strlen(text));
}

void client_stop_reading(Client *c)
{
        assert_true(sd_event_source_set_enabled(c->source, SD_EVENT_OFF) >= 0);
}

static char *client_take(Client *c, size_t n, size_t skip)
{
        char *taken = memdup_nul(c->in.data, n);

        assert_non_null(taken);
        free(c->fixture->taken);
        c->fixture->taken = taken;
        if (!c->in.data)
                return taken;
        memmove(c->in.data, c->in.data + n + skip, c->in.size - n - skip);
        c->in.size -= n + skip;
        c->in.data[c->in.size] = '\0';
        return taken;
}

const char *client_expect(Client *c, const char *needle)
{
        size_t n = strlen(needle);
        char *found = NULL;

        fixture_run_until(c->fixture,
                          (found = c->in.data ? memmem(c->in.data, c->in.size, needle, n) : NULL) || c->eof);
        if (!found)
                fail_msg("'%s' never came, but: %s", needle, c->in.data ? c->in.data : "(nothing)");
        return client_take(c, (size_t) (found - c->in.data), n);
}

void client_expect_eof(Client *c)
{
        fixture_run_until(c->fixture, c->eof);
}

unsigned client_expect_response(Client *c, const char **ret_body)
{
        const char *head = client_expect(c, "\r\n\r\n");
        const char *length = strcasestr(head, "\r\ncontent-length: ");
        unsigned status;
        size_t size;

        assert_int_equal(sscanf(head, "HTTP/1.1 %u", &status), 1);
        assert_non_null(length);
        size = strtoul(length + 18, NULL, 10);
        fixture_run_until(c->fixture, c->in.size >= size || c->eof);
        assert_true(c->in.size >= size);
        head = client_take(c, size, 0);
        if (ret_body)
                *ret_body = head;
        return status;
}

unsigned client_get(Client *c, const char *path, const char **ret_body)
{
        char request[512];

        assert_true(snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: test\r\n\r\n", path) <
                    (int) sizeof request);
        client_send(c, request);
        return client_expect_response(c, ret_body);
}
