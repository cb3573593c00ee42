# SPDX-License-Identifier: Apache-2.0
"""What programs of one fork server share, which is next to nothing, and what it refuses."""

import os
import resource
import select

import pytest

import cells
from conftest import COMMAND, Server


def children(pid):
    return [child for task in os.listdir(f'/proc/{pid}/task')
            for child in open(f'/proc/{pid}/task/{task}/children', encoding='ascii').read().split()]


def wait_until_dead(pids):
    for pid in pids:
        try:
            fd = os.pidfd_open(int(pid))
        except ProcessLookupError:
            continue
        assert select.select([fd], [], [], cells.TIMEOUT_SEC)[0]
        os.close(fd)


@pytest.mark.parametrize('expression', [
    '__import__("random").random()', '__import__("os").urandom(8)', '__import__("ssl").RAND_bytes(8)',
    '__import__("uuid").uuid4()', '__import__("tempfile").mktemp()', '__import__("secrets").token_hex()',
])
def test_random_numbers_are_new(python, expression):
    seen = {python.run(f'print({expression})').stdout for _ in range(3)}
    assert len(seen) == 3 and b'' not in seen


@pytest.mark.parametrize('expression', ['numpy.random.rand()', 'numpy.random.default_rng().random()',
                                        'sklearn.utils.check_random_state(None).rand()'])
def test_random_numbers_of_numpy_are_new(datascience, expression):
    seen = {datascience.run(f'import numpy, sklearn.utils\nprint({expression})').stdout for _ in range(3)}
    assert len(seen) == 3 and b'' not in seen


def test_nothing_stays_behind(datascience):
    spoil = '''
import builtins, os, sys, pandas, numpy
builtins.print = None
os.environ["LEFT"] = "1"
sys.path.append("/left"); sys.modules["left"] = sys
pandas.DataFrame = numpy.array = None
numpy.ones(3).__class__
for place in "/tmp/left", "/work/left", "/dev/shm/left":
    open(place, "w")
'''
    look = '''
import os, sys, pandas, numpy
print("LEFT" in os.environ, "/left" in sys.path, "left" in sys.modules, numpy.array([1]), pandas.DataFrame([1]).size)
print(os.listdir("/tmp"), os.listdir("/work"), os.listdir("/dev/shm"))
'''
    assert datascience.run(spoil).status == 0
    assert datascience.run(look).stdout == b"False False False [1] 1\n[] ['main.py'] []\n"


def test_walls_stand_around_a_program_that_was_not_executed(python):
    source = '''
import ctypes, os, resource, socket
def attempt(what, *arguments):
    try:
        print(what(*arguments))
    except OSError as e:
        print(os.strerror(e.errno))
attempt(os.unshare, os.CLONE_NEWUSER)
attempt(os.setresuid, 1000, 1000, 1000)
attempt(os.chroot, "/work")
attempt(os.listdir, "/run")
attempt(os.kill, 1, 9)
attempt(os.readlink, "/proc/1/exe")
attempt(os.pidfd_open, 3)
attempt(lambda: resource.prlimit(1, resource.RLIMIT_CPU, (1, 1)))
print(os.getresuid(), os.getgroups(), resource.getrlimit(resource.RLIMIT_NOFILE), os.path.exists("/run/rce-python"))
print([line.split()[1] for line in open("/proc/self/status") if line.startswith(("CapEff", "CapBnd", "NoNewPrivs"))])
'''
    result = python.run(source, rlimits=[(resource.RLIMIT_NOFILE, 0, 77)])
    assert result.stdout.decode().splitlines() == [
        'Operation not permitted', 'Operation not permitted', 'Operation not permitted', '[]', 'None',
        'Permission denied', 'No such process', 'Operation not permitted',
        '(1000, 1000, 1000) [1000] (77, 77) False', "['0000000000000000', '0000000000000000', '1']"]


def test_limit_of_processes_is_each_cell_s(python):
    bomb = '''
import os, time
n = 0
try:
    while os.fork():
        n += 1
    time.sleep(100)
except BlockingIOError:
    print(n)
'''
    limit = [(resource.RLIMIT_NPROC, 0, 20)]
    holder = cells.cell(python.container)
    hold = b'import os\nfor i in range(15): os.fork() or os.read(0, 1)\nprint("on", flush=True)\nos.read(0, 1)'
    holder.start(COMMAND, files={'main.py': hold}, rlimits=limit, stdin=None)
    assert os.read(holder.out, 3) == b'on\n'
    result = python.run(bomb, rlimits=limit)
    holder.link.close()
    assert int(result.stdout) == 18  # and itself, and the supervisor


def test_nothing_is_left_of_many_programs(python):
    pid = python.container.pid_of_supervisor
    python.run('')
    wait_until_dead(children(pid))
    before = len(os.listdir(f'/proc/{pid}/fd'))
    for i in range(100):
        ending = ['', 'import os; os.fork() or os.pause()', '1 / 0', 'import os; os.abort()'][i % 4]
        python.run(ending)
    idle = [cells.cell(python.container, arm=i % 2 == 0) for i in range(20)]
    for cell in idle:
        cell.link.close()
    wait_until_dead(children(pid))
    # When it answers, it has buried those who were dead before.
    last = cells.cell(python.container)
    assert children(pid) == [str(last.supervisor)]
    assert len(os.listdir(f'/proc/{pid}/fd')) == before
    last.link.close()


def test_killed_program_is_told_and_the_server_stays(python):
    victim = cells.cell(python.container)
    os.kill(victim.pid, 9)
    _, body = victim.link.expect(cells.EXIT)
    assert body[:4] == (9).to_bytes(4, 'little')
    victim.link.close()
    assert python.run('print("well")').stdout == b'well\n'


@pytest.mark.parametrize('preload, complaint', [
    ('nothing_of_that_name', "No module named 'nothing_of_that_name'"),
    ('asyncio this.that', 'this.that'),
])
def test_server_that_cannot_preload_says_why(preload, complaint):
    with pytest.raises(RuntimeError, match=complaint):
        Server('python', preload)
