"""The gateway as transcripts: what a client sends, what reaches the server, what comes back, what is recorded."""

import asyncio
import itertools
import json
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from bartizan.adapters.transports.listener import Request
from bartizan.app.gateway import Gateway, GatewayParts
from bartizan.model.decision import ALLOWED, Decision, Effect, Refusal
from bartizan.model.limits import Limits
from bartizan.model.need import Count, Counted, Need, Take
from bartizan.model.principal import Principal, Proof
from bartizan.model.secret import Secret
from bartizan.ports import BusError
from bartizan.prevent.gate import Gate
from bartizan.protocol.relay.places import Places

TOKEN = "canary-" + "t0k3n" * 4
JSON = ("content-type", "application/json")
META = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientCapabilities": {},
}
RESULT = b'{"jsonrpc":"2.0","id":1, "result":{"content":[],"resultType":"complete"}}'


class Body:
    """A body in pieces; it knows whether it was closed."""

    def __init__(self, *pieces):
        self.pieces, self.closed = list(pieces), False

    def __aiter__(self):
        return self

    async def __anext__(self):
        if not self.pieces:
            raise StopAsyncIteration
        piece = self.pieces.pop(0)
        if isinstance(piece, Exception):
            raise piece
        return piece

    async def aclose(self):
        self.closed = True


class Upstream(msgspec.Struct):
    status: int
    headers: tuple
    body: Any


class Server:
    """A server in memory: notes what reached it, and answers as the test wrote."""

    def __init__(self, *pieces, status=200, kind="application/json", headers=(), raises=None):
        self.body: Any = Body(*(pieces or (RESULT,)))
        self.raises = raises
        self.said = Upstream(status, (("content-type", kind), *headers), self.body)
        self.reached = []

    async def send(self, reading, headers, body):
        self.reached.append((reading.http_method, dict(headers), body))
        if self.raises:
            raise self.raises
        return self.said


class Memory:
    """A bus in memory, which can be full."""

    def __init__(self, *, full=False):
        self.events, self.full = [], full

    def accept(self, *events):
        if self.full:
            raise BusError("disk full")
        self.events += events
        return len(self.events)


class Scripted:
    def __init__(self, name, said: Any = ALLOWED, shows=None):
        self.name, self.said, self.shows, self.ended = name, said, shows, []

    def judge(self, call, answers):
        said = self.said(call, answers) if callable(self.said) else self.said
        return said if isinstance(said, Need | tuple) else (call, said)

    def filter(self, _call, definitions):
        return self.shows(definitions) if self.shows else definitions

    def done(self, call):
        self.ended.append(call.uid)


def principal(name):
    """A guard that knows who asks by the token's first word."""

    def judge(call, _answers):
        who = Principal(id=f"i|{name(call)}", proof=Proof.TOKEN)
        return msgspec.structs.replace(call, principal=who), ALLOWED

    return Scripted("identity", judge)


async def never(_question):
    await asyncio.Event().wait()


def gateway(server, *guards, bus: Any = None, resolve=never, limits=None):
    numbers = itertools.count(1)
    bus = Memory() if bus is None else bus
    return Gateway(
        GatewayParts(
            gate=Gate(guards),
            servers={"files": server},
            places=Places("127.0.0.1", 8700),
            bus=bus,
            key=Secret("k" * 32),
            now=lambda: datetime(2026, 11, 20, tzinfo=UTC),
            uid=lambda: f"u{next(numbers)}",
            resolve=resolve,
            limits=limits or Limits(need_seconds_max=0.01),
        )
    )


def call(method="tools/call", params=None, **headers):
    params = {"name": "echo", "arguments": {"a": 1}} if params is None else params
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": {"_meta": META, **params}}).encode()
    mirrored = {"mcp-protocol-version": "2026-07-28", "mcp-method": method, "mcp-name": params.get("name", "")}
    return request(body, **mirrored, **headers)


def request(body=b"", method="POST", target="/servers/files/mcp", **headers):
    named = {"host": "127.0.0.1:8700", "content-type": "application/json", **headers}
    return Request(
        method=method,
        target=target,
        headers=tuple((name.replace("_", "-"), value) for name, value in named.items()),
        body=body,
        peer="127.0.0.1:5",
    )


def legacy(message, version="2025-11-25", **headers):
    return request(json.dumps(message).encode(), mcp_protocol_version=version, **headers)


INITIALIZE = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {"protocolVersion": "2025-11-25"}}


async def text(answer) -> bytes:
    if isinstance(answer.body, bytes):
        return answer.body
    return b"".join([piece async for piece in answer.body])


def handled(gate, *requests):
    async def run():
        answers = []
        for one in requests:
            answer = await gate.handle(one)
            answers.append((answer.status, dict(answer.headers), await text(answer)))
        return answers if len(answers) > 1 else answers[0]

    return asyncio.run(run())


def test_the_bytes_that_were_read_are_the_bytes_that_go_on_and_back():
    server, bus = Server(), Memory()
    asked = call()
    status, _, body = handled(gateway(server, bus=bus), asked)
    assert (status, body) == (200, RESULT)
    assert server.reached[0][2] is asked.body
    assert [event.uid for event in bus.events] == ["u1", "u1.end"]
    assert bus.events[0].mcp["target"] == "echo"
    assert bus.events[0].unmapped["decision"] == {"effect": "allow"}


def test_I3_what_a_client_shows_reaches_neither_the_server_nor_an_event():
    server, bus = Server(), Memory()
    shown = {
        "authorization": f"Bearer {TOKEN}",
        "cookie": TOKEN,
        "x-api-key": TOKEN,
        "proxy-authorization": TOKEN,
        "forwarded": f"for={TOKEN}",
        "x-other": TOKEN,
    }
    handled(gateway(server, bus=bus), call(**shown, mcp_param_region="eu"))
    assert TOKEN not in repr(server.reached)
    assert TOKEN not in repr(bus.events)
    assert server.reached[0][1]["mcp-param-region"] == "eu"


def test_what_the_server_says_beside_the_protocol_does_not_come_back():
    server = Server(headers=(("set-cookie", "a=b"), ("server", "x"), ("mcp-custom", "y")))
    _, headers, _ = handled(gateway(server), call())
    assert headers == {"content-type": "application/json", "mcp-custom": "y"}


def test_a_denied_call_never_reaches_the_server_and_is_recorded_with_its_reason():
    server, bus = Server(), Memory()
    guard = Scripted("access", Decision(effect=Effect.DENY, reason="role lacks it"))
    status, _, body = handled(gateway(server, guard, bus=bus), call())
    assert (status, json.loads(body)["result"]["isError"]) == (200, True)
    assert b"role" not in body
    assert server.reached == []
    (event,) = bus.events
    assert (event.status, event.message, event.unmapped["decision"]["guard"]) == ("Failure", "role lacks it", "access")
    assert guard.ended == ["u1"]


def test_what_cannot_be_recorded_does_not_happen():
    server, guard = Server(), Scripted("limits")
    status, _, _ = handled(gateway(server, guard, bus=Memory(full=True)), call())
    assert (status, server.reached, guard.ended) == (503, [], ["u1"])


def test_a_question_that_nobody_answers_in_time_is_deny():
    server = Server()
    need = Need(question=Count(takes=(Take(key="k", window_seconds=1, most=1),)))
    status, _, _ = handled(gateway(server, Scripted("rate", need)), call())
    assert (status, server.reached) == (503, [])


def test_an_answered_question_decides():
    async def resolve(_question):
        return Counted(granted=True)

    def rate(_call, answers):
        return ALLOWED if answers else Need(question=Count(takes=(Take(key="k", window_seconds=1, most=1),)))

    assert handled(gateway(Server(), Scripted("rate", rate), resolve=resolve), call())[0] == 200


def test_a_guard_that_asks_for_ever_is_deny():
    async def resolve(_question):
        return Counted(granted=True)

    need = Need(question=Count(takes=(Take(key="k", window_seconds=1, most=1),)))
    assert handled(gateway(Server(), Scripted("rate", need), resolve=resolve), call())[0] == 503


def test_a_principal_sees_only_what_it_may_call():
    listed = b'{"jsonrpc":"2.0","id":1,"result":{"tools":[ {"name":"a"},{"name":"b" }],"resultType":"complete"}}'
    guard = Scripted("access", shows=lambda all_: [one for one in all_ if one["name"] == "b"])
    _, _, body = handled(gateway(Server(listed), guard), call("tools/list", {}))
    assert body == listed.replace(b'[ {"name":"a"},{"name":"b" }]', b'[{"name":"b" }]')


def test_C2_a_session_is_bound_to_the_principal_that_opened_it():
    opened = Server(
        b'{"jsonrpc":"2.0","id":1,"result":{"protocolVersion":"2025-11-25"}}', headers=(("mcp-session-id", "s-1"),)
    )
    who = principal(lambda one: one.credentials.bearer.reveal())
    front = gateway(opened, who)
    _, headers, _ = handled(front, legacy(INITIALIZE, authorization="Bearer alice"))
    sealed = headers["mcp-session-id"]
    assert "s-1" not in sealed
    ping = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
    opened.body.pieces.append(RESULT)
    (alices, _, _), (mallorys, _, _) = handled(
        front,
        legacy(ping, authorization="Bearer alice", mcp_session_id=sealed),
        legacy(ping, authorization="Bearer mallory", mcp_session_id=sealed),
    )
    assert (alices, mallorys) == (200, 404)
    assert [headers.get("mcp-session-id") for _, headers, _ in opened.reached] == [None, "s-1"]


def test_B6_a_client_that_goes_away_cancels_the_servers_stream_and_its_guards_hear_of_it():
    server, guard, bus = Server(b": hello\n\n", b"data: x", kind="text/event-stream"), Scripted("limits"), Memory()

    async def run():
        stream: Any = (await gateway(server, guard, bus=bus).handle(call())).body
        assert guard.ended == []
        assert await anext(stream) == b": hello\n\n"
        await stream.aclose()
        await stream.aclose()

    asyncio.run(run())
    assert (server.body.closed, guard.ended) == (True, ["u1"])
    assert bus.events[-1].status == "Failure"


def test_a_stream_that_nobody_began_to_read_is_closed_too():
    server, guard = Server(b": hello\n\n", kind="text/event-stream"), Scripted("limits")

    async def run():
        stream: Any = (await gateway(server, guard).handle(call())).body
        await stream.aclose()

    asyncio.run(run())
    assert (server.body.closed, guard.ended) == (True, ["u1"])


def test_a_stream_that_breaks_off_ends_with_an_error_for_the_request():
    server = Server(b": hello\n\n", ConnectionResetError("reset"), kind="text/event-stream")
    _, _, body = handled(gateway(server), call())
    last = json.loads(body.split(b"data: ")[1])
    assert (last["id"], last["error"]["code"]) == (1, -32603)


def test_a_modern_stream_that_ends_without_the_answer_ends_with_an_error_for_it():
    dropped = b'data: {"jsonrpc":"2.0","id":1,"result":{"resultType":"input_required"}}\n\n'
    status, _, body = handled(gateway(Server(b": hello\n\n", dropped, kind="text/event-stream")), call())
    last = json.loads(body.split(b"data: ")[1])
    assert (status, last["id"], last["error"]["code"]) == (200, 1, -32603)


@pytest.mark.parametrize(
    ("server", "status"),
    [
        (Server(raises=ConnectionRefusedError("refused")), 502),
        (Server(raises=TimeoutError()), 504),
        (Server(b"<html>", kind="text/html"), 502),
        (Server(b'{"jsonrpc":"2.0","id":2,"result":{}}'), 502),
        (Server(b"", status=401, headers=(("www-authenticate", "Bearer"),)), 502),
        (Server(b"", status=302, headers=(("location", "http://169.254.169.254/"),)), 502),
        (Server(b"busy", status=503, kind="text/plain"), 503),
        (Server(RESULT, headers=(("content-encoding", "gzip"),)), 502),
        (Server(b"x" * 100), 502),
    ],
)
def test_a_server_that_fails_is_an_error_of_ours_and_recorded(server, status):
    bus, guard = Memory(), Scripted("limits")
    found, headers, body = handled(gateway(server, guard, bus=bus, limits=Limits(message_bytes_max=90_000)), call())
    assert found == status
    assert json.loads(body)["id"] == 1
    assert "www-authenticate" not in headers
    assert bus.events[-1].uid == "u1.end"
    assert guard.ended == ["u1"]


def test_an_error_of_the_server_goes_on_as_it_is():
    body = b'{"jsonrpc":"2.0","id":1,"error":{"code":-32021,"message":"m","data":{"requiredCapabilities":{}}}}'
    assert handled(gateway(Server(body, status=400)), call()) == (400, {"content-type": "application/json"}, body)


def test_A7_a_modern_client_of_a_legacy_server_is_told_what_would_be_served():
    body = b'{"jsonrpc":"2.0","id":"server-error","error":{"code":-32600,"message":"Missing session ID"}}'
    status, _, said = handled(gateway(Server(body, status=400)), call("server/discover", {}))
    error = json.loads(said)["error"]
    assert (status, error["code"], error["data"]["supported"][0]) == (400, -32022, "2025-11-25")


def test_A7_a_legacy_client_of_a_modern_server_is_told_what_would_be_served():
    body = b'{"jsonrpc":"2.0","id":1,"error":{"code":-32601,"message":"Method not found"}}'
    status, _, said = handled(gateway(Server(body, status=404)), legacy(INITIALIZE))
    assert (status, json.loads(said)["error"]["data"]["supported"]) == (400, ["2026-07-28"])


def test_a_batch_with_one_denied_message_is_not_sent_and_each_request_is_answered():
    server = Server()
    guard = Scripted("access", lambda one, _answers: Decision(effect=Effect.DENY) if one.target == "rm" else ALLOWED)
    batch = [
        {"jsonrpc": "2.0", "id": number, "method": "tools/call", "params": {"name": name}}
        for number, name in enumerate(("echo", "rm"), 1)
    ]
    status, _, body = handled(gateway(server, guard), legacy(batch, version="2025-03-26"))
    assert (status, server.reached) == (200, [])
    assert [one["id"] for one in json.loads(body)] == [1, 2]
    assert all(one["result"]["isError"] for one in json.loads(body))
    assert guard.ended == ["u1.1", "u1.2"]


def test_a_notification_is_accepted_without_a_body():
    server = Server(b"", status=202)
    note = {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 1}}
    status, headers, body = handled(gateway(server), legacy(note))
    assert (status, headers, body) == (202, {}, b"")


def test_what_was_not_understood_is_recorded_without_its_body():
    bus = Memory()
    handled(gateway(Server(), bus=bus), request(b'{"secret":"' + TOKEN.encode() + b'"'))
    (event,) = bus.events
    assert (event.activity_name, event.unmapped["wrong"]) == ("refused request", "not_json")
    assert TOKEN not in repr(event)


@pytest.mark.parametrize("target", ["/servers/other/mcp", "/servers/files/mcp?a=1", "/servers/a%2fb/mcp", "/x"])
def test_what_is_not_here_is_not_found(target):
    assert handled(gateway(Server()), request(target=target))[0] == 404


def test_a_page_of_another_origin_is_refused_before_its_message_is_read():
    server = Server()
    assert handled(gateway(server), call(origin="http://evil.example"))[0] == 403
    assert server.reached == []


def test_readiness_ends_when_the_gateway_is_asked_to_end():
    front = gateway(Server())
    assert handled(front, request(method="GET", target="/readyz"))[0] == 200
    front.draining = True
    assert handled(front, request(method="GET", target="/readyz"))[0] == 503
    assert handled(front, request(method="GET", target="/healthz"))[0] == 200


def test_unauthenticated_calls_are_told_where_to_authenticate():
    said = Decision(effect=Effect.DENY, refusal=Refusal.UNAUTHENTICATED, challenge={"resource_metadata": "https://g/x"})
    status, headers, _ = handled(gateway(Server(), Scripted("identity", said)), call())
    assert (status, headers["www-authenticate"]) == (401, 'Bearer resource_metadata="https://g/x"')


MIRRORING = {
    "name": "echo",
    "inputSchema": {"type": "object", "properties": {"a": {"type": "integer", "x-mcp-header": "A"}}},
}


def listing(*tools):
    body = {"jsonrpc": "2.0", "id": 1, "result": {"tools": list(tools), "resultType": "complete"}}
    return Server(json.dumps(body).encode())


def test_H1_a_mirrored_parameter_that_contradicts_the_body_is_refused_before_policy_once_the_tool_is_known():
    server, guard, bus = listing(MIRRORING), Scripted("access"), Memory()
    front = gateway(server, guard, bus=bus)
    (_, _, listed), (status, _, body) = handled(front, call("tools/list", {}), call(mcp_param_a="2"))
    assert b"x-mcp-header" in listed
    assert (status, json.loads(body)["error"]["code"], json.loads(body)["id"]) == (400, -32020, 1)
    assert len(server.reached) == 1
    assert guard.ended == ["u1"]
    assert (bus.events[-1].activity_name, bus.events[-1].unmapped["wrong"]) == ("refused request", "header")


def test_H1_one_that_agrees_and_H3_one_that_nobody_knows_go_on():
    server = listing(MIRRORING)
    asked = call(mcp_param_a="1", mcp_param_other="x")
    handled(gateway(server), call("tools/list", {}), asked)
    assert {"mcp-param-a": "1", "mcp-param-other": "x"}.items() <= server.reached[1][1].items()


def test_H5_a_tool_with_an_invalid_annotation_is_left_out_and_the_others_stay():
    bad = {"name": "bad", "inputSchema": {"properties": {"a": {"type": "number", "x-mcp-header": "A"}}}}
    bus = Memory()
    _, _, body = handled(gateway(listing(MIRRORING, bad, {"name": "c"}), bus=bus), call("tools/list", {}))
    assert [tool["name"] for tool in json.loads(body)["result"]["tools"]] == ["echo", "c"]
    assert "x-mcp-header" in bus.events[-1].message


class Endless:
    """A stream that goes on for ever, or says nothing at all."""

    def __init__(self, piece=b""):
        self.piece, self.closed = piece, False

    def __aiter__(self):
        return self

    async def __anext__(self):
        await asyncio.sleep(0.001 if self.piece else 3600)
        return self.piece

    async def aclose(self):
        self.closed = True


PROGRESS = b'data: {"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":1,"progress":1}}\n\n'


@pytest.mark.parametrize("piece", [PROGRESS, b""])
@pytest.mark.parametrize("asked", [call(), legacy({"jsonrpc": "2.0", "id": 1, "method": "ping"})])
def test_B9_a_stream_ends_at_its_limit_whatever_progress_its_server_tells(piece, asked):
    server, bus = Server(kind="text/event-stream"), Memory()
    server.body = server.said.body = Endless(piece)
    _, headers, body = handled(gateway(server, bus=bus, limits=Limits(stream_seconds_max=0.05)), asked)
    last = json.loads(body.rsplit(b"data: ", 1)[1])
    assert (last["id"], last["error"]["code"]) == (1, -32603)
    assert headers["x-accel-buffering"] == "no"
    assert server.body.closed
    assert "stream_seconds_max" in bus.events[-1].message


def test_a_subscription_that_reaches_its_limit_ends_in_good_order():
    server = Server(kind="text/event-stream")
    server.said.body = Endless()
    asked = call("subscriptions/listen", {"notifications": {}})
    _, _, body = handled(gateway(server, limits=Limits(stream_seconds_max=0.01)), asked)
    assert json.loads(body.rsplit(b"data: ", 1)[1])["result"]["resultType"] == "complete"


def test_B7_a_stream_is_gone_on_with_by_the_principal_who_had_it_and_by_nobody_else():
    event = b"id: 17\nretry: 5\ndata: \n\n"
    server = Server(event, kind="text/event-stream")
    who = principal(lambda one: one.credentials.bearer.reveal())
    front = gateway(server, who)
    ping = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
    _, _, body = handled(front, legacy(ping, authorization="Bearer alice"))
    identity = body.split(b"\n")[0].removeprefix(b"id: ").decode()
    assert "17" not in identity
    assert body.replace(identity.encode(), b"17") == event

    def resumed(name, last):
        server.body.pieces.append(event)
        return request(
            method="GET", authorization=f"Bearer {name}", mcp_protocol_version="2025-11-25", last_event_id=last
        )

    outcomes = handled(front, resumed("alice", identity), resumed("mallory", identity), resumed("alice", "17"))
    assert [status for status, _, _ in outcomes] == [200, 400, 400]
    assert [headers.get("last-event-id") for _, headers, _ in server.reached] == [None, "17"]
