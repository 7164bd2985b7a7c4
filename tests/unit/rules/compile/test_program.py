# ruff: noqa: E501 - tables of cases, one a line
"""Generated matching tells what plain reading tells, whatever names and values rules and events hold."""

import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bartizan.rules.compile import program as program_module
from bartizan.rules.compile import source as source_module
from bartizan.rules.compile.needed import needed
from bartizan.rules.compile.program import program
from bartizan.rules.compile.shape import must_equal, simpler, witnesses
from bartizan.rules.detection import All, AnyOf, Condition, Field, Not, Operator, Test, TimePart
from bartizan.rules.expressions import searcher
from bartizan.rules.interpret import holds

HOSTILE = [
    "a",
    "b",
    "'",
    '"',
    "\\",
    "\n",
    "__class__",
    "');import os#",
    "{x}",
    "%s",
    "",
    "ſ",
    "İ",
    "Σας",
    "\ud800",
    "A" * 40,
]
NAMES = st.sampled_from(HOSTILE) | st.text(max_size=4)
TEXTS = st.sampled_from([*HOSTILE, "abc", "ABC", "aXc", "10.0.0.1", "10.9.9.9", "5", "-3", "1767261600000", "true"])
SCALARS = (
    TEXTS
    | st.integers(-3, 7)
    | st.sampled_from([1.5, 5.0, True, False, None, 1_767_261_600_000, 10**30, 1e300, float("inf"), float("nan")])
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=8,
)
PATHS = st.lists(NAMES, min_size=1, max_size=3).map(tuple)
FIELDS = st.sampled_from(
    [
        Field(name="a", paths=(("a",),)),
        Field(name="b", paths=(("b",),)),
        Field(name="ab", paths=(("a", "b"), ("b", "a"), ("a",))),
        Field(name="A", paths=(("a", "A"), ("b",)), any_case=True),
    ]
) | st.builds(Field, name=NAMES, paths=st.lists(PATHS, max_size=2).map(tuple), any_case=st.booleans())
RECORDS = st.dictionaries(NAMES | st.sampled_from(["a", "b", "A"]), VALUES, max_size=4)


def plainly(operator: Operator) -> st.SearchStrategy[Test]:
    return st.builds(
        Test, operator=st.just(operator), field=FIELDS, value=TEXTS | st.integers(-3, 7) | st.booleans(), cased=st.booleans()
    ).map(lambda test: test if test.cased else Test(
        operator=test.operator, field=test.field, value=test.value.lower() if isinstance(test.value, str) else test.value
    ))  # fmt: skip


PIECES = [
    "a",
    "abc",
    "S",
    "k",
    "x*",
    "b?",
    "c+",
    "a{2}",
    "b{0,2}",
    ".",
    "^",
    "$",
    r"\d",
    r"\.",
    r"\z",
    "[ab]",
    "[^a]",
    "(ab|c)",
    "(?:x)*",
    "|",
    "ſ",
    "Σ",
]


def valid(expression: str) -> bool:
    try:
        return bool(searcher(expression))
    except ValueError:
        return False


EXPRESSIONS = (
    st.tuples(st.sampled_from(["", "(?i)", "(?s)"]), st.lists(st.sampled_from(PIECES), max_size=6))
    .map(lambda told: told[0] + "".join(told[1]))
    .filter(valid)
)
PLAIN = [plainly(one) for one in (Operator.EQUALS, Operator.CONTAINS, Operator.STARTSWITH, Operator.ENDSWITH)]
TESTS = st.one_of(
    *PLAIN,
    *PLAIN,
    st.builds(Test, operator=st.sampled_from([Operator.LT, Operator.LTE, Operator.GT, Operator.GTE]), field=FIELDS,
              value=st.integers(-3, 7), part=st.none() | st.sampled_from(list(TimePart))),
    st.builds(Test, operator=st.just(Operator.EQUALS), field=FIELDS, value=st.integers(0, 12), part=st.sampled_from(list(TimePart))),
    st.builds(Test, operator=st.just(Operator.REGEX), field=FIELDS | st.none(), value=EXPRESSIONS,
              cased=st.booleans()),
    st.builds(Test, operator=st.just(Operator.CIDR), field=FIELDS, value=st.sampled_from(["10.0.0.0/16", "::/0"])),
    st.builds(Test, operator=st.sampled_from([Operator.EXISTS, Operator.NULL]), field=FIELDS, value=st.none() | st.booleans()),
    st.builds(Test, operator=st.just(Operator.CONTAINS), value=st.sampled_from(["a", "abc", "5", "'"])),
    st.builds(Test, operator=st.sampled_from([Operator.EQUALS, Operator.CONTAINS, Operator.STARTSWITH, Operator.ENDSWITH]),
              field=FIELDS, other=FIELDS, cased=st.booleans()),
)  # fmt: skip
CONDITIONS: st.SearchStrategy[Condition] = st.recursive(
    TESTS,
    lambda inner: (
        st.builds(Not, part=inner)
        | st.builds(All, parts=st.lists(inner, max_size=4).map(tuple))
        | st.builds(AnyOf, parts=st.lists(inner, max_size=4).map(tuple))
    ),
    max_leaves=8,
)


def told(rules: list[Condition], record: dict[str, Any], gated_min: int) -> list[int]:
    return sorted(set(program(list(enumerate(rules)), gated_min=gated_min)(record) or ()))


RULES = st.lists(CONDITIONS, min_size=1, max_size=6)
EVENTS = st.lists(RECORDS, min_size=1, max_size=4)


@settings(deadline=None, max_examples=250)
@given(rules=RULES, records=EVENTS)
def test_what_is_generated_tells_what_plain_reading_tells(rules: list[Condition], records: list[dict[str, Any]]):
    compare(rules, records)


@pytest.mark.slow
@settings(deadline=None, max_examples=10_000)
@given(rules=RULES, records=EVENTS)
def test_what_is_generated_tells_what_plain_reading_tells_at_length(
    rules: list[Condition], records: list[dict[str, Any]]
):
    compare(rules, records)


def compare(rules: list[Condition], records: list[dict[str, Any]]) -> None:
    made = [program(list(enumerate(rules)), gated_min=most) for most in (0, 1_000)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(source_module, "_SOUGHT_MIN", 2)
        made.append(program(list(enumerate(rules)), gated_min=1_000))
    for record in records:
        wanted = [number for number, rule in enumerate(rules) if holds(rule, record)]
        for match in made:
            assert sorted(set(match(record) or ())) == wanted


@settings(deadline=None, max_examples=200)
@given(rule=CONDITIONS, record=RECORDS)
def test_a_simpler_form_says_the_same_and_what_must_be_there_is_there(rule: Condition, record: dict[str, Any]):
    assert holds(simpler(rule), record) is holds(rule, record)
    if not holds(rule, record):
        return
    for field, values in must_equal(rule):
        assert holds(
            AnyOf(parts=tuple(Test(operator=Operator.EQUALS, field=field, value=one) for one in values)), record
        )
    seen = witnesses(rule, {})
    if seen is not None:
        assert holds(AnyOf(parts=tuple(Test(operator=o, field=field, value=text) for field, o, text in seen)), record)


@settings(deadline=None, max_examples=100)
@given(rules=st.lists(CONDITIONS, min_size=1, max_size=4), record=RECORDS)
def test_generated_source_holds_our_own_identifiers_alone(rules: list[Condition], record: dict[str, Any]):
    seen: list[str] = []

    def noted(source: str, *more: Any) -> Any:
        seen.append(source)
        return compile(source, *more)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(program_module, "compile", noted, raising=False)
        told(rules, record, 0)
        told(rules, record, 1_000)
    ours = (
        r"def match|if|elif|else|for|in|is|not|and|or|None|True|False|return|type|str|dict|any|map|pass|"
        r"get|lower|startswith|endswith|isdisjoint|single|joined|step|step_any_case|flat|text_of|words|many|"
        r"[cefhknrstx]\d*"
    )
    for source in seen:
        left = re.sub(rf"\b(?:{ours})\b|''|\b\d+\b", "", source)
        assert set(left) <= set(" \n()[]{}:;,.=!*+"), source


@settings(deadline=None, max_examples=300)
@given(expression=EXPRESSIONS, text=st.text(alphabet="aAbBcCxXsSſkK\u212aΣσς. 1", max_size=12))
def test_what_an_expression_matches_holds_the_text_that_it_needs(expression: str, text: str):
    told, cased = needed(expression)
    if searcher(expression)(text):
        assert told in (text if cased else text.lower())


@pytest.mark.parametrize(
    ("expression", "told"),
    [
        ("abc.def", ("abc", True)),
        (r"a\.bcd*e", ("a.bc", True)),
        ("(?i)CMD.{0,5}", ("cmd", False)),
        ("(?i)power shell", ("power ", False)),
        ("abc|d", ("", True)),
        ("(abc)de[fg]h", ("de", True)),
        ("abc{2}d", ("abc", True)),
        ("(?U)abc", ("", True)),
    ],
)
def test_the_text_that_an_expression_needs_is_seen(expression: str, told: tuple[str, bool]):
    assert needed(expression) == told


def test_rules_of_one_field_wait_under_their_values_and_are_asked_once():
    field = Field(name="op", paths=(("api", "operation"),))
    rules: list[Condition] = [
        AnyOf(parts=(Test(operator=Operator.EQUALS, field=field, value="get"), Test(operator=Operator.EQUALS, field=field, value="put"))),
        Test(operator=Operator.EQUALS, field=field, value="put"),
        Not(part=Test(operator=Operator.EQUALS, field=field, value="put")),
    ]  # fmt: skip
    assert told(rules, {"api": {"operation": "PUT"}}, 1_000) == [0, 1]
    assert told(rules, {"api": {"operation": ["Put", "Get"]}}, 1_000) == [0, 1]
    assert told(rules, {"api": [{"operation": "Get"}, {}]}, 1_000) == [0, 2]
    assert told(rules, {}, 1_000) == [2]
