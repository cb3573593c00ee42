/* SPDX-License-Identifier: Apache-2.0 */
#include "client/job-event.h"

#include "basic/string-util.h"
#include "tests/unit/test.h"

static int parse(const char *text, JobEvent *ret)
{
        return job_event_parse(text, strlen(text), ret);
}

static void states_and_their_attempts(void **state)
{
        _cleanup_(job_event_done) JobEvent e = { 0 };

        assert_int_equal(parse("{\"type\":\"state\",\"id\":\"x\",\"state\":\"running\",\"attempt\":2,\"new\":1}", &e), 0);
        assert_int_equal(e.type, JOB_EVENT_STATE);
        assert_int_equal(e.state, JOB_STATE_RUNNING);
        assert_int_equal(e.attempt, 2);
}

static void output_is_bytes(void **state)
{
        JobEvent e = { 0 };

        assert_int_equal(parse("{\"type\":\"stdout\",\"attempt\":1,\"offset\":7,\"data\":\"a\\u0000\\u00e9\","
                               "\"encoding\":\"utf-8\"}", &e), 0);
        assert_int_equal(e.type, JOB_EVENT_STDOUT);
        assert_int_equal(e.offset, 7);
        assert_int_equal(e.size, 4);
        assert_memory_equal(e.data, "a\0\xc3\xa9", 4);
        job_event_done(&e);

        assert_int_equal(parse("{\"type\":\"stderr\",\"attempt\":1,\"offset\":0,\"data\":\"/wA=\",\"encoding\":\"base64\"}",
                               &e), 0);
        assert_int_equal(e.type, JOB_EVENT_STDERR);
        assert_int_equal(e.size, 2);
        assert_memory_equal(e.data, "\xff\0", 2);
        job_event_done(&e);
}

static void the_end_and_errors(void **state)
{
        JobEvent e = { 0 };

        assert_int_equal(parse("{\"type\":\"exit\",\"job\":{\"verdict\":\"ok\"}}", &e), 0);
        assert_int_equal(e.type, JOB_EVENT_EXIT);
        assert_non_null(e.job);
        job_event_done(&e);

        assert_int_equal(parse("{\"type\":\"error\",\"code\":\"unavailable\",\"detail\":\"Gone\"}", &e), 0);
        assert_string_equal(e.code, "unavailable");
        assert_string_equal(e.detail, "Gone");
        job_event_done(&e);
}

static void what_is_none_is_refused(void **state)
{
        static const char *const bad[] = {
                "", "{", "[]", "null", "7", "{}", "{\"type\":7}",
                "{\"type\":\"state\",\"state\":\"odd\",\"attempt\":1}",
                "{\"type\":\"state\",\"state\":\"running\"}",
                "{\"type\":\"state\",\"state\":\"running\",\"attempt\":-1}",
                "{\"type\":\"state\",\"state\":\"running\",\"attempt\":4294967296}",
                "{\"type\":\"stdout\",\"attempt\":1,\"offset\":0,\"encoding\":\"utf-8\"}",
                "{\"type\":\"stdout\",\"attempt\":1,\"offset\":0,\"data\":\"x\",\"encoding\":\"rot13\"}",
                "{\"type\":\"stdout\",\"attempt\":1,\"offset\":-1,\"data\":\"x\",\"encoding\":\"utf-8\"}",
                "{\"type\":\"stdout\",\"attempt\":1,\"offset\":0,\"data\":\"x\",\"encoding\":\"base64\"}",
                "{\"type\":\"exit\"}", "{\"type\":\"exit\",\"job\":[]}", "{\"type\":\"error\",\"code\":\"x\"}",
        };

        for (size_t i = 0; i < ELEMENTSOF(bad); i++) {
                JobEvent e = { .size = UNTOUCHED };

                assert_row(parse(bad[i], &e) == -EBADMSG, bad[i]);
                assert_true(e.size == UNTOUCHED);
        }
}

static void what_is_new_is_known_to_be_unknown(void **state)
{
        JobEvent e = { 0 };

        assert_int_equal(parse("{\"type\":\"progress\",\"percent\":7}", &e), -ENOENT);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(states_and_their_attempts),
                cmocka_unit_test(output_is_bytes),
                cmocka_unit_test(the_end_and_errors),
                cmocka_unit_test(what_is_none_is_refused),
                cmocka_unit_test(what_is_new_is_known_to_be_unknown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
