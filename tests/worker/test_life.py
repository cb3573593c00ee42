# SPDX-License-Identifier: Apache-2.0
"""What an administrator does with workers, and what jobs notice of it."""

import json
from pathlib import Path

import pytest

from engine import command, wait_until

SLEEPER = "import time\nprint('up', flush=True)\ntime.sleep(%d)\nprint('slept')\n"
LANGUAGES = Path("/etc/rce/languages")


def test_a_job_goes_the_whole_way(api, workers):
    workers.start("1")
    job = api.submit("import sys\nprint(sys.argv[1], input())\nsys.exit(3)", args=["a"], stdin="b\n").end()
    assert (job["state"], job["verdict"], job["exit_code"], job["attempt"]) == ("finished", "runtime_error", 3, 1)
    assert (job["stdout"], job["stderr"]) == ("a b\n", "")
    assert job["created_at"] <= job["started_at"] <= job["finished_at"]


def test_what_is_too_long_for_message_and_row_goes_by_the_blobs(api, workers):
    workers.start("1")
    text = "0123456789abcdef" * 20_000
    job = api.submit(f"print('{text}')").end()
    assert (job["verdict"], job["stdout_bytes"]) == ("ok", len(text) + 1)
    connection, answer = api.request("GET", f"/v1/jobs/{job['id']}/stdout")
    assert answer.read().decode() == text + "\n"
    connection.close()


def test_the_journal_tells_the_whole_story_and_no_word_of_the_program(api, workers):
    workers.start("1")
    since = command("journalctl", "--lines=1", "--output=json", "--output-fields=__CURSOR")
    job = api.submit("import sys\nprint('word-1', input())\nraise SystemExit('word-2')", args=["word-3"], stdin="word-4\n")
    assert job.end()["verdict"] == "runtime_error"
    told = wait_until(lambda: [e for e in job.journal() if "RCE_VERDICT" in e] and job.journal(), "the last word")

    assert {e["SYSLOG_IDENTIFIER"] for e in told} >= {"rce-api", "rce-worker", "systemd"}
    assert [e["RCE_VERDICT"] for e in told if "RCE_VERDICT" in e] == ["runtime_error"]
    assert {e["RCE_ATTEMPT"] for e in told if "RCE_ATTEMPT" in e} == {"1"}
    assert any(e.get("USER_UNIT", "").startswith("rce-sandbox-python-") for e in told)
    everything = command("journalctl", "--no-pager", "--output=json", f"--after-cursor={json.loads(since)['__CURSOR']}")
    assert job.id in everything and "word-" not in everything


def test_no_more_jobs_run_than_there_are_slots(api, workers):
    workers.configure("[Worker]\nSlots=2\n")
    workers.start("1")
    jobs = [api.submit(SLEEPER % 600) for _ in range(3)]
    wait_until(lambda: workers.status("1").startswith("Running 2 of 2 jobs"), "both slots are taken")
    wait_until(lambda: api.workers()["1"]["running"] == 2, "a heartbeat that says so")
    waiting = [job for job in jobs if job.look()["state"] == "queued"]
    assert len(waiting) == 1

    next(job for job in jobs if job not in waiting).cancel()
    waiting[0].printed()
    assert "1 done" in workers.status("1")


def test_workers_share_the_work(api, workers):
    workers.configure("[Worker]\nSlots=1\n")
    workers.start("1", "2")
    jobs = [api.submit(SLEEPER % 600).printed() for _ in range(2)]
    assert sorted(job.workers()[0] for job in jobs) == ["1", "2"]
    known = api.workers()
    assert known.keys() == {"1", "2"} and known["1"]["alive"] and known["1"]["slots"] == 1
    assert known["1"]["host"] == command("hostname") and "python" in known["1"]["languages"] and known["1"]["version"]


def test_a_queued_job_that_is_cancelled_never_begins(api, workers):
    job = api.submit(SLEEPER % 600)
    job.cancel()
    workers.start("1")
    assert api.submit("print(1)").end()["verdict"] == "ok"
    told = job.look()
    assert (told["state"], told["attempt"], job.workers()) == ("cancelled", 0, [])


def test_a_running_job_is_cancelled_and_keeps_what_it_said(api, workers):
    workers.start("1")
    job = api.submit(SLEEPER % 600).printed()
    job.cancel()
    told = job.end()
    assert (told["state"], told["verdict"], told["stdout"]) == ("cancelled", "cancelled", "up\n")
    wait_until(lambda: not workers.sandboxes(), "its sandbox is gone")


def test_who_stops_lets_what_runs_end_and_begins_nothing(api, workers):
    workers.configure("[Worker]\nSlots=1\nDrainTimeout=60s\n")
    # What a drain takes longer is asked for.
    workers.unit_settings("1", "TimeoutStopSec=2s")
    workers.start("1")
    running = api.submit(SLEEPER % 6).printed()
    waiting = api.submit("print(1)")
    command("systemctl", "stop", "--no-block", "rce-worker@1")
    wait_until(lambda: workers.status("1").startswith("Draining, 1 of 1"), "it says that it drains")

    told = running.end()
    assert (told["verdict"], told["attempt"], told["stdout"]) == ("ok", 1, "up\nslept\n")
    wait_until(lambda: not workers.running(), "the worker has ended")
    assert workers.property("1", "Result") == "success"
    assert waiting.look()["state"] == "queued"
    assert "1" not in api.workers()


def test_who_has_to_stop_gives_back_what_still_runs(api, workers):
    workers.configure("[Worker]\nSlots=1\nDrainTimeout=1s\n")
    workers.start("1")
    job = api.submit(SLEEPER % 5).printed()
    workers.stop("1")
    assert workers.property("1", "Result") == "success" and not workers.sandboxes()
    told = job.look()
    assert (told["state"], told["attempt"]) == ("queued", 1)

    workers.start("2")
    told = job.end()
    assert (told["verdict"], told["attempt"], told["stdout"], job.workers()) == ("ok", 2, "up\nslept\n", ["1", "2"])


@pytest.fixture
def new_language():
    path = LANGUAGES / "worker_test.container"
    yield path
    path.unlink(missing_ok=True)
    command("systemctl", "try-restart", "rce-api")


def test_reload_takes_new_slots_and_languages_and_keeps_what_runs(api, workers, new_language):
    workers.configure("[Worker]\nSlots=1\n")
    workers.start("1")
    running = api.submit(SLEEPER % 4).printed()

    shipped = Path("/usr/share/rce/languages/python.container").read_text().splitlines()
    new_language.write_text("\n".join(line.replace("Aliases=py python3", "LintGrammar=python") for line in shipped) + "\n")
    workers.configure("[Worker]\nSlots=2\n")
    command("systemctl", "try-restart", "rce-api")
    workers.reload("1")
    assert workers.status("1").startswith("Running 1 of 2 jobs")
    wait_until(lambda: "worker_test" in api.workers()["1"]["languages"], "a heartbeat with the new language")

    assert api.submit("print('new')", language="worker_test").end()["stdout"] == "new\n"
    assert (running.end()["attempt"], running.look()["verdict"]) == (1, "ok")


def test_a_broken_setting_is_refused_at_reload_and_nothing_changes(api, workers):
    workers.configure("[Worker]\nSlots=1\n")
    workers.start("1")
    workers.configure("[Worker]\nSlots=many\n")
    workers.reload("1")
    assert workers.status("1").startswith("Running 0 of 1 jobs")
    log = command("journalctl", "--no-pager", "--output=cat", "--unit=rce-worker@1",
                  f"_SYSTEMD_INVOCATION_ID={workers.property('1', 'InvocationID')}")
    assert "The configuration stays as it was" in log and "worker-test.conf:2" in log
