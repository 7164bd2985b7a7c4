"""What is measured over a window: how many distinct values, their sum, mean, percentile and median."""

from bisect import bisect_left, insort
from collections.abc import Callable, Iterable
from fractions import Fraction
from typing import Protocol

from bartizan.rules.correlate.bounds import rising, said, test
from bartizan.rules.correlate.window import Payload
from bartizan.rules.detection import Bounds, Correlation, CorrelationType

_FRACTION_BITS = 1_074  # every finite float is a whole number of 2**-1074
_FLOAT_MAX = 1.7976931348623157e308


class Measure(Protocol):
    """A judgement on the matches of a window that slides forward in time."""

    def enter(self, time: int, payloads: list[Payload]) -> None:
        """All matches of one time join; times only rise."""
        ...

    def leave(self, payload: Payload) -> None:
        """The oldest match leaves."""
        ...

    def holds(self, since: int) -> bool:
        """Whether the rule holds; the window begins at `since`."""
        ...

    def value(self) -> float | None:
        """What was measured."""
        ...

    def nearness(self) -> float:
        """How near the rule is to holding: 0 to 1."""
        ...


class _Bounded:
    """What the measures of numbers share: bounds on one number that `number` gives."""

    def __init__(self, bounds: Bounds) -> None:
        self._test = test(bounds)
        self._goal = max((bound for _, bound in said(bounds)), default=1.0) if rising(bounds) else 0.0

    def number(self) -> int | float | None:
        raise NotImplementedError

    def holds(self, since: int) -> bool:
        number = self.number()
        return number is not None and self._test(number)

    def value(self) -> float | None:
        number = self.number()
        return None if number is None else float(number)

    def nearness(self) -> float:
        """A threshold that more matches need not bring nearer counts as near."""
        value = self.value() or 0.0
        return min(1.0, max(0.0, value / self._goal)) if self._goal > 0 else 1.0


class Distinct(_Bounded):
    """How many distinct values."""

    def __init__(self, bounds: Bounds) -> None:
        super().__init__(bounds)
        self._seen: dict[str, int] = {}

    def enter(self, time: int, payloads: list[Payload]) -> None:
        seen = self._seen
        for _, told in payloads:
            for value in told:
                seen[value] = seen.get(value, 0) + 1

    def leave(self, payload: Payload) -> None:
        for value in payload[1]:
            self._seen[value] -= 1
            if not self._seen[value]:
                del self._seen[value]

    def number(self) -> int:
        return len(self._seen)


class Total(_Bounded):
    """The sum of the values, or their mean, as an exact fraction."""

    def __init__(self, bounds: Bounds, *, mean: bool) -> None:
        super().__init__(bounds)
        self._bounds = [(compare, *float(bound).as_integer_ratio()) for compare, bound in said(bounds)]
        self._mean = mean
        self._whole = self._parts = self._floats = self._count = 0

    def enter(self, time: int, payloads: list[Payload]) -> None:
        for _, told in payloads:
            self._add(told, 1)

    def leave(self, payload: Payload) -> None:
        self._add(payload[1], -1)

    def _add(self, told: Iterable[int | float], sign: int) -> None:
        for value in told:
            self._count += sign
            if isinstance(value, int):
                self._whole += sign * value
                continue
            over, under = value.as_integer_ratio()
            self._floats += sign
            self._parts += sign * (over << (_FRACTION_BITS - under.bit_length() + 1))

    def _ratio(self) -> tuple[int, int]:
        share = self._count if self._mean else 1
        if not self._floats:
            return self._whole, share
        return (self._whole << _FRACTION_BITS) + self._parts, share << _FRACTION_BITS

    def holds(self, since: int) -> bool:
        if not self._count:
            return False
        over, under = self._ratio()
        return all(compare(over * scale, bound * under) for compare, bound, scale in self._bounds)

    def number(self) -> float | None:
        if not self._count:
            return None
        try:
            return float(Fraction(*self._ratio()))
        except OverflowError:
            return _FLOAT_MAX


class Ranked(_Bounded):
    """A value by its rank: the percentile is the smallest value that `percent` of all do not exceed (nearest rank).

    Without `percent` it is the median: the middle value, or the mean of the two in the middle.
    """

    def __init__(self, bounds: Bounds, percent: float | None) -> None:
        super().__init__(bounds)
        self._sorted: list[int | float] = []
        share = None if percent is None else Fraction(str(percent)) / 100
        self._share = None if share is None else (share.numerator, share.denominator)

    def enter(self, time: int, payloads: list[Payload]) -> None:
        for _, told in payloads:
            for value in told:
                insort(self._sorted, value)

    def leave(self, payload: Payload) -> None:
        for value in payload[1]:
            del self._sorted[bisect_left(self._sorted, value)]

    def number(self) -> int | float | None:
        count = len(self._sorted)
        if not count:
            return None
        if self._share is None:
            half = count // 2
            return self._sorted[half] if count % 2 else (self._sorted[half - 1] + self._sorted[half]) / 2
        over, under = self._share
        return self._sorted[max(1, -(-count * over // under)) - 1]


def measure(rule: Correlation) -> Callable[[], Measure]:
    """How to begin measuring for a rule on values."""
    match rule.type:
        case CorrelationType.VALUE_COUNT:
            return lambda: Distinct(rule.bounds)
        case CorrelationType.VALUE_SUM:
            return lambda: Total(rule.bounds, mean=False)
        case CorrelationType.VALUE_AVG:
            return lambda: Total(rule.bounds, mean=True)
        case CorrelationType.VALUE_PERCENTILE:
            return lambda: Ranked(rule.bounds, rule.percentile)
        case CorrelationType.VALUE_MEDIAN:
            return lambda: Ranked(rule.bounds, None)
        case _:
            raise ValueError(rule.type)
