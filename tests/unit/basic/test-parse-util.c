/* SPDX-License-Identifier: Apache-2.0 */
#include "basic/parse-util.h"

#include "tests/unit/test.h"

/* One way of writing a number, and what comes of it. */
typedef struct Row {
        const char *text;
        int error;
        uint64_t value;
} Row;

static void check_table(const Row *table, size_t n, int (*parse)(const char *s, uint64_t *ret))
{
        for (size_t i = 0; i < n; i++) {
                uint64_t value = UNTOUCHED;
                int r = parse(table[i].text, &value);

                if (r != table[i].error)
                        fail_msg("'%s' gave %d, not %d", table[i].text, r, table[i].error);
                assert_row(value == (r < 0 ? UNTOUCHED : table[i].value), table[i].text);
        }
}

static void truth_has_four_names_in_any_case(void **state)
{
        static const struct {
                const char *text;
                int error;
                bool value;
        } table[] = {
                { "yes", 0, true },      { "true", 0, true },   { "on", 0, true },    { "1", 0, true },
                { "YES", 0, true },      { "On", 0, true },     { "no", 0, false },   { "false", 0, false },
                { "off", 0, false },     { "0", 0, false },     { "False", 0, false }, { "", -EINVAL },
                { "y", -EINVAL },        { "2", -EINVAL },      { " yes", -EINVAL },  { "yes ", -EINVAL },
                { "truely", -EINVAL },   { "01", -EINVAL },     { "-1", -EINVAL },
        };

        for (size_t i = 0; i < ELEMENTSOF(table); i++) {
                bool a = true, b = false;

                assert_row(parse_bool(table[i].text, &a) == table[i].error, table[i].text);
                assert_row(parse_bool(table[i].text, &b) == table[i].error, table[i].text);
                assert_row(table[i].error < 0 ? a && !b : a == table[i].value && b == table[i].value, table[i].text);
        }
}

static void numbers_are_decimal_and_unsigned(void **state)
{
        static const Row table[] = {
                { "0", 0, 0 },
                { "1", 0, 1 },
                { "007", 0, 7 },
                { "18446744073709551615", 0, UINT64_MAX },
                { "18446744073709551616", -ERANGE },
                { "18446744073709551620", -ERANGE },
                { "99999999999999999999999999", -ERANGE },
                { "", -EINVAL },
                { " 1", -EINVAL },
                { "1 ", -EINVAL },
                { "+1", -EINVAL },
                { "-1", -EINVAL },
                { "0x10", -EINVAL },
                { "1e3", -EINVAL },
                { "1.0", -EINVAL },
                { "1K", -EINVAL },
                { "infinity", -EINVAL },
                { "\xd9\xa1", -EINVAL },    /* an Arabic one */
        };

        check_table(table, ELEMENTSOF(table), parse_uint64);
}

static void sizes_have_binary_suffixes(void **state)
{
        static const Row table[] = {
                { "0", 0, 0 },
                { "1", 0, 1 },
                { "1B", 0, 1 },
                { "1K", 0, 1024 },
                { "128M", 0, UINT64_C(128) << 20 },
                { "2G", 0, UINT64_C(2) << 30 },
                { "1T", 0, UINT64_C(1) << 40 },
                { "16777215T", 0, UINT64_C(16777215) << 40 },
                { "16777216T", -ERANGE },
                { "18014398509481983K", 0, UINT64_C(18014398509481983) << 10 },
                { "18014398509481984K", -ERANGE },
                { "18446744073709551615", 0, UINT64_MAX },
                { "18446744073709551616", -ERANGE },
                { "infinity", 0, UINT64_MAX },
                { "", -EINVAL },
                { "K", -EINVAL },
                { "1k", -EINVAL },
                { "1KB", -EINVAL },
                { "1KK", -EINVAL },
                { "1 K", -EINVAL },
                { "1.5G", -EINVAL },
                { "-1", -EINVAL },
                { "50%", -EINVAL },
                { "Infinity", -EINVAL },
                { "infinityM", -EINVAL },
        };

        check_table(table, ELEMENTSOF(table), parse_size);
}

static void times_are_seconds_unless_said_otherwise(void **state)
{
        static const Row table[] = {
                { "0", 0, 0 },
                { "10", 0, 10 * USEC_PER_SEC },
                { "10s", 0, 10 * USEC_PER_SEC },
                { "10 s", 0, 10 * USEC_PER_SEC },
                { "10sec", 0, 10 * USEC_PER_SEC },
                { "1.5s", 0, 1500000 },
                { "1.5", 0, 1500000 },
                { "200ms", 0, 200000 },
                { "0.5ms", 0, 500 },
                { "5us", 0, 5 },
                { "0.9us", 0, 0 },
                { "2min", 0, 2 * USEC_PER_MINUTE },
                { "2m", 0, 2 * USEC_PER_MINUTE },
                { "1h", 0, USEC_PER_HOUR },
                { "0.5h", 0, USEC_PER_HOUR / 2 },
                { "0.000001", 0, 1 },
                { "0.0000019", 0, 1 },
                { "0.99999999999999999999999999999", 0, 999999 },
                { "infinity", 0, USEC_INFINITY },
                { "18446744073709551615us", 0, USEC_INFINITY },
                { "18446744073709551616us", -ERANGE },
                { "18446744073709s", 0, UINT64_C(18446744073709) * USEC_PER_SEC },
                { "18446744073710s", -ERANGE },
                { "18446744073709.551616s", -ERANGE },
                { "5124095577h", -ERANGE },
                { "", -EINVAL },
                { "s", -EINVAL },
                { ".5", -EINVAL },
                { "1.", -EINVAL },
                { "1.s", -EINVAL },
                { "1.2.3", -EINVAL },
                { "-1s", -EINVAL },
                { "1d", -EINVAL },
                { "1S", -EINVAL },
                { "1ss", -EINVAL },
                { "1s ", -EINVAL },
                { " 1s", -EINVAL },
                { "1min 30s", -EINVAL },
        };

        check_table(table, ELEMENTSOF(table), parse_usec);
}

static void percentages_need_their_sign(void **state)
{
        static const Row table[] = {
                { "0%", 0, 0 },
                { "100%", 0, 100 },
                { "150%", 0, 150 },
                { "18446744073709551615%", 0, UINT64_MAX },
                { "18446744073709551616%", -ERANGE },
                { "", -EINVAL },
                { "%", -EINVAL },
                { "100", -EINVAL },
                { "100 %", -EINVAL },
                { "100%%", -EINVAL },
                { "1.5%", -EINVAL },
                { "-1%", -EINVAL },
        };

        check_table(table, ELEMENTSOF(table), parse_percent);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(truth_has_four_names_in_any_case),
                cmocka_unit_test(numbers_are_decimal_and_unsigned),
                cmocka_unit_test(sizes_have_binary_suffixes),
                cmocka_unit_test(times_are_seconds_unless_said_otherwise),
                cmocka_unit_test(percentages_need_their_sign),
        };

        return cmocka_run_group_tests_name("parse-util", tests, NULL, NULL);
}
