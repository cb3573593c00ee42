# SPDX-License-Identifier: Apache-2.0
"""After a cut of the power in the middle of power.py."""

import pytest

from power import RUN, load_after


@pytest.mark.skipif(not RUN.exists(), reason="the power was not cut")
def test_the_power_is_cut(engine, judge):
    load = load_after().start()
    before = len(load.accepted)
    try:
        load.join()
    finally:
        load.over.set()
    RUN.unlink()
    judge(load, f"the power of all hosts cut when {before} were accepted")
