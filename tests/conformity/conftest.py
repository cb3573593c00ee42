# SPDX-License-Identifier: Apache-2.0
import pytest

import cells

COMMAND = ['/usr/bin/python3', '/work/main.py']


class Server:
    """A fork server, and programs in cells of their own."""

    def __init__(self, image, preload=''):
        self.container = cells.Container(f'localhost/rce-{image}:latest', cells.podman(True), COMMAND, preload)

    def run(self, source, **options):
        program = cells.cell(self.container)
        try:
            return program.run(COMMAND, files={'main.py': source.encode()}, **options)
        finally:
            program.link.close()


@pytest.fixture(scope='module')
def python():
    server = Server('python', 'ssl uuid tempfile')
    yield server
    server.container.close()


@pytest.fixture(scope='module')
def datascience():
    server = Server('datascience', 'numpy pandas sklearn')
    yield server
    server.container.close()
