# SPDX-License-Identifier: Apache-2.0
"""Whatever is killed, stopped or cut off: every job that was accepted ends once, with its own output."""

import random

from hosts import all_workers, kill


def test_nothing_is_killed(scenario):
    load = scenario(lambda load: "nothing was done to it")
    assert not load.refusals


def test_workers_are_killed(scenario):
    workers, dice = all_workers(), random.Random(1)

    def damage(load):
        kills = 0
        while not load.is_over(1):
            kills += kill(*dice.choice(workers))
        return f"{kills} workers killed"
    scenario(damage)
