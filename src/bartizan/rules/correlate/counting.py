"""event_count: how many events within the window."""

from bisect import bisect_left
from collections.abc import Iterator, Mapping

from bartizan.model.json import JsonObject
from bartizan.model.limits import DEFAULT, Limits
from bartizan.rules.correlate import bounds
from bartizan.rules.correlate.correlator import Correlator
from bartizan.rules.correlate.window import Hold, Window
from bartizan.rules.detection import Correlation
from bartizan.rules.lookups import Tables


class Counting(Correlator):
    """Counts events, each once, whichever of the rules it matched. It keeps nothing but their times and uids."""

    def __init__(self, rule: Correlation, tables: Tables, limits: Limits = DEFAULT) -> None:
        super().__init__(rule, tables, limits)
        self.speaks_early = bounds.rising(rule.bounds)
        self.least = bounds.least(rule.bounds)
        self._test = bounds.test(rule.bounds)

    def payload(self, index: int, record: JsonObject) -> None:
        return None

    def payload_of_group(self, index: int, group: Mapping[str, str]) -> None:
        return None

    def final(self, window: Window, until: int) -> Iterator[Hold]:
        start = window.judged
        window.judged = bisect_left(window.times, until, start)
        window.low = window.reach(self.window)
        return self._scan(window, start, window.judged)

    def early(self, window: Window) -> Iterator[Hold]:
        start = bisect_left(window.times, window.changed)
        return self._scan(window, start, len(window.times))

    def _scan(self, window: Window, at: int, end: int) -> Iterator[Hold]:
        times, least, span = window.times, self.least, self.window
        while at < end:
            time = times[at]
            at += 1
            while at < end and times[at] == time:
                at += 1
            if at < least or time <= window.skip or time - times[at - least] > span:
                continue
            low = bisect_left(times, time - span, 0, at)
            if self._test(at - low):
                yield Hold(time, low, at)

    def measured(self, window: Window, hold: Hold) -> float:
        return float(hold.high - hold.low)

    def nearness(self, window: Window) -> float:
        return min(1.0, len(window.times) / self.least) if self.speaks_early else 1.0
