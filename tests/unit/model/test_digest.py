"""Digests: what differs has another one."""

from hypothesis import given
from hypothesis import strategies as st

from bartizan.model.digest import digest_of_texts

ROWS = st.lists(st.lists(st.text(alphabet="a0:[\0\ud800", max_size=3), max_size=3), max_size=3)


@given(ROWS, ROWS)
def test_only_equal_rows_have_an_equal_digest(one: list[list[str]], other: list[list[str]]):
    assert (digest_of_texts(*one) == digest_of_texts(*other)) == (one == other)
