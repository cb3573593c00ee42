/* SPDX-License-Identifier: Apache-2.0 */
#include "api/api-problem.h"

#include <string.h>

#include "basic/memory.h"
#include "basic/string-util.h"
#include "tests/unit/test.h"

static char *rendered(const Problem *problem)
{
        char *text = NULL;
        size_t size = 0;

        assert_int_equal(problem_render(problem, &text, &size), 0);
        assert_int_equal(size, strlen(text));
        return text;
}

static void document_says_all_that_is_known(void **state)
{
        const Problem problem = { 400, "invalid_request", "args[2]", "args[2] must be a \"string\"", "r-1" };
        _cleanup_(freep) char *text = rendered(&problem);

        assert_string_equal(text, "{\"type\":\"about:blank\",\"title\":\"Bad Request\",\"status\":400,"
                                  "\"code\":\"invalid_request\",\"detail\":\"args[2] must be a \\\"string\\\"\","
                                  "\"field\":\"args[2]\",\"request_id\":\"r-1\"}\n");
}

static void what_is_not_known_is_left_out(void **state)
{
        const Problem problem = { .status = 404, .code = "not_found" };
        _cleanup_(freep) char *text = rendered(&problem);

        assert_string_equal(text,
                            "{\"type\":\"about:blank\",\"title\":\"Not Found\",\"status\":404,\"code\":\"not_found\"}\n");
}

static void detail_that_is_not_utf8_becomes_printable(void **state)
{
        const Problem problem = { .status = 400, .code = "invalid_request", .field = "env.\xc3", .detail = "\xff!" };
        _cleanup_(freep) char *text = rendered(&problem);

        assert_non_null(strstr(text, "\"detail\":\"\\\\xff!\""));
        assert_non_null(strstr(text, "\"field\":\"env.\\\\xc3\""));
}

static void every_code_is_there_once_with_a_known_status(void **state)
{
        assert_true(n_problem_types > 20);
        for (size_t i = 0; i < n_problem_types; i++) {
                const ProblemType *type = &problem_types[i];

                assert_ptr_equal(problem_find(type->code), type);
                assert_row(!streq(problem_status_phrase(type->status), "Error"), type->code);
                assert_row(type->status != 503 || type->retry_after_sec > 0, type->code);
                assert_row(type->status >= 500 || type->retry_after_sec == 0, type->code);
        }
        assert_null(problem_find("no_such_code"));
}

static void every_fault_is_a_problem(void **state)
{
        for (FaultCode i = 0; i < _FAULT_CODE_MAX; i++)
                assert_row(problem_find(fault_code_to_string(i)), fault_code_to_string(i));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(document_says_all_that_is_known),
                cmocka_unit_test(what_is_not_known_is_left_out),
                cmocka_unit_test(detail_that_is_not_utf8_becomes_printable),
                cmocka_unit_test(every_code_is_there_once_with_a_known_status),
                cmocka_unit_test(every_fault_is_a_problem),
        };

        return cmocka_run_group_tests_name("api-problem", tests, NULL, NULL);
}
