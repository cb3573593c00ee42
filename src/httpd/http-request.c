/* SPDX-License-Identifier: Apache-2.0 */
#include "httpd/http-request.h"

#include <sys/socket.h>

#include "basic/string-util.h"
#include "httpd/http-private.h"

const char *http_request_id(const HttpRequest *request)
{
        return request->id;
}

const char *http_request_method(const HttpRequest *request)
{
        return request->method;
}

const char *http_request_path(const HttpRequest *request)
{
        return request->path;
}

const char *http_request_header(const HttpRequest *request, const char *name)
{
        return MHD_lookup_connection_value(request->connection->mhd, MHD_HEADER_KIND, name);
}

typedef struct QueryVisit {
        const char *name;                /* the one looked for, or NULL */
        const char *found;
        bool (*visit)(void *userdata, const char *name, const char *value);
        void *userdata;
} QueryVisit;

/* MHD's own look-up ignores case, which is right for headers only. */
static enum MHD_Result on_query(void *userdata, enum MHD_ValueKind kind, const char *name, const char *value)
{
        QueryVisit *v = userdata;

        value = value ? value : "";
        if (!v->name)
                return v->visit(v->userdata, name, value) ? MHD_YES : MHD_NO;
        if (!streq(name, v->name))
                return MHD_YES;
        v->found = value;
        return MHD_NO;
}

const char *http_request_query(const HttpRequest *request, const char *name)
{
        QueryVisit v = { .name = name };

        (void) MHD_get_connection_values(request->connection->mhd, MHD_GET_ARGUMENT_KIND, on_query, &v);
        return v.found;
}

void http_request_visit_query(const HttpRequest *request,
                              bool (*visit)(void *userdata, const char *name, const char *value), void *userdata)
{
        QueryVisit v = { .visit = visit, .userdata = userdata };

        (void) MHD_get_connection_values(request->connection->mhd, MHD_GET_ARGUMENT_KIND, on_query, &v);
}

const char *http_request_body(const HttpRequest *request, size_t *ret_size)
{
        *ret_size = request->body.size;
        return request->body.data ? request->body.data : "";
}

const char *http_request_peer(const HttpRequest *request)
{
        return request->connection->peer;
}

int http_request_peer_credentials(const HttpRequest *request, uid_t *ret_uid, pid_t *ret_pid)
{
        struct ucred credentials;
        socklen_t size = sizeof credentials;

        if (!request->connection->server->is_unix)
                return -EOPNOTSUPP;
        if (getsockopt(request->connection->fd, SOL_SOCKET, SO_PEERCRED, &credentials, &size) < 0)
                return -errno;

        *ret_uid = credentials.uid;
        *ret_pid = credentials.pid;
        return 0;
}

void http_request_set_route(HttpRequest *request, const char *route)
{
        request->route = route;
}

void http_request_park(HttpRequest *request, void (*on_abandoned)(void *userdata, int error), void *userdata)
{
        HttpConnection *connection = request->connection;

        if (request->state != REQUEST_HANDLING)
                return;

        request->state = REQUEST_PARKED;
        request->on_abandoned = on_abandoned;
        request->userdata = userdata;
        connection->server->counters.parked++;
        connection_set_deadline(connection, &connection->server->parked);
}

static void request_unpark(HttpRequest *request)
{
        if (request->state != REQUEST_PARKED)
                return;

        request->connection->server->counters.parked--;
        deadline_clear(&request->connection->deadline);
}

int request_add_headers(struct MHD_Response *response, const HttpHeader *headers)
{
        for (; headers && headers->name; headers++)
                if (MHD_add_response_header(response, headers->name, headers->value) == MHD_NO)
                        return -EINVAL;
        return 0;
}

void request_answer(HttpRequest *request, unsigned status, struct MHD_Response *response)
{
        HttpConnection *connection = request->connection;

        if (connection->server->draining && !request->ws)
                (void) MHD_add_response_header(response, MHD_HTTP_HEADER_CONNECTION, "close");

        request_unpark(request);
        request->state = REQUEST_ANSWERED;
        request->status = status;
        request->response = response;
        connection_resume(connection);
}

void request_drop(HttpRequest *request)
{
        request_unpark(request);
        request->state = REQUEST_DROPPED;
        connection_resume(request->connection);
}

void request_forsake(HttpRequest *request, int error)
{
        request_unpark(request);
        request->state = REQUEST_DROPPED;
        if (request->on_abandoned)
                request->on_abandoned(request->userdata, error);
}

int http_request_respond_take(HttpRequest *request, unsigned status, const HttpHeader *headers, char *body, size_t size)
{
        struct MHD_Response *response;
        int r;

        if (request->state != REQUEST_HANDLING && request->state != REQUEST_PARKED) {
                free(body);
                return -EINVAL;
        }

        response = MHD_create_response_from_buffer(size, body, MHD_RESPMEM_MUST_FREE);
        if (!response) {
                free(body);
                request_drop(request);
                return -ENOMEM;
        }

        r = request_add_headers(response, headers);
        if (r < 0) {
                MHD_destroy_response(response);
                request_drop(request);
                return r;
        }

        request->sent_bytes = streq(request->method, MHD_HTTP_METHOD_HEAD) ? 0 : size;
        request_answer(request, status, response);
        return 0;
}

int http_request_respond(HttpRequest *request, unsigned status, const HttpHeader *headers, const void *body,
                         size_t size)
{
        char *copy = memdup_nul(body, size);

        if (!copy) {
                request_drop(request);
                return -ENOMEM;
        }
        return http_request_respond_take(request, status, headers, copy, size);
}
