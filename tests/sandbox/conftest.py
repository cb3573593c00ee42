# SPDX-License-Identifier: Apache-2.0
"""Tests of the installed engine: `lab test` runs them as root inside a booted host."""

import json
import subprocess
from pathlib import Path

import pytest

from engine import DEADLINE_SEC, LANGUAGES, Process, Result, Worker, wait_until


def pytest_configure(config):
    config.addinivalue_line(
        "markers",
        "controllers: needs the memory, pids and cpu controllers; runs in the virtual machine, the others in the host",
    )


@pytest.fixture(scope="session")
def worker():
    return Worker()


@pytest.fixture(autouse=True)
def nothing_is_left(request, worker):
    """Whatever a test ran: when rcectl has ended, no trace of it is on this host."""
    yield
    if "rcectl" in request.fixturenames:
        assert not {kind: found for kind, found in worker.leftovers().items() if found}


class Rcectl:
    def __init__(self, directory):
        self.directory = directory
        self.processes = []

    def __call__(self, *arguments, **options):
        """Any verb, to its end."""
        done = subprocess.run(["rcectl", *arguments], capture_output=True, timeout=DEADLINE_SEC, check=False, **options)
        return Result(done.returncode, done.stdout, done.stderr.decode(errors="replace"))

    def argv(self, source, *options, arguments=()):
        """A run of this source: a path, a program's text, which is put into a file, or None for what stdin brings."""
        if source is None:
            source = "-"
        elif not isinstance(source, Path):
            path = self.directory / "main.py"
            path.write_bytes(source.encode() if isinstance(source, str) else source)
            source = path
        return ["rcectl", "run", "--local", *options, "--", str(source), *arguments]

    def run(self, source, *options, arguments=(), stdin=b"", as_json=True):
        argv = self.argv(source, *(["--json"] if as_json else []), *options, arguments=arguments)
        given = {"input": stdin} if isinstance(stdin, bytes) else {"stdin": stdin}
        done = subprocess.run(argv, capture_output=True, timeout=DEADLINE_SEC, check=False, **given)
        result = Result(done.returncode, done.stdout, done.stderr.decode(errors="replace"))
        if as_json and done.stdout:
            result.document = json.loads(done.stdout)
        return result

    def start(self, source, *options, arguments=(), **popen):
        """The same without waiting: its output can be read as it comes."""
        process = Process(self.argv(source, *options, arguments=arguments), **popen)
        self.processes.append(process)
        return process


@pytest.fixture
def rcectl(tmp_path, worker, nothing_is_left):
    rcectl = Rcectl(tmp_path)
    yield rcectl
    if any([process.discard() for process in rcectl.processes]):
        wait_until(worker.is_clean, "a sandbox that was left to itself is gone")


@pytest.fixture
def language(tmp_path):
    """Adds NAME.container to the host's languages for one test: the shipped python with other lines."""
    added = []

    def add(name, text=None, **replaced):
        if text is None:
            shipped = Path("/usr/share/rce/languages/python.container").read_text().splitlines()
            keys = {"LintGrammar": "python", **replaced}
            kept = [line for line in shipped if line.split("=")[0] not in {"Aliases", *keys}]
            text = "\n".join(kept)
            for key, value in keys.items():
                section = "Container" if key in ("Image", "Environment") else "X-Language"
                text = text.replace(f"[{section}]", f"[{section}]\n{key}={value}")
        path = LANGUAGES / f"{name}.container"
        path.write_text(text + "\n")
        added.append(path)
        return path

    yield add
    for path in added:
        path.unlink()
