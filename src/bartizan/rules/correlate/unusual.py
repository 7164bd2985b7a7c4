"""Which count is unusual after a history of counts, and which hour after a history of hours, at a stated rate.

A count must be unusual twice. By median and MAD: a square root makes the spread of counts alike (Anscombe 1948). The
MAD is of the counts above the median, because counts lean to the right, and no smaller than that of events at random
(Poisson); Student's t sets the threshold, with as many degrees of freedom as a MAD of so many counts is worth. And
by rank: hardly any of the history may have reached it.

The rank holds the rate for every stream whose buckets are alike (exchangeable): false alarms per bucket are at most
`rate`, or one in (buckets + 1) where the history is shorter than 1/rate. The price: what has happened before at this
height is not unusual, even if it was an attack. Median and MAD hold it below that in short histories of streams
with a smooth tail. Hours are judged by rank alone (a conformal p-value), once there are enough: `hours_needed`.
"""

import functools
import math
from bisect import bisect_left
from collections.abc import Sequence
from statistics import NormalDist

_MAD_TO_SIGMA = 1.4826
_MAD_WORTH = 0.37  # efficiency of the MAD against the standard deviation (Rousseeuw and Croux 1993)
_MEDIAN_WORTH = 2 / math.pi
_SHIFT = 0.375
HOURS = 24


def count_limit(history: Sequence[int], rate: float) -> int:
    """The smallest count that is unusual after these counts. `rate` is that of false alarms per bucket."""
    ordered = sorted(history)
    half = len(ordered) // 2
    odd = len(ordered) % 2 == 1
    centre = _alike(ordered[half]) if odd else (_alike(ordered[half - 1]) + _alike(ordered[half])) / 2
    first = bisect_left(ordered, ordered[half]) if odd or ordered[half - 1] == ordered[half] else half
    above = len(ordered) - first
    middle = first + above // 2
    typical = _alike(ordered[middle]) if above % 2 else (_alike(ordered[middle - 1]) + _alike(ordered[middle])) / 2
    spread = max(1.0, _MAD_TO_SIGMA * (typical - centre))
    reach = student(1 - rate, max(1.0, _MAD_WORTH * (len(ordered) - 1))) * math.sqrt(
        1 + 1 / (_MEDIAN_WORTH * len(ordered))
    )
    by_spread = math.floor(((centre + reach * spread) / 2) ** 2 - _SHIFT) + 1
    return max(by_spread, by_rank(ordered, rate), 1)


def _alike(count: int) -> float:
    """A count on a scale on which counts at random scatter alike, with a standard deviation near 1."""
    return 2 * math.sqrt(count + _SHIFT)


def by_rank(ordered: Sequence[int], rate: float) -> int:
    """The smallest count that so few of the history have reached that its rank is as rare as `rate`.

    Where the history is too short for that, it is a count that none has reached.
    """
    allowed = max(0, math.floor(rate * (len(ordered) + 1)) - 1)
    return ordered[-1 - allowed] + 1


@functools.lru_cache(maxsize=4_096)
def student(share: float, freedom: float) -> float:
    """The quantile of Student's t, by Wallace's approximation (1959) from the normal one; within 2 % in the tails."""
    normal = NormalDist().inv_cdf(share) * (8 * freedom + 3) / (8 * freedom + 1)
    return math.sqrt(freedom * math.expm1(min(normal * normal / freedom, 600.0)))


def hours_needed(rate: float) -> int:
    """How many active buckets it takes before a rank can be as rare as this."""
    return math.ceil(1 / rate) - 1


def hour_is_unusual(history: Sequence[int], hour: int, rate: float) -> bool:
    """Whether activity in this hour of the day is as rare as `rate`, by how much of it lies within one hour around.

    `history` is how many active buckets each hour of the day had.
    """
    counts = list(history)
    counts[hour] += 1
    near = [counts[at - 1] + counts[at] + counts[(at + 1) % HOURS] for at in range(HOURS)]
    as_rare = sum(counts[at] for at in range(HOURS) if near[at] <= near[hour])
    return as_rare <= rate * sum(counts)
