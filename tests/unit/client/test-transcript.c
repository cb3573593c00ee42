/* SPDX-License-Identifier: Apache-2.0 */
#include "client/transcript.h"

#include "basic/string-util.h"
#include "tests/unit/test.h"

static void check(Transcript *t, unsigned attempt, uint64_t offset, const char *data, const char *shown, bool differs)
{
        const char *p = NULL;
        bool other = !differs;
        size_t n = 99;

        assert_int_equal(transcript_add(t, attempt, offset, data, strlen(data), &p, &n, &other), 0);
        assert_int_equal(n, strlen(shown));
        assert_memory_equal(p, shown, n);
        assert_int_equal(other, differs);
}

static void what_comes_is_shown(void **state)
{
        _cleanup_(transcript_done) Transcript t = { 0 };

        check(&t, 1, 0, "abc", "abc", false);
        check(&t, 1, 3, "", "", false);
        check(&t, 1, 3, "def", "def", false);
        assert_true(transcript_is_true(&t));
}

static void what_comes_twice_is_shown_once(void **state)
{
        _cleanup_(transcript_done) Transcript t = { 0 };

        check(&t, 1, 0, "abc", "abc", false);
        check(&t, 1, 0, "abc", "", false);
        check(&t, 1, 1, "bcde", "de", false);
        check(&t, 1, 0, "a", "", false);
}

static void bytes_that_are_missing_are_noticed(void **state)
{
        _cleanup_(transcript_done) Transcript t = { 0 };
        const char *p;
        bool differs;
        size_t n;

        check(&t, 1, 0, "abc", "abc", false);
        assert_int_equal(transcript_add(&t, 1, 4, "x", 1, &p, &n, &differs), -EPROTO);
        transcript_begin(&t, 2);
        assert_int_equal(transcript_add(&t, 2, 1, "x", 1, &p, &n, &differs), -EPROTO);
}

static void a_job_that_begins_anew_goes_on_where_it_was(void **state)
{
        _cleanup_(transcript_done) Transcript t = { 0 };

        check(&t, 1, 0, "abcdef", "abcdef", false);
        transcript_begin(&t, 2);
        assert_false(transcript_is_true(&t));
        check(&t, 2, 0, "abc", "", false);
        check(&t, 2, 3, "defgh", "gh", false);
        assert_true(transcript_is_true(&t));
        check(&t, 3, 0, "abcdefghi", "i", false);
}

static void one_that_prints_something_else_is_shown_from_its_beginning(void **state)
{
        _cleanup_(transcript_done) Transcript t = { 0 };

        check(&t, 1, 0, "run 1: abc", "run 1: abc", false);
        check(&t, 2, 0, "run ", "", false);
        check(&t, 2, 4, "2: abcdef", "run 2: abcdef", true);
        check(&t, 2, 13, "g", "g", false);
        assert_true(transcript_is_true(&t));
}

static void one_that_prints_less_is_told(void **state)
{
        _cleanup_(transcript_done) Transcript t = { 0 };

        check(&t, 1, 0, "abc", "abc", false);
        check(&t, 2, 0, "ab", "", false);
        assert_false(transcript_is_true(&t));
}

static void what_an_earlier_attempt_still_says_is_ignored(void **state)
{
        _cleanup_(transcript_done) Transcript t = { 0 };

        transcript_begin(&t, 2);
        check(&t, 1, 0, "abc", "", false);
        check(&t, 1, 70, "abc", "", false);
        check(&t, 2, 0, "x", "x", false);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(what_comes_is_shown),
                cmocka_unit_test(what_comes_twice_is_shown_once),
                cmocka_unit_test(bytes_that_are_missing_are_noticed),
                cmocka_unit_test(a_job_that_begins_anew_goes_on_where_it_was),
                cmocka_unit_test(one_that_prints_something_else_is_shown_from_its_beginning),
                cmocka_unit_test(one_that_prints_less_is_told),
                cmocka_unit_test(what_an_earlier_attempt_still_says_is_ignored),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
