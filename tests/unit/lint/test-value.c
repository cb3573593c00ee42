/* SPDX-License-Identifier: Apache-2.0 */

/* What a piece of a program means, seen through a policy that reports every first argument of f(). */

#include "lint-fixture.h"

static const char arguments[] = "((call function: (identifier) @f arguments: (argument_list . (_) @name))\n"
                                "  (#eq? @f \"f\") (#match? @name \"\") (#set! reason \"seen\"))\n"
                                "((dotted_name) @name (#match? @name \"\") (#set! reason \"seen\"))";

typedef struct Case {
        const char *text;
        const char *value;               /* NULL: not known */
} Case;

static const Case cases[] = {
        {"f(eval)", "eval"},
        {"f(ｅval)", "eval"},
        {"f(𝓮𝔁𝓮𝓬)", "exec"},
        {"f(ﬁle)", "file"},
        {"f(größe)", "größe"},
        {"import os", "os"},
        {"import os.path", "os.path"},
        {"import os . path", "os.path"},
        {"import os.\\\n  path", "os.path"},
        {"import 𝐨𝐬.ｐath", "os.path"},

        {"f('eval')", "eval"},
        {"f(\"eval\")", "eval"},
        {"f('''eval''')", "eval"},
        {"f('')", ""},
        {"f('ｅval')", "ｅval"},     /* Python does not normalise strings */
        {"f('e' 'val')", "eval"},
        {"f('e'  \"v\" '''al''')", "eval"},
        {"f('e' + 'val')", "eval"},
        {"f('e' + ('v' + 'a') + \"l\")", "eval"},
        {"f(('eval'))", "eval"},
        {"f('e' + # comment\n 'val')", "eval"},
        {"f(u'eval')", "eval"},
        {"f(r'eval')", "eval"},
        {"f(f'eval')", "eval"},
        {"f(F'e{{}}')", "e{}"},
        {"f(rF'\\x{{')", "\\x{"},
        {"f('\\x65val')", "eval"},
        {"f('\\145val')", "eval"},
        {"f('\\u0065v\\U00000061l')", "eval"},
        {"f('\\0145')", "\f5"},     /* at most three digits */
        {"f('e\\\nval')", "eval"},
        {"f('e\\\r\nval')", "eval"},
        {"f('a\\tb\\\\\\'\\\"')", "a\tb\\'\""},
        {"f(r'\\x65val')", "\\x65val"},
        {"f('\\qval')", "\\qval"},
        {"f('\\u20ac')", "€"},

        {"f('\\N{LATIN SMALL LETTER E}val')", NULL},
        {"f('a\\0b')", NULL},
        {"f('\\ud800')", NULL},
        {"f(f'e{x}val')", NULL},
        {"f(b'eval')", NULL},
        {"f(Rb'eval')", NULL},
        {"f('e' 'v' f'{x}')", NULL},
        {"f('eval' * 2)", NULL},
        {"f('e' + x)", NULL},
        {"f(x.y)", NULL},
        {"f(1)", NULL},
        {"f(-1)", NULL},
        {"f(g('eval'))", NULL},
        {"f(['eval'])", NULL},
};

static int parse_policy(void **state)
{
        return lint_policy_parse("python", "arguments.scm", arguments, strlen(arguments), &policy, NULL);
}

static void values_are_what_python_makes_of_them(void **state)
{
        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
                LintResult *result = run(LINT_STANDARD, cases[i].text);

                if (result->undecided || result->n_diagnostics != (cases[i].value != NULL))
                        print_error("%s\n", cases[i].text);
                assert_false(result->undecided);
                assert_int_equal(result->n_diagnostics, cases[i].value ? 1 : 0);
                if (cases[i].value)
                        assert_string_equal(result->diagnostics[0].name, cases[i].value);
                lint_result_free(result);
        }
}

static void what_is_longer_than_a_name_is_not_known(void **state)
{
        static char text[300 * 1024];
        LintResult *result;

        /* an identifier that would have to be normalised */
        memset(text, 'a', sizeof(text));
        memcpy(text, "f(\xc3\xa4", 4);
        memcpy(text + 1000, ")", 2);
        result = run(LINT_STANDARD, text);
        assert_int_equal(result->n_diagnostics, 0);
        lint_result_free(result);

        /* the same in ASCII is compared where it stands, and shortened when it is named */
        memcpy(text, "f(aa", 4);
        result = run(LINT_STANDARD, text);
        assert_int_equal(result->n_diagnostics, 1);
        assert_int_equal(strlen(result->diagnostics[0].name), 128 + strlen("…"));
        lint_result_free(result);

        /* a literal */
        memset(text, 'a', sizeof(text));
        memcpy(text, "f('", 3);
        memcpy(text + 10000, "')", 3);
        result = run(LINT_STANDARD, text);
        assert_int_equal(result->n_diagnostics, 0);
        lint_result_free(result);

        /* as many as there is room for, joined */
        char *p = stpcpy(text, "f(''");
        while (p < text + sizeof(text) - 10)
                p = stpcpy(p, "+''");
        strcpy(p, ")");
        result = run(LINT_STANDARD, text);
        assert_int_equal(result->n_diagnostics, 0);
        lint_result_free(result);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(values_are_what_python_makes_of_them),
                cmocka_unit_test(what_is_longer_than_a_name_is_not_known),
        };

        return cmocka_run_group_tests_name("lint/value", tests, parse_policy, free_policy);
}
