/* SPDX-License-Identifier: Apache-2.0 */
#include "api/api-output-log.h"

#include <string.h>

#include "tests/unit/test.h"

static int add(OutputLog *log, OutputStream stream, uint64_t offset, const char *text)
{
        return output_log_add(log, stream, offset, text, strlen(text));
}

static void assert_next(const OutputLog *log, OutputReader *reader, OutputStream stream, size_t offset, const char *text)
{
        OutputPiece piece;

        assert_true(output_log_next(log, reader, &piece));
        assert_int_equal(piece.stream, stream);
        assert_int_equal(piece.offset, offset);
        assert_int_equal(piece.size, strlen(text));
        assert_memory_equal(piece.data, text, piece.size);
}

static void assert_nothing(const OutputLog *log, OutputReader *reader)
{
        OutputPiece piece;

        assert_false(output_log_next(log, reader, &piece));
}

static void readers_get_both_streams_in_the_order_they_came(void **state)
{
        _cleanup_(output_log_done) OutputLog log = { 0 };
        OutputReader early = { 0 }, late = { 0 };

        output_log_begin(&log, 1);
        assert_int_equal(add(&log, OUTPUT_STDOUT, 0, "a"), 1);
        assert_next(&log, &early, OUTPUT_STDOUT, 0, "a");
        assert_nothing(&log, &early);
        assert_int_equal(add(&log, OUTPUT_STDOUT, 1, "b"), 1);
        assert_next(&log, &early, OUTPUT_STDOUT, 1, "b");
        assert_int_equal(add(&log, OUTPUT_STDERR, 0, "!"), 1);
        assert_int_equal(add(&log, OUTPUT_STDOUT, 2, "c"), 1);
        assert_next(&log, &early, OUTPUT_STDERR, 0, "!");
        assert_next(&log, &early, OUTPUT_STDOUT, 2, "c");
        assert_nothing(&log, &early);

        assert_next(&log, &late, OUTPUT_STDOUT, 0, "ab");
        assert_next(&log, &late, OUTPUT_STDERR, 0, "!");
        assert_next(&log, &late, OUTPUT_STDOUT, 2, "c");
        assert_nothing(&log, &late);
}

static void what_comes_twice_is_read_once(void **state)
{
        _cleanup_(output_log_done) OutputLog log = { 0 };
        OutputReader reader = { 0 };

        output_log_begin(&log, 1);
        assert_int_equal(add(&log, OUTPUT_STDOUT, 0, "abc"), 1);
        assert_int_equal(add(&log, OUTPUT_STDOUT, 0, "abc"), 0);
        assert_int_equal(add(&log, OUTPUT_STDOUT, 1, "b"), 0);
        assert_int_equal(add(&log, OUTPUT_STDOUT, 1, "bcd"), 1);
        assert_int_equal(add(&log, OUTPUT_STDOUT, 4, ""), 0);
        assert_next(&log, &reader, OUTPUT_STDOUT, 0, "abcd");
        assert_nothing(&log, &reader);
}

static void gap_is_told_and_nothing_taken(void **state)
{
        _cleanup_(output_log_done) OutputLog log = { 0 };
        OutputReader reader = { 0 };

        output_log_begin(&log, 1);
        assert_int_equal(add(&log, OUTPUT_STDERR, 1, "b"), -ENODATA);
        assert_int_equal(add(&log, OUTPUT_STDERR, UINT64_MAX, "b"), -ENODATA);
        assert_nothing(&log, &reader);
        assert_int_equal(add(&log, OUTPUT_STDERR, 0, "ab"), 1);
        assert_next(&log, &reader, OUTPUT_STDERR, 0, "ab");
}

static void new_attempt_begins_anew_for_all(void **state)
{
        _cleanup_(output_log_done) OutputLog log = { 0 };
        OutputReader reader = { 0 };

        output_log_begin(&log, 1);
        assert_int_equal(add(&log, OUTPUT_STDOUT, 0, "first"), 1);
        assert_next(&log, &reader, OUTPUT_STDOUT, 0, "first");
        output_log_begin(&log, 1);
        assert_nothing(&log, &reader);
        output_log_begin(&log, 2);
        assert_nothing(&log, &reader);
        assert_int_equal(add(&log, OUTPUT_STDOUT, 0, "second"), 1);
        assert_next(&log, &reader, OUTPUT_STDOUT, 0, "second");
        assert_int_equal(reader.attempt, 2);
}

static void characters_are_not_cut_in_two(void **state)
{
        _cleanup_(output_log_done) OutputLog log = { 0 };
        OutputReader reader = { 0 };

        output_log_begin(&log, 1);
        assert_int_equal(add(&log, OUTPUT_STDOUT, 0, "x\xe2\x82"), 1);
        assert_next(&log, &reader, OUTPUT_STDOUT, 0, "x");
        assert_nothing(&log, &reader);
        assert_int_equal(add(&log, OUTPUT_STDERR, 0, "e"), 1);
        assert_next(&log, &reader, OUTPUT_STDERR, 0, "e");
        assert_int_equal(add(&log, OUTPUT_STDOUT, 3, "\xac\xf0"), 1);
        assert_next(&log, &reader, OUTPUT_STDOUT, 1, "\xe2\x82\xac");
        assert_nothing(&log, &reader);
        log.complete = true;
        assert_next(&log, &reader, OUTPUT_STDOUT, 4, "\xf0");
        assert_nothing(&log, &reader);
}

static void what_is_no_utf8_is_not_waited_for(void **state)
{
        static const struct {
                const char *text;
                size_t whole;
        } rows[] = {
                { "", 0 },         { "a", 1 },          { "\xff", 1 },         { "\xc3", 0 },         { "a\xc3", 1 },
                { "\xc3\xa4", 2 }, { "\xe2\x82", 0 },   { "\xe2\x82\xac", 3 }, { "\xf0\x9f\x98", 0 }, { "\xf0\x9f\x98\x80", 4 },
                { "\x80", 1 },     { "\x80\x80\x80\x80", 4 }, { "\xc1", 1 },   { "\xf5", 1 },         { "a\xf0\x9f", 1 },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++)
                assert_row(output_whole_characters(rows[i].text, strlen(rows[i].text)) == rows[i].whole, rows[i].text);
}

static void long_output_comes_in_pieces(void **state)
{
        _cleanup_(output_log_done) OutputLog log = { 0 };
        OutputReader reader = { 0 };
        size_t size = 3 * OUTPUT_PIECE_MAX + 5, n = 0;
        char *text = test_malloc(size);
        OutputPiece piece;

        memset(text, 'x', size);
        output_log_begin(&log, 1);
        assert_int_equal(output_log_add(&log, OUTPUT_STDOUT, 0, text, size), 1);
        test_free(text);
        while (output_log_next(&log, &reader, &piece)) {
                assert_int_equal(piece.offset, n);
                assert_true(piece.size <= OUTPUT_PIECE_MAX);
                n += piece.size;
        }
        assert_int_equal(n, size);
        assert_true(output_log_size(&log) >= size);
}

static void reader_may_begin_in_the_middle(void **state)
{
        _cleanup_(output_log_done) OutputLog log = { 0 };
        OutputReader reader = { .attempt = 1, .positions = { 2, 1 } }, beyond = { .attempt = 1, .positions = { 99, 99 } };

        output_log_begin(&log, 1);
        assert_int_equal(add(&log, OUTPUT_STDOUT, 0, "ab"), 1);
        assert_int_equal(add(&log, OUTPUT_STDERR, 0, "12"), 1);
        assert_int_equal(add(&log, OUTPUT_STDOUT, 2, "cd"), 1);
        log.complete = true;
        assert_next(&log, &reader, OUTPUT_STDERR, 1, "2");
        assert_next(&log, &reader, OUTPUT_STDOUT, 2, "cd");
        assert_nothing(&log, &reader);
        assert_nothing(&log, &beyond);
}

static void endless_changes_between_streams_cost_no_memory(void **state)
{
        _cleanup_(output_log_done) OutputLog log = { 0 };
        OutputReader live = { 0 }, late = { 0 };
        size_t n[2] = { 0, 0 }, live_n = 0, late_n = 0;
        OutputPiece piece;

        output_log_begin(&log, 1);
        for (size_t i = 0; i < 2 * OUTPUT_CHUNKS_MAX; i++) {
                OutputStream stream = i % 2 == 0 ? OUTPUT_STDOUT : OUTPUT_STDERR;

                assert_int_equal(add(&log, stream, n[stream]++, "x"), 1);
                while (output_log_next(&log, &live, &piece))
                        live_n += piece.size;
        }
        assert_int_equal(log.n_chunks, OUTPUT_CHUNKS_MAX);
        while (output_log_next(&log, &late, &piece))
                late_n += piece.size;
        assert_int_equal(live_n, 2 * OUTPUT_CHUNKS_MAX);
        assert_int_equal(late_n, 2 * OUTPUT_CHUNKS_MAX);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(readers_get_both_streams_in_the_order_they_came),
                cmocka_unit_test(what_comes_twice_is_read_once),
                cmocka_unit_test(gap_is_told_and_nothing_taken),
                cmocka_unit_test(new_attempt_begins_anew_for_all),
                cmocka_unit_test(characters_are_not_cut_in_two),
                cmocka_unit_test(what_is_no_utf8_is_not_waited_for),
                cmocka_unit_test(long_output_comes_in_pieces),
                cmocka_unit_test(reader_may_begin_in_the_middle),
                cmocka_unit_test(endless_changes_between_streams_cost_no_memory),
        };

        return cmocka_run_group_tests_name("api-output-log", tests, NULL, NULL);
}
