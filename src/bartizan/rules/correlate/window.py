"""The matches of one group, in the order of (time, uid): what windows slide over."""

from bisect import bisect_left
from collections.abc import Callable
from typing import Any

import msgspec

from bartizan.rules.correlate.grouping import Key

Payload = Any
"""What a family keeps of a match: nothing, a set of rules as bits, or the values that it counts."""

Merge = Callable[[Payload, Payload], Payload]


class Hold(msgspec.Struct, frozen=True):
    """A rule holds at `time`, by the matches from `low` up to but not including `high` of its window."""

    time: int
    low: int
    high: int


class Window:
    """Sorted matches of one group. Those before `judged` lie before the watermark and are concluded.

    `measure` is what a family keeps up to date over the matches from `low` to `judged`; None: make it anew from them.
    Up to `skip` the rule need not be asked. `front` is another measure, for early looks: over the matches from
    `front_low` to `front_high`, the window that ends with the last match that was looked at; None when a match has come
    among those.
    `changed` is the earliest time since the last early look, `arrivals` how many came since. `assumed` are matches by
    provisional findings of other rules: early looks see them, conclusions do not.
    """

    __slots__ = ("arrivals", "assumed", "changed", "front", "front_high", "front_low", "judged", "key", "low",
                 "measure", "payloads", "pending", "skip", "times", "touched", "uids")  # fmt: skip

    def __init__(self, key: Key) -> None:
        self.key = key
        self.times: list[int] = []
        self.uids: list[str] = []
        self.payloads: list[Payload] = []
        self.judged = self.low = self.arrivals = self.changed = self.skip = 0
        self.pending = self.touched = False
        self.front_low = self.front_high = 0
        self.measure: Any = None
        self.front: Any = None
        self.assumed: dict[str, tuple[int, Payload]] = {}

    def insert(self, time: int, uid: str, payload: Payload, merge: Merge) -> bool:
        """Put a match in its place. False: the event was there already, and its payloads are merged."""
        at = bisect_left(self.times, time)
        times, uids = self.times, self.uids
        while at < len(times) and times[at] == time and uids[at] < uid:
            at += 1
        if at < self.front_high:
            self.front = None
        if at < len(times) and times[at] == time and uids[at] == uid:
            if self.payloads:
                self.payloads[at] = merge(self.payloads[at], payload)
            return False
        times.insert(at, time)
        uids.insert(at, uid)
        if payload is not None:
            self.payloads.insert(at, payload)
        return True

    def drop(self, count: int) -> None:
        """Forget the first matches."""
        if count > self.low:
            self.measure = None
        if count > self.front_low:
            self.front = None
        del self.times[:count], self.uids[:count], self.payloads[:count]
        self.judged = max(0, self.judged - count)
        self.low = max(0, self.low - count)
        self.front_low, self.front_high = max(0, self.front_low - count), max(0, self.front_high - count)

    def reach(self, span: int) -> int:
        """Where the window begins that ends with the last match that is judged."""
        return bisect_left(self.times, self.times[self.judged - 1] - span) if self.judged else 0

    def with_assumed(self) -> "Window":
        """A copy in which assumed matches stand beside the others."""
        both = Window(self.key)
        both.times, both.uids, both.payloads = self.times[:], self.uids[:], self.payloads[:]
        for uid, (time, payload) in sorted(self.assumed.items()):
            both.insert(time, uid, payload, lambda old, _: old)
        return both
