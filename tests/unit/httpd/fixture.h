/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* A server and its clients in one loop: whatever a client waits for, the loop is run until it is there. Waiting
 * longer than GUARD_USEC fails the test. */

#include "tests/unit/test.h"

#include <sys/socket.h>

#include <systemd/sd-event.h>

#include "httpd/http-request.h"
#include "httpd/http-server.h"
#include "httpd/http-stream.h"
#include "httpd/multipart.h"
#include "httpd/websocket.h"

#define GUARD_USEC (30 * USEC_PER_SEC)
#define SLOTS 512u

typedef struct Fixture Fixture;
struct Fixture {
        sd_event *event;
        HttpServer *server;
        HttpLimits limits;               /* changed before fixture_start() */
        bool is_unix;
        size_t n_descriptors;
        struct sockaddr_storage address;
        socklen_t address_size;

        /* What happened. */
        unsigned n_requests, n_done, n_abandoned, n_streams_closed, n_messages, n_closed;
        int abandoned_error, stream_error, closed_error;
        unsigned closed_code;
        HttpDone done;                   /* the last one; its strings are copied here */
        char done_method[16], done_route[16];
        bool drained;

        /* What it left. */
        HttpRequest *parked[SLOTS];
        unsigned n_parked;
        HttpStream *stream;
        WebSocket *ws[SLOTS];
        unsigned n_ws;
        Buffer message;                  /* the last one */
        char *taken;                     /* by client_expect() */
        bool message_is_text;
};

typedef struct Client {
        Fixture *fixture;
        int fd;
        sd_event_source *source;
        Buffer in;
        bool eof;
} Client;

/* As cmocka wants them; *state is the fixture, with limits at their defaults and no server yet. */
int fixture_setup(void **state);
int fixture_teardown(void **state);

void fixture_start(Fixture *f);
void fixture_stop(Fixture *f);

/* Runs the loop until the condition holds. */
#define fixture_run_until(f, condition)                                                                                \
        do {                                                                                                           \
                usec_t _start = now_usec(CLOCK_MONOTONIC);                                                             \
                while (!(condition)) {                                                                                 \
                        assert_true(sd_event_run((f)->event, GUARD_USEC) >= 0);                                        \
                        if (now_usec(CLOCK_MONOTONIC) - _start > GUARD_USEC)                                           \
                                fail_msg("waited too long for: " #condition);                                          \
                }                                                                                                      \
        } while (0)

/* Runs it for that long, whatever happens. */
void fixture_run_for(Fixture *f, usec_t usec);

Client *client_new(Fixture *f);
void client_free(Client *c);             /* closes */

void client_send(Client *c, const char *text);
void client_send_bytes(Client *c, const void *p, size_t n);
void client_stop_reading(Client *c);

/* Until this arrives; it and what is before it is then gone from ->in. Gives what was before, good until the next
 * call. */
const char *client_expect(Client *c, const char *needle);
void client_expect_eof(Client *c);

/* A whole answer with Content-Length: gives the status; the body is in *ret_body, good until the next call. */
unsigned client_expect_response(Client *c, const char **ret_body);

/* The same for a request without body. */
unsigned client_get(Client *c, const char *path, const char **ret_body);
