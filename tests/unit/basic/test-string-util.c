/* SPDX-License-Identifier: Apache-2.0 */
#include "basic/string-util.h"

#include "tests/unit/test.h"

static void empty_is_null_or_no_character(void **state)
{
        assert_true(isempty(NULL));
        assert_true(isempty(""));
        assert_false(isempty(" "));
        assert_true(streq("", ""));
        assert_true(streq("a", "a"));
        assert_false(streq("a", "ab"));
}

static void prefix_gives_what_follows(void **state)
{
        static const char text[] = "0::/user.slice";

        assert_ptr_equal(startswith(text, "0::"), text + 3);
        assert_ptr_equal(startswith(text, ""), text);
        assert_ptr_equal(startswith(text, text), text + strlen(text));
        assert_null(startswith(text, "1::"));
        assert_null(startswith("0:", "0::"));
        assert_null(startswith("", "x"));
}

static void suffix_is_found_only_at_the_end(void **state)
{
        assert_true(endswith("python.container", ".container"));
        assert_true(endswith("x", ""));
        assert_true(endswith("", ""));
        assert_true(endswith(".conf", ".conf"));
        assert_false(endswith("conf", ".conf"));
        assert_false(endswith("a.conf~", ".conf"));
        assert_false(endswith("", "x"));
        assert_false(endswith(&"a.conf"[2], ".conf"));      /* what stands before the string is not of it */
}

static void white_space_is_removed_at_both_ends_only(void **state)
{
        static const struct {
                const char *text, *expected;
        } table[] = {
                { "", "" },           { " ", "" },           { " \t\r\n\f\v", "" }, { "a", "a" },
                { "  a b  ", "a b" }, { "a\t", "a" },        { "\na", "a" },        { "\xc2\xa0", "\xc2\xa0" },
        };

        for (size_t i = 0; i < ELEMENTSOF(table); i++) {
                char text[16];

                strcpy(text, table[i].text);
                assert_string_equal(strstrip(text), table[i].expected);
        }
}

static void owned_string_is_replaced(void **state)
{
        _cleanup_(freep) char *s = NULL;

        assert_int_equal(free_and_strdup(&s, "one"), 0);
        assert_string_equal(s, "one");
        assert_int_equal(free_and_strdup(&s, "another"), 0);
        assert_string_equal(s, "another");
        assert_int_equal(free_and_strdup(&s, s + 2), 0);
        assert_string_equal(s, "other");
        assert_int_equal(free_and_strdup(&s, NULL), 0);
        assert_null(s);
        assert_int_equal(free_and_strdup(&s, NULL), 0);
}

static void formatting_makes_a_string_of_any_length(void **state)
{
        _cleanup_(freep) char *s = format_string("%s/%d", "a", 7), *wide = format_string("%5000d", 1);

        assert_string_equal(s, "a/7");
        assert_int_equal(strlen(wide), 5000);
}

static void bytes_become_printable(void **state)
{
        static const struct {
                const char *bytes;
                size_t size;
                const char *expected;
        } table[] = {
                { "", 0, "" },
                { "plain", 5, "plain" },
                { "a\nb\tc", 5, "a\\x0ab\\x09c" },
                { "\0", 1, "\\x00" },
                { "\x1b[31m", 5, "\\x1b[31m" },
                { "\x7f", 1, "\\x7f" },
                { "gr\xc3\xbc\xc3\x9f", 6, "gr\xc3\xbc\xc3\x9f" },
                { "\xf0\x9f\x98\x80", 4, "\xf0\x9f\x98\x80" },
                { "\xff\xfe", 2, "\\xff\\xfe" },
                { "\xc3", 1, "\\xc3" },
                { "\xc2\x80", 2, "\\xc2\\x80" },            /* U+0080, the first of the second set of controls */
                { "\xc2\x9b" "1m", 4, "\\xc2\\x9b" "1m" },  /* CSI in one character */
                { "\xc2\x9f", 2, "\\xc2\\x9f" },
                { "\xc2\xa0", 2, "\xc2\xa0" },
                { "\xe2\x82z", 3, "\\xe2\\x82z" },
        };

        for (size_t i = 0; i < ELEMENTSOF(table); i++) {
                _cleanup_(freep) char *s = string_escape(table[i].bytes, table[i].size);

                assert_string_equal(s, table[i].expected);
        }
}

static void null_is_an_empty_vector(void **state)
{
        _cleanup_(strv_freep) char **copy = strv_copy(NULL);
        _cleanup_(freep) char *joined = strv_join(NULL, ",");

        assert_int_equal(strv_length(NULL), 0);
        assert_false(strv_contains(NULL, "a"));
        assert_null(strv_free(NULL));
        assert_non_null(copy);
        assert_null(copy[0]);
        assert_string_equal(joined, "");
}

static void vector_grows_one_by_one(void **state)
{
        _cleanup_(strv_freep) char **v = NULL;

        assert_int_equal(strv_extend(&v, "a"), 0);
        assert_int_equal(strv_consume(&v, strdup("b")), 0);
        assert_int_equal(strv_extendf(&v, "%s=%d", "c", 3), 0);
        assert_int_equal(strv_length(v), 3);
        assert_string_equal(v[0], "a");
        assert_string_equal(v[1], "b");
        assert_string_equal(v[2], "c=3");
        assert_null(v[3]);
        assert_true(strv_contains(v, "b"));
        assert_false(strv_contains(v, "c"));
}

static void null_is_not_consumed(void **state)
{
        _cleanup_(strv_freep) char **v = NULL;

        assert_int_equal(strv_extend(&v, "a"), 0);
        assert_int_equal(strv_consume(&v, NULL), -ENOMEM);
        assert_int_equal(strv_length(v), 1);
}

static void copy_shares_nothing(void **state)
{
        _cleanup_(strv_freep) char **v = NULL;

        assert_int_equal(strv_extend(&v, "a"), 0);
        assert_int_equal(strv_extend(&v, ""), 0);
        _cleanup_(strv_freep) char **copy = strv_copy(v);
        assert_int_equal(strv_length(copy), 2);
        assert_ptr_not_equal(copy[0], v[0]);
        v[0][0] = 'x';
        assert_string_equal(copy[0], "a");
        assert_string_equal(copy[1], "");
}

static void joined_words_have_the_separator_between_each_two(void **state)
{
        static const struct {
                const char *words[4];
                const char *expected;
        } table[] = {
                { { NULL }, "" },
                { { "a" }, "a" },
                { { "a", "b", "c" }, "a, b, c" },
                { { "", "b" }, ", b" },
                { { "a", "" }, "a, " },
                { { "", "", "" }, ", , " },
        };

        for (size_t i = 0; i < ELEMENTSOF(table); i++) {
                _cleanup_(freep) char *s = strv_join((char *const *) table[i].words, ", ");

                assert_string_equal(s, table[i].expected);
        }
}

static void words_are_split_at_any_white_space(void **state)
{
        static const struct {
                const char *text, *words[4];
        } table[] = {
                { "", { NULL } },
                { " \t\n\r\f\v", { NULL } },
                { "a", { "a" } },
                { "  a\tb\nc  ", { "a", "b", "c" } },
                { "'a b'", { "'a", "b'" } },
                { "cpu memory pids\n", { "cpu", "memory", "pids" } },
        };

        for (size_t i = 0; i < ELEMENTSOF(table); i++) {
                _cleanup_(strv_freep) char **words = NULL;
                size_t n = 0;

                assert_int_equal(strv_split(table[i].text, &words), 0);
                STRV_FOREACH(w, table[i].words)
                        assert_string_equal(words[n++], *w);
                assert_int_equal(strv_length(words), n);
        }
}

static void assignment_takes_the_place_of_one_to_the_same_name(void **state)
{
        _cleanup_(strv_freep) char **env = NULL;

        assert_int_equal(strv_env_replace(&env, "PATH=/bin"), 0);
        assert_int_equal(strv_env_replace(&env, "PATHS=x"), 0);
        assert_int_equal(strv_env_replace(&env, "P=y"), 0);
        assert_int_equal(strv_length(env), 3);
        assert_int_equal(strv_env_replace(&env, "PATH="), 0);
        assert_int_equal(strv_env_replace(&env, "P=a=b"), 0);
        assert_int_equal(strv_length(env), 3);
        assert_string_equal(env[0], "PATH=");
        assert_string_equal(env[1], "PATHS=x");
        assert_string_equal(env[2], "P=a=b");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(empty_is_null_or_no_character),
                cmocka_unit_test(prefix_gives_what_follows),
                cmocka_unit_test(suffix_is_found_only_at_the_end),
                cmocka_unit_test(white_space_is_removed_at_both_ends_only),
                cmocka_unit_test(owned_string_is_replaced),
                cmocka_unit_test(formatting_makes_a_string_of_any_length),
                cmocka_unit_test(bytes_become_printable),
                cmocka_unit_test(null_is_an_empty_vector),
                cmocka_unit_test(vector_grows_one_by_one),
                cmocka_unit_test(null_is_not_consumed),
                cmocka_unit_test(copy_shares_nothing),
                cmocka_unit_test(joined_words_have_the_separator_between_each_two),
                cmocka_unit_test(words_are_split_at_any_white_space),
                cmocka_unit_test(assignment_takes_the_place_of_one_to_the_same_name),
        };

        return cmocka_run_group_tests_name("string-util", tests, NULL, NULL);
}
