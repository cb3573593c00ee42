#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The manual says what the code says. manual.py SOURCE-ROOT PROGRAM"""

import pathlib
import re
import shutil
import subprocess
import sys
import unittest

ROOT = pathlib.Path(sys.argv[1])
PROGRAM = sys.argv[2]


def page(name):
    """The words of a page, without its markup."""
    text = (ROOT / 'man' / name).read_text(encoding='utf-8')
    text = re.sub(r'^\.\\".*\n', '', text, flags=re.M)
    text = re.sub(r'\bFl - ?', '--', text)
    return re.sub(r'\bFl ', '-', text).replace('\\&', '')


def program_help(*verb):
    return subprocess.run([PROGRAM, *verb, '--help'], capture_output=True, text=True, check=True, timeout=30).stdout


def verbs():
    block = program_help().split('Verbs:\n')[1].split('\n\n')[0]
    return [line.split()[0] for line in block.splitlines()]


def options(help_text):
    """Pairs of short (or none) and long."""
    return re.findall(r'^ +(?:(-\w), |    )(--[\w-]+)', help_text, re.M)


def source(path):
    return (ROOT / path).read_text(encoding='utf-8')


def section(text, title):
    """Of a page: from its heading to the next."""
    parts = re.split(r'^\.S[sh] ', text, flags=re.M)
    found = [p for p in parts if p.startswith(title)]
    assert found, f'no section {title}'
    return '\n'.join(found)


class Rcectl(unittest.TestCase):
    def test_every_verb_has_its_part(self):
        text = page('rcectl.1')
        for verb in verbs():
            self.assertRegex(text, rf'(?m)^\.Ss {verb}\b', verb)
            self.assertRegex(text, rf'(?m)^\.Cm {verb}$', verb)

    def test_every_option_is_in_the_part_of_its_verb(self):
        text = page('rcectl.1')
        common = section(text, 'Options of all verbs')
        server = section(text, 'Options of run, submit')
        speaking = re.search(r'Options of (.+)', server)[1].replace(' and ', ', ').split(', ')
        for verb in [None, *verbs()]:
            part = common + (server if verb in speaking else '') + (section(text, verb) if verb else '')
            for short, long in options(program_help(*([verb] if verb else []))):
                with self.subTest(verb=verb, option=long):
                    entry = rf'\.It {short} , {long}\b' if short else rf'\.It {long}\b'
                    self.assertRegex(part, rf'(?m)^{entry}')

    def test_no_option_is_only_in_the_manual(self):
        known = {'--version'}
        for verb in verbs():
            known |= {long for _, long in options(program_help(verb))}
        written = set(re.findall(r'^\.It (?:-\w , )?(--[\w-]+)', page('rcectl.1'), re.M))
        self.assertEqual(written, known)

    def test_exit_codes(self):
        table = re.findall(r'X\(CTL_EXIT_\w+, (\d+), "([^"]+)"\)', source('src/ctl/ctl.h'))
        self.assertGreater(len(table), 5)
        status = section(page('rcectl.1'), 'EXIT STATUS')
        written = re.findall(r'^\.It (\d+)\n(.+)$', status, re.M)
        self.assertEqual(written[:len(table)], table)


class Configuration(unittest.TestCase):
    def table(self):
        found = re.findall(r'\{ "(\w+)", "(\w+)", CONFIG_\w+, offsetof\(Config, \w+\), "([^"]*)" \}',
                           source('src/shared/config.c'))
        self.assertGreater(len(found), 5)
        return found

    def test_the_manual_has_every_key_with_its_default(self):
        text = page('rce.conf.5')
        written = []
        for name in dict.fromkeys(s for s, _, _ in self.table()):
            part = section(text, f'[{name}]')
            for entry in re.split(r'^\.It Va ', part, flags=re.M)[1:]:
                key = entry.split('=')[0]
                default = re.search(r'Defaults to\n\.Cm (.+) \.$|^Nothing is \w+ by default\.$', entry, re.M)
                self.assertTrue(default, key)
                written.append((name, key, default[1] or ''))
        self.assertEqual(written, self.table())

    def test_the_shipped_file_has_every_key_with_its_default(self):
        written, name = [], None
        for line in source('src/shared/rce.conf').splitlines():
            if line.startswith('['):
                name = line.strip('[]')
            elif match := re.match(r'#(\w+)=(.*)$', line):
                written.append((name, match[1], match[2]))
        self.assertEqual(written, self.table())


class Language(unittest.TestCase):
    def keys(self, function):
        body = re.search(rf'^static int {function}\(.*?^}}', source('src/language/language.c'), re.M | re.S)[0]
        return set(re.findall(r'streq\(key, "(\w+)"\)', body))

    def written(self, name):
        items = re.findall(r'^\.It Va (.+)$', section(page('rce-language.5'), f'[{name}]'), re.M)
        return set(re.findall(r'(\w+)=', ' '.join(items)))

    def test_our_keys(self):
        self.assertGreater(len(self.keys('set_own')), 5)
        self.assertEqual(self.written('X-Language'), self.keys('set_own'))

    def test_keys_of_the_service(self):
        self.assertEqual(self.written('Service'), self.keys('set_service'))

    def test_keys_of_the_container(self):
        self.assertLessEqual(self.keys('set_container'), self.written('Container'))


class Lint(unittest.TestCase):
    def test_predicates(self):
        names = re.findall(r'= "([\w-]+\?)"', source('src/lint/policy.c'))
        self.assertGreater(len(names), 2)
        text = page('rce-lint.5')
        for name in names:
            self.assertIn(f'#{name}', text)
            self.assertIn(f'#not-{name}', text)


class Form(unittest.TestCase):
    pages = sorted((ROOT / 'man').glob('*.[1-9]'))

    @unittest.skipUnless(shutil.which('mandoc'), 'mandoc is not installed')
    def test_mandoc_has_no_complaints(self):
        self.assertTrue(self.pages)
        result = subprocess.run(['mandoc', '-T', 'lint', '-W', 'warning', *self.pages], capture_output=True, text=True,
                                check=False, timeout=60)
        self.assertEqual((result.returncode, result.stdout), (0, ''))

    def test_every_page_is_installed(self):
        listed = set(re.findall(r"'([\w.@-]+\.[1-9])'", source('man/meson.build')))
        self.assertEqual(listed, {p.name for p in self.pages})

    def test_references_to_our_own_pages_exist(self):
        for path in self.pages:
            for name, number in re.findall(r'^\.Xr (rce[\w.@-]*) (\d)', path.read_text(encoding='utf-8'), re.M):
                self.assertTrue((ROOT / 'man' / f'{name}.{number}').exists(), f'{path.name}: {name}({number})')


unittest.main(argv=sys.argv[:1])
