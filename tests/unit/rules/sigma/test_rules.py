# ruff: noqa: E501 - tables of cases, one a line
"""Sigma rules: what they say is what the conditions say, and what cannot be honoured is refused with its line."""

import json
import textwrap
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bartizan.model.errors import ContentError
from bartizan.model.finding import Severity
from bartizan.model.limits import Limits
from bartizan.model.source_event import Trust
from bartizan.rules.detection import Detection, Stage
from bartizan.rules.fields import LogSources
from bartizan.rules.interpret import holds
from bartizan.rules.sigma.draft import Context
from bartizan.rules.sigma.load import load, read

CONTEXT = Context(log_sources=LogSources([]), placeholders={"admins": ("ann", "b*b")})
HEAD = """\
title: A rule
id: 11111111-2222-4333-8444-555555555555
logsource: {product: shop}
"""


def rule(detection: str, more: str = "", context: Context = CONTEXT) -> Detection:
    (found,) = load(
        {"rule.yml": HEAD + "detection:\n" + textwrap.indent(textwrap.dedent(detection), "  ") + more}, context
    )
    assert isinstance(found, Detection)
    return found


def matches(detection: str, **event: Any) -> bool:
    return holds(rule(detection).condition, {"unmapped": event})


def of(item: str, condition: str = "s") -> str:
    return f"s:\n  {item}\ncondition: {condition}"


@pytest.mark.parametrize(
    ("item", "value", "told"),
    [
        ("f: abc", "ABC", True),
        ("f: abc", ["x", "aBc"], True),
        ("f: abc", None, False),
        ("f|cased: abc", "ABC", False),
        ("f: a*c", "a--C", True),
        ("f: a?c", "abc", True),
        ("f: a?c", "abbc", False),
        ("f: 'a\\*c'", "a*c", True),
        ("f: 'a\\*c'", "abc", False),
        ("f: '*'", "", True),
        ("f: ''", "", True),
        ("f: ''", None, False),
        ("f: null", None, True),
        ("f: null", "", True),
        ("f: null", "x", False),
        ("f: 5", "5", True),
        ("f: 5", 5.0, True),
        ("f: true", True, True),
        ("f: 'True'", True, True),
        ("f: [a, b]", "b", True),
        ("f|contains: b", "abc", True),
        ("f|contains|all: [a, b]", "cab", True),
        ("f|contains|all: [a, z]", "cab", False),
        ("f|startswith: ab", "ABc", True),
        ("f|endswith: bc", "aBC", True),
        ("f|endswith|cased: bc", "aBC", False),
        ("f|re: '^a.c$'", "abc", True),
        ("f|re: '^a.c$'", "ABC", False),
        ("f|re|i: '^a.c$'", "ABC", True),
        ("f|re|s: 'a.c'", "a\nc", True),
        ("f|re|m: '^c$'", "a\nc", True),
        ("f|re: 'b'", "abc", True),
        ("f|cidr: 10.0.0.0/8", "10.1.1.1", True),
        ("f|cidr: 2001:db8::/32", "2001:DB8::1", True),
        ("f|cidr: 10.0.0.0/8", "11.1.1.1", False),
        ("f|base64: foobar", "Zm9vYmFy", True),
        ("f|base64offset|contains: foobar", "xxZvb2Jhcg", True),
        ("f|wide|base64offset|contains: ping", "cABpAG4AZwAg", True),
        ("f|windash|contains: ' -x '", "cmd /x ", True),
        ("f|windash|contains: ' -x '", "cmd –x ", True),
        ("f|fieldref: g", "same", True),
        ("f|fieldref: h", "same", False),
        ("f|fieldref|startswith: g", "same and more", True),
        ("f|fieldref: absent", "same", False),
        ("f|expand: '%admins%'", "ANN", True),
        ("f|expand: '%admins%'", "bob", True),
        ("f|contains|expand: '<%admins%>'", "is <ann> here", True),
        ("f|exists: true", "x", True),
        ("f|exists: true", None, False),
        ("f|exists: false", None, True),
        ("f|lt: 5", 4, True),
        ("f|lte: 5", "5", True),
        ("f|gt: 5", "5.5", True),
        ("f|gte: 5", "many", False),
        ("f|neq: a", "b", True),
        ("f|neq: a", "A", False),
        ("f|neq: [a, b]", "b", False),
        ("f|hour: 10", "2026-01-01T10:20:30Z", True),
        ("f|hour|gte: 18", 1_767_261_600_000, False),
        ("f|year: 2026", 1_767_261_600_000, True),
        ("f|week: 1", "2026-01-01T10:20:30Z", True),
    ],
)  # fmt: skip
def test_a_value_and_its_modifiers_say_what_sigma_says(item: str, value: Any, told: bool):
    assert matches(of(item), f=value, g="SAME", h="other") is told


@pytest.mark.mission("X3")
@pytest.mark.parametrize(
    ("detection", "told"),
    [
        ("keywords: [beta, gamma]\ncondition: keywords", True),
        ("keywords: {'|all': [beta, alpha]}\ncondition: keywords", True),
        ("keywords: {'|all': [beta, gamma]}\ncondition: keywords", False),
        ("keywords: ['al*beta']\ncondition: keywords", True),
        ("a: {f: x}\nb: {f: Alpha beta}\ncondition: 1 of them", True),
        ("a: {f: x}\nb: {f: Alpha beta}\ncondition: all of them", False),
        ("s_1: {f: Alpha beta}\ns_2: {n: 1}\nt: {n: 2}\ncondition: all of s_* and not t", True),
        ("a: {f: x}\nb: {n: 1}\ncondition: not a and b", True),
        ("a: {f: x}\nb: {n: 1}\ncondition: a or (b and not a)", True),
        ("a: [{f: x}, {n: 1}]\ncondition: a", True),
        ("a: {f: x, n: 1}\ncondition: a", False),
        ("a: {f: x}\nb: {n: 1}\ncondition: [a, b]", True),
    ],
)
def test_conditions_say_what_sigma_says(detection: str, told: bool):
    assert matches(detection, f="Alpha beta", n=1) is told


def mistakes(*texts: str, context: Context = CONTEXT) -> list[str]:
    files = {f"{number}.yml": text for number, text in enumerate(texts)}
    return [f"{place}: {what}" for place, what in read(files, context).mistakes]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a: [", "not YAML"),
        ("- a", "0.yml:1: not a rule: a map is expected"),
        ("title: x\nlogsource: {product: a}\n", "0.yml:1: a rule has one of these"),
        (HEAD + "detection: {a: {f: 1}, condition: b}", "0.yml:4: not a condition: Detection 'b' not defined"),
        (HEAD + "detection:\n  a:\n    f|nope: 1\n  condition: a", "0.yml:6: Unknown modifier 'nope'"),
        (HEAD + "detection:\n  a:\n    - f: 1\n    - g|re: '('\n  condition: a", "0.yml:7: Regular expression '(' is"),
        (HEAD + "detection:\n  a: {f|re: '(?<=a)b'}\n  condition: a", "0.yml:5: Regular expression"),
        (HEAD + "detection:\n  a: {f|cidr: 10.0.0.300/8}\n  condition: a", "0.yml:5: Invalid CIDR"),
        (HEAD + "detection:\n  a: {f: x}\n  condition: a | count() > 3", "0.yml:6: aggregations after `|`"),
        (HEAD + "detection:\n  a: {f: x}\n  timeframe: 5m\n  condition: a", "0.yml:6: `timeframe` belonged"),
        (HEAD + "detection:\n  a: {f: x}", "0.yml:4: no condition"),
        (HEAD + "detection:\n  a: {f|expand: '%nobody%'}\n  condition: a", "0.yml:6: no values are given for the placeh"),
        (HEAD + "detection:\n  a: {f: x}\n  condition: 1 of b_*", "0.yml:6: not a condition: Selector"),
        (HEAD + "detection:\n  a: {f: {g: 1}}\n  condition: a", "0.yml:5: Unsupported type"),
        (HEAD + "detection:\n  a: {f: x}\n  condition: " + "(" * 40 + "a" + ")" * 40, "0.yml:6: nested deeper than rule_con"),
        (HEAD + "level: awful\ndetection: {a: {f: 1}, condition: a}", "0.yml:4: Invalid enum value 'awful'"),
        (HEAD + "bartizan: {stge: off}\ndetection: {a: {f: 1}, condition: a}", "0.yml:4: Object contains unknown field `stge`"),
        (HEAD + "bartizan:\n  first_seen: {value: f, learning: 3 days}\ndetection: {a: {f: 1}, condition: a}", "0.yml:5: "),
        ("title: x\ndetection: {a: {f: 1}, condition: a}", "0.yml:1: no log source"),
        (HEAD.replace("11111111", "1") + "detection: {a: {f: 1}, condition: a}", "0.yml:2: Expected `str` matching regex"),
        (HEAD + "a: 1\na: 2\ndetection: {a: {f: 1}, condition: a}", "0.yml:5: the key `a` twice"),
    ],
)  # fmt: skip
def test_what_cannot_be_honoured_is_refused_with_its_line(text: str, told: str):
    (first, *_) = mistakes(text)
    assert told in first


def test_all_mistakes_of_all_files_are_told_at_once():
    told = mistakes(
        HEAD + "level: bad\nstatus: odd\ndetection: {a: {f: 1}, condition: a}",
        HEAD + "detection:\n  a: {f|x: 1, g|y: 2}\n  condition: a",
    )
    assert [one.split(": ")[0] for one in told] == ["0.yml:4", "0.yml:5", "1.yml:5", "1.yml:5"]
    with pytest.raises(ContentError, match="rule_tests_max 3"):
        rule(
            "a: {f: [1, 2, 3, 4]}\ncondition: a",
            context=Context(log_sources=LogSources([]), limits=Limits(rule_tests_max=3)),
        )


def test_two_rules_of_one_id_or_name_are_a_mistake():
    body = "detection: {a: {f: 1}, condition: a}"
    assert "id 11111111-2222-4333-8444-555555555555 is already used by 0.yml:2" in mistakes(HEAD + body, HEAD + body)[0]
    one, other = (f"name: same\n{HEAD.replace('1111-', f'{n}111-')}{body}" for n in "23")
    assert "name same is already used by 0.yml:1" in mistakes(one, other)[0]


def test_files_of_one_name_in_two_folders_are_told_apart_by_their_ids():
    body = HEAD + "detection: {a: {f: 1}, condition: a}"
    files = {"a/x.yml": body, "b/x.yml": body.replace("11111111", "21111111")}
    assert [rule.header.name for rule in load(files, CONTEXT)] == ["x_11111111", "x_21111111"]


def test_own_keys_say_what_becomes_of_a_match():
    found = rule(
        "a: {f: 1}\ncondition: a",
        textwrap.dedent("""
            level: high
            fields: [f, g]
            bartizan:
              stage: observe
              trust: high
              lateness: 15m
              runbook: revoke
              suppress: {for: 1h, by: user}
              lookup:
                - {table: people, field: user, column: status, values: [left, disabled]}
                - {table: egress, field: host, absent: true}
              business_hours: outside
              first_seen: {value: [ip, agent], key: user, learning: 30d, forget: 90d}
              baseline: {key: user, bucket: 1h, false_alarms: 0.001}
        """),
    )
    header = found.header
    assert (header.level, header.stage, header.trust) == (Severity.HIGH, Stage.OBSERVE, Trust.HIGH)
    assert (header.lateness_seconds, header.runbook) == (900, "revoke")
    assert header.suppress
    assert (header.suppress.seconds, header.suppress.key[0].name) == (3600, "user")
    assert [(one.table, one.values, one.absent) for one in found.lookups] == [
        ("people", ("left", "disabled"), False),
        ("egress", (), True),
    ]
    assert found.first_seen
    assert (found.first_seen.learning_seconds, found.first_seen.forget_seconds) == (30 * 86_400, 90 * 86_400)
    assert found.business_hours
    assert found.baseline
    assert found.baseline.bucket_seconds == 3600
    assert [field.name for field in found.group] == ["f", "g"]


def test_tables_and_runbooks_must_be_known_where_something_is_known_of_them():
    context = Context(log_sources=LogSources([]), tables=frozenset({"people"}), runbooks=frozenset())
    text = (
        HEAD
        + "bartizan: {runbook: x, lookup: {table: persons, field: f, absent: true}}\ndetection: {a: {f: 1}, condition: a}"
    )
    assert mistakes(text, context=context) == [
        "0.yml:4: no table 'persons': known are people",
        "0.yml:4: no runbook 'x': none is configured",
    ]


def test_a_rule_in_ocsf_names_its_fields_by_their_paths():
    (found,) = load({"r.yml": HEAD + "taxonomy: ocsf\ndetection: {a: {api.operation: Get}, condition: a}"}, CONTEXT)
    assert isinstance(found, Detection)
    assert holds(found.condition, {"api": {"operation": "get"}})


def test_collections_in_one_file_share_what_is_global():
    text = """\
action: global
title: Shared
logsource: {product: shop}
---
name: one
detection: {a: {f: 1}, condition: a}
---
action: repeat
name: two
"""
    assert [rule.header.name for rule in load({"r.yml": text}, CONTEXT)] == ["one", "two"]


WORDS = st.sampled_from(
    "title id name logsource detection condition filter correlation bartizan rules type timespan group-by aliases a "
    "selection 1 of them all not and or ( ) | * ? % \\ f|re f|cidr f|fieldref f|expand f|exists f|lt f|hour product "
    "temporal event_count value_percentile 5m gte absence rule without within".split()
)
TREES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | WORDS
    | st.text(max_size=8)
    | st.lists(WORDS).map(" ".join),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(WORDS, inner, max_size=6),
    max_leaves=20,
)


@settings(deadline=None, max_examples=300)
@given(detection=TREES, correlation=TREES, own=TREES, told=TREES)
def test_no_document_breaks_the_reader(detection: Any, correlation: Any, own: Any, told: Any):
    base = {"title": "x", "logsource": {"product": "shop"}}
    documents = [
        {**base, "detection": detection},
        {**base, "detection": {"a": detection, "condition": "a"}},
        {**base, "detection": {"a": {"f": 1}, "condition": told if isinstance(told, str) else "a"}, "bartizan": own},
        {**base, "filter": detection},
        {"title": "y", "correlation": correlation},
        {"title": "z", "bartizan": {"absence": correlation}},
        told,
    ]
    read({f"{number}.yml": json.dumps(one) for number, one in enumerate(documents)}, CONTEXT)
