/* SPDX-License-Identifier: Apache-2.0 */
#include "api/api-route.h"

#include <string.h>

#include "tests/unit/test.h"

static const Route routes[] = {
        { .method = "POST", .pattern = "/v1/jobs", .body = ROUTE_BODY_JSON, .query = "wait" },
        { .method = "GET", .pattern = "/v1/jobs", .query = "state language cursor" },
        { .method = "GET", .pattern = "/v1/jobs/{id}" },
        { .method = "DELETE", .pattern = "/v1/jobs/{id}", .query = "purge" },
        { .method = "GET", .pattern = "/v1/jobs/{id}/stdout" },
        { .method = "GET", .pattern = "/v1/jobs/{id}/stream", .websocket = true },
        { .method = "GET", .pattern = "/" },
        { 0 },
};

static void assert_found(const char *method, const char *path, const char *pattern, const char *parameter)
{
        RouteMatch match;

        assert_row(route_find(routes, method, path, &match) == 0, path);
        assert_string_equal(match.route->pattern, pattern);
        assert_string_equal(match.pattern, pattern);
        if (!parameter) {
                assert_null(match.parameter);
                return;
        }
        assert_int_equal(match.parameter_size, strlen(parameter));
        assert_memory_equal(match.parameter, parameter, match.parameter_size);
}

static void each_address_has_its_handler(void **state)
{
        assert_found("GET", "/", "/", NULL);
        assert_found("POST", "/v1/jobs", "/v1/jobs", NULL);
        assert_found("GET", "/v1/jobs", "/v1/jobs", NULL);
        assert_found("GET", "/v1/jobs/x", "/v1/jobs/{id}", "x");
        assert_found("DELETE", "/v1/jobs/a-b", "/v1/jobs/{id}", "a-b");
        assert_found("GET", "/v1/jobs/x/stdout", "/v1/jobs/{id}/stdout", "x");
        assert_found("GET", "/v1/jobs/x/stream", "/v1/jobs/{id}/stream", "x");
}

static void head_is_answered_by_get(void **state)
{
        assert_found("HEAD", "/v1/jobs/x", "/v1/jobs/{id}", "x");
}

static void what_is_not_exactly_there_is_not_there(void **state)
{
        static const char *const paths[] = { "", "/v1", "/v1/", "/v1/jobs/", "/v1/jobs//stdout", "//v1/jobs", "/v1/jobs/x/",
                                             "/V1/jobs", "/v1/jobs/x/stdou", "/v1/jobs/x/stdoutt", "/v1/jobs/x/y" };

        for (size_t i = 0; i < ELEMENTSOF(paths); i++) {
                RouteMatch match;

                assert_row(route_find(routes, "GET", paths[i], &match) == -ENOENT, paths[i]);
                assert_row(!match.pattern, paths[i]);
        }
}

static void wrong_method_is_told_the_right_ones(void **state)
{
        RouteMatch match;

        assert_int_equal(route_find(routes, "PUT", "/v1/jobs", &match), -EOPNOTSUPP);
        assert_string_equal(match.allow, "POST, GET, HEAD");
        assert_string_equal(match.pattern, "/v1/jobs");
        assert_int_equal(route_find(routes, "post", "/v1/jobs", &match), -EOPNOTSUPP);
        assert_int_equal(route_find(routes, "POST", "/v1/jobs/x", &match), -EOPNOTSUPP);
        assert_string_equal(match.allow, "GET, HEAD, DELETE");

        /* What becomes a WebSocket has no head. */
        assert_int_equal(route_find(routes, "HEAD", "/v1/jobs/x/stream", &match), -EOPNOTSUPP);
        assert_string_equal(match.allow, "GET");
}

static void parameters_are_known_by_their_whole_name(void **state)
{
        assert_true(route_knows_query(&routes[1], "state"));
        assert_true(route_knows_query(&routes[1], "language"));
        assert_true(route_knows_query(&routes[1], "cursor"));
        assert_false(route_knows_query(&routes[1], "curso"));
        assert_false(route_knows_query(&routes[1], "tate"));
        assert_false(route_knows_query(&routes[1], "state language"));
        assert_false(route_knows_query(&routes[1], ""));
        assert_false(route_knows_query(&routes[2], "state"));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(each_address_has_its_handler),
                cmocka_unit_test(head_is_answered_by_get),
                cmocka_unit_test(what_is_not_exactly_there_is_not_there),
                cmocka_unit_test(wrong_method_is_told_the_right_ones),
                cmocka_unit_test(parameters_are_known_by_their_whole_name),
        };

        return cmocka_run_group_tests_name("api-route", tests, NULL, NULL);
}
