# SPDX-License-Identifier: Apache-2.0
"""The hosts of the lab, what runs on them, and how it is damaged."""

import os
import socket
import subprocess
import time
from pathlib import Path

GUARD_SEC = 120     # what nothing here may take: machines may be emulated, and are busy
RESULTS = Path("/run/lab/results")


def wait_until(condition, what, guard_sec=GUARD_SEC):
    """For what tells nobody that it has happened."""
    end = time.monotonic() + guard_sec
    while not (result := condition()):
        assert time.monotonic() < end, f"not within {guard_sec} s: {what}"
        time.sleep(0.1)
    return result


def command(*argv, check=True):
    """What it printed. Without a standard input, for which some wait."""
    done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=GUARD_SEC, check=False)
    assert done.returncode == 0 or not check, f"{' '.join(argv)}: exit code {done.returncode}: {done.stderr}{done.stdout}"
    return done.stdout.strip()


class Host:
    """This one or another; others are reached beside the network, which is cut now and then."""

    def __init__(self, name):
        self.name = name
        self.prefix = [] if name == socket.gethostname() else ["on-host", name]

    def run(self, line, check=True):
        """What a line of shell printed there."""
        return command(*self.prefix, "sh", "-c", line, check=check)

    def workers(self):
        """Units that are meant to run."""
        listed = self.run("systemctl list-units --all --plain --no-legend 'rce-worker@*.service'")
        return [line.split()[0] for line in listed.splitlines()]

    def sandboxes(self):
        listed = self.run("systemctl --user -M rce-worker@ list-units --all --plain --no-legend 'rce-sandbox-*'")
        return [line.split()[0] for line in listed.splitlines()]


HOSTS = [Host(name) for name in os.environ.get("RCE_SYSTEM_HOSTS", socket.gethostname()).split()]


def all_workers():
    return [(host, unit) for host in HOSTS for unit in host.workers()]


def kill(host, unit):
    """As the kernel does when it has run out of memory. One that is not running is not hit."""
    return host.run(f"systemctl kill --signal=KILL --kill-whom=main {unit} 2>&1 && echo hit", check=False).endswith("hit")


def systemctl(*arguments):
    return command("systemctl", *arguments)


def rabbitmqctl(*arguments):
    return command("rabbitmqctl", "--quiet", *arguments)


def sql(statement):
    psql = ["psql", "-qXAt", "-v", "ON_ERROR_STOP=1", "-d", "rce"]
    return command("runuser", "-u", "postgres", "--", *psql, "-c", statement)


def other_hosts():
    return HOSTS[1:]


def cut_off(host):
    """Its end of the wire stays plugged in, so to it all others have just fallen silent."""
    command("ip", "link", "set", f"wire{host.name.removeprefix('host')}", "down")


def connect_again(host):
    command("ip", "link", "set", f"wire{host.name.removeprefix('host')}", "up")
