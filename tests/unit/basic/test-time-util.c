/* SPDX-License-Identifier: Apache-2.0 */
#include "basic/time-util.h"

#include "tests/unit/test.h"

static void monotonic_clock_does_not_go_back(void **state)
{
        struct timespec ts;
        usec_t before = now_usec(CLOCK_MONOTONIC);

        assert_int_equal(clock_gettime(CLOCK_MONOTONIC, &ts), 0);
        usec_t between = (usec_t) ts.tv_sec * 1000000 + (usec_t) ts.tv_nsec / 1000;

        assert_true(before > 0);
        assert_true(before <= between);
        assert_true(between <= now_usec(CLOCK_MONOTONIC));
}

static void clock_that_does_not_exist_is_zero(void **state)
{
        assert_int_equal(now_usec((clockid_t) 9999), 0);
}

static void sum_beyond_the_last_microsecond_is_infinity(void **state)
{
        assert_true(usec_add(0, 0) == 0);
        assert_true(usec_add(1, 2) == 3);
        assert_true(usec_add(USEC_INFINITY - 1, 1) == USEC_INFINITY);
        assert_true(usec_add(USEC_INFINITY, 0) == USEC_INFINITY);
        assert_true(usec_add(USEC_INFINITY, 1) == USEC_INFINITY);
        assert_true(usec_add(2, USEC_INFINITY - 1) == USEC_INFINITY);
        assert_true(usec_add(USEC_INFINITY, USEC_INFINITY) == USEC_INFINITY);
}

static void timespans_are_written_for_people(void **state)
{
        static const struct {
                usec_t usec;
                const char *text;
        } table[] = {
                { 0, "0us" },
                { 1, "1us" },
                { 999, "999us" },
                { 1000, "1ms" },
                { 56789, "56ms" },
                { 999999, "999ms" },
                { 1000000, "1s" },
                { 1234567, "1.234s" },
                { 10 * USEC_PER_SEC, "10s" },
                { 5 * USEC_PER_MINUTE, "300s" },
                { USEC_INFINITY - 1, "18446744073709.551s" },
                { USEC_INFINITY, "infinity" },
        };

        for (size_t i = 0; i < ELEMENTSOF(table); i++) {
                char buf[TIMESPAN_MAX];

                assert_ptr_equal(format_timespan(buf, table[i].usec), buf);
                assert_string_equal(buf, table[i].text);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(monotonic_clock_does_not_go_back),
                cmocka_unit_test(clock_that_does_not_exist_is_zero),
                cmocka_unit_test(sum_beyond_the_last_microsecond_is_infinity),
                cmocka_unit_test(timespans_are_written_for_people),
        };

        return cmocka_run_group_tests_name("time-util", tests, NULL, NULL);
}
