"""Every correlation says what its plain definition says, however its events come."""

from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bartizan.model.finding import Finding
from bartizan.rules.detection import AllOf, Correlation, OneOf, Refers, Suppress, Without
from fixtures import correlation_oracle as oracle
from fixtures.detection_cases import arrival, correlation, detection, encoded, events, field, final, judged

BASE = [detection(name) for name in "abc"]
A, B, C = (Refers(rule=name) for name in "abc")
QUIET = {"suppress": Suppress(seconds=2)}
ALWAYS = {"suppress": Suppress(seconds=0)}
BY_WHO = {"suppress": Suppress(seconds=2, key=(field("who"),))}

RULES: dict[str, list[Correlation]] = {
    "event_count at least": [correlation("r", "event_count", "a b", gte=3)],
    "event_count more, spoken always": [correlation("r", "event_count", "a b c", gt=2, by="", more=ALWAYS)],
    "event_count few": [correlation("r", "event_count", "a", lt=2, more=QUIET)],
    "event_count range": [correlation("r", "event_count", "a b c", gte=2, lte=3, neq=3)],
    "event_count quiet for a part of the group": [
        correlation("r", "event_count", "a b c", gte=2, by="who what", more=BY_WHO)
    ],
    "value_count": [correlation("r", "value_count", "a b c", gte=2, values="what")],
    "value_count of pairs": [correlation("r", "value_count", "a b c", gte=3, values="what n", seconds=9)],
    "value_sum": [correlation("r", "value_sum", "a b c", gte=7, values="n")],
    "value_sum exact": [correlation("r", "value_sum", "a b c", gte=0.1, lt=0.5, values="n", seconds=9)],
    "value_avg": [correlation("r", "value_avg", "a b c", gt=2.4, lt=7, values="n", more=QUIET)],
    "value_percentile": [correlation("r", "value_percentile", "a b c", gte=5, percentile=66.7, values="n")],
    "value_median": [correlation("r", "value_median", "a b c", lte=1, values="n", more=QUIET)],
    "temporal": [correlation("r", "temporal", "a b c")],
    "temporal with or": [correlation("r", "temporal", "a b c", expression=AllOf(parts=(A, OneOf(parts=(B, C)))))],
    "temporal with not": [
        correlation(
            "r", "temporal", "a b c", expression=AllOf(parts=(A, Without(part=OneOf(parts=(B, C))))), more=QUIET
        )
    ],
    "temporal_ordered": [correlation("r", "temporal_ordered", "a b c", seconds=8)],
    "temporal_ordered twice the same": [correlation("r", "temporal_ordered", "b a b", seconds=12)],
    "absence": [correlation("r", "absence", "a b")],
    "absence, spoken always": [correlation("r", "absence", "c a", by="", more=ALWAYS)],
    "chain": [
        correlation("inner", "event_count", "a b", gte=2),
        correlation("lost", "absence", "inner c", seconds=3, silent=True),
        correlation("r", "temporal_ordered", "c inner", seconds=15),
        correlation("s", "event_count", "lost inner", gte=2, seconds=30, by="who"),
    ],
}


def check(name: str, complete: list[dict[str, Any]], seed: int) -> None:
    rules = RULES[name]
    chained = len(rules) > 1
    want = [
        one
        for one in oracle.findings(rules, complete)
        if not rules[[r.header.name for r in rules].index(one["rule"])].silent
    ]
    first, second = Random(seed), Random(seed + 1)
    coming = arrival(complete, first)
    found = judged([*BASE, *rules], coming, first)
    got = final(found)
    shown = [
        (one.rule, one.occurrence.time, sorted(one.occurrence.group.items()), one.occurrence.value,
         None if chained else sorted(one.occurrence.events))
        for one in got if one.occurrence
    ]  # fmt: skip
    asked = [
        (
            one["rule"],
            one["time"],
            sorted(one["group"].items()),
            one["value"],
            None if chained else sorted(one["events"]),
        )
        for one in want
    ]
    assert sorted(shown, key=repr) == sorted(asked, key=repr)
    assert len({one.id for one in got}) == len(got)
    again = judged([*reversed(rules), *BASE], arrival(complete, second), second, provisional=False, ordered=True)
    assert encoded(again) == encoded(got)
    every_provisional_finding_is_concluded(found)


def every_provisional_finding_is_concluded(found: list[Finding]) -> None:
    open_: set[str] = set()
    for one in found:
        assert one.occurrence is not None
        if one.occurrence.provisional:
            assert one.id not in open_
            open_.add(one.id)
        elif one.occurrence.withdrawn:
            open_.remove(one.id)
        else:
            open_.discard(one.id)
    assert not open_


@pytest.mark.parametrize("name", RULES)
@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(complete=events(), seed=st.integers(0, 1 << 30))
def test_a_correlation_finds_what_its_definition_says(name: str, complete: list[dict[str, Any]], seed: int):
    check(name, complete, seed)


@pytest.mark.slow
@pytest.mark.parametrize("name", RULES)
@settings(max_examples=1_000, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(complete=events(most=24), seed=st.integers(0, 1 << 30))
def test_a_correlation_finds_what_its_definition_says_in_thousands_of_cases(
    name: str, complete: list[dict[str, Any]], seed: int
):
    check(name, complete, seed)
