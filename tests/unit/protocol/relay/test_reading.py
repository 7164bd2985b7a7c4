"""Rows of the specification's checklist: what a client sends, and what is read of it or refused."""

import base64
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bartizan.model.call import Verb
from bartizan.model.limits import Limits
from bartizan.model.snapshot import Era
from bartizan.protocol.relay.reading import Arrival, Reading, read
from bartizan.protocol.relay.refusals import Refused, Wrong, reply_to

ARRIVAL = Arrival(uid="u1", at=datetime(2026, 11, 20, tzinfo=UTC), server="files")
META = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientCapabilities": {},
    "io.modelcontextprotocol/clientInfo": {"name": "agent"},
}


def modern(method: Any = "tools/call", params=None, *, name: Any = None, **changed: Any):
    """Headers and message of a modern request; `changed` sets (or, by None, drops) headers."""
    params = {"name": "echo", "arguments": {"text": "hi"}} if params is None else params
    message = {"jsonrpc": "2.0", "id": 7, "method": method, "params": {"_meta": META, **params}}
    headers = {
        "content-type": "application/json",
        "mcp-protocol-version": "2026-07-28",
        "mcp-method": method,
        "mcp-name": name or params.get("name") or params.get("uri"),
        **{key.replace("_", "-"): value for key, value in changed.items()},
    }
    return tuple((key, value) for key, value in headers.items() if value is not None), message


def legacy(method, params=None, *, version="2025-11-25", identity: Any = 3, **more: Any):
    message = {"jsonrpc": "2.0", "id": identity, "method": method, "params": params or {}}
    if identity is None:
        del message["id"]
    headers = {"content-type": "application/json", "mcp-protocol-version": version, **more}
    return tuple((key.replace("_", "-"), value) for key, value in headers.items() if value), message


def taken(headers, message, **more) -> Reading:
    outcome = read("POST", headers, json.dumps(message).encode(), ARRIVAL, **more)
    assert isinstance(outcome, Reading), outcome
    return outcome


def refused(headers, message, **more) -> Refused:
    body = message if isinstance(message, bytes) else json.dumps(message).encode()
    outcome = read("POST", headers, body, ARRIVAL, **more)
    assert isinstance(outcome, Refused), outcome
    return outcome


def on_the_wire(outcome: Refused) -> tuple[int, int]:
    reply = reply_to(outcome)
    return reply.status, json.loads(reply.body)["error"]["code"]


def test_a_modern_call_is_read_with_its_name_and_arguments():
    (item,) = taken(*modern()).items
    call = item.call
    assert (call.server, call.method, call.verb, call.target) == ("files", "tools/call", Verb.CALL, "echo")
    assert call.arguments == {"text": "hi"}
    assert (call.era, call.revision, call.client, item.id) == (Era.MODERN, "2026-07-28", "agent", 7)


def test_A1_a_version_that_nobody_speaks_is_refused_with_those_that_are():
    headers, message = modern(mcp_protocol_version="1900-01-01")
    message["params"]["_meta"] = {**META, "io.modelcontextprotocol/protocolVersion": "1900-01-01"}
    outcome = refused(headers, message)
    assert on_the_wire(outcome) == (400, -32022)
    data = json.loads(reply_to(outcome).body)["error"]["data"]
    assert data["requested"] == "1900-01-01"
    assert data["supported"] == ["2026-07-28"]  # none that the server behind may not have


@pytest.mark.parametrize("missing", ["protocolVersion", "clientCapabilities"])
def test_A2_a_missing_required_field_of_meta_is_invalid_params(missing):
    headers, message = modern()
    message["params"]["_meta"] = {k: v for k, v in META.items() if not k.endswith(missing)}
    assert on_the_wire(refused(headers, message)) == (400, -32602)


def test_A3_both_eras_are_read_at_one_endpoint():
    assert taken(*modern()).era is Era.MODERN
    opened = taken(*legacy("initialize", {"protocolVersion": "2025-06-18", "capabilities": {}}, version=""))
    assert (opened.era, opened.revision, opened.opens) == (Era.LEGACY, "2025-06-18", True)


@pytest.mark.parametrize(
    "method", ["initialize", "ping", "logging/setLevel", "resources/subscribe", "resources/unsubscribe", "no/such"]
)
def test_A5_a_method_that_the_modern_era_has_not_is_not_found(method):
    outcome = refused(*modern(method, {"uri": "file:///x"}, name=None, mcp_name=None))
    assert on_the_wire(outcome) == (404, -32601)
    assert json.loads(reply_to(outcome).body)["id"] == 7


def test_a_method_that_the_legacy_era_has_not_is_answered_in_its_own_way():
    assert on_the_wire(refused(*legacy("server/discover"))) == (200, -32601)


def test_B3_the_modern_era_takes_neither_batches_nor_responses():
    headers, message = modern()
    assert on_the_wire(refused(headers, [message])) == (400, -32600)
    assert on_the_wire(refused(headers, {"jsonrpc": "2.0", "id": 1, "result": {}})) == (400, -32600)


@pytest.mark.parametrize("http_method", ["GET", "DELETE", "PUT", "OPTIONS"])
def test_B7_the_modern_era_has_post_only(http_method):
    outcome = read(http_method, (("mcp-protocol-version", "2026-07-28"),), b"", ARRIVAL)
    assert isinstance(outcome, Refused)
    assert reply_to(outcome).status == 405
    assert ("allow", "POST") in reply_to(outcome).headers


def test_B7_a_modern_request_has_no_session_whatever_its_header_says():
    assert taken(*modern(mcp_session_id="stolen")).session == ""


@pytest.mark.parametrize("http_method", ["GET", "DELETE"])
def test_B7_the_legacy_era_opens_a_stream_and_ends_a_session(http_method):
    headers = (("mcp-protocol-version", "2025-06-18"), ("mcp-session-id", "s1"))
    outcome = read(http_method, headers, b"", ARRIVAL)
    assert isinstance(outcome, Reading)
    (item,) = outcome.items
    assert (item.call.method, item.call.verb, outcome.session) == (http_method, Verb.CONNECT, "s1")
    assert "s1" not in repr(item.call)


@pytest.mark.parametrize("header", ["mcp_method", "mcp_name", "mcp_protocol_version"])
def test_H1_a_missing_required_header_is_a_mismatch(header):
    assert on_the_wire(refused(*modern(**{header: None}))) == (400, -32020)


@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("mcp_method", "tools/list"),
        ("mcp_name", "other"),
        ("mcp_name", "ECHO"),
        ("mcp_protocol_version", "2025-11-25"),
    ],
)
def test_H1_a_header_that_contradicts_the_body_is_refused(header, value):
    assert on_the_wire(refused(*modern(**{header: value}))) == (400, -32020)


def test_H2_a_base64_name_is_decoded_before_it_is_compared():
    encoded = "=?base64?" + base64.b64encode("größe".encode()).decode() + "?="
    (item,) = taken(*modern(params={"name": "größe"}, name=encoded)).items
    assert item.call.target == "größe"
    assert refused(*modern(params={"name": "other"}, name=encoded)).wrong is Wrong.HEADER
    for bad in ("=?base64?!!?=", "=?base64?w6?=", "=?base64?/w==?="):
        assert refused(*modern(params={"name": "größe"}, name=bad)).wrong is Wrong.HEADER


def test_H2_a_name_that_looks_like_base64_must_be_encoded():
    assert refused(*modern(params={"name": "=?base64?eA==?="}, name="=?base64?eA==?=")).wrong is Wrong.HEADER


def test_H4_mirrored_headers_of_an_older_version_are_not_trusted():
    call = {"name": "echo"}
    assert refused(*legacy("tools/call", call, **{"mcp-name": "delete"})).wrong is Wrong.HEADER
    assert taken(*legacy("tools/call", call, **{"mcp-name": "echo"})).items[0].call.target == "echo"


@pytest.mark.parametrize(
    "body",
    [
        b'{"jsonrpc":"2.0","id":1,"method":"ping","method":"tools/call"}',
        b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo","arguments":{"a":1,"\\u0061":2}}}',
        b'{"jsonrpc":"2.0","id":1,"method":"ping"} x',
        b'{"jsonrpc":"2.0","id":1,"method":"ping","params":{"a":NaN}}',
        b'{"jsonrpc":"2.0","id":1,"method":"ping","params":{"a":"\\ud800"}}',
        b'{"jsonrpc":"2.0","id":1,"method":"p\xffng"}',
        b'\xef\xbb\xbf{"jsonrpc":"2.0","id":1,"method":"ping"}',
        b"",
    ],
)
def test_H6_what_two_readers_may_read_differently_is_refused(body):
    assert on_the_wire(refused((("content-type", "application/json"),), body)) == (400, -32700)


def test_H6_a_header_that_stands_twice_is_refused():
    headers, message = modern()
    assert refused((*headers, ("mcp-name", "delete")), message).wrong is Wrong.HEADER
    assert refused((*headers, ("mcp-param-region", "a"), ("mcp-param-region", "b")), message).wrong is Wrong.HEADER


def test_H6_excess_depth_and_size_are_refused():
    headers, message = modern()
    deep = b'{"jsonrpc":"2.0","id":1,"method":"ping","params":{"a":' + b"[" * 100 + b"]" * 100 + b"}}"
    assert on_the_wire(refused(headers, deep)) == (413, -32600)
    assert on_the_wire(refused(headers, message, limits=Limits(message_bytes_max=10))) == (413, -32600)


@pytest.mark.parametrize(
    "message",
    [
        {"jsonrpc": "2.0", "id": None, "method": "ping"},
        {"jsonrpc": "2.0", "id": 1.5, "method": "ping"},
        {"jsonrpc": "2.0", "id": True, "method": "ping"},
        {"jsonrpc": "1.0", "id": 1, "method": "ping"},
        {"jsonrpc": "2.0", "id": 1, "method": "ping", "params": []},
        {"jsonrpc": "2.0", "id": 1, "method": "ping", "result": {}},
        {"id": 1, "method": "ping"},
        "ping",
    ],
)
def test_what_is_no_message_is_an_invalid_request(message):
    assert on_the_wire(refused((("content-type", "application/json"),), message)) == (400, -32600)


@pytest.mark.parametrize("params", [{"name": 5}, {}, {"name": "echo", "arguments": []}])
def test_a_call_whose_name_or_arguments_policy_could_not_read_is_refused(params):
    assert refused(*legacy("tools/call", params)).wrong is Wrong.PARAMS


@pytest.mark.parametrize("method", ["tools/call", "notifications/cancelled"])
def test_a_request_is_no_notification_and_the_other_way_round(method):
    identity = None if method == "tools/call" else 4
    assert refused(*legacy(method, {"name": "echo"}, identity=identity)).wrong is Wrong.METHOD


@pytest.mark.parametrize("kind", ["text/plain", "", "application/json; charset=utf-16", "application/json-seq"])
def test_another_content_type_is_refused(kind):
    headers, message = modern(content_type=kind)
    assert on_the_wire(refused(headers, message))[0] == 415


def test_a_compressed_body_is_refused():
    headers, message = modern(content_encoding="gzip")
    assert on_the_wire(refused(headers, message))[0] == 415


def test_a_batch_is_read_message_by_message_where_the_revision_has_them():
    headers, first = legacy("tools/call", {"name": "a"}, version="2025-03-26", identity=1)
    _, second = legacy("tools/call", {"name": "b"}, identity="1")
    reading = taken(headers, [first, second, {"jsonrpc": "2.0", "method": "notifications/initialized"}])
    assert [item.call.target for item in reading.items] == ["a", "b", ""]
    assert [item.call.uid for item in reading.items] == ["u1.1", "u1.2", "u1.3"]
    assert (reading.batch, reading.ids) == (True, {1, "1"})


@pytest.mark.parametrize("version", ["2025-06-18", "2025-11-25"])
def test_a_batch_is_refused_where_the_revision_has_none(version):
    headers, message = legacy("ping", version=version)
    assert refused(headers, [message]).wrong is Wrong.BATCH


def test_a_batch_that_is_empty_or_has_an_id_twice_or_opens_a_session_is_refused():
    headers, message = legacy("ping", version="2025-03-26")
    _, opening = legacy("initialize", {"protocolVersion": "2025-03-26"})
    for batch in ([], [message, message], [opening], [message] * 65):
        assert refused(headers, batch).wrong is Wrong.BATCH


def test_a_token_counts_in_the_header_only_and_cannot_be_printed():
    headers, message = modern(authorization="Bearer " + "s3cr3t" * 3)
    (item,) = taken(headers, message).items
    assert item.call.credentials.bearer is not None
    assert "s3cr3t" not in repr(item.call)


@given(st.binary(max_size=200))
def test_any_body_is_read_or_refused(body):
    assert isinstance(read("POST", modern()[0], body, ARRIVAL), Reading | Refused)


KEYS = st.sampled_from(["jsonrpc", "id", "method", "params", "_meta", "name", "arguments", "result"])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=5),
    max_leaves=12,
)


@given(JSON, st.sampled_from(["2026-07-28", "2025-03-26", "", "x"]))
def test_any_message_is_read_or_refused_with_an_answer(value, version):
    headers, _ = legacy("ping", version=version)
    if isinstance(value, dict):
        value = {"jsonrpc": "2.0", **value}
    outcome = read("POST", headers, json.dumps(value).encode(), ARRIVAL)
    if isinstance(outcome, Refused):
        assert reply_to(outcome).status >= 200
