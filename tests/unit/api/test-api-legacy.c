/* SPDX-License-Identifier: Apache-2.0 */
#include "api/api-legacy.h"

#include <string.h>

#include "basic/utf8.h"
#include "tests/unit/test.h"

static void states_have_their_old_names(void **state)
{
        assert_string_equal(legacy_status(JOB_STATE_QUEUED, JOB_VERDICT_OK), "QUEUED");
        assert_string_equal(legacy_status(JOB_STATE_RUNNING, JOB_VERDICT_OK), "PROCESSING");
        assert_string_equal(legacy_status(JOB_STATE_FINISHED, JOB_VERDICT_OK), "COMPLETED");
        assert_string_equal(legacy_status(JOB_STATE_FINISHED, JOB_VERDICT_RUNTIME_ERROR), "FAILED");
        assert_string_equal(legacy_status(JOB_STATE_CANCELLED, JOB_VERDICT_CANCELLED), "FAILED");
}

static void logs_are_text(void **state)
{
        _cleanup_(buffer_done) Buffer logs = { 0 };

        assert_int_equal(legacy_logs_append(&logs, "", 0), 0);
        assert_int_equal(legacy_logs_append(&logs, "a\xff\xfe" "b\xc3", 5), 0);
        assert_int_equal(legacy_logs_append(&logs, "\xc3\xa4", 2), 0);
        assert_string_equal(logs.data, "a\xef\xbf\xbd\xef\xbf\xbd" "b\xef\xbf\xbd\xc3\xa4");
}

static void long_logs_are_cut_once_and_between_characters(void **state)
{
        _cleanup_(buffer_done) Buffer logs = { 0 };

        for (size_t i = 0; i < LEGACY_LOGS_MAX / 2; i++)
                assert_int_equal(legacy_logs_append(&logs, "\xe2\x82\xac", 3), 0);
        assert_true(logs.size <= LEGACY_LOGS_MAX + 16);
        assert_true(utf8_is_valid(logs.data, logs.size, NULL));
        assert_string_equal(logs.data + logs.size - 7, "\n[cut]\n");
        assert_null(strstr(strstr(logs.data, "[cut]") + 1, "[cut]"));

        size_t size = logs.size;
        assert_int_equal(legacy_logs_append(&logs, "more", 4), 0);
        assert_int_equal(logs.size, size);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(states_have_their_old_names),
                cmocka_unit_test(logs_are_text),
                cmocka_unit_test(long_logs_are_cut_once_and_between_characters),
        };

        return cmocka_run_group_tests_name("api-legacy", tests, NULL, NULL);
}
