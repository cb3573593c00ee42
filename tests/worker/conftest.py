# SPDX-License-Identifier: Apache-2.0
"""Tests of one host's workers: `lab test` runs them as root inside a booted host, with its database and its broker."""

import pytest

from engine import Api, Workers, wait_until


@pytest.fixture(scope="session")
def api():
    return Api()


@pytest.fixture
def workers(api):
    """None of them runs when a test begins; those that did run again when it has ended, and nothing is left of its jobs."""
    workers = Workers()
    before = workers.running()
    workers.stop_all()
    yield workers
    for id in api.unfinished():
        api.ask("DELETE", f"/v1/jobs/{id}")
    workers.forget_settings()
    workers.stop_all()
    workers.start(*(unit.removeprefix("rce-worker@").removesuffix(".service") for unit in before) or ["1"])
    wait_until(lambda: not workers.sandboxes(), "no sandbox is left")
    wait_until(lambda: not api.unfinished(), "no job is left")
