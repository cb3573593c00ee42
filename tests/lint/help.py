#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The manners of a program: what --help, --version and wrong command lines do. help.py PROGRAM VERSION"""

import re
import subprocess
import sys
import unittest

PROGRAM, VERSION = sys.argv[1:3]
WIDTH_MAX = 100
USAGE = 2
JOB = '01890a5d-ac96-774b-bcce-b302099a8057'


def run(*args, **kwargs):
    return subprocess.run([PROGRAM, *args], capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=30,
                          env={'PATH': '/usr/bin:/bin', 'TERM': 'dumb'}, check=False, **kwargs)


def verbs():
    block = run('--help').stdout.split('Verbs:\n')[1].split('\n\n')[0]
    return [line.split()[0] for line in block.splitlines()]


VERBS = verbs()


class Manners(unittest.TestCase):
    def test_there_are_verbs(self):
        self.assertIn('run', VERBS)
        self.assertGreaterEqual(len(VERBS), 5)

    def test_help_goes_to_stdout_only_and_fits(self):
        for verb in [[], *([v] for v in VERBS)]:
            with self.subTest(verb=verb):
                result = run(*verb, '--help')
                self.assertEqual((result.returncode, result.stderr), (0, ''))
                self.assertIn('--help', result.stdout)
                self.assertIn('Examples:', result.stdout)
                self.assertTrue(result.stdout.startswith(' '.join(['rcectl', *verb])))
                for line in result.stdout.splitlines():
                    self.assertLessEqual(len(line), WIDTH_MAX, line)
                    self.assertEqual(line, line.rstrip())
                    self.assertNotIn('\x1b', line)

    def test_short_help_is_the_same(self):
        for verb in [[], *([v] for v in VERBS)]:
            with self.subTest(verb=verb):
                self.assertEqual(run(*verb, '-h').stdout, run(*verb, '--help').stdout)
        self.assertEqual(run('help').stdout, run('--help').stdout)

    def test_help_is_shown_wherever_the_option_stands(self):
        for verb in VERBS:
            with self.subTest(verb=verb):
                self.assertEqual(run(verb, 'operand', '--help').stdout, run(verb, '--help').stdout)

    def test_version(self):
        result = run('--version')
        self.assertEqual((result.returncode, result.stdout, result.stderr), (0, f'rcectl {VERSION}\n', ''))

    def test_wrong_use_is_said_on_stderr_with_a_hint(self):
        cases = [[], ['frobnicate'], ['--frobnicate'], ['-Z']]
        for verb in VERBS:
            cases += [[verb, '--frobnicate'], [verb, '-Z'], [verb, 'list', '--frobnicate', 'x']]
        cases += [['run'], ['lint'], ['language'], ['image'], ['language', 'frobnicate'], ['image', 'frobnicate'],
                  ['language', 'show'], ['language', 'list', 'x'], ['image', 'build'], ['image', 'load', 'x'],
                  ['image', 'list', '--all'], ['lint', '--policy', 'lax', 'x.py'], ['doctor', 'x'],
                  ['image', 'build', '--method', 'magic', 'x'], ['image', 'build', '../x'], ['run', '--env', 'x', 'y'], ['submit'], ['submit', '--tag', 'x', 'y'],
                  ['run', '--local', '--tag', 'a=b', 'x'], ['run', '--priority', 'urgent', 'x'], ['status'], ['logs'],
                  ['cancel'], ['status', 'x'], ['logs', '-f', 'x'], ['cancel', JOB, 'x'], ['status', JOB, JOB],
                  ['list', '--state', 'lost'], ['list', '-n', '0'], ['list', '--tag', '=b'], ['list', 'x'],
                  ['workers', 'x'], ['queue', 'x'], ['journal'], ['journal', 'x']]
        for case in cases:
            with self.subTest(case=case):
                result = run(*case)
                self.assertEqual((result.returncode, result.stdout), (USAGE, ''))
                self.assertRegex(result.stderr, r'^rcectl')
                hint = result.stderr.splitlines()[-1]
                self.assertRegex(hint, r"^Try 'rcectl( \w+)? --help'\.$")
                self.assertLessEqual(len(result.stderr.splitlines()), 3)

    def test_an_option_may_be_shortened_as_everywhere(self):
        self.assertEqual(run('--vers').returncode, 0)

    def test_exit_codes_are_in_the_help(self):
        codes = re.findall(r'^ {2}(\d+|128\+N) ', run('--help').stdout, re.M)
        self.assertEqual(codes, ['0', '1', '2', '124', '125', '126', '127', '130', '137', '153', '128+N'])

    def test_a_full_disk_is_an_error(self):
        with open('/dev/full', 'w', encoding='utf-8') as full:
            result = subprocess.run([PROGRAM, '--help'], stdout=full, stderr=subprocess.PIPE, check=False, timeout=30)
        self.assertEqual(result.returncode, 125)


unittest.main(argv=sys.argv[:1])
