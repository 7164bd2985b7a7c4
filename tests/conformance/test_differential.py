"""What is accepted is understood alike by us, by Python's own reader and by Node's; what could be read in two ways is
refused."""

import json
import math
import struct
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tools.set_up import find_program

from bartizan.model.errors import RemoteProtocolError
from bartizan.protocol.jsonrpc import decode
from bartizan.protocol.relay.reading import Arrival, Reading, read
from fixtures.needs import needs
from fixtures.node_reader import NodeReader, node_reader

CALM = [HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
ARRIVAL = Arrival(uid="u", at=datetime(2026, 11, 20, tzinfo=UTC), server="s")


def as_node_shows(value: Any) -> Any:
    """The same form for a value of Python: all numbers are doubles, and `-0`, an integer here, is 0 like any zero."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int | float):
        return "n" + format(struct.unpack(">Q", struct.pack(">d", float(value) + 0.0))[0], "x")
    if isinstance(value, str):
        return "s" + value
    if isinstance(value, list):
        return [as_node_shows(one) for one in value]
    keys = sorted(value, key=lambda key: key.encode("utf-16-be"))
    return {"o": [[key, as_node_shows(value[key])] for key in keys]}


def exactly(value: Any) -> str:
    """A value of Python with the types of its numbers, 1 apart from 1.0 and 0.0 from -0.0."""
    return repr(value) if not isinstance(value, dict) else repr(sorted(value.items(), key=repr))


def ours(body: bytes) -> Any:
    """What we read, in a list of one; None where it is refused."""
    try:
        return [decode(body)]
    except RemoteProtocolError:
        return None


def pythons(body: bytes) -> Any:
    """What Python's own reader makes of it; a duplicate key keeps the last one there."""
    try:
        return [json.loads(body.decode())]
    except (ValueError, RecursionError):
        return None


@pytest.fixture(scope="module")
def node():
    with node_reader(find_program("node")) as reader:
        yield reader


# Texts of JSON as many writers would make them, and as none should.

ODD = st.sampled_from(
    ["\u0000", "\u001f", "\u007f", "\u2028", "\ufeff", "\ufffd", "\U0001f600", '"', "\\", "/", ":", ",", "e"]
)
WORDS = st.text(st.one_of(ODD, st.characters(codec="utf-8")), max_size=6)
NUMBERS = st.one_of(
    st.integers(),
    st.integers(min_value=2**53 - 2, max_value=2**66),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from([0, -0.0, 1e308, 5e-324, 2**63, 2**64, -(2**63) - 1, 1e22, 1e23]),
)
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), NUMBERS, WORDS),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(WORDS, inner, max_size=4)),
    max_leaves=12,
)


@st.composite
def texts(draw: st.DrawFn, value: Any = None, *, depth: int = 0) -> str:
    """One JSON text of a value: white space, escapes and the form of numbers are drawn."""
    value = draw(VALUES) if depth == 0 else value
    space = draw(st.sampled_from(["", "", "", " ", "\n", "\t\r "]))
    if isinstance(value, dict):
        members = [f"{string(draw, key)}{space}:{draw(texts(one, depth=1))}" for key, one in value.items()]
        return f"{space}{{{f'{space},'.join(members)}{space}}}"
    if isinstance(value, list):
        return f"[{','.join(draw(texts(one, depth=1)) for one in value)}{space}]"
    if isinstance(value, str):
        return space + string(draw, value)
    return json.dumps(value) + space


def string(draw: st.DrawFn, value: str) -> str:
    """A string with some of its characters as escapes."""
    plain = json.dumps(value, ensure_ascii=draw(st.booleans()))
    if not draw(st.booleans()):
        return plain
    at = draw(st.integers(0, len(value)))
    units = value[:at].encode("utf-16-be")
    escaped = "".join(f"\\u{units[i]:02x}{units[i + 1]:02X}" for i in range(0, len(units), 2))
    return f'"{escaped}{json.dumps(value[at:])[1:]}'


# Each makes of a text one that readers are known to differ over, or one that is no JSON.
HURTS = [
    b'"a":1,', b'"a":1,"a":2,', b'{"a":1,"\\u0061":2}', b'{"a":{"b":1,"b":2}}', b'{"__proto__":1}', b'{"":0,"":0}',
    b"NaN", b"-Infinity", b"1e999", b"-0", b"01", b"1.", b".5", b"+1", b"1e", b"0x1", b"1E400", b"1" * 401,
    b'"\\ud800"', b'"\\udc00\\ud800"', b'"\\ud83d\\ude00"', b'"\\uD800\\u0041"', b'"\xed\xa0\x80"', b"\xff",
    b"\xc0\xaf", b"\xef\xbb\xbf", b"\x00", b"\x0b", b"\xc2\xa0", b"//\n", b"/**/", b",", b"]", b"}", b"'a'", b'"\n"',
    b'"\\x41"', b'"\\u00"', b"[" * 70, b"{}", b":", b'":"', b"true", b"nul", b"undefined", b'"\\/"', b"1:2",
]  # fmt: skip


@st.composite
def bodies(draw: st.DrawFn) -> bytes:
    """A text, hurt in up to three places."""
    body = draw(texts()).encode()
    for _ in range(draw(st.integers(0, 3))):
        at = draw(st.integers(0, len(body)))
        cut = draw(st.integers(0, min(3, len(body) - at)))
        body = body[:at] + draw(st.one_of(st.sampled_from(HURTS), st.binary(max_size=2))) + body[at + cut :]
    return body


def check_alike(body: bytes, node: NodeReader) -> None:
    mine = ours(body)
    if mine is None:
        return
    theirs = pythons(body)
    assert theirs is not None, body
    assert exactly(mine) == exactly(theirs), body
    assert [as_node_shows(mine[0])] == node.read(body), body


@needs("node")
@given(body=bodies())
@settings(max_examples=400, deadline=None, suppress_health_check=CALM)
def test_what_is_accepted_is_read_alike_by_three_readers(node, body):
    check_alike(body, node)


@pytest.mark.slow
@needs("node")
@given(body=bodies())
@settings(max_examples=4_000, deadline=None, suppress_health_check=CALM)
def test_over_many_bodies_what_is_accepted_is_read_alike_by_three_readers(node, body):
    check_alike(body, node)


@needs("node")
@given(text=texts())
@settings(max_examples=300, deadline=None, suppress_health_check=CALM)
def test_what_is_well_formed_is_accepted(node, text):
    """Refusing everything would be no reading."""
    assert ours(text.encode()) is not None
    check_alike(text.encode(), node)


@needs("node")
@pytest.mark.parametrize("hurt", HURTS, ids=lambda hurt: ascii(hurt)[:30])
def test_each_known_difference_is_refused_or_read_alike_wherever_it_stands(node, hurt):
    for body in (
        hurt,
        b"[%b]" % hurt,
        b'{"a":%b}' % hurt,
        b'{"a":0,%b}' % hurt,
        b'{"jsonrpc":"2.0"}%b' % hurt,
        b'{"a":[{"b":%b}],"c":0}' % hurt,
    ):
        check_alike(body, node)


META = {"io.modelcontextprotocol/protocolVersion": "2026-07-28", "io.modelcontextprotocol/clientCapabilities": {}}


@needs("node")
@given(
    name=WORDS,
    arguments=st.dictionaries(WORDS, VALUES, max_size=3),
    hurts=st.lists(st.sampled_from(HURTS), max_size=1),
    at=st.floats(0, 1),
)
@settings(max_examples=300, deadline=None, suppress_health_check=CALM)
def test_what_policy_judges_is_what_another_reader_would_do(node, name, arguments, hurts, at):
    """Tool and arguments as the guards see them are those that a server of another house reads in the same bytes."""
    message = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": name, "arguments": arguments}}
    body = json.dumps(message).encode()
    for hurt in hurts:
        where = math.floor(at * len(body))
        body = body[:where] + hurt + body[where:]
    reading = read("POST", (("content-type", "application/json"),), body, ARRIVAL)
    if not isinstance(reading, Reading) or reading.batch:
        return
    call = reading.items[0].call
    understood = node.read(body)
    assert understood is not None
    members = dict(understood[0]["o"])
    assert members["method"] == "s" + call.method
    if call.method == "tools/call":
        params = dict(members["params"]["o"])
        assert params["name"] == "s" + call.target
        assert params.get("arguments", {"o": []}) == as_node_shows(call.arguments)
