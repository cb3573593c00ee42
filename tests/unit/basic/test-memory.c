/* SPDX-License-Identifier: Apache-2.0 */
#include "basic/memory.h"

#include "tests/unit/test.h"

static void freed_pointer_is_cleared(void **state)
{
        char *p = strdup("x");

        assert_null(mfree(NULL));
        freep(&p);
        assert_null(p);
        freep(&p);
        assert_null(p);
}

static void taking_a_value_leaves_the_empty_one(void **state)
{
        char word[] = "x", *p = word;
        int fd = 7;

        assert_ptr_equal(TAKE_PTR(p), word);
        assert_null(p);
        assert_int_equal(TAKE_FD(fd), 7);
        assert_int_equal(fd, -EBADF);
}

static void copy_has_a_nul_behind_it(void **state)
{
        _cleanup_(freep) char *copy = memdup_nul("a\0bcd", 4), *empty = memdup_nul(NULL, 0);

        assert_memory_equal(copy, "a\0bc\0", 5);
        assert_string_equal(empty, "");
}

static void copy_of_more_than_there_can_be_is_refused(void **state)
{
        assert_null(memdup_nul("", SIZE_MAX));
}

static void array_grows_by_doubling(void **state)
{
        _cleanup_(freep) int *array = NULL;
        size_t n = 0;

        assert_int_equal(GROW_ARRAY(array, n, 0), 0);
        assert_null(array);
        assert_int_equal(GROW_ARRAY(array, n, 1), 0);
        assert_int_equal(n, 8);
        array[7] = 42;
        assert_int_equal(GROW_ARRAY(array, n, 8), 0);
        assert_int_equal(n, 8);
        assert_int_equal(GROW_ARRAY(array, n, 9), 0);
        assert_int_equal(n, 16);
        assert_int_equal(array[7], 42);
        assert_int_equal(GROW_ARRAY(array, n, 100), 0);
        assert_int_equal(n, 128);
        array[127] = 1;
        assert_int_equal(GROW_ARRAY(array, n, 3), 0);
        assert_int_equal(n, 128);
}

static void array_too_large_leaves_the_old_one(void **state)
{
        _cleanup_(freep) int *array = NULL;
        size_t n = 0;

        assert_int_equal(GROW_ARRAY(array, n, 1), 0);
        int *before = array;
        assert_int_equal(GROW_ARRAY(array, n, SIZE_MAX), -ENOMEM);
        assert_ptr_equal(array, before);
        assert_int_equal(n, 8);
}

static void buffer_is_a_string_at_every_length(void **state)
{
        _cleanup_(buffer_done) Buffer b = { 0 };

        for (size_t i = 0; i < 1000; i++) {
                char c = (char) ('a' + i % 26);

                assert_int_equal(buffer_append(&b, &c, 1), 0);
                assert_int_equal(b.size, i + 1);
                assert_true(b.allocated > b.size);
                assert_int_equal(strlen(b.data), b.size);
        }
        for (size_t i = 0; i < 1000; i++)
                assert_int_equal(b.data[i], 'a' + i % 26);
}

static void buffer_keeps_nul_bytes(void **state)
{
        _cleanup_(buffer_done) Buffer b = { 0 };

        assert_int_equal(buffer_append(&b, "a\0b", 3), 0);
        assert_int_equal(buffer_append(&b, "", 1), 0);
        assert_int_equal(b.size, 4);
        assert_memory_equal(b.data, "a\0b\0\0", 5);
}

static void nothing_can_be_appended(void **state)
{
        _cleanup_(buffer_done) Buffer b = { 0 };

        assert_int_equal(buffer_append(&b, NULL, 0), 0);
        assert_int_equal(b.size, 0);
        assert_string_equal(b.data, "");
}

static void buffer_formats(void **state)
{
        _cleanup_(buffer_done) Buffer b = { 0 };

        assert_int_equal(buffer_append_string(&b, "x="), 0);
        assert_int_equal(buffer_printf(&b, "%d%s", 42, ";"), 0);
        assert_int_equal(buffer_printf(&b, "%s", ""), 0);
        assert_string_equal(b.data, "x=42;");
        assert_int_equal(b.size, 5);
}

static void buffer_that_would_overflow_is_left_alone(void **state)
{
        Buffer full = { .size = SIZE_MAX }, nearly = { .size = SIZE_MAX - 1 };

        assert_int_equal(buffer_append(&full, "x", 1), -ENOMEM);
        assert_int_equal(buffer_append(&nearly, "x", 1), -ENOMEM);
        assert_int_equal(buffer_append(&full, "", 0), -ENOMEM);
        assert_true(full.size == SIZE_MAX && nearly.size == SIZE_MAX - 1);
        assert_null(full.data);
}

static void taken_buffer_is_empty_and_usable_again(void **state)
{
        _cleanup_(buffer_done) Buffer b = { 0 };

        assert_int_equal(buffer_append_string(&b, "one"), 0);
        _cleanup_(freep) char *one = buffer_take(&b), *none = buffer_take(&b);
        assert_string_equal(one, "one");
        assert_string_equal(none, "");
        assert_null(b.data);
        assert_int_equal(b.size, 0);
        assert_int_equal(buffer_append_string(&b, "two"), 0);
        assert_string_equal(b.data, "two");
        assert_string_equal(one, "one");
}

static void released_buffer_can_be_released_again(void **state)
{
        Buffer b = { 0 };

        assert_int_equal(buffer_append_string(&b, "x"), 0);
        buffer_done(&b);
        assert_null(b.data);
        assert_int_equal(b.size, 0);
        assert_int_equal(b.allocated, 0);
        buffer_done(&b);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(freed_pointer_is_cleared),
                cmocka_unit_test(taking_a_value_leaves_the_empty_one),
                cmocka_unit_test(copy_has_a_nul_behind_it),
                cmocka_unit_test(copy_of_more_than_there_can_be_is_refused),
                cmocka_unit_test(array_grows_by_doubling),
                cmocka_unit_test(array_too_large_leaves_the_old_one),
                cmocka_unit_test(buffer_is_a_string_at_every_length),
                cmocka_unit_test(buffer_keeps_nul_bytes),
                cmocka_unit_test(nothing_can_be_appended),
                cmocka_unit_test(buffer_formats),
                cmocka_unit_test(buffer_that_would_overflow_is_left_alone),
                cmocka_unit_test(taken_buffer_is_empty_and_usable_again),
                cmocka_unit_test(released_buffer_can_be_released_again),
        };

        return cmocka_run_group_tests_name("memory", tests, NULL, NULL);
}
