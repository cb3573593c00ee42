# SPDX-License-Identifier: Apache-2.0
"""Clients that do not give up: a 202 is a promise, and everything else a reason to come again."""

import http.client
import json
import os
import queue
import socket
import struct
import sys
import threading
import time
from collections import Counter
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parent.parent / "api"))

from engine import Answer, EventSource, WebSocket, output  # noqa: E402
from programs import program  # noqa: E402

JOBS = int(os.environ.get("RCE_SYSTEM_JOBS", "150"))
PORT = 8000
TIMEOUT_SEC = 30
STALL_SEC = 180         # without any job coming to its end
AGAIN_SEC = 0.5         # when nobody said when

TRANSPORT = (OSError, http.client.HTTPException)
# A stream that broke in the middle of what it had to say.
BROKEN = (*TRANSPORT, struct.error, ValueError, LookupError)


def is_whole(events):
    return any(event["type"] == "exit" for event in events)


class Api:
    """The server of this host, as engine.EventSource and engine.WebSocket want it."""

    port = PORT

    def request(self, method, path, document=None, **headers):
        body = None if document is None else json.dumps(document).encode()
        connection = http.client.HTTPConnection("127.0.0.1", PORT, timeout=TIMEOUT_SEC)
        try:
            connection.request(method, path, body, {"Content-Type": "application/json"} | headers)
            return Answer(connection.getresponse())
        finally:
            connection.close()

    def connect(self):
        return socket.create_connection(("127.0.0.1", PORT), timeout=TIMEOUT_SEC)


class Load:
    """Submits n jobs, so that not more than `window` of them are unfinished at a time, and follows each to its end."""

    def __init__(self, run, n, window=48, ledger=None, make=program):
        self.run, self.n, self.make, self.ledger = run, n, make, ledger
        self.api = Api()
        self.lock = threading.Condition()
        self.accepted = {}              # number: id
        self.ends = {}                  # number: what was told first of its end
        self.refusals = Counter()       # what clients were told instead: (status, code), or how a connection ended
        self.broken = []                # promises that were not kept
        self.followed = 0
        self.over = threading.Event()
        self.room = threading.Semaphore(window)
        self.numbers = iter(range(n))
        self.to_follow = queue.LifoQueue()
        self.threads = []
        self.began = self.progress = time.monotonic()

    # --- the clients

    def start(self):
        self.remember()
        for work, n in (self.submit_all, 4), (self.look_for_ends, 1), (self.follow_events, 1), (self.follow_socket, 1):
            for _ in range(n):
                thread = threading.Thread(target=self.guarded, args=(work,), daemon=True)
                thread.start()
                self.threads.append(thread)
        return self

    def guarded(self, work):
        try:
            work()
        except BaseException as error:
            self.broken.append(f"{work.__name__}: {error!r}")
            self.over.set()
            raise

    def remember(self):
        """What was promised before the power went."""
        if self.ledger and self.ledger.exists():
            for line in self.ledger.read_text().splitlines():
                number, job = line.split()
                self.accepted[int(number)] = job
                self.to_follow.put(int(number))
        self.numbers = iter([number for number in range(self.n) if number not in self.accepted])

    def note_accepted(self, number, job):
        with self.lock:
            self.accepted[number] = job
            if self.ledger:
                with open(self.ledger, "a", encoding="utf-8") as file:
                    file.write(f"{number} {job}\n")
            self.lock.notify_all()
        self.to_follow.put(number)

    def ask(self, *arguments, **headers):
        """An answer that is one; refusals on the way are counted. When all is over there is one try."""
        while True:
            again_sec = AGAIN_SEC
            try:
                answer = self.api.request(*arguments, **headers)
            except TRANSPORT as error:
                self.refusals[type(error).__name__] += 1
            else:
                if answer.status not in (429, 503):
                    return answer
                self.refusals[f"{answer.status} {answer.code}"] += 1
                again_sec = float(answer.headers["Retry-After"])
            if self.over.wait(min(again_sec, 2)):
                return None

    def submit_all(self):
        while not self.over.is_set():
            with self.lock:
                number = next(self.numbers, None)
            if number is None:
                return
            while not self.room.acquire(timeout=1):
                if self.over.is_set():
                    return
            document, _ = self.make(self.run, number)
            answer = self.ask("POST", "/v1/jobs", document, **{"Idempotency-Key": f"{self.run}-{number}"})
            if answer:
                assert answer.status == 202, f"{answer.status} {answer.text}"
                self.note_accepted(number, answer.json["id"])

    def look_for_ends(self):
        while not self.over.is_set():
            with self.lock:
                waiting = [(number, job) for number, job in self.accepted.items() if number not in self.ends]
                if len(self.ends) == self.n:
                    self.over.set()
            for number, job in waiting:
                answer = self.ask("GET", f"/v1/jobs/{job}")
                if answer:
                    assert answer.status == 200, f"job {job}: {answer.status} {answer.text}"
                    self.note_end(number, answer.json)
            self.over.wait(1)

    def note_end(self, number, document):
        if document["finished_at"] is None:
            return
        with self.lock:
            self.ends[number] = document
            self.progress = time.monotonic()
            self.lock.notify_all()
        self.room.release()

    # --- those who watch

    def follow_events(self):
        self.follow(lambda job, last: EventSource(self.api, f"/v1/jobs/{job}/events", last))

    def follow_socket(self):
        self.follow(lambda job, last: WebSocket(self.api, f"/v1/jobs/{job}/stream"))

    def follow(self, connect):
        """Job after job, each from its first byte to its last, with as many connections as that takes."""
        while not self.over.is_set():
            try:
                number = self.to_follow.get(timeout=1)
            except queue.Empty:
                continue
            events, last = [], None
            while not self.over.is_set() and not is_whole(events):
                if not last:
                    events.clear()      # it is told from the beginning
                last = self.hear(lambda: connect(self.accepted[number], last), events)
            if is_whole(events):
                self.check_events(number, events)

    def hear(self, connect, events):
        """Until the connection ends, one way or another. Returns where to go on."""
        source = None
        try:
            source = connect()
            events.extend(source)
        except BROKEN as error:
            self.refusals[f"followed: {type(error).__name__}"] += 1
        finally:
            if source:
                source.close()
        if not is_whole(events):
            self.over.wait(AGAIN_SEC)
        return getattr(source, "last", None)

    def check_events(self, number, events):
        _, expected = self.make(self.run, number)
        try:
            told = output(events).decode()
        except AssertionError as error:
            self.broken.append(f"job {number}: an event that does not follow the one before: {error}")
            return
        if told != expected.stdout:
            self.broken.append(f"job {number}: who followed it was told {told[-100:]!r}")
        self.followed += 1

    # --- those who look on

    def wait_accepted(self, n):
        """Until so many are accepted, or nothing goes on any more."""
        with self.lock:
            self.lock.wait_for(lambda: len(self.accepted) >= n or self.over.is_set(), STALL_SEC)
            assert len(self.accepted) >= n or not self.broken, self.broken
            assert len(self.accepted) >= n, f"{len(self.accepted)} of {self.n} accepted"

    def is_over(self, wait_sec=0):
        if not self.over.wait(wait_sec):
            assert time.monotonic() < self.progress + STALL_SEC, f"no job ended for {STALL_SEC} s; {self.describe()}"
        return self.over.is_set()

    def join(self):
        while not self.is_over(1):
            pass
        for thread in self.threads:
            thread.join(2 * TIMEOUT_SEC)

    # --- whether the promises were kept

    def wrong(self):
        """Jobs that ended otherwise than they had to, and why."""
        return {number: why for number, end in sorted(self.ends.items()) if (why := self.difference(number, end))}

    def difference(self, number, end):
        _, expected = self.make(self.run, number)
        got = {"state": end["state"], "verdict": end["verdict"], "exit_code": end["exit_code"], "stdout": end["stdout"]}
        wanted = {"state": "finished", **vars(expected)}
        return {key: (got[key], end["reason"]) for key in wanted if got[key] != wanted[key]}

    def changed(self):
        """Jobs that are told otherwise than when they were first seen to have ended."""
        return [number for number, end in self.ends.items() if self.ask("GET", f"/v1/jobs/{end['id']}").json != end]

    def seconds(self):
        """Until its last job had ended."""
        return self.progress - self.began

    def describe(self):
        told = ", ".join(f"{n} x {what}" for what, n in sorted(self.refusals.items())) or "none"
        return (f"{len(self.accepted)} accepted, {len(self.ends)} finished, {self.followed} followed; "
                f"clients were told: {told}")
