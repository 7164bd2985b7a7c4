"""absence: the first rule is not followed by the second within the window."""

import heapq
from bisect import bisect_left
from collections.abc import Iterator, Mapping

from bartizan.model.json import JsonObject
from bartizan.model.limits import DEFAULT, Limits
from bartizan.rules.correlate.correlator import Correlator
from bartizan.rules.correlate.grouping import Key
from bartizan.rules.correlate.sliding import by_rule
from bartizan.rules.correlate.window import Hold, Payload, Window
from bartizan.rules.detection import Correlation
from bartizan.rules.lookups import Tables

_FIRST, _SECOND = 1, 2


class Absence(Correlator):
    """It holds at the end of the window of each match of the first rule in which the second has none.

    The window is closed at both ends: a match of the second rule at the very time of the first, or exactly
    `window_seconds` later, has followed it. It is known when the watermark has passed, and never earlier.
    """

    speaks_early = False

    def __init__(self, rule: Correlation, tables: Tables, limits: Limits = DEFAULT) -> None:
        super().__init__(rule, tables, limits)
        self._deadlines: list[tuple[int, Key]] = []

    def payload(self, index: int, record: JsonObject) -> int:
        return 1 << index

    def payload_of_group(self, index: int, group: Mapping[str, str]) -> int:
        return 1 << index

    def merge(self, old: Payload, new: Payload) -> Payload:
        return old | new

    def put(self, key: Key, payload: Payload, time: int, uid: str) -> bool:
        taken = super().put(key, payload, time, uid)
        if taken and payload & _FIRST:
            heapq.heappush(self._deadlines, (time + self.window, key))
        return taken

    def _take_up(self, window: Window, time: int) -> None:
        judged = window.judged
        super()._take_up(window, time)
        window.judged = min(judged, len(window.times))

    def _await(self, window: Window, time: int) -> None:
        heapq.heappush(self._deadlines, (time + self.window, window.key))

    def _due(self, until: int) -> list[Window]:
        keys: dict[Key, None] = {}
        while self._deadlines and self._deadlines[0][0] < until:
            keys[heapq.heappop(self._deadlines)[1]] = None
        return [self.groups[key] for key in keys if key in self.groups]

    def final(self, window: Window, until: int) -> Iterator[Hold]:
        times, start = window.times, window.judged
        end = window.judged = window.low = bisect_left(times, until - self.window, start)
        followed = [times[at] for at in range(start, len(times)) if window.payloads[at] & _SECOND]
        for at in range(start, end):
            deadline = times[at] + self.window
            if not window.payloads[at] & _FIRST or deadline <= window.skip:
                continue
            after = bisect_left(followed, times[at])
            if after == len(followed) or followed[after] > deadline:
                yield Hold(deadline, at, at + 1)

    def early(self, window: Window) -> Iterator[Hold]:
        return iter(())

    def measured(self, window: Window, hold: Hold) -> None:
        return None

    def nearness(self, window: Window) -> float:
        """What waits for its second must not be forgotten."""
        return float(any(payload & _FIRST for payload in window.payloads[window.judged :]))

    def parts(self, window: Window, hold: Hold) -> dict[str, tuple[str, ...]]:
        return by_rule(self.rule.rules, window, hold, self.limits.occurrence_events_max)
