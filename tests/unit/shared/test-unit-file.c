/* SPDX-License-Identifier: Apache-2.0 */
#include "shared/unit-file.h"

#include <stdio.h>

#include "basic/memory.h"
#include "basic/string-util.h"
#include "tests/unit/fault-check.h"
#include "tests/unit/scratch.h"

static UnitFile *parse(const char *text)
{
        _cleanup_(fault_done) Fault fault = { 0 };
        UnitFile *f = NULL;
        int r = unit_file_parse("x.container", text, strlen(text), FAULT_BROKEN_LANGUAGE, &f, &fault);

        if (r < 0)
                fail_msg("%s", fault.detail ? fault.detail : strerror(-r));
        return f;
}

/* The text is refused, and the fault says so. */
static void refuse_bytes(const char *text, size_t size, const char *words)
{
        Fault fault = { 0 };
        UnitFile untouched, *f = &untouched;

        assert_int_equal(unit_file_parse("x.container", text, size, FAULT_BROKEN_LANGUAGE, &f, &fault), -EBADMSG);
        assert_ptr_equal(f, &untouched);
        fault_check(&fault, FAULT_BROKEN_LANGUAGE, NULL, words);
        assert_int_equal(unit_file_parse("x.container", text, size, FAULT_BROKEN_LANGUAGE, &f, NULL), -EBADMSG);
}

static void refuse(const char *text, const char *words)
{
        refuse_bytes(text, strlen(text), words);
}

static void assert_entry(const UnitFile *f, size_t i, const char *section, const char *key, const char *value,
                         unsigned line)
{
        assert_true(i < f->n_entries);
        assert_string_equal(f->entries[i].section, section);
        assert_string_equal(f->entries[i].key, key);
        assert_string_equal(f->entries[i].value, value);
        assert_int_equal(f->entries[i].line, line);
}

static void order_repetition_and_lines_are_kept(void **state)
{
        _cleanup_(unit_file_freep) UnitFile *f = parse("[A]\nx=1\n\n# no\n ; no\ny = 2 \n[B]\nx=3\n[A]\nx=4\nx=");

        assert_string_equal(f->path, "x.container");
        assert_int_equal(f->n_entries, 5);
        assert_entry(f, 0, "A", "x", "1", 2);
        assert_entry(f, 1, "A", "y", "2", 6);
        assert_entry(f, 2, "B", "x", "3", 8);
        assert_entry(f, 3, "A", "x", "4", 10);
        assert_entry(f, 4, "A", "x", "", 11);
}

static void nothing_is_a_file_without_entries(void **state)
{
        static const char *const texts[] = {
                "", "\n", "\n\n  \n", "# only\n", "[A]", "[A]\n[B]\n", "\r\n", "\\\n", "\\"
        };

        for (size_t i = 0; i < ELEMENTSOF(texts); i++) {
                _cleanup_(unit_file_freep) UnitFile *f = parse(texts[i]);

                assert_int_equal(f->n_entries, 0);
        }
}

static void value_is_taken_as_it_stands(void **state)
{
        static const struct {
                const char *line, *key, *value;
        } table[] = {
                { "a=b=c", "a", "b=c" },
                { "a==", "a", "=" },
                { "a=", "a", "" },
                { "  a\t= b c \t", "a", "b c" },
                { "a=b # no comment", "a", "b # no comment" },
                { "a=\"q u\" 'x'", "a", "\"q u\" 'x'" },
                { "a=\\n%n\\\\x", "a", "\\n%n\\\\x" },
                { "a=b\\ ", "a", "b\\" },       /* white space behind it: this does not continue the line */
                { "a=[x]", "a", "[x]" },
                { "a=\xc3\xbc", "a", "\xc3\xbc" },
                { "k]=v", "k]", "v" },
        };

        for (size_t i = 0; i < ELEMENTSOF(table); i++) {
                _cleanup_(freep) char *text = format_string("[S]\n%s\n", table[i].line);
                _cleanup_(unit_file_freep) UnitFile *f = parse(text);

                assert_int_equal(f->n_entries, 1);
                assert_entry(f, 0, "S", table[i].key, table[i].value, 2);
        }
}

static void backslash_joins_lines_by_a_space(void **state)
{
        _cleanup_(unit_file_freep) UnitFile *f = parse("[S]\na=1\\\n2\\\n\\\n  3\nb=4\nc=5\\");

        assert_int_equal(f->n_entries, 3);
        assert_entry(f, 0, "S", "a", "1 2    3", 2);
        assert_entry(f, 1, "S", "b", "4", 6);
        assert_entry(f, 2, "S", "c", "5", 7);
}

static void comment_inside_a_continued_line_is_dropped(void **state)
{
        _cleanup_(unit_file_freep) UnitFile *f = parse("[S]\na=1 \\\n# not this\n  ; nor this \\\n2\nb=3\n");

        assert_int_equal(f->n_entries, 2);
        assert_entry(f, 0, "S", "a", "1  2", 2);
        assert_entry(f, 1, "S", "b", "3", 6);
}

static void backslash_does_not_continue_a_comment(void **state)
{
        _cleanup_(unit_file_freep) UnitFile *f = parse("[S]\n# C:\\\nMemory=1G\n;\\\n\n  # x \\\nb=2\n");

        assert_int_equal(f->n_entries, 2);
        assert_entry(f, 0, "S", "Memory", "1G", 3);
        assert_entry(f, 1, "S", "b", "2", 7);
}

static void lines_may_end_as_windows_ends_them(void **state)
{
        _cleanup_(unit_file_freep) UnitFile *f = parse("[S]\r\na=1\\\r\n2\r\n\r\n# c\r\nb=3\r\n");

        assert_int_equal(f->n_entries, 2);
        assert_entry(f, 0, "S", "a", "1 2", 2);
        assert_entry(f, 1, "S", "b", "3", 6);
}

static void syntax_error_names_file_and_line(void **state)
{
        static const struct {
                const char *text, *words;
        } table[] = {
                { "a=1\n", "x.container:1: assignment before any [Section]" },
                { "[S]\nnonsense\n", "x.container:2: expected Key=Value" },
                { "[S]\n=1\n", "x.container:2: expected Key=Value" },
                { "[S]\n\n  = 1\n", "x.container:3: expected Key=Value" },
                { "[S\n", "x.container:1: a section is written [Name]" },
                { "[]\n", "x.container:1: a section is written [Name]" },
                { "[\n", "x.container:1: a section is written [Name]" },
                { "[S] # c\n", "x.container:1: a section is written [Name]" },
                { "[S]\na=1\\\n2\nwrong\n", "x.container:4: expected Key=Value" },
                { "[S]\nwrong\\\nstill\n", "x.container:2: expected Key=Value" },
                { "\xef\xbb\xbf[S]\n", "x.container:1: " },
        };

        for (size_t i = 0; i < ELEMENTSOF(table); i++)
                refuse(table[i].text, table[i].words);
}

static void bytes_that_are_no_text_are_refused_with_their_line(void **state)
{
        refuse_bytes("[S]\na=\0\n", 8, "x.container:2: not UTF-8 text");
        refuse_bytes("\0", 1, "x.container:1: not UTF-8 text");
        refuse("[S]\n\na=\xff\n", "x.container:3: not UTF-8 text");
        refuse("[S]\na=\xc3", "x.container:2: not UTF-8 text");
        refuse_bytes("[S]\n\xff\n\0", 7, "x.container:2: not UTF-8 text");
        refuse_bytes("[S]\n\0\n\xff", 7, "x.container:2: not UTF-8 text");
}

static void file_may_be_as_large_as_the_limit_and_no_larger(void **state)
{
        _cleanup_(freep) char *text = malloc(UNIT_FILE_BYTES_MAX + 2);
        _cleanup_(unit_file_freep) UnitFile *f = NULL;

        memset(text, 'v', UNIT_FILE_BYTES_MAX + 1);
        memcpy(text, "[S]\na=", 6);
        assert_int_equal(unit_file_parse("x", text, UNIT_FILE_BYTES_MAX, FAULT_BROKEN_CONFIG, &f, NULL), 0);
        assert_int_equal(strlen(f->entries[0].value), UNIT_FILE_BYTES_MAX - 6);

        refuse_bytes(text, UNIT_FILE_BYTES_MAX + 1, "x.container: larger than 262144 bytes");
}

static void file_may_have_as_many_assignments_as_the_limit_and_no_more(void **state)
{
        _cleanup_(buffer_done) Buffer b = { 0 };

        assert_int_equal(buffer_append_string(&b, "[S]\n"), 0);
        for (int i = 0; i < UNIT_FILE_ENTRIES_MAX; i++)
                assert_int_equal(buffer_append_string(&b, "a=\n"), 0);
        _cleanup_(unit_file_freep) UnitFile *f = parse(b.data);
        assert_int_equal(f->n_entries, UNIT_FILE_ENTRIES_MAX);
        assert_int_equal(f->entries[UNIT_FILE_ENTRIES_MAX - 1].line, UNIT_FILE_ENTRIES_MAX + 1);

        assert_int_equal(buffer_append_string(&b, "a=\n"), 0);
        refuse(b.data, "x.container:4098: more than 4096 assignments");
}

static void file_is_loaded_from_disk(void **state)
{
        _cleanup_(unit_file_freep) UnitFile *f = NULL;
        Fault fault = { 0 };

        scratch_write(*state, "x.conf", "[S]\na=1\n");
        const char *path = scratch_path(*state, "x.conf");
        assert_int_equal(unit_file_load(path, FAULT_BROKEN_CONFIG, &f, &fault), 0);
        assert_string_equal(f->path, path);
        assert_entry(f, 0, "S", "a", "1", 2);
        fault_check_none(&fault);
}

static void file_that_cannot_be_loaded_leaves_the_result_alone(void **state)
{
        _cleanup_(freep) char *large = calloc(1, UNIT_FILE_BYTES_MAX + 1);
        UnitFile untouched, *f = &untouched;
        Fault fault = { 0 };

        assert_int_equal(unit_file_load(scratch_path(*state, "none"), FAULT_BROKEN_CONFIG, &f, &fault), -ENOENT);
        assert_int_equal(unit_file_load(*state, FAULT_BROKEN_CONFIG, &f, &fault), -EISDIR);
        fault_check_none(&fault);

        scratch_write_bytes(*state, "large", large, UNIT_FILE_BYTES_MAX + 1);
        assert_int_equal(unit_file_load(scratch_path(*state, "large"), FAULT_BROKEN_CONFIG, &f, &fault), -EBADMSG);
        fault_check(&fault, FAULT_BROKEN_CONFIG, NULL, "/large: larger than 262144 bytes");

        scratch_write(*state, "broken", "[S]\nx\n");
        assert_int_equal(unit_file_load(scratch_path(*state, "broken"), FAULT_BROKEN_CONFIG, &f, &fault), -EBADMSG);
        fault_check(&fault, FAULT_BROKEN_CONFIG, NULL, "/broken:2: ");
        assert_ptr_equal(f, &untouched);
}

static void last_assignment_counts(void **state)
{
        _cleanup_(unit_file_freep) UnitFile *f = parse("[A]\nx=1\nx=2\ny=1\ny=\nz=1\nz=\nz=3\n[B]\nx=4\n");

        assert_string_equal(unit_file_find(f, "A", "x")->value, "2");
        assert_string_equal(unit_file_find(f, "B", "x")->value, "4");
        assert_null(unit_file_find(f, "A", "y"));
        assert_string_equal(unit_file_find(f, "A", "z")->value, "3");
        assert_null(unit_file_find(f, "B", "y"));
        assert_null(unit_file_find(f, "C", "x"));
        assert_null(unit_file_find(f, "a", "X"));
}

static void command_line_is_split_as_systemd_does(void **state)
{
        static const struct {
                const char *value, *words[5];
        } table[] = {
                { "", { NULL } },
                { "  \t ", { NULL } },
                { "a", { "a" } },
                { "/usr/bin/python3 /work/main.py", { "/usr/bin/python3", "/work/main.py" } },
                { " a\t b ", { "a", "b" } },
                { "'a b' \"c d\"", { "a b", "c d" } },
                { "''", { "" } },
                { "\"\" x", { "", "x" } },
                { "a'b c'd", { "ab cd" } },
                { "\"it's\" 'say \"x\"'", { "it's", "say \"x\"" } },
                { "a\\sb a\\ttab", { "a b", "a\ttab" } },
                { "\\a\\b\\f\\n\\r\\t\\v\\\\\\\"\\'", { "\a\b\f\n\r\t\v\\\"'" } },
                { "\\x41\\x7e \"\\xC3\\xbc\"", { "A~", "\xc3\xbc" } },
                { "\"a\\\"b\"", { "a\"b" } },
                { "'a\\'b'", { "a'b" } },
                { "$HOME %n ;", { "$HOME", "%n", ";" } },
        };

        for (size_t i = 0; i < ELEMENTSOF(table); i++) {
                _cleanup_(strv_freep) char **words = NULL;
                size_t n = 0;

                assert_int_equal(unit_file_split_words(table[i].value, &words), 0);
                STRV_FOREACH(w, table[i].words)
                        assert_string_equal(words[n++], *w);
                assert_int_equal(strv_length(words), n);
        }
}

static void command_line_that_cannot_be_split_leaves_the_result_alone(void **state)
{
        static const char *const values[] = {
                "'", "\"", "a 'b", "\"a\\\"", "\\", "a\\", "\\q", "\\x", "\\x4", "\\xg0", "\\x4g", "\\x00", "'a\\",
        };
        char *untouched[1], **words = untouched;

        for (size_t i = 0; i < ELEMENTSOF(values); i++) {
                assert_row(unit_file_split_words(values[i], &words) == -EINVAL, values[i]);
                assert_ptr_equal(words, untouched);
        }
}

static void specifiers_of_name_and_manager_are_put_in(void **state)
{
        static const struct {
                const char *value, *unit, *expected;
        } table[] = {
                { "", "a.service", "" },
                { "plain", "a.service", "plain" },
                { "%n", "rce-sandbox-python-7.service", "rce-sandbox-python-7.service" },
                { "%N", "rce-sandbox-python-7.service", "rce-sandbox-python-7" },
                { "%p", "rce-sandbox-python-7.service", "rce-sandbox-python-7" },
                { "%j", "rce-sandbox-python-7.service", "7" },
                { "--user=%j:%j", "rce-sandbox-c++.1-42.service", "--user=42:42" },
                { "%N", "rce-sandbox-c++.1-42.service", "rce-sandbox-c++.1-42" },
                { "%j", "plain.service", "plain" },
                { "%j", "ends-.service", "" },
                { "%N", "nosuffix", "nosuffix" },
                { "%j", "a-b", "b" },
                { "--cidfile=%t/%N.cid", "a-7.service", "--cidfile=/run/user/990/a-7.cid" },
                { "100%%", "a.service", "100%" },
                { "%%n", "a.service", "%n" },
                { "%%%n", "a.service", "%a.service" },
        };

        for (size_t i = 0; i < ELEMENTSOF(table); i++) {
                _cleanup_(freep) char *s = NULL;

                assert_int_equal(unit_file_expand(table[i].value, table[i].unit, "/run/user/990", &s), 0);
                assert_string_equal(s, table[i].expected);
        }
}

static void unknown_specifier_is_refused(void **state)
{
        static const char *const values[] = { "%", "%i", "%T", "a%", "%n%", "%%%", "% n" };
        char untouched[1], *s = untouched;

        for (size_t i = 0; i < ELEMENTSOF(values); i++) {
                assert_row(unit_file_expand(values[i], "a.service", "/run/user/990", &s) == -EINVAL, values[i]);
                assert_ptr_equal(s, untouched);
        }
}

static void no_file_can_be_released(void **state)
{
        assert_null(unit_file_free(NULL));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(order_repetition_and_lines_are_kept),
                cmocka_unit_test(nothing_is_a_file_without_entries),
                cmocka_unit_test(value_is_taken_as_it_stands),
                cmocka_unit_test(backslash_joins_lines_by_a_space),
                cmocka_unit_test(comment_inside_a_continued_line_is_dropped),
                cmocka_unit_test(backslash_does_not_continue_a_comment),
                cmocka_unit_test(lines_may_end_as_windows_ends_them),
                cmocka_unit_test(syntax_error_names_file_and_line),
                cmocka_unit_test(bytes_that_are_no_text_are_refused_with_their_line),
                cmocka_unit_test(file_may_be_as_large_as_the_limit_and_no_larger),
                cmocka_unit_test(file_may_have_as_many_assignments_as_the_limit_and_no_more),
                scratch_unit_test(file_is_loaded_from_disk),
                scratch_unit_test(file_that_cannot_be_loaded_leaves_the_result_alone),
                cmocka_unit_test(last_assignment_counts),
                cmocka_unit_test(command_line_is_split_as_systemd_does),
                cmocka_unit_test(command_line_that_cannot_be_split_leaves_the_result_alone),
                cmocka_unit_test(specifiers_of_name_and_manager_are_put_in),
                cmocka_unit_test(unknown_specifier_is_refused),
                cmocka_unit_test(no_file_can_be_released),
        };

        return cmocka_run_group_tests_name("unit-file", tests, NULL, NULL);
}
