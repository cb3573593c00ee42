# SPDX-License-Identifier: Apache-2.0
"""The installed engine as its users have it, and what it may have left on this host."""

import base64
import json
import os
import pwd
import select
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path

DEADLINE_SEC = 300  # generous: a machine may be emulated
USER = "rce-worker"
LANGUAGES = Path("/etc/rce/languages")
EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
PROGRAMS = Path(__file__).resolve().parent / "programs"

EXIT_USAGE, EXIT_TIME, EXIT_ENGINE, EXIT_REJECTED, EXIT_NOT_FOUND = 2, 124, 125, 126, 127
EXIT_INTERRUPTED, EXIT_MEMORY, EXIT_OUTPUT = 130, 137, 153


@dataclass
class Result:
    """What rcectl said, and its JSON document if that was asked for."""

    exit: int
    stdout: bytes
    stderr: str
    document: dict = field(default_factory=dict)

    def output(self, stream="stdout"):
        """The program's own bytes."""
        if not self.document:
            return self.stdout
        text = self.document[stream]
        return base64.b64decode(text) if self.document[f"{stream}_encoding"] == "base64" else text.encode()

    def __getattr__(self, name):
        try:
            return self.document[name]
        except KeyError:
            raise AttributeError(name) from None


class Process:
    """A rcectl that is still running."""

    def __init__(self, argv, **options):
        self.popen = subprocess.Popen(argv, **{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options})
        self.pending = b""

    def line(self):
        """The next line of its output, as soon as it is there."""
        deadline = time.monotonic() + DEADLINE_SEC
        while b"\n" not in self.pending:
            ready, _, _ = select.select([self.popen.stdout], [], [], max(0, deadline - time.monotonic()))
            assert ready, f"no line of output within {DEADLINE_SEC} s, only {self.pending!r}"
            chunk = os.read(self.popen.stdout.fileno(), 65536)
            assert chunk, f"the output ended: {self.pending!r}, {self.popen.stderr.read().decode()}"
            self.pending += chunk
        line, self.pending = self.pending.split(b"\n", 1)
        return line.decode()

    def end(self, stdin=None):
        """Its result, once it has ended."""
        stdout, stderr = self.popen.communicate(stdin, timeout=DEADLINE_SEC)
        return Result(self.popen.returncode, self.pending + (stdout or b""), (stderr or b"").decode(errors="replace"))

    def discard(self):
        """Whether it was still running, as it is after a failed test."""
        running = self.popen.poll() is None
        if running:
            self.popen.kill()
        self.popen.communicate()
        return running


def command(*argv, check=True, **options):
    done = subprocess.run(argv, capture_output=True, text=True, timeout=DEADLINE_SEC, check=False, **options)
    assert done.returncode == 0 or not check, f"{' '.join(argv)}: exit code {done.returncode}: {done.stderr}"
    return done


def wait_until(condition, what):
    """For what tells nobody that it has happened."""
    deadline = time.monotonic() + DEADLINE_SEC
    while not condition():
        assert time.monotonic() < deadline, f"not within {DEADLINE_SEC} s: {what}"
        time.sleep(0.02)


class Worker:
    """The user all sandboxes belong to, and what there is of them on this host."""

    def __init__(self):
        entry = pwd.getpwnam(USER)
        self.uid, self.home = entry.pw_uid, Path(entry.pw_dir)
        self.runtime = Path(f"/run/user/{self.uid}")
        self.manager = f"user@{self.uid}.service"
        self.subordinate = []
        for line in Path("/etc/subuid").read_text().splitlines():
            owner, first, count = line.split(":")
            if owner in (USER, str(self.uid)):
                self.subordinate.append(range(int(first), int(first) + int(count)))

    def owns(self, uid):
        return uid == self.uid or any(uid in ids for ids in self.subordinate)

    def systemctl(self, *arguments, **options):
        return command("systemctl", "--user", "-M", f"{USER}@", *arguments, **options)

    def podman(self, *arguments, **options):
        environment = {"PATH": "/usr/bin:/bin", "HOME": str(self.home), "XDG_RUNTIME_DIR": str(self.runtime)}
        identity = {"user": self.uid, "group": self.uid, "extra_groups": []}
        return command("podman", *arguments, cwd="/", env=environment, **identity, **options)

    def units(self):
        listed = self.systemctl("list-units", "--all", "--plain", "--no-legend", "rce-sandbox-*").stdout
        return [line.split()[0] for line in listed.splitlines()]

    def processes(self):
        """Command lines of whatever runs as a user only sandboxes have, and of their container runtime."""
        found = []
        for entry in Path("/proc").iterdir():
            if not entry.name.isdigit():
                continue
            try:
                uid = entry.stat().st_uid
                argv = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            except OSError:  # it has ended
                continue
            if self.owns(uid) and (uid != self.uid or "rce-sandbox-" in argv):
                found.append(f"{entry.name} {argv}")
        return found

    def cgroups(self):
        return sorted(str(p) for p in Path("/sys/fs/cgroup").rglob("rce-sandbox-*"))

    def files(self):
        """What a run makes for a while, by name; podman's own locks stay."""
        left = [p for p in self.runtime.glob("rce-*")]
        left += [p for p in Path("/tmp").glob("rce-quadlet-*")]
        left += [p for p in Path("/dev/shm").iterdir() if self.owns(p.lstat().st_uid) and not p.name.startswith("libpod_")]
        left += [p for p in Path("/etc/rce/languages").iterdir()]
        return sorted(map(str, left))

    def leftovers(self):
        return {
            "units": self.units(),
            "containers": self.podman("ps", "--all", "--quiet", "--no-trunc").stdout.split(),
            "processes": self.processes(),
            "cgroups": self.cgroups(),
            "files": self.files(),
        }

    def is_clean(self):
        return not any(self.leftovers().values())
