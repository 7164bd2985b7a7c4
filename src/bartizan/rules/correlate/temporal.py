"""Temporal correlations: which rules matched within the window, and in which order. Sets of rules are bits."""

import functools
from collections import Counter
from collections.abc import Callable, Sequence

from bartizan.rules.detection import AllOf, Correlation, Expression, OneOf, Refers, Without

_NEVER = -(1 << 62)


@functools.lru_cache(maxsize=4_096)
def bits(mask: int) -> list[int]:
    """The numbers of the rules in a set."""
    return [number for number in range(mask.bit_length()) if mask >> number & 1]


def referred(expression: Expression) -> list[str]:
    """The rules that an expression names, in its order."""
    match expression:
        case Refers(rule=rule):
            return [rule]
        case Without(part=part):
            return referred(part)
        case AllOf(parts=parts) | OneOf(parts=parts):
            return [rule for part in parts for rule in referred(part)]


def rising(expression: Expression | None) -> bool:
    """Whether more matches can only help: nothing is asked to be absent."""
    match expression:
        case Without():
            return False
        case AllOf(parts=parts) | OneOf(parts=parts):
            return all(rising(part) for part in parts)
        case _:
            return True


def truth(expression: Expression, rules: Sequence[str]) -> Callable[[int], bool]:
    """A function from the set of rules that matched to whether the expression holds."""
    match expression:
        case Refers(rule=rule):
            bit = 1 << rules.index(rule)
            return lambda mask: bool(mask & bit)
        case Without(part=part):
            inner = truth(part, rules)
            return lambda mask: not inner(mask)
        case AllOf(parts=parts):
            every = [truth(part, rules) for part in parts]
            return lambda mask: all(one(mask) for one in every)
        case OneOf(parts=parts):
            some = [truth(part, rules) for part in parts]
            return lambda mask: any(one(mask) for one in some)


class Together:
    """Which rules matched within the window, in any order; one event may match several."""

    def __init__(self, rule: Correlation) -> None:
        names = rule.rules
        self._every = len(set(names))
        self._true = truth(rule.expression or AllOf(parts=tuple(Refers(rule=name) for name in names)), names)
        self._counts = [0] * len(names)
        self._present = 0

    def enter(self, time: int, payloads: list[int]) -> None:
        for mask in payloads:
            self._present |= mask
            for number in bits(mask):
                self._counts[number] += 1

    def leave(self, payload: int) -> None:
        for number in bits(payload):
            self._counts[number] -= 1
            if not self._counts[number]:
                self._present &= ~(1 << number)

    def holds(self, since: int) -> bool:
        return self._true(self._present)

    def value(self) -> None:
        return None

    def nearness(self) -> float:
        return self._present.bit_count() / self._every


class InOrder:
    """Whether the rules matched one after the other, each by an event of its own; equal times are in any order.

    `_starts[n]` is the latest time at which a run of the first n + 1 rules began. Looking for the latest start is
    enough: if any run lies within a window, that one does.
    """

    def __init__(self, rule: Correlation) -> None:
        order = rule.rules if rule.expression is None else tuple(referred(rule.expression))
        self._steps = [1 << rule.rules.index(name) for name in order]
        self._repeats = len(set(self._steps)) < len(self._steps)
        self._starts = [_NEVER] * len(self._steps)

    def enter(self, time: int, payloads: list[int]) -> None:
        if not self._repeats and not any(mask & (mask - 1) for mask in payloads):
            self._each_one_step(time, payloads)
        else:
            self._matched(time, payloads)

    def _each_one_step(self, time: int, payloads: list[int]) -> None:
        present = 0
        for mask in payloads:
            present |= mask
        begun = time
        for number, step in enumerate(self._steps):
            if present & step and begun > self._starts[number]:
                self._starts[number] = begun
            begun = self._starts[number]

    def _matched(self, time: int, payloads: list[int]) -> None:
        """An event may match several rules but stand for one of them only: find out who can stand for whom."""
        many = len(self._steps)
        masks = [mask for mask, count in sorted(Counter(payloads).items()) for _ in range(min(count, many))]
        before = [time, *self._starts]
        for last in range(many):
            for first in range(last, -1, -1):
                if not _each_has_one(self._steps[first : last + 1], masks):
                    break
                self._starts[last] = max(self._starts[last], before[first] if first else time)

    def leave(self, payload: int) -> None:
        """A run that began before the window is not asked for."""

    def holds(self, since: int) -> bool:
        return self._starts[-1] >= since

    def value(self) -> None:
        return None

    def nearness(self) -> float:
        return sum(start != _NEVER for start in self._starts) / len(self._starts)


def _each_has_one(steps: Sequence[int], masks: Sequence[int]) -> bool:
    """Whether each step can have an event of its own (bipartite matching by augmenting paths)."""
    taken: dict[int, int] = {}

    def place(step: int, tried: set[int]) -> bool:
        for event, mask in enumerate(masks):
            if mask & steps[step] and event not in tried:
                tried.add(event)
                if event not in taken or place(taken[event], tried):
                    taken[event] = step
                    return True
        return False

    return all(place(step, set()) for step in range(len(steps)))
