"""The core of an expression is in every text that the expression matches, so looking for it first loses nothing."""

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bartizan.app.bootstrap import content_packages
from bartizan.app.content import load_content
from bartizan.text.cores import core
from bartizan.text.regex import Finder, OnePassSet, PatternSet

RULES = load_content(content_packages())[1]
EXPRESSIONS = [pattern.text for rule in RULES for pattern in rule.check.patterns]
ALL = PatternSet(EXPRESSIONS)
ALONE = [Finder(expression) for expression in EXPRESSIONS]
WORDS = sorted({word for expression in EXPRESSIONS for word in re.findall(r"[a-z]{2,}|[/.~|`<>=]", expression)})


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        (r"\bsend [^.]{0,80} credentials\b", r" credentials\b"),
        (r"(read|open)[^.]{0,40}(credentials|passwords)", r"(credentials|passwords)"),
        (r"(?:the|any) (?:key[^.]*of the vault|password)", r"(?:the|any) |(?:of the vault|password)"),
        (r"(?i)ignore .* instructions", r"(?i) instructions"),
        (r"[^ ]+", ""),
        (r"\Qa.b\E", r"\Qa.b\E"),
        (r"a(?i)b.*c", r"a(?i)b.*c"),
        (r"x(?:a|b", r"x(?:a|b"),
    ],
)
def test_the_rarest_run_between_gaps_is_kept(expression: str, expected: str):
    told = core(expression)
    assert told == expected or expected.endswith(told) or told in expected


@given(st.lists(st.sampled_from(WORDS), max_size=40), st.sampled_from([" ", "", ". ", "_", "\n"]))
def test_no_match_is_lost_in_a_text_of_the_words_of_the_patterns(words: list[str], between: str):
    text = between.join(words)
    alone = {number: place for number, one in enumerate(ALONE) if (place := one.first(text))}
    assert dict(ALL.places(text)) == alone
    assert ALL.matching(text) == sorted(alone)
    assert set(alone) <= set(ALL.possible(text))
    assert ALL.any_in(text) == bool(alone)


@st.composite
def expressions(draw: st.DrawFn) -> str:
    """Expressions that Python and RE2 read alike."""
    atom = st.sampled_from(["a", "b", "c", " ", ".", "[^a]", "[ab]", r"\w", r"\s", r"\b", "é"])
    piece = st.tuples(atom, st.sampled_from(["", "", "", "?", "+", "{0,8}", "{2}"])).map(
        lambda pair: pair[0] if pair[0] == r"\b" else "".join(pair)
    )
    sequence = st.lists(piece, min_size=1, max_size=4).map("".join)
    group = st.tuples(st.lists(sequence, min_size=1, max_size=3), st.sampled_from(["", "?", "{1,2}"])).map(
        lambda pair: f"(?:{'|'.join(pair[0])}){pair[1]}"
    )
    return "".join(draw(st.lists(sequence | group, min_size=1, max_size=4)))


@given(st.lists(expressions(), min_size=1, max_size=20), st.text(alphabet="abc é.\n", max_size=40))
@example(["a"], "\x00\x01\x02")
def test_many_expressions_find_what_each_finds_alone_and_what_python_finds(told: list[str], text: str):
    found = PatternSet(told)
    places = dict(found.places(text))
    assert places == {number: place for number, one in enumerate(told) if (place := Finder(one).first(text))}
    for number, expression in enumerate(told):
        python = re.search(expression, text, re.ASCII)
        assert (number in places) == (python is not None)


@given(expressions(), st.text(alphabet="abc é.", max_size=30))
def test_the_core_is_where_the_expression_is(expression: str, text: str):
    if Finder(expression).first(text):
        assert Finder(core(expression)).first(text)


def test_a_text_with_lone_surrogates_and_wide_letters_keeps_its_places():
    text = "é\ud800𝕊 password"
    assert PatternSet(["password"]).places(text) == [(0, (4, 12))]


def test_an_automaton_without_room_is_refused_and_its_expressions_are_searched_one_by_one():
    large = [f"(?:{letter}[^a-f]{{1,300}}){{1,3}}x" for letter in "abcdefghijklmnopqrstuvwxyz"]
    with pytest.raises(OverflowError):
        OnePassSet(large * 40)
    found = PatternSet([*large * 4, "needle"])
    assert len(large) * 4 in found.matching("a needle")


def test_a_malformed_expression_is_named():
    with pytest.raises(ValueError, match="missing"):
        PatternSet(["(a"])
