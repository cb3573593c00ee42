/* SPDX-License-Identifier: Apache-2.0 */

/* From a request to its handler: what can be refused by looking at address and headers is refused here, the same way for
 * all routes. */

#include <arpa/inet.h>
#include <stdio.h>
#include <strings.h>

#include "api/api-manager.h"
#include "basic/string-util.h"

/* Longer than any parameter of ours; what does not fit is none. */
#define PARAMETER_MAX 64

const char *manager_client(const HttpRequest *request, char buf[static CLIENT_MAX])
{
        uid_t uid;
        pid_t pid;

        if (http_request_peer_credentials(request, &uid, &pid) >= 0)
                (void) snprintf(buf, CLIENT_MAX, "unix:%u", (unsigned) uid);
        else
                (void) snprintf(buf, CLIENT_MAX, "tcp:%s", http_request_peer(request));
        return buf;
}

bool manager_job_id(HttpRequest *request, const char *parameter, JobId *ret)
{
        if (job_id_parse(parameter, ret) >= 0)
                return true;
        answer_problem(request, "unknown_job", NULL, "No job has an id of this form");
        return false;
}

/* --- who is meant, and from where ---------------------------------------------------------------------------------- */

/* "name", "name:port", "127.0.0.1:8000", "[::1]:8000": the part without port and brackets. */
static bool split_host(const char *s, char ret[static PARAMETER_MAX], bool *ret_address)
{
        bool bracketed = *s == '[';
        const char *begin = s + bracketed;
        size_t n = strcspn(begin, bracketed ? "]" : ":");
        struct in6_addr address;

        if (n == 0 || n >= PARAMETER_MAX)
                return false;
        memcpy(ret, begin, n);
        ret[n] = '\0';
        *ret_address = inet_pton(bracketed ? AF_INET6 : AF_INET, ret, &address) == 1;
        return !bracketed || (begin[n] == ']' && *ret_address);
}

static bool is_our_name(const Manager *m, const char *host)
{
        _cleanup_(strv_freep) char **names = NULL;

        if (strv_split(m->config->api_hosts, &names) < 0)
                return false;
        STRV_FOREACH(name, names)
                if (strcasecmp(*name, host) == 0)
                        return true;
        return false;
}

/* A page of another site may make its own name lead to our address, and then asks us by that name. */
static bool host_is_ours(const Manager *m, const HttpRequest *request)
{
        const char *header = http_request_header(request, "Host");
        char host[PARAMETER_MAX];
        bool is_address;

        if (!header || streq(http_request_peer(request), "unix"))
                return true;
        return split_host(header, host, &is_address) && (is_address || is_our_name(m, host));
}

/* Browsers say which page asks, at least where something may be changed; other clients do not. */
static bool origin_is_ours(const Manager *m, const HttpRequest *request)
{
        const char *origin = http_request_header(request, "Origin"), *host = http_request_header(request, "Host");
        char name[PARAMETER_MAX];
        bool is_address;

        if (!origin)
                return true;

        const char *authority = strstr(origin, "://");
        if (!authority)
                return false;
        authority += STRLEN("://");
        if (host && strcasecmp(authority, host) == 0)
                return true;
        return split_host(authority, name, &is_address) && is_our_name(m, name);
}

/* --- what is said -------------------------------------------------------------------------------------------------- */

typedef struct QueryCheck {
        const HttpRequest *request;
        const Route *route;
        char wrong[PARAMETER_MAX];
        bool twice;
} QueryCheck;

static bool on_parameter(void *userdata, const char *name, const char *value)
{
        QueryCheck *check = userdata;

        check->twice = http_request_query(check->request, name) != value;
        if (route_knows_query(check->route, name) && !check->twice)
                return true;
        (void) snprintf(check->wrong, sizeof(check->wrong), "%s", *name ? name : "?");
        return false;
}

/* Answers what is wrong, and returns false. */
static bool query_is_known(HttpRequest *request, const Route *route)
{
        QueryCheck check = { .request = request, .route = route };

        http_request_visit_query(request, on_parameter, &check);
        if (!check.wrong[0])
                return true;
        answer_problem(request, "invalid_request", check.wrong,
                       check.twice ? "The parameter %s is there twice" : "There is no parameter %s here", check.wrong);
        return false;
}

static bool media_type_is(const HttpRequest *request, const char *type)
{
        const char *header = http_request_header(request, "Content-Type");
        size_t n = strlen(type);

        return header && strncasecmp(header, type, n) == 0 && strchr("; \t", header[n]);
}

static bool body_is_acceptable(HttpRequest *request, const Route *route)
{
        static const char *const types[] = {
                [ROUTE_BODY_JSON] = "application/json",
                [ROUTE_BODY_FORM] = "multipart/form-data",
        };
        size_t size;

        (void) http_request_body(request, &size);
        if (route->body == ROUTE_BODY_NONE) {
                if (size == 0)
                        return true;
                answer_problem(request, "invalid_request", NULL, "This address takes no body");
                return false;
        }
        if (media_type_is(request, types[route->body]))
                return true;
        answer_problem(request, "unsupported_media_type", NULL, "The body must have Content-Type: %s", types[route->body]);
        return false;
}

void manager_dispatch(Manager *m, HttpRequest *request)
{
        const char *path = http_request_path(request);
        char parameter[PARAMETER_MAX];
        RouteMatch match;

        int r = route_find(api_routes, http_request_method(request), path, &match);
        http_request_set_route(request, match.pattern ? match.pattern : METRICS_NO_ROUTE);

        if (!host_is_ours(m, request)) {
                answer_problem(request, "unknown_host", NULL, "This server is not called so; see Hosts= in rce.conf(5)");
                return;
        }
        if (!origin_is_ours(m, request)) {
                answer_problem(request, "foreign_origin", NULL, "Pages of other sites may not use this server");
                return;
        }
        if (r == -ENOENT) {
                answer_problem(request, "not_found", NULL, "There is nothing at %s", path);
                return;
        }
        if (r < 0) {
                answer_allow(request, match.allow);
                return;
        }
        if (!query_is_known(request, match.route) || !body_is_acceptable(request, match.route))
                return;

        (void) snprintf(parameter, sizeof(parameter), "%.*s", (int) MIN(match.parameter_size, sizeof(parameter)),
                        match.parameter ? match.parameter : "");
        match.route->handle(m, request, match.parameter ? parameter : NULL);
}
