# SPDX-License-Identifier: Apache-2.0
"""The workers of this host as its administrator has them, and their jobs as clients see them."""

import http.client
import json
import subprocess
import time
from pathlib import Path

DEADLINE_SEC = 120
USER = "rce-worker"
SETTINGS = Path("/etc/rce/rce.conf.d/worker-test.conf")


def command(*argv, check=True):
    done = subprocess.run(argv, capture_output=True, text=True, timeout=DEADLINE_SEC, check=False)
    assert done.returncode == 0 or not check, f"{' '.join(argv)}: exit code {done.returncode}: {done.stderr}"
    return done.stdout.strip()


def wait_until(condition, what, deadline_sec=DEADLINE_SEC):
    """For what tells nobody that it has happened."""
    deadline = time.monotonic() + deadline_sec
    while not (result := condition()):
        assert time.monotonic() < deadline, f"not within {deadline_sec} s: {what}"
        time.sleep(0.05)
    return result


class Api:
    def request(self, method, path, document=None):
        connection = http.client.HTTPConnection("127.0.0.1", 8000, timeout=DEADLINE_SEC)
        body = None if document is None else json.dumps(document)
        connection.request(method, path, body, {"Content-Type": "application/json"} if body else {})
        return connection, connection.getresponse()

    def ask(self, method, path, document=None):
        connection, answer = self.request(method, path, document)
        text = answer.read()
        connection.close()
        assert answer.status < 300, f"{method} {path}: {answer.status} {text.decode()}"
        return json.loads(text) if text else None

    def submit(self, source, **members):
        return Job(self, self.ask("POST", "/v1/jobs", {"language": "python", "source": source, **members})["id"])

    def workers(self):
        return {w["name"]: w for w in self.ask("GET", "/v1/workers")["workers"]}

    def unfinished(self):
        return [j["id"] for state in ("queued", "running") for j in self.ask("GET", f"/v1/jobs?state={state}")["jobs"]]


class Job:
    def __init__(self, api, id):
        self.api, self.id = api, id

    def look(self):
        return self.api.ask("GET", f"/v1/jobs/{self.id}")

    def cancel(self):
        return self.api.ask("DELETE", f"/v1/jobs/{self.id}")

    def events(self):
        """As they come, until it has ended."""
        connection, answer = self.api.request("GET", f"/v1/jobs/{self.id}/events")
        assert answer.status == 200, answer.read()
        for line in answer:
            if line.startswith(b"data:"):
                yield json.loads(line[5:])
        connection.close()

    def printed(self):
        """Waits until its program has written something."""
        assert next((e for e in self.events() if e["type"] == "stdout"), None), f"job {self.id} ended without a word"
        return self

    def end(self):
        """How it ended, once it has."""
        assert [e for e in self.events() if e["type"] == "exit"]
        return self.look()

    def journal(self):
        lines = command("journalctl", "--no-pager", "--output=json", f"RCE_JOB_ID={self.id}").splitlines()
        return [json.loads(line) for line in lines]

    def workers(self):
        """Which workers began it, attempt by attempt."""
        return [e["RCE_WORKER"].rpartition("/")[2] for e in self.journal() if e["MESSAGE"].find(": attempt ") > 0]


class Workers:
    """rce-worker@NAME of this host."""

    def start(self, *names):
        command("systemctl", "start", *(f"rce-worker@{n}" for n in names))

    def stop(self, *names):
        command("systemctl", "stop", *(f"rce-worker@{n}" for n in names))

    def stop_all(self):
        command("systemctl", "stop", "rce-worker@*")

    def reload(self, name):
        command("systemctl", "reload", f"rce-worker@{name}")

    def kill(self, name, signal="KILL"):
        command("systemctl", "kill", "--kill-whom=main", f"--signal={signal}", f"rce-worker@{name}")

    def property(self, name, what):
        return command("systemctl", "show", "--value", f"--property={what}", f"rce-worker@{name}")

    def status(self, name):
        return self.property(name, "StatusText")

    def running(self):
        listed = command("systemctl", "list-units", "--plain", "--no-legend", "--state=active,activating,deactivating",
                         "rce-worker@*")
        return [line.split()[0] for line in listed.splitlines()]

    def configure(self, text):
        SETTINGS.write_text(text)

    def unit_settings(self, name, text):
        """Lines of [Service], until the end of the test."""
        directory = Path(f"/run/systemd/system/rce-worker@{name}.service.d")
        directory.mkdir(parents=True, exist_ok=True)
        (directory / "worker-test.conf").write_text(f"[Service]\n{text}\n")
        command("systemctl", "daemon-reload")

    def forget_settings(self):
        SETTINGS.unlink(missing_ok=True)
        for path in Path("/run/systemd/system").glob("rce-worker@*.service.d/worker-test.conf"):
            path.unlink()
        command("systemctl", "daemon-reload")

    def sandboxes(self):
        listed = command("systemctl", "--user", "-M", f"{USER}@", "list-units", "--all", "--plain", "--no-legend",
                         "rce-sandbox-*", check=False)
        return [line.split()[0] for line in listed.splitlines()]
