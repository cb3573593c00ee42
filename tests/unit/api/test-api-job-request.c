/* SPDX-License-Identifier: Apache-2.0 */
#include "api/api-job-request.h"

#include <string.h>

#include "basic/string-util.h"
#include "tests/unit/fault-check.h"
#include "tests/unit/test.h"

static void everything_is_understood(void **state)
{
        static const char body[] =
                "{\"language\":\"python\",\"source\":\"print(1)\\u0000\",\"stdin\":\"AP8=\",\"stdin_encoding\":\"base64\","
                "\"args\":[\"a\",\"\"],\"env\":{\"A\":\"b=c\"},\"limits\":{\"memory_bytes\":1048576,\"processes\":2,"
                "\"cpu_percent\":50,\"wall_usec\":3,\"cpu_usec\":4,\"output_bytes\":5},\"lint\":\"strict\","
                "\"priority\":\"high\",\"tags\":{\"course\":\"101\"}}";
        _cleanup_(job_request_done) JobRequest q = JOB_REQUEST_INIT;
        _cleanup_(fault_done) Fault fault = { 0 };

        assert_int_equal(job_request_parse(body, strlen(body), &q, &fault), 0);
        fault_check_none(&fault);
        assert_string_equal(q.spec.language, "python");
        assert_int_equal(q.source_size, 9);
        assert_memory_equal(q.source, "print(1)", 9);
        assert_int_equal(q.spec.stdin_size, 2);
        assert_memory_equal(q.spec.stdin_data, "\0\xff", 2);
        assert_int_equal(strv_length(q.spec.arguments), 2);
        assert_string_equal(q.spec.arguments[0], "a");
        assert_string_equal(q.spec.environment[0], "A=b=c");
        assert_string_equal(q.spec.tags[0], "course=101");
        assert_string_equal(q.spec.lint, "strict");
        assert_int_equal(q.spec.priority, JOB_PRIORITY_HIGH);
        assert_true(q.spec.limits.memory_bytes == 1048576);
        assert_true(q.spec.limits.processes == 2);
        assert_true(q.spec.limits.cpu_percent == 50);
        assert_true(q.spec.limits.wall_usec == 3);
        assert_true(q.spec.limits.cpu_usec == 4);
        assert_true(q.spec.limits.output_bytes == 5);
}

static void source_alone_is_enough(void **state)
{
        static const char body[] = " { \"source\" : \"\" } ";
        _cleanup_(job_request_done) JobRequest q = JOB_REQUEST_INIT;

        assert_int_equal(job_request_parse(body, strlen(body), &q, NULL), 0);
        assert_null(q.spec.language);
        assert_null(q.spec.stdin_data);
        assert_int_equal(q.spec.priority, JOB_PRIORITY_NORMAL);
        assert_int_equal(q.source_size, 0);
}

static void each_mistake_names_its_field(void **state)
{
        static const struct {
                const char *body, *field, *words;
        } rows[] = {
                { "{}", "source", "missing" },
                { "[]", NULL, "object" },
                { "\"source\"", NULL, "object" },
                { "null ", NULL, "object" },
                { "{\"source\":1}", "source", "string" },
                { "{\"source\":null}", "source", "string" },
                { "{\"source\":[\"x\"]}", "source", "string" },
                { "{\"source\":\"x\",\"colour\":1}", "colour", "no member" },
                { "{\"source\":\"x\",\"Source\":\"y\"}", "Source", "no member" },
                { "{\"source\":\"x\",\"language\":null}", "language", "string" },
                { "{\"source\":\"x\",\"language\":\"a\\u0000b\"}", "language", "NUL" },
                { "{\"source\":\"x\",\"stdin\":7}", "stdin", "string" },
                { "{\"source\":\"x\",\"stdin\":\"A\",\"stdin_encoding\":\"base64\"}", "stdin", "base64" },
                { "{\"source\":\"x\",\"stdin_encoding\":\"hex\"}", "stdin_encoding", "utf-8 or base64" },
                { "{\"source\":\"x\",\"args\":\"a\"}", "args", "array" },
                { "{\"source\":\"x\",\"args\":{}}", "args", "array" },
                { "{\"source\":\"x\",\"args\":[\"a\",1]}", "args[1]", "string" },
                { "{\"source\":\"x\",\"args\":[\"\\u0000\"]}", "args[0]", "NUL" },
                { "{\"source\":\"x\",\"env\":[]}", "env", "object" },
                { "{\"source\":\"x\",\"env\":{\"A\":1}}", "env.A", "string" },
                { "{\"source\":\"x\",\"env\":{\"A=\":\"b\"}}", "env.A=", "name" },
                { "{\"source\":\"x\",\"env\":{\"\":\"b\"}}", "env.", "name" },
                { "{\"source\":\"x\",\"tags\":{\"t\":{}}}", "tags.t", "string" },
                { "{\"source\":\"x\",\"limits\":1}", "limits", "object" },
                { "{\"source\":\"x\",\"limits\":{\"memory\":\"1M\"}}", "limits.memory", "no limit" },
                { "{\"source\":\"x\",\"limits\":{\"memory_bytes\":\"1\"}}", "limits.memory_bytes", "whole number" },
                { "{\"source\":\"x\",\"limits\":{\"memory_bytes\":0}}", "limits.memory_bytes", "whole number" },
                { "{\"source\":\"x\",\"limits\":{\"memory_bytes\":-1}}", "limits.memory_bytes", "whole number" },
                { "{\"source\":\"x\",\"limits\":{\"memory_bytes\":1.5}}", "limits.memory_bytes", "whole number" },
                { "{\"source\":\"x\",\"limits\":{\"memory_bytes\":true}}", "limits.memory_bytes", "whole number" },
                { "{\"source\":\"x\",\"limits\":{\"memory_bytes\":null}}", "limits.memory_bytes", "whole number" },
                { "{\"source\":\"x\",\"lint\":true}", "lint", "string" },
                { "{\"source\":\"x\",\"priority\":1}", "priority", "string" },
                { "{\"source\":\"x\",\"priority\":\"urgent\"}", "priority", "low, normal or high" },
                { "{\"source\":\"x\",\"files\":[]}", "files", "not supported" },
                { "{\"source\":\"x\",\"tests\":[]}", "tests", "not supported" },
                { "{\"source\":\"x\",\"callback_url\":\"http://x/\"}", "callback_url", "not supported" },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                JobRequest q = JOB_REQUEST_INIT;
                Fault fault = { 0 };

                assert_row(job_request_parse(rows[i].body, strlen(rows[i].body), &q, &fault) == -EBADMSG, rows[i].body);
                assert_row(!q.source, rows[i].body);
                fault_check(&fault, FAULT_INVALID_REQUEST, rows[i].field, rows[i].words);
        }
}

static void what_is_no_json_is_told_apart(void **state)
{
        static const struct {
                const char *body;
                size_t size;
                const char *words;
        } rows[] = {
                { "", 0, "too early" },
                { "{", 1, "too early" },
                { "{\"source\":\"x\"", 13, "too early" },
                { "{\"source\":\"x\"}}", 15, "JSON" },
                { "{\"source\":\"x\"} x", 16, "JSON" },
                { "{'source':'x'}", 14, "JSON" },
                { "{source:1}", 10, "JSON" },
                { "{\"source\":\"x\",}", 15, "JSON" },
                { "{\"source\":\"\xff\"}", 13, "UTF-8" },
                { "{\"source\":\"\xed\xa0\x80\"}", 15, "UTF-8" },
                { "{}\0", 3, "JSON" },
                { "[[[[[[[[[[[[[[]]]]]]]]]]]]]]", 28, "JSON" },
                { "// {}", 5, "JSON" },
                { "source=x", 8, "JSON" },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                JobRequest q = JOB_REQUEST_INIT;
                Fault fault = { 0 };

                assert_row(job_request_parse(rows[i].body, rows[i].size, &q, &fault) == -EPROTO, rows[i].body);
                fault_check(&fault, FAULT_INVALID_REQUEST, NULL, rows[i].words);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(everything_is_understood),
                cmocka_unit_test(source_alone_is_enough),
                cmocka_unit_test(each_mistake_names_its_field),
                cmocka_unit_test(what_is_no_json_is_told_apart),
        };

        return cmocka_run_group_tests_name("api-job-request", tests, NULL, NULL);
}
