"""One answer of a server on its way to the client: read before it goes on, and streamed as it comes."""

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Protocol

from bartizan.adapters.transports.listener import Answer
from bartizan.model.errors import LimitExceededError, RemoteProtocolError
from bartizan.model.json import JsonObject, as_object
from bartizan.model.limits import Limits
from bartizan.model.snapshot import Era
from bartizan.protocol.jsonrpc import RequestId, decode, encode, envelope
from bartizan.protocol.mcp import META
from bartizan.protocol.relay.downstream import Answered, message_event
from bartizan.protocol.relay.eras import BRIDGES, OPENINGS, Crossing, era_shown
from bartizan.protocol.relay.headers import returned
from bartizan.protocol.relay.reading import Reading
from bartizan.protocol.relay.refusals import TABLE, Headers, Refused, Reply, Wrong, error, reply_to

Ended = Callable[[int, str], None]
"""Called once when an answer has ended: with its bytes, and what was wrong with it."""

# A header that readers could take for two things.
_SINGLE = frozenset({"content-type", "content-encoding", "mcp-session-id"})
_STATUSES_KEPT = frozenset({400, 404, 405, 406, 409, 413, 415, 429, 503})


class UpstreamAnswer(Protocol):
    """What a server answered."""

    @property
    def status(self) -> int: ...
    @property
    def headers(self) -> Headers: ...
    @property
    def body(self) -> AsyncIterator[bytes]: ...


class Sender(Protocol):
    """One server, however it is reached. Raises RemoteProtocolError, TimeoutError, OSError."""

    def send(self, reading: Reading, headers: Sequence[tuple[str, str]], body: bytes) -> Awaitable[UpstreamAnswer]:
        """Send a request and give the answer when its head has come.

        `headers` and `body` are what goes on; `reading` says what was understood of them and whose request it is. Its
        session is the sealed one: the server's own stands in `headers`.
        """
        ...

    async def close(self) -> None:
        """End everything that is held open for this server."""
        ...


def answer(reply: Reply) -> Answer:
    """An answer of the gateway's own."""
    return Answer(status=reply.status, headers=reply.headers, body=reply.body)


class Relay:
    """The way back of one request. `session` is the sealed id that a client gets when its request opens a session."""

    def __init__(self, reading: Reading, answered: Answered, limits: Limits, session: Callable[[str], str]) -> None:
        self._reading, self._answered, self._limits, self._session = reading, answered, limits, session

    async def answer(self, upstream: UpstreamAnswer, ended: Ended) -> Answer:
        """The answer for the client. Raises RemoteProtocolError, TimeoutError, OSError before anything has gone out."""
        headers: dict[str, str] = {}
        for name, value in upstream.headers:
            if name in _SINGLE and name in headers:
                raise RemoteProtocolError("a header of the answer stands twice")
            headers[name] = value
        if headers.get("content-encoding", "identity").lower() != "identity":
            raise RemoteProtocolError("an answer in an encoding that was not asked for")
        kind = headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind == "text/event-stream" and upstream.status == 200:
            stream = Stream(upstream.body, self._answered, self._reading, ended, self._limits.stream_seconds_max)
            return Answer(status=200, headers=_unbuffered(self._headers(upstream)), body=stream)
        body = await _all(upstream, self._limits.message_bytes_max)
        done = self._refusal(upstream, kind, body) if upstream.status >= 300 else self._whole(upstream, kind, body)
        ended(len(body), self._answered.faults.summary())
        return done

    def _whole(self, upstream: UpstreamAnswer, kind: str, body: bytes) -> Answer:
        """A plain answer: one JSON text to requests, nothing to anything else."""
        if not self._reading.ids:
            if body.strip() and kind != "application/json":
                raise RemoteProtocolError("a body where none belongs")
            return Answer(status=upstream.status, headers=self._headers(upstream, empty=True), body=b"")
        if kind != "application/json":
            raise RemoteProtocolError("an answer that is neither JSON nor an event stream")
        passed = self._answered.whole(body)
        if bridged := self._bridged(upstream.status, body):
            return bridged
        return Answer(status=upstream.status, headers=self._headers(upstream), body=passed)

    def _refusal(self, upstream: UpstreamAnswer, kind: str, body: bytes) -> Answer:
        """The server refused. Its words go on when they are a JSON-RPC error, its challenge never does."""
        status = upstream.status
        if status < 400 or status in {401, 403}:
            raise RemoteProtocolError(f"the server answered {status}: the gateway's own access to it is not in order")
        if bridged := self._bridged(status, body):
            return bridged
        with contextlib.suppress(RemoteProtocolError):
            if kind == "application/json" and envelope(decode(body, self._limits)).kind == "error":
                return Answer(status=status, headers=self._headers(upstream), body=body)
        told = Wrong.SESSION if status == 404 and self._reading.session else Wrong.UPSTREAM
        reply = reply_to(Refused(wrong=told, id=self._id(), era=self._reading.era))
        return Answer(status=status if status in _STATUSES_KEPT else 502, headers=reply.headers, body=reply.body)

    def _bridged(self, status: int, body: bytes) -> Answer | None:
        """The table's error, where the answer to an opening shows that the server does not speak the client's era."""
        method = self._reading.items[0].call.method
        if method not in OPENINGS:
            return None
        said: JsonObject = {}
        with contextlib.suppress(RemoteProtocolError):
            said = as_object(decode(body, self._limits))
        shown = era_shown(method, status, said)
        bridge = BRIDGES[self._reading.era, shown]
        if bridge.crossing is Crossing.RELAYED:
            return None
        status, code = TABLE[Wrong.ERAS]
        data: JsonObject = {"supported": list(bridge.supported), "requested": self._reading.revision}
        body = encode(error(self._id(), code, bridge.told.capitalize(), data))
        return Answer(status=status, headers=(("content-type", "application/json"),), body=body)

    def _headers(self, upstream: UpstreamAnswer, *, empty: bool = False) -> Headers:
        theirs = dict(upstream.headers).get("mcp-session-id", "") if self._reading.opens else ""
        passed = returned(upstream.headers, self._session(theirs) if theirs else "")
        return tuple(one for one in passed if one[0] != "content-type") if empty else passed

    def _id(self) -> str | int | None:
        return None if self._reading.batch else self._reading.items[0].id


class Stream:
    """An event stream to the client. Closing it closes the server's, which is how a client cancels."""

    def __init__(
        self, source: AsyncIterator[bytes], answered: Answered, reading: Reading, ended: Ended, seconds: float
    ) -> None:
        self._source, self._answered, self._reading, self._ended = source, answered, reading, ended
        self._seconds, self._until = seconds, asyncio.get_running_loop().time() + seconds
        self._waiting: deque[bytes] = deque()
        self._bytes = 0
        self._over = False

    def __aiter__(self) -> "Stream":
        return self

    async def __anext__(self) -> bytes:
        while not self._waiting:
            if self._over:
                raise StopAsyncIteration
            await self._more()
        return self._waiting.popleft()

    async def _more(self) -> None:
        try:
            data = await self._next()
            self._bytes += len(data)
            if passed := self._answered.feed(data):
                self._waiting.append(b"".join(passed))
        except StopAsyncIteration:
            if self._reading.era is Era.MODERN and self._answered.ids:  # a request is answered, if not by its server
                self._waiting += self._last_words(RemoteProtocolError())
            await self._end("")
        except (RemoteProtocolError, OSError, TimeoutError) as trouble:
            self._waiting += self._last_words(trouble)
            await self._end(str(trouble) or type(trouble).__name__)

    async def _next(self) -> bytes:
        """The next piece. However much a server says of its progress, a stream ends (Cancellation, "Timeouts")."""
        limit = asyncio.timeout_at(self._until)
        try:
            async with limit:
                return await anext(self._source)
        except TimeoutError:
            if limit.expired():
                raise LimitExceededError("stream_seconds_max", self._seconds) from None
            raise

    def _last_words(self, trouble: Exception) -> list[bytes]:
        """Errors for what stays unanswered. A legacy client may resume what only broke off."""
        if self._reading.era is Era.LEGACY and not isinstance(trouble, LimitExceededError):
            return []
        _, code = TABLE[Wrong.UPSTREAM]
        ids = sorted(self._answered.ids, key=str)
        if self._reading.items[0].call.method == "subscriptions/listen" and isinstance(trouble, LimitExceededError):
            return [message_event(encode(_ended_well(one))) for one in ids]
        return [message_event(encode(error(one, code, Wrong.UPSTREAM.value.capitalize()))) for one in ids]

    async def _end(self, trouble: str) -> None:
        if self._over:
            return
        self._over = True
        try:
            close = getattr(self._source, "aclose", None)
            if close is not None:
                await close()
        finally:
            self._ended(self._bytes, trouble or self._answered.faults.summary())

    async def aclose(self) -> None:
        """The client has gone."""
        await self._end("the client closed the stream before its end")


def _ended_well(identity: RequestId) -> JsonObject:
    """The end of a subscription that somebody ended on purpose (Subscriptions, "Graceful Closure")."""
    meta = {META + "subscriptionId": identity}
    return {"jsonrpc": "2.0", "id": identity, "result": {"resultType": "complete", "_meta": meta}}


def _unbuffered(headers: Headers) -> Headers:
    """What is between the gateway and its client must not keep events back (Streamable HTTP, "Receiving Messages")."""
    if any(name == "x-accel-buffering" for name, _ in headers):
        return headers
    return (*headers, ("x-accel-buffering", "no"))


async def _all(upstream: UpstreamAnswer, most: int) -> bytes:
    """The whole body, which mostly came together with the head. Raises LimitExceededError for one that is too long."""
    body: bytes | None = getattr(upstream, "whole", None)
    return body if body is not None and len(body) <= most else await whole(upstream.body, most)


async def whole(body: AsyncIterator[bytes], most: int) -> bytes:
    """A whole body. Raises LimitExceededError for one that is too long."""
    parts: list[bytes] = []
    held = 0
    async for data in body:
        held += len(data)
        if held > most:
            close = getattr(body, "aclose", None)
            if close is not None:
                await close()
            raise LimitExceededError("message_bytes_max", most)
        parts.append(data)
    return b"".join(parts)
