/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/result-view.h"

#include "basic/string-util.h"
#include "ctl/ctl.h"
#include "shared/json-util.h"
#include "tests/unit/test.h"

bool arg_quiet, arg_json;

bool ctl_colour(int fd)
{
        return false;
}

static const struct {
        const char *job, *line;
} rows[] = {
        { "{\"verdict\":\"ok\",\"exit_code\":0,\"signal\":null,\"wall_usec\":41000,\"cpu_usec\":32000,"
          "\"memory_peak_bytes\":9542042,\"reason\":null}",
          "ok: exit 0, 41ms wall, 32ms cpu, 9.1M memory" },
        { "{\"verdict\":\"signalled\",\"exit_code\":null,\"signal\":\"SIGSEGV\",\"wall_usec\":1,\"cpu_usec\":1}",
          "signalled: SIGSEGV, 1us wall, 1us cpu, 0.0M memory" },
        { "{\"verdict\":\"signalled\",\"signal\":\"64\",\"wall_usec\":1,\"cpu_usec\":1}",
          "signalled: signal 64, 1us wall, 1us cpu, 0.0M memory" },
        { "{\"verdict\":\"time_limit\",\"signal\":\"SIGKILL\",\"wall_usec\":2000000,\"cpu_usec\":1,\"reason\":\"Too slow\"}",
          "time_limit: SIGKILL, 2s wall, 1us cpu, 0.0M memory. Too slow" },
        { "{\"verdict\":\"cancelled\",\"exit_code\":null,\"wall_usec\":null}", "cancelled" },
        { "{\"verdict\":\"internal_error\",\"reason\":\"No \\u001b[0mimage\"}", "internal_error: No \\x1b[0mimage" },
};

static void a_job_is_told_in_one_line(void **state)
{
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_(json_putp) struct json_object *job = json_tokener_parse(rows[i].job);
                JobResult result = { 0 };

                assert_row(job && result_from_json(job, &result) == 0, rows[i].job);
                _cleanup_(freep) char *line = result_format(&result, false);
                if (!streq(line, rows[i].line))
                        fail_msg("'%s' is not '%s'", line, rows[i].line);
                job_result_done(&result);
        }
}

static void one_that_has_not_ended_has_no_result(void **state)
{
        static const char *const jobs[] = { "{}", "{\"verdict\":null}", "{\"verdict\":\"fine\"}" };

        for (size_t i = 0; i < ELEMENTSOF(jobs); i++) {
                _cleanup_(json_putp) struct json_object *job = json_tokener_parse(jobs[i]);
                JobResult result = { .wall_usec = UNTOUCHED };

                assert_row(result_from_json(job, &result) == -EBADMSG, jobs[i]);
                assert_true(result.wall_usec == UNTOUCHED);
        }
}

static void only_colours_add_to_the_line(void **state)
{
        const JobResult good = { .exit_code = 0 }, bad = { .verdict = JOB_VERDICT_CANCELLED, .exit_code = -1 };
        _cleanup_(freep) char *green = result_format(&good, true), *red = result_format(&bad, true);

        assert_string_equal(green, "\x1b[32mok\x1b[0m: exit 0");
        assert_string_equal(red, "\x1b[31mcancelled\x1b[0m");
}

static void findings_are_safe_for_a_terminal(void **state)
{
        _cleanup_(json_putp) struct json_object *job = json_tokener_parse(
                "{\"diagnostics\":{\"truncated\":true,\"diagnostics\":["
                "{\"line\":3,\"column\":8,\"name\":\"os\\u001b\",\"reason\":\"No.\",\"code\":\"forbidden-import\"},"
                "{\"line\":4,\"column\":1,\"name\":\"eval\",\"reason\":\"Never.\",\"code\":null}]}}");
        char text[512] = "";
        FILE *f = fmemopen(text, sizeof(text), "w");
        size_t n;
        bool more;

        assert_non_null(f);
        assert_int_equal(result_print_findings(job, "a\tb.py", f, &n, &more), 0);
        assert_int_equal(fclose(f), 0);
        assert_string_equal(text, "a\\x09b.py:3:8: error: os\\x1b: No. [forbidden-import]\n"
                                  "a\\x09b.py:4:1: error: eval: Never.\n");
        assert_int_equal(n, 2);
        assert_true(more);
}

static void without_findings_there_are_none(void **state)
{
        static const char *const jobs[] = { "{}", "{\"diagnostics\":null}", "{\"diagnostics\":[]}",
                                            "{\"diagnostics\":{\"diagnostics\":7}}" };

        for (size_t i = 0; i < ELEMENTSOF(jobs); i++) {
                _cleanup_(json_putp) struct json_object *job = json_tokener_parse(jobs[i]);
                bool more = true;
                size_t n = 7;

                assert_row(result_print_findings(job, "x", stderr, &n, &more) == 0 && n == 0 && !more, jobs[i]);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_job_is_told_in_one_line),
                cmocka_unit_test(one_that_has_not_ended_has_no_result),
                cmocka_unit_test(only_colours_add_to_the_line),
                cmocka_unit_test(findings_are_safe_for_a_terminal),
                cmocka_unit_test(without_findings_there_are_none),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
