# SPDX-License-Identifier: Apache-2.0
"""The host as an administrator sees it."""

import http.client
import json
import subprocess
import time
from pathlib import Path

PACKAGES = sorted(Path("/run/lab/packages").glob("*.deb"))
IMAGE = Path("/run/lab/python.tar")
NAMES = ["rce-engine", "rce-api", "rce-worker", "rcectl", "rce-common"]
PASSWORD = Path("/etc/credstore/rce-broker-password")
DEADLINE_SEC = 90


def run(*argv, check=True, **options):
    done = subprocess.run(argv, capture_output=True, text=True, timeout=4 * DEADLINE_SEC, check=False, **options)
    assert not check or done.returncode == 0, f"{argv}: {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout if check else done


def apt(*argv):
    return run("apt-get", "--yes", *argv, env={"DEBIAN_FRONTEND": "noninteractive", "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"})


def sql(statement, database="postgres"):
    return run("runuser", "-u", "postgres", "--", "psql", "-AtX", "-d", database, "-c", statement, cwd="/").strip()


def until(condition, what, seconds=DEADLINE_SEC):
    deadline = time.monotonic() + seconds
    while not (result := condition()):
        assert time.monotonic() < deadline, f"still not: {what}"
        time.sleep(0.1)
    return result


def is_active(unit):
    return run("systemctl", "is-active", unit, check=False).stdout.strip()


def main_pid(unit):
    return int(run("systemctl", "show", "--property=MainPID", "--value", unit))


def now():
    """For journal(): what was said later."""
    return run("journalctl", "--lines=0", "--show-cursor").split("-- cursor: ")[1].strip()


def journal(unit, since):
    return run("journalctl", "--output=cat", "--unit", unit, f"--after-cursor={since}")


def set_up():
    """Runs rce-setup once more, and returns what it said."""
    since = now()
    run("systemctl", "restart", "rce-setup.service")
    return journal("rce-setup.service", since)


def request(method, path, body=None, timeout=DEADLINE_SEC):
    connection = http.client.HTTPConnection("127.0.0.1", 8000, timeout=timeout)
    try:
        connection.request(method, path, body and json.dumps(body), {"Content-Type": "application/json"} if body else {})
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())
    finally:
        connection.close()


def submit(source):
    """Until it is accepted, as any client has to who meets 503."""
    status, ticket = until(lambda: (a := request("POST", "/v1/jobs", {"language": "python", "source": source}))[0] != 503 and a,
                           "the API takes jobs")
    assert status == 202, ticket
    return ticket["id"]


def finished(job):
    def look():
        status, document = request("GET", f"/v1/jobs/{job}")
        return status == 200 and document["state"] == "finished" and document

    return until(look, f"job {job} has finished")


def output_of(source):
    document = finished(submit(source))
    assert document["verdict"] == "ok", document
    return document["stdout"]


def broker():
    """All that RabbitMQ knows of us."""
    return [run("rabbitmqctl", "--silent", *question)
            for question in (["list_users"], ["list_vhosts"], ["list_permissions", "--vhost", "rce"])]
