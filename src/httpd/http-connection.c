/* SPDX-License-Identifier: Apache-2.0 */

/* MHD's own timeout is about silence only, so one byte a second would hold a connection for ever: the deadlines here
 * are absolute. While a connection is suspended, which is what waiting for an answer means, MHD looks at nothing: it
 * sees neither that the client left nor how long it takes. So a suspended one is watched here. */

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "basic/memory.h"
#include "httpd/http-private.h"

static void connection_set_peer(HttpConnection *connection)
{
        const union MHD_ConnectionInfo *info =
                MHD_get_connection_info(connection->mhd, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
        const struct sockaddr *address = info ? info->client_addr : NULL;
        const void *bytes = NULL;

        if (address && address->sa_family == AF_INET)
                bytes = &((const struct sockaddr_in *) (const void *) address)->sin_addr;
        else if (address && address->sa_family == AF_INET6)
                bytes = &((const struct sockaddr_in6 *) (const void *) address)->sin6_addr;
        if (!bytes || !inet_ntop(address->sa_family, bytes, connection->peer, sizeof connection->peer))
                snprintf(connection->peer, sizeof connection->peer, "unix");
}

static void connection_new(HttpServer *server, struct MHD_Connection *mhd, void **ret)
{
        const union MHD_ConnectionInfo *info = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD);
        HttpConnection *connection = new0(HttpConnection, 1);

        if (!connection || !info) {
                /* It cannot be refused here. Without an owner it gets no answer: see handler_begin(). */
                free(connection);
                return;
        }

        *connection = (HttpConnection){
                .server = server,
                .mhd = mhd,
                .fd = info->connect_fd,
                .next = server->connections,
                .surplus = server->counters.connections_open >= server->params.limits.connections_max,
        };
        connection_set_peer(connection);
        if (connection->next)
                connection->next->previous = connection;
        server->connections = connection;
        server->counters.connections++;
        server->counters.connections_open++;
        connection_set_deadline(connection, &server->headers);
        *ret = connection;
}

static void connection_closed(HttpConnection *connection)
{
        HttpServer *server = connection->server;
        int unread = 0;

        (void) ioctl(connection->fd, FIONREAD, &unread);
        if (connection->lingers || unread > 0)
                lingerer_add(&server->lingerer, connection->fd, server_now(server));

        if (connection->previous)
                connection->previous->next = connection->next;
        else
                server->connections = connection->next;
        if (connection->next)
                connection->next->previous = connection->previous;
        server->counters.connections_open--;

        deadline_clear(&connection->deadline);
        sd_event_source_disable_unref(connection->watch);
        free(connection);
}

void connection_notify(void *userdata, struct MHD_Connection *mhd, void **connection,
                       enum MHD_ConnectionNotificationCode what)
{
        if (what == MHD_CONNECTION_NOTIFY_STARTED) {
                connection_new(userdata, mhd, connection);
        } else if (*connection) {
                connection_closed(*connection);
                *connection = NULL;
        }
}

void connection_set_deadline(HttpConnection *connection, DeadlineQueue *queue)
{
        deadline_set(&connection->deadline, queue, server_now(connection->server));
        server_arm(connection->server, connection->deadline.at_usec);
}

static int on_watch(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
        HttpConnection *connection = userdata;
        HttpRequest *request = connection->request;

        /* MHD sees it itself then. It stays on for the next request: to change it is a system call each time. */
        if (!connection->suspended) {
                (void) sd_event_source_set_enabled(source, SD_EVENT_OFF);
        } else if (request->stream) {
                stream_break(request->stream, -ECONNRESET);
        } else {
                connection->server->counters.abandoned++;
                request_forsake(request, -ECONNRESET);
                request_drop(request);
        }
        return 0;
}

void connection_suspend(HttpConnection *connection)
{
        int r;

        MHD_suspend_connection(connection->mhd);
        connection->suspended = true;

        /* Only that it hung up is of interest: what else it sends is for MHD, later. Should there be no memory for a
         * watch, the request's own deadline still ends it. */
        if (connection->watch) {
                (void) sd_event_source_set_enabled(connection->watch, SD_EVENT_ON);
        } else {
                r = sd_event_add_io(connection->server->event, &connection->watch, connection->fd, EPOLLRDHUP,
                                    on_watch, connection);
                if (r >= 0)
                        (void) sd_event_source_set_description(connection->watch, "httpd-watch");
        }
}

void connection_resume(HttpConnection *connection)
{
        if (!connection->suspended)
                return;

        connection->suspended = false;
        MHD_resume_connection(connection->mhd);
        server_wake(connection->server);
}

void connection_cut(HttpConnection *connection)
{
        (void) shutdown(connection->fd, SHUT_RDWR);
        server_wake(connection->server);
}

void connection_release(HttpConnection *connection)
{
        HttpRequest *request = connection->request;

        if (!request)
                return;
        if (request->ws) {
                websocket_lost(request->ws, -ECANCELED);
        } else if (request->stream) {
                stream_break(request->stream, -ECANCELED);
        } else if (request->state == REQUEST_PARKED) {
                request_forsake(request, -ECANCELED);
                request_drop(request);
        }
}

void connection_header_expired(Deadline *deadline)
{
        HttpConnection *connection = DEADLINE_OWNER(HttpConnection, deadline);

        connection->server->counters.timeouts++;
        connection_refuse(connection, 408, "request_timeout", "The request's headers took too long to arrive.");
        connection_cut(connection);
}

void connection_idle_expired(Deadline *deadline)
{
        HttpConnection *connection = DEADLINE_OWNER(HttpConnection, deadline);

        connection->server->counters.timeouts++;
        connection_cut(connection);
}

void connection_body_expired(Deadline *deadline)
{
        HttpConnection *connection = DEADLINE_OWNER(HttpConnection, deadline);

        connection->server->counters.timeouts++;
        connection_refuse(connection, 408, "request_timeout", "The request's body took too long to arrive.");
        connection_cut(connection);
}

void connection_parked_expired(Deadline *deadline)
{
        HttpConnection *connection = DEADLINE_OWNER(HttpConnection, deadline);
        HttpRequest *request = connection->request;

        connection->server->counters.timeouts++;
        request_forsake(request, -ETIMEDOUT);
        request_refuse(request, 504, "answer_timeout", "The answer took too long.", NULL);
}
