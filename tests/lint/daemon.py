#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The manners of a daemon: --help, --version, wrong command lines, and a manual that has the same options.
daemon.py SOURCE-ROOT PROGRAM PAGE VERSION"""

import pathlib
import re
import subprocess
import sys
import unittest

ROOT, PROGRAM, PAGE, VERSION = pathlib.Path(sys.argv[1]), *sys.argv[2:5]
NAME = pathlib.Path(PROGRAM).name
WIDTH_MAX = 100


def run(*args):
    return subprocess.run([PROGRAM, *args], capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=30,
                          env={'PATH': '/usr/bin:/bin'}, check=False)


class Manners(unittest.TestCase):
    def test_help_goes_to_stdout_only_and_fits(self):
        result = run('--help')
        self.assertEqual((result.returncode, result.stderr), (0, ''))
        self.assertTrue(result.stdout.startswith(NAME))
        for line in result.stdout.splitlines():
            self.assertLessEqual(len(line), WIDTH_MAX, line)
            self.assertEqual(line, line.rstrip())
        self.assertEqual(run('-h').stdout, result.stdout)

    def test_version(self):
        result = run('--version')
        self.assertEqual((result.returncode, result.stdout, result.stderr), (0, f'{NAME} {VERSION}\n', ''))

    def test_wrong_use_is_said_on_stderr(self):
        for args in [['--frobnicate'], ['-Z'], ['operand']]:
            with self.subTest(args=args):
                result = run(*args)
                self.assertEqual((result.returncode, result.stdout), (2, ''))
                self.assertIn(NAME, result.stderr)

    def test_the_manual_has_the_same_options(self):
        text = (ROOT / 'man' / PAGE).read_text(encoding='utf-8')
        written = re.findall(r'^\.It (?:(-\w) , )?(--[\w-]+)', text, re.M)
        helped = re.findall(r'^ +(?:(-\w), |    )(--[\w-]+)', run('--help').stdout, re.M)
        self.assertGreaterEqual(len(helped), 2)
        self.assertEqual(written, helped)


unittest.main(argv=sys.argv[:1])
