/* SPDX-License-Identifier: Apache-2.0 */
/* The bytes of parameters; that the server reads them as meant is an integration test. */
#include "pg/pg-value.h"

#include "tests/unit/test.h"

static void check_bytes(PgParameters *p, size_t i, const void *bytes, size_t size)
{
        assert_false(p->failed);
        assert_true(i < p->n);
        assert_int_equal(p->values[i].size, size);
        assert_memory_equal(p->bytes.data + p->values[i].offset, bytes, size);
}

static void numbers_are_big_endian(void **state)
{
        _cleanup_(pg_parameters_done) PgParameters p = { 0 };

        pg_add_int(&p, PG_INT2, -2);
        pg_add_int(&p, PG_INT4, 0x01020304);
        pg_add_int(&p, PG_INT8, INT64_MIN);
        pg_add_bool(&p, true);
        check_bytes(&p, 0, "\xff\xfe", 2);
        check_bytes(&p, 1, "\1\2\3\4", 4);
        check_bytes(&p, 2, "\x80\0\0\0\0\0\0", 8);
        check_bytes(&p, 3, "\1", 1);
        assert_int_equal(p.values[0].type, PG_INT2);
}

static void time_counts_from_the_year_2000(void **state)
{
        _cleanup_(pg_parameters_done) PgParameters p = { 0 };

        pg_add_time(&p, UINT64_C(946684800) * USEC_PER_SEC);
        pg_add_time(&p, UINT64_C(946684800) * USEC_PER_SEC - 1);
        pg_add_time(&p, USEC_INFINITY);
        check_bytes(&p, 0, "\0\0\0\0\0\0\0", 8);
        check_bytes(&p, 1, "\xff\xff\xff\xff\xff\xff\xff\xff", 8);
        assert_int_equal(p.values[2].size, -1);
}

static void null_and_empty_differ(void **state)
{
        _cleanup_(pg_parameters_done) PgParameters p = { 0 };

        pg_add_text(&p, NULL);
        pg_add_text(&p, "");
        pg_add_bytes(&p, NULL, 0);
        pg_add_bytes(&p, "", 0);
        pg_add_json(&p, NULL);
        pg_add_uuid(&p, NULL);
        assert_int_equal(p.values[0].size, -1);
        assert_int_equal(p.values[1].size, 0);
        assert_int_equal(p.values[2].size, -1);
        assert_int_equal(p.values[3].size, 0);
        assert_int_equal(p.values[4].size, -1);
        assert_int_equal(p.values[5].size, -1);
        assert_false(p.failed);
}

static void array_has_its_head_and_sizes(void **state)
{
        _cleanup_(pg_parameters_done) PgParameters p = { 0 };

        pg_begin_array(&p, PG_TEXT_ARRAY, 2);
        pg_add_text(&p, "ab");
        pg_add_text(&p, NULL);
        pg_end_array(&p);
        pg_begin_array(&p, PG_INT2_ARRAY, 0);
        pg_end_array(&p);
        check_bytes(&p, 0, "\0\0\0\1" "\0\0\0\1" "\0\0\0\x19" "\0\0\0\2" "\0\0\0\1" "\0\0\0\2" "ab" "\xff\xff\xff\xff", 30);
        check_bytes(&p, 1, "\0\0\0\0" "\0\0\0\1" "\0\0\0\x15", 12);
        assert_int_equal(p.n, 2);
}

static void misuse_is_remembered(void **state)
{
        PgParameters p = { 0 };

        pg_begin_array(&p, PG_INT4_ARRAY, 1);
        pg_end_array(&p);
        assert_true(p.failed);
        pg_parameters_done(&p);
        assert_false(p.failed);

        pg_begin_array(&p, PG_INT4_ARRAY, 1);
        pg_add_int(&p, PG_INT8, 1);
        assert_true(p.failed);
        pg_parameters_done(&p);

        pg_begin_array(&p, PG_INT4_ARRAY, 1);
        pg_begin_array(&p, PG_INT4_ARRAY, 1);
        assert_true(p.failed);
        pg_parameters_done(&p);

        pg_end_array(&p);
        assert_true(p.failed);
        pg_parameters_done(&p);

        for (size_t i = 0; i < PG_PARAMETERS_MAX; i++)
                pg_add_bool(&p, true);
        assert_false(p.failed);
        pg_add_bool(&p, true);
        assert_true(p.failed);
        pg_parameters_done(&p);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(numbers_are_big_endian),
                cmocka_unit_test(time_counts_from_the_year_2000),
                cmocka_unit_test(null_and_empty_differ),
                cmocka_unit_test(array_has_its_head_and_sizes),
                cmocka_unit_test(misuse_is_remembered),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
