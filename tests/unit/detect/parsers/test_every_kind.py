"""What holds for the parser of every kind: valid OCSF, nothing lost, and no record that stops it."""

import copy
import json
import re

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bartizan.detect.framing import Framed
from bartizan.detect.parsers.registry import PARSERS, framer_of
from bartizan.detect.parsing import MalformedError
from bartizan.model.source_event import SourceEvent, Unparsed
from bartizan.ports import ParserSettings
from fixtures.corpora import corpus
from fixtures.ocsf import OcsfSchema
from fixtures.parsing import events, lost, parsed, records_of, sample

KINDS = sorted(PARSERS)


@pytest.fixture(scope="module")
def schema() -> OcsfSchema:
    return OcsfSchema(corpus("schemas", "ocsf"))


@pytest.mark.parametrize("kind", KINDS)
def test_its_samples_are_valid_events(kind: str, schema: OcsfSchema):
    found = events(kind, sample(kind))
    assert len(found) >= 2
    for one in found:
        assert schema.mistakes_of_any(one.record) == [], one.record
        assert (one.uid, one.time, one.kind) == (one.record["metadata"]["uid"], one.record["time"], kind)
        assert one.record["metadata"]["log_name"] == kind
        assert one.record["raw_data"]


@pytest.mark.parametrize("kind", KINDS)
def test_every_native_value_is_where_the_field_map_says(kind: str):
    parser = PARSERS[kind](ParserSettings())
    for one in records_of(kind, sample(kind)):
        assert isinstance(one, Framed)
        native = parser.read(one.raw).native
        event = PARSERS[kind](ParserSettings()).event(copy.deepcopy(native))
        assert lost(kind, native, event) == []


@pytest.mark.parametrize("kind", KINDS)
def test_its_times_are_known_and_its_uids_differ(kind: str):
    found = events(kind, sample(kind))
    assert all(one.time > 0 for one in found)
    assert len({one.uid for one in found}) == len(found)


@pytest.mark.parametrize("kind", KINDS)
def test_equal_input_gives_equal_events(kind: str):
    assert parsed(kind, sample(kind)) == parsed(kind, sample(kind))


@pytest.mark.parametrize("kind", KINDS)
def test_it_does_not_matter_where_the_bytes_are_cut(kind: str):
    data = sample(kind)
    for size in (1, 7, 1000):
        framer = framer_of(kind, whole=True)
        found = [one for at in range(0, len(data), size) for one in framer.feed(data[at : at + size])]
        assert [*found, *framer.end()] == records_of(kind, data)


JUNK = [
    b"",
    b"\0",
    b"{",
    b"[]",
    b"{}",
    b"null",
    b'""',
    b"\xff\xfe",
    b"{" * 5000,
    b'{"a":' * 5000,
    b'{"a":"\\ud800"}',
    b"x" * 100,
]


@pytest.mark.parametrize("kind", KINDS)
def test_junk_is_an_event_or_told(kind: str):
    for raw in JUNK:
        for one in PARSERS[kind](ParserSettings()).feed(raw, 3):
            assert isinstance(one, SourceEvent) or (one.at == 3 and one.reason)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
_NUMBER = re.compile(rb"\d+")


def mutated(data: st.DataObject, raw: bytes) -> bytes:
    """The record with something else in it: bytes cut, doubled or replaced, or a value of another type."""
    try:
        native = json.loads(raw)
    except ValueError:
        native = None
    if isinstance(native, dict) and native and data.draw(st.booleans()):
        place = native
        for _ in range(4):
            name = data.draw(st.sampled_from(sorted(place)))
            inner = place[name]
            if not (isinstance(inner, dict) and inner) or data.draw(st.booleans()):
                place[name] = data.draw(VALUES)
                return json.dumps(native).encode(errors="surrogatepass")
            place = inner
    start = data.draw(st.integers(0, len(raw)))
    end = data.draw(st.integers(start, min(len(raw), start + 40)))
    return raw[:start] + data.draw(st.binary(max_size=12)) + raw[end:]


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=15, deadline=None)
@given(data=st.data())
def test_mutated_records_are_events_or_told(kind: str, data: st.DataObject):
    raws = [one.raw for one in records_of(kind, sample(kind)) if isinstance(one, Framed)]
    raw = mutated(data, data.draw(st.sampled_from(raws)))
    parser = PARSERS[kind](ParserSettings())
    for one in [*parser.feed(raw, 1), *parser.end()]:
        if isinstance(one, SourceEvent):
            msgspec.json.encode(one.record)
        else:
            assert one.reason


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=15, deadline=None)
@given(data=st.data())
def test_mutated_json_stays_valid_and_loses_nothing(kind: str, data: st.DataObject, schema: OcsfSchema):
    raws = [one.raw for one in records_of(kind, sample(kind)) if isinstance(one, Framed)]
    raw = mutated(data, data.draw(st.sampled_from(raws)))
    parser = PARSERS[kind](ParserSettings())
    try:
        native = parser.read(raw).native
        event = parser.event(copy.deepcopy(native))
    except MalformedError:
        return
    assert lost(kind, native, event) == []
    for one in PARSERS[kind](ParserSettings()).feed(raw, 1):
        if not isinstance(one, Unparsed):
            assert schema.mistakes_of_any(one.record) == []
