/* SPDX-License-Identifier: Apache-2.0 */
#include "client/client-request.h"

#include "basic/string-util.h"
#include "shared/json-util.h"
#include "tests/unit/test.h"

static void assert_body(const JobSpec *spec, const char *source, const char *expected)
{
        _cleanup_(json_putp) struct json_object *o = NULL;

        assert_int_equal(client_request_of_job(spec, source, strlen(source), &o), 0);
        assert_string_equal(json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN), expected);
}

static void what_is_left_open_is_not_said(void **state)
{
        const JobSpec spec = JOB_SPEC_DEFAULT;

        assert_body(&spec, "print(1)\n", "{\"priority\":\"normal\",\"source\":\"print(1)\\n\"}");
}

static void all_that_is_said_is_sent(void **state)
{
        char *arguments[] = { (char *) "a", (char *) "", NULL }, *environment[] = { (char *) "A=b=c", NULL },
             *tags[] = { (char *) "x=1", NULL };
        JobSpec spec = JOB_SPEC_DEFAULT;

        spec.language = (char *) "python";
        spec.lint = (char *) "strict";
        spec.arguments = arguments;
        spec.environment = environment;
        spec.tags = tags;
        spec.limits.wall_usec = 1500000;
        spec.limits.memory_bytes = 1 << 20;
        spec.priority = JOB_PRIORITY_HIGH;
        spec.stdin_data = (char *) "\xff";
        spec.stdin_size = 1;
        assert_body(&spec, "x",
                    "{\"lint\":\"strict\",\"args\":[\"a\",\"\"],\"env\":{\"A\":\"b=c\"},\"limits\":{\"memory_bytes\":1048576,"
                    "\"wall_usec\":1500000},\"tags\":{\"x\":\"1\"},\"language\":\"python\",\"priority\":\"high\","
                    "\"stdin\":\"\\/w==\",\"stdin_encoding\":\"base64\",\"source\":\"x\"}");
}

static void questions_are_escaped(void **state)
{
        _cleanup_(buffer_done) Buffer b = { 0 };

        assert_int_equal(buffer_append_string(&b, "/v1/jobs"), 0);
        assert_int_equal(client_query_add(&b, "none", NULL), 0);
        assert_int_equal(client_query_add(&b, "a", "x y&z=%"), 0);
        assert_int_equal(client_query_add(&b, "b", "\xc3\xa9-_.~"), 0);
        assert_string_equal(b.data, "/v1/jobs?a=x%20y%26z%3D%25&b=%C3%A9-_.~");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(what_is_left_open_is_not_said),
                cmocka_unit_test(all_that_is_said_is_sent),
                cmocka_unit_test(questions_are_escaped),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
