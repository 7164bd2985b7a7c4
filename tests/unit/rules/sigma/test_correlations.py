# ruff: noqa: E501 - tables of cases, one a line
"""Correlations and filters: what they refer to, by which fields they group, and what is refused."""

import textwrap

import pytest

from bartizan.model.limits import Limits
from bartizan.rules.detection import (
    AllOf,
    Bounds,
    Correlation,
    CorrelationType,
    Detection,
    Refers,
    Without,
)
from bartizan.rules.fields import LogSources
from bartizan.rules.interpret import holds
from bartizan.rules.sigma.draft import Context
from bartizan.rules.sigma.load import Loaded, load, read

CONTEXT = Context(log_sources=LogSources([]))
BASES = """\
title: Sign-in
name: sign_in
id: 11111111-2222-4333-8444-555555555555
logsource: {product: shop, service: web}
detection: {a: {action: login}, condition: a}
---
title: Order
name: order
logsource: {product: shop}
detection: {a: {action: order}, condition: a}
"""


def loaded(text: str, context: Context = CONTEXT) -> Loaded:
    return read({"bases.yml": BASES, "c.yml": textwrap.dedent(text)}, context)


def correlation(body: str, more: str = "") -> Correlation:
    text = f"title: C\nname: c\ncorrelation:\n{textwrap.indent(textwrap.dedent(body), '  ')}{more}"
    found = loaded(text)
    assert found.mistakes == ()
    (rule,) = [rule for rule in found.rules if rule.header.name == "c"]
    assert isinstance(rule, Correlation)
    return rule


def test_a_count_names_its_rules_its_window_and_its_groups():
    found = correlation("""\
        type: event_count
        rules: [11111111-2222-4333-8444-555555555555, order]
        group-by: [user, ip]
        timespan: 10m
        aliases: {user: {sign_in: login, order: buyer}}
        condition: {gte: 5, lt: 50}
        """)
    assert (found.type, found.rules, found.window_seconds) == (CorrelationType.EVENT_COUNT, ("sign_in", "order"), 600)
    assert found.bounds == Bounds(gte=5, lt=50)
    assert found.group["user"]["order"].paths == (("unmapped", "buyer"),)
    assert found.group["ip"]["sign_in"].paths == (("unmapped", "ip"),)


@pytest.mark.parametrize("kind", ["value_count", "value_sum", "value_avg", "value_median"])
def test_values_are_those_of_a_field(kind: str):
    found = correlation(f"type: {kind}\nrules: order\ntimespan: 1h\ncondition: {{field: price, gt: 2.5}}\n")
    assert (found.type, found.value["order"][0].name, found.bounds.gt) == (CorrelationType(kind), "price", 2.5)


def test_a_percentile_may_have_fractions():
    body = "type: value_percentile\nrules: order\ntimespan: 1h\ncondition: {field: price, gt: 9, percentile: 99.9}\n"
    assert correlation(body).percentile == 99.9


def test_an_extended_condition_names_rules():
    found = correlation("type: temporal\ntimespan: 1h\ncondition: sign_in and not order\n")
    assert found.rules == ("sign_in", "order")
    assert found.expression == AllOf(parts=(Refers(rule="sign_in"), Without(part=Refers(rule="order"))))


def test_rules_of_a_correlation_are_silent_unless_it_generates():
    body = "type: temporal_ordered\nrules: [sign_in, order]\ntimespan: 1h\n"
    for more, silent in (("", True), ("  generate: true\n", False)):
        found = loaded(f"title: C\nname: c\ncorrelation:\n{textwrap.indent(body, '  ')}{more}")
        assert {rule.header.name: rule.silent for rule in found.rules} == {
            "c": False,
            "sign_in": silent,
            "order": silent,
        }


def test_correlations_rest_on_correlations_and_group_by_their_groups():
    found = loaded("""\
        title: Many
        name: many
        correlation: {type: event_count, rules: sign_in, group-by: user, timespan: 10m, condition: {gte: 5}}
        ---
        title: Then
        name: then
        correlation: {type: temporal_ordered, rules: [many, order], group-by: user, timespan: 1h}
        """)
    assert found.mistakes == ()
    then = next(rule for rule in found.rules if rule.header.name == "then")
    assert isinstance(then, Correlation)
    assert then.group["user"]["many"].paths == ()
    assert then.group["user"]["order"].paths == (("unmapped", "user"),)


def test_absence_is_one_rule_that_another_does_not_follow():
    found = loaded("""\
        title: C
        name: c
        bartizan:
          absence: {rule: order, without: sign_in, within: 30m, group-by: user, aliases: {user: {order: buyer, sign_in: login}}}
        """)
    assert found.mistakes == ()
    rule = next(rule for rule in found.rules if rule.header.name == "c")
    assert isinstance(rule, Correlation)
    assert (rule.type, rule.rules, rule.window_seconds) == (CorrelationType.ABSENCE, ("order", "sign_in"), 1800)


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ("{type: nope, rules: order, timespan: 1h}", "c.yml:2: not a correlation: 'nope'"),
        ("{type: event_count, rules: nobody, timespan: 1h, condition: {gte: 1}}", "c.yml:2: no rule has the name or id 'no"),
        ("{type: event_count, rules: order, condition: {gte: 1}}", "c.yml:2: Object missing required field `timespan`"),
        ("{type: event_count, rules: order, timespan: 1h}", "c.yml:2: not a correlation:"),
        ("{type: event_count, rules: order, timespan: soon, condition: {gte: 1}}", "c.yml:2: not a correlation: Timespan"),
        ("{type: event_count, rules: order, timespan: 90y, condition: {gte: 1}}", "c.yml:2: the time must be"),
        ("{type: event_count, rules: order, timespan: 1h, condition: order and sign_in}", "c.yml:2: not a correlation"),
        ("{type: value_count, rules: order, timespan: 1h, condition: {gte: 1}}", "c.yml:2: not a correlation: Value count"),
        ("{type: value_percentile, rules: order, timespan: 1h, condition: {gte: 1, field: a}}", "needs `percentile`"),
        ("{type: event_count, rules: order, timespan: 1h, condition: {gte: much}}", "c.yml:2: not a correlation"),
        ("{type: temporal, rules: [order, sign_in], timespan: 1h, condition: {gte: 1}}", "takes no counts"),
        ("{type: temporal, rules: [order, sign_in], timespan: 1h, aliases: {u: {nobody: x}}, group-by: u}", "which is none of"),
        ("{type: temporal, rules: [order, sign_in], timespan: 1h, aliases: {u: {order: x}}, group-by: u}", "says nothing of"),
        ("{type: temporal, rules: [order, c], timespan: 1h}", "c.yml:2: correlations that rest on each other in a circle"),
        ("{type: temporal, rules: [order, sign_in], timespan: 1h, wobble: 1}", "c.yml:2: Object contains unknown field"),
        ("{type: temporal_ordered, timespan: 1h, condition: order or sign_in}", "an order needs rules that must all match"),
    ],
)  # fmt: skip
def test_a_correlation_that_cannot_be_honoured_is_refused(body: str, told: str):
    found = loaded(f"title: C\ncorrelation: {body}\n")
    assert told in "\n".join(f"{place}: {what}" for place, what in found.mistakes)
    assert "c" not in {rule.header.name for rule in found.rules}


def test_what_rests_on_a_refused_rule_is_not_loaded():
    found = loaded("""\
        title: Bad
        name: bad
        logsource: {product: shop}
        detection: {a: {f|nope: 1}, condition: a}
        ---
        title: C
        name: c
        correlation: {type: temporal, rules: [bad, order], timespan: 1h}
        """)
    assert {rule.header.name for rule in found.rules} == {"order", "sign_in"}


def test_a_filter_is_a_further_condition_of_its_rules():
    text = """\
        title: F
        logsource: {{product: shop}}
        filter:
          rules: {rules}
          test: {{user|startswith: test_}}
          condition: not test
        """
    for rules, applied in (("any", {"sign_in", "order"}), ("[order]", {"order"})):
        found = loaded(text.format(rules=rules))
        assert found.mistakes == ()
        for rule in found.rules:
            assert isinstance(rule, Detection)
            action = {"sign_in": "login", "order": "order"}[rule.header.name]
            judged = holds(rule.condition, {"unmapped": {"action": action, "user": "test_1"}})
            assert judged is (rule.header.name not in applied)


@pytest.mark.parametrize(
    ("source", "rules", "told"),
    [
        ("{product: shop}", "[nobody]", "no rule has the name or id 'nobody'"),
        ("{product: shop, service: web}", "[order]", "the log source of order does not lie within the filter's"),
        ("{product: shop}", "5", "`rules` names rules by id or name"),
    ],
)
def test_a_filter_of_no_rule_is_a_mistake(source: str, rules: str, told: str):
    found = loaded(f"title: F\nlogsource: {source}\nfilter: {{rules: {rules}, a: {{f: 1}}, condition: not a}}\n")
    assert told in found.mistakes[0][1]


def test_counts_of_rules_and_depths_of_correlations_are_bounded():
    chain = "\n---\n".join(
        f"title: C{n}\nname: c{n}\ncorrelation: {{type: event_count, rules: {f'c{n - 1}' if n else 'order'}, timespan: 1h, "
        "condition: {gte: 1}}"
        for n in range(4)
    )
    context = Context(log_sources=LogSources([]), limits=Limits(correlation_depth_max=3))
    assert [place.line for place, _ in loaded(chain, context).mistakes] == [15]
    assert load({"c.yml": chain, "b.yml": BASES}, CONTEXT)
    few = Context(log_sources=LogSources([]), limits=Limits(rules_max=1))
    assert "more rules than rules_max 1" in loaded("", few).mistakes[0][1]
