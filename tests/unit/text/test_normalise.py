"""Hostile text is shown as what it is."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bartizan.text.normalise import is_invisible, show


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain text", "plain text"),
        ("a\u200bb", "a‹U+200B›b"),
        ("\u202egnp.exe", "‹U+202E›gnp.exe"),
        ("\x1b[2Jgone", "‹U+001B›[2Jgone"),
        ("\U000e0068\U000e0069", "‹U+E0068›‹U+E0069›"),
        ("a\u00a0b\u3164c\ufe0f", "a‹U+00A0›b‹U+3164›c‹U+FE0F›"),
        ("line\nline\tend", "line⏎line⇥end"),
        ("Grüße, 世界", "Grüße, 世界"),
        ("\ud800", "‹U+D800›"),
    ],
)
def test_what_cannot_be_seen_stands_as_a_code_point(text: str, shown: str):
    assert show(text) == shown


def test_lines_stay_where_lines_are_wanted():
    assert show("a\n\tb\r", lines=True) == "a\n\tb‹U+000D›"


def test_a_long_text_is_cut_and_says_by_how_much():
    assert show("x" * 10, most=4) == "xxxx… (6 more characters)"


@given(st.text(alphabet=st.characters(), max_size=200))
def test_nothing_that_steers_a_terminal_or_hides_survives(text: str):
    for character in show(text):
        assert not is_invisible(character)
        assert unicodedata.category(character) not in {"Cc", "Cf", "Cs"}
