# SPDX-License-Identifier: Apache-2.0
"""Each program by Podman alone, in a container of ours, in a cell that executes it, in a cell of the fork server."""

import re
import subprocess

import pytest

import cells
from conftest import COMMAND
from programs import CASES

PRELOAD = 'numpy pandas sklearn'

# In a session of its own, not as process 1, and with pipes, as every program has.
BARE = """
import os, subprocess, sys
with open('main.py', 'wb') as f:
    f.write(os.read(0, int(sys.argv[1])) if sys.argv[1] != '0' else b'')
r, w = os.pipe()
os.set_blocking(w, False)
os.write(w, sys.stdin.buffer.read()); os.close(w)
code = subprocess.call(sys.argv[2:], stdin=r, start_new_session=True)
sys.exit(code if code >= 0 else 128 - code)
"""

# What is never the same twice.
CHANGING = re.compile(rb'0x[0-9a-f]{8,}|psm_[0-9a-f]+|(?<=started )\d+')


def image(case):
    return f'localhost/rce-{"datascience" if case.modules else "python"}:latest'


def environment(case):
    threads = {'OPENBLAS_NUM_THREADS': '1', 'OMP_NUM_THREADS': '1', 'MKL_NUM_THREADS': '1'} if case.modules else {}
    return {**cells.ENVIRONMENT, **threads, **case.env}


@pytest.fixture(scope='session')
def bare():
    """What Podman alone makes of it: no supervisor, no filter of ours, standard streams as they come."""
    known = {}

    def run(case):
        if case.name not in known:
            podman = [*cells.worker(), 'podman', 'run', '--rm', '-i', '--cgroups=disabled', '--network=none',
                      '--user=1000', '--hostname=sandbox', '--no-hosts', '--read-only', '--tmpfs=/work:mode=1777',
                      '--security-opt=seccomp=unconfined', '--workdir=/work', image(case), *COMMAND[:1], '-c', BARE,
                      str(len(case.source))]
            env = [f'{k}={v}' for k, v in environment(case).items()]
            r = subprocess.run([*podman, 'env', '-i', *env, *COMMAND, *case.args], input=case.source + case.stdin,
                               capture_output=True, check=False, timeout=120)
            known[case.name] = (r.stdout, r.stderr, r.returncode)
        return known[case.name]

    return run


@pytest.fixture(scope='session')
def containers():
    opened = {}

    def get(case, server):
        key = (case.modules, server)
        if key not in opened:
            opened[key] = cells.Container(image(case), cells.podman(True), COMMAND if server else None,
                                          PRELOAD if case.modules else '', environment(case) if case.modules else None)
        return opened[key]

    yield get
    for container in opened.values():
        container.close()


def run_in(program, case):
    r = program.run([*COMMAND, *case.args], files={'main.py': case.source}, stdin=case.stdin, env=environment(case))
    # as a shell says it
    return r.stdout, r.stderr, r.status if r.status >= 0 else 128 - r.status


def lasting(output):
    return CHANGING.sub(b'*', output).decode(errors='backslashreplace')


def compare(got, wanted):
    (stdout, stderr, status), (wanted_stdout, wanted_stderr, wanted_status) = got, wanted
    assert lasting(stderr) == lasting(wanted_stderr)
    assert lasting(stdout) == lasting(wanted_stdout)
    assert status == wanted_status


def ids(case):
    return case.name


@pytest.mark.parametrize('case', CASES, ids=ids)
def test_container(case, bare):
    container = cells.Container(image(case), cells.podman(False))
    try:
        program = cells.Program(container.link)
        program.arm()
        compare(run_in(program, case), bare(case))
    finally:
        container.close()


@pytest.mark.parametrize('server', [False, True], ids=['executed', 'forked'])
@pytest.mark.parametrize('case', CASES, ids=ids)
def test_cell(case, server, bare, containers):
    program = cells.cell(containers(case, server))
    try:
        compare(run_in(program, case), bare(case))
    finally:
        program.link.close()
