"""The matcher: which detections are asked about an event, and what it says of them."""

import textwrap
from typing import Any

import pytest

from bartizan.model.limits import Limits
from bartizan.model.source_event import SourceEvent
from bartizan.rules.detection import Detection
from bartizan.rules.fields import load_log_sources
from bartizan.rules.match import Matcher
from bartizan.rules.sigma.draft import Context
from bartizan.rules.sigma.load import load

MAP = """\
- product: shop
  kinds: [shop]
  classes: [6003]
  activities: [1, 2]
  where: {metadata.log_name: [shop, till]}
  fields: {action: api.operation}
- category: names
  classes: [4003]
"""


def detections(*rules: str) -> list[Detection]:
    text = "\n---\n".join(textwrap.dedent(rule) for rule in rules)
    loaded = load({"r.yml": text}, Context(log_sources=load_log_sources({"m.yml": MAP})))
    return [rule for rule in loaded if isinstance(rule, Detection)]


def rule(name: str, source: str, item: str = "action: get") -> str:
    return f"title: {name}\nname: {name}\nlogsource: {{{source}}}\ndetection: {{a: {{{item}}}, condition: a}}"


def event(kind: str = "shop", *, log: str = "", log_name: str = "shop", **record: Any) -> SourceEvent:
    whole = {"metadata": {"log_name": log_name, "log_source": log}, "class_uid": 6003, "activity_id": 1, **record}
    return SourceEvent(uid="1", time=0, record=whole, kind=kind)


SHOP = rule("shop", "product: shop")


@pytest.mark.parametrize(
    ("told", "found"),
    [
        (event(api={"operation": "Get"}), ["shop"]),
        (event(api={"operation": "Put"}), []),
        (event(api={"operation": "Get"}, class_uid=6005), []),
        (event(api={"operation": "Get"}, activity_id=3), []),
        (event(api={"operation": "Get"}, log_name="other"), []),
        (event("vault", api={"operation": "Get"}), []),
        (event("json", unmapped={"action": "get"}, log="shop//web", class_uid=0, log_name="json"), ["shop"]),
        (event("json", unmapped={"action": "get"}, log="till//"), []),
        (event("json", unmapped={"action": "get"}, log="shop"), []),
        (event("json", unmapped={"action": "get"}), []),
        (event(api={"operation": "Get"}, class_uid=[6003]), []),
    ],
)
def test_a_rule_is_asked_about_the_events_of_its_log_source(told: SourceEvent, found: list[str]):
    assert list(Matcher(detections(SHOP)).match(told)) == found


def test_a_category_takes_its_class_from_every_source():
    matcher = Matcher(detections(rule("names", "category: names", "q|endswith: .example")))
    for kind in ("zeek", "suricata"):
        assert matcher.match(event(kind, class_uid=4003, unmapped={"q": "a.EXAMPLE"})) == ["names"]


def test_names_come_in_order_and_once():
    rules = [
        rule(name, "product: shop", item)
        for name, item in (("c", "action: [get, put]"), ("a", "action|contains: t"), ("b", "action: put"))
    ]
    matcher = Matcher(detections(*rules))
    assert matcher.match(event(api={"operation": ["Get", "Put"]})) == ["a", "b", "c"]


def test_sorts_of_events_do_not_grow_without_bound():
    matcher = Matcher(detections(SHOP), Limits(match_groups_max=10))
    for number in range(100):
        matcher.match(event(class_uid=number))
    assert len(matcher._groups) <= 10
    assert matcher.match(event(api={"operation": "Get"})) == ["shop"]


def test_hundreds_of_rules_are_asked_by_the_texts_that_occur():
    rules = [rule(f"r{number:03}", "product: shop", f"line|contains: word{number:03}x") for number in range(300)]
    matcher = Matcher(detections(*rules))
    assert matcher.match(event(unmapped={"line": "a WORD007x and word123X"})) == ["r007", "r123"]
    assert matcher.match(event(unmapped={"line": ["word000x", "word299x"]})) == ["r000", "r299"]
    assert list(matcher.match(event(unmapped={"line": "nothing"}))) == []
