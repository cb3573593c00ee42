# SPDX-License-Identifier: Apache-2.0
import time

import pytest

import audit
from hosts import all_workers, wait_until
from load import JOBS, TRANSPORT, Api, Load


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
def judge(capsys):
    """Holds the engine to what it promised, and prints the counts."""
    def judge(load, done):
        with capsys.disabled():
            audit.judge(load, done)
    return judge


@pytest.fixture
def scenario(engine, request, judge):
    """Runs a load while something happens to the engine."""
    def scenario(damage, n=JOBS, torn=False, **options):
        run = f"{request.function.__name__.removeprefix('test_').replace('_', '-')}-{int(time.time())}"
        load = Load(run, n, **options).start()
        try:
            done = damage(load)
            load.join()
        finally:
            load.over.set()
        judge(load, done)
        # Who is there says what is the matter; only who is killed may leave a client without an answer.
        assert torn or all(refusal.startswith("503 ") for refusal in load.refusals), load.refusals
        return load
    return scenario
