/* SPDX-License-Identifier: Apache-2.0 */
#include "blob/blob-key.h"

#include "tests/unit/test.h"

#define EMPTY "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

static void key_is_the_digest(void **state)
{
        char key[BLOB_KEY_SIZE];

        assert_int_equal(blob_key_of(NULL, 0, key), 0);
        assert_string_equal(key, EMPTY);
        assert_int_equal(blob_key_of("abc", 3, key), 0);
        assert_string_equal(key, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        assert_true(blob_key_is_valid(key));
}

static void nothing_else_is_a_key(void **state)
{
        static const char *const bad[] = {
                "",
                "e3b0c442",
                EMPTY "0",
                EMPTY "/",
                EMPTY "\n",
                "/" EMPTY,
                "../" EMPTY,
                "E3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
                "g3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
                "../../../../../../../../../../../../../../../../../../etc/passwd",
                "e3/0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
                "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b85\xff",
        };

        assert_true(blob_key_is_valid(EMPTY));
        for (size_t i = 0; i < ELEMENTSOF(bad); i++)
                assert_row(!blob_key_is_valid(bad[i]), bad[i]);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(key_is_the_digest),
                cmocka_unit_test(nothing_else_is_a_key),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
