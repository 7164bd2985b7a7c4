"""Correlations that measure what lies within a window: value_* and the temporal ones."""

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice, product

from bartizan.model.json import JsonObject
from bartizan.model.limits import DEFAULT, Limits
from bartizan.rules.correlate import bounds, temporal
from bartizan.rules.correlate.conclusion import origin_of
from bartizan.rules.correlate.correlator import Correlator
from bartizan.rules.correlate.grouping import encoded, named, reader
from bartizan.rules.correlate.measures import Measure, measure
from bartizan.rules.correlate.temporal import InOrder, Together, bits
from bartizan.rules.correlate.window import Hold, Payload, Window
from bartizan.rules.detection import Correlation, CorrelationType
from bartizan.rules.lookups import Tables
from bartizan.rules.reading import number_of, values

_PATIENCE = 16  # an early look may read this many matches for each that came
_NUMBER_MAX = 2**63


class Sliding(Correlator):
    """A measure goes with the window: what comes enters, what is too old leaves. A family says which measure."""

    def measure(self) -> Measure:
        """A measure of nothing yet."""
        raise NotImplementedError

    def final(self, window: Window, until: int) -> Iterator[Hold]:
        if window.measure is None:
            window.low = window.reach(self.window)
            window.measure = self._over(window, window.low, window.judged)
        start = window.judged
        window.judged = bisect_left(window.times, until, start)
        return self._scan(window, window.measure, window.low, start, window.judged)

    def _over(self, window: Window, low: int, high: int) -> Measure:
        """The measure of some matches."""
        made = self.measure()
        for _, at, after in _moments(window, low, high):
            made.enter(window.times[at], window.payloads[at:after])
        return made

    def _scan(self, window: Window, made: Measure, low: int, start: int, end: int) -> Iterator[Hold]:
        times, payloads, span = window.times, window.payloads, self.window
        for time, at, after in _moments(window, start, end):
            while times[low] < time - span:
                made.leave(payloads[low])
                low += 1
            made.enter(time, payloads[at:after])
            if made is window.front:
                window.front_low = low
            else:
                window.low = low
            if time > window.skip and made.holds(time - span):
                yield Hold(time, low, after)

    def early(self, window: Window) -> Iterator[Hold]:
        if window.front is None:
            window.front_low = bisect_left(window.times, window.changed - self.window)
            window.front_high = bisect_left(window.times, window.changed)
            window.front = self._over(window, window.front_low, window.front_high)
        start, window.front_high = window.front_high, len(window.times)
        return self._scan(window, window.front, window.front_low, start, len(window.times))

    def _affordable(self, window: Window) -> bool:
        if window.front is not None and not window.assumed:
            return True
        read = len(window.times) - bisect_left(window.times, window.changed - self.window)
        return read <= window.arrivals * _PATIENCE

    def measured(self, window: Window, hold: Hold) -> float | None:
        return self._over(window, hold.low, hold.high).value()

    def nearness(self, window: Window) -> float:
        return self._over(window, 0, len(window.times)).nearness()


def _moments(window: Window, start: int, end: int) -> Iterator[tuple[int, int, int]]:
    """Each time among some matches, with where its matches begin and end."""
    times = window.times
    while start < end:
        at, time = start, times[start]
        while start < end and times[start] == time:
            start += 1
        yield time, at, start


class Valued(Sliding):
    """Correlations on values: `[number of the rule, values]` is kept of an event.

    An event that matched several rules counts once, by the first of them that gives it a value.
    """

    def __init__(self, rule: Correlation, tables: Tables, limits: Limits = DEFAULT) -> None:
        super().__init__(rule, tables, limits)
        self.measure = measure(rule)
        self.speaks_early = bounds.rising(rule.bounds)
        self._counts = rule.type is CorrelationType.VALUE_COUNT
        fields = [rule.value[name] for name in rule.rules]
        self._fields = [several[0] for several in fields]
        self._values = [[reader(field) for field in several] for several in fields]
        self._shown = [[named(field.name) for field in several] for several in fields]

    def payload(self, index: int, record: JsonObject) -> Payload:
        if self._counts:
            return index, self._combined([read(record) for read in self._values[index]])
        return index, _numbers(values(record, self._fields[index]))

    def payload_of_group(self, index: int, group: Mapping[str, str]) -> Payload:
        told = [read(group) for read in self._shown[index]]
        return index, self._combined(told) if self._counts else _numbers(told[0])

    def _combined(self, told: Sequence[Sequence[str]]) -> list[str]:
        several = list(islice(product(*told), self.limits.event_groups_max))
        if not several:
            raise LookupError
        return [one[0] if len(one) == 1 else encoded(one) for one in several]

    def merge(self, old: Payload, new: Payload) -> Payload:
        return old if old[0] <= new[0] else new


def _numbers(told: Sequence[object]) -> list[int | float]:
    numbers = [number for value in told if (number := number_of(value)) is not None]
    numbers = [number if isinstance(number, float) or abs(number) < _NUMBER_MAX else float(number)
               for number in numbers if -1e300 < number < 1e300]  # fmt: skip
    if not numbers:
        raise LookupError
    return numbers


class Temporal(Sliding):
    """Which rules matched within the window; `temporal_ordered`: in the order in which they stand."""

    def __init__(self, rule: Correlation, tables: Tables, limits: Limits = DEFAULT) -> None:
        super().__init__(rule, tables, limits)
        ordered = rule.type is CorrelationType.TEMPORAL_ORDERED
        self.measure = lambda: InOrder(rule) if ordered else Together(rule)
        self.speaks_early = temporal.rising(rule.expression)

    def payload(self, index: int, record: JsonObject) -> int:
        return 1 << index

    def payload_of_group(self, index: int, group: Mapping[str, str]) -> int:
        return 1 << index

    def merge(self, old: Payload, new: Payload) -> Payload:
        return old | new

    def parts(self, window: Window, hold: Hold) -> dict[str, tuple[str, ...]]:
        return by_rule(self.rule.rules, window, hold, self.limits.occurrence_events_max)


def by_rule(rules: tuple[str, ...], window: Window, hold: Hold, most: int) -> dict[str, tuple[str, ...]]:
    """The last events of a window by the rule that each matched."""
    parts: dict[str, list[str]] = {}
    for at in range(hold.low, hold.high):
        for number in bits(window.payloads[at]):
            parts.setdefault(rules[number], []).append(window.uids[at])
    return {rule: tuple(origin_of(uid) for uid in uids[-most:]) for rule, uids in sorted(parts.items())}
