# SPDX-License-Identifier: Apache-2.0
import itertools
import os

import pytest

from engine import Engine, Server

NUMBERS = itertools.count()


def make_engine(tmp_path_factory):
    number = next(NUMBERS)
    return Engine(tmp_path_factory.mktemp('engine'), f'rce_{os.getpid()}_{number}')


@pytest.fixture(scope='session')
def engine(tmp_path_factory):
    return make_engine(tmp_path_factory)


@pytest.fixture(scope='session')
def server(engine):
    """One for all tests that leave it as it was."""
    server = Server(engine).start()
    yield server
    server.close()


@pytest.fixture(scope='session')
def worker(engine, server):
    with engine.worker() as worker:
        yield worker


@pytest.fixture
def own(tmp_path_factory):
    """Makes servers for one test, with a database of their own."""
    engine, servers = make_engine(tmp_path_factory), []

    def make(**kwargs):
        servers.append(Server(engine, **kwargs))
        return servers[-1]

    make.engine = engine
    yield make
    for server in servers:
        server.close()
