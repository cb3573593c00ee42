/* SPDX-License-Identifier: Apache-2.0 */
#include "job/result.h"

#include <signal.h>

#include "shared/json-util.h"
#include "tests/unit/test.h"

static void verdicts_have_stable_names(void **state)
{
        static const char *const names[_JOB_VERDICT_MAX] = {
                [JOB_VERDICT_OK] = "ok",
                [JOB_VERDICT_WRONG_ANSWER] = "wrong_answer",
                [JOB_VERDICT_COMPILE_ERROR] = "compile_error",
                [JOB_VERDICT_RUNTIME_ERROR] = "runtime_error",
                [JOB_VERDICT_SIGNALLED] = "signalled",
                [JOB_VERDICT_TIME_LIMIT] = "time_limit",
                [JOB_VERDICT_MEMORY_LIMIT] = "memory_limit",
                [JOB_VERDICT_OUTPUT_LIMIT] = "output_limit",
                [JOB_VERDICT_REJECTED] = "rejected",
                [JOB_VERDICT_CANCELLED] = "cancelled",
                [JOB_VERDICT_INTERNAL_ERROR] = "internal_error",
        };

        for (int i = 0; i < _JOB_VERDICT_MAX; i++) {
                assert_string_equal(job_verdict_to_string((JobVerdict) i), names[i]);
                assert_int_equal(job_verdict_from_string(names[i]), i);
        }
        assert_null(job_verdict_to_string(_JOB_VERDICT_MAX));
        assert_null(job_verdict_to_string((JobVerdict) -1));
        assert_int_equal(job_verdict_from_string("OK"), -EINVAL);
        assert_int_equal(job_verdict_from_string(""), -EINVAL);
}

/* The document's member as it stands in the text. */
static void assert_member(const JobResult *r, const char *key, const char *expected)
{
        _cleanup_(json_putp) struct json_object *o = NULL;
        struct json_object *value;

        assert_int_equal(job_result_to_json(r, &o), 0);
        assert_true(json_object_object_get_ex(o, key, &value));
        assert_string_equal(json_object_to_json_string_ext(value, JSON_C_TO_STRING_PLAIN), expected);
}

static void result_that_says_nothing_is_whole(void **state)
{
        _cleanup_(json_putp) struct json_object *o = NULL;
        JobResult r = { 0 };

        assert_int_equal(job_result_to_json(&r, &o), 0);
        assert_string_equal(
                        json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN),
                        "{\"verdict\":\"ok\",\"exit_code\":0,\"signal\":null,\"wall_usec\":0,\"cpu_usec\":0,"
                        "\"memory_peak_bytes\":0,\"memory_peak_source\":\"cgroup\","
                        "\"stdout\":\"\",\"stdout_encoding\":\"utf-8\",\"stdout_truncated\":false,"
                        "\"stderr\":\"\",\"stderr_encoding\":\"utf-8\",\"stderr_truncated\":false,\"reason\":null}");
}

static void numbers_and_reason_are_passed_on(void **state)
{
        JobResult r = {
                .verdict = JOB_VERDICT_TIME_LIMIT,
                .exit_code = -1,
                .wall_usec = 10000001,
                .cpu_usec = UINT64_MAX,
                .memory_peak_bytes = UINT64_C(1) << 40,
                .memory_peak_is_rss = true,
                .reason = (char *) "It took \"too\" long",
        };

        assert_member(&r, "verdict", "\"time_limit\"");
        assert_member(&r, "exit_code", "null");
        assert_member(&r, "wall_usec", "10000001");
        assert_member(&r, "cpu_usec", "18446744073709551615");
        assert_member(&r, "memory_peak_bytes", "1099511627776");
        assert_member(&r, "memory_peak_source", "\"rss\"");
        assert_member(&r, "reason", "\"It took \\\"too\\\" long\"");
        r.exit_code = 255;
        assert_member(&r, "exit_code", "255");
}

static void signals_have_their_names(void **state)
{
        static const struct {
                int signal;
                const char *expected;
        } table[] = {
                { 0, "null" },
                { -1, "null" },
                { SIGSEGV, "\"SIGSEGV\"" },
                { SIGKILL, "\"SIGKILL\"" },
                { SIGXCPU, "\"SIGXCPU\"" },
                { SIGABRT, "\"SIGABRT\"" },
                { SIGSYS, "\"SIGSYS\"" },
                { SIGPIPE, "\"SIGPIPE\"" },
                { 40, "\"40\"" },
                { 64, "\"64\"" },
                { 1000, "\"1000\"" },
        };

        for (size_t i = 0; i < ELEMENTSOF(table); i++) {
                JobResult r = { .signal = table[i].signal };

                assert_member(&r, "signal", table[i].expected);
        }
}

static void output_is_bytes_and_says_how_they_are_written(void **state)
{
        JobResult r = { 0 };

        assert_int_equal(buffer_append(&r.out.bytes, "gr\xc3\xbc\xc3\x9f\0\n", 8), 0);
        assert_int_equal(buffer_append(&r.err.bytes, "\xff\0", 2), 0);
        r.out.truncated = true;
        assert_member(&r, "stdout", "\"gr\xc3\xbc\xc3\x9f\\u0000\\n\"");
        assert_member(&r, "stdout_encoding", "\"utf-8\"");
        assert_member(&r, "stdout_truncated", "true");
        assert_member(&r, "stderr", "\"\\/wA=\"");
        assert_member(&r, "stderr_encoding", "\"base64\"");
        assert_member(&r, "stderr_truncated", "false");

        r.err.truncated = true;
        assert_member(&r, "stderr_truncated", "true");
        job_result_done(&r);
}

static void output_cut_inside_a_character_is_kept_byte_by_byte(void **state)
{
        JobResult r = { 0 };

        assert_int_equal(buffer_append(&r.out.bytes, "a\xe2\x82", 3), 0);
        assert_member(&r, "stdout", "\"YeKC\"");
        assert_member(&r, "stdout_encoding", "\"base64\"");
        job_result_done(&r);
}

static void released_result_can_be_released_again(void **state)
{
        JobResult r = { .reason = strdup("x") };

        assert_int_equal(buffer_append(&r.out.bytes, "x", 1), 0);
        assert_int_equal(buffer_append(&r.err.bytes, "y", 1), 0);
        job_result_done(&r);
        assert_null(r.reason);
        assert_int_equal(r.out.bytes.size, 0);
        assert_int_equal(r.err.bytes.size, 0);
        job_result_done(&r);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(verdicts_have_stable_names),
                cmocka_unit_test(result_that_says_nothing_is_whole),
                cmocka_unit_test(numbers_and_reason_are_passed_on),
                cmocka_unit_test(signals_have_their_names),
                cmocka_unit_test(output_is_bytes_and_says_how_they_are_written),
                cmocka_unit_test(output_cut_inside_a_character_is_kept_byte_by_byte),
                cmocka_unit_test(released_result_can_be_released_again),
        };

        return cmocka_run_group_tests_name("result", tests, NULL, NULL);
}
