"""Counts and hours that are unusual: the plain definition, the rate of false alarms, and that attacks are seen."""

import math
from collections.abc import Callable
from random import Random
from statistics import median

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bartizan.rules.correlate.unusual import count_limit, hour_is_unusual, hours_needed, student

Stream = Callable[[Random], int]


def poisson(mean: float, draw: Random) -> int:
    """A count of events at random (Knuth), in parts where the mean is large."""
    if mean > 30:
        return sum(poisson(mean / (mean // 20 + 1), draw) for _ in range(int(mean // 20) + 1))
    count, product, limit = 0, draw.random(), math.exp(-mean)
    while product >= limit:
        count, product = count + 1, product * draw.random()
    return count


def mixed(mean: float, shape: float) -> Stream:
    """Counts whose rate itself wanders (negative binomial)."""
    return lambda draw: poisson(draw.gammavariate(shape, mean / shape), draw)


STREAMS: dict[str, Stream] = {
    "one in twenty": lambda draw: poisson(0.05, draw),
    "one in two": lambda draw: poisson(0.5, draw),
    "five": lambda draw: poisson(5, draw),
    "a hundred": lambda draw: poisson(100, draw),
    "wandering around 2": mixed(2, 1),
    "wandering around 50": mixed(50, 1),
    "a heavy tail": lambda draw: int(50 * draw.lognormvariate(0, 1)),
    "bursts of twenty": lambda draw: poisson(20, draw) if draw.random() < 0.1 else 0,
}
SMOOTH = [name for name in STREAMS if "tail" not in name and "bursts" not in name and "wandering" not in name]


def false_alarms(stream: Stream, buckets: int, rate: float, trials: int) -> float:
    """The share of buckets that are alarms after a history of the same stream; each trial stands for itself."""
    draw = Random(buckets)
    alarms = 0
    for _ in range(trials):
        history = [stream(draw) for _ in range(buckets)]
        alarms += stream(draw) >= count_limit(history, rate)
    return alarms / trials


def holds(stream: Stream, buckets: int, rate: float, trials: int, bound: float) -> None:
    measured = false_alarms(stream, buckets, rate, trials)
    assert measured <= bound + 3.5 * math.sqrt(bound / trials)


@pytest.mark.parametrize("name", STREAMS)
def test_false_alarms_stay_below_the_stated_rate_for_every_kind_of_stream(name: str):
    holds(STREAMS[name], buckets=24, rate=0.05, trials=2_000, bound=0.05)
    holds(STREAMS[name], buckets=24, rate=0.01, trials=2_000, bound=1 / 25)


@pytest.mark.parametrize("name", SMOOTH)
def test_a_short_history_of_a_smooth_stream_holds_a_small_rate_too(name: str):
    holds(STREAMS[name], buckets=24, rate=0.005, trials=2_000, bound=0.005)


@pytest.mark.slow
@pytest.mark.parametrize("name", STREAMS)
def test_false_alarms_stay_below_small_rates_with_long_histories(name: str):
    holds(STREAMS[name], buckets=24, rate=0.01, trials=20_000, bound=1 / 25)
    holds(STREAMS[name], buckets=168, rate=0.01, trials=8_000, bound=0.01)
    holds(STREAMS[name], buckets=1_000, rate=0.001, trials=3_000, bound=0.001)
    holds(mixed(20, 2), buckets=168, rate=0.001, trials=8_000, bound=1 / 169)


@pytest.mark.parametrize(("mean", "attack"), [(0.05, 10), (2, 16), (20, 60), (200, 330)])
def test_a_burst_is_seen_after_a_day_of_hours(mean: float, attack: int):
    draw = Random(3)
    seen = [attack >= count_limit([poisson(mean, draw) for _ in range(24)], 0.001) for _ in range(200)]
    assert sum(seen) >= 175


def plain_limit(history: list[int], rate: float) -> int:
    """The smallest count that is unusual, as the docstring of the module says it, by trying one after the other."""
    alike = [2 * math.sqrt(count + 0.375) for count in history]
    centre = median(alike)
    above = [one - centre for one in alike if one >= centre]
    spread = max(1.0, 1.4826 * median(above))
    reach = student(1 - rate, max(1.0, 0.37 * (len(history) - 1))) * math.sqrt(1 + math.pi / 2 / len(history))
    count = 1
    while True:
        rank = sum(other >= count for other in history)
        rare = rank == 0 or (rank + 1) / (len(history) + 1) <= rate
        if rare and 2 * math.sqrt(count + 0.375) > centre + reach * spread:
            return count
        count += 1


@given(
    st.lists(st.one_of(st.integers(0, 3), st.integers(0, 60)), min_size=2, max_size=40),
    st.sampled_from([0.3, 0.1, 0.02]),
)
def test_the_threshold_is_that_of_the_plain_definition(history: list[int], rate: float):
    assert abs(count_limit(history, rate) - plain_limit(history, rate)) <= (0 if rate < 0.3 else 1)


@pytest.mark.parametrize("rate", [0.05, 0.01])
@pytest.mark.parametrize(
    "hours", [range(24), range(9, 17), (3, 9, 9, 9, 9, 10, 10, 22)], ids=["any", "office", "two peaks"]
)
def test_hours_are_false_alarms_as_seldom_as_stated(rate: float, hours: range):
    draw = Random(5)
    trials, alarms = 3_000, 0
    for _ in range(trials):
        counts = [0] * 24
        for _ in range(hours_needed(rate)):
            counts[draw.choice(hours)] += 1
        alarms += hour_is_unusual(counts, draw.choice(hours), rate)
    assert alarms / trials <= rate + 3.5 * math.sqrt(rate / trials)


def test_an_hour_at_night_is_unusual_for_who_works_by_day_and_what_has_happened_twice_is_not():
    counts = [0] * 24
    for hour in range(9, 17):
        counts[hour] = 15
    assert hour_is_unusual(counts, 3, 0.01)
    assert not hour_is_unusual(counts, 9, 0.01)
    counts[17] = 2
    assert not hour_is_unusual(counts, 17, 0.01)


def test_the_quantiles_are_those_of_the_tables():
    for freedom, share, table in ((5, 0.99, 3.365), (10, 0.99, 2.764), (10, 0.999, 4.144), (30, 0.999, 3.385)):
        assert student(share, freedom) == pytest.approx(table, rel=0.02)
