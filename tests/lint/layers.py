#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Which room may include which, and in which rooms the headers of other projects appear.

docs/ARCHITECTURE.md says it in words. The linker finds calls into a wrong room; this finds types, macros and inline
functions too."""

import pathlib
import re
import sys

# room: the rooms it may include besides itself. Not all of them need to be there.
BASE = {'basic', 'shared'}
ROOMS = {
    'basic': set(),
    'shared': {'basic'},
    # the wire: one foreign library each
    'pg': BASE,
    'amqp': BASE,
    'http': BASE,
    'httpd': BASE,
    's3': BASE | {'http'},
    # the domain, which knows no wire
    'job': BASE,
    'lint': BASE,
    'language': BASE | {'job'},
    'sandbox': BASE | {'job', 'language'},
    'cell': set(),
    # ports, where the two meet
    'store': BASE | {'job', 'pg'},
    'queue': BASE | {'job', 'amqp'},
    'blob': BASE | {'job', 's3', 'http'},
    'client': BASE | {'job', 'http'},
    # programs
    'api': BASE | {'job', 'language', 'lint', 'httpd', 'store', 'queue', 'blob'},
    'worker': BASE | {'job', 'language', 'lint', 'sandbox', 'store', 'queue', 'blob'},
    'setup': BASE | {'job', 'store', 'queue', 'blob'},
    'ctl': BASE | {'job', 'language', 'lint', 'sandbox', 'http', 'client'},
}

# single headers another room may include beyond that
EXCEPTIONS = {
    ('sandbox', 'cell/protocol.h'),
    ('ctl', 'store/migrate.h'),
}

# header of another project: the rooms it belongs to. What json-c and sd-event give is passed through several.
PROGRAMS = {'api', 'worker', 'setup', 'ctl'}
WIRE = {'pg', 'amqp', 'http', 'httpd', 's3'}
PORTS = {'store', 'queue', 'blob', 'client'}
FOREIGN = {
    'amqp': {'amqp'},
    'rabbitmq-c/': {'amqp'},
    'curl/': {'http'},
    'json-c/': {'shared', 'job', 'lint', 'sandbox'} | PORTS | PROGRAMS,
    'libpq': {'pg'},
    'microhttpd.h': {'httpd'},
    'rabbitmq-c/': {'amqp'},
    'openssl/': {'httpd', 's3'},
    'seccomp.h': {'sandbox'},
    'systemd/sd-bus.h': {'sandbox'},
    'systemd/sd-daemon.h': {'shared'},
    'systemd/sd-event.h': {'shared', 'sandbox'} | WIRE | PORTS | PROGRAMS,
    'systemd/sd-journal.h': {'basic'},
    'tree_sitter/': {'lint'},
    'utf8proc.h': {'lint'},
    'wslay/': {'httpd'},
}

# where the C library and the kernel keep theirs; others with a directory must be in the table above
SYSTEM_DIRECTORIES = {'arpa', 'asm', 'linux', 'net', 'netinet', 'sys'}

# the cell has no C library: only what the compiler itself brings, and the kernel's numbers
FREESTANDING = {'stdalign.h', 'stdarg.h', 'stdbool.h', 'stddef.h', 'stdint.h', 'stdnoreturn.h', 'limits.h'}
CELL_HOSTED = re.compile(r'^(asm|linux|sys)/|^(errno|fcntl|poll|sched|signal|string|time|unistd|endian)\.h$')

INCLUDE = re.compile(r'^\s*#\s*include\s+(["<])([^">]+)[">]')


def check_own(room, header):
    if header == 'build-config.h':
        return None if room != 'cell' else 'the cell is configured by nobody'
    owner, _, name = header.partition('/')
    if not name:
        return f'write "room/{header}"'
    if owner not in ROOMS:
        return f'there is no room {owner}'
    if owner == room or owner in ROOMS[room] or (room, header) in EXCEPTIONS:
        return None
    return f'{room} may not know {owner}'


def check_foreign(room, header):
    for prefix, rooms in FOREIGN.items():
        if header.startswith(prefix):
            return None if room in rooms else f'that header belongs to {", ".join(sorted(rooms))}'
    if room == 'cell' and header not in FREESTANDING and not CELL_HOSTED.match(header):
        return 'the cell has no C library'
    directory = header.partition('/')[0] if '/' in header else None
    if directory and directory not in SYSTEM_DIRECTORIES:
        return 'say in the table of tests/lint/layers.py whose room that is'
    return None


def check_file(path, room):
    text = path.read_text(encoding='utf-8')
    lines = text.split('\n')
    if 'SPDX-License-Identifier: Apache-2.0' not in lines[0]:
        yield 1, 'the first line is the licence'
    if path.suffix == '.h' and '#pragma once' not in lines:
        yield 1, '#pragma once is missing'
    for number, line in enumerate(lines, 1):
        if '\t' in line:
            yield number, 'a tab'
        if line != line.rstrip():
            yield number, 'white space at the end'
        match = INCLUDE.match(line)
        if match:
            problem = (check_own if match[1] == '"' else check_foreign)(room, match[2])
            if problem:
                yield number, f'{match[2]}: {problem}'


def main():
    source = pathlib.Path(sys.argv[1]) / 'src'
    problems = files = 0
    for directory in sorted(p for p in source.iterdir() if p.is_dir()):
        if directory.name not in ROOMS:
            print(f'{directory}: a room that tests/lint/layers.py does not know')
            problems += 1
            continue
        for path in sorted(directory.rglob('*.[ch]')):
            files += 1
            for number, problem in check_file(path, directory.name):
                print(f'{path}:{number}: {problem}')
                problems += 1
    print(f'{files} files, {problems} problems')
    return 1 if problems or not files else 0


sys.exit(main())
