# SPDX-License-Identifier: Apache-2.0
"""Whatever is killed, stopped or cut off: every job that was accepted ends once, with its own output."""

import random
import time

import pytest

import audit
from hosts import HOSTS, all_workers, connect_again, cut_off, kill, other_hosts, rabbitmqctl, systemctl, wait_until
from programs import Expected, program

API = "rce-api.service"


def each_quarter(load, damage):
    """Does it three times, each when a quarter more of the jobs are accepted."""
    for part in range(1, 4):
        load.wait_accepted(part * load.n // 4)
        damage()
    return 3


def test_nothing_is_killed(scenario):
    load = scenario(lambda load: "nothing was done to it")
    assert not load.refusals


def test_workers_are_killed(scenario):
    workers, dice = all_workers(), random.Random(1)

    def damage(load):
        kills = 0
        while not load.is_over(1):
            kills += kill(*dice.choice(workers))
        return f"a worker killed {kills} times"
    scenario(damage)


def test_the_server_is_killed(scenario):
    def damage(load):
        kills = 0
        while len(load.accepted) < load.n and not load.is_over(1):
            kills += kill(HOSTS[0], API)
        return f"{API} killed {kills} times"
    scenario(damage, torn=True)


def test_the_broker_is_restarted(scenario):
    def damage(load):
        return f"RabbitMQ restarted {each_quarter(load, lambda: systemctl('restart', 'rabbitmq-server.service'))} times"
    scenario(damage)


def test_the_database_is_restarted(scenario):
    def damage(load):
        return f"PostgreSQL restarted {each_quarter(load, lambda: systemctl('restart', 'postgresql@*-main.service'))} times"
    scenario(damage)


@pytest.mark.skipif(not other_hosts(), reason="blobs are in a directory where there is but one host")
def test_objects_cannot_be_reached(scenario):
    def damage(load):
        load.wait_accepted(load.n // 3)
        systemctl("stop", "minio.service")
        try:
            time.sleep(20)
        finally:
            systemctl("start", "minio.service")
        return "MinIO stopped for 20 s"
    load = scenario(damage)
    assert load.refusals["503 unavailable"] > 0


# Shorter and longer than what it takes to be given up for dead.
@pytest.mark.parametrize("seconds", [15, 50])
@pytest.mark.skipif(not other_hosts(), reason="there is but one host")
def test_a_host_is_cut_off(scenario, seconds):
    host, = other_hosts()

    def damage(load):
        load.wait_accepted(load.n // 3)
        cut_off(host)
        try:
            time.sleep(seconds)
        finally:
            connect_again(host)
        return f"{host.name} cut off for {seconds} s"
    load = scenario(damage)
    assert not load.refusals


def test_the_disk_of_the_broker_is_full(scenario):
    """It lets workers take what there is, and takes nothing itself; the server does, and waits."""
    def damage(load):
        load.wait_accepted(load.n // 3)
        rabbitmqctl("set_disk_free_limit", "900000GB")
        try:
            wait_until(lambda: "disk" in rabbitmqctl("eval", "rabbit_alarm:get_alarms()."), "the alarm")
            before = len(load.accepted)
            time.sleep(15)
            meanwhile = len(load.accepted) - before
        finally:
            rabbitmqctl("set_disk_free_limit", "50MB")
        assert meanwhile > 0
        return f"the broker's disk in alarm for 15 s, in which {meanwhile} were accepted"
    load = scenario(damage)
    assert not load.refusals


def test_jobs_that_kill_their_workers_end_and_leave_the_others_alone(scenario):
    """No program can kill a worker, as far as we know; these have it done for them."""
    def is_killer(number):
        return number % 100 == 50

    def make(run, number):
        document, expected = program(run, number)
        if is_killer(number):
            document["source"] = "import time\ntime.sleep(60)\n"
            expected = Expected("", "internal_error", None)
        return document, expected

    def damage(load):
        killed = set()          # each attempt takes one
        while not load.is_over(0.2):
            for number, attempt, host, name in audit.at_work(load.run):
                if is_killer(int(number)) and (number, attempt) not in killed:
                    # one that is down already takes its attempts with it, too
                    if kill(next(h for h in HOSTS if h.name == host), f"rce-worker@{name}.service"):
                        killed.add((number, attempt))
        return f"a worker killed {len(killed)} times"
    load = scenario(damage, make=make)
    killers = [end for number, end in load.ends.items() if is_killer(number)]
    assert killers
    assert all("attempts ended with the loss of the worker" in end["reason"] for end in killers)
