"""Bytes to records: cut anywhere, wrongly encoded, too long, truncated. What is passed over is told."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bartizan.detect.audit_groups import AuditGroups
from bartizan.detect.framing import Blocks, Framed, Framer, Lines
from bartizan.detect.json_documents import JsonDocuments
from bartizan.model.limits import Limits
from bartizan.model.source_event import Unparsed

SMALL = Limits(raw_record_bytes_max=100, raw_document_bytes_max=1000, audit_groups_max=2)


def told(framer: Framer, data: bytes, size: int = 10_000) -> list[tuple[bytes, int] | str]:
    found = [one for at in range(0, len(data), size) for one in framer.feed(data[at : at + size])]
    return [
        (one.raw, one.at) if isinstance(one, Framed) else f"{one.at}: {one.reason}" for one in (*found, *framer.end())
    ]


def test_lines_have_their_numbers_and_empty_ones_are_none():
    assert told(Lines(100), b"one\r\n\n  \ntwo") == [(b"one", 1), (b"two", 4)]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
@pytest.mark.parametrize("size", [1, 2, 3, 1000])
def test_a_byte_order_mark_says_how_to_read_the_rest(encoding: str, size: int):
    assert told(Lines(100), "Zürich\nBern\n".encode(encoding), size) == [("Zürich".encode(), 1), (b"Bern", 2)]


def test_a_line_that_is_too_long_is_told_and_the_next_one_read():
    found = told(Lines(100), b"a\n" + b"x" * 50_000_000 + b"\nb\n", 65_536)
    assert found == [(b"a", 1), "2: 50000000 bytes: longer than raw_record_bytes_max (100)", (b"b", 3)]


def test_nul_bytes_of_a_truncated_log_do_not_hide_the_record_behind_them():
    found = told(Lines(100), b"a\n" + b"\0" * 5000 + b"b\n", 64)
    assert found == [(b"a", 1), "2: 5000 NUL bytes where a line should begin", (b"b", 2)]


def test_what_is_told_of_a_record_holds_no_secret():
    token = "gh" + "p_" + "9fKz2LqXw7RtYb3NcVm5HsJd8GpAe4Tu6Qi1"
    (found,) = [one for one in Lines(10).feed(f"key {token}\n".encode()) if isinstance(one, Unparsed)]
    assert token not in found.begin
    assert found.begin.startswith("key ")


def test_json_is_read_as_lines_arrays_and_objects_around_an_array():
    data = b'{"a":1}\n[{"a":2},{"a":3}]\n{"x":0,"Records":[{"a":4}]}\n{"say":"\\"Records\\""}\n'
    assert told(JsonDocuments(["Records"]), data) == [
        (b'{"a":1}', 1),
        (b'{"a":2}', 2),
        (b'{"a":3}', 2),
        (b'{"a":4}', 3),
        (b'{"say":"\\"Records\\""}', 4),
    ]


def test_a_document_over_many_lines_is_one_where_the_file_is_whole():
    data = json.dumps({"Records": [{"a": "}"}, {"b": 1}]}, indent=2).encode() + b'\n{"c":1}\n'
    found = told(JsonDocuments(["Records"], whole=True), data)
    assert [(json.loads(raw), at) for raw, at in found] == [({"a": "}"}, 1), ({"b": 1}, 1), ({"c": 1}, 11)]


def test_an_array_with_a_record_on_each_line_is_read_either_way():
    data = b'[\n{"a":1},\n{"a":2}\n]\n'
    assert [raw for raw, _ in told(JsonDocuments(whole=True), data)] == [b'{"a":1}', b'{"a":2}']
    assert [raw for raw, _ in told(JsonDocuments(), data)] == [b'{"a":1}', b'{"a":2}']


def test_a_bracket_that_nobody_closes_hides_nothing():
    assert told(JsonDocuments(whole=True), b'{\n{"a":1}\n{"a":2}\n') == [(b"{", 1), (b'{"a":1}', 2), (b'{"a":2}', 3)]


def test_a_document_that_grows_too_large_is_read_line_by_line():
    data = b'{"a":[\n' + b'{"b":1}\n' * 30
    found = told(JsonDocuments(limits=SMALL, whole=True), data)
    assert len(found) == 31
    assert found[1] == (b'{"b":1}', 2)


def test_a_record_of_a_document_that_is_too_large_is_told():
    found = told(JsonDocuments(limits=SMALL), b'[{"a":1},"' + b"x" * 200 + b'"]\n')
    assert found == [(b'{"a":1}', 1), "1: longer than raw_record_bytes_max"]


def test_blocks_lie_between_empty_lines():
    assert told(Blocks(), b"# add\ndn: a\n\n\n# modify\ndn: b\n") == [(b"# add\ndn: a", 1), (b"# modify\ndn: b", 5)]


def test_a_block_without_end_is_told():
    assert told(Blocks(SMALL), b"line of ten\n" * 9 + b"\nb\n")[0] == "1: longer than raw_record_bytes_max"


def audit(kind: str, second: int, serial: int) -> bytes:
    return f"type={kind} msg=audit({second}.000:{serial}): pid=1".encode()


def test_records_of_one_audit_event_come_together_however_they_lie():
    lines = [audit("SYSCALL", 9, 1), audit("SYSCALL", 9, 2), audit("CWD", 9, 1), audit("PATH", 9, 2)]
    found = told(AuditGroups(), b"\n".join([*lines, audit("EOE", 9, 1), audit("PROCTITLE", 9, 2)]))
    assert found == [
        (b"\n".join([lines[0], lines[2], audit("EOE", 9, 1)]), 1),
        (b"\n".join([lines[1], lines[3], audit("PROCTITLE", 9, 2)]), 2),
    ]


def test_an_audit_event_whose_end_was_lost_ends_when_later_ones_come():
    later = [audit("SYSCALL", 12, number) for number in range(2, 12)]
    framer = AuditGroups()
    found = framer.feed(b"\n".join([audit("SYSCALL", 9, 1), *later]) + b"\n")
    assert [one.raw for one in found if isinstance(one, Framed)] == [audit("SYSCALL", 9, 1)]


def test_no_more_audit_events_wait_than_may():
    data = b"\n".join(audit("SYSCALL", 9, serial) for serial in range(5))
    framer = AuditGroups(SMALL)
    assert len(list(framer.feed(data + b"\n"))) == 3
    assert len(list(framer.end())) == 2


@given(data=st.binary(max_size=300), size=st.integers(1, 50))
def test_no_bytes_are_lost_silently(data: bytes, size: int):
    for framer in (Lines(40), JsonDocuments(["Records"], SMALL, whole=True), Blocks(SMALL), AuditGroups(SMALL)):
        found = told(framer, data, size)
        nothing = b"\0 \t\r\n\v\f,[]"  # white space, and arrays without a record
        text = data.removeprefix(b"\xef\xbb\xbf").removeprefix(b"\xff\xfe").removeprefix(b"\xfe\xff")
        assert found or not text.translate(None, nothing)
