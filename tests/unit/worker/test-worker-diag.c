/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/worker-diag.h"

#include <stdarg.h>
#include <stdio.h>

#include "basic/log.h"
#include "basic/string-util.h"
#include "tests/unit/test.h"

#define SECRET "what the program wrote"

/* The last message. */
static struct {
        int level;
        char text[1024];
        char **fields;
} said;

int __wrap_log_fields(int level, int error, char *const *fields, const char *format, ...) _printf_(4, 5);

int __wrap_log_fields(int level, int error, char *const *fields, const char *format, ...)
{
        va_list ap;

        strv_free(said.fields);
        said.level = level;
        said.fields = strv_copy(fields);
        va_start(ap, format);
        vsnprintf(said.text, sizeof(said.text), format, ap);
        va_end(ap);
        return 0;
}

static int forget(void **state)
{
        said.fields = strv_free(said.fields);
        return 0;
}

static const JobId id = { .bytes = { 1 } };
static const WorkerDiag job = { "here/1", &id, 2, "python", "somebody" };

static bool has(const char *field)
{
        return strv_contains(said.fields, field);
}

static bool has_message_id(void)
{
        STRV_FOREACH(f, said.fields)
                if (startswith(*f, "MESSAGE_ID="))
                        return true;
        return false;
}

static void assert_about_job(void)
{
        char text[JOB_ID_TEXT_MAX], field[JOB_ID_TEXT_MAX + 16];

        snprintf(field, sizeof(field), "RCE_JOB_ID=%s", job_id_format(text, &id));
        assert_true(has(field));
        assert_true(has("RCE_WORKER=here/1"));
        assert_true(has("RCE_ATTEMPT=2"));
        assert_true(has("RCE_LANGUAGE=python"));
        assert_true(has("RCE_CLIENT=somebody"));
        assert_non_null(strstr(said.text, text));
}

static void every_word_about_a_job_is_found_by_it(void **state)
{
        const JobResult result = { .verdict = JOB_VERDICT_OK, .wall_usec = 1500 };

        worker_diag_claimed(&job);
        assert_about_job();
        worker_diag_finished(&job, &result);
        assert_about_job();
        assert_true(has("RCE_VERDICT=ok"));
        assert_true(has("RCE_DURATION_USEC=1500"));
        worker_diag_given_up(&job);
        assert_about_job();
        assert_true(has("RCE_VERDICT=internal_error"));
        worker_diag_attempt_failed(&job, "no image");
        assert_about_job();
        worker_diag_returned(&job);
        assert_about_job();
        worker_diag_superseded(&job);
        assert_about_job();
        worker_diag_refused(&job, "no such column");
        assert_about_job();
        worker_diag_leftovers(&job, "x.service", -ETIMEDOUT);
        assert_about_job();
        worker_diag_waits(&job, "finished", -ENOTCONN);
        assert_about_job();
}

static void what_is_not_known_yet_is_left_out(void **state)
{
        worker_diag_claimed(&(WorkerDiag){ .worker = "here/1", .job = &id });
        assert_int_equal(strv_length(said.fields), 3);
        assert_true(has_message_id());
}

static void what_a_program_said_is_not_told(void **state)
{
        JobResult result = { .verdict = JOB_VERDICT_REJECTED, .reason = strdup(SECRET) };

        assert_non_null(result.reason);
        assert_int_equal(buffer_append_string(&result.out.bytes, SECRET), 0);
        worker_diag_finished(&job, &result);
        assert_null(strstr(said.text, SECRET));
        STRV_FOREACH(f, said.fields)
                assert_null(strstr(*f, SECRET));
        job_result_done(&result);
}

static void our_own_failures_are_warnings(void **state)
{
        worker_diag_finished(&job, &(JobResult){ .verdict = JOB_VERDICT_RUNTIME_ERROR });
        assert_int_equal(said.level, LOG_INFO);
        worker_diag_finished(&job, &(JobResult){ .verdict = JOB_VERDICT_INTERNAL_ERROR });
        assert_int_equal(said.level, LOG_WARNING);
}

static void a_backend_is_named_with_the_reason(void **state)
{
        worker_diag_backend(&(WorkerDiag){ .worker = "here/1" }, "broker", false, "it is tired");
        assert_string_equal(said.text, "The broker cannot be used: it is tired");
        assert_true(has_message_id());
        worker_diag_backend(&(WorkerDiag){ .worker = "here/1" }, "broker", true, NULL);
        assert_string_equal(said.text, "The broker can be used");
        worker_diag_backend(&(WorkerDiag){ .worker = "here/1" }, "broker", false, NULL);
        assert_string_equal(said.text, "The broker cannot be used: ");
}

static void others_may_say_theirs_with_the_same_fields(void **state)
{
        _cleanup_(strv_freep) char **fields = NULL;

        assert_int_equal(worker_diag_fields(&job, &fields), 0);
        worker_diag_leftovers(&job, "x.service", -ETIMEDOUT);
        assert_int_equal(strv_length(fields), strv_length(said.fields));
        STRV_FOREACH(f, fields)
                assert_true(has(*f));
}

static void a_long_value_is_cut(void **state)
{
        char language[1000];

        memset(language, 'x', sizeof(language) - 1);
        language[sizeof(language) - 1] = '\0';
        worker_diag_returned(&(WorkerDiag){ .worker = "here/1", .job = &id, .language = language });
        STRV_FOREACH(f, said.fields)
                assert_true(strlen(*f) < 256);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_teardown(every_word_about_a_job_is_found_by_it, forget),
                cmocka_unit_test_teardown(what_is_not_known_yet_is_left_out, forget),
                cmocka_unit_test_teardown(what_a_program_said_is_not_told, forget),
                cmocka_unit_test_teardown(our_own_failures_are_warnings, forget),
                cmocka_unit_test_teardown(a_backend_is_named_with_the_reason, forget),
                cmocka_unit_test_teardown(others_may_say_theirs_with_the_same_fields, forget),
                cmocka_unit_test_teardown(a_long_value_is_cut, forget),
        };

        return cmocka_run_group_tests_name("worker-diag", tests, NULL, NULL);
}
