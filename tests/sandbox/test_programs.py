# SPDX-License-Identifier: Apache-2.0
"""What ordinary, broken and greedy programs get: verdict, exit code, output."""

import hashlib
import os
import re
import subprocess

import pytest

from engine import EXAMPLES, EXIT_OUTPUT, EXIT_TIME
from table import ANY, Program, check, rows, run_and_check

OFF = ("--lint", "off")
MIB = 1 << 20

ENDINGS = [
    Program("hello", "print('hello')", stdout="hello\n"),
    Program("no newline", "print('hello', end='')", stdout="hello"),
    Program("nothing", "pass"),
    Program("exit 3", "import sys; sys.exit(3)", "runtime_error", 3),
    Program("exit without a number", "import sys; sys.exit()"),
    Program("exit none", "raise SystemExit(None)"),
    Program("exit with a message", "import sys; sys.exit('no luck')", "runtime_error", 1, stderr="no luck\n"),
    Program("exit 256 is 0 to the kernel", "import sys; sys.exit(256)"),
    Program("exit -1 is 255", "import sys; sys.exit(-1)", "runtime_error", 255),
    Program("exit 137 is no memory limit", "import sys; sys.exit(137)", "runtime_error", 137),
    Program("exit 124 is no time limit", "import sys; sys.exit(124)", "runtime_error", 124),
    Program("exit from a thread's own code", "import os; os._exit(7)", "runtime_error", 7, options=OFF),
    Program(
        "traceback",
        """\
        def f():
            return 1 / 0
        f()
        """,
        "runtime_error",
        1,
        stderr=re.compile(r'\A(?s:.*)File "/work/main\.py", line 3, in <module>\n(?s:.*)'
                          r'File "/work/main\.py", line 2, in f\n(?s:.*)ZeroDivisionError: division by zero\n\Z'),
    ),
    Program("syntax error", "def (", "runtime_error", 1, stderr=re.compile(r'File "/work/main\.py", line 1\n')),
    Program("uncaught exception in a thread", """\
        import threading
        t = threading.Thread(target=lambda: 1 / 0)
        t.start()
        t.join()
        print("main goes on")
        """, stdout="main goes on\n", stderr=re.compile("ZeroDivisionError")),
    Program("recursion without end", "def f(n): return f(n + 1)\nf(0)", "runtime_error", 1,
            stderr=re.compile("RecursionError")),
    Program("stack overflow", "import faulthandler; faulthandler._stack_overflow()", "signalled", signal="SIGSEGV"),
    Program("segmentation fault", "import ctypes; ctypes.string_at(0)", "signalled", signal="SIGSEGV", options=OFF),
    Program("abort", "import os; os.abort()", "signalled", signal="SIGABRT", options=OFF),
    *[
        Program(f"kills itself with {name}", f"import os, signal; os.kill(os.getpid(), signal.{name})", "signalled",
                signal=name, options=OFF)
        for name in ("SIGTERM", "SIGKILL", "SIGHUP", "SIGUSR1", "SIGALRM", "SIGQUIT", "SIGSYS", "SIGBUS")
    ],
    Program("interrupts itself", "import os, signal; os.kill(os.getpid(), signal.SIGINT)", "signalled", signal="SIGINT",
            stderr=re.compile("KeyboardInterrupt"), options=OFF),
    Program("stops itself", "import os, signal; os.kill(os.getpid(), signal.SIGSTOP)", "time_limit",
            options=(*OFF, "--time", "500ms"), seconds=(0.5, 3)),
]

SURROUNDINGS = [
    Program("arguments", "import sys; print(sys.argv)", arguments=("a b", "", "--time", "-x", "ä☃", "$HOME", "%n"),
            stdout="['/work/main.py', 'a b', '', '--time', '-x', 'ä☃', '$HOME', '%n']\n"),
    Program("arguments as options", "import sys; print(sys.argv[1:])",
            options=("--arg", "one", "-a", "two words", "--arg=-3"),
            stdout="['one', 'two words', '-3']\n"),
    Program("argument with a newline", "import sys; print(sys.argv[1:])", arguments=("a\nb\\",),
            stdout="['a\\nb\\\\']\n"),
    Program("environment", "import os; print(dict(sorted(os.environ.items())))", options=OFF,
            stdout="{'HOME': '/work', 'LANG': 'C.UTF-8', 'PATH': '/usr/local/bin:/usr/bin:/bin', 'TMPDIR': '/tmp'}\n"),
    Program("environment of the request", "import os; print(os.environ['A'], os.environ['B'], os.environ['HOME'])",
            options=(*OFF, "--env", "A=1 2", "-e", "B=x=y", "--env", "HOME=/tmp"), stdout="1 2 x=y /tmp\n"),
    Program("empty variable", "import os; print(repr(os.environ['A']))", options=(*OFF, "--env", "A="), stdout="''\n"),
    Program("variable with a newline", "import os; print(repr(os.environ['A']))", options=(*OFF, "-e", "A=%n\n$B"),
            stdout="'%n\\n$B'\n"),
    Program("the last of two variables wins", "import os; print(os.environ['A'])",
            options=(*OFF, "-e", "A=1", "-e", "A=2"),
            stdout="2\n"),
    Program("where it is", """\
        import os
        print(os.getcwd(), os.listdir("."), __file__, __name__)
        print(os.stat("/work/main.py").st_size > 0, os.getpid() > 1, os.getppid())
        """, stdout="/work ['main.py'] /work/main.py __main__\nTrue True 1\n", options=OFF),
    Program("imports its own file", "import main; print(main.__file__)" , stdout="/work/main.py\n/work/main.py\n"),
    Program("finds files it wrote", """\
        for path in "/work/a", "/tmp/b", "/dev/shm/c", "relative":
            with open(path, "w") as f:
                f.write(path)
            print(open(path).read())
        """, stdout="/work/a\n/tmp/b\n/dev/shm/c\nrelative\n"),
    Program("names itself in proc", "print(open('/proc/self/cmdline').read().split(chr(0)))",
            stdout="['/usr/bin/python3', '/work/main.py', '']\n"),
    Program("time and randomness", """\
        import random, time, uuid
        print(time.time() > 1.7e9, time.monotonic() > 0, 0 <= random.random() < 1, len(str(uuid.uuid4())))
        """, stdout="True True True 36\n"),
    Program("runs subprocesses", """\
        import subprocess
        print(subprocess.run(["cat", "/work/main.py"], capture_output=True).returncode)
        print(subprocess.check_output("echo $0 | tr a-z A-Z", shell=True, text=True))
        """, stdout="0\n/BIN/SH\n\n", options=OFF),
    Program("runs threads and processes", """\
        from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
        if __name__ == "__main__":
            for pool in ThreadPoolExecutor(8), ProcessPoolExecutor(2):
                with pool:
                    print(sum(pool.map(abs, range(-10, 0))))
        """, stdout="55\n55\n"),
    Program("runs asyncio", "import asyncio\nasync def f(): await asyncio.sleep(0); print('done')\nasyncio.run(f())",
            stdout="done\n"),
]

OUTPUT = [
    Program("utf-8", "print('Grüße ☃ 🎉')", stdout="Grüße ☃ 🎉\n"),
    Program("a NUL byte", r"print('a\0b')", stdout=b"a\0b\n"),
    Program("control characters", r"print('\x1b[31m\x07\x7f\r')", stdout=b"\x1b[31m\x07\x7f\r\n"),
    Program("invalid utf-8", r"import sys; sys.stdout.buffer.write(b'\xff\xfe ok \xc3')", stdout=b"\xff\xfe ok \xc3"),
    Program("invalid utf-8 on stderr", r"import sys; sys.stderr.buffer.write(b'\x80')", stderr=b"\x80"),
    Program("every byte", "import sys; sys.stdout.buffer.write(bytes(range(256)) * 16)", stdout=bytes(range(256)) * 16),
    Program("both streams", "import sys; print('out'); print('err', file=sys.stderr)", stdout="out\n", stderr="err\n"),
    Program("closes its stdout", "import os, sys; os.close(1); sys.exit(3)", "runtime_error", 3, options=OFF),
    Program("closes all it has", "import os; os.closerange(0, 1024); os._exit(4)", "runtime_error", 4, options=OFF),
    Program("goes on without its streams", """\
        import os, time
        os.closerange(0, 3)
        time.sleep(0.5)
        os._exit(5)
        """, "runtime_error", 5, options=OFF, seconds=(0.5, 5)),
    Program("just below the limit", f"import sys; sys.stdout.write('x' * {MIB - 1})", stdout="x" * (MIB - 1)),
    Program("exactly the limit", f"import sys; sys.stdout.write('x' * {MIB})", stdout="x" * MIB),
    Program("the limit on both", f"import sys\nfor f in sys.stdout, sys.stderr: f.write('x' * {MIB})", stdout="x" * MIB,
            stderr="x" * MIB),
    Program("one byte too many", f"import sys; sys.stdout.write('x' * {MIB + 1})", "output_limit", stdout="x" * MIB,
            truncated=("stdout",), reason=re.compile("more than 1048576 bytes to stdout")),
    Program("prints forever", "while True: print('x' * 99)", "output_limit", stdout=(b"x" * 99 + b"\n") * 10486,
            truncated=("stdout",)),
    Program("complains forever", "import sys\nwhile True: print('x' * 99, file=sys.stderr)", "output_limit", stderr=ANY,
            truncated=("stderr",), reason=re.compile("stderr")),
    Program("a limit of its own", "print('0123456789' * 100)", "output_limit", stdout="0123456789" * 6 + "0123",
            options=("--limit", "output=64"), truncated=("stdout",)),
    Program("prints forever and does not die of SIGPIPE", """\
        import os, signal
        for number in set(range(1, 32)) - {signal.SIGKILL, signal.SIGSTOP}:
            signal.signal(number, signal.SIG_IGN)
        while True:
            try:
                os.write(1, b"x" * 65536)
            except OSError:
                pass
        """, "output_limit", stdout="x" * MIB, truncated=("stdout",), options=OFF),
    Program("writes to /dev/stdout and /dev/stderr", """\
        open("/dev/stdout", "w").write("out")
        open("/dev/stderr", "w").write("err")
        """, stdout="out", stderr="err"),
]
# where the limit cuts the line in two
OUTPUT = [p if p.name != "prints forever" else Program(**{**vars(p), "stdout": p.stdout[:MIB]}) for p in OUTPUT]

INPUT = [
    Program("echo", "import sys; sys.stdout.write(sys.stdin.read())", stdin=b"one\ntwo", stdout="one\ntwo"),
    Program("input()", "print(int(input()) + int(input()))", stdin=b"40\n2\n", stdout="42\n"),
    Program("input() at the end", "input()", "runtime_error", 1, stderr=re.compile("EOFError")),
    Program("binary input", "import sys; sys.stdout.buffer.write(sys.stdin.buffer.read()[::-1])",
            stdin=bytes(range(256)),
            stdout=bytes(range(255, -1, -1))),
    Program("a megabyte of it", "import hashlib, sys; print(hashlib.sha256(sys.stdin.buffer.read()).hexdigest())",
            stdin=bytes(range(256)) * 4096, stdout=hashlib.sha256(bytes(range(256)) * 4096).hexdigest() + "\n"),
    Program("input nobody reads", "print('done')", stdin=b"x" * (4 * MIB), stdout="done\n"),
    Program("input that is closed early", "import os; os.close(0); print('done')", stdin=b"x" * (4 * MIB),
            stdout="done\n",
            options=OFF),
    Program("input by name", "print(open('/dev/stdin').read(), open(0).read(), sep='|')", stdin=b"text",
            stdout="text|\n"),
]

GREEDY = [
    Program("never ends", "while True: pass", "time_limit", options=("--time", "1s"), seconds=(1, 2),
            reason=re.compile(r"longer than 1\S*s")),
    Program("sleeps forever", "import time\nprint('before', flush=True)\ntime.sleep(3600)", "time_limit",
            stdout="before\n",
            options=("--time", "500ms"), seconds=(0.5, 1.5)),
    Program("ignores every signal", """\
        import signal
        for number in set(range(1, 65)) - {signal.SIGKILL, signal.SIGSTOP, 32, 33}:
            signal.signal(number, signal.SIG_IGN)
        print("try to stop me", flush=True)
        while True:
            pass
        """, "time_limit", stdout="try to stop me\n", options=("--time", "1s"), seconds=(1, 2)),
    Program("burns processor time", "while True: pass", "time_limit", options=("--limit", "cpu_time=1s"),
            seconds=(0.4, 4),
            reason=re.compile(r"1\S*s of processor time")),
    Program("burns it in children", """\
        import os
        for _ in range(3):
            if os.fork() == 0:
                while True:
                    pass
        os.wait()
        """, "time_limit", options=(*OFF, "--limit", "cpu_time=1s"), seconds=(0.2, 4),
            reason=re.compile("processor time")),
    Program("burns it in children it never waits for", """\
        import os
        while True:
            try:
                if os.fork() == 0:
                    sum(range(100000))
                    os._exit(0)
            except OSError:
                pass
        """, "time_limit", options=(*OFF, "--limit", "cpu_time=1s"), seconds=(0.2, 6),
            reason=re.compile("processor time")),
    Program("sleeping costs no processor time", "import time; time.sleep(1.2); print('ok')", stdout="ok\n",
            options=("--limit", "cpu_time=1s"), seconds=(1.2, 4)),
    Program("forks forever", """\
        import os
        while True:
            try:
                os.fork()
            except OSError:
                pass
        """, "time_limit", options=(*OFF, "--time", "2s"), seconds=(2, 5)),
    Program("forks and exits forever", """\
        import os
        while True:
            if os.fork():
                os._exit(0)
        """, options=OFF),
    Program("forks until it may not", """\
        import os, signal, time
        n = 1
        try:
            while True:
                if os.fork() == 0:
                    signal.pause()
                n += 1
        except BlockingIOError as e:
            print(n, e.strerror)
        """, stdout="64 Resource temporarily unavailable\n", options=OFF),
    Program("a limit of processes of its own", """\
        import os, signal
        n = 1
        try:
            while os.fork():
                n += 1
            signal.pause()
        except BlockingIOError:
            print(n)
        """, stdout="8\n", options=(*OFF, "--limit", "processes=8")),
    Program("starts threads without end", """\
        import threading
        threading.stack_size(65536)
        event, n = threading.Event(), 1
        try:
            while True:
                threading.Thread(target=event.wait, daemon=True).start()
                n += 1
        except RuntimeError as e:
            print(n, e)
        """, stdout="64 can't start new thread\n"),
    Program("takes memory without end", "taken = []\nwhile True: taken.append(bytearray(1 << 20))", "runtime_error", 1,
            stderr=re.compile("MemoryError")),
    *[
        Program(f"fills {directory}", f"""\
            import os
            n = 0
            try:
                with open("{directory}/big", "wb", buffering=0) as f:
                    while True:
                        n += f.write(bytes(1 << 20))
            except OSError as e:
                print(n >> 20, e.strerror)
            os.unlink("{directory}/big")
            open("{directory}/small", "w").write("there is room again")
            """, stdout=re.compile(r"\A(63|64) No space left on device\n\Z"), options=OFF)
        for directory in ("/tmp", "/work", "/dev/shm")
    ],
    Program("makes a file larger than any it may have", """\
        try:
            open("/work/sparse", "w").truncate(1 << 40)
        except OSError as e:
            print(e.strerror)
        """, stdout="File too large\n"),
    Program("makes very many files", """\
        for n in range(20000):
            open(f"/work/{n}", "x").close()
        print(n)
        """, stdout="19999\n"),
    Program("opens files without end", """\
        import errno
        files = []
        try:
            while True:
                files.append(open("/dev/null"))
        except OSError as e:
            print(len(files) + 3, errno.errorcode[e.errno])
        """, stdout="1024 EMFILE\n"),
]


@pytest.mark.parametrize("program", rows(ENDINGS))
def test_ending(rcectl, program):
    run_and_check(rcectl, program)


@pytest.mark.parametrize("program", rows(SURROUNDINGS))
def test_surroundings(rcectl, program):
    run_and_check(rcectl, program)


@pytest.mark.parametrize("program", rows(OUTPUT))
def test_output(rcectl, program):
    run_and_check(rcectl, program)


@pytest.mark.parametrize("program", rows(INPUT))
def test_input(rcectl, program):
    run_and_check(rcectl, program)


@pytest.mark.parametrize("program", rows(GREEDY))
def test_greed(rcectl, program):
    run_and_check(rcectl, program)


def test_large_output_arrives_whole_and_in_order(rcectl):
    lines = "".join(f"{i:07d}\n" for i in range(2 * MIB // 8 - 1))
    source = "for i in range(262143): print(f'{i:07d}')"
    shown = rcectl.run(source, "--limit", "output=2M", as_json=False)
    assert hashlib.sha256(shown.stdout).digest() == hashlib.sha256(lines.encode()).digest()
    kept = rcectl.run(source, "--limit", "output=2M")
    assert kept.output() == shown.stdout and not kept.stdout_truncated


def test_encoding_of_output_is_told(rcectl):
    source = r"import sys; sys.stdout.buffer.write(b'\xff'); print('fine', file=sys.stderr)"
    result = rcectl.run(source)
    assert (result.stdout_encoding, result.stderr_encoding) == ("base64", "utf-8")
    assert result.document["stdout"] == "/w=="


def test_usage_is_told(rcectl):
    result = rcectl.run("x = b'x' * (40 << 20)\nfor i in range(3000000): pass")
    assert 40 << 20 < result.memory_peak_bytes < 80 << 20
    assert 10_000 < result.cpu_usec <= result.wall_usec * os.cpu_count()
    assert result.limits == {
        "memory_bytes": 128 * MIB,
        "processes": 64,
        "cpu_percent": 100,
        "wall_usec": 10_000_000,
        "cpu_usec": 10_000_000,
        "output_bytes": MIB,
    }


def test_a_daemon_does_not_outlive_its_job_nor_hold_it_up(rcectl):
    """It leaves the session, its parents are gone, it holds stdout, it ignores signals: dead all the same."""
    program = Program("daemon", """\
        import os, signal, sys, time
        read, write = os.pipe()
        if os.fork() == 0:
            os.setsid()
            if os.fork() == 0:
                for number in signal.SIGTERM, signal.SIGHUP, signal.SIGINT:
                    signal.signal(number, signal.SIG_IGN)
                print("daemon", flush=True)
                os.write(write, b"x")
                while True:
                    time.sleep(0.01)
                    os.write(1, b"")
            os._exit(0)
        os.read(read, 1)
        print("done")
        """, stdout="daemon\ndone\n", options=OFF, seconds=(0, 3))
    run_and_check(rcectl, program)


def test_input_that_never_ends_is_not_waited_for(rcectl):
    with subprocess.Popen(["yes"], stdout=subprocess.PIPE) as yes:
        result = rcectl.run("print(input())", stdin=yes.stdout)
        check(Program("", "", stdout="y\n"), result)
        result = rcectl.run("import sys\nfor line in sys.stdin: pass", "--time", "1s", stdin=yes.stdout)
        yes.stdout.close()
    check(Program("", "", "time_limit", seconds=(1, 2)), result)


def test_no_stdin_at_all(rcectl):
    process = rcectl.start("import sys; print(repr(sys.stdin.read()))", preexec_fn=lambda: os.close(0))
    result = process.end()
    assert (result.exit, result.stdout) == (0, b"''\n")


def test_stdin_from_a_file(rcectl, tmp_path):
    (tmp_path / "input").write_text("from a file")
    source = "import sys; print(sys.stdin.read())"
    assert rcectl.run(source, "--stdin", str(tmp_path / "input"), stdin=b"not this").output() == b"from a file\n"
    missing = rcectl.run(source, "--stdin", str(tmp_path / "missing"))
    assert missing.exit == 2 and "No such file or directory" in missing.stderr


def test_program_from_stdin_has_none(rcectl):
    result = rcectl("run", "--local", "--json", "-", input=b"import sys; print(repr(sys.stdin.read()), __file__)")
    assert result.exit == 0 and b"'' /work/main.py" in result.stdout


# --- as people see it ---


def test_summary_line(rcectl):
    result = rcectl.run("import sys; print('out'); print('err', file=sys.stderr)", as_json=False)
    assert (result.exit, result.stdout) == (0, b"out\n")
    assert re.fullmatch(r"err\nok: exit 0, \S+ wall, \S+ cpu, \d+\.\dM memory\n", result.stderr)


@pytest.mark.parametrize(
    "source, options, code, summary",
    [
        ("import sys; sys.exit(3)", (), 3, r"runtime_error: exit 3, "),
        ("import faulthandler; faulthandler._stack_overflow()", (), 139, r"signalled: SIGSEGV, "),
        ("while True: pass", ("--time", "500ms"), EXIT_TIME, r"time_limit: .*longer than 500ms"),
        ("while True: print('x')", (), EXIT_OUTPUT, r"output_limit: .*more than 1048576 bytes"),
    ],
    ids=["exit", "signal", "time", "output"],
)
def test_summary_of_a_bad_end(rcectl, source, options, code, summary):
    result = rcectl.run(source, *options, as_json=False)
    assert result.exit == code
    assert re.search(f"^{summary}", result.stderr, re.MULTILINE), result.stderr


def test_quiet_says_nothing_of_a_good_end(rcectl):
    assert rcectl.run("print(1)", "--quiet", as_json=False).stderr == ""
    assert "runtime_error" in rcectl.run("1/0", "--quiet", as_json=False).stderr


# --- the examples ---


@pytest.mark.parametrize(
    "program",
    rows(
        [
            Program("hello.py", EXAMPLES / "hello.py",
                    stdout=re.compile(r"^Hello from Python 3(?s:.)*\nline 4 of 4\n\Z")),
            Program("primes.py", EXAMPLES / "primes.py", arguments=("1000",), stdout="168 primes below 1000\n"),
            Program("processes.py", EXAMPLES / "processes.py", stdout="499999500000\n"),
            Program("stdin.py", EXAMPLES / "stdin.py", stdin=b"to be or not to be",
                    stdout=re.compile(r"^ +2 to\n +2 be\n")),
            Program("stdin.py without", EXAMPLES / "stdin.py", "runtime_error", 1),
            Program("pandas.py", EXAMPLES / "pandas.py", language="datascience",
                    stdout=re.compile(r"y = 3\.0 x \+ 2\.0")),
            Program("endless.py", EXAMPLES / "hostile/endless.py", "time_limit", stdout="try to stop me\n",
                    options=("--time", "1s"), seconds=(1, 2)),
            Program("network.py with the linter", EXAMPLES / "hostile/network.py", "rejected"),
            Program("forkbomb.py with the linter", EXAMPLES / "hostile/forkbomb.py", "rejected"),
            Program("files.py", EXAMPLES / "hostile/files.py",
                    stdout=re.compile(r"directories: \[\](?s:.)*/work/scratch: written(?s:.)*Read-only file system")),
            Program("forkbomb.py", EXAMPLES / "hostile/forkbomb.py", "time_limit", options=(*OFF, "--time", "2s"),
                    seconds=(2, 5)),
            Program("memory.py", EXAMPLES / "hostile/memory.py", "runtime_error", 1, stdout=re.compile("^16 MiB\n"),
                    stderr=re.compile("MemoryError")),
            Program("network.py", EXAMPLES / "hostile/network.py", options=OFF,
                    stdout=re.compile("^.* Network is unreachable\n.* Temporary failure in name resolution\n$")),
        ]
    ),
)
def test_example(rcectl, program):
    run_and_check(rcectl, program)


def test_every_example_is_in_the_table():
    tried = {mark.args[1][i].id for mark in test_example.pytestmark for i in range(len(mark.args[1]))}
    assert {path.name for path in EXAMPLES.rglob("*.py")} <= tried
