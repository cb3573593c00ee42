# SPDX-License-Identifier: Apache-2.0
"""The life of the packages on one host, in the order of an administrator's life with them: each test goes on where the one
before has left the host. `lab test install` runs it as root inside a booted host."""

import re
import socket
import subprocess
import threading
from pathlib import Path

from host import (IMAGE, NAMES, PACKAGES, PASSWORD, apt, broker, finished, is_active, main_pid, now, output_of, journal,
                  request, run, set_up, sql, submit, until)

DROPIN = Path("/etc/rce/rce.conf.d/elsewhere.conf")
UNITS = ["rce-api.socket", "rce-api.service", "rce-setup.service", "rce-worker@1.service", "rce-worker@2.service"]


def users():
    return {line.split(":")[0] for line in Path("/etc/passwd").read_text().splitlines()}


def made_files():
    found = run("find", "/etc", "/run", "/var", "(", "-path", "/run/lab", "-o", "-path", "/var/lib/dpkg", "-o", "-path",
                "/var/log", "-o", "-path", "/var/cache", "-o", "-path", "/var/lib/postgresql", "-o", "-path",
                "/var/lib/rabbitmq", "-o", "-path", "/run/udev", ")", "-prune", "-o", "-name", "*rce[-.@]*", "-print", "-o", "-name", "rce",
                "-print")
    # what systemd itself keeps of units that once ran
    return [path for path in found.split() if not path.startswith("/run/systemd")]


def test_purging_leaves_the_database_and_nothing_else():
    apt("purge", *NAMES)
    assert [unit for unit in UNITS if is_active(unit) not in ("inactive", "unknown")] == []
    assert not {"rce-api", "rce-worker"} & users()
    assert not re.search("^rce:", Path("/etc/group").read_text(), re.M)
    assert made_files() == []
    assert "rce" not in run("rabbitmqctl", "--silent", "list_users") + run("rabbitmqctl", "--silent", "list_vhosts")
    assert not any("rce" in path.read_text() for path in (Path("/etc/subuid"), Path("/etc/subgid")))
    sql("DROP DATABASE IF EXISTS rce")


def test_installing_starts_and_enables_nothing():
    apt("install", *map(str, PACKAGES))
    assert {unit: is_active(unit) for unit in UNITS} == {unit: "inactive" for unit in UNITS}
    enabled = run("systemctl", "list-unit-files", "--state=enabled", "--no-legend", "rce-*", check=False).stdout
    assert enabled == ""
    assert not PASSWORD.exists()
    assert "rce" not in sql("SELECT string_agg(datname, ' ') FROM pg_database")


def test_then_two_commands_are_all_it_takes():
    run("rcectl", "image", "load", "python", str(IMAGE))
    run("systemctl", "start", "rce-api.socket")
    run("systemctl", "enable", "--now", "rce-worker@1", "rce-worker@2")
    assert output_of("print(6 * 7)") == "42\n"


def test_setup_says_what_it_made():
    said = run("journalctl", "--output=cat", "--unit=rce-setup.service", "--lines=30")
    for words in ("Made a password", "Made the user 'rce'", "database 'rce', made now", "Applied 001-jobs.sql"):
        assert words in said, said


def test_everything_listens_on_this_host_only():
    """Erlang's own two ports are RabbitMQ's affair: who would use them needs its cookie. The broker of this host was started
    before our packages came."""
    erlang = {4369, 25672}
    run("systemctl", "restart", "rabbitmq-server.service")
    for line in run("ss", "-Hltn").splitlines():
        address, _, port = line.split()[3].rpartition(":")
        assert int(port) in erlang or address.strip("[]") in ("::1", "127.0.0.1"), line


def test_setup_a_second_time_changes_nothing():
    def state():
        return (PASSWORD.read_text(), PASSWORD.stat().st_mtime_ns, broker(),
                sql("SELECT version, applied_at FROM rce.schema_version", "rce"),
                Path("/var/lib/rce/blobs").stat().st_mode)

    before = state()
    said = set_up()
    assert state() == before
    assert not re.search("made|Applied", said, re.I), said
    assert output_of("print(1)") == "1\n"


def test_the_password_is_in_the_credential_store_only():
    assert PASSWORD.stat().st_mode & 0o777 == 0o600 and PASSWORD.stat().st_uid == 0
    secret = PASSWORD.read_text().strip().encode()
    assert len(secret) >= 32
    assert secret not in subprocess.run(["journalctl", "--boot", "--output=export"], capture_output=True, check=True).stdout
    for process in Path("/proc").glob("[0-9]*"):
        for file in ("cmdline", "environ"):
            try:
                assert secret not in (process / file).read_bytes()
            except (FileNotFoundError, ProcessLookupError, PermissionError):
                pass


def test_setup_mends_the_broker():
    run("rabbitmqctl", "delete_vhost", "rce")
    run("rabbitmqctl", "delete_user", "rce")
    assert "Made the user 'rce'" in set_up()
    assert output_of("print(2)") == "2\n"

    # somebody else's password is replaced by ours
    run("runuser", "-u", "rabbitmq", "--", "rabbitmqctl", "change_password", "rce", input="other\n", cwd="/")
    assert "Made the user 'rce'" in set_up()
    run("systemctl", "restart", "rce-api.service", "rce-worker@1", "rce-worker@2")
    assert output_of("print(3)") == "3\n"


def test_setup_leaves_other_hosts_alone():
    before = broker()
    DROPIN.write_text("[Database]\nConnection=host=db.invalid dbname=rce\n[Broker]\nHost=broker.invalid\nUser=other\n")
    try:
        said = set_up()
    finally:
        DROPIN.unlink()
    assert "The database is on db.invalid" in said and "The broker is on broker.invalid" in said
    assert broker() == before


def test_setup_waits_for_servers_that_start():
    run("systemctl", "stop", "rce-setup.service", "rabbitmq-server.service", "postgresql.service")
    since = now()
    run("systemctl", "start", "--no-block", "rce-setup.service")
    run("systemctl", "start", "postgresql.service", "rabbitmq-server.service")
    until(lambda: is_active("rce-setup.service") == "active", "rce-setup.service is active")
    assert "takes the user 'rce'" in journal("rce-setup.service", since)
    assert output_of("print(4)") == "4\n"


def test_setup_says_which_server_is_missing():
    run("systemctl", "stop", "postgresql.service", "rabbitmq-server.service")
    done = run("/usr/libexec/rce/rce-setup", "--timeout", "1s", check=False)
    run("systemctl", "start", "postgresql.service", "rabbitmq-server.service")
    assert done.returncode == 1
    assert "127.0.0.1 port 5672: Connection refused" in done.stderr and "PostgreSQL: connection" in done.stderr
    assert "Blobs lie in the directory /var/lib/rce/blobs" in done.stderr


def test_missing_images_are_no_obstacle():
    """There is neither mmdebstrap nor a network here: the unit says so, and does not fail."""
    since = now()
    run("systemctl", "start", "rce-images.service")
    said = journal("rce-images.service", since)
    assert "mmdebstrap" in said, said
    assert is_active("rce-images.service") == "inactive"


def test_an_upgrade_keeps_socket_and_jobs():
    refused, stop = [], threading.Event()

    def knock():
        while not stop.wait(0.02):
            try:
                socket.create_connection(("127.0.0.1", 8000), 5).close()
            except OSError as e:
                refused.append(str(e))

    pids = {unit: main_pid(unit) for unit in UNITS if unit.endswith("service") and "setup" not in unit}
    jobs = [submit(f"import time\ntime.sleep(4)\nprint({n})\n") for n in range(4)]
    client = threading.Thread(target=knock)
    client.start()
    try:
        apt("install", "--reinstall", *map(str, PACKAGES))
        for unit, pid in pids.items():
            until(lambda unit=unit, pid=pid: main_pid(unit) not in (0, pid) and is_active(unit) == "active", f"{unit} is new")
    finally:
        stop.set()
        client.join()
    assert refused == []
    for n, job in enumerate(jobs):
        document = finished(job)
        assert (document["verdict"], document["stdout"]) == ("ok", f"{n}\n"), document
    assert output_of("print(5)") == "5\n"


def test_removing_stops_everything_and_keeps_what_is_set_up():
    apt("remove", *NAMES)
    assert [unit for unit in UNITS if is_active(unit) not in ("inactive", "unknown")] == []
    assert run("pgrep", "-u", "rce-api,rce-worker", check=False).stdout == ""
    assert PASSWORD.exists() and Path("/etc/rce/rce.conf").exists()


def test_installed_again_it_goes_on_where_it_was():
    n = int(sql("SELECT count(*) FROM rce.jobs", "rce"))
    apt("install", *map(str, PACKAGES))
    run("systemctl", "start", "rce-api.socket", "rce-worker@1", "rce-worker@2")
    assert output_of("print(6)") == "6\n"
    assert int(sql("SELECT count(*) FROM rce.jobs", "rce")) == n + 1
    assert request("GET", "/readyz")[0] == 200
