# SPDX-License-Identifier: Apache-2.0
import json
import os
import time
from pathlib import Path

import pytest

import audit
from hosts import RUN, all_workers, wait_until
from load import TRANSPORT, Api, Load

JOBS = int(os.environ.get("RCE_SYSTEM_JOBS", "2000"))


def is_ready():
    try:
        answer = Api().request("GET", "/readyz")
        workers = Api().request("GET", "/v1/workers")
    except TRANSPORT:
        return False
    alive = [worker for worker in workers.json.get("workers", []) if worker["alive"]] if workers.status == 200 else []
    return answer.status == 200 and set(answer.json["backends"].values()) == {"ok"} and len(alive) == len(all_workers())


@pytest.fixture(scope="session", autouse=True)
def audited():
    audit.install()
    yield
    audit.remove()


@pytest.fixture
def engine():
    """All there, nothing going on; and the same afterwards."""
    wait_until(is_ready, "an engine that is ready")
    audit.wait_for_rest()


@pytest.fixture
def scenario(engine, request, capsys):
    """Runs a load while something happens, and holds the engine to what it promised."""
    run = f"{request.node.name.removeprefix('test_')}-{int(time.time())}"

    def scenario(damage, n=JOBS, **options):
        began = time.monotonic()
        load = Load(run, n, **options).start()
        try:
            done = damage(load)
            load.join()
        finally:
            load.over.set()
        judge(load, done, time.monotonic() - began, capsys)
        return load
    return scenario


def judge(load, done, seconds, capsys):
    audit.wait_for_rest()
    ends = audit.ends_of(load.run)
    wrong, changed = load.wrong(), load.changed()
    lost = [number for number in range(load.n) if number not in load.ends]
    twice = [number for number, counts in ends.items() if counts != [1]]
    most, again = audit.attempts_of(load.run)

    line = (f"{load.run}: {load.describe()}; wrong {len(wrong)}, lost {len(lost)}, not once {len(twice) + len(changed)}; "
            f"{again} jobs begun again, at most {most} attempts; {done}; {seconds:.0f} s")
    with capsys.disabled():
        print(f"\n{line}")
    with open(RUN / "counts", "a", encoding="utf-8") as file:
        file.write(line + "\n")

    assert not wrong, json.dumps(wrong, indent=1)[:4000]
    assert not lost and not twice and not changed, (lost, twice, changed)
