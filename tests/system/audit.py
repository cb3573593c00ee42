# SPDX-License-Identifier: Apache-2.0
"""What the database, the broker and the hosts say when all is over."""

import json

from hosts import HOSTS, RESULTS, rabbitmqctl, sql, wait_until

# Each time a row is written as finished it is noted down, so that a result that replaced another one would show.
INSTALL = """
CREATE SCHEMA IF NOT EXISTS rce_system;
CREATE TABLE IF NOT EXISTS rce_system.ends (job uuid NOT NULL);
CREATE OR REPLACE FUNCTION rce_system.note() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS
        'BEGIN INSERT INTO rce_system.ends VALUES (NEW.id); RETURN NULL; END';
CREATE OR REPLACE TRIGGER rce_system AFTER UPDATE ON rce.jobs FOR EACH ROW
        WHEN (NEW.finished_at IS NOT NULL) EXECUTE FUNCTION rce_system.note();
"""


def install():
    sql(INSTALL)


def remove():
    sql("DROP TRIGGER rce_system ON rce.jobs; DROP SCHEMA rce_system CASCADE")


def rows(statement):
    return [line.split("|") for line in sql(statement).splitlines()]


def depths():
    """Messages in the queues of jobs and of dead letters, also those on their way."""
    listed = [line.split() for line in rabbitmqctl("list_queues", "--no-table-headers", "name", "messages").splitlines()]
    return {name: int(n) for name, n in listed if name.startswith("rce.jobs.") or name == "rce.dead"}


def unfinished():
    return int(sql("SELECT count(*) FROM rce.jobs WHERE finished_at IS NULL"))


def limbo():
    """What is left although all jobs have ended."""
    left = {f"sandboxes on {host.name}": host.sandboxes() for host in HOSTS}
    left["unfinished jobs"] = unfinished()
    left["messages"] = {name: n for name, n in depths().items() if n}
    return {what: there for what, there in left.items() if there}


def wait_for_rest():
    left = {}

    def rest():
        left.clear()
        left.update(limbo())
        return not left
    try:
        wait_until(rest, "an end of everything")
    except AssertionError as error:
        raise AssertionError(f"{error}; there are still {left}") from None


def ends_of(run):
    """Of the jobs of a load: {number: [how often each of its rows ended]}; the ones that never did have 0."""
    counted = {}
    for number, ends in rows(
            "SELECT tags->>'number', count(e.job) FROM rce.jobs j LEFT JOIN rce_system.ends e ON e.job = j.id "
            f"WHERE tags @> '{{\"run\":\"{run}\"}}' GROUP BY j.id, tags"):
        counted.setdefault(int(number), []).append(int(ends))
    return counted


def attempts_of(run):
    """The most claims one job had, and how many jobs had more than one."""
    most, again = rows("SELECT coalesce(max(attempt), 0), count(*) FILTER (WHERE attempt > 1) FROM rce.jobs "
                       f"WHERE tags @> '{{\"run\":\"{run}\"}}'")[0]
    return int(most), int(again)


def at_work(run):
    """Jobs that have been running for a second, and where: number, attempt, host, worker."""
    return rows("SELECT tags->>'number', j.attempt, w.host, w.name "
                "FROM rce.jobs j JOIN rce.workers w ON w.incarnation = j.worker "
                f"WHERE state = 'running' AND claimed_at < now() - interval '1 second' AND tags->>'run' = '{run}'")


def judge(load, done):
    """The counts, in one line, and whether they are what they have to be."""
    wait_for_rest()
    ends = ends_of(load.run)
    wrong, changed = load.wrong(), load.changed()
    lost = [number for number in range(load.n) if number not in load.ends]
    twice = sorted({number for number, counts in ends.items() if counts != [1]} | set(changed))
    most, again = attempts_of(load.run)

    line = (f"{load.run}: {load.describe()}; wrong {len(wrong)}, lost {len(lost)}, not once {len(twice)}; "
            f"{again} jobs begun again, at most {most} attempts; {done}; {load.seconds():.0f} s")
    print(f"\n{line}")
    with open(RESULTS / "system-counts", "a", encoding="utf-8") as file:
        file.write(line + "\n")

    assert not load.broken, load.broken
    assert not wrong, json.dumps(wrong, indent=1)[:4000]
    assert not lost and not twice, (lost, twice)
