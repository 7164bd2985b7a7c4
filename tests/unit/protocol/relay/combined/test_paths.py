"""Changes in a message's own text: what is named changes, every other byte stays."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bartizan.model.errors import RemoteProtocolError
from bartizan.protocol.relay.combined.paths import EACH, changes, places, with_members
from bartizan.protocol.relay.rewriting import replaced

TEXT = '{ "a" : [ {"u":"é\\u00e9", "n":1.0e2} ,{"u" : 2},{"v":{"u":"x"}} ] , "b":{} }'


def test_a_value_is_put_in_and_the_bytes_around_it_stay():
    assert replaced(
        TEXT, changes(TEXT, ("a", EACH, "u"), lambda old: f"<{old}>" if old != 2 else None)
    ) == TEXT.replace('"é\\u00e9"', '"<éé>"')


@pytest.mark.parametrize("path", [("c",), ("a", "u"), ("b", EACH), ("a", EACH, "u", "x"), ("b", "u")])
def test_a_path_that_leads_nowhere_changes_nothing(path):
    assert list(places(TEXT, path)) == []
    assert replaced(TEXT, changes(TEXT, path, lambda _: "new")) == TEXT


def test_members_are_added_to_an_object_that_is_there():
    assert with_members(TEXT, ("b",), {"x": 1}) == TEXT.replace('"b":{}', '"b":{"x":1}')
    assert with_members(TEXT, ("b",), {}) == TEXT
    assert json.loads(with_members(TEXT, (), {"x": "é"}))["x"] == "é"
    with pytest.raises(RemoteProtocolError, match="no object at a"):
        with_members(TEXT, ("a",), {"x": 1})


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from("abcé"), inner, max_size=4),
)


def changed(value: Any, path: tuple[str, ...]) -> Any:
    """The oracle: the same change on the decoded value."""
    if not path:
        return "NEW"
    if path[0] == EACH:
        return [changed(one, path[1:]) for one in value] if isinstance(value, list) else value
    if isinstance(value, dict) and path[0] in value:
        return {**value, path[0]: changed(value[path[0]], path[1:])}
    return value


@given(JSON, st.lists(st.sampled_from(["a", "b", "é", EACH]), max_size=3), st.booleans(), st.sampled_from([None, 1]))
def test_the_text_says_what_the_same_change_of_the_value_says(value, path, plain, indent):
    text = json.dumps(value, ensure_ascii=plain, indent=indent)
    assert json.loads(replaced(text, changes(text, tuple(path), lambda _: "NEW"))) == changed(value, tuple(path))
