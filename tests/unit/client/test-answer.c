/* SPDX-License-Identifier: Apache-2.0 */
#include "client/answer.h"

#include "basic/string-util.h"
#include "tests/unit/test.h"

static void fill(Answer *a, long status, const char *body)
{
        const HttpAnswer http = { .status = status, .body = { .data = (char *) body, .size = strlen(body) } };

        assert_int_equal(answer_fill(a, 0, &http, ""), 0);
}

static void assert_explained(const Answer *a, const char *expected)
{
        _cleanup_(freep) char *text = answer_explain(a);

        assert_string_equal(text, expected);
}

static void a_document_is_one(void **state)
{
        _cleanup_(answer_done) Answer a = { 0 };

        fill(&a, 202, "{\"id\":\"x\"}\n");
        assert_true(answer_ok(&a));
        assert_non_null(a.document);
        assert_null(answer_code(&a));
        answer_done(&a);

        fill(&a, 204, "");
        assert_true(answer_ok(&a));
        assert_null(a.document);
}

static void a_problem_says_what_it_is(void **state)
{
        _cleanup_(answer_done) Answer a = { 0 };

        fill(&a, 404, "{\"title\":\"Not Found\",\"status\":404,\"code\":\"unknown_job\",\"detail\":\"No \\u001b[31mjob\"}");
        assert_false(answer_ok(&a));
        assert_false(answer_is_transient(&a));
        assert_string_equal(answer_code(&a), "unknown_job");
        assert_explained(&a, "No \\x1b[31mjob");
}

static void what_says_nothing_is_a_number(void **state)
{
        _cleanup_(answer_done) Answer a = { 0 };

        fill(&a, 502, "<html>Bad gateway</html>");
        assert_int_equal(a.error, 0);
        assert_true(answer_is_transient(&a));
        assert_null(answer_code(&a));
        assert_explained(&a, "The server answered 502");
        answer_done(&a);

        fill(&a, 409, "[\"code\"]");
        assert_null(answer_code(&a));
        assert_explained(&a, "The server answered 409");
        answer_done(&a);

        fill(&a, 409, "{\"code\":7,\"title\":\"Conflict\"}");
        assert_null(answer_code(&a));
        assert_explained(&a, "The server answered 409 Conflict");
}

static void a_page_is_no_answer_of_ours(void **state)
{
        static const char *const pages[] = { "<html>It works!</html>", "{\"id\":", "nothing" };

        for (size_t i = 0; i < ELEMENTSOF(pages); i++) {
                _cleanup_(answer_done) Answer a = { 0 };

                fill(&a, 200, pages[i]);
                assert_row(a.error == -EBADMSG && !answer_ok(&a) && !a.document, pages[i]);
        }
}

static void no_answer_has_its_reason(void **state)
{
        _cleanup_(answer_done) Answer a = { 0 };
        const HttpAnswer http = { 0 };

        assert_int_equal(answer_fill(&a, -ECONNRESET, &http, "Connection reset by peer"), 0);
        assert_false(answer_ok(&a));
        assert_true(answer_is_transient(&a));
        assert_explained(&a, "Connection reset by peer");
        answer_done(&a);

        assert_int_equal(answer_fill(&a, -ECONNREFUSED, &http, NULL), 0);
        assert_false(answer_is_transient(&a));
        assert_explained(&a, "Connection refused");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_document_is_one),
                cmocka_unit_test(a_problem_says_what_it_is),
                cmocka_unit_test(what_says_nothing_is_a_number),
                cmocka_unit_test(a_page_is_no_answer_of_ours),
                cmocka_unit_test(no_answer_has_its_reason),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
