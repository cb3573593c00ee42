#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Completes real command lines in a real bash. completion.py SOURCE-ROOT PROGRAM"""

import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(sys.argv[1])
PROGRAM = sys.argv[2]
SCRIPT = ROOT / 'completion' / 'rcectl.bash'

# What bash would do on Tab: the words as readline splits them, the cursor at the end of the last.
DRIVER = r'''
source "$1"; shift
compopt() { :; }
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMP_LINE="$*"; COMP_POINT=${#COMP_LINE}
_rcectl
printf '%s\n' "${COMPREPLY[@]}"
'''


def program_help(*verb):
    return subprocess.run([PROGRAM, *verb, '--help'], capture_output=True, text=True, check=True, timeout=30).stdout


def verbs():
    block = program_help().split('Verbs:\n')[1].split('\n\n')[0]
    return [line.split()[0] for line in block.splitlines()]


class Bash(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.directory = pathlib.Path(scratch.name)
        # the languages of a host; everything else is answered by the program itself
        (self.directory / 'rcectl').write_text(
            f'#!/bin/sh\ncase "$*" in "language list --names") printf "python\\npy\\nruby\\n" ;;\n'
            f'*) exec {PROGRAM} "$@" ;;\nesac\n', encoding='utf-8')
        (self.directory / 'rcectl').chmod(0o755)
        (self.directory / 'program.py').touch()

    def complete(self, *words):
        result = subprocess.run(['bash', '--norc', '-c', DRIVER, 'bash', SCRIPT, 'rcectl', *words], text=True,
                                capture_output=True, cwd=self.directory, check=False, timeout=30,
                                env={'PATH': f'{self.directory}:/usr/bin:/bin'})
        self.assertEqual((result.returncode, result.stderr), (0, ''))
        return set(result.stdout.split())

    def test_verbs(self):
        self.assertEqual(self.complete(''), set(verbs()))
        self.assertEqual(self.complete('la'), {'language'})
        self.assertEqual(self.complete('-q', 'do'), {'doctor'})
        self.assertEqual(self.complete('l'), {'lint', 'language', 'list', 'logs'})
        self.assertEqual(self.complete('zz'), set())

    def test_options_are_those_of_the_help(self):
        for verb in verbs():
            with self.subTest(verb=verb):
                known = set(re.findall(r'^ +(?:-\w, |    )(--[\w-]+)', program_help(verb), re.M))
                self.assertEqual(self.complete(verb, '--'), known)

    def test_global_options(self):
        self.assertEqual(self.complete('--'), {'--help', '--quiet', '--version'})

    def test_sub_verbs(self):
        self.assertEqual(self.complete('language', ''), {'list', 'show'})
        self.assertEqual(self.complete('image', 'l'), {'list', 'load'})

    def test_languages(self):
        self.assertEqual(self.complete('language', 'show', 'p'), {'python', 'py'})
        self.assertEqual(self.complete('language', 'show', 'python', ''), set())
        self.assertEqual(self.complete('run', '--language', 'r'), {'ruby'})
        self.assertEqual(self.complete('run', '-l', 'r'), {'ruby'})
        self.assertEqual(self.complete('run', '--language', '=', 'r'), {'ruby'})
        self.assertEqual(self.complete('run', '--language', '='), {'python', 'py', 'ruby'})

    def test_levels(self):
        self.assertEqual(self.complete('submit', '--priority', ''), {'low', 'normal', 'high'})
        self.assertEqual(self.complete('list', '--state', 'c'), {'cancelled'})
        self.assertEqual(self.complete('run', '--lint', 's'), {'strict', 'standard'})
        self.assertEqual(self.complete('lint', '--policy', ''), {'strict', 'standard', 'off'})

    def test_files(self):
        self.assertEqual(self.complete('run', 'pro'), {'program.py'})
        self.assertEqual(self.complete('submit', '--tag', 'a', 'pro'), {'program.py'})
        self.assertEqual(self.complete('lint', 'a.py', 'pro'), {'program.py'})
        self.assertEqual(self.complete('run', '--stdin', 'pro'), {'program.py'})
        self.assertEqual(self.complete('image', 'build', '-o', 'pro'), {'program.py'})
        self.assertEqual(self.complete('image', 'load', 'python', 'pro'), {'program.py'})

    def test_the_value_of_an_option_is_no_operand(self):
        self.assertEqual(self.complete('run', '--language', 'python', 'pro'), {'program.py'})
        self.assertEqual(self.complete('run', '--time', '=', '2s', 'pro'), {'program.py'})
        self.assertEqual(self.complete('run', '-a', 'run', 'pro'), {'program.py'})
        self.assertEqual(self.complete('run', '--arg', 'p'), set())

    def test_limits(self):
        self.assertEqual(self.complete('run', '--limit', 'c'), {'cpu=', 'cpu_time='})


class Others(unittest.TestCase):
    def test_limits_are_those_of_the_code(self):
        text = (ROOT / 'src' / 'job' / 'limits.c').read_text(encoding='utf-8')
        names = re.findall(r'^ +\{ "(\w+)", JOB_LIMIT_', text, re.M)
        self.assertGreater(len(names), 3)
        for script in ('rcectl.bash', '_rcectl', 'rcectl.fish'):
            self.assertIn(' '.join(f'{n}=' for n in names), (ROOT / 'completion' / script).read_text(encoding='utf-8'))

    def test_zsh_and_fish_have_every_option(self):
        zsh = (ROOT / 'completion' / '_rcectl').read_text(encoding='utf-8')
        fish = (ROOT / 'completion' / 'rcectl.fish').read_text(encoding='utf-8')
        for verb in verbs():
            for option in re.findall(r'^ +(?:-\w, |    )--([\w-]+)', program_help(verb), re.M):
                with self.subTest(verb=verb, option=option):
                    self.assertIn(f'--{option}', zsh)
                    self.assertRegex(fish, rf'-l {option}\b')

    @unittest.skipUnless(shutil.which('zsh'), 'zsh is not installed')
    def test_zsh_can_read_it(self):
        subprocess.run(['zsh', '-n', ROOT / 'completion' / '_rcectl'], check=True, timeout=30)

    @unittest.skipUnless(shutil.which('fish'), 'fish is not installed')
    def test_fish_can_read_it(self):
        subprocess.run(['fish', '--no-execute', ROOT / 'completion' / 'rcectl.fish'], check=True, timeout=30)


unittest.main(argv=sys.argv[:1])
