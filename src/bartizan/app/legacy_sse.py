"""HTTP with server-sent events towards clients: the transport of 2024-11-05, for clients that know no other.

A GET opens the stream, whose first event names the endpoint; what is posted there is answered on the stream. Behind
it stands the same way as for every other client: each message is read, judged, recorded and sent on by
`Gateway.serve`. A session lives as long as its stream, in this process: elsewhere it is unknown, and its client begins
anew.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Coroutine
from typing import Any

import msgspec

from bartizan.adapters.transports.listener import Answer, Request
from bartizan.app.gateway import Door, Gateway, Served, unrecorded
from bartizan.app.legs import whole
from bartizan.app.merging import Renamed, closed
from bartizan.app.relaying import answer
from bartizan.app.subscribing import STREAM
from bartizan.model.decision import Effect
from bartizan.model.errors import RemoteProtocolError
from bartizan.model.json import as_text
from bartizan.protocol.jsonrpc import Envelope, decode, envelope
from bartizan.protocol.relay.downstream import message_event
from bartizan.protocol.relay.eras import LEGACY_VERSIONS
from bartizan.protocol.relay.reading import read
from bartizan.protocol.relay.refusals import Refused, Wrong, denial

_OWN = frozenset({"accept", "last-event-id", "mcp-session-id"})
_ACCEPT = ("accept", "application/json, text/event-stream")


class Session:
    """One client's stream and what is under way for it."""

    def __init__(self, server: str, principal: str, opened: Request, waiting: int) -> None:
        self.server, self.principal, self.opened = server, principal, opened
        self.upstream, self.version = "", ""
        self.waiting: asyncio.Queue[bytes | None] = asyncio.Queue(waiting)
        self.tasks: set[asyncio.Task[None]] = set()

    def start(self, work: Coroutine[Any, Any, None]) -> None:
        """Work that ends with the session."""
        task = asyncio.create_task(work)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    def headers(self, request: Request) -> tuple[tuple[str, str], ...]:
        """The headers of a message of this session, as a client of the newer transport sends them."""
        passed = [(name, value) for name, value in request.headers if name not in _OWN]
        own = {"mcp-session-id": self.upstream}
        if not any(name == "mcp-protocol-version" for name, _ in passed):
            own["mcp-protocol-version"] = self.version
        return (*passed, _ACCEPT, *((name, value) for name, value in own.items() if value))


class LegacySse:
    """The two endpoints of the older transport, for every server of the gateway."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway, self._limits = gateway, gateway.parts.limits
        self._sessions: dict[str, Session] = {}

    async def open(self, request: Request, server: str) -> Answer:
        """Answer the GET: the stream of a new session."""
        arrival = self._gateway.arrival(request, server)
        reading = read(request.method, request.headers, request.body, arrival, self._limits)
        if not isinstance(reading, Refused) and request.method != "GET":
            reading = Refused(wrong=Wrong.HTTP_METHOD)
        if not isinstance(reading, Refused) and len(self._sessions) >= self._limits.sse_sessions_max:
            reading = Refused(wrong=Wrong.BUSY)
        if isinstance(reading, Refused):
            return self._gateway.refuse(reading, server, request, arrival)
        decided = await self._gateway.judge(reading.items[0].call)
        if decided is None:
            return unrecorded()
        if decided.decision.effect is Effect.DENY:
            return answer(denial(decided.call, None, decided.decision))
        principal = decided.call.principal.id if decided.call.principal else ""
        name = self._gateway.parts.uid()
        session = Session(server, principal, request, self._limits.combined_waiting_events_max)
        self._sessions[name] = session
        return Answer(status=200, headers=STREAM, body=_Stream(self, name, session, self._limits.sse_seconds_max))

    async def message(self, request: Request, server: str) -> Answer:
        """Answer a POST to a session's endpoint: accepted, and what comes of it goes to the stream."""
        session = self._sessions.get(request.target.rpartition("/")[2])
        wrong = None
        if session is None or session.server != server:
            wrong = Wrong.SESSION
        elif request.method != "POST":
            wrong = Wrong.HTTP_METHOD
        elif len(session.tasks) >= self._limits.sse_messages_max:
            wrong = Wrong.BUSY
        if session is None or wrong is not None:
            return self._gateway.refuse(Refused(wrong=wrong or Wrong.SESSION), server, request)
        door = Door(session.principal)
        done: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        session.start(self._carried(session, request, door, done))
        passed = asyncio.ensure_future(door.passed.wait())
        await asyncio.wait({done, passed}, return_when=asyncio.FIRST_COMPLETED)
        passed.cancel()
        return done.result() if done.done() and not door.passed.is_set() else Answer(status=202)

    async def end(self, name: str) -> None:
        """The stream has ended: so has everything of its session, at the server too."""
        session = self._sessions.pop(name, None)
        if session is None:
            return
        for task in tuple(session.tasks):
            task.cancel()
        await asyncio.gather(*session.tasks, return_exceptions=True)
        if session.upstream:
            request = msgspec.structs.replace(session.opened, method="DELETE", headers=session.headers(session.opened))
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._limits.stop_seconds_max):
                    served = await self._gateway.serve(request, session.server)
                    await closed(served.answer.body)

    async def _carried(self, session: Session, request: Request, door: Door, done: asyncio.Future[Answer]) -> None:
        """One message to the server, and its answer to the stream."""
        try:
            await self._passed_on(session, request, door, done)
        finally:
            if not done.done():
                done.set_result(Answer(status=202))

    async def _passed_on(self, session: Session, request: Request, door: Door, done: asyncio.Future[Answer]) -> None:
        message = self._read(request)
        asked = msgspec.structs.replace(request, headers=session.headers(request))
        served = await self._gateway.serve(asked, session.server, door=door)
        if not door.passed.is_set():
            if not done.done():
                refused = served.answer.status >= 300
                done.set_result(served.answer if refused else Answer(status=202))
            await self._said(session, served, message)
            return
        if message.method == "initialize":
            await self._initialized(session, served)
        else:
            await self._said(session, served, message)
        if message.method == "notifications/initialized" and served.answer.status < 300:
            session.start(self._unasked(session))

    def _read(self, request: Request) -> Envelope:
        """What is posted, as far as this transport has to know; what is no message is refused further on."""
        try:
            return envelope(decode(request.body, self._limits))
        except RemoteProtocolError:
            return Envelope(kind="notification")

    async def _initialized(self, session: Session, served: Served) -> None:
        """The answer to the handshake says which session and version its further messages have."""
        try:
            text = await whole(served.answer, self._limits)
            version = as_text(envelope(decode(text, self._limits)).result.get("protocolVersion"))
        except RemoteProtocolError:
            return
        session.upstream = dict(served.answer.headers).get("mcp-session-id", "")
        session.version = version if version in LEGACY_VERSIONS else ""
        await session.waiting.put(message_event(text))

    async def _said(self, session: Session, served: Served, message: Envelope) -> None:
        """An answer to the stream. A refusal that names the request goes there too: the client waits there for it."""
        body = served.answer.body
        if isinstance(body, bytes):
            if (body and message.id is not None) or body.startswith(b"["):
                await session.waiting.put(message_event(body))
            return
        await self._pumped(session, body)

    async def _pumped(self, session: Session, body: AsyncIterator[bytes]) -> None:
        """A stream of the server's into the client's. Its ids lead nowhere here: this transport resumes nothing."""
        stream = Renamed(body, lambda data: data, None, self._limits)
        try:
            with contextlib.suppress(RemoteProtocolError, OSError):  # how it ended is recorded where it came in
                async for piece in stream:
                    if piece:
                        await session.waiting.put(piece)
        finally:
            await stream.aclose()

    async def _unasked(self, session: Session) -> None:
        """What the server says unasked, for as long as the session lives, if it says anything so."""
        request = msgspec.structs.replace(session.opened, headers=session.headers(session.opened))
        pause = 1.0
        while True:
            served = await self._gateway.serve(request, session.server, door=Door(session.principal))
            if isinstance(served.answer.body, bytes):
                return
            await self._pumped(session, served.answer.body)
            await asyncio.sleep(pause)
            pause = min(pause * 2, self._limits.child_back_off_seconds_max)


class _Stream:
    """The client's stream: first the endpoint, then messages. It has an end, as every stream."""

    def __init__(self, sse: LegacySse, name: str, session: Session, seconds: float) -> None:
        self._sse, self._name, self._session = sse, name, session
        self._until = asyncio.get_running_loop().time() + seconds
        self._begun = False

    def __aiter__(self) -> "_Stream":
        return self

    async def __anext__(self) -> bytes:
        if not self._begun:
            self._begun = True
            return f"event: endpoint\ndata: /servers/{self._session.server}/sse/{self._name}\n\n".encode()
        try:
            async with asyncio.timeout_at(self._until):
                piece = await self._session.waiting.get()
        except TimeoutError:
            piece = None
        if piece is None:
            await self.aclose()
            raise StopAsyncIteration
        return piece

    async def aclose(self) -> None:
        """The client has gone, or its time is over."""
        await self._sse.end(self._name)
