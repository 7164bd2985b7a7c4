"""Framing: however the bytes are cut, the same messages come out; nothing grows without bound."""

import itertools
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bartizan.model.errors import LimitExceededError
from bartizan.model.limits import Limits
from bartizan.protocol.framing import Events, Lines, ServerSentEvent

SMALL = Limits(message_bytes_max=100, sse_event_bytes_max=100)


def feed_in_pieces(framing, data: bytes, cuts: list[int]) -> list:
    places = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    return [item for start, end in itertools.pairwise(places) for item in framing.feed(data[start:end])]


@given(st.lists(st.binary(max_size=20)), st.lists(st.integers(0, 1000), max_size=10))
def test_lines_do_not_depend_on_how_they_are_cut(pieces, cuts):
    data = b"\n".join(pieces) + b"\n"
    expected = [line.strip(b" \t\r") for line in data.split(b"\n") if line.strip(b" \t\r")]
    assert feed_in_pieces(Lines(), data, cuts) == expected


def test_line_that_is_too_long_is_refused_before_it_is_whole():
    lines = Lines(SMALL)
    assert lines.feed(b"x" * 60) == []
    with pytest.raises(LimitExceededError, match="message_bytes_max"):
        lines.feed(b"x" * 60)


def test_line_without_its_newline_is_no_message():
    lines = Lines()
    assert lines.feed(b'{"half') == []
    assert lines.unfinished == 6


@pytest.mark.parametrize("framing", [Lines, Events])
@pytest.mark.parametrize("piece", [b"\n", b"\r\n", b"a", b":\n", b" "])
def test_cost_is_linear_in_what_comes_in(framing, piece):
    limits = Limits(message_bytes_max=10**8, sse_event_bytes_max=10**8)
    began = time.process_time()
    reader = framing(limits)
    for _ in range(64):
        reader.feed(piece * (65536 // len(piece)))
    assert time.process_time() - began < 5  # 4 MB; quadratic work takes minutes


STREAM = b"""\xef\xbb\xbf: a comment
data: first

event: endpoint
data:/messages?x=1
id: 7
retry: 2500

data
data:  two

event: nothing

id: bad\x00id
data: last

data: never finished"""

EVENTS = [
    ServerSentEvent(data=b"first"),
    ServerSentEvent(event="endpoint", data=b"/messages?x=1", id="7"),
    ServerSentEvent(data=b"\n two", id="7"),
    ServerSentEvent(data=b"last", id="7"),
]


@pytest.mark.parametrize("end", [b"\n", b"\r", b"\r\n"])
@given(cuts=st.lists(st.integers(0, 1000), max_size=30))
def test_events_do_not_depend_on_line_ends_or_cuts(end, cuts):
    events = Events()
    assert feed_in_pieces(events, STREAM.replace(b"\n", end), cuts) == EVENTS
    assert events.retry_milliseconds == 2500


@given(st.binary(max_size=400), st.lists(st.integers(0, 1000), max_size=10))
def test_any_bytes_give_the_same_events_whole_or_in_pieces(data, cuts):
    assert feed_in_pieces(Events(), data, cuts) == Events().feed(data)


@pytest.mark.parametrize("flood", [b"x" * 200, b"data: y\n" * 50, b"data\n" * 200])
def test_event_that_is_too_large_is_refused(flood):
    with pytest.raises(LimitExceededError, match="sse_event_bytes_max"):
        feed_in_pieces(Events(SMALL), flood, list(range(0, len(flood), 7)))


def test_comments_and_finished_events_do_not_count_against_the_next_event():
    events = Events(SMALL)
    for _ in range(50):
        assert len(events.feed(b": keep-alive\ndata: 0123456789\n\n")) == 1
