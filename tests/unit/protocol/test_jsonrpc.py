"""Strict reading: what we accept, Python's and Node's parsers read as we do; what they differ on is refused."""

import base64
import json
import math
import shutil
import subprocess
import time

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from bartizan.model.errors import LimitExceededError, LocalProtocolError, RemoteProtocolError
from bartizan.model.limits import Limits
from bartizan.protocol import jsonrpc
from bartizan.protocol.jsonrpc import decode, encode, envelope

REFUSED = {
    "the same key twice": b'{"a":1,"a":2}',
    "twice, one of them escaped": b'{"ignore":1,"\\u0069gnore":2}',
    "twice, deep inside": b'[{"a":[{"b":1,"b":1}]}]',
    "invalid UTF-8": b'"\xc3\x28"',
    "overlong UTF-8": b'"\xc0\xaf"',
    "an encoded surrogate": b'"\xed\xa0\x80"',
    "a lone escaped surrogate": b'"\\ud800"',
    "a lone surrogate as a key": b'{"\\udc00":1}',
    "surrogates in the wrong order": b'"\\udc00\\ud800"',
    "NaN": b"NaN",
    "an infinity": b"-Infinity",
    "a number that is infinite as a double": b"1e999",
    "an integer that is infinite as a double": b"9" * 350,
    "trailing bytes": b"{} {}",
    "a comma too many": b"[1,]",
    "a control character": b'"\x01"',
    "a byte order mark": b"\xef\xbb\xbf{}",
    "another encoding": '{"a":1}'.encode("utf-16"),
    "nothing": b"",
    "a comment": b"/**/{}",
    "single quotes": b"{'a':1}",
    "a leading zero": b"01",
    "a form feed": b"\x0c1",
}


@pytest.mark.parametrize("body", REFUSED.values(), ids=REFUSED.keys())
def test_what_two_parsers_may_read_differently_is_refused(body):
    with pytest.raises(RemoteProtocolError):
        decode(body)


@pytest.mark.parametrize(
    ("body", "limit"),
    [
        (b"[" * 65 + b"]" * 65, "json_depth_max"),
        (b"[" * 2_000_000, "json_depth_max"),
        (b'{"a":' * 100_000, "json_depth_max"),
        (b"[" + b"[]," * 3_000_000 + b"0]", "json_values_max"),
        (b'""' * 4_000_000, "json_values_max"),
        (b"1" * 401, "json_integer_digits_max"),
        (b"0." + b"1" * 500, "json_integer_digits_max"),
        (b'"' + b"x" * 2000 + b'"', "message_bytes_max"),
    ],
)
def test_excess_is_refused_by_its_limit(body, limit):
    limits = Limits(message_bytes_max=1000) if limit == "message_bytes_max" else Limits()
    with pytest.raises(LimitExceededError, match=limit):
        decode(body, limits)


def test_largest_message_costs_a_few_seconds_at_most():
    began = time.process_time()
    assert len(decode(b"[" + b"[]," * 900_000 + b"0]")) == 900_001
    assert time.process_time() - began < 10


def test_brackets_in_strings_are_not_depth():
    assert decode(b'["' + b"[" * 500 + b'\\"]"]') == ["[" * 500 + '"]']


def test_surrogate_pairs_are_read():
    assert decode(b'"\\ud83d\\ude00"') == "\U0001f600"


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
TOKENS = st.lists(
    st.sampled_from(
        ["{", "}", "[", "]", ":", ",", '"a"', '"\\u0061"', '"__proto__"', "1", "-0", "1e5", "1E400", "0.1", "true",
         "null", "NaN", " ", "\n", '"\\ud800"', '"\\ud83d\\ude00"', "12345678901234567890", '"\\/"', "\ufeff", "\u2028"]
    ),
    max_size=14,
).map("".join)  # fmt: skip
TEXTS = VALUES.map(lambda value: json.dumps(value, ensure_ascii=False)) | VALUES.map(json.dumps) | TOKENS


def accepted(body: bytes):
    try:
        return True, decode(body)
    except RemoteProtocolError:
        return False, None


@given(TEXTS.map(lambda text: text.encode("utf-8", "surrogatepass")) | st.binary(max_size=40))
@example(b'{"a":[1,{"b":"\\u0000"}]}')
def test_what_we_accept_python_reads_equally(body):
    ours, value = accepted(body)
    if ours:
        assert repr(json.loads(body)) == repr(value)


# Members whose keys repeat, under any spelling, among strings that look like members.
NAMES = st.sampled_from(['"a"', '"b"', '"\\u0061"', '"a:"', '":"', '"\\u003a"', '"\\\\u003a"', '"\\"b\\":1"', '"é:"'])
MEMBERS = st.recursive(
    NAMES | st.sampled_from(["1", "-0.5", "[]", "{}", "1" * 300, "1" * 320, "1" * 401, "0." + "3" * 420]),
    lambda inner: (
        st.lists(st.tuples(NAMES, inner).map(": ".join), max_size=4).map(lambda parts: "{" + ",".join(parts) + "}")
        | st.lists(inner, max_size=3).map(lambda parts: "[" + ", ".join(parts) + "]")
    ),
    max_leaves=10,
)


@given((TEXTS | MEMBERS).map(lambda text: text.encode("utf-8", "surrogatepass")) | st.binary(max_size=40))
@example(b'{"a":{"b":1,"b":":"}}')
@example(b'{"a":":","a":2}')
@example(b'{"a":1,"a":2,"\\u003a":3}')
@example(b'{"x":"' + b"y" * 31 + b'","n":' + b"1" * 401 + b"}")
@example(b"[" * 64 + b"]" * 64)
@example(b"[" * 65 + b"]" * 65)
def test_the_quick_reader_reads_as_the_thorough_one_or_is_not_sure(body):
    quick = jsonrpc._quickly(body, Limits().json_depth_max)
    if quick is jsonrpc._UNSURE:
        return
    assert repr(quick) == repr(jsonrpc._thoroughly(body, Limits()))


@pytest.mark.parametrize(
    "body",
    [
        b'{"a":{"b":[1,-2.5,"text"]},"c":"\\n"}',
        b'{"url":"https://example.com:8080","t":"12:30","e":"{\\"a\\":1}"}',
        b'{"text":"' + b"The quick brown fox. " * 3_000 + b'"}',
        '["caf\u00e9"]'.encode(),
    ],
)
def test_what_clients_and_servers_mostly_send_is_read_quickly(body):
    assert jsonrpc._quickly(body, Limits().json_depth_max) == json.loads(body)


NODE = shutil.which("node")
# Reads one base64 text per line; answers with what it read in a form that tells types and every code unit apart.
NODE_SCRIPT = """
const show = v => v === null ? 'n' : typeof v === 'boolean' ? 'b' + v
  : typeof v === 'number' ? 'd' + (v === 0 ? 0 : v).toString(2)
  : typeof v === 'string' ? 's' + Buffer.from(v, 'utf16le').toString('hex')
  : Array.isArray(v) ? '[' + v.map(show).join(',') + ']'
  : '{' + Object.keys(v).map(k => [show(k), show(v[k])].join(':')).sort().join(',') + '}';
const decoder = new TextDecoder('utf-8', {fatal: true, ignoreBOM: true});
require('readline').createInterface({input: process.stdin}).on('line', line => {
  try { console.log(show(JSON.parse(decoder.decode(Buffer.from(line, 'base64'))))); } catch { console.log('refused'); }
});
"""


def shown(value) -> str:
    """The same form; numbers compare as doubles, which is all that Node has."""
    match value:
        case None:
            return "n"
        case bool():
            return f"b{str(value).lower()}"
        case int() | float():
            return "d" + binary(float(value))
        case str():
            return "s" + value.encode("utf-16-le").hex()
        case list():
            return "[" + ",".join(map(shown, value)) + "]"
    return "{" + ",".join(sorted(f"{shown(key)}:{shown(item)}" for key, item in value.items())) + "}"


def binary(number: float) -> str:
    """A double in exact binary digits, as JavaScript's `toString(2)` writes it."""
    if number == 0:
        return "0"
    sign, number = "-" if number < 0 else "", abs(number)
    mantissa, exponent = math.frexp(number)
    digits = int(mantissa * 2**53)
    places = 53 - exponent
    if places <= 0:
        return sign + bin(digits << -places)[2:]
    whole, rest = digits >> places, digits & ((1 << places) - 1)
    fraction = bin(rest)[2:].rjust(places, "0").rstrip("0") if rest else ""
    return sign + bin(whole)[2:] + ("." + fraction if fraction else "")


@pytest.fixture(scope="module")
def node():
    with subprocess.Popen(
        [str(NODE), "-e", NODE_SCRIPT], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        yield process
        assert process.stdin
        process.stdin.close()
        process.wait(10)


@pytest.mark.skipif(not NODE, reason="needs Node.js")
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=300)
@given(body=TEXTS.map(lambda text: text.encode("utf-8", "surrogatepass")) | st.binary(max_size=40))
@example(body=b'{"__proto__":{"a":1}}')
@example(body=b'{"2":1,"1":2,"constructor":null}')
@example(body=b"18446744073709551615")
@example(body=b"5e-324")
@example(body=b"1" * 300)
def test_what_we_accept_node_reads_equally(node, body):
    ours, value = accepted(body)
    if ours:
        node.stdin.write(base64.b64encode(body).decode() + "\n")
        node.stdin.flush()
        assert node.stdout.readline().strip() == shown(value)


@given(VALUES)
def test_what_we_encode_we_read_back(value):
    try:
        body = encode(value)
    except LocalProtocolError:
        assert "\\ud" in json.dumps(value) or "Infinity" in json.dumps(value)
        return
    ours, read = accepted(body)
    assert ours
    assert repr(read) == repr(value)


ENVELOPES_REFUSED = [
    [],
    "x",
    {},
    {"jsonrpc": "1.0", "id": 1, "result": {}},
    {"jsonrpc": "2.0", "id": 1},
    {"jsonrpc": "2.0", "id": 1, "result": {}, "error": {}},
    {"jsonrpc": "2.0", "id": None, "result": {}},
    {"jsonrpc": "2.0", "id": True, "result": {}},
    {"jsonrpc": "2.0", "id": 1.0, "result": {}},
    {"jsonrpc": "2.0", "id": [1], "result": {}},
    {"jsonrpc": "2.0", "id": 1, "result": []},
    {"jsonrpc": "2.0", "id": 1, "error": "no"},
    {"jsonrpc": "2.0", "id": None, "method": "ping"},
    {"jsonrpc": "2.0", "id": 1, "method": 5},
    {"jsonrpc": "2.0", "id": 1, "method": "ping", "params": [1]},
    {"jsonrpc": "2.0", "id": 1, "method": "ping", "result": {}},
]


@pytest.mark.parametrize("value", ENVELOPES_REFUSED, ids=str)
def test_message_that_is_not_json_rpc_is_refused(value):
    with pytest.raises(RemoteProtocolError):
        envelope(value)


def test_messages_are_classified():
    assert envelope({"jsonrpc": "2.0", "id": "a", "method": "ping"}).kind == "request"
    assert envelope({"jsonrpc": "2.0", "method": "notifications/x", "params": {"a": 1}}).params == {"a": 1}
    assert envelope({"jsonrpc": "2.0", "id": 0, "result": {"b": 2}}).result == {"b": 2}
    assert envelope({"jsonrpc": "2.0", "id": None, "error": {"code": 1, "message": "m"}}).kind == "error"
