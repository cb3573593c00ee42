/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Which address does what. Pure: the table is data, and finding something in it touches nothing else. */

#include "basic/macro.h"

typedef struct HttpRequest HttpRequest;
typedef struct Manager Manager;

typedef enum RouteBody {
        ROUTE_BODY_NONE,                 /* one is refused */
        ROUTE_BODY_JSON,
        ROUTE_BODY_FORM,
} RouteBody;

/* The pattern's "{id}" stands for one segment of the path, which the handler gets; NULL when there is none. */
typedef struct Route {
        const char *method;
        const char *pattern;             /* also the name of the route in metrics */
        RouteBody body;
        const char *query;               /* the parameters it knows, separated by spaces; NULL: none */
        bool websocket;                  /* a GET that wants to become one */
        void (*handle)(Manager *m, HttpRequest *request, const char *parameter);
} Route;

#define ROUTE_ALLOW_MAX 64

typedef struct RouteMatch {
        const Route *route;
        const char *parameter;           /* points into the path, ends with parameter_size */
        size_t parameter_size;
        const char *pattern;             /* of the address, whatever the method; NULL: it is no address */
        char allow[ROUTE_ALLOW_MAX];     /* "DELETE, GET, HEAD"; the methods of the address */
} RouteMatch;

/* The table ends with a route without a method. HEAD is answered by GET. 0, -ENOENT for an unknown address, -EOPNOTSUPP for
 * a method it does not have (pattern and allow are set then). */
int route_find(const Route *routes, const char *method, const char *path, RouteMatch *ret);

/* Whether the route knows a parameter of that name. */
bool route_knows_query(const Route *route, const char *name);
