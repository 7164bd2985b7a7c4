"""The gateway's way to one server over HTTP: keep-alive connections of its own, everything bounded.

No request is sent twice: what was sent and not answered may have been carried out.
"""

import asyncio
import re
import ssl
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from functools import cache, partial
from typing import cast

from bartizan import __version__
from bartizan.adapters.transports.deadlines import NEVER, Deadlines
from bartizan.adapters.transports.http1 import METHODS, Reading, parse_target
from bartizan.adapters.transports.outbound import Allow, private_and_loopback, resolve
from bartizan.adapters.transports.tls import tls_context
from bartizan.model.errors import LimitExceededError, LocalProtocolError, RemoteProtocolError
from bartizan.model.limits import Limits

__all__ = ["Upstream", "UpstreamAnswer"]

_OURS = frozenset(
    "accept-encoding connection content-length expect host keep-alive proxy-connection te trailer transfer-encoding "
    "upgrade user-agent".split()
)
_WAITING_BYTES_MAX = 256 * 1024  # of an answer that is not read yet
_JOINED_BYTES_MAX = 64 * 1024
_HEADS_MAX = 256
_NAME = re.compile(r"[!#$%&'*+\-.^_`|~0-9a-z]+")
_FIXED = f"user-agent: bartizan/{__version__}\r\naccept-encoding: identity\r\n"


class UpstreamAnswer:
    """The head of an answer, and its body as it comes: `async for piece in answer.body`.

    `whole` is the body where it came together with the head, else None. Who does not read to the end calls `aclose`.
    """

    __slots__ = ("_exchange", "body", "headers", "status", "whole")

    def __init__(self, exchange: "_Exchange") -> None:
        self._exchange = exchange
        self.status, self.headers = exchange.status, tuple(exchange.headers)
        self.whole: bytes | None = None
        if exchange.done:
            pieces = exchange.pieces
            self.whole = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        self.body: AsyncIterator[bytes] = exchange

    def header(self, name: str) -> str:
        """A header's value, repeated ones joined by a comma; "" when absent. `name` in lower case."""
        return ", ".join([value for key, value in self.headers if key == name])

    async def read(self, most: int) -> bytes:
        """The whole body. Raises LimitExceededError beyond `most` bytes, RemoteProtocolError, TimeoutError."""
        pieces, size = list[bytes](), 0
        try:
            async for piece in self.body:
                size += len(piece)
                if size > most:
                    raise LimitExceededError("message_bytes_max", most)
                pieces.append(piece)
        finally:
            await self.aclose()
        return b"".join(pieces)

    async def aclose(self) -> None:
        """Let go of it: the connection ends unless the answer was whole."""
        await self._exchange.aclose()


class _Exchange:
    """One request and its answer on one connection; iterates over the body."""

    __slots__ = ("_arrival", "_error", "_wire", "done", "head_done", "headers", "pieces", "status", "waiting")

    def __init__(self, wire: "_Wire") -> None:
        self.head_done = self.done = False
        self.status, self.waiting = 0, 0
        self.headers, self.pieces = list[tuple[str, str]](), list[bytes]()
        self._arrival: asyncio.Future[None] | None = None
        self._wire: _Wire | None = wire
        self._error: Exception | None = None

    def begun(self, reading: Reading) -> None:
        """The head is here. From now on `reading` adds to `pieces`."""
        self.status, self.headers, self.pieces, self.head_done = reading.status, reading.headers, reading.body, True

    def came(self) -> None:
        """There is something new."""
        arrival = self._arrival
        if arrival is not None and not arrival.done():
            arrival.set_result(None)

    def failed(self, error: Exception) -> None:
        """The connection is gone, or what came is not an answer."""
        self._wire, self._error = None, error
        self.came()

    def finished(self) -> None:
        """The answer is whole; the connection is somebody else's now."""
        self._wire, self.done = None, True
        self.came()

    async def changed(self) -> None:
        """Wait for something new."""
        self._arrival = asyncio.get_running_loop().create_future()
        await self._arrival
        self._arrival = None

    async def head(self) -> None:
        """Wait for the head. Raises what went wrong."""
        while not self.head_done:
            if self._error is not None:
                raise self._error
            await self.changed()

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        pieces = self.pieces
        while not pieces:
            if self.done:
                raise StopAsyncIteration
            if self._error is not None:
                raise self._error
            await self.changed()
        data = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        pieces.clear()
        self.waiting = 0
        if self._wire is not None:
            self._wire.go_on()
        return data

    async def aclose(self) -> None:
        """End the connection if the answer is not whole."""
        if self._wire is not None:
            self._wire.abort()
            self._wire = None
            self._error = RemoteProtocolError("closed")


class _Wire(asyncio.Protocol):
    """One connection to the server: one exchange at a time."""

    def __init__(self, upstream: "Upstream") -> None:
        self._upstream, self._limits = upstream, upstream.limits
        self._made_in = upstream.renewals
        self._loop = asyncio.get_running_loop()
        self.transport: asyncio.Transport = cast("asyncio.Transport", None)
        self._exchange: _Exchange | None = None
        self._reading: Reading | None = None
        self._paused, self._ends, self.lost = False, NEVER, False
        self.deadline = NEVER

    # Called by the event loop

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Connected, TLS included."""
        self.transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Bytes have come."""
        exchange = self._exchange
        if exchange is None:
            return self.abort()  # nobody asked: what comes now could pass as the answer to the next request
        reading = cast("Reading", self._reading)
        try:
            reading.feed(data)
        except RemoteProtocolError as error:
            return self._fail(error)
        if reading.head_done and not exchange.head_done:
            exchange.begun(reading)
        if reading.done:
            return self._finish(exchange, reading)
        if reading.head_done:
            self.deadline = self._ends
            exchange.waiting += len(data)
            if exchange.waiting > _WAITING_BYTES_MAX and not self._paused:
                self._paused = True
                self.transport.pause_reading()
        return exchange.came()

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection has ended."""
        self.lost = True
        exchange = self._exchange
        if exchange is not None and self._reading is not None:
            try:
                self._reading.feed(b"")
                self._exchange = None
                exchange.finished()
            except RemoteProtocolError as error:
                self._fail(error)
        self._upstream.gone(self)

    # Called by its exchange, the pool and the timer

    def ask(self, message: bytes, body: bytes, seconds: float) -> _Exchange:
        """Send a request, whose answer must be whole within `seconds`."""
        if self._reading is None:
            self._reading = Reading(self._limits)
        else:
            self._reading.again()
        exchange = self._exchange = _Exchange(self)
        now = self._loop.time()
        self._ends = now + seconds
        self.deadline = min(self._ends, now + self._limits.upstream_head_seconds_max)
        if len(body) <= _JOINED_BYTES_MAX:
            self.transport.write(message + body)
        else:
            self.transport.writelines((message, body))
        return exchange

    def go_on(self) -> None:
        """What had come was read: more may come."""
        if self._paused:
            self._paused = False
            self.transport.resume_reading()

    def abort(self) -> None:
        """End now."""
        self._exchange = None
        self.transport.abort()

    def expire(self) -> None:
        """The answer did not begin or end in time, or nobody needed this connection."""
        self._fail(TimeoutError("no answer from the server in time"))

    def _finish(self, exchange: _Exchange, reading: Reading) -> None:
        self._exchange = None
        if reading.reusable and not self.transport.is_closing() and self._made_in == self._upstream.renewals:
            if self._paused:
                self._paused = False
                self.transport.resume_reading()
            self.deadline = self._loop.time() + self._limits.upstream_idle_seconds_max
            self._upstream.free(self)
        else:
            self.transport.abort()
        exchange.finished()

    def _fail(self, error: Exception) -> None:
        exchange, self._exchange = self._exchange, None
        if exchange is not None:
            exchange.failed(error)
        self.transport.abort()


class Upstream:
    """One server over streamable HTTP, at one URL. `allow` judges all addresses that its name has, at each connection.

    `tls` makes the context: trusted roots, own certificate. It is asked at each connection.
    """

    def __init__(
        self,
        url: str,
        limits: Limits,
        *,
        allow: Allow = private_and_loopback,
        tls: Callable[[], ssl.SSLContext] | None = None,
    ) -> None:
        self.limits, self._target, self._allow = limits, parse_target(url), allow
        self._tls = tls or _system_roots()
        self._fixed = f"host: {self._target.authority}\r\n{_FIXED}"
        self._composed: dict[tuple[tuple[str, str], ...], str] = {}
        self._idle: list[_Wire] = []
        self._open, self._closed, self.renewals = 0, False, 0
        self._waiters: deque[asyncio.Future[None]] = deque()
        self._deadlines = Deadlines(min(limits.upstream_head_seconds_max, limits.upstream_idle_seconds_max))

    @property
    def connections(self) -> int:
        """How many connections are open or being opened."""
        return self._open

    async def send(
        self, method: str, headers: Sequence[tuple[str, str]], body: bytes, *, seconds: float | None = None
    ) -> UpstreamAnswer:
        """Send one request and give the answer once its head is whole. Cancelling ends the connection.

        Names of headers are in lower case. The answer must begin within `upstream_head_seconds_max` and end within
        `seconds` (default and most: `upstream_seconds_max`). Raises LocalProtocolError for a header that cannot be
        sent, AddressRefusedError, other OSErrors (TimeoutError, ssl.SSLError, ...), RemoteProtocolError and
        LimitExceededError.
        """
        message = self._compose(method, headers, body)
        most = self.limits.upstream_seconds_max
        wire = self._take_idle() or await self._take()
        exchange = wire.ask(message, body, most if seconds is None else min(seconds, most))
        try:
            await exchange.head()
        except BaseException:
            await exchange.aclose()
            raise
        return UpstreamAnswer(exchange)

    def renew(self) -> None:
        """Connections from now on are made with what `tls` gives now. Those in use go on to the end of their answer."""
        self.renewals += 1
        for wire in tuple(self._idle):
            wire.abort()
        self._idle.clear()

    def close(self) -> None:
        """End every connection, those in use too."""
        self._closed = True
        for wire in tuple(self._deadlines.watched):
            wire.expire()
        self._deadlines.stop()
        self._idle.clear()

    def free(self, wire: _Wire) -> None:
        """A connection has nothing to do."""
        self._idle.append(wire)
        self._wake()

    def gone(self, wire: _Wire) -> None:
        """A connection has ended."""
        if wire in self._idle:
            self._idle.remove(wire)
        self._deadlines.watched.discard(wire)
        self._open -= 1
        self._wake()

    def _compose(self, method: str, headers: Sequence[tuple[str, str]], body: bytes) -> bytes:
        if method not in METHODS:
            raise LocalProtocolError(f"method {method[:20]!r} is not one that this client sends")
        key = tuple(headers)
        lines = self._composed.get(key)
        if lines is None:
            if len(self._composed) >= _HEADS_MAX:
                self._composed.clear()
            lines = self._composed[key] = self._lines(key)
        length = f"content-length: {len(body)}\r\n" if body or method == "POST" else ""
        return f"{method} {self._target.path} HTTP/1.1\r\n{lines}{length}\r\n".encode("ascii")

    def _lines(self, headers: tuple[tuple[str, str], ...]) -> str:
        """The lines of a head but for the length. They are kept, for clients repeat themselves."""
        for name, value in headers:
            if name in _OURS or not _NAME.fullmatch(name):
                raise LocalProtocolError(
                    f"header {name[:40]!r} is set by the client alone, or not a name in lower case"
                )
            if not value.isascii() or not value.isprintable():
                raise LocalProtocolError(f"header {name[:40]!r} cannot be sent: not one line of visible ASCII")
        lines = self._fixed + "".join([f"{name}: {value}\r\n" for name, value in headers])
        if self._target.basic and not any(name == "authorization" for name, _ in headers):
            lines += f"authorization: {self._target.basic}\r\n"
        return lines

    def _take_idle(self) -> _Wire | None:
        now = asyncio.get_running_loop().time()
        while self._idle:
            wire = self._idle.pop()
            if wire.deadline > now and not wire.lost and not wire.transport.is_closing():
                return wire
            wire.abort()
        return None

    async def _take(self) -> _Wire:
        """A connection that is free, or a new one where there may be one more; waits for its turn."""
        try:
            async with asyncio.timeout(self.limits.upstream_head_seconds_max):
                while not self._closed and self._open >= self.limits.upstream_connections_max:
                    waiter = asyncio.get_running_loop().create_future()
                    self._waiters.append(waiter)
                    await waiter
                    if (wire := self._take_idle()) is not None:
                        return wire
        except TimeoutError:
            raise LimitExceededError("upstream_connections_max", self.limits.upstream_connections_max) from None
        if self._closed:
            raise ConnectionError("closed")
        return await self._connect()

    def _wake(self) -> None:
        while self._waiters:
            waiter = self._waiters.popleft()
            if not waiter.done():
                return waiter.set_result(None)
        return None

    async def _connect(self) -> _Wire:
        """A new connection, to the first address that answers."""
        target, loop = self._target, asyncio.get_running_loop()
        failure: OSError = ConnectionError("the name has no address")
        context = self._tls() if target.secure else None
        name = target.host if target.secure else None
        self._open += 1
        try:
            async with asyncio.timeout(self.limits.connect_seconds_max):
                for address in await resolve(target, self._allow):
                    try:
                        _, wire = await loop.create_connection(
                            lambda: _Wire(self), address, target.port, ssl=context, server_hostname=name
                        )
                    except OSError as error:
                        failure = error
                    else:
                        self._deadlines.add(wire)
                        self._open += 1  # the wire gives its own back, by `gone`
                        return wire
            raise failure
        except TimeoutError:
            raise TimeoutError(f"no connection within {self.limits.connect_seconds_max:g} s") from None
        finally:
            self._open -= 1
            self._wake()


def _system_roots() -> Callable[[], ssl.SSLContext]:
    """The roots of the system, read once, when they are needed."""
    return cache(partial(tls_context, verify=True))
