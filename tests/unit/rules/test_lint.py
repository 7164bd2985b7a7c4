"""What rules say without being wrong, and is seldom meant."""

import pytest

from bartizan.rules.fields import load_log_sources
from bartizan.rules.lint import warnings
from bartizan.rules.sigma.draft import Context
from bartizan.rules.sigma.load import load

MAP = load_log_sources({"m.yml": "- {product: shop, kinds: [shop], fields: {userName: actor.user.name}}\n"})
HEAD = "title: R\nname: r\nlogsource: {product: shop}\n"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (HEAD + "detection: {a: {userName: x}, condition: a}", []),
        (
            HEAD + "detection: {a: {username: x}, condition: a}",
            ["never finds the field username: its"],
        ),
        (HEAD + "detection: {a: {f|re: '[0-9]+'}, condition: a}", ["slow: every event"]),
        (HEAD + "detection: {a: {f|re: 'user [0-9]+'}, condition: a}", []),
        (HEAD + "detection: {a: [word], condition: a}", ["slow: every event"]),
        (HEAD + "detection: {a: {f: x}, b: {g: y}, condition: a and b and not a}", ["never matches"]),
        (HEAD + "detection: {a: {f: 1}, b: {f: 'true'}, condition: a and not b}", []),
        (HEAD + "status: deprecated\ndetection: {a: {f: x}, condition: a}", ["its status is deprecated"]),
        (HEAD.replace("shop", "till") + "detection: {a: {f: x}, condition: a}", ["waits for a source of kind json"]),
    ],
)
def test_what_is_seldom_meant_is_told(text: str, told: list[str]):
    found = [what for _, what in warnings(load({"r.yml": text}, Context(log_sources=MAP)), MAP)]
    assert len(found) == len(told)
    assert all(part in what for part, what in zip(told, found, strict=True))


@pytest.mark.parametrize(
    ("bounds", "never"),
    [
        ("{gte: 5, lt: 5}", True),
        ("{gt: 5, lte: 5}", True),
        ("{gte: 5, lte: 5}", False),
        ("{gt: 9, lt: 3}", True),
        ("{gt: 3, lt: 9}", False),
        ("{eq: 4, gt: 4}", True),
    ],
)
def test_bounds_that_no_number_satisfies_are_told(bounds: str, never: bool):
    text = HEAD + "detection: {a: {f: x}, condition: a}\n---\ntitle: C\nname: c\n"
    text += f"correlation: {{type: event_count, rules: r, timespan: 1h, condition: {bounds}}}\n"
    found = warnings(load({"r.yml": text}, Context(log_sources=MAP)), MAP)
    assert bool(found) is never
