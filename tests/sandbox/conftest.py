# SPDX-License-Identifier: Apache-2.0
"""Tests of the installed engine: `lab test` runs them as root inside a booted host."""


def pytest_configure(config):
    config.addinivalue_line(
        "markers",
        "controllers: needs the memory, pids and cpu controllers; runs in the virtual machine, the others in the host",
    )
