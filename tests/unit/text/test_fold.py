"""Spelling tricks change nothing for a judge, and every folded character knows where it came from."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bartizan.text.fold import fold, fold_with_places


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("Ignore  ALL\n previous", "ignore all previous"),
        ("ig\u200bnore", "ignore"),
        ("Ignоrе", "ignore"),  # Cyrillic о and е in a Latin word
        ('ign"о"re', "ignore"),  # a mark parts no word
        ("İ", "i\u0307"),
        ("привет", "привет"),  # a word of its own script stays
        ("ＩＧＮＯＲＥ ﬁle", "ignore file"),
        ('`read` **the** "file" “now”', "read the file now"),
        ("\U000e0041bc", "bc"),
        ("", ""),
    ],
)
def test_folding_levels_what_only_looks_different(text: str, folded: str):
    assert fold(text) == folded
    assert fold_with_places(text).text == folded


@given(st.text(max_size=200))
def test_both_foldings_agree_where_the_text_is_one_that_people_write(text: str):
    if text.isascii():
        assert fold_with_places(text).text == fold(text)
    places = fold_with_places(text).places
    assert len(places) == len(fold_with_places(text).text)
    assert list(places) == sorted(places)
    assert all(0 <= place < len(text) for place in places)


@given(st.text(max_size=200))
def test_folding_twice_is_folding_once(text: str):
    once = fold(text)
    assert fold(once) == once
