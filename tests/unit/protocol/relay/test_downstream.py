"""A server's answers as transcripts: what comes in, what goes on."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bartizan.model.decision import Decision, Edit, Effect, Heard
from bartizan.model.errors import LimitExceededError, RemoteProtocolError
from bartizan.model.limits import Limits
from bartizan.protocol.relay.downstream import Answered, RawEvents
from bartizan.protocol.relay.reading import Arrival, Reading, read

ARRIVAL = Arrival(uid="u1", at=datetime(2026, 11, 20, tzinfo=UTC), server="files")
MODERN = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientCapabilities": {},
}


def reading(*messages, version="2025-11-25"):
    headers = [("content-type", "application/json"), ("mcp-protocol-version", version)]
    if version == "2026-07-28":
        messages[0]["params"]["_meta"] = MODERN
        headers += [("mcp-method", messages[0]["method"]), ("mcp-name", messages[0]["params"].get("name", ""))]
    body = messages[0] if len(messages) == 1 else list(messages)
    outcome = read("POST", tuple(headers), json.dumps(body).encode(), ARRIVAL)
    assert isinstance(outcome, Reading), outcome
    return outcome


def request(method, identity: Any = 1, **params):
    return {"jsonrpc": "2.0", "id": identity, "method": method, "params": params}


def everything(_call, _definitions):
    return None


def without(*names):
    return lambda _call, definitions: [one.get("name") not in names for one in definitions]


# A list as no program of ours would write it: each odd byte of what stays must survive.
LIST = (
    '{ "jsonrpc" :"2.0",\n"id":1, "result": {"x":[1,{"tools":[]}], "tools" : [ {"name":"a","d":"\\u00e9 é 1.0e2"} ,\n'
    '{"name":"b", "_meta":{"z":1,"a":[ ]}},{"name":"c"} ], "ttlMs":5,"cacheScope": "public" } }'
)


def test_a_list_that_nothing_restricts_goes_on_byte_for_byte():
    assert Answered(reading(request("tools/list")), everything).whole(LIST.encode()) == LIST.encode()


def test_a_hidden_tool_is_cut_out_and_every_other_byte_of_the_definitions_stays():
    passed = Answered(reading(request("tools/list")), without("b")).whole(LIST.encode()).decode()
    assert passed == LIST.replace(
        '[ {"name":"a","d":"\\u00e9 é 1.0e2"} ,\n{"name":"b", "_meta":{"z":1,"a":[ ]}},{"name":"c"} ]',
        '[{"name":"a","d":"\\u00e9 é 1.0e2"},{"name":"c"}]',
    ).replace('"public"', '"private"')


def test_C4_a_list_that_differs_by_principal_is_for_no_shared_cache():
    passed = Answered(reading(request("tools/list")), without()).whole(LIST.encode()).decode()
    assert passed == LIST.replace('"public"', '"private"')


def test_a_hidden_tool_is_cut_out_of_an_event_stream_too():
    answered = Answered(reading(request("tools/list")), without("b"))
    stream = b"id: 9\nevent: message\ndata: " + LIST.replace("\n", "").encode() + b"\n\n"
    (event,) = answered.feed(stream)
    assert event.startswith(b"id: 9\nevent: message\ndata: {")
    assert b'"b"' not in event
    assert json.loads(event.split(b"data: ")[1])["result"]["tools"][1] == {"name": "c"}


def test_a_hidden_tool_is_cut_out_of_the_answer_to_a_batch():
    asked = reading(request("tools/list", 1), request("ping", 2), version="2025-03-26")
    body = '[{"jsonrpc":"2.0","id":2,"result":{}} ,' + LIST + "]"
    passed = Answered(asked, without("a", "b", "c")).whole(body.encode()).decode()
    assert passed.startswith('[{"jsonrpc":"2.0","id":2,"result":{}} ,{ "jsonrpc"')
    assert json.loads(passed)[1]["result"]["tools"] == []


def test_a_list_that_cannot_be_filtered_does_not_go_on():
    for body in ('{"jsonrpc":"2.0","id":1,"result":{}}', '{"jsonrpc":"2.0","id":1,"result":{"tools":{}}}'):
        with pytest.raises(RemoteProtocolError):
            Answered(reading(request("tools/list")), without("a")).whole(body.encode())


def test_the_answer_to_a_call_goes_on_byte_for_byte():
    body = b'{"id":"x", "jsonrpc":"2.0","result":{"content":[{"type":"text","text":"\\u0041"}] }}'
    answered = Answered(reading(request("tools/call", "x", name="echo")), without("a"))
    assert answered.whole(body) == body
    assert answered.ids == set()


@pytest.mark.parametrize(
    "body",
    [
        b'{"jsonrpc":"2.0","id":2,"result":{}}',
        b'{"jsonrpc":"2.0","id":"1","result":{}}',
        b'{"jsonrpc":"2.0","id":1,"result":{},"result":{}}',
        b'{"jsonrpc":"2.0","id":1,"method":"ping"}',
        b'[{"jsonrpc":"2.0","id":1,"result":{}}]',
        b"<html>",
        b"",
    ],
)
def test_what_is_not_the_answer_does_not_go_on(body):
    with pytest.raises(RemoteProtocolError):
        Answered(reading(request("tools/call", name="echo")), everything).whole(body)


def event(message) -> bytes:
    return b"data: " + (message if isinstance(message, bytes) else json.dumps(message).encode()) + b"\n\n"


def test_B5_a_stream_goes_on_event_by_event_as_it_came():
    answered = Answered(reading(request("tools/call", name="echo")), everything)
    progress = b": keep-alive\r\n\r\n"
    note = b'event: message\r\nid: 4\r\ndata: {"jsonrpc":"2.0",\r\ndata: "method":"notifications/progress"}\r\n\r\n'
    last = event({"jsonrpc": "2.0", "id": 1, "result": {}})
    stream = progress + note + b"id: 5\ndata: \n\n" + last
    passed = [piece for at in range(len(stream)) for piece in answered.feed(stream[at : at + 1])]
    assert b"".join(passed) == stream
    assert answered.ids == set()


def test_B4_a_servers_request_is_dropped_in_the_modern_era_and_goes_on_in_the_legacy_one():
    ask = event({"jsonrpc": "2.0", "id": 99, "method": "sampling/createMessage", "params": {}})
    modern = Answered(reading(request("tools/call", name="echo"), version="2026-07-28"), everything)
    assert modern.feed(ask) == []
    assert "a request of the server" in modern.faults.summary()
    assert Answered(reading(request("tools/call", name="echo")), everything).feed(ask) == [ask]


def test_an_event_that_answers_another_request_or_nobody_can_read_is_dropped():
    answered = Answered(reading(request("tools/call", name="echo")), everything)
    for bad in (event({"jsonrpc": "2.0", "id": 2, "result": {}}), event(b'{"a":1,"a":2}'), event(b"hello")):
        assert answered.feed(bad) == []
    assert answered.faults.grave


def test_an_event_without_end_hits_a_limit():
    answered = Answered(reading(request("ping")), everything, Limits(sse_event_bytes_max=1000))
    flood = (b"data: " + b"x" * 100 + b"\n") * 9
    assert answered.feed(flood) == []
    with pytest.raises(LimitExceededError, match="sse_event_bytes_max"):
        answered.feed(flood)


@given(st.lists(st.sampled_from([b"\n", b"\r", b"\r\n", b"data: x", b":", b"id"])), st.integers(1, 7))
def test_cutting_a_stream_into_events_loses_and_adds_nothing(parts, size):
    stream = b"".join(parts)
    cutter = RawEvents()
    whole = b"".join(e for at in range(0, len(stream), size) for e in cutter.feed(stream[at : at + size]))
    assert stream.startswith(whole)
    assert b"\n\n" not in stream[len(whole) :]


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)


@given(st.lists(st.tuples(st.dictionaries(st.text(max_size=4), VALUES, max_size=3), st.booleans()), max_size=6))
def test_any_definitions_that_stay_are_the_servers_own(entries):
    definitions = [one for one, _ in entries]
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "result": {"a": [], "tools": definitions}}, indent=1)
    keep = [kept for _, kept in entries]
    passed = Answered(reading(request("tools/list")), lambda _call, _definitions: keep).whole(body.encode())
    assert json.loads(passed)["result"]["tools"] == [one for one, kept in entries if kept]


CALLED = '{"jsonrpc":"2.0", "id":1,"result":{"content" : [{"type":"text","text":"caf\\u00e9 xyz"}],"n":1.0e2}}'


def hearing(*edits, effect=Effect.REDACT, notes=()):
    decision = Decision(effect=effect, guard="content")
    return lambda _call, _message: Heard(decision=decision, decisions=(decision,), edits=edits, notes=notes)


def call_answered(hear, version="2025-11-25"):
    return Answered(reading(request("tools/call", name="echo", arguments={}), version=version), everything, hear=hear)


def test_what_a_guard_rewrites_changes_and_every_other_byte_stays():
    hear = hearing(Edit(pointer="/result/content/0/text", text="café ‹key›"))
    assert call_answered(hear).whole(CALLED.encode()).decode() == CALLED.replace('"caf\\u00e9 xyz"', '"café ‹key›"')


def test_a_note_stands_before_what_the_server_said():
    passed = json.loads(call_answered(hearing(effect=Effect.ANNOTATE, notes=("beware",))).whole(CALLED.encode()))
    assert [one["text"] for one in passed["result"]["content"]] == ["beware", "café xyz"]


def test_an_answer_that_a_guard_refuses_becomes_a_short_error_with_an_id():
    passed = json.loads(call_answered(hearing(effect=Effect.DENY)).whole(CALLED.encode()))
    assert passed["result"] == {
        "content": [{"type": "text", "text": "This was refused by policy. Reference: u1"}],
        "isError": True,
    }


def test_a_servers_request_that_a_guard_refuses_does_not_go_on():
    answered = call_answered(hearing(effect=Effect.DENY))
    asked = {"jsonrpc": "2.0", "id": 7, "method": "elicitation/create", "params": {"message": "your password?"}}
    assert answered.feed(event(asked)) == []
    assert answered.faults.summary()


def test_two_keys_that_a_guard_makes_one_are_not_sent_on():
    body = b'{"jsonrpc":"2.0","id":1,"result":{"content":[],"a":1,"b":2}}'
    hear = hearing(Edit(pointer="/result/a", text="b", key=True))
    with pytest.raises(RemoteProtocolError):
        call_answered(hear).whole(body)


ASKS = (
    b'{"jsonrpc":"2.0","id":1,"result":{"resultType":"input_required","inputRequests":{"a":{"method":"roots/list"}}}}'
)


def test_D3_a_question_that_the_client_cannot_take_does_not_go_on_and_its_request_stays_unanswered():
    call = request("tools/call", name="x")
    with pytest.raises(RemoteProtocolError, match="cannot take: roots/list"):
        Answered(reading(call, version="2026-07-28"), everything).whole(ASKS)
    answered = Answered(reading(call, version="2026-07-28"), everything)
    assert answered.feed(b"data: " + ASKS + b"\n\n") == []
    assert answered.ids == {1}
    assert Answered(reading(request("tools/call", name="x")), everything).whole(ASKS) == ASKS  # legacy knows no rounds
