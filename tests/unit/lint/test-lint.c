/* SPDX-License-Identifier: Apache-2.0 */
#include "basic/time-util.h"
#include "shared/json-util.h"

#include "lint-fixture.h"

typedef struct Case {
        const char *text;
        const char *standard, *strict;   /* "LINE:COLUMN:NAME …" of what is reported; NULL: the same as standard */
} Case;

/* What has to be said of a program, and what has not. */
static const Case forbidden[] = {
        /* modules */
        {"import os", "1:8:os"},
        {"import os.path", "1:8:os.path"},
        {"import os as o", "1:8:os"},
        {"import os.path as p", "1:8:os.path"},
        {"import math, os, json", "1:14:os"},
        {"import subprocess as sp, shutil", "1:8:subprocess 1:26:shutil"},
        {"from os import path", "1:6:os"},
        {"from os import system as s", "1:6:os"},
        {"from os import *", "1:6:os"},
        {"from os.path import (join,\n  exists)", "1:6:os.path"},
        {"if True:\n    import socket\n", "2:12:socket"},
        {"def f():\n\timport requests", "2:9:requests"},
        {"try:\n    import urllib.request\nexcept ImportError:\n    pass", "2:12:urllib.request"},
        {"import pickle; import ftplib", "1:8:pickle 1:23:ftplib"},
        {"import importlib", "1:8:importlib"},
        {"import builtins", "1:8:builtins"},
        {"import posix", "1:8:posix"},
        {"import http.client", "1:8:http.client"},
        {"import os, os", "1:8:os 1:12:os"},
        {"import o\\\ns", "", ""},     /* to Python this is no name */
        {"import \\\n  os", "2:3:os"},
        {"import os . path", "1:8:os.path"},
        {"import ｏｓ", "1:8:os"},
        {"import 𝐨𝐬, 𝓼𝓾𝓫𝓹𝓻𝓸𝓬𝓮𝓼𝓼", "1:8:os 1:12:subprocess"},
        {"from ｏｓ import path", "1:6:os"},
        {"from logging import os", "1:21:os"},
        {"from random import _os as o", "1:20:_os"},
        {"import sys", "", "1:8:sys"},
        {"import pathlib", "", "1:8:pathlib"},
        {"from pathlib import Path", "", "1:6:pathlib"},
        {"from sys import argv", "", "1:6:sys"},
        {"import ctypes", "", "1:8:ctypes"},
        {"import pathlib\npathlib.os.system('id')", "2:9:os", "1:8:pathlib 2:9:os"},
        {"import random\nrandom._os.environ", "2:8:_os"},
        {"import glob\nglob.os", "", "2:6:os"},
        {"import sys\nsys.modules['os']", "2:13:os", "1:8:sys 2:13:os"},
        {"import sys\nsys.modules['o' + \"s\"]", "2:13:os", "1:8:sys 2:13:os"},
        {"import sys\nsys.modules.get('subprocess')", "2:17:subprocess", "1:8:sys 2:17:subprocess"},

        /* imports that are calls */
        {"__import__('os')", "1:1:__import__"},
        {"x = __import__('o' 's').system", "1:5:__import__"},
        {"(__import__)('os')", "1:2:__import__"},
        {"importlib.import_module('os')", "1:11:import_module"},
        {"from x import import_module\nimport_module('os')", "2:1:import_module"},

        /* builtins */
        {"eval('1')", "1:1:eval"},
        {"exec('x = 1')", "1:1:exec"},
        {"exec ('x')", "1:1:exec"},
        {"compile('1', 'f', 'eval')", "1:1:compile"},
        {"breakpoint()", "1:1:breakpoint"},
        {"print(1 + eval(input()))", "1:11:eval", "1:11:eval 1:16:input"},
        {"ｅval('1')", "1:1:eval"},
        {"ｅｘｅｃ('1')", "1:1:exec"},
        {"(eval)('1')", "1:2:eval"},
        {"eval\\\n('1')", "1:1:eval"},
        {"eval(x for x in y)", "1:1:eval"},
        {"@eval\ndef f(): pass", "1:2:eval"},
        {"f'{eval(\"1\")!r:{exec(\"2\")}}'", "1:4:eval 1:17:exec"},
        {"print >> eval('1')", "1:10:eval"},
        {"lambda: exec('1')", "1:9:exec"},
        {"class A:\n    x = eval('1')", "2:9:eval"},
        {"async def f():\n    await eval('1')", "2:11:eval"},
        {"match eval('1'):\n    case 1:\n        exec('2')", "1:7:eval 3:9:exec"},
        {"open('f')", "", "1:1:open"},
        {"with open('f') as f:\n    pass", "", "1:6:open"},
        {"n = int(input())", "", "1:9:input"},
        {"import io\nio.open('f')", "", "2:4:open"},
        {"from io import FileIO", "", "1:16:FileIO"},

        /* builtins under other names */
        {"e = eval", "", "1:5:eval"},
        {"e = f = exec", "", "1:9:exec"},
        {"a, b = 1, eval", "", "1:11:eval"},
        {"(e := eval)", "", "1:7:eval"},
        {"list(map(eval, '12'))", "", "1:10:eval"},
        {"[eval][0]('1')", "", "1:2:eval"},
        {"d = {'e': exec}", "", "1:11:exec"},
        {"def f(e=eval): pass", "", "1:9:eval"},
        {"f(key=open)", "", "1:7:open"},
        {"x = lambda: eval", "", "1:13:eval"},
        {"eval.__call__('1')", "", "1:1:eval"},
        {"i = input", "", "1:5:input"},

        /* ways around */
        {"__builtins__", "1:1:__builtins__"},
        {"__builtins__.eval('1')", "1:1:__builtins__"},
        {"__builtins__['eval']('1')", "1:1:__builtins__"},
        {"globals()['eval']('1')", "1:11:eval", "1:1:globals 1:11:eval"},
        {"globals()['__builtins__']", "1:11:__builtins__", "1:1:globals 1:11:__builtins__"},
        {"globals().get('ev' 'al')", "1:15:eval", "1:1:globals 1:15:eval"},
        {"vars(x)['exec']", "1:9:exec", "1:1:vars 1:9:exec"},
        {"x.__dict__['__import__']", "1:12:__import__", "1:3:__dict__ 1:12:__import__"},
        {"vars()", "", "1:1:vars"},
        {"getattr(x, 'eval')", "1:12:eval"},
        {"getattr(x, 'e' + 'val')", "1:12:eval"},
        {"getattr(x, # so\n  ('e' 'v' + \"a\" r'l'), None)", "2:3:eval"},
        {"getattr(x, '\\x65val')", "1:12:eval"},
        {"getattr(x, f'eval')", "1:12:eval"},
        {"getattr(f, '__globals__')", "1:12:__globals__"},
        {"object.__getattribute__(f, '__globals__')", "1:28:__globals__", "1:8:__getattribute__ 1:28:__globals__"},
        {"operator.attrgetter('__init__.__globals__')", "1:21:__init__.__globals__"},
        {"getattr(x, 'open')", "", "1:12:open"},
        {"getattr(x, '__class__')", "", "1:12:__class__"},
        {"f.__globals__['x']", "1:3:__globals__"},
        {"f.__ｇlobals__", "1:3:__globals__"},
        {"frame.f_builtins", "1:7:f_builtins"},
        {"f.__code__ = g.__code__", "1:3:__code__", "1:3:__code__ 1:16:__code__"},
        {"f.__code__.replace(co_code=b'')", "1:3:__code__"},
        {"().__class__.__bases__[0].__subclasses__()", "1:14:__bases__ 1:27:__subclasses__",
         "1:4:__class__ 1:14:__bases__ 1:27:__subclasses__"},
        {"''.__class__.__mro__[1].__subclasses__()", "1:14:__mro__ 1:25:__subclasses__",
         "1:4:__class__ 1:14:__mro__ 1:25:__subclasses__"},
        {"object.__subclasses__()", "1:8:__subclasses__"},
        {"type.__subclasses__(object)", "1:6:__subclasses__"},
        {"'{0.__class__.__init__}'.format(x)", "", "1:1:{0.__class__.__init__}"},
        {"import asyncio\nasyncio.create_subprocess_shell('id')", "2:9:create_subprocess_shell"},
        {"import ctypes\nctypes.CDLL(None)", "2:8:CDLL", "1:8:ctypes 2:8:CDLL"},
        {"from ctypes import cdll", "1:20:cdll", "1:6:ctypes 1:20:cdll"},
};

static const Case harmless[] = {
        {"print('hello')", "", ""},
        {"# import os\nprint('import os; eval(1)')", "", ""},
        {"'''\nimport os\n'''\n", "", ""},
        {"x = 'os'; y = \"subprocess\"", "", ""},
        {"os = 1; print(os)", "", ""},
        {"f(os=1, eval=2, open=3)", "", ""},
        {"d = {'eval': 1}; d['eval']", "", ""},
        {"import re\nre.compile('x')", "", ""},
        {"df.eval('a + b')", "", ""},
        {"model.eval()", "", ""},
        {"self.open()", "", ""},
        {"class A:\n    def open(self): pass\n    def eval(self, input): return input", "", ""},
        {"import osmnx, syslog, socketio, picklesomething", "", ""},
        {"from . import os", "", ""},
        {"from .os import x", "", ""},
        {"from .. import subprocess as s", "", ""},
        {"from __future__ import annotations", "", ""},
        {"import math, json, random, re, time, datetime, itertools, functools, collections", "", ""},
        {"import numpy as np\nimport pandas as pd\nnp.random.seed(0)\npd.DataFrame({'a': [1]}).query('a > 0')", "", ""},
        {"import matplotlib\nmatplotlib.use('Agg')\nimport matplotlib.pyplot as plt", "", ""},
        {"from sklearn.linear_model import LinearRegression as L\nL().fit([[1]], [1]).predict([[2]])", "", ""},
        {"import threading\nthreading.Thread(target=print).start()", "", ""},
        {"from multiprocessing import Pool\nif __name__ == '__main__':\n    Pool(2).map(abs, [1])", "", ""},
        {"from concurrent.futures import ProcessPoolExecutor", "", ""},
        {"import asyncio\nasyncio.run(asyncio.sleep(0))", "", ""},
        {"class A(B):\n    def __init__(self):\n        super().__init__()", "", ""},
        {"from http import HTTPStatus", "", ""},
        {"def f(input): return relu(input)", "", ""},
        {"getattr(x, 'name', None); getattr(self, 'do_' + verb)", "", ""},
        {"x.format(1); '{} {0[1]} {a.b}'.format(1)", "", ""},
        {"with gzip.compress(b'x') as f: pass", "", ""},
        {"print(r'\\x', b'\\x00', f'{1:>{2}}', '\\N{BULLET}')", "", ""},

        /* what strict alone minds */
        {"import sys\nfor line in sys.stdin:\n    print(line)", "", "1:8:sys"},
        {"print(self.__class__.__name__)", "", "1:12:__class__"},
        {"for c in Shape.__subclasses__(): print(c)", "", "1:16:__subclasses__"},
        {"print(D.__mro__, self.__class__.__mro__)", "", "1:9:__mro__ 1:23:__class__ 1:33:__mro__"},
        {"n = f.__code__.co_argcount", "", "1:7:__code__"},
        {"if 'x' in globals(): print(vars(args)['x'])", "", "1:11:globals 1:28:vars"},
        {"import ctypes\nctypes.c_int32(1)", "", "1:8:ctypes"},
        {"sys.modules[__name__]", "", ""},
        {"from pathlib import Path\nPath('x').open()", "", "1:6:pathlib"},
};

static void assert_findings(LintLevel level, const char *text, const char *expected)
{
        LintResult *result = run(level, text);
        char found[4096] = "", *p = found;

        for (size_t i = 0; i < result->n_diagnostics; i++) {
                LintDiagnostic *d = result->diagnostics + i;

                p += snprintf(p, (size_t) (found + sizeof(found) - p), "%s%u:%u:%s", i > 0 ? " " : "", d->line,
                              d->column, d->name);
                assert_true(strlen(d->reason) > 0 && strncmp(d->code, "forbidden-", 10) == 0);
                assert_true(d->end_line > d->line || (d->end_line == d->line && d->end_column > d->column));
        }
        if (strcmp(found, expected) != 0)
                print_error("%s: %s\n", lint_level_to_string(level), text);
        assert_string_equal(found, expected);
        assert_false(result->truncated);
        lint_result_free(result);
}

static void check(const Case *cases, size_t n)
{
        for (size_t i = 0; i < n; i++) {
                assert_findings(LINT_OFF, cases[i].text, "");
                assert_findings(LINT_STANDARD, cases[i].text, cases[i].standard);
                assert_findings(LINT_STRICT, cases[i].text, cases[i].strict ? cases[i].strict : cases[i].standard);
        }
}

static void what_is_forbidden_is_found(void **state)
{
        check(forbidden, sizeof(forbidden) / sizeof(forbidden[0]));
}

static void what_is_harmless_passes(void **state)
{
        check(harmless, sizeof(harmless) / sizeof(harmless[0]));
}

static void all_of_the_originals_list_is_forbidden_at_strict(void **state)
{
        static const char *const modules[] = {"os", "subprocess", "shutil", "socket", "requests", "urllib",
                                              "pickle", "sys", "importlib", "pathlib", "ftplib"};
        static const char *const calls[] = {"exec", "eval", "compile", "open", "input", "__import__", "breakpoint"};
        char text[64], expected[64];

        for (size_t i = 0; i < sizeof(modules) / sizeof(modules[0]); i++) {
                snprintf(text, sizeof(text), "import %s", modules[i]);
                snprintf(expected, sizeof(expected), "1:8:%s", modules[i]);
                assert_findings(LINT_STRICT, text, expected);
                snprintf(text, sizeof(text), "from %s.x import y", modules[i]);
                snprintf(expected, sizeof(expected), "1:6:%s.x", modules[i]);
                assert_findings(LINT_STRICT, text, expected);
        }
        for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
                snprintf(text, sizeof(text), "x = [%s()]", calls[i]);
                snprintf(expected, sizeof(expected), "1:6:%s", calls[i]);
                assert_findings(LINT_STRICT, text, expected);
        }
}

static void places_are_counted_in_characters(void **state)
{
        LintResult *result = run(LINT_STANDARD, "\xef\xbb\xbfx = 'ü€𝐨'; ｅval('1'); exec('2')\r\n"
                                                "import \\\r\n os . \\\r\n  path");

        assert_int_equal(result->n_diagnostics, 3);
        assert_int_equal(result->diagnostics[0].line, 1);
        assert_int_equal(result->diagnostics[0].column, 12);
        assert_int_equal(result->diagnostics[0].end_column, 16);
        assert_int_equal(result->diagnostics[1].column, 23);
        assert_int_equal(result->diagnostics[2].line, 3);
        assert_int_equal(result->diagnostics[2].column, 2);
        assert_int_equal(result->diagnostics[2].end_line, 4);
        assert_int_equal(result->diagnostics[2].end_column, 7);
        lint_result_free(result);
}

/* Valid for Python, but not for the grammar; and the other way round; and for neither. */
static void what_the_parser_does_not_understand_is_undecided(void **state)
{
        static const char *const texts[] = {
                "if x:\n  f(1+\n1)\n",
                "try:\n    pass\nexcept *(A, B):\n    pass\n",
                "def f[T = int](x: T): pass\n",
                "x = (",
                "def",
                ")))",
                "\"",
                "a b c d",
        };

        for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
                for (LintLevel level = LINT_STANDARD; level < _LINT_LEVEL_MAX; level++) {
                        LintResult *result = run(level, texts[i]);

                        if (!result->undecided)
                                print_error("%s\n", texts[i]);
                        assert_true(result->undecided);
                        assert_int_equal(result->n_diagnostics, 0);
                        lint_result_free(result);
                }
}

static void what_is_found_counts_even_where_the_rest_is_undecided(void **state)
{
        LintResult *result = run(LINT_STANDARD, "import os\ndef f[T = int](x: T): pass\nimport subprocess\n");

        assert_true(result->undecided);
        assert_int_equal(result->n_diagnostics, 2);
        assert_int_equal(result->diagnostics[1].line, 3);
        lint_result_free(result);
}

static void a_long_list_is_cut_and_says_so(void **state)
{
        char text[LINT_DIAGNOSTICS_MAX * 10 + 20], *p = text;

        for (unsigned i = 0; i < LINT_DIAGNOSTICS_MAX; i++)
                p = stpcpy(p, "import os\n");
        LintResult *result = run(LINT_STANDARD, text);
        assert_int_equal(result->n_diagnostics, LINT_DIAGNOSTICS_MAX);
        assert_false(result->truncated);
        lint_result_free(result);

        strcpy(p, "import os\n");
        result = run(LINT_STANDARD, text);
        assert_int_equal(result->n_diagnostics, LINT_DIAGNOSTICS_MAX);
        assert_true(result->truncated);
        for (unsigned i = 0; i < LINT_DIAGNOSTICS_MAX; i++)
                assert_int_equal(result->diagnostics[i].line, i + 1);
        lint_result_free(result);
}

static char *repeat(const char *before, const char *s, size_t n, const char *after)
{
        char *text = malloc(strlen(before) + strlen(s) * n + strlen(after) + 1), *p = text;

        assert_non_null(text);
        p = stpcpy(p, before);
        for (size_t i = 0; i < n; i++)
                p = stpcpy(p, s);
        strcpy(p, after);
        return text;
}

/* None of them may crash, run out of stack, or take longer than the time that is given for its size. */
static void text_made_to_hurt_is_survived(void **state)
{
        static const struct {
                const char *before, *s;
                size_t n;
                const char *after;
        } texts[] = {
                {"", "[", 20000, ""},
                {"", "(", 20000, "1"},
                {"x = ", "f(", 20000, ""},
                {"x = a", ".a", 20000, ""},
                {"x = a", ".__class__", 20000, ""},
                {"x = a", "+a", 20000, ""},
                {"x = ", "not ", 20000, "1"},
                {"", "f'{", 20000, ""},
                {"", "lambda:", 20000, "1"},
                {"", "\\\n", 20000, ""},
                {"getattr(x, ", "(", 20000, ""},
                {"getattr(x, ''", "+''", 20000, ")"},
                {"import a", ".a", 20000, ""},
                {"", ")", 200000, ""},
                {"x = '", "a", 1 << 20, "'"},
                {"", "a", 1 << 20, ""},
                {"", "\n", 1 << 20, ""},
                {"", "import os\n", 20000, ""},
                {"a", "\xcc\x81\xcc\xa3", 200000, ""},     /* normalising sorts them */
        };

        for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
                char *text = repeat(texts[i].before, texts[i].s, texts[i].n, texts[i].after);

                lint_result_free(run(LINT_STANDARD, text));
                lint_result_free(run(LINT_STRICT, text));
                free(text);
        }
}

/* The parser's error recovery is quadratic here, and would take many seconds. */
static void time_is_bounded(void **state)
{
        char *text = repeat("", "import ", 30000, "");
        usec_t start = now_usec(CLOCK_THREAD_CPUTIME_ID);
        LintResult *result = run(LINT_STANDARD, text);

        assert_true(result->undecided);
        assert_int_equal(result->n_diagnostics, 0);
        assert_true(now_usec(CLOCK_THREAD_CPUTIME_ID) - start < 2 * USEC_PER_SEC);
        lint_result_free(result);
        free(text);
}

static void garbage_is_survived(void **state)
{
        static const char alphabet[] = " \n\t()[]{}:,.'\"=+-*/#\\@abcdef if else import lambda class for in";
        size_t size = 1 << 20;
        char *text = malloc(size);
        uint32_t seed = 1;

        assert_non_null(text);
        for (size_t i = 0; i < size; i++) {
                seed = seed * 1664525 + 1013904223;
                text[i] = alphabet[(seed >> 16) % (sizeof(alphabet) - 1)];
        }
        LintResult *result = run_sized(LINT_STRICT, text, size);
        assert_true(result->undecided);
        lint_result_free(result);
        free(text);
}

static void nesting_hides_nothing(void **state)
{
        char *text = repeat("x = eval('1')", ".a", 5000, "");
        LintResult *result = run(LINT_STANDARD, text);

        assert_int_equal(result->n_diagnostics, 1);
        assert_int_equal(result->diagnostics[0].column, 5);
        lint_result_free(result);
        free(text);
}

static void a_policy_is_needed_unless_off(void **state)
{
        LintResult *result = NULL;

        assert_int_equal(lint_run(NULL, LINT_STANDARD, "1", 1, &result, NULL), -EINVAL);
        assert_null(result);
}

static void levels_have_names(void **state)
{
        assert_int_equal(lint_level_from_string("off"), LINT_OFF);
        assert_int_equal(lint_level_from_string("standard"), LINT_STANDARD);
        assert_int_equal(lint_level_from_string("strict"), LINT_STRICT);
        assert_int_equal(lint_level_from_string("lax"), -EINVAL);
        assert_int_equal(lint_level_from_string(NULL), -EINVAL);
        assert_string_equal(lint_level_to_string(LINT_STRICT), "strict");
}

static void results_are_printed_and_made_json(void **state)
{
        LintResult *result = run(LINT_STANDARD, "import os\nx = getattr(y, '\\x1b[31m.eval')\n");
        struct json_object *o = NULL;
        char *text = NULL;
        size_t size;
        FILE *f = open_memstream(&text, &size);

        assert_non_null(f);
        assert_int_equal(lint_result_print(result, "a\tb.py", f), 0);
        fclose(f);
        assert_string_equal(text,
                            "a\\x09b.py:1:8: error: os: starting programs and changing files is not allowed"
                            " [forbidden-import]\n"
                            "a\\x09b.py:2:16: error: \\x1b[31m.eval: what is forbidden is not allowed by way of a"
                            " string either [forbidden-bypass]\n");
        free(text);

        assert_int_equal(lint_result_to_json(result, "b.py", &o), 0);
        assert_string_equal(
                json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN),
                "{\"diagnostics\":[{\"file\":\"b.py\",\"line\":1,\"column\":8,\"end_line\":1,\"end_column\":10,"
                "\"name\":\"os\",\"reason\":\"starting programs and changing files is not allowed\","
                "\"code\":\"forbidden-import\"},"
                "{\"file\":\"b.py\",\"line\":2,\"column\":16,\"end_line\":2,\"end_column\":31,"
                "\"name\":\"\\u001b[31m.eval\",\"reason\":\"what is forbidden is not allowed by way of a string"
                " either\",\"code\":\"forbidden-bypass\"}],"
                "\"file\":\"b.py\",\"undecided\":false,\"truncated\":false}");
        json_object_put(o);
        lint_result_free(result);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(what_is_forbidden_is_found),
                cmocka_unit_test(what_is_harmless_passes),
                cmocka_unit_test(all_of_the_originals_list_is_forbidden_at_strict),
                cmocka_unit_test(places_are_counted_in_characters),
                cmocka_unit_test(what_the_parser_does_not_understand_is_undecided),
                cmocka_unit_test(what_is_found_counts_even_where_the_rest_is_undecided),
                cmocka_unit_test(a_long_list_is_cut_and_says_so),
                cmocka_unit_test(text_made_to_hurt_is_survived),
                cmocka_unit_test(time_is_bounded),
                cmocka_unit_test(garbage_is_survived),
                cmocka_unit_test(nesting_hides_nothing),
                cmocka_unit_test(a_policy_is_needed_unless_off),
                cmocka_unit_test(levels_have_names),
                cmocka_unit_test(results_are_printed_and_made_json),
        };

        return cmocka_run_group_tests_name("lint", tests, load_policy, free_policy);
}
