"""Bounds of counts and values, compared exactly: no sum depends on the order in which floats were added."""

import operator
from collections.abc import Callable
from typing import Any

from bartizan.rules.detection import Bounds

Compare = Callable[[Any, Any], bool]

_COMPARE: dict[str, Compare] = {
    "lt": operator.lt,
    "lte": operator.le,
    "gt": operator.gt,
    "gte": operator.ge,
    "eq": operator.eq,
    "neq": operator.ne,
}


def said(bounds: Bounds) -> list[tuple[Compare, float]]:
    """The comparisons that bounds ask for."""
    told = ((compare, getattr(bounds, name)) for name, compare in _COMPARE.items())
    return [(compare, bound) for compare, bound in told if bound is not None]


def test(bounds: Bounds) -> Callable[[Any], bool]:
    """A function that says whether a number satisfies all bounds. Python compares integers with floats exactly."""
    all_of = said(bounds)
    return lambda number: all(compare(number, bound) for compare, bound in all_of)


def rising(bounds: Bounds) -> bool:
    """Whether more can only help: bounds from below alone."""
    return {bounds.lt, bounds.lte, bounds.eq, bounds.neq} == {None} and bool(said(bounds))


def least(bounds: Bounds) -> int:
    """The smallest whole number that satisfies bounds from below; 1 where there are others."""
    if not rising(bounds):
        return 1
    lowest = max(
        -(-bounds.gte // 1) if bounds.gte is not None else 1, bounds.gt // 1 + 1 if bounds.gt is not None else 1
    )
    return max(1, int(lowest))
