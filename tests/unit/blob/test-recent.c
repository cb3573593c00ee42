/* SPDX-License-Identifier: Apache-2.0 */
#include "blob/recent.h"

#include <stdio.h>

#include "blob/blob-key.h"
#include "tests/unit/test.h"

static Recent *table;

static int setup(void **state)
{
        table = recent_new(100);
        return table ? 0 : -1;
}

static int teardown(void **state)
{
        recent_free(table);
        return 0;
}

static const char *key_of(unsigned number)
{
        static char keys[2][BLOB_KEY_SIZE];
        static unsigned next;
        char *key = keys[next++ % 2];

        assert_int_equal(blob_key_of(&number, sizeof(number), key), 0);
        return key;
}

static void key_is_known_for_its_time(void **state)
{
        assert_false(recent_has(table, key_of(1), 1000));
        recent_add(table, key_of(1), 1000);
        assert_true(recent_has(table, key_of(1), 1000));
        assert_true(recent_has(table, key_of(1), 1099));
        assert_false(recent_has(table, key_of(1), 1100));
        assert_false(recent_has(table, key_of(2), 1000));
        recent_add(table, key_of(1), 1050);
        assert_true(recent_has(table, key_of(1), 1100));
}

static void removed_key_is_unknown(void **state)
{
        recent_add(table, key_of(1), 1000);
        recent_remove(table, key_of(2));
        assert_true(recent_has(table, key_of(1), 1000));
        recent_remove(table, key_of(1));
        assert_false(recent_has(table, key_of(1), 1000));
}

static void key_that_begins_alike_is_another(void **state)
{
        char a[BLOB_KEY_SIZE], b[BLOB_KEY_SIZE];

        memcpy(a, key_of(1), sizeof(a));
        memcpy(b, a, sizeof(b));
        b[BLOB_KEY_SIZE - 2] = a[BLOB_KEY_SIZE - 2] == '0' ? '1' : '0';
        recent_add(table, a, 1000);
        assert_false(recent_has(table, b, 1000));
        recent_add(table, b, 1000);
        assert_true(recent_has(table, b, 1000));
        assert_false(recent_has(table, a, 1000));
}

static void most_of_a_thousand_are_kept(void **state)
{
        size_t n = 0;

        for (unsigned i = 0; i < 1000; i++)
                recent_add(table, key_of(i), 1000);
        for (unsigned i = 0; i < 1000; i++)
                n += recent_has(table, key_of(i), 1000);
        assert_true(n > 800);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(key_is_known_for_its_time, setup, teardown),
                cmocka_unit_test_setup_teardown(removed_key_is_unknown, setup, teardown),
                cmocka_unit_test_setup_teardown(key_that_begins_alike_is_another, setup, teardown),
                cmocka_unit_test_setup_teardown(most_of_a_thousand_are_kept, setup, teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
