/* SPDX-License-Identifier: Apache-2.0 */
#include "client/event-stream.h"

#include "basic/string-util.h"
#include "tests/unit/test.h"

/* Each event as "ID|DATA\n". Fed in pieces of that size. */
static char *read_all(const char *text, size_t size, size_t piece)
{
        _cleanup_(event_stream_done) EventStream s = { 0 };
        _cleanup_(buffer_done) Buffer b = { 0 };
        const char *data;
        size_t n;

        for (size_t i = 0; i < size; i += piece) {
                assert_int_equal(event_stream_feed(&s, text + i, MIN(piece, size - i)), 0);
                while (event_stream_next(&s, &data, &n) > 0)
                        assert_int_equal(buffer_printf(&b, "%s|%.*s\n", s.id ? s.id : "", (int) n, data), 0);
        }
        return buffer_take(&b);
}

static const struct {
        const char *name, *text, *events;
} rows[] = {
        { "one", "data: a\n\n", "|a\n" },
        { "no space, or one of two", "data:a\n\ndata:  b\n\n", "|a\n| b\n" },
        { "lines are joined", "data: a\ndata\ndata: b\n\n", "|a\n\nb\n" },
        { "all kinds of line ends", "data: a\r\rdata: b\r\n\r\ndata: c\n\n", "|a\n|b\n|c\n" },
        { "ids stay", "id: 1\ndata: a\n\ndata: b\n\nid\ndata: c\n\n", "1|a\n1|b\n|c\n" },
        { "an id without data counts too", "id: 1\n\ndata: a\n\n", "1|a\n" },
        { "comments and other fields", ": hello\n\nevent: x\nretry: 10\ndatax: y\ndata: a\n\n", "|a\n" },
        { "a mark at the beginning", "\xef\xbb\xbf" "data: a\n\n\xef\xbb\xbf" "data: b\n\n", "|a\n" },
        { "an empty line is no event", "\n\n\ndata\n\n", "|\n" },
        { "what is not complete is none", "data: a\n\nid: 2\ndata: b\n", "|a\n" },
};

static void events_are_read_in_whatever_pieces(void **state)
{
        for (size_t i = 0; i < ELEMENTSOF(rows); i++)
                for (size_t piece = 1; piece <= 16; piece++) {
                        _cleanup_(freep) char *events = read_all(rows[i].text, strlen(rows[i].text), piece);

                        assert_non_null(events);
                        assert_row(streq(events, rows[i].events), rows[i].name);
                }
}

static void an_id_with_a_nul_is_none(void **state)
{
        static const char text[] = "id: 1\ndata: a\n\nid: 2\0\ndata: b\n\n";
        _cleanup_(freep) char *events = read_all(text, sizeof(text) - 1, 100);

        assert_string_equal(events, "1|a\n1|b\n");
}

static void another_connection_keeps_the_last_whole_event(void **state)
{
        _cleanup_(event_stream_done) EventStream s = { 0 };
        const char *data;
        size_t n;

        assert_int_equal(event_stream_feed(&s, "id: 1\ndata: a\n\nid: 2\ndata: b", 28), 0);
        assert_int_equal(event_stream_next(&s, &data, &n), 1);
        assert_int_equal(event_stream_next(&s, &data, &n), 0);
        event_stream_restart(&s);
        assert_string_equal(s.id, "1");
        assert_int_equal(event_stream_feed(&s, "data: c\n\n", 9), 0);
        assert_int_equal(event_stream_next(&s, &data, &n), 1);
        assert_int_equal(n, 1);
        assert_memory_equal(data, "c", 1);
        assert_string_equal(s.id, "1");
}

static void an_event_without_end_is_too_large(void **state)
{
        _cleanup_(event_stream_done) EventStream s = { 0 };
        _cleanup_(freep) char *many = calloc(1, EVENT_STREAM_EVENT_MAX + 1);
        const char *data;
        size_t n;

        assert_non_null(many);
        memset(many, 'x', EVENT_STREAM_EVENT_MAX + 1);
        assert_int_equal(event_stream_feed(&s, many, EVENT_STREAM_EVENT_MAX), 0);
        assert_int_equal(event_stream_next(&s, &data, &n), 0);
        assert_int_equal(event_stream_feed(&s, many, 1), 0);
        assert_int_equal(event_stream_next(&s, &data, &n), -EFBIG);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(events_are_read_in_whatever_pieces),
                cmocka_unit_test(an_id_with_a_nul_is_none),
                cmocka_unit_test(another_connection_keeps_the_last_whole_event),
                cmocka_unit_test(an_event_without_end_is_too_large),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
