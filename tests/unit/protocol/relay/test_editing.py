"""Single strings are replaced; every other byte stays as it came."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bartizan.model.decision import Edit
from bartizan.model.errors import RemoteProtocolError
from bartizan.protocol.relay.editing import edited, pointer, replaced, with_front


def values(edits: dict[str, str]) -> list[Edit]:
    return [Edit(pointer=where, text=text) for where, text in edits.items()]


_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | _TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_TEXT, inner, max_size=3),
    max_leaves=12,
)


def test_a_string_is_replaced_and_the_spacing_of_the_rest_stays():
    text = '{ "a" : ["x",\t"y"] ,"b":"\\u0078" }'
    assert edited(text, values({"/a/1": "z"})) == '{ "a" : ["x",\t"z"] ,"b":"\\u0078" }'


def test_a_key_is_replaced_and_its_value_too():
    edits = [*values({"/a/b": "C"}), Edit(pointer="/a", text="A", key=True)]
    assert edited('{"a":{"b":"c"}}', edits) == '{"A":{"b":"C"}}'
    assert replaced({"a": {"b": "c"}}, edits) == {"A": {"b": "C"}}


def test_names_with_slashes_and_tildes_are_found():
    text = json.dumps({"a/b": {"~c": "x"}})
    assert json.loads(edited(text, values({pointer("a/b", "~c"): "y"}))) == {"a/b": {"~c": "y"}}


@pytest.mark.parametrize("where", ["/b", "/a/0", "/n", ""])
def test_what_is_no_string_or_not_there_is_refused(where: str):
    with pytest.raises(RemoteProtocolError):
        edited('{"a":"x","n":1}', values({where: "y"}))


def test_an_element_comes_to_the_front_of_an_array():
    assert (
        with_front('{"result":{"content":[]}}', ("result", "content"), {"a": 1}) == '{"result":{"content":[{"a":1}]}}'
    )
    assert with_front("[[ 1]]"[1:-1], (), 0) == "[0, 1]"
    with pytest.raises(RemoteProtocolError):
        with_front('{"result":{}}', ("result", "content"), 1)


def _strings(value: Any, at: str = "") -> list[str]:
    if isinstance(value, str):
        return [at]
    items = enumerate(value) if isinstance(value, list) else value.items() if isinstance(value, dict) else ()
    return [found for name, inner in items for found in _strings(inner, at + pointer(name))]


def _expected(value: Any, edits: dict[str, str], at: str = "") -> Any:
    if isinstance(value, str):
        return edits.get(at, value)
    if isinstance(value, list):
        return [_expected(inner, edits, at + pointer(number)) for number, inner in enumerate(value)]
    if isinstance(value, dict):
        return {name: _expected(inner, edits, at + pointer(name)) for name, inner in value.items()}
    return value


@given(value=_JSON, data=st.data(), new=_TEXT, indent=st.sampled_from([None, 1]))
def test_the_outcome_reads_as_the_value_with_these_strings_replaced(
    value: Any, data: st.DataObject, new: str, indent: int | None
):
    places = _strings(value)
    chosen = data.draw(st.lists(st.sampled_from(places), unique=True)) if places else []
    edits = dict.fromkeys(chosen, new)
    text = json.dumps(value, indent=indent)
    assert json.loads(edited(text, values(edits))) == _expected(value, edits)
    assert edited(text, []) == text
    if isinstance(value, dict):
        assert replaced(value, values(edits)) == _expected(value, edits)
