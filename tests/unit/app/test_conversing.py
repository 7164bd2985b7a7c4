"""A server over a channel, seen as streamable HTTP: what a client sends, what reaches the server, what comes back."""

import asyncio
import itertools
import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from bartizan.adapters.transports.children import ChildRefusedError
from bartizan.app.conversing import PREFIX, Conversing
from bartizan.app.said import Said
from bartizan.model.limits import Limits
from bartizan.model.principal import Principal, Proof
from bartizan.protocol.relay.reading import Arrival, Reading, read

META = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientCapabilities": {},
}
BOTH = "application/json, text/event-stream"
INITIALIZE = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {"protocolVersion": "2025-11-25"}}
INITIALIZED = {"jsonrpc": "2.0", "method": "notifications/initialized"}
PING = {"jsonrpc": "2.0", "id": 2, "method": "ping"}
LIMITS = Limits(answer_whole_seconds_max=5)


class Server:
    """A server in memory, of the era that `speaks`. `reply` says what it answers to other requests than openings."""

    def __init__(self, speaks: str = "both", reply: Any = None) -> None:
        self.speaks, self.reply = speaks, reply
        self.heard: list[dict[str, Any]] = []
        self.out: asyncio.Queue[bytes | Exception] = asyncio.Queue()
        self.closed = False

    async def send(self, message: bytes) -> None:
        if self.closed:
            raise EOFError("gone")
        said = json.loads(message)
        self.heard.append(said)
        for one in self.answers(said):
            self.say(one)

    def answers(self, said: dict[str, Any]) -> list[Any]:
        if "id" not in said or "method" not in said:
            return []
        opening = {"initialize": "legacy", "server/discover": "modern"}.get(said["method"])
        if opening and self.speaks == "nothing":
            return []
        if opening and self.speaks not in {opening, "both"}:
            return [{"jsonrpc": "2.0", "id": said["id"], "error": {"code": -32601, "message": "Method not found"}}]
        if opening or self.reply is None:
            return [answer(said["id"])]
        return self.reply(said)

    def say(self, message: Any) -> None:
        self.out.put_nowait(message if isinstance(message, Exception) else json.dumps(message).encode())

    async def receive(self) -> bytes:
        item = await self.out.get()
        if isinstance(item, Exception):
            raise item
        return item

    async def close(self) -> None:
        self.closed = True

    @property
    def methods(self) -> list[str]:
        return [one.get("method", "answer") for one in self.heard]


def answer(identity: Any, **more: Any) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": identity, "result": {"resultType": "complete", **more}}


class Fronted:
    """One server behind `Conversing`, each channel a server of its own in memory."""

    def __init__(
        self, *servers: Server, limits: Limits = LIMITS, refuses: Exception | None = None, **more: Any
    ) -> None:
        self.servers, self.opened = list(servers), list[Server]()
        self.refuses = refuses
        self.ended = list[str]()
        numbers = itertools.count(1)
        self.sender = Conversing(
            self.open, limits, lambda: str(next(numbers)), on_ended=lambda one: self.ended.append(one.ended), **more
        )

    async def open(self, _session: str, _reading: Reading) -> Server:
        if self.refuses:
            raise self.refuses
        server = self.servers.pop(0) if len(self.servers) > 1 else self.servers[0]
        self.opened.append(server)
        return server

    async def ask(self, message: Any = None, method: str = "POST", session: str = "", who: str = "me", **headers: str):
        """What comes back to a legacy request."""
        return await self._send(message, method, session, who, "2025-11-25", headers)

    async def ask_modern(self, method: str, who: str = "me", identity: Any = 1, **params: Any) -> Said:
        message = {"jsonrpc": "2.0", "id": identity, "method": method, "params": {"_meta": META, **params}}
        headers = {"mcp-method": method} | ({"mcp-name": params["name"]} if "name" in params else {})
        return await self._send(message, "POST", "", who, "2026-07-28", headers)

    async def _send(self, message: Any, method: str, session: str, who: str, version: str, more: dict[str, str]):
        body = json.dumps(message).encode() if message is not None else b""
        headers = {"content-type": "application/json", "accept": BOTH, "mcp-protocol-version": version, **more}
        arrival = Arrival(uid="u", at=datetime(2026, 11, 20, tzinfo=UTC), server="files")
        reading = read(method, tuple(headers.items()), body, arrival)
        assert isinstance(reading, Reading), reading
        principal = Principal(id=who, proof=Proof.NONE)
        items = tuple(
            msgspec.structs.replace(one, call=msgspec.structs.replace(one.call, principal=principal))
            for one in reading.items
        )
        headers |= {"mcp-session-id": session} if session else {}
        return await self.sender.send(msgspec.structs.replace(reading, items=items), tuple(headers.items()), body)

    async def begin(self, who: str = "me") -> str:
        said = await self.ask(INITIALIZE, who=who)
        assert said.status == 200
        return dict(said.headers)["mcp-session-id"]


async def until(condition: Callable[[], bool]) -> None:
    """Let everything go on until something holds: `run` bounds how long that may take."""
    while not condition():  # noqa: ASYNC110 - of most of it nobody tells
        await asyncio.sleep(0)


async def text(said: Said) -> bytes:
    return b"".join([piece async for piece in said.body])


async def whole(said: Said) -> Any:
    return json.loads(await text(said))


async def event(said: Said) -> Any:
    """The next message of a stream."""
    piece = await anext(said.body)
    assert piece.startswith(b"event: message\ndata: ")
    return json.loads(piece.split(b"data: ", 1)[1])


def run(work: Any, *servers: Server, **more: Any) -> Any:
    async def go() -> Any:
        fronted = Fronted(*servers, **more)
        try:
            async with asyncio.timeout(20):
                return await work(fronted)
        finally:
            await fronted.sender.close()
            assert all(server.closed for server in fronted.opened)

    return asyncio.run(go())


def test_a_legacy_session_has_a_channel_to_itself_and_an_id_of_the_gateway():
    server, other = Server(), Server()

    async def work(fronted: Fronted):
        one, two = await fronted.begin(), await fronted.begin()
        assert one != two
        assert one.startswith(PREFIX)
        assert all("!" <= letter <= "~" for letter in one)
        done = await fronted.ask(INITIALIZED, session=one)
        assert (done.status, await text(done)) == (202, b"")
        assert await whole(await fronted.ask(PING, session=one)) == answer(2)

    run(work, server, other)
    assert server.methods == ["initialize", "notifications/initialized", "ping"]
    assert other.methods == ["initialize"]


def test_what_a_server_refuses_opens_no_session_and_leaves_no_channel():
    async def work(fronted: Fronted):
        said = await fronted.ask(INITIALIZE)
        assert "mcp-session-id" not in dict(said.headers)
        assert (await whole(said))["error"]["code"] == -32601
        assert fronted.opened[0].closed

    run(work, Server("modern"))


@pytest.mark.parametrize(("session", "status"), [("", 400), (f"{PREFIX}elsewhere", 404)])
def test_B7_a_session_must_be_named_and_one_that_is_held_elsewhere_is_gone(session: str, status: int):
    async def work(fronted: Fronted):
        await fronted.begin()
        for method, message in (("POST", PING), ("GET", None), ("DELETE", None)):
            assert (await fronted.ask(message, method, session)).status == status

    run(work, Server())


def test_B7_delete_ends_the_session_and_its_channel():
    async def work(fronted: Fronted):
        session = await fronted.begin()
        assert (await fronted.ask(None, "DELETE", session)).status == 200
        assert fronted.opened[0].closed
        assert (await fronted.ask(PING, session=session)).status == 404
        assert fronted.ended == ["its client has ended it"]

    run(work, Server())


def test_a_server_that_ends_takes_its_session_along_and_every_request_hears_of_it():
    async def work(fronted: Fronted):
        session = await fronted.begin()
        listening = await fronted.ask(None, "GET", session)
        waiting = asyncio.create_task(fronted.ask(PING, session=session))
        await until(lambda: len(fronted.opened[0].heard) == 2)
        fronted.opened[0].say(EOFError("ended with exit code 1"))
        with pytest.raises(ConnectionError, match="exit code 1"):
            await waiting
        assert await text(listening) == b""
        assert (await fronted.ask(PING, session=session)).status == 404

    run(work, Server(reply=lambda _said: []))


def test_an_answer_that_has_begun_ends_with_an_error_when_the_server_ends():
    async def work(fronted: Fronted):
        said = await fronted.ask(PING, session=await fronted.begin())
        assert (await event(said))["method"] == "notifications/message"
        fronted.opened[0].say(EOFError("killed"))
        assert (await event(said))["error"]["code"] == -32603
        with pytest.raises(ConnectionError, match="killed"):
            await event(said)

    log = {"jsonrpc": "2.0", "method": "notifications/message", "params": {"level": "info", "data": 1}}
    run(work, Server(reply=lambda _said: [log]))


def test_progress_makes_an_answer_a_stream_that_ends_with_it():
    def reply(said: Any) -> list[Any]:
        token = said["params"]["_meta"]["progressToken"]
        progress = {"jsonrpc": "2.0", "method": "notifications/progress", "params": {"progressToken": token}}
        return [progress, progress, answer(said["id"])]

    async def work(fronted: Fronted):
        call = {"name": "x", "_meta": {"progressToken": "t"}}
        said = await fronted.ask(
            {"jsonrpc": "2.0", "id": 3, "method": "tools/call", "params": call}, session=await fronted.begin()
        )
        assert dict(said.headers)["content-type"] == "text/event-stream"
        assert dict(said.headers)["x-accel-buffering"] == "no"
        told = [json.loads(one.split(b"data: ", 1)[1]) for one in (await text(said)).split(b"\n\n") if one]
        assert [one.get("method", "answer") for one in told] == ["notifications/progress"] * 2 + ["answer"]

    run(work, Server(reply=reply))


def test_an_answer_that_takes_long_begins_as_a_stream():
    async def work(fronted: Fronted):
        said = await fronted.ask(PING, session=await fronted.begin())
        assert dict(said.headers)["content-type"] == "text/event-stream"
        fronted.opened[0].say(answer(2))
        assert (await event(said))["id"] == 2

    run(work, Server(reply=lambda _said: []), limits=Limits(answer_whole_seconds_max=0.01))


def test_a_client_that_takes_no_streams_gets_its_answer_alone():
    def reply(said: Any) -> list[Any]:
        return [{"jsonrpc": "2.0", "method": "notifications/message", "params": {}}, answer(said["id"])]

    async def work(fronted: Fronted):
        said = await fronted.ask(PING, session=await fronted.begin(), accept="application/json")
        assert await whole(said) == answer(2)

    run(work, Server(reply=reply))


def test_what_a_server_asks_reaches_the_client_and_its_answer_comes_back():
    async def work(fronted: Fronted):
        session = await fronted.begin()
        server = fronted.opened[0]
        server.say({"jsonrpc": "2.0", "id": "q", "method": "roots/list"})
        listening = await fronted.ask(None, "GET", session)
        assert (await event(listening))["id"] == "q"
        done = await fronted.ask({"jsonrpc": "2.0", "id": "q", "result": {"roots": []}}, session=session)
        assert done.status == 202
        assert server.heard[-1] == {"jsonrpc": "2.0", "id": "q", "result": {"roots": []}}

    run(work, Server())


def test_a_session_has_one_stream_and_what_it_missed_comes_with_the_next():
    async def work(fronted: Fronted):
        session = await fronted.begin()
        first = await fronted.ask(None, "GET", session)
        assert (await fronted.ask(None, "GET", session)).status == 409
        assert (await fronted.ask(None, "GET", session, accept="application/json")).status == 406
        changed = {"jsonrpc": "2.0", "method": "notifications/tools/list_changed"}
        fronted.opened[0].say(changed)
        assert await event(first) == changed
        await first.body.aclose()
        fronted.opened[0].say({**changed, "params": {}})
        await fronted.ask(PING, session=session)
        assert await event(await fronted.ask(None, "GET", session)) == {**changed, "params": {}}

    run(work, Server())


def test_of_what_nobody_listens_for_only_so_much_is_kept():
    async def work(fronted: Fronted):
        session = await fronted.begin()
        for number in range(5):
            fronted.opened[0].say({"jsonrpc": "2.0", "method": "notifications/x", "params": {"n": number}})
        await fronted.ask(PING, session=session)
        listening = await fronted.ask(None, "GET", session)
        assert [(await event(listening))["params"]["n"] for _ in range(2)] == [3, 4]

    run(work, Server(), limits=Limits(conversation_held_messages_max=2))


def test_whoever_takes_its_messages_too_slowly_loses_them_and_no_other():
    big = "x" * 1000

    progress = {"jsonrpc": "2.0", "method": "notifications/progress", "params": {"progressToken": 1, "message": big}}

    def reply(said: Any) -> list[Any]:
        return [progress] if said["id"] == "slow" else [answer(said["id"])]

    async def work(fronted: Fronted):
        session = await fronted.begin()
        slow = await fronted.ask({**PING, "id": "slow", "params": {"_meta": {"progressToken": 1}}}, session=session)
        for _ in range(20):
            fronted.opened[0].say(progress)
        assert await whole(await fronted.ask(PING, session=session)) == answer(2)
        with pytest.raises(Exception, match="conversation_held_bytes_max"):
            await text(slow)
        assert await whole(await fronted.ask({**PING, "id": 4}, session=session)) == answer(4)

    run(work, Server(reply=reply), limits=Limits(conversation_held_bytes_max=5000))


def test_the_same_id_twice_at_once_is_refused():
    async def work(fronted: Fronted):
        session = await fronted.begin()
        first = asyncio.create_task(fronted.ask(PING, session=session))
        await asyncio.sleep(0)
        assert (await fronted.ask(PING, session=session)).status == 400
        fronted.opened[0].say(answer(2))
        assert (await first).status == 200

    run(work, Server(reply=lambda _said: []))


# ----------------------------------------------------------------------------------------------------- the modern era


def test_modern_requests_of_a_principal_share_a_channel_and_principals_do_not():
    async def work(fronted: Fronted):
        mine = await asyncio.gather(*(fronted.ask_modern("tools/list", identity=5) for _ in range(3)))
        assert [(await whole(one))["id"] for one in mine] == [5, 5, 5]
        await fronted.ask_modern("tools/list", who="you")
        assert len(fronted.opened) == 2

    first, second = Server(), Server()
    run(work, first, second)
    assert first.methods == ["server/discover", *["tools/list"] * 3]
    assert len({one["id"] for one in first.heard}) == 4
    assert second.methods == ["server/discover", "tools/list"]


@pytest.mark.parametrize("speaks", ["legacy", "nothing"])
def test_A4_a_legacy_server_never_sees_a_modern_call_and_the_client_is_told(speaks: str):
    async def work(fronted: Fronted):
        for method, more in (("tools/call", {"name": "x"}), ("server/discover", {})):
            said = await fronted.ask_modern(method, **more)
            told = (await whole(said))["error"]
            assert (said.status, told["code"], told["data"]["supported"][0]) == (400, -32022, "2025-11-25")
        assert len(fronted.opened) == 1
        assert await whole(await fronted.ask(PING, session=await fronted.begin())) == answer(2)

    old, again = Server(speaks), Server("legacy")
    run(work, old, again, limits=Limits(discover_seconds_max=0.05))
    assert {"server/discover", "notifications/cancelled"} >= set(old.methods)


def test_a_transport_of_the_older_kind_is_never_asked_in_the_modern_era():
    async def work(fronted: Fronted):
        assert (await fronted.ask_modern("tools/list")).status == 400
        assert fronted.opened == []

    run(work, Server(), modern=False)


def test_B6_the_end_of_a_modern_stream_cancels_what_it_waited_for():
    async def work(fronted: Fronted):
        said = await fronted.ask_modern("tools/call", name="x")
        await said.body.aclose()
        server = fronted.opened[0]
        await until(lambda: "notifications/cancelled" in server.methods)
        assert server.heard[-1]["params"]["requestId"] == server.heard[-2]["id"]

    run(work, Server(reply=lambda _said: []), limits=Limits(answer_whole_seconds_max=0.01))


def test_B6_a_modern_client_that_goes_before_any_answer_has_cancelled():
    async def work(fronted: Fronted):
        waiting = asyncio.create_task(fronted.ask_modern("tools/call", name="x"))
        await until(lambda: bool(fronted.opened) and "tools/call" in fronted.opened[0].methods)
        waiting.cancel()
        await until(lambda: "notifications/cancelled" in fronted.opened[0].methods)

    run(work, Server(reply=lambda _said: []))


@pytest.mark.parametrize(("code", "status"), [(-32601, 404), (-32021, 400), (-32602, 200), (-32603, 200)])
def test_an_error_has_the_status_that_the_modern_era_gives_it(code: int, status: int):
    def reply(said: Any) -> list[Any]:
        return [{"jsonrpc": "2.0", "id": said["id"], "error": {"code": code, "message": "no"}}]

    async def work(fronted: Fronted):
        assert (await fronted.ask_modern("tools/list")).status == status

    run(work, Server(reply=reply))


def test_a_modern_server_that_ended_is_begun_again_with_the_next_request():
    async def work(fronted: Fronted):
        await fronted.ask_modern("tools/list")
        fronted.opened[0].say(EOFError("crashed"))
        await until(lambda: bool(fronted.ended))
        assert await whole(await fronted.ask_modern("tools/list")) == answer(1)
        assert len(fronted.opened) == 2

    run(work, Server(), Server())


# ------------------------------------------------------------------------------------------------------------- bounds


def test_an_idle_conversation_is_ended_and_what_a_server_says_by_itself_does_not_keep_it():
    async def work(fronted: Fronted):
        await fronted.begin()
        await fronted.ask_modern("tools/list")

        def chatters() -> bool:
            fronted.opened[0].say({"jsonrpc": "2.0", "method": "notifications/x"})
            return len(fronted.ended) == 2

        await until(chatters)
        assert fronted.ended == ["idle for too long"] * 2

    run(work, Server(), Server(), limits=Limits(conversation_idle_seconds_max=0.1))


def test_a_session_whose_stream_is_open_is_not_idle_and_one_whose_client_has_gone_ends_soon():
    async def work(fronted: Fronted):
        listening = await fronted.ask(None, "GET", await fronted.begin())
        begun = asyncio.get_running_loop().time()
        await until(lambda: asyncio.get_running_loop().time() > begun + 0.5)
        assert fronted.ended == []
        await listening.body.aclose()
        await until(lambda: bool(fronted.ended))

    run(work, Server(), limits=Limits(conversation_left_seconds_max=0.1, conversation_idle_seconds_max=0.2))


def test_a_principal_has_only_so_many_conversations():
    async def work(fronted: Fronted):
        first = await fronted.begin()
        await fronted.begin()
        refused = await fronted.ask(INITIALIZE)
        assert (refused.status, dict(refused.headers)["retry-after"]) == (503, "2")
        await fronted.begin(who="you")
        await fronted.ask(None, "DELETE", first)
        await fronted.begin()

    run(work, *(Server() for _ in range(5)), limits=Limits(conversations_of_principal_max=2))


def test_a_server_that_may_not_be_started_now_is_told_as_unavailable():
    async def work(fronted: Fronted):
        refused = await fronted.ask(INITIALIZE)
        assert (refused.status, dict(refused.headers)["retry-after"]) == (503, "8")
        assert b"children_max" not in await text(refused)

    run(work, Server(), refuses=ChildRefusedError("limit children_max (64) reached", 7.5))
