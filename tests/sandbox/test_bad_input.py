# SPDX-License-Identifier: Apache-2.0
"""What is no program, no language or no limit: a clear message, an exit code, and nothing run."""

import os
import re
from dataclasses import dataclass

import pytest

from engine import EXIT_ENGINE, EXIT_NOT_FOUND, EXIT_REJECTED, EXIT_USAGE
from table import Program, check, rows, run_and_check

OFF = ("--lint", "off")
MIB = 1 << 20


@dataclass(frozen=True)
class Refusal:
    name: str
    message: str  # a pattern
    exit: int
    source: bytes = b"print('it ran')"
    options: tuple = ()
    arguments: tuple = ()


SOURCES = [
    Refusal("empty", "source is empty", EXIT_REJECTED, b""),
    Refusal("ten megabytes", r"larger than 1048576 bytes \(Source= in rce\.conf\)", EXIT_REJECTED, b"#" * (10 * MIB)),
    Refusal("one byte too many", "larger than 1048576 bytes", EXIT_REJECTED, b"#" * (MIB + 1)),
    Refusal("NUL byte", "Line 2: .*NUL", EXIT_REJECTED, b"print('it ran')\n\0"),
    Refusal("only NUL bytes", "Line 1: .*NUL", EXIT_REJECTED, bytes(100)),
    Refusal("invalid UTF-8", "Line 3: .*UTF-8", EXIT_REJECTED, b"print('it ran')\n\n# \xff\n"),
    Refusal("UTF-8 cut short", "UTF-8", EXIT_REJECTED, b"print('it ran')  # \xe2\x98"),
    Refusal("surrogate", "UTF-8", EXIT_REJECTED, b"# \xed\xa0\x80\n"),
    Refusal("overlong", "UTF-8", EXIT_REJECTED, b"# \xc0\x80\n"),
    Refusal("UTF-16", "UTF-8|NUL", EXIT_REJECTED, "print('it ran')".encode("utf-16")),
    Refusal("program for this machine", "NUL|UTF-8", EXIT_REJECTED, open("/bin/true", "rb").read(65536)),
    Refusal("random bytes", "UTF-8|NUL", EXIT_REJECTED, b"\x80" + os.urandom(4096)),
]

# Only the linter minds: it would look at something else than what runs.
UNLIKE_WHAT_RUNS = [
    Refusal("lone carriage return", "Line 1: .*carriage return", EXIT_REJECTED, b"x = 1 # \rprint('it ran')\n"),
    Refusal("another encoding", "Line 1: .*encoding", EXIT_REJECTED, b"# coding: latin-1\nprint('it ran')\n"),
]

OPTIONS = [
    Refusal("unknown language", "There is no language called 'cobol'.*language list", EXIT_NOT_FOUND,
            options=("--language", "cobol")),
    Refusal("language with a slash", "There is no language", EXIT_NOT_FOUND, options=("--language", "../python")),
    Refusal("empty language", "There is no language", EXIT_NOT_FOUND, options=("--language", "")),
    Refusal("unknown lint level", "off, standard or strict, not 'harsh'", EXIT_USAGE, options=("--lint", "harsh")),
    Refusal("unknown option", "unrecognized option.*\n.*--help", EXIT_USAGE, options=("--bogus",)),
    Refusal("limit without a value", "A limit is NAME=VALUE, not 'memory'", EXIT_USAGE, options=("--limit", "memory")),
    Refusal("unknown limit", "There is no limit called 'colour'", EXIT_USAGE, options=("--limit", "colour=red")),
    *[
        Refusal(f"{name} of {value or 'nothing'}", f"The limit {name} ", EXIT_USAGE,
                options=("--limit", f"{name}={value}"))
        for name, value in [
            ("memory", "abc"), ("memory", ""), ("memory", "-1"), ("memory", "1X"), ("memory", "99999999999999999999"),
            ("memory", "0"), ("memory", "1"), ("processes", "0"), ("processes", "1.5"), ("processes", "-3"),
            ("cpu", "0%"),
            ("cpu", "fast"), ("wall_time", "0"), ("wall_time", "-1s"), ("wall_time", "soon"), ("cpu_time", "0s"),
            ("output", "0"), ("output", "1e3"),
        ]
    ],
    *[
        Refusal(f"{name} of {value}", f"The limit {name} may be at most {most}", EXIT_USAGE,
                options=("--limit", f"{name}={value}"))
        for name, value, most in [
            ("memory", "3G", "2048M"), ("memory", "2147483649", "2048M"), ("processes", "513", "512"),
            ("cpu", "401%", "400%"),
            ("wall_time", "6min", "(5min|300)"), ("cpu_time", "1h", "(5min|300)"), ("output", "17M", "16M"),
        ]
    ],
    Refusal("variable without a value", "--env is NAME=VALUE, not 'HOME'", EXIT_USAGE, options=("--env", "HOME")),
    Refusal("variable without a name", "--env is NAME=VALUE, not '=x'", EXIT_USAGE, options=("--env", "=x")),
    Refusal("too many arguments", "1024", EXIT_USAGE, arguments=("a",) * 1100),
    Refusal("too large an argument", r"65536 \(Arguments= in rce\.conf\)", EXIT_USAGE, arguments=("a" * 70000,)),
    Refusal("too large arguments", "65536", EXIT_USAGE, arguments=("a" * 999,) * 70),
    Refusal("too many variables", "1024", EXIT_USAGE, options=tuple(f"--env=A{i}=" for i in range(1100))),
    Refusal("too large variables", "65536", EXIT_USAGE, options=tuple(f"--env=A{i}={'x' * 999}" for i in range(70))),
]


def cases(refusals):
    return [pytest.param(r, id=r.name.replace(" ", "-").replace("/", "")) for r in refusals]


def refuse(rcectl, refusal, *options):
    for as_json in False, True:
        result = rcectl.run(refusal.source, *refusal.options, *options, arguments=refusal.arguments, as_json=as_json)
        assert result.exit == refusal.exit, result.stderr
        assert result.stdout == b"", "it ran, or data came where there is none"
        assert result.stderr.startswith("rcectl") and re.search(refusal.message, result.stderr), result.stderr


@pytest.mark.parametrize("lint", ["standard", "off"])
@pytest.mark.parametrize("refusal", cases(SOURCES))
def test_no_program_text(rcectl, refusal, lint):
    refuse(rcectl, refusal, "--lint", lint)


@pytest.mark.parametrize("refusal", cases(UNLIKE_WHAT_RUNS))
def test_text_that_is_read_in_two_ways(rcectl, refusal):
    refuse(rcectl, refusal)


@pytest.mark.parametrize("refusal", cases(OPTIONS))
def test_option(rcectl, refusal):
    refuse(rcectl, refusal)


@pytest.mark.parametrize(
    "program",
    rows(
        [
            Program("byte order mark", b"\xef\xbb\xbfprint('ok')", stdout="ok\n"),
            Program("carriage return and newline", b"if True:\r\n    print('ok')\r\n", stdout="ok\n"),
            Program("no newline at the end", b"print('ok')", stdout="ok\n"),
            Program("utf-8 declared", "# -*- coding: utf-8 -*-\nprint('ä☃')", stdout="ä☃\n"),
            Program("only a comment", b"# nothing"),
            Program("a megabyte", b"#" * (MIB - 12) + b"\nprint('ok')", stdout="ok\n"),
            Program("very many lines", b"x = 1\n" * 60000 + b"print('ok')", stdout="ok\n",
                    options=("--memory", "512M")),
            Program("deep brackets", "(" * 150 + ")" * 150 + "\nprint('ok')", stdout="ok\n"),
            Program("brackets too deep for the interpreter", "(" * 5000 + ")" * 5000, "runtime_error", 1,
                    stderr=re.compile("too many nested parentheses|MemoryError|recursion")),
            Program("a shebang", b"#!/bin/sh\nprint('python all the same')", stdout="python all the same\n"),
            Program("another language", b"int main(void) { return 0; }", "runtime_error", 1,
                    stderr=re.compile("SyntaxError")),
        ]
    ),
)
def test_odd_but_fine(rcectl, program):
    run_and_check(rcectl, program)


def test_what_only_the_linter_minds_runs_without_it(rcectl):
    check(Program("", "", stdout="ok\n"), rcectl.run(b"# coding: latin-1\nprint('ok')", *OFF))
    check(Program("", "", stdout="ok\n"), rcectl.run(b"x = 1 # \rprint('ok')\n", *OFF))


@pytest.mark.parametrize("as_json", [False, True])
def test_missing_file(rcectl, tmp_path, as_json):
    result = rcectl.run(tmp_path / "missing.py", as_json=as_json)
    assert result.exit == EXIT_NOT_FOUND and re.match("rcectl: .*missing.py: No such file or directory", result.stderr)


def test_directory(rcectl, tmp_path):
    result = rcectl.run(tmp_path)
    assert result.exit != 0 and "It is a directory, not a program" in result.stderr


def test_device_that_never_ends(rcectl, tmp_path):
    (tmp_path / "zero.py").symlink_to("/dev/zero")
    result = rcectl.run(tmp_path / "zero.py")
    assert result.exit == EXIT_REJECTED and "larger than" in result.stderr


def test_no_file_at_all(rcectl):
    result = rcectl("run")
    assert result.exit == EXIT_USAGE and "which program?" in result.stderr
    result = rcectl("run", "--time")
    assert result.exit == EXIT_USAGE and "requires an argument" in result.stderr


def test_everything_allowed_is_allowed(rcectl):
    """The maxima themselves, and as many arguments and variables as there may be."""
    maxima = ["memory=2G", "processes=512", "cpu=400%", "wall_time=5min", "cpu_time=5min", "output=16M"]
    options = [f"--limit={m}" for m in maxima] + [f"--env=A{i}=" for i in range(1000)]
    result = rcectl.run("import os, sys; print(len(sys.argv), len(os.environ))", *OFF, *options,
                        arguments=["a" * 60] * 1000)
    check(Program("", "", stdout="1001 1004\n"), result)


# --- findings ---


def test_findings_for_people(rcectl, tmp_path):
    result = rcectl.run("x = 1\nimport os\n  # ä\nfrom subprocess import run\n", as_json=False)
    assert (result.exit, result.stdout) == (EXIT_REJECTED, b"")
    lines = result.stderr.splitlines()
    assert lines[0].startswith(f"{tmp_path}/main.py:2:8: error: os: ")
    assert lines[1].startswith(f"{tmp_path}/main.py:4:6: error: subprocess: ")
    assert lines[-1] == "rejected: 2 findings; nothing was run"


def test_findings_in_json(rcectl):
    result = rcectl.run("import os")
    assert (result.exit, result.verdict) == (EXIT_REJECTED, "rejected")
    assert (result.document["exit_code"], result.output()) == (None, b"")
    [finding] = result.lint["diagnostics"]
    assert (finding["line"], finding["column"], finding["name"]) == (1, 8, "os")


def test_levels(rcectl):
    source = "import sys; print(sys.version_info[0])"
    assert rcectl.run(source).verdict == "ok"
    assert rcectl.run(source, "--lint", "strict").verdict == "rejected"
    assert rcectl.run(source, "--lint", "off").verdict == "ok"
    assert rcectl.run("import os; print(3)").verdict == "rejected"
    check(Program("", "", stdout="3\n"), rcectl.run("import os; print(3)", *OFF))


# --- languages ---


def test_missing_image(rcectl, language):
    language("absent", Image="localhost/rce-absent:latest")
    result = rcectl.run("print(1)", "--language", "absent")
    assert result.exit == EXIT_ENGINE and result.stdout == b""
    assert re.search("image localhost/rce-absent:latest of language absent is not here.*rcectl image build",
                     result.stderr)


@pytest.mark.parametrize(
    "text, line, message",
    [
        ("[X-Language]\nnonsense\n", 2, "expected Key=Value"),
        ("[Container\n", 1, "section"),
        ("Image=x\n", 1, "before any"),
        ("[Container]\nImage=localhost/rce-python:latest\n[X-Language]\nColour=red\n", 4,
         r"there is no Colour= in \[X-Language\]"),
        ("[Container]\nImage=localhost/rce-python:latest\n[Service]\nMemoryMax=lots\n[X-Language]\nRun=x\n", 4,
         "'lots' is not a value of MemoryMax="),
        ("[Container]\nImage=localhost/rce-python:latest\n[X-Language]\nRun=x\nSource=../y\n", 5, "Source="),
        ("[Container]\nImage=localhost/rce-python:latest\n[X-Language]\nRun='open\nSource=y\n", 4, "Run="),
        ("[Container]\nImage=localhost/rce-python:latest\n[X-Language]\nIsolation=none\n", 4, "Isolation="),
    ],
    ids=["no assignment", "open section", "no section", "unknown key", "limit", "source in another place", "open quote",
         "no isolation"],
)
def test_broken_language_file(rcectl, language, text, line, message):
    path = language("broken", text)
    result = rcectl.run("print(1)", "--language", "broken")
    assert result.exit == EXIT_ENGINE and result.stdout == b""
    assert re.search(rf"{path}:{line}: .*{message}", result.stderr), result.stderr
    assert rcectl.run("print(1)").verdict == "ok", "another language is hurt by it"
    assert re.search(rf"(?s)broken.*{path}:{line}", rcectl("language", "list").stdout.decode())


def test_language_podman_does_not_accept(rcectl, language):
    path = language("strange")
    path.write_text(path.read_text().replace("[Container]", "[Container]\nNoSuchKey=1"))
    result = rcectl.run("print(1)", "--language", "strange")
    assert result.exit == EXIT_ENGINE and str(path) in result.stderr and "NoSuchKey" in result.stderr


def test_language_whose_program_is_not_there(rcectl, language):
    language("ghost", Run="/usr/bin/no-such-interpreter /work/main.py")
    result = rcectl.run("print(1)", "--language", "ghost")
    assert (result.exit, result.verdict) == (EXIT_ENGINE, "internal_error")
    assert "exec: No such file or directory" in result.reason


def test_added_language(rcectl, language):
    language("shout",
             Run='/usr/bin/python3 -c "import sys; print(open(sys.argv[1]).read().upper(), *sys.argv[2:])" /work/x.txt',
             Source="x.txt", Lint="off", Environment="A=b")
    result = rcectl.run("hello import os", "--language", "shout", arguments=("one", "two"))
    check(Program("", "", stdout="HELLO IMPORT OS one two\n", language="shout"), result)


def test_overridden_language(rcectl, language):
    path = language("python", Environment="WHO=admin LANG=C", Lint="off")
    source = "import os; print(os.environ['WHO'], os.environ['LANG'])"
    check(Program("", "", stdout="admin C\n"), rcectl.run(source))
    assert str(path) in rcectl("language", "show", "python").stdout.decode()


@pytest.mark.parametrize("text", ["", "# nothing\n", "[Container]\n"])
def test_an_overridden_language_does_not_come_back_by_itself(rcectl, language, text):
    path = language("python", text)
    result = rcectl.run("print(1)", "--language", "python")
    assert result.exit == EXIT_ENGINE and str(path) in result.stderr


COMPILED = {"Compile": "/usr/bin/python3 -m py_compile /work/main.py", "Run": "/usr/bin/python3 /work/main.py"}


@pytest.mark.parametrize(
    "program",
    rows(
        [
            Program("compiles and runs", "import os; print(os.listdir('/work/__pycache__'))", language="compiled",
                    options=OFF,
                    stdout=re.compile("main.cpython")),
            Program("does not compile", "def (", "compile_error", 1, language="compiled",
                    stderr=re.compile("SyntaxError")),
            Program("fails when it runs", "1 / 0", "runtime_error", 1, language="compiled",
                    stderr=re.compile("ZeroDivisionError")),
            Program("input is for the program", "print(input())", stdin=b"mine\n", stdout="mine\n",
                    language="compiled"),
        ]
    ),
)
def test_compiled_language(rcectl, language, program):
    language("compiled", **COMPILED)
    run_and_check(rcectl, program)


def test_compiler_has_limits_and_no_one_to_talk_to(rcectl, language):
    language("slow", Compile='/usr/bin/python3 -c "import sys; print(sys.stdin.read()); 1 / 0"', Run="/usr/bin/true")
    result = rcectl.run("print(1)", "--language", "slow", stdin=b"not for it")
    assert (result.verdict, result.exit, result.output()) == ("compile_error", 1, b"\n")
    language("endless", Compile='/usr/bin/python3 -c "while True: pass"', Run="/usr/bin/true")
    result = rcectl.run("print(1)", "--language", "endless", "--time", "1s")
    assert (result.verdict, result.exit) == ("time_limit", 124)


PLANTING = (
    "import os; os.unlink('main.py'); os.symlink('/etc/passwd', 'main.py'); "
    "os.fork() or os.execv('/bin/sleep', ['sleep', '60'])"
)
LOOKING = (
    "import os; processes = {n for n in os.listdir('/proc') if n.isdigit()}; "
    "print(os.readlink('main.py'), processes == {'1', str(os.getpid())})"
)


def test_compiler_cannot_plant_files_for_us(rcectl, language):
    """What it leaves, links and processes included, is only ever its own program's matter."""
    language("planted", Compile=f'/usr/bin/python3 -c "{PLANTING}"', Run=f'/usr/bin/python3 -c "{LOOKING}"')
    result = rcectl.run("print(1)", "--language", "planted")
    assert result.document["stdout"] == "/etc/passwd True\n", result.document
