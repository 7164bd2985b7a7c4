"""The older transport as transcripts: the stream names an endpoint, and what is posted there is answered on it."""

import asyncio
import itertools
import json
from datetime import UTC, datetime
from typing import Any

import msgspec

from bartizan.adapters.transports.listener import Request
from bartizan.app.gateway import Gateway, GatewayParts
from bartizan.app.legacy_sse import LegacySse
from bartizan.model.decision import ALLOWED, Decision, Effect, Refusal
from bartizan.model.limits import Limits
from bartizan.model.principal import Principal, Proof
from bartizan.model.secret import Secret
from bartizan.prevent.gate import Gate
from bartizan.protocol.relay.places import Endpoint, Places

INITIALIZED = {"jsonrpc": "2.0", "id": 1, "result": {"protocolVersion": "2024-11-05", "capabilities": {}}}


class Said(msgspec.Struct):
    status: int
    headers: tuple
    body: Any


class Server:
    """A streamable HTTP server in memory with one session."""

    def __init__(self) -> None:
        self.reached: list[tuple[str, dict, Any]] = []

    async def send(self, reading, headers, body):
        message = json.loads(body) if body else {}
        self.reached.append((reading.http_method, dict(headers), message))
        if message.get("method") == "initialize":
            return self.said(INITIALIZED, ("mcp-session-id", "s-1"))
        if "id" in message:
            return self.said({"jsonrpc": "2.0", "id": message["id"], "result": {}})
        return Said(405 if reading.http_method == "GET" else 202, (), pieces(b""))

    def said(self, message, *headers):
        return Said(200, (("content-type", "application/json"), *headers), pieces(json.dumps(message).encode()))

    async def close(self):
        pass


async def pieces(data):
    yield data


class Bus:
    def __init__(self) -> None:
        self.events: list = []

    def accept(self, *events):
        self.events += events
        return len(self.events)


class Who:
    """Knows who asks by the token, and refuses what the test says."""

    name = "identity"

    def __init__(self, refuses: str = "") -> None:
        self.refuses = refuses

    def judge(self, call, answers) -> Any:
        name = call.credentials.bearer.reveal() if call.credentials.bearer else ""
        if not name:
            return call, Decision(effect=Effect.DENY, refusal=Refusal.UNAUTHENTICATED)
        known = msgspec.structs.replace(call, principal=Principal(id=name, proof=Proof.TOKEN))
        return known, Decision(effect=Effect.DENY) if call.target == self.refuses and self.refuses else ALLOWED

    def filter(self, call, definitions):
        return definitions


def fronting(server, guard, **limits):
    numbers = itertools.count(1)
    parts = GatewayParts(
        gate=Gate([guard]),
        servers={"files": server, "other": server},
        places=Places("127.0.0.1", 8700),
        bus=Bus(),  # type: ignore[arg-type]
        key=Secret("k" * 32),
        now=lambda: datetime(2026, 11, 20, tzinfo=UTC),
        uid=lambda: f"u{next(numbers)}",
        resolve=lambda _question: asyncio.sleep(0),  # type: ignore[arg-type]
        limits=Limits(**limits),
    )
    gateway = Gateway(parts)
    older = LegacySse(gateway)
    gateway.further |= {Endpoint.SSE: older.open, Endpoint.SSE_MESSAGES: older.message}
    return gateway


def request(target, message=None, token="alice", method=None):
    headers = [("host", "127.0.0.1:8700"), ("content-type", "application/json"), ("authorization", f"Bearer {token}")]
    return Request(
        method=method or ("POST" if message else "GET"),
        target=target,
        headers=tuple(headers if token else headers[:2]),
        body=json.dumps(message).encode() if message else b"",
        peer="127.0.0.1:5",
    )


INITIALIZE = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {"protocolVersion": "2024-11-05"}}
PING = {"jsonrpc": "2.0", "id": 2, "method": "ping"}


async def opened(gateway):
    stream: Any = (await gateway.handle(request("/servers/files/sse"))).body
    first = (await anext(stream)).decode()
    assert first.startswith("event: endpoint\ndata: /servers/files/sse/")
    return stream, first.split("data: ")[1].strip()


def message_of(piece):
    return json.loads(piece.split(b"data: ")[1])


def test_what_is_posted_is_answered_on_the_stream_in_the_servers_own_session():
    server = Server()

    async def run():
        gateway = fronting(server, Who())
        stream, endpoint = await opened(gateway)
        posted = await gateway.handle(request(endpoint, INITIALIZE))
        assert (posted.status, posted.body) == (202, b"")
        assert message_of(await anext(stream)) == INITIALIZED
        assert (await gateway.handle(request(endpoint, PING))).status == 202
        assert message_of(await anext(stream))["id"] == 2
        await stream.aclose()
        return await gateway.handle(request(endpoint, PING))

    assert asyncio.run(run()).status == 404
    assert [headers.get("mcp-session-id") for _, headers, _ in server.reached] == [None, "s-1", "s-1"]
    assert server.reached[1][1]["mcp-protocol-version"] == "2024-11-05"
    assert [method for method, _, _ in server.reached] == ["POST", "POST", "DELETE"]


def test_C2_nobody_else_speaks_on_a_stream_even_before_it_has_a_session():
    server = Server()

    async def run():
        gateway = fronting(server, Who())
        stream, endpoint = await opened(gateway)
        strange = await gateway.handle(request(endpoint, INITIALIZE, token="mallory"))
        nobody = await gateway.handle(request(endpoint, INITIALIZE, token=""))
        elsewhere = await gateway.handle(request(endpoint.replace("files", "other"), INITIALIZE))
        await stream.aclose()
        return strange.status, nobody.status, elsewhere.status

    assert asyncio.run(run()) == (404, 401, 404)
    assert server.reached == []


def test_a_refusal_is_told_where_the_client_waits_for_it():
    server = Server()
    call = {"jsonrpc": "2.0", "id": 3, "method": "tools/call", "params": {"name": "rm"}}

    async def run():
        gateway = fronting(server, Who(refuses="rm"))
        stream, endpoint = await opened(gateway)
        posted = await gateway.handle(request(endpoint, call))
        told = message_of(await anext(stream))
        await stream.aclose()
        return posted.status, told

    status, told = asyncio.run(run())
    assert (status, told["id"], told["result"]["isError"]) == (202, 3, True)
    assert server.reached == []


def test_sessions_are_bounded_and_end():
    async def run():
        gateway = fronting(Server(), Who(), sse_sessions_max=1, sse_seconds_max=0.01)
        stream, _ = await opened(gateway)
        refused = await gateway.handle(request("/servers/files/sse"))
        assert [piece async for piece in stream] == []
        again, _ = await opened(gateway)
        await again.aclose()
        return refused.status

    assert asyncio.run(run()) == 429


def test_a_stream_is_opened_by_get_alone_and_a_message_is_posted():
    async def run():
        gateway = fronting(Server(), Who())
        stream, endpoint = await opened(gateway)
        wrong = request("/servers/files/sse", PING), request(endpoint, method="GET")
        statuses = [(await gateway.handle(one)).status for one in wrong]
        await stream.aclose()
        return statuses

    assert asyncio.run(run()) == [405, 405]
