# SPDX-License-Identifier: Apache-2.0
"""One row of a table of programs: what it is, how it is run, how it must end."""

import re
import signal as signals
import textwrap
from dataclasses import dataclass
from pathlib import Path

import pytest

from engine import EXIT_INTERRUPTED, EXIT_MEMORY, EXIT_OUTPUT, EXIT_REJECTED, EXIT_TIME

ANY = re.compile("")

EXITS = {
    "ok": 0,
    "time_limit": EXIT_TIME,
    "memory_limit": EXIT_MEMORY,
    "output_limit": EXIT_OUTPUT,
    "rejected": EXIT_REJECTED,
    "cancelled": EXIT_INTERRUPTED,
}


@dataclass(frozen=True)
class Program:
    name: str
    source: object  # text, bytes, or a Path
    verdict: str = "ok"
    code: int = 1  # what it exits with, when that is a runtime error
    signal: str = None
    stdout: object = ""  # exactly this text or these bytes, or a pattern to be found in it
    stderr: object = ""
    options: tuple = ()
    arguments: tuple = ()
    stdin: bytes = b""
    truncated: tuple = ()  # streams
    reason: object = None  # a pattern
    seconds: tuple = (0, 15)  # of wall time
    language: str = "python"

    @property
    def exit(self):
        if self.verdict == "signalled":
            return 128 + signals.Signals[self.signal]
        return self.code if self.verdict in ("runtime_error", "compile_error") else EXITS[self.verdict]

    @property
    def text(self):
        return textwrap.dedent(self.source) if isinstance(self.source, str) else self.source


def rows(programs):
    """For pytest.mark.parametrize."""
    assert len({p.name for p in programs}) == len(programs)
    return [pytest.param(p, id=p.name.replace(" ", "-")) for p in programs]


def matches(expected, actual):
    if isinstance(expected, re.Pattern):
        return expected.search(actual.decode(errors="surrogateescape"))
    return actual == (expected.encode() if isinstance(expected, str) else expected)


def check(program, result):
    """Whether it ended as its row says. The whole result is in the message of a failure."""
    document = result.document
    assert document, result.stderr
    assert document["verdict"] == program.verdict, document
    assert result.exit == program.exit, document
    assert result.stderr == "", "with --json there is nothing to say beside the document"

    for stream, expected in ("stdout", program.stdout), ("stderr", program.stderr):
        assert matches(expected, result.output(stream)), f"{stream} is not {expected!r}: {result.output(stream)!r}"
        assert document[f"{stream}_truncated"] is (stream in program.truncated)

    if program.verdict in ("ok", "runtime_error", "compile_error"):
        assert document["exit_code"] == (0 if program.verdict == "ok" else program.code) and document["signal"] is None
    if program.verdict == "signalled":
        assert document["exit_code"] is None and document["signal"] == program.signal
    if program.reason:
        assert program.reason.search(document["reason"] or ""), document["reason"]
    least, most = program.seconds
    assert least <= document["wall_usec"] / 1e6 <= most
    assert document["language"] == program.language


def run_and_check(rcectl, program):
    options = ("--language", program.language, *program.options)
    result = rcectl.run(
        program.text if not isinstance(program.source, Path) else program.source,
        *options,
        arguments=program.arguments,
        stdin=program.stdin,
    )
    check(program, result)
    return result
