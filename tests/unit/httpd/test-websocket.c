/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/httpd/fixture.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/resource.h>

#define HANDSHAKE                                                                                                      \
        "GET /ws HTTP/1.1\r\nHost: a\r\nUpgrade: WebSocket\r\nConnection: keep-alive, Upgrade\r\n"                     \
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"                                 \
        "Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n"

#define FIN 0x80u
#define TEXT 1u
#define BINARY 2u
#define CLOSE 8u
#define PING 9u
#define PONG 10u

static Client *open_websocket(Fixture *f)
{
        Client *c = client_new(f);
        const char *head;

        client_send(c, HANDSHAKE);
        head = client_expect(c, "\r\n\r\n");
        assert_non_null(strstr(head, "HTTP/1.1 101"));
        assert_non_null(strcasestr(head, "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo="));
        assert_null(strcasestr(head, "Sec-WebSocket-Extensions"));
        return c;
}

/* A client's frame: masked, in the length's shortest form. */
static size_t make_frame(char *frame, unsigned first, const void *data, size_t size)
{
        static const unsigned char mask[4] = { 0x12, 0x34, 0x56, 0x78 };
        size_t n = 0;

        frame[n++] = (char) first;
        if (size < 126) {
                frame[n++] = (char) (0x80 | size);
        } else if (size < 65536) {
                frame[n++] = (char) (0x80 | 126);
                frame[n++] = (char) (size >> 8);
                frame[n++] = (char) size;
        } else {
                frame[n++] = (char) (0x80 | 127);
                for (int shift = 56; shift >= 0; shift -= 8)
                        frame[n++] = (char) ((uint64_t) size >> shift);
        }
        memcpy(frame + n, mask, 4);
        n += 4;
        for (size_t i = 0; i < size; i++)
                frame[n++] = (char) (((const unsigned char *) data)[i] ^ mask[i % 4]);
        return n;
}

static void send_frame(Client *c, unsigned first, const void *data, size_t size)
{
        char *frame = malloc(size + 16);

        assert_non_null(frame);
        client_send_bytes(c, frame, make_frame(frame, first, data, size));
        free(frame);
}

/* The server's next frame: its first byte; the payload, with a NUL behind, is good until the next call. */
static unsigned expect_frame(Client *c, char **ret_data, size_t *ret_size)
{
        static char payload[256 * 1024];
        size_t head = 2, size;
        const unsigned char *p;

        fixture_run_until(c->fixture, c->in.size >= 2 || c->eof);
        assert_true(c->in.size >= 2);
        size = (unsigned char) c->in.data[1];
        assert_true(size <= 127);                                  /* not masked */
        head += size == 126 ? 2 : size == 127 ? 8 : 0;
        fixture_run_until(c->fixture, c->in.size >= head || c->eof);
        p = (const unsigned char *) c->in.data;
        if (size >= 126) {
                size = 0;
                for (size_t i = 2; i < head; i++)
                        size = size << 8 | p[i];
        }
        assert_true(size < sizeof payload);
        fixture_run_until(c->fixture, c->in.size >= head + size || c->eof);
        assert_true(c->in.size >= head + size);
        unsigned first = (unsigned char) c->in.data[0];
        memcpy(payload, c->in.data + head, size);
        payload[size] = '\0';
        memmove(c->in.data, c->in.data + head + size, c->in.size - head - size);
        c->in.size -= head + size;
        *ret_data = payload;
        *ret_size = size;
        return first;
}

static void expect_message(Client *c, unsigned first, const void *data, size_t size)
{
        char *got;
        size_t got_size;

        assert_int_equal(expect_frame(c, &got, &got_size), first);
        assert_int_equal(got_size, size);
        assert_memory_equal(got, data, size);
}

static unsigned expect_close(Client *c)
{
        char *data;
        size_t size;

        assert_int_equal(expect_frame(c, &data, &size), FIN | CLOSE);
        return size >= 2 ? (unsigned) (unsigned char) data[0] << 8 | (unsigned char) data[1] : 1005;
}

static void messages_go_both_ways(void **state)
{
        static const unsigned char bytes[] = { 0, 0xff, 0xfe, 0, 0x80 };
        Fixture *f = *state;
        char *large = malloc(65536);
        Client *c;

        assert_non_null(large);
        memset(large, 'y', 65536);
        fixture_start(f);
        c = open_websocket(f);
        send_frame(c, FIN | TEXT, "hello", 5);
        expect_message(c, FIN | TEXT, "hello", 5);
        send_frame(c, FIN | BINARY, bytes, sizeof bytes);
        expect_message(c, FIN | BINARY, bytes, sizeof bytes);
        send_frame(c, FIN | TEXT, "", 0);
        expect_message(c, FIN | TEXT, "", 0);
        send_frame(c, FIN | TEXT, large, 65536);
        expect_message(c, FIN | TEXT, large, 65536);
        assert_int_equal(f->n_messages, 4);
        assert_int_equal(http_server_counters(f->server)->websockets_open, 1);
        client_free(c);
        fixture_run_until(f, f->n_closed == 1);
        free(large);
}

static void messages_may_come_in_fragments_and_bytes(void **state)
{
        Fixture *f = *state;
        char frames[256];
        size_t n = 0;
        Client *c;

        fixture_start(f);
        c = open_websocket(f);
        /* The character is split between two; a ping may come between. */
        n += make_frame(frames + n, TEXT, "caf\xc3", 4);
        n += make_frame(frames + n, 0, "", 0);
        n += make_frame(frames + n, FIN | PING, "ping", 4);
        n += make_frame(frames + n, 0, "\xa9 au", 4);
        n += make_frame(frames + n, FIN | 0, " lait", 5);
        for (size_t i = 0; i < n; i++) {
                client_send_bytes(c, frames + i, 1);
                assert_true(sd_event_run(f->event, 0) >= 0);
        }
        expect_message(c, FIN | PONG, "ping", 4);
        expect_message(c, FIN | TEXT, "café au lait", strlen("café au lait"));
        assert_true(f->message_is_text);
        client_free(c);
}

static void frames_may_come_along_with_the_handshake(void **state)
{
        Fixture *f = *state;
        char data[1024] = HANDSHAKE;
        size_t n = strlen(HANDSHAKE);
        Client *c;

        fixture_start(f);
        c = client_new(f);
        n += make_frame(data + n, FIN | TEXT, "early", 5);
        n += make_frame(data + n, FIN | TEXT, "bird", 4);
        client_send_bytes(c, data, n);
        client_expect(c, "\r\n\r\n");
        expect_message(c, FIN | TEXT, "early", 5);
        expect_message(c, FIN | TEXT, "bird", 4);
        client_free(c);
}

static void a_parked_request_may_become_a_websocket(void **state)
{
        Fixture *f = *state;
        WebSocketParams params = { .protocol = "chat" };
        WebSocket *ws;
        Client *c;

        fixture_start(f);
        c = client_new(f);
        client_send(c, "GET /park HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                       "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n");
        fixture_run_until(f, f->n_parked == 1);
        assert_true(http_request_wants_websocket(f->parked[0]));
        assert_int_equal(websocket_accept(f->parked[0], &params, &ws), 0);
        /* Sent before the connection is even one. */
        assert_int_equal(websocket_send_text(ws, "first", 5), 0);
        assert_int_equal(websocket_send_text(ws, "\xff", 1), -EINVAL);
        assert_int_equal(websocket_send_binary(ws, "\xff", 1), 0);
        client_expect(c, "Sec-WebSocket-Protocol: chat");
        client_expect(c, "\r\n\r\n");
        expect_message(c, FIN | TEXT, "first", 5);
        expect_message(c, FIN | BINARY, "\xff", 1);
        client_free(c);
        fixture_run_until(f, http_server_counters(f->server)->websockets_open == 0);
}

/* MHD turns it off for the upgrade. The server's end is found among our descriptors by its two addresses. */
static void small_frames_are_not_held_back(void **state)
{
        Fixture *f = *state;
        struct sockaddr_in client = { 0 }, peer;
        socklen_t size = sizeof client;
        int found = -EBADF, on = 0;
        Client *c;

        fixture_start(f);
        c = open_websocket(f);
        assert_int_equal(getsockname(c->fd, (struct sockaddr *) &client, &size), 0);
        for (int fd = 3; fd < 100 && found < 0; fd++) {
                size = sizeof peer;
                if (getpeername(fd, (struct sockaddr *) &peer, &size) == 0 && peer.sin_family == AF_INET &&
                    peer.sin_port == client.sin_port)
                        found = fd;
        }
        assert_true(found >= 0);
        size = sizeof on;
        assert_int_equal(getsockopt(found, IPPROTO_TCP, TCP_NODELAY, &on, &size), 0);
        assert_true(on != 0);
        client_free(c);
}

static void wrong_handshakes_are_refused(void **state)
{
        static const struct {
                const char *request;
                unsigned status;
        } rows[] = {
#define UPGRADE "Upgrade: websocket\r\n"
#define CONNECTION "Connection: Upgrade\r\n"
#define VERSION "Sec-WebSocket-Version: 13\r\n"
#define KEY "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
                { "GET /ws HTTP/1.1\r\nHost: a\r\n" CONNECTION VERSION KEY "\r\n", 426 },
                { "GET /ws HTTP/1.1\r\nHost: a\r\nUpgrade: h2c\r\n" CONNECTION VERSION KEY "\r\n", 426 },
                { "GET /ws HTTP/1.1\r\nHost: a\r\n" UPGRADE CONNECTION KEY "\r\n", 426 },
                { "GET /ws HTTP/1.1\r\nHost: a\r\n" UPGRADE CONNECTION "Sec-WebSocket-Version: 8\r\n" KEY "\r\n", 426 },
                { "POST /ws HTTP/1.1\r\nHost: a\r\n" UPGRADE CONNECTION VERSION KEY "Content-Length: 0\r\n\r\n", 426 },
                { "GET /ws HTTP/1.0\r\nHost: a\r\n" UPGRADE CONNECTION VERSION KEY "\r\n", 426 },
                { "GET /ws HTTP/1.1\r\nHost: a\r\n" UPGRADE VERSION KEY "\r\n", 400 },
                { "GET /ws HTTP/1.1\r\nHost: a\r\n" UPGRADE "Connection: Upgraded\r\n" VERSION KEY "\r\n", 400 },
                { "GET /ws HTTP/1.1\r\nHost: a\r\n" UPGRADE CONNECTION VERSION "\r\n", 400 },
                { "GET /ws HTTP/1.1\r\nHost: a\r\n" UPGRADE CONNECTION VERSION "Sec-WebSocket-Key: abc\r\n\r\n", 400 },
        };
        Fixture *f = *state;

        fixture_start(f);
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                Client *c = client_new(f);
                const char *head;
                unsigned status = 0;

                client_send(c, rows[i].request);
                head = client_expect(c, "\r\n\r\n");
                assert_int_equal(sscanf(head, "HTTP/1.%*u %u", &status), 1);
                assert_row(status == rows[i].status, rows[i].request);
                assert_row(status != 426 || strcasestr(head, "Sec-WebSocket-Version: 13"), rows[i].request);
                client_free(c);
        }
        assert_int_equal(f->n_ws, 0);
        assert_int_equal(http_server_counters(f->server)->websockets_open, 0);
}

static void broken_frames_end_it_with_the_right_code(void **state)
{
        static const struct {
                const char *name;
                const char *bytes;
                size_t size;
                unsigned code;
        } rows[] = {
#define ROW(name, bytes, code) { name, bytes, sizeof(bytes) - 1, code }
                ROW("not masked", "\x81\x02hi", 1002),
                ROW("reserved bit", "\xc1\x80\0\0\0\0", 1002),
                ROW("reserved opcode", "\x83\x80\0\0\0\0", 1002),
                ROW("reserved control opcode", "\x8b\x80\0\0\0\0", 1002),
                ROW("continuation of nothing", "\x80\x80\0\0\0\0", 1002),
                ROW("message within a message", "\x01\x80\0\0\0\0\x81\x80\0\0\0\0", 1002),
                ROW("fragmented ping", "\x09\x80\0\0\0\0", 1002),
                ROW("long ping", "\x89\xfe\x01\x00\0\0\0\0", 1002),
                ROW("length not in its shortest form", "\x81\xfe\x00\x01\0\0\0\0x", 1002),
                ROW("length with its top bit", "\x82\xff\xff\xff\xff\xff\xff\xff\xff\xff\0\0\0\0", 1002),
                ROW("close with half a code", "\x88\x81\0\0\0\0\x03", 1002),
                ROW("close with code 1005", "\x88\x82\0\0\0\0\x03\xed", 1002),
                ROW("close with code 999", "\x88\x82\0\0\0\0\x03\xe7", 1002),
                ROW("close whose reason is not UTF-8", "\x88\x84\0\0\0\0\x03\xe8\xff\xff", 1007),
                ROW("text that is not UTF-8", "\x81\x82\0\0\0\0\xc3\x28", 1007),
                ROW("text that ends in half a character", "\x81\x81\0\0\0\0\xc3", 1007),
                ROW("too long", "\x82\xff\0\0\0\0\0\x01\0\x01\0\0\0\0x", 1009),
                ROW("absurdly long", "\x82\xff\x7f\xff\xff\xff\xff\xff\xff\xff\0\0\0\0x", 1009),
        };
        Fixture *f = *state;

        fixture_start(f);
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                Client *c = open_websocket(f);
                unsigned code;

                client_send_bytes(c, rows[i].bytes, rows[i].size);
                code = expect_close(c);
                if (code != rows[i].code)
                        fail_msg("row '%s': %u instead of %u", rows[i].name, code, rows[i].code);
                fixture_run_until(f, f->n_closed == i + 1);
                assert_row(f->closed_code == rows[i].code && f->closed_error == -EBADMSG, rows[i].name);
                client_expect_eof(c);
                client_free(c);
        }
        assert_int_equal(f->n_messages, 0);
}

static void many_small_fragments_count_together(void **state)
{
        Fixture *f = *state;
        char piece[1000];
        Client *c;

        memset(piece, 'x', sizeof piece);
        f->limits.message_bytes_max = 5000;
        fixture_start(f);
        c = open_websocket(f);
        send_frame(c, TEXT, piece, sizeof piece);
        for (unsigned i = 0; i < 5; i++)
                send_frame(c, 0, piece, sizeof piece);
        assert_int_equal(expect_close(c), 1009);
        client_expect_eof(c);
        assert_int_equal(f->n_messages, 0);
        client_free(c);
}

static void the_client_may_close(void **state)
{
        static const struct {
                const char *payload;
                size_t size;
                unsigned code;
        } rows[] = { { "\x03\xe8 bye", 6, 1000 }, { "\x0b\xb8", 2, 3000 }, { "", 0, 1005 } };
        Fixture *f = *state;

        fixture_start(f);
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                Client *c = open_websocket(f);

                send_frame(c, FIN | CLOSE, rows[i].payload, rows[i].size);
                assert_int_equal(expect_close(c), rows[i].code);
                client_expect_eof(c);
                fixture_run_until(f, f->n_closed == i + 1);
                assert_int_equal(f->closed_code, rows[i].code);
                assert_int_equal(f->closed_error, 0);
                client_free(c);
        }
        fixture_run_until(f, http_server_counters(f->server)->connections_open == 0);
}

static void the_server_may_close(void **state)
{
        Fixture *f = *state;
        Client *c;

        fixture_start(f);
        c = open_websocket(f);
        send_frame(c, FIN | TEXT, "close", 5);
        expect_message(c, FIN | CLOSE, "\x03\xe8" "as you wish", 13);
        assert_int_equal(websocket_send_text(f->ws[0], "x", 1), -EPIPE);
        assert_int_equal(f->n_closed, 0);
        send_frame(c, FIN | TEXT, "not heard any more", 18);
        send_frame(c, FIN | CLOSE, "\x03\xe8", 2);
        client_expect_eof(c);
        fixture_run_until(f, f->n_closed == 1);
        assert_int_equal(f->closed_code, 1000);
        assert_int_equal(f->closed_error, 0);
        assert_int_equal(f->n_messages, 1);
        client_free(c);
}

static void a_close_nobody_answers_has_a_deadline(void **state)
{
        Fixture *f = *state;
        Client *c;

        f->limits.close_timeout_usec = 50 * USEC_PER_MSEC;
        fixture_start(f);
        c = open_websocket(f);
        send_frame(c, FIN | TEXT, "close", 5);
        fixture_run_until(f, f->n_closed == 1);
        assert_int_equal(f->closed_code, 1000);
        assert_int_equal(f->closed_error, -ETIMEDOUT);
        client_expect_eof(c);
        client_free(c);
}

static void a_connection_that_breaks_is_told(void **state)
{
        Fixture *f = *state;
        Client *c;

        fixture_start(f);
        c = open_websocket(f);
        client_free(c);
        fixture_run_until(f, f->n_closed == 1);
        assert_int_equal(f->closed_code, WEBSOCKET_ABNORMAL);
        assert_int_equal(f->closed_error, -ECONNRESET);
        fixture_run_until(f, f->n_done == 1);
        assert_int_equal(f->done.status, 101);
}

static void a_long_reason_is_cut_between_characters(void **state)
{
        Fixture *f = *state;
        char reason[200], *data;
        size_t size;
        Client *c;

        fixture_start(f);
        c = open_websocket(f);
        for (size_t i = 0; i < 198; i += 3)
                memcpy(reason + i, "€", 4);
        websocket_close(f->ws[0], WEBSOCKET_POLICY, reason);
        assert_int_equal(expect_frame(c, &data, &size), FIN | CLOSE);
        assert_int_equal(size, 2 + 123);
        assert_memory_equal(data + 2, reason, 123);
        client_free(c);
}

static void a_silent_peer_is_pinged_and_given_up(void **state)
{
        Fixture *f = *state;
        Client *c;

        f->limits.ping_interval_usec = 250 * USEC_PER_MSEC;
        fixture_start(f);
        c = open_websocket(f);
        for (unsigned i = 0; i < 3; i++) {
                expect_message(c, FIN | PING, "", 0);
                send_frame(c, FIN | PONG, "", 0);
        }
        assert_int_equal(f->n_closed, 0);
        expect_message(c, FIN | PING, "", 0);
        fixture_run_until(f, f->n_closed == 1);
        assert_int_equal(f->closed_error, -ETIMEDOUT);
        client_expect_eof(c);
        client_free(c);
}

static void a_reader_that_is_too_slow_is_cut_off_alone(void **state)
{
        Fixture *f = *state;
        Client *slow, *quick;
        char chunk[60000];
        int r = 0;

        memset(chunk, 'x', sizeof chunk);
        f->limits.queue_bytes_max = 1024 * 1024;
        fixture_start(f);
        slow = open_websocket(f);
        quick = open_websocket(f);
        client_stop_reading(slow);
        for (unsigned i = 0; i < 10000 && r >= 0; i++) {
                r = websocket_send_text(f->ws[0], chunk, sizeof chunk);
                assert_int_equal(websocket_send_text(f->ws[1], "tick", 4), 0);
                expect_message(quick, FIN | TEXT, "tick", 4);
        }
        assert_int_equal(r, -ENOBUFS);
        fixture_run_until(f, f->n_closed == 1);
        assert_int_equal(f->closed_error, -ENOBUFS);
        assert_int_equal(http_server_counters(f->server)->cut_off, 1);
        client_free(slow);
        client_free(quick);
}

/* Each ping wants a pong, and nobody reads those: after a while the server does not read either. */
static void a_flood_of_pings_is_held_back(void **state)
{
        Fixture *f = *state;
        char frames[131 * 500], payload[125] = { 0 };
        size_t n = 0;
        unsigned stuck = 0;
        Client *c;

        f->limits.queue_bytes_max = 100000;
        fixture_start(f);
        c = open_websocket(f);
        client_stop_reading(c);
        for (unsigned i = 0; i < 500; i++)
                n += make_frame(frames + n, FIN | PING, payload, sizeof payload);
        /* The kernel's buffers fill up, here and there; then sending goes no further. */
        for (size_t at = 0; stuck < 100;) {
                ssize_t k = send(c->fd, frames + at % n, n - at % n, MSG_NOSIGNAL);

                if (k > 0)
                        at += (size_t) k;
                stuck = k > 0 ? 0 : stuck + 1;
                assert_true(sd_event_run(f->event, 1000) >= 0);
        }
        assert_true(websocket_waiting(f->ws[0]) > 100000);
        assert_true(websocket_waiting(f->ws[0]) < 100000 + 2 * 65536);
        assert_true(sd_event_source_set_enabled(c->source, SD_EVENT_ON) >= 0);
        fixture_run_until(f, websocket_waiting(f->ws[0]) == 0);
        client_free(c);
}

static void on_drained(void *userdata)
{
        ((Fixture *) userdata)->drained = true;
}

static void draining_closes_websockets(void **state)
{
        Fixture *f = *state;
        Client *polite, *silent;

        fixture_start(f);
        polite = open_websocket(f);
        silent = open_websocket(f);
        http_server_drain(f->server, 100 * USEC_PER_MSEC, on_drained, f);
        assert_int_equal(expect_close(polite), 1001);
        send_frame(polite, FIN | CLOSE, "\x03\xe9", 2);
        client_expect_eof(polite);
        assert_int_equal(f->n_closed, 1);
        assert_int_equal(f->closed_error, 0);
        fixture_run_until(f, f->drained);
        assert_int_equal(f->n_closed, 2);
        assert_int_equal(f->closed_error, -ECANCELED);
        client_expect_eof(silent);
        client_free(polite);
        client_free(silent);
}

static void a_websocket_is_told_when_the_server_ends(void **state)
{
        Fixture *f = *state;
        Client *c;

        fixture_start(f);
        c = open_websocket(f);
        fixture_stop(f);
        assert_int_equal(f->n_closed, 1);
        assert_int_equal(f->closed_error, -ECANCELED);
        assert_int_equal(f->n_done, 1);
        client_expect_eof(c);
        client_free(c);
}

static void five_hundred_get_everything_in_order(void **state)
{
        enum { N = 500 };
        Fixture *f = *state;
        Client *clients[N];
        struct rlimit limit;
        uint64_t turns;
        char text[32];

        assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
        if (limit.rlim_max < 2 * N + 100)
                skip();
        limit.rlim_cur = MAX(limit.rlim_cur, (rlim_t) 2 * N + 100);
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);

        fixture_start(f);
        for (unsigned i = 0; i < N; i++)
                clients[i] = open_websocket(f);
        fixture_run_for(f, 50 * USEC_PER_MSEC);
        turns = http_server_counters(f->server)->turns;
        fixture_run_for(f, USEC_PER_SEC / 2);
        assert_true(http_server_counters(f->server)->turns - turns < 10);

        for (unsigned k = 0; k < 20; k++)
                for (unsigned i = 0; i < N; i++) {
                        snprintf(text, sizeof text, "line %u", k);
                        assert_int_equal(websocket_send_text(f->ws[i], text, strlen(text)), 0);
                }
        for (unsigned i = 0; i < N; i++)
                for (unsigned k = 0; k < 20; k++) {
                        snprintf(text, sizeof text, "line %u", k);
                        expect_message(clients[i], FIN | TEXT, text, strlen(text));
                }
        for (unsigned i = 0; i < N; i++)
                client_free(clients[i]);
        fixture_run_until(f, f->n_closed == N && http_server_counters(f->server)->connections_open == 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
                TEST(messages_go_both_ways),
                TEST(messages_may_come_in_fragments_and_bytes),
                TEST(frames_may_come_along_with_the_handshake),
                TEST(a_parked_request_may_become_a_websocket),
                TEST(small_frames_are_not_held_back),
                TEST(wrong_handshakes_are_refused),
                TEST(broken_frames_end_it_with_the_right_code),
                TEST(many_small_fragments_count_together),
                TEST(the_client_may_close),
                TEST(the_server_may_close),
                TEST(a_close_nobody_answers_has_a_deadline),
                TEST(a_connection_that_breaks_is_told),
                TEST(a_long_reason_is_cut_between_characters),
                TEST(a_silent_peer_is_pinged_and_given_up),
                TEST(a_reader_that_is_too_slow_is_cut_off_alone),
                TEST(a_flood_of_pings_is_held_back),
                TEST(draining_closes_websockets),
                TEST(a_websocket_is_told_when_the_server_ends),
                TEST(five_hundred_get_everything_in_order),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
