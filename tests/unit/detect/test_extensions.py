"""What is new, unusual or quiet for a key is what the plain definition says, however events come."""

from itertools import product
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bartizan.model.finding import Finding
from bartizan.rules.correlate.unusual import count_limit
from bartizan.rules.detection import Baseline, Detection, FirstSeen, Suppress
from fixtures import correlation_oracle as oracle
from fixtures.detection_cases import arrival, correlation, detection, encoded, events, field, final, judged

Told = dict[str, Any]
WHO, WHAT, N = field("who"), field("what"), field("n")


def new(learning: int, forget: int = 0, by: str = "who", what: str = "what", **more: Any) -> Detection:
    first_seen = FirstSeen(
        value=tuple(field(one) for one in what.split()), key=tuple(field(one) for one in by.split()),
        learning_seconds=learning, forget_seconds=forget,
    )  # fmt: skip
    return detection("a", silent=False, first_seen=first_seen, more=more)


def usual(of: str, seconds: int, least: int, rate: float, **more: Any) -> Detection:
    told = Baseline(key=(WHO,), of=of, bucket_seconds=seconds, buckets_min=least, false_alarms=rate)  # pyright: ignore[reportArgumentType]
    return detection("a", silent=False, baseline=told, **more)


RULES = {
    "first seen": new(4),
    "first seen without learning": new(0),
    "first seen, forgotten": new(3, 5),
    "first seen of pairs for all": new(2, by="", what="what n"),
    "first seen, then quiet": new(2, suppress=Suppress(seconds=6)),
    "first seen, then quiet for others too": new(0, by="what", what="who n", suppress=Suppress(seconds=3, key=(WHO,))),
    "baseline": usual("count", 1, 2, 0.3),
    "baseline of a long history": usual("count", 2, 3, 0.1),
    "hour": usual("hour", 1800, 2, 0.3),
    "hour after a long time": usual("hour", 3600, 2, 0.2),
    "both": detection(
        "a", silent=False, first_seen=FirstSeen(value=(N,), key=(WHO,), learning_seconds=1),
        baseline=Baseline(key=(WHO,), bucket_seconds=2, buckets_min=2, false_alarms=0.4),
    ),
    "quiet": detection("a", silent=False, group=(WHO,), more={"suppress": Suppress(seconds=4)}),
    "quiet for what it does not name": detection(
        "a", silent=False, group=(WHO,), more={"suppress": Suppress(seconds=4, key=(WHAT,))}
    ),
}  # fmt: skip


def every(one: Told, names: list[str]) -> list[tuple[str, ...]]:
    """The combinations of values of some fields that an event has."""
    return list(
        product(*[[oracle.as_text(value) for value in oracle.as_list(one["fields"].get(name))] for name in names])
    )


def expected(rule: Detection, complete: list[Told]) -> tuple[list[str], list[str]]:
    """The uids of the matches, and of those that are findings."""
    order = sorted((one for one in complete if "a" in one["hits"]), key=lambda one: (one["time"], one["uid"]))
    able = [one for one in order if has_all(rule, one)]
    newly = [one for number, one in enumerate(able) if is_new(rule, able[:number], one)]
    matches = [one for number, one in enumerate(newly) if is_unusual(rule, newly[:number], one)]
    return [one["uid"] for one in matches], [one["uid"] for one in spoken(rule, matches)]


def names(fields: Any) -> list[str]:
    return [one.name for one in fields]


def has_all(rule: Detection, one: Told) -> bool:
    first, base = rule.first_seen, rule.baseline
    return (first is None or bool(every(one, names(first.key)) and every(one, names(first.value)))) and (
        base is None or bool(every(one, names(base.key)))
    )


def is_new(rule: Detection, before: list[Told], one: Told) -> bool:
    first = rule.first_seen
    if first is None:
        return True
    for key, value in product(every(one, names(first.key)), every(one, names(first.value))):
        known = [other for other in before if key in every(other, names(first.key))]
        since = min([other["time"] for other in known], default=one["time"])
        seen = [other["time"] for other in known if value in every(other, names(first.value))]
        fresh = not seen or (first.forget_seconds and one["time"] - max(seen) > first.forget_seconds * 1000)
        if one["time"] - since >= first.learning_seconds * 1000 and fresh:
            return True
    return False


def is_unusual(rule: Detection, before: list[Told], one: Told) -> bool:
    return rule.baseline is None or any(
        unusual_for(rule.baseline, [other["time"] for other in before if key in every(other, names(rule.baseline.key))],
                    one["time"])
        for key in every(one, names(rule.baseline.key))
    )  # fmt: skip


def unusual_for(rule: Baseline, before: list[int], time: int) -> bool:
    span = rule.bucket_seconds * 1000
    now = time // span
    buckets = [other // span for other in before]
    if rule.of == "hour":
        return now not in buckets and unusual_hour(rule, sorted(set(buckets)), now)
    history = [buckets.count(bucket) for bucket in range(min(buckets, default=now), now)]
    if len(history) < rule.buckets_min:
        return False
    return buckets.count(now) + 1 == count_limit(history[-1024:], rule.false_alarms)


def unusual_hour(rule: Baseline, buckets: list[int], now: int) -> bool:
    hours = [bucket * rule.bucket_seconds // 3600 % 24 for bucket in (*buckets, now)]
    if len(buckets) < rule.buckets_min or len(hours) * rule.false_alarms < 1:
        return False
    near = [sum((other - hour) % 24 in (0, 1, 23) for other in hours) for hour in hours]
    return sum(one <= near[-1] for one in near) <= rule.false_alarms * len(hours)


def spoken(rule: Detection, matches: list[Told]) -> list[Told]:
    suppress = rule.header.suppress
    if suppress is None:
        return matches
    shown = names(rule.group) or list(
        dict.fromkeys([*names(rule.first_seen.key), *names(rule.first_seen.value)] if rule.first_seen else [])
    )
    last: dict[str, int] = {}
    out: list[Told] = []
    for one in matches:
        key = repr(
            [
                sorted(map(oracle.as_text, oracle.as_list(one["fields"].get(name))))
                for name in names(suppress.key) or shown
            ]
        )
        if key not in last or one["time"] - last[key] > suppress.seconds * 1000:
            last[key] = one["time"]
            out.append(one)
    return out


def uids(found: list[Finding], rule: str) -> list[str]:
    return sorted(one.occurrence.events[0] for one in found if one.occurrence and one.rule == rule)


def check(name: str, complete: list[Told], seed: int) -> None:
    rule = RULES[name]
    if "hour" in name:
        complete = [{**one, "time": one["time"] * 3_000} for one in complete]
    every_match = correlation(
        "each", "event_count", "a", by="", gte=1, seconds=1, more={"suppress": Suppress(seconds=0)}
    )
    first, second = Random(seed), Random(seed + 1)
    found = judged([rule, every_match], arrival(complete, first), first)
    matches, findings = expected(rule, complete)
    assert uids(final(found), "a") == sorted(findings)
    times = {one["uid"]: one["time"] for one in complete}
    assert [one.occurrence.time for one in final(found) if one.occurrence and one.rule == "each"] == sorted(
        {times[uid] for uid in matches}
    )
    again = judged([rule, every_match], arrival(complete, second), second, provisional=False, ordered=True)
    assert encoded(again) == encoded(final(found))
    assert len({one.id for one in again}) == len(again)
    said = {one.id for one in found if one.occurrence and one.occurrence.provisional}
    concluded = {one.id for one in found if one.occurrence and not one.occurrence.provisional}
    assert said <= concluded


@pytest.mark.parametrize("name", RULES)
@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(complete=events("a a b", most=20), seed=st.integers(0, 1 << 30))
def test_an_extension_finds_what_its_definition_says(name: str, complete: list[Told], seed: int):
    check(name, complete, seed)


@pytest.mark.slow
@pytest.mark.parametrize("name", RULES)
@settings(max_examples=1_000, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(complete=events("a a b", most=30), seed=st.integers(0, 1 << 30))
def test_an_extension_finds_what_its_definition_says_in_thousands_of_cases(name: str, complete: list[Told], seed: int):
    check(name, complete, seed)
