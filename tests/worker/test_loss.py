# SPDX-License-Identifier: Apache-2.0
"""A worker, or what it stands on, goes away in the middle of jobs; each still ends once, with what it had to say."""

import pwd
import time
from pathlib import Path

import pytest

from engine import USER, command, wait_until

CELL = Path("/usr/libexec/rce/rce-cell")
SLEEPER = "import time\nprint('up', flush=True)\ntime.sleep(%d)\nprint('slept')\n"


def assert_slept(job, attempt):
    told = job.end()
    assert (told["verdict"], told["attempt"], told["stdout"]) == ("ok", attempt, "up\nslept\n")


def queues():
    """What each queue of jobs has, waiting or unanswered."""
    listed = command("rabbitmqctl", "--quiet", "list_queues", "--no-table-headers", "name", "messages")
    return {name: int(n) for name, n in (line.split("\t") for line in listed.splitlines()) if name.startswith("rce.")}


def test_a_killed_worker_leaves_no_sandbox_and_its_jobs_are_begun_again_at_once(api, workers):
    workers.start("1")
    jobs = [api.submit(SLEEPER % 2).printed() for _ in range(2)]
    sandboxes = workers.sandboxes()
    assert len(sandboxes) == 2
    killed = time.monotonic()
    workers.kill("1")
    wait_until(lambda: not set(sandboxes) & set(workers.sandboxes()), "the sandboxes have ended", 10)
    wait_until(lambda: all(job.look()["attempt"] == 2 for job in jobs), "a second attempt of both", 10)
    print(f"begun again {time.monotonic() - killed:.1f} s after the kill")
    for job in jobs:
        assert_slept(job, 2)


def test_the_jobs_of_one_that_does_not_come_back_go_to_another(api, workers):
    workers.configure("[Worker]\nSlots=1\n")
    workers.unit_settings("1", "Restart=no")
    workers.start("1")
    job = api.submit(SLEEPER % 2).printed()
    workers.start("2")
    killed = time.monotonic()
    workers.kill("1")
    assert_slept(job, 2)
    assert job.workers() == ["1", "2"]
    print(f"ended {time.monotonic() - killed:.1f} s after the kill")


def test_a_job_that_kills_its_worker_each_time_is_given_up(api, workers):
    workers.configure("[Database]\nMaxAttempts=3\n")
    workers.start("1")
    job = api.submit(SLEEPER % 600)
    for attempt in range(1, 4):
        wait_until(lambda n=attempt: (told := job.look())["state"] == "running" and told["attempt"] == n, f"attempt {attempt}")
        workers.kill("1")
    told = job.end()
    assert (told["state"], told["verdict"], told["attempt"]) == ("finished", "internal_error", 3)
    assert "3 attempts" in told["reason"]
    assert api.submit("print('next')").end()["stdout"] == "next\n"
    wait_until(lambda: not any(queues().values()), "no message is left")


def test_a_worker_that_hangs_is_replaced(api, workers):
    workers.unit_settings("1", "WatchdogSec=2s")
    workers.start("1")
    job = api.submit(SLEEPER % 2).printed()
    workers.kill("1", "STOP")
    assert_slept(job, 2)
    assert "watchdog" in command("journalctl", "--no-pager", "--output=cat", "--lines=20", "--unit=rce-worker@1").lower()


@pytest.mark.parametrize("server", ["postgresql@17-main", "rabbitmq-server"])
def test_a_server_that_is_away_costs_no_job_and_no_attempt(api, workers, server):
    workers.start("1")
    jobs = [api.submit(SLEEPER % 2).printed() for _ in range(2)]
    command("systemctl", "stop", server)
    try:
        name = "database" if "postgresql" in server else "broker"
        wait_until(lambda: f"no {name}" in workers.status("1"), "the worker says so")
        wait_until(lambda: not workers.sandboxes(), "the programs have ended")
    finally:
        command("systemctl", "start", server)
    for job in jobs:
        assert_slept(job, 1)
        assert job.workers() == ["1"]
    wait_until(lambda: "no " not in workers.status("1"), "all is well again")
    wait_until(lambda: not any(queues().values()), "no message is left")
    assert api.submit("print('next')").end()["stdout"] == "next\n"


def test_without_the_user_manager_jobs_wait_for_the_next(api, workers):
    workers.start("1")
    job = api.submit(SLEEPER % 2).printed()
    command("systemctl", "kill", "--signal=KILL", f"user@{pwd.getpwnam(USER).pw_uid}.service")
    assert_slept(job, 2)


def test_podman_is_made_ready_again_after_its_processes_were_killed(api, workers):
    """As by the kernel, when memory is short: what it remembers of containers is wrong then, and it refuses to work."""
    workers.start("1")
    job = api.submit(SLEEPER % 1).printed()
    command("pkill", "--signal=KILL", "--uid", USER, "podman")
    command("pkill", "--signal=KILL", "--uid", USER, "conmon")
    told = job.end()
    assert (told["verdict"], told["stdout"]) == ("ok", "up\nslept\n")
    wait_until(lambda: "no sandboxes" not in workers.status("1"), "all is well again")


def test_a_host_that_makes_no_sandboxes_does_not_fail_the_whole_queue(api, workers):
    workers.configure("[Worker]\nSlots=2\n")
    workers.start("1")
    away = CELL.rename(CELL.with_suffix(".away"))
    try:
        jobs = [api.submit(f"print({i})") for i in range(20)]
        wait_until(lambda: "no sandboxes" in workers.status("1"), "the worker says so")
        wait_until(lambda: len([job for job in jobs if job.look()["attempt"] > 0]) >= 3, "another try")
        assert [job for job in jobs if job.look()["state"] == "finished"] == []
    finally:
        away.rename(CELL)
    for i, job in enumerate(jobs):
        assert job.end()["stdout"] == f"{i}\n"
