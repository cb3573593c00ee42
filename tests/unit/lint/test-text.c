/* SPDX-License-Identifier: Apache-2.0 */
#include "lint/text.h"

#include "lint-fixture.h"

typedef struct Case {
        const char *text;
        size_t size;
        const char *complaint;           /* NULL: accepted */
} Case;

#define TEXT(literal) (literal), sizeof(literal) - 1

static void check(const Case *cases, size_t n, int (*f)(const char *, size_t, Fault *))
{
        for (size_t i = 0; i < n; i++) {
                Fault fault = {0};
                int r = f(cases[i].text, cases[i].size, &fault);

                if (!cases[i].complaint) {
                        if (r < 0)
                                print_error("case %zu: %s\n", i, fault.detail);
                        assert_int_equal(r, 0);
                } else {
                        assert_int_equal(r, -EBADMSG);
                        assert_int_equal(fault.code, FAULT_INVALID_SOURCE);
                        assert_string_equal(fault.field, "source");
                        assert_string_equal(fault.detail, cases[i].complaint);
                }
                fault_done(&fault);
        }
}

static void text_that_cannot_be_a_program_is_refused(void **state)
{
        static const Case cases[] = {
                {TEXT("print(1)\n")},
                {TEXT("\n")},
                {TEXT("# größer ≥ 𝐨𝐬")},
                {TEXT(UTF8_BOM "print(1)\n")},
                {TEXT(""), "The source is empty"},
                {TEXT("\0"), "Line 1: the source contains a NUL byte"},
                {TEXT("a\nb\n\0c"), "Line 3: the source contains a NUL byte"},
                {TEXT("a\n\xff\n"), "Line 2: the source is not valid UTF-8 (byte 0xff at offset 2)"},
                {TEXT("\xc0\x80"), "Line 1: the source is not valid UTF-8 (byte 0xc0 at offset 0)"},
                {TEXT("\n\n'\xed\xa0\x80'"), "Line 3: the source is not valid UTF-8 (byte 0xed at offset 3)"},
                {TEXT("x = '\xe2\x82"), "Line 1: the source is not valid UTF-8 (byte 0xe2 at offset 5)"},
                {TEXT("\x7f" "ELF\x02\x01\x01\0\0\0"), "Line 1: the source contains a NUL byte"},
                {TEXT("\xff\xfei\0m\0"), "Line 1: the source contains a NUL byte"},
        };

        check(cases, sizeof(cases) / sizeof(cases[0]), lint_check_text);
}

static void text_python_reads_otherwise_is_refused(void **state)
{
        static const Case cases[] = {
                {TEXT("a\r\nb\r\n")},
                {TEXT("x = 1 # a\rimport os"), "Line 1: the source contains a carriage return that ends no line"},
                {TEXT("a\r\nb\r\r\n"), "Line 2: the source contains a carriage return that ends no line"},
                {TEXT("a\n'\r'\n"), "Line 2: the source contains a carriage return that ends no line"},
                {TEXT("a\r"), "Line 1: the source contains a carriage return that ends no line"},

                {TEXT("# -*- coding: utf-8 -*-\n")},
                {TEXT("# coding=UTF_8\n")},
                {TEXT("# coding: utf-8-unix\n")},
                {TEXT("# vim: set fileencoding=utf8 :\n")},
                {TEXT("# encoding: ascii")},
                {TEXT(UTF8_BOM "# coding: utf-8\r\n")},
                {TEXT("# coding: utf-7\n"), "Line 1: the source declares the encoding 'utf-7', but it must be UTF-8"},
                {TEXT("# -*- coding: latin-1 -*-"),
                 "Line 1: the source declares the encoding 'latin-1', but it must be UTF-8"},
                {TEXT("#!/usr/bin/python3\n \t\f# vim: fileencoding=utf_7:\n"),
                 "Line 2: the source declares the encoding 'utf_7', but it must be UTF-8"},
                {TEXT("\r\n#coding=rot13"), "Line 2: the source declares the encoding 'rot13', but it must be UTF-8"},
                {TEXT(UTF8_BOM "#coding:raw_unicode_escape\n"),
                 "Line 1: the source declares the encoding 'raw_unicode_escape', but it must be UTF-8"},
                {TEXT("# coding is coding: utf-16-le"),
                 "Line 1: the source declares the encoding 'utf-16-le', but it must be UTF-8"},

                /* where Python does not look for it, or sees none */
                {TEXT("\n\n# coding: utf-7\n")},
                {TEXT("x = 1\n# coding: utf-7\n")},
                {TEXT("'''\n# coding: utf-7\n'''\n")},
                {TEXT("x = 1 # coding: utf-7\n")},
                {TEXT("coding = utf_7")},
                {TEXT("# coding : utf-7\n")},
                {TEXT("# coding:\n")},
                {TEXT("# coding")},
                {TEXT("# coding: utf-8\n# coding: utf-7\n")},
        };

        check(cases, sizeof(cases) / sizeof(cases[0]), lint_check_python_text);
}

static void text_beyond_any_limit_is_too_large(void **state)
{
        size_t size = LINT_TEXT_MAX + 1;
        char *text = malloc(size);
        Fault fault = {0};

        assert_non_null(text);
        memset(text, '\n', size);
        assert_int_equal(lint_check_text(text, size - 1, &fault), 0);
        assert_int_equal(lint_check_text(text, size, &fault), -EBADMSG);
        assert_int_equal(fault.code, FAULT_TOO_LARGE);
        fault_done(&fault);
        free(text);
}

static void off_checks_the_text_and_nothing_else(void **state)
{
        LintResult *result = NULL;
        Fault fault = {0};

        assert_int_equal(lint_run(NULL, LINT_OFF, TEXT("import os # \r"), &result, &fault), 0);
        assert_int_equal(result->n_diagnostics, 0);
        assert_false(result->undecided);
        lint_result_free(result);

        assert_int_equal(lint_run(NULL, LINT_OFF, TEXT("a\0b"), &result, &fault), -EBADMSG);
        assert_int_equal(lint_run(policy, LINT_STANDARD, TEXT("a\0b"), &result, &fault), -EBADMSG);
        assert_int_equal(lint_run(policy, LINT_STANDARD, TEXT("a = 1\rb = 2\n"), &result, &fault), -EBADMSG);
        assert_int_equal(lint_run(policy, LINT_STANDARD, TEXT("# coding: utf-7\n"), &result, &fault), -EBADMSG);
        fault_done(&fault);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(text_that_cannot_be_a_program_is_refused),
                cmocka_unit_test(text_python_reads_otherwise_is_refused),
                cmocka_unit_test(text_beyond_any_limit_is_too_large),
                cmocka_unit_test(off_checks_the_text_and_nothing_else),
        };

        return cmocka_run_group_tests_name("lint/text", tests, load_policy, free_policy);
}
