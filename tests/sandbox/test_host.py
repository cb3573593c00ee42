# SPDX-License-Identifier: Apache-2.0
"""What this host is made of and what it says when a part is missing; the other verbs."""

import json
import re
import shutil
from contextlib import contextmanager
from pathlib import Path

import pytest

from engine import EXIT_ENGINE, EXIT_NOT_FOUND, EXIT_USAGE, USER, command
from table import Program, check

HELLO = "print('hello')"


def doctor(rcectl):
    """Each check's row; and the exit code it ends with."""
    result = rcectl("doctor", "--json")
    rows = json.loads(result.stdout)
    return {row["check"]: row for row in rows}, result.exit


@contextmanager
def without(*paths):
    """While these files have another name."""
    moved = [(Path(path), Path(f"{path}.away")) for path in paths]
    try:
        for path, away in moved:
            shutil.move(path, away)
        yield
    finally:
        for path, away in moved:
            if away.exists():
                shutil.move(away, path)


def mend(message):
    """Does what the message says, as an administrator would."""
    found = re.search("`([^`]+)`", message)
    assert found, f"no command in: {message}"
    command(*found[1].split())


def test_doctor_finds_nothing_broken(rcectl):
    rows, code = doctor(rcectl)
    assert code == 0, [row for row in rows.values() if row["state"] == "fail"]
    warned = {name for name, row in rows.items() if row["state"] != "ok"}
    assert warned <= {"controllers"}
    lacks = "memory" not in Path("/sys/fs/cgroup/cgroup.controllers").read_text().split()
    assert (rows["controllers"]["state"] == "warn") is lacks
    assert not lacks or rows["controllers"]["mend"]


@pytest.fixture
def no_workers():
    """They would start the user manager again."""
    listed = command("systemctl", "list-units", "--plain", "--no-legend", "rce-worker@*").stdout
    units = [line.split()[0] for line in listed.splitlines()]
    if units:
        command("systemctl", "stop", *units)
    yield
    if units:
        command("systemctl", "start", *units)


def test_without_a_user_manager(rcectl, worker, no_workers):
    command("systemctl", "stop", worker.manager, f"user-runtime-dir@{worker.uid}.service")
    try:
        result = rcectl.run(HELLO)
        assert result.exit == EXIT_ENGINE and result.stdout == b"" and "user manager" in result.stderr, result.stderr
        rows, code = doctor(rcectl)
        assert code == 1 and rows["user-manager"]["state"] == "fail" and rows["user-manager"]["mend"]
        mend(result.stderr)
    finally:
        command("systemctl", "start", worker.manager)
    check(Program("", "", stdout="hello\n"), rcectl.run(HELLO))


def test_after_the_user_manager_was_restarted(rcectl, worker):
    command("systemctl", "restart", worker.manager)
    check(Program("", "", stdout="hello\n"), rcectl.run(HELLO))


@pytest.mark.parametrize("missing", [["/usr/bin/podman"], ["/usr/libexec/podman/quadlet"],
                                     ["/usr/bin/podman", "/usr/libexec/podman/quadlet"]])
def test_without_podman(rcectl, missing):
    with without(*missing):
        result = rcectl.run(HELLO)
        assert result.exit == EXIT_ENGINE
        said = result.stderr + (result.document.get("reason") or "")
        assert re.search("(?i)podman.*(not installed|not found|No such file)", said), said
        rows, code = doctor(rcectl)
        assert code == 1 and any(row["state"] == "fail" and "podman" in (row["mend"] or "") for row in rows.values())


@pytest.mark.parametrize("missing", ["/usr/libexec/rce/rce-cell", "/usr/share/rce/seccomp.json", "/usr/bin/crun"])
def test_without_a_part(rcectl, missing):
    with without(missing):
        result = rcectl.run(HELLO)
        assert result.exit == EXIT_ENGINE
        assert Path(missing).name in result.stderr + (result.document.get("reason") or "")
        rows, code = doctor(rcectl)
        assert code == 1 and any(row["state"] == "fail" and Path(missing).name in row["found"] for row in rows.values())
    check(Program("", "", stdout="hello\n"), rcectl.run(HELLO))


def test_without_a_lint_policy(rcectl):
    with without("/usr/share/rce/lint/python.scm"):
        result = rcectl.run(HELLO)
        assert result.exit == EXIT_ENGINE and "lint policy" in result.stderr
        check(Program("", "", stdout="hello\n"), rcectl.run(HELLO, "--lint", "off"))


def test_with_a_broken_configuration(rcectl):
    path = Path("/etc/rce/rce.conf.d/50-test.conf")
    path.write_text("[Limits]\nMemory=much\n")
    try:
        result = rcectl.run(HELLO)
        assert result.exit == EXIT_ENGINE and re.search(f"{path}:2: 'much' is not a value of Memory=", result.stderr)
    finally:
        path.unlink()


def test_configured_limits_hold(rcectl):
    path = Path("/etc/rce/rce.conf.d/50-test.conf")
    path.write_text("[Limits]\nSource=100\nOutput=2M\nArguments=10\n")
    try:
        assert "at most 2M" in rcectl.run(HELLO, "--limit", "output=3M").stderr
        assert "larger than 100 bytes" in rcectl.run(HELLO + "#" * 100).stderr
        assert "more than 10" in rcectl.run(HELLO, arguments=("0123456789",)).stderr
        check(Program("", "", stdout="hello\n"), rcectl.run(HELLO))
    finally:
        path.unlink()


def test_as_a_user_without_a_manager(rcectl, tmp_path):
    """Somebody who is not root and not logged in gets told, and reaches nothing of the worker's."""
    source = Path("/tmp/hello.py")
    source.write_text(HELLO)
    try:
        result = rcectl("run", "--local", str(source), user="nobody", group="nogroup", extra_groups=[],
                        env={"PATH": "/usr/bin:/bin"}, cwd="/")
        assert result.exit == EXIT_ENGINE and "loginctl enable-linger nobody" in result.stderr
    finally:
        source.unlink()


# --- the other verbs ---


def test_language_list(rcectl):
    listed = rcectl("language", "list").stdout.decode()
    assert re.search(r"^python .*/usr/share/rce/languages/python\.container$", listed, re.MULTILINE)
    languages = {row["name"]: row for row in json.loads(rcectl("language", "list", "--json").stdout)}
    assert {"python", "datascience"} <= set(languages) and not languages["python"]["broken"]
    names = rcectl("language", "list", "--names").stdout.decode().split()
    assert {"python", "py", "python3", "datascience", "ds"} <= set(names)


def test_language_show(rcectl):
    shown = rcectl("language", "show", "python").stdout.decode()
    assert "# /usr/share/rce/languages/python.container" in shown
    assert re.search("^ExecStart=.*podman run .*--network none.*--cap-drop all.*--read-only", shown, re.MULTILINE)
    assert rcectl("language", "show", "cobol").exit == EXIT_NOT_FOUND


@pytest.mark.parametrize("alias", ["py", "python3"])
def test_alias(rcectl, alias):
    check(Program("", "", stdout="hello\n"), rcectl.run(HELLO, "--language", alias))


def test_image_list(rcectl):
    images = {row["image"]: row for row in json.loads(rcectl("image", "list", "--json").stdout)}
    for name in "python", "datascience":
        row = images[f"localhost/rce-{name}:latest"]
        assert row["present"] and row["size_bytes"] > 10 << 20
    assert "localhost/rce-python:latest" in rcectl("image", "list").stdout.decode()


def test_lint_verb(rcectl, tmp_path):
    (tmp_path / "good.py").write_text(HELLO)
    (tmp_path / "bad.py").write_text("import os")
    assert rcectl("lint", str(tmp_path / "good.py")).exit == 0
    result = rcectl("lint", str(tmp_path / "good.py"), str(tmp_path / "bad.py"))
    assert result.exit == 1 and f"{tmp_path}/bad.py:1:8: error: os" in (result.stdout.decode() + result.stderr)


def test_watch_runs_again_after_a_change(rcectl, tmp_path):
    source = tmp_path / "main.py"
    process = rcectl.start("print('first', flush=True)", "--watch")
    assert process.line() == "first"
    replacement = tmp_path / "next"
    replacement.write_text("print('second', flush=True)")
    replacement.rename(source)
    assert process.line() == "second"
    process.popen.terminate()
    process.end()


def test_help_and_version(rcectl):
    for verb in [], ["run"], ["lint"], ["language"], ["image"], ["doctor"]:
        result = rcectl(*verb, "--help")
        assert result.exit == 0 and result.stdout.startswith(b"rcectl") and result.stderr == ""
    assert re.fullmatch(rb"rcectl \d+\.\d+\.\d+\n", rcectl("--version").stdout)
    assert rcectl("bogus").exit == EXIT_USAGE and rcectl().exit == EXIT_USAGE


def test_the_worker_is_nobody_special(worker):
    """No password, no shell, no group but its own and that of the blobs; its home is its own."""
    shadow, passwd = (command("getent", database, USER).stdout.strip().split(":") for database in ("shadow", "passwd"))
    assert shadow[1].startswith(("!", "*")) and passwd[6].endswith(("nologin", "false"))
    assert command("id", "-Gn", USER).stdout.split() == [USER, "rce"]
    assert worker.home.stat().st_mode & 0o077 == 0
