/* SPDX-License-Identifier: Apache-2.0 */
#include "api/api-route.h"

#include <stdio.h>

#include "basic/string-util.h"

/* Segment by segment, exactly: no empty ones, no slash at the end, nothing resolved. */
static bool path_matches(const char *pattern, const char *path, const char **ret_parameter, size_t *ret_size)
{
        *ret_parameter = NULL;
        *ret_size = 0;

        for (;;) {
                if (*pattern == '{') {
                        size_t n = strcspn(path, "/");

                        if (n == 0)
                                return false;
                        *ret_parameter = path;
                        *ret_size = n;
                        path += n;
                        pattern = strchr(pattern, '}') + 1;
                }
                if (*pattern != *path)
                        return false;
                if (*pattern == '\0')
                        return true;
                pattern++;
                path++;
        }
}

static void allow_add(char allow[static ROUTE_ALLOW_MAX], const char *method)
{
        size_t n = strlen(allow);

        (void) snprintf(allow + n, ROUTE_ALLOW_MAX - n, "%s%s", n > 0 ? ", " : "", method);
}

static bool method_matches(const Route *route, const char *method)
{
        return streq(route->method, method) ||
               (!route->websocket && streq(route->method, "GET") && streq(method, "HEAD"));
}

int route_find(const Route *routes, const char *method, const char *path, RouteMatch *ret)
{
        *ret = (RouteMatch){ 0 };

        for (const Route *route = routes; route->method; route++) {
                const char *parameter;
                size_t size;

                if (!path_matches(route->pattern, path, &parameter, &size))
                        continue;

                ret->pattern = route->pattern;
                allow_add(ret->allow, route->method);
                if (streq(route->method, "GET") && !route->websocket)
                        allow_add(ret->allow, "HEAD");
                if (ret->route || !method_matches(route, method))
                        continue;

                ret->route = route;
                ret->parameter = parameter;
                ret->parameter_size = size;
        }
        if (ret->route)
                return 0;
        return ret->pattern ? -EOPNOTSUPP : -ENOENT;
}

bool route_knows_query(const Route *route, const char *name)
{
        size_t n = strcspn(name, " ");

        if (n == 0 || name[n])
                return false;
        for (const char *p = route->query; p; p = strchr(p, ' ')) {
                p += *p == ' ';
                if (strncmp(p, name, n) == 0 && (p[n] == ' ' || p[n] == '\0'))
                        return true;
        }
        return false;
}
