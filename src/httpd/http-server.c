/* SPDX-License-Identifier: Apache-2.0 */

/* libmicrohttpd in its external epoll mode. Its epoll descriptor alone is not enough: client sockets are edge
 * triggered inside and MHD remembers what is ready, so after each run, and after each resume, it has to be asked for
 * its timeout; zero means to run again now, which is what turn_source is for. So is a resume: many within one turn
 * of the loop cost one walk through the suspended connections.
 *
 * All deadlines share one timer. It is only ever moved forward in time when something earlier comes up, never back
 * when that is cleared: it goes off too early now and then instead of being set for each request. */

#include "httpd/http-server.h"

#include <netinet/in.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/socket.h>

#include "basic/fd-util.h"
#include "basic/log.h"
#include "httpd/http-private.h"
#include "httpd/websocket.h"

/* libmicrohttpd ends the process over broken invariants of its own; we make sure never to break the ones it documents.
 * Its function for that is a global, the only one here. */
_noreturn_ static void on_panic(void *userdata, const char *file, unsigned line, const char *reason)
{
        log_error("libmicrohttpd cannot continue: %s (%s:%u)", reason ? reason : "unknown reason", file, line);
        abort();
}

_printf_(2, 0) static void on_log(void *userdata, const char *format, va_list ap)
{
        char message[256];

        if (log_get_level() < LOG_DEBUG)
                return;
        if (vsnprintf(message, sizeof message, format, ap) < 0)
                return;
        message[strcspn(message, "\r\n")] = '\0';
        log_debug("libmicrohttpd: %s", message);
}

usec_t server_now(HttpServer *server)
{
        uint64_t now = 0;

        /* The time this turn of the loop began, without a system call; before the first turn, the time. */
        (void) sd_event_now(server->event, CLOCK_MONOTONIC, &now);
        return now;
}

void server_wake(HttpServer *server)
{
        (void) sd_event_source_set_enabled(server->turn_source, SD_EVENT_ONESHOT);
}

void server_arm(HttpServer *server, usec_t at_usec)
{
        if (at_usec >= server->timer_usec)
                return;
        if (sd_event_source_set_time(server->timer_source, at_usec) < 0 ||
            sd_event_source_set_enabled(server->timer_source, SD_EVENT_ONESHOT) < 0)
                return;
        server->timer_usec = at_usec;
}

static void server_arm_all(HttpServer *server)
{
        const DeadlineQueue *queues[] = {
                &server->headers, &server->idles,    &server->bodies,             &server->parked,
                &server->pings,   &server->closings, &server->lingerer.deadlines,
        };
        int64_t left_msec = MHD_get_timeout64s(server->daemon);

        if (left_msec == 0)
                server_wake(server);
        else if (left_msec > 0)
                server_arm(server, usec_add(server_now(server), (usec_t) left_msec * USEC_PER_MSEC));

        for (size_t i = 0; i < ELEMENTSOF(queues); i++)
                server_arm(server, deadline_queue_next(queues[i]));
        if (server->draining)
                server_arm(server, server->drain_until_usec);
}

/* May free the server, at its end. */
static void server_run(HttpServer *server)
{
        server->counters.turns++;
        (void) MHD_run(server->daemon);
        server_arm_all(server);

        if (server->draining && server->counters.connections_open == 0 && server->on_drained) {
                void (*on_drained)(void *userdata) = TAKE_PTR(server->on_drained);

                server->drain_until_usec = USEC_INFINITY;
                on_drained(server->drained_userdata);
        }
}

static int on_io(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
        server_run(userdata);
        return 0;
}

static int on_turn(sd_event_source *source, void *userdata)
{
        server_run(userdata);
        return 0;
}

static void server_cut_all(HttpServer *server)
{
        for (HttpConnection *c = server->connections, *next; c; c = next) {
                next = c->next;
                connection_release(c);
                connection_cut(c);
        }
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
        HttpServer *server = userdata;
        usec_t now = server_now(server);

        server->timer_usec = USEC_INFINITY;
        deadline_queue_run(&server->headers, now);
        deadline_queue_run(&server->idles, now);
        deadline_queue_run(&server->bodies, now);
        deadline_queue_run(&server->parked, now);
        deadline_queue_run(&server->pings, now);
        deadline_queue_run(&server->closings, now);
        deadline_queue_run(&server->lingerer.deadlines, now);
        if (server->draining && server->drain_until_usec <= now) {
                server->drain_until_usec = USEC_INFINITY;
                server_cut_all(server);
        }
        server_run(server);
        return 0;
}

static int limits_check(const HttpLimits *l, Fault *reterr_fault)
{
        const struct {
                const char *field;
                uint64_t value, min, max;
        } checks[] = {
                { "header_timeout", l->header_timeout_usec, 1, USEC_INFINITY },
                { "body_timeout", l->body_timeout_usec, 1, USEC_INFINITY },
                { "idle_timeout", l->idle_timeout_usec, 1, 24 * USEC_PER_HOUR },
                { "park_timeout", l->park_timeout_usec, 1, USEC_INFINITY },
                { "ping_interval", l->ping_interval_usec, 1, USEC_INFINITY },
                { "close_timeout", l->close_timeout_usec, 1, USEC_INFINITY },
                { "connections", l->connections_max, 1, 1000000 },
                { "per_address", l->per_address_max, 0, 1000000 },
                { "header_bytes", l->header_bytes_max, 256, 1024 * 1024 },
                { "uri_bytes", l->uri_bytes_max, 16, l->header_bytes_max },
                { "body_bytes", l->body_bytes_max, 1, SIZE_MAX / 4 },
                { "bodies_bytes", l->bodies_bytes_max, l->body_bytes_max, UINT64_MAX },
                { "message_bytes", l->message_bytes_max, 1, SIZE_MAX / 4 },
                { "queue_bytes", l->queue_bytes_max, 1, SIZE_MAX / 4 },
        };

        for (size_t i = 0; i < ELEMENTSOF(checks); i++)
                if (checks[i].value < checks[i].min || checks[i].value > checks[i].max)
                        return fault_set(reterr_fault, FAULT_BROKEN_CONFIG, checks[i].field,
                                         "The HTTP limit must be between %" PRIu64 " and %" PRIu64 ".", checks[i].min,
                                         checks[i].max);
        return 0;
}

static int server_start_daemon(HttpServer *server)
{
        const HttpLimits *l = &server->params.limits;
        struct sockaddr_storage address = { 0 };
        socklen_t size = sizeof address;

        if (getsockname(server->listen_fd, (struct sockaddr *) &address, &size) < 0)
                return -errno;
        server->is_unix = address.ss_family == AF_UNIX;

        MHD_set_panic_func(on_panic, NULL);
        server->daemon = MHD_start_daemon(
                MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_ALLOW_UPGRADE | MHD_USE_NO_THREAD_SAFETY |
                        MHD_USE_ERROR_LOG,
                0, NULL, NULL, handler_access, server,
                MHD_OPTION_EXTERNAL_LOGGER, on_log, NULL,
                MHD_OPTION_LISTEN_SOCKET, server->listen_fd,
                /* Its default is what select() could do, with epoll too. */
                MHD_OPTION_CONNECTION_LIMIT, (unsigned) (l->connections_max + HTTP_SURPLUS_CONNECTIONS),
                MHD_OPTION_PER_IP_CONNECTION_LIMIT, server->is_unix ? 0 : (unsigned) l->per_address_max,
                /* One for all: MHD walks the list of connections with one of their own on each run. Idle time only. */
                MHD_OPTION_CONNECTION_TIMEOUT, (unsigned) ((l->idle_timeout_usec + USEC_PER_SEC - 1) / USEC_PER_SEC),
                /* Twice what is allowed, so that it is us who refuse the first headers beyond, in our own form. Up to
                 * 32 KiB it is malloc()ed, above mapped and unmapped for each connection. */
                MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t) MAX(l->header_bytes_max * 2, 8192u),
                MHD_OPTION_CLIENT_DISCIPLINE_LVL, 1,
                MHD_OPTION_URI_LOG_CALLBACK, handler_begin, server,
                MHD_OPTION_UNESCAPE_CALLBACK, handler_unescape, server,
                MHD_OPTION_NOTIFY_COMPLETED, handler_completed, server,
                MHD_OPTION_NOTIFY_CONNECTION, connection_notify, server,
                MHD_OPTION_END);
        return server->daemon ? 0 : -EINVAL;
}

static int server_attach(HttpServer *server)
{
        const union MHD_DaemonInfo *info = MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_EPOLL_FD);
        int r;

        if (!info)
                return -EINVAL;
        r = sd_event_add_io(server->event, &server->io_source, info->epoll_fd, EPOLLIN, on_io, server);
        if (r < 0)
                return r;
        r = sd_event_add_defer(server->event, &server->turn_source, on_turn, server);
        if (r < 0)
                return r;
        r = sd_event_add_time(server->event, &server->timer_source, CLOCK_MONOTONIC, USEC_INFINITY, USEC_PER_MSEC,
                              on_timer, server);
        if (r < 0)
                return r;
        (void) sd_event_source_set_description(server->io_source, "httpd-io");
        (void) sd_event_source_set_description(server->turn_source, "httpd-turn");
        (void) sd_event_source_set_description(server->timer_source, "httpd-timer");
        server_wake(server);
        return 0;
}

int http_server_new(sd_event *event, const HttpServerParams *params, HttpServer **ret, Fault *reterr_fault)
{
        _cleanup_(closep) int listen_fd = params->listen_fd;
        _cleanup_(http_server_freep) HttpServer *server = NULL;
        const HttpLimits *l = &params->limits;
        int r;

        r = limits_check(l, reterr_fault);
        if (r < 0)
                return r;

        server = new0(HttpServer, 1);
        if (!server)
                return -ENOMEM;
        *server = (HttpServer){
                .event = sd_event_ref(event),
                .params = *params,
                .listen_fd = TAKE_FD(listen_fd),
                .timer_usec = USEC_INFINITY,
                .drain_until_usec = USEC_INFINITY,
                .headers = { .timeout_usec = l->header_timeout_usec, .on_expired = connection_header_expired },
                /* MHD closes the silent ones; this is for those that send a byte now and then, but never a line. */
                .idles = { .timeout_usec = usec_add(l->idle_timeout_usec, l->header_timeout_usec),
                           .on_expired = connection_idle_expired },
                .bodies = { .timeout_usec = l->body_timeout_usec, .on_expired = connection_body_expired },
                .parked = { .timeout_usec = l->park_timeout_usec, .on_expired = connection_parked_expired },
                .pings = { .timeout_usec = l->ping_interval_usec, .on_expired = websocket_ping_expired },
                .closings = { .timeout_usec = l->close_timeout_usec, .on_expired = websocket_closing_expired },
        };
        lingerer_init(&server->lingerer, event);
        if (getrandom(&server->id_prefix, sizeof server->id_prefix, GRND_NONBLOCK) < 0)
                server->id_prefix = now_usec(CLOCK_REALTIME);

        r = server_start_daemon(server);
        if (r < 0)
                return r;
        r = server_attach(server);
        if (r < 0)
                return r;

        *ret = TAKE_PTR(server);
        return 0;
}

HttpServer *http_server_free(HttpServer *server)
{
        if (!server)
                return NULL;

        if (server->daemon) {
                /* The listening socket stays ours. Nothing may be left suspended: MHD would end the process. */
                (void) MHD_quiesce_daemon(server->daemon);
                for (HttpConnection *c = server->connections, *next; c; c = next) {
                        next = c->next;
                        connection_release(c);
                }
                MHD_stop_daemon(server->daemon);
        }
        lingerer_done(&server->lingerer);
        sd_event_source_disable_unref(server->io_source);
        sd_event_source_disable_unref(server->turn_source);
        sd_event_source_disable_unref(server->timer_source);
        safe_close(server->listen_fd);
        sd_event_unref(server->event);
        return mfree(server);
}

void http_server_drain(HttpServer *server, usec_t timeout_usec, void (*on_drained)(void *userdata), void *userdata)
{
        if (server->draining)
                return;

        server->draining = true;
        server->drain_until_usec = usec_add(server_now(server), timeout_usec);
        server->on_drained = on_drained;
        server->drained_userdata = userdata;

        (void) MHD_quiesce_daemon(server->daemon);
        for (HttpConnection *c = server->connections; c; c = c->next) {
                HttpRequest *request = c->request;

                if (!request)
                        connection_cut(c);
                else if (request->ws)
                        websocket_close(request->ws, WEBSOCKET_GOING_AWAY, NULL);
        }
        server_wake(server);
}

const HttpCounters *http_server_counters(const HttpServer *server)
{
        return &server->counters;
}
