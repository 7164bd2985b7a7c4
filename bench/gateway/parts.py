"""What one call costs in the gateway, by part: the least of many short rounds, so that neighbours count little.

    python bench/gateway/parts.py [--size 1024] [--rounds 60]

One process and no network: a call of `echo` with a known token under the bench's policy, its events in a journal on
disk, committed for eight calls at a time as sixteen sessions bring them. The transports come on top (transport.py).
"""

import argparse
import asyncio
import itertools
import json
import tempfile
import timeit
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
from bartizan_target import AUDIENCE, POLICY

from bartizan.adapters.bus.sqlite import Journal
from bartizan.adapters.transports.deadlines import Deadlines
from bartizan.app.call_events import call_event, ended_event
from bartizan.app.identity import guards
from bartizan.app.policy import parse_policy
from bartizan.app.relaying import Relay
from bartizan.model.limits import DEFAULT
from bartizan.model.need import Verified
from bartizan.model.principal import Principal, Proof
from bartizan.model.secret import Secret
from bartizan.prevent.gate import Decided, Gate
from bartizan.prevent.guards.identity import Resource
from bartizan.prevent.policy import Rules
from bartizan.protocol.jsonrpc import decode
from bartizan.protocol.relay.downstream import Answered
from bartizan.protocol.relay.reading import Arrival, Reading, head_of, read_behind
from bartizan.protocol.relay.refusals import Refused

WORDS = b"The quick brown fox jumps over the lazy dog. "
CALLS, TOGETHER = 200, 8
HEADERS = (
    ("host", "127.0.0.1:8700"),
    ("content-type", "application/json"),
    ("accept", "application/json, text/event-stream"),
    ("authorization", "Bearer " + "x" * 400),
    ("mcp-protocol-version", "2025-06-18"),
)


class Known:
    """A verifier that knows the one token."""

    groups = frozenset({"engineering"})
    found = Verified(principal=Principal(id="idp|ada", proof=Proof.TOKEN, groups=groups, credential="hmac-sha256:x"))

    def known(self, token: Secret, audience: str, at: datetime) -> Verified:
        return self.found

    async def verify(self, token: Secret, audience: str) -> Verified:
        raise LookupError

    def forget(self, principal: str = "") -> None:
        raise LookupError


class Whole:
    """An answer that came whole."""

    status = 200

    def __init__(self, body: bytes) -> None:
        self.whole, self.headers = body, (("content-type", "application/json"), ("content-length", str(len(body))))
        self.body: Any = None


class Bench:
    """The parts, each as something to call."""

    def __init__(self, size: int, journal: Journal) -> None:
        self.numbers, self.journal = itertools.count(), journal
        text = self.text = (WORDS * (size // len(WORDS) + 1))[:size]
        self.asked = b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo","arguments":{"text":"'
        self.asked += text + b'"}}}'
        self.said = b'{"jsonrpc":"2.0","id":1,"result":{"content":[{"type":"text","text":"' + text + b'"}]}}'
        head = head_of(HEADERS, {})
        assert not isinstance(head, Refused)
        self.head = head
        rules = Rules([parse_policy(json.dumps(POLICY), "")])
        resource = Resource(base="http://127.0.0.1:8700", audience=AUDIENCE)
        self.gate = Gate(guards(rules, resource, loopback=True, verifier=Known()))
        self.reading = self.read()
        self.decided = self.judge()
        self.events = [event for _ in range(TOGETHER) for event in self.record()]

    def read(self) -> Reading:
        at = datetime.now(UTC)
        arrival = Arrival(uid=f"{next(self.numbers):032x}", at=at, server="echo", certificate={})
        reading = read_behind(self.head, "POST", self.asked, arrival)
        assert isinstance(reading, Reading)
        return reading

    def decode(self) -> Any:
        return decode(self.asked)

    def judge(self) -> Decided:
        arguments = {"text": self.text.decode()}  # a new text each time, for one that was hashed is not hashed again
        call = msgspec.structs.replace(
            self.reading.items[0].call, uid=f"{next(self.numbers):032x}", arguments=arguments
        )
        decided = self.gate.judge(call, {})
        assert isinstance(decided, Decided)
        self.gate.done(call)
        return decided

    def record(self) -> tuple[Any, Any]:
        return call_event(self.decided), ended_event(self.decided.call, datetime.now(UTC), len(self.said), "")

    def commit(self) -> None:
        self.journal.accept(*self.events)

    def answer(self) -> None:
        answered = Answered(self.reading, self.gate.visible, DEFAULT, self.gate.hear)
        relay = Relay(self.reading, answered, DEFAULT, str)
        coroutine = relay.answer(Whole(self.said), lambda _size, _trouble: None)
        try:
            coroutine.send(None)
        except StopIteration:
            return
        raise AssertionError("an answer that came whole was waited for")


def least(deed: Callable[[], object], rounds: int, calls: int = 1) -> float:
    """Microseconds for one call in the quickest of many short rounds."""
    return min(timeit.repeat(deed, number=CALLS // calls, repeat=rounds)) / (CALLS // calls) / calls * 1e6


async def waited(rounds: int) -> float:
    deadlines = Deadlines(DEFAULT.answer_seconds_max)

    def once() -> None:
        with deadlines.within(DEFAULT.answer_seconds_max):
            pass

    try:
        return least(once, rounds)
    finally:
        deadlines.stop()


def measure(size: int, rounds: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        journal = Journal(Path(folder) / "events.db", Secret("key"), lambda: datetime.now(UTC))
        bench = Bench(size, journal)
        figures = {
            "reading the call": least(bench.read, rounds),
            "guards: limits, identity, access, rate": least(bench.judge, rounds),
            "the two events": least(bench.record, rounds),
            f"their share of a commit, {TOGETHER} calls at a time": least(bench.commit, rounds, TOGETHER),
            "the deadline": asyncio.run(waited(rounds)),
            "reading the answer": least(bench.answer, rounds),
        }
        for what, cost in figures.items():
            print(f"{what:<48} {cost:6.1f} us")
        print(f"{'together':<48} {sum(figures.values()):6.1f} us")
        print(f"{'decoding alone, within the first and the last':<48} {least(bench.decode, rounds):6.1f} us each")
        journal.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, action="append", help="bytes of the text (default 1024 and 65536)")
    parser.add_argument("--rounds", type=int, default=60)
    given = parser.parse_args()
    for size in given.size or [1024, 65536]:
        print(f"{size // 1024} KB")
        measure(size, given.rounds)


if __name__ == "__main__":
    main()
