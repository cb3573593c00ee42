# SPDX-License-Identifier: Apache-2.0
"""Limits the kernel's controllers hold for a job as a whole: memory, processes, processor time.

The machine these run in is emulated and slow, so each row has more time than the usual ten seconds."""

import re
import subprocess
from pathlib import Path

import pytest

from engine import EXAMPLES, command
from table import ANY, Program, check, rows, run_and_check

pytestmark = pytest.mark.controllers

MIB = 1 << 20
SLOWLY = ("--lint", "off", "--limit", "wall_time=4min", "--limit", "cpu_time=4min")
SECONDS = (0, 240)


@pytest.fixture(scope="module", autouse=True)
def patience():
    """A sandbox comes and goes slowly here, most of all beside a bomb."""
    path = Path("/etc/rce/rce.conf.d/50-slow.conf")
    path.write_text("[Sandbox]\nStartTimeout=2min\nStopTimeout=2min\n")
    yield
    path.unlink()


def limited(name, source, verdict="memory_limit", memory="64M", **rest):
    return Program(name, source, verdict, options=(*SLOWLY, "--memory", memory), seconds=SECONDS, **rest)


MEMORY = [
    limited("takes memory without end", "x = []\nprint('start', flush=True)\nwhile True: x.append(b'x' * (4 << 20))",
            stdout="start\n"),
    limited("takes it in children", """\
        import os, signal
        for _ in range(8):
            if os.fork() == 0:
                x = b"x" * (16 << 20)
                signal.pause()
        while True:
            try:
                os.wait()
            except ChildProcessError:
                pass
        """),
    limited("takes it in a child it looks after", """\
        import os
        while True:
            if os.fork() == 0:
                x = b"x" * (128 << 20)
            os.wait()
        """),
    *[
        limited(f"takes it as files in {directory}", f"""\
            with open("{directory}/big", "wb") as f:
                while True:
                    f.write(bytes(1 << 20))
            """, memory="40M")
        for directory in ("/tmp", "/work", "/dev/shm")
    ],
    limited("takes it as memory without a name", """\
        import os
        fd = os.memfd_create("x")
        while True:
            os.write(fd, bytes(1 << 20))
        """),
    limited("takes it as shared memory", """\
        import mmap
        while True:
            m = mmap.mmap(-1, 256 << 20)
            for i in range(0, 256 << 20, 4096):
                m[i] = 1
        """),
    limited("takes nearly all", "x = b'x' * (40 << 20)\nprint(len(x) >> 20)", "ok", stdout="40\n"),
    limited("reserves much and uses little", "import mmap\nm = mmap.mmap(-1, 1 << 30)\nm[0] = 1\nprint(m[0])", "ok",
            stdout="1\n"),
    limited("the example", (EXAMPLES / "hostile/memory.py").read_text(), stdout=re.compile(r"^16 MiB\n32 MiB\n")),
    limited("pandas", (EXAMPLES / "pandas.py").read_text(), "ok", memory="512M",
            stdout=re.compile(r"y = 3\.0 x \+ 2\.0"),
            language="datascience"),
    limited("numpy arrays beyond the limit", """\
        import numpy
        arrays = []
        print("start", flush=True)
        while True:
            arrays.append(numpy.ones(4 << 20))
        """, memory="256M", stdout="start\n", language="datascience"),
]


@pytest.mark.parametrize("program", rows(MEMORY))
def test_memory(rcectl, program):
    result = run_and_check(rcectl, program)
    assert result.memory_peak_source == "cgroup"
    if program.verdict == "memory_limit":
        limit = result.limits["memory_bytes"]
        assert 0.9 * limit <= result.memory_peak_bytes <= limit
        assert (result.document["exit_code"], result.signal) == (None, "SIGKILL")


def test_peak_counts_all_of_a_job(rcectl):
    program = limited("two at a time", """\
        import os, signal
        read, write = os.pipe()
        for _ in range(2):
            if os.fork() == 0:
                x = b"x" * (30 << 20)
                os.write(write, b"x")
                signal.pause()
        os.read(read, 1), os.read(read, 1)
        """, "ok", memory="128M")
    result = run_and_check(rcectl, program)
    assert 60 * MIB <= result.memory_peak_bytes <= 128 * MIB


def test_limits_are_in_the_job_s_own_group(rcectl, worker):
    asked = ("--memory", "96M", "--limit", "processes=20", "--limit", "cpu=70%")
    process = rcectl.start("print('ready', flush=True)\ninput()", *SLOWLY, *asked, stdin=subprocess.PIPE)
    assert process.line() == "ready"
    [group] = [Path(p) / "rce-job-0" for p in worker.cgroups() if p.endswith(".service")]
    expected = {
        "memory.max": str(96 * MIB),
        "memory.swap.max": "0",
        "memory.oom.group": "1",
        "pids.max": "20",
        "cpu.max": "70000 100000",
    }
    assert {name: (group / name).read_text().strip() for name in expected} == expected
    assert (group / "pids.current").read_text().strip() == "1", "the container's runtime is not in it"
    assert process.end(b"\n").exit == 0


@pytest.fixture
def swap():
    """A host that has some."""
    path = Path("/swap")
    with path.open("wb") as f:
        for _ in range(128):
            f.write(bytes(MIB))
    path.chmod(0o600)
    command("mkswap", str(path))
    command("swapon", str(path))
    yield
    command("swapoff", str(path))
    path.unlink()


def test_no_swap_is_used(rcectl, swap):
    def swapped():
        return int(re.search("^pswpout ([0-9]+)", Path("/proc/vmstat").read_text(), re.MULTILINE)[1])

    before = swapped()
    run_and_check(rcectl, limited("", "x = []\nwhile True: x.append(b'x' * (4 << 20))"))
    assert swapped() == before


@pytest.mark.parametrize("kind", ["processes", "threads"])
@pytest.mark.parametrize("most", [64, 30])
def test_processes_are_counted(rcectl, worker, kind, most):
    """At 64 the limit of the user holds too; below that, put there by us, only the group's own does."""
    more = {
        "processes": "if os.fork() == 0: signal.pause()",
        "threads": "threading.Thread(target=threading.Event().wait, daemon=True).start()",
    }[kind]
    process = rcectl.start(f"""\
import os, signal, threading
threading.stack_size(65536)
print("ready", flush=True)
input()
n = 1
try:
    while True:
        {more}
        n += 1
except (OSError, RuntimeError):
    print(n, flush=True)
input()
os._exit(0)
""", *SLOWLY, stdin=subprocess.PIPE)
    assert process.line() == "ready"
    [group] = [Path(p) / "rce-job-0" for p in worker.cgroups() if p.endswith(".service")]
    assert (group / "pids.max").read_text().strip() == "64"
    (group / "pids.max").write_text(str(most))
    process.popen.stdin.write(b"\n")
    process.popen.stdin.flush()
    assert process.line() == str(most)
    assert (group / "pids.current").read_text().strip() == str(most)
    assert most == 64 or int(re.search(r"max (\d+)", (group / "pids.events").read_text())[1]) >= 1
    assert process.end(b"\n").exit == 0


def test_bombs_leave_the_host_alone(rcectl):
    """One ends at its time limit, and while it goes on the host starts and runs another job."""
    bomb = rcectl.start("""\
import os
os.write(1, b"ready\\n")
while True:
    try:
        os.fork()
    except OSError:
        pass
""", *SLOWLY, "--time", "20s")
    assert bomb.line() == "ready"
    run_and_check(rcectl, Program("", "print('hello')", stdout="hello\n", options=SLOWLY, seconds=SECONDS))
    result = bomb.end()
    assert result.exit == 124 and "time_limit" in result.stderr


@pytest.mark.parametrize("percent", [100, 50, 20])
def test_processor_time_is_rationed(rcectl, percent):
    """Two that want all they can get."""
    program = Program("busy", """\
        import os, time
        end = time.monotonic() + 8
        os.fork()
        while time.monotonic() < end:
            pass
        """, stdout=ANY, options=(*SLOWLY, "--limit", f"cpu={percent}%"), seconds=SECONDS)
    result = run_and_check(rcectl, program)
    assert result.cpu_usec / result.wall_usec <= 1.2 * percent / 100


def test_processor_time_of_a_job_is_limited_as_a_whole(rcectl):
    program = Program("burns", """\
        import os
        for _ in range(3):
            os.fork()
        while True:
            pass
        """, "time_limit", options=(*SLOWLY, "--limit", "cpu_time=3s"), seconds=(2, 60), reason=re.compile("processor"))
    result = run_and_check(rcectl, program)
    assert 3e6 <= result.cpu_usec <= 5e6


def test_doctor_is_content(rcectl):
    result = rcectl("doctor")
    assert result.exit == 0 and b"This host is fit to run sandboxes." in result.stdout, result.stdout.decode()
