# SPDX-License-Identifier: Apache-2.0
"""What happens while a program runs: output as it comes, input as it is asked for, and every way to be interrupted."""

import os
import re
import signal
import subprocess
import uuid
from pathlib import Path

import pytest

from engine import EXIT_ENGINE, EXIT_INTERRUPTED, wait_until
from table import Program, check

OFF = ("--lint", "off")
WAITS = "print('ready', flush=True)\nprint('got', input())"
ENDLESS = "print('ready', flush=True)\nwhile True: pass"


def start(rcectl, source, *options, **popen):
    """Until the program itself says that it runs."""
    process = rcectl.start(source, *options, stdin=subprocess.PIPE, **popen)
    assert process.line() == "ready"
    return process


def test_output_arrives_while_it_runs(rcectl):
    """Each line is answered only after it was read here, so none can have come at the end."""
    process = rcectl.start(
        "import sys\nfor i in range(20):\n print('line', i, flush=True)\n assert input() == str(i)\nprint('end')",
        stdin=subprocess.PIPE
    )
    for i in range(20):
        assert process.line() == f"line {i}"
        process.popen.stdin.write(f"{i}\n".encode())
        process.popen.stdin.flush()
    assert process.line() == "end"
    assert process.end().exit == 0


def test_part_of_a_line_arrives_too(rcectl):
    process = rcectl.start("print('name? ', end='', flush=True)\nprint('hello', input())", stdin=subprocess.PIPE)
    assert os.read(process.popen.stdout.fileno(), 100) == b"name? "
    assert process.end(b"you\n").stdout == b"hello you\n"


def test_both_streams_are_live(rcectl):
    process = start(rcectl, "import sys\nprint('ready', flush=True)\nsys.stderr.write('oops\\n')\ninput()")
    assert os.read(process.popen.stderr.fileno(), 100) == b"oops\n"
    assert process.end(b"\n").exit == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_interrupted(rcectl, number):
    process = start(rcectl, ENDLESS)
    process.popen.send_signal(number)
    result = process.end()
    assert result.exit == EXIT_INTERRUPTED
    assert re.fullmatch("cancelled: .*\n", result.stderr), result.stderr


def test_ctrl_c_reaches_a_program_that_ignores_it(rcectl):
    process = start(rcectl, "import signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\n" + ENDLESS)
    process.popen.send_signal(signal.SIGINT)
    assert process.end().exit == EXIT_INTERRUPTED


def test_interrupted_while_the_sandbox_starts(rcectl, worker):
    """At a moment the program cannot tell of: as soon as there is a unit."""
    process = rcectl.start("print('ready')", "--json")
    wait_until(lambda: worker.units() or process.popen.poll() is not None, "a unit")
    process.popen.send_signal(signal.SIGINT)
    assert process.end().exit in (EXIT_INTERRUPTED, 0)


def test_interrupted_twice(rcectl, worker):
    process = start(rcectl, ENDLESS)
    process.popen.send_signal(signal.SIGSTOP)
    process.popen.send_signal(signal.SIGINT)
    process.popen.send_signal(signal.SIGTERM)
    process.popen.send_signal(signal.SIGCONT)
    assert process.end().exit == EXIT_INTERRUPTED
    wait_until(worker.is_clean, "the sandbox is gone")


def test_killed_rcectl_takes_its_sandbox_along(rcectl, worker):
    process = start(rcectl, "import os\nif os.fork() == 0: os.setsid()\n" + ENDLESS, *OFF)
    process.popen.kill()
    assert process.end().exit == -signal.SIGKILL
    wait_until(worker.is_clean, "the sandbox is gone")


def test_killed_while_the_sandbox_starts(rcectl, worker):
    process = rcectl.start(ENDLESS)
    wait_until(lambda: worker.units() or process.popen.poll() is not None, "a unit")
    process.popen.kill()
    process.end()
    wait_until(worker.is_clean, "the sandbox is gone")


def test_stopped_rcectl_loses_nothing(rcectl):
    """What cannot be taken yet waits in the pipes, and the limits of the program hold on."""
    process = start(rcectl, "print('ready', flush=True)\nfor i in range(100000): print(i)\n")
    process.popen.send_signal(signal.SIGSTOP)
    process.popen.send_signal(signal.SIGCONT)
    assert process.end().stdout == b"".join(b"%d\n" % i for i in range(100000))


def test_slow_reader_gets_everything(rcectl):
    process = rcectl.start("for i in range(100000): print(i)")
    lines = [int(process.line()) for _ in range(1000)]
    result = process.end()
    assert lines == list(range(1000)) and result.exit == 0 and result.stdout.endswith(b"99999\n")


def test_reader_that_has_seen_enough(rcectl, worker):
    """rcectl run … | head -1"""
    process = rcectl.start("while True: print('x' * 99)")
    process.line()
    process.popen.stdout.close()
    assert process.popen.wait(30) == 128 + signal.SIGPIPE
    process.popen.stdout = None
    wait_until(worker.is_clean, "the sandbox is gone")


def test_reader_that_was_never_there(rcectl):
    read, write = os.pipe()
    os.close(read)
    process = rcectl.start("print('x', flush=True)\nwhile True: pass", stdout=write)
    os.close(write)
    assert process.end().exit == 128 + signal.SIGPIPE


def test_full_disk_is_told(rcectl):
    with open("/dev/full", "wb") as full:
        result = rcectl.start("print('x')", stdout=full).end()
    assert result.exit != 0


def test_stdout_closed_from_the_start(rcectl):
    process = rcectl.start("import sys; print('x'); sys.exit(3)", preexec_fn=lambda: os.close(1))
    assert process.end().exit in (3, EXIT_ENGINE)


def test_ten_at_a_time(rcectl):
    tokens = [str(uuid.uuid4()) for _ in range(10)]
    source = "import sys\nprint('ready', flush=True)\nprint(sys.argv[1], input())"
    processes = [rcectl.start(source, arguments=(token,), stdin=subprocess.PIPE) for token in tokens]
    for process in processes:  # all of them run now
        assert process.line() == "ready"
    for process, token in zip(processes, tokens):
        result = process.end(token[::-1].encode() + b"\n")
        assert (result.exit, result.stdout.decode()) == (0, f"{token} {token[::-1]}\n")


def test_a_job_is_a_unit(rcectl, worker):
    process = start(rcectl, WAITS)
    [unit] = worker.units()
    assert re.fullmatch(r"rce-sandbox-python-\d+\.service", unit)
    properties = worker.systemctl("show", unit, "-p", "Slice,ActiveState,Description,Delegate,MemorySwapMax").stdout
    shown = dict(line.split("=", 1) for line in properties.splitlines())
    assert shown["Slice"] == "rce-sandboxes.slice" and shown["ActiveState"] == "active" and shown["Delegate"] == "yes"
    assert shown["MemorySwapMax"] == "0" and shown["Description"] == "Sandbox for python"
    assert worker.podman("ps", "--format", "{{.Names}}").stdout.split() == [unit.removesuffix(".service")]
    assert worker.processes()
    assert process.end(b"it\n").stdout == b"got it\n"


def test_a_stopped_unit_is_told(rcectl, worker):
    process = start(rcectl, ENDLESS)
    worker.systemctl("stop", *worker.units())
    result = process.end()
    assert result.exit == EXIT_ENGINE and "internal_error" in result.stderr


def test_a_killed_container_monitor_is_told_and_tidied_up(rcectl, worker):
    process = start(rcectl, ENDLESS)
    worker.systemctl("kill", "--signal=KILL", *worker.units())
    result = process.end()
    assert result.exit == EXIT_ENGINE and "internal_error" in result.stderr
    wait_until(worker.is_clean, "the sandbox is gone")


def contains(path, text):
    try:
        # images do not change with a job
        return "overlay" not in str(path) and path.is_file() and text.encode() in path.read_bytes()
    except OSError:
        return False


def journal():
    return subprocess.run(["journalctl", "--boot", "--output=export"], capture_output=True, check=True).stdout


def traces(worker, text):
    """Everywhere a text is to be seen on this host: arguments, environments, mounts, files, the journal."""
    found = ["the journal"] if text.encode() in journal() else []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            found += [p for name in ("cmdline", "environ", "mountinfo", "comm") if contains(p := entry / name, text)]
    for top in worker.home, "/run/user", "/tmp", "/var/tmp", "/dev/shm", "/etc":
        for directory, directories, names in os.walk(top):
            found += [Path(directory, name) for name in directories + names if text in name]
            found += [p for name in names if contains(p := Path(directory, name), text)]
    return found


def test_the_source_is_nowhere_to_be_seen(rcectl, worker):
    """Not in an argument, an environment, a mount, a file of the host or the journal, while it runs and afterwards."""
    marker = f"marker{uuid.uuid4().hex}"
    # through a pipe, so that no file of ours holds it either
    process = rcectl.start(None, "--language", "python", stdin=subprocess.PIPE)
    process.popen.stdin.write(f"# {marker}\nimport signal\nprint('ready', flush=True)\nsignal.pause()".encode())
    process.popen.stdin.close()
    process.popen.stdin = None
    assert process.line() == "ready"
    assert traces(worker, marker) == []
    process.popen.send_signal(signal.SIGINT)
    process.end()
    assert traces(worker, marker) == []


def test_the_output_is_not_in_the_journal(rcectl):
    token = uuid.uuid4().hex
    check(Program("", "", stdout=f"{token}\n"), rcectl.run("import sys; print(sys.argv[1])", arguments=(token,)))
    assert token.encode() not in journal()
