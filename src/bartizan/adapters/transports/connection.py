"""One client's connection to the listener: read, handled and answered by one task, in order.

What a client sends ahead waits unread. A connection that ends cancels its handler.
"""

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from email.utils import formatdate
from typing import Any, cast

from bartizan.adapters.transports.answer import END, Answer, Blocks, chunk, head_of
from bartizan.adapters.transports.deadlines import NEVER, Deadlines
from bartizan.adapters.transports.request import RefusedError, Request, RequestReader
from bartizan.adapters.transports.tls_server import certificate_of
from bartizan.model.errors import LocalProtocolError
from bartizan.model.limits import Limits

Handler = Callable[[Request], Awaitable[Answer]]
Refused = Callable[[RefusedError, str], None]
Failed = Callable[[Exception], None]

_AHEAD_BYTES_MAX = 64 * 1024  # read beyond the request that is being handled
_JOINED_BYTES_MAX = 64 * 1024  # head and body go out as one piece
_PLAIN = (("content-type", "text/plain; charset=utf-8"),)
_COMMENT = chunk(b":\n\n")  # Streamable HTTP, "Receiving Messages": keeps a quiet stream open
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


class Shared:
    """What the connections of one listener have in common."""

    def __init__(self, handler: Handler, limits: Limits, on_refused: Refused | None, on_failed: Failed | None) -> None:
        self.handler, self.limits = handler, limits
        self.on_refused, self.on_failed = on_refused, on_failed
        self.draining = self.stopped = False
        self.held_bytes = 0
        self.connections: set[Connection] = set()
        self.empty = asyncio.Event()
        self.deadlines = Deadlines(
            min(
                limits.request_head_seconds_max,
                limits.request_body_seconds_max,
                limits.keep_alive_seconds_max,
                limits.write_stall_seconds_max,
                limits.stream_comment_seconds,
                limits.linger_seconds_max,
            )
        )
        self.blocks: Blocks = {}
        self._date, self._second = "", 0

    def forget(self, connection: "Connection") -> None:
        """A connection is gone, its task too."""
        self.connections.discard(connection)
        self.deadlines.watched.discard(connection)
        if not self.connections:
            self.empty.set()

    def date(self) -> str:
        """The Date header, written once a second."""
        now = int(time.time())
        if now != self._second:
            self._second, self._date = now, formatdate(now, usegmt=True)
        return self._date


class Connection(asyncio.Protocol):
    """One client's connection."""

    def __init__(self, shared: Shared) -> None:
        self._shared, self._limits = shared, shared.limits
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport = cast("asyncio.Transport", None)
        self._reader: RequestReader = cast("RequestReader", None)
        self._task: asyncio.Task[None] | None = None
        self._arrival: asyncio.Future[None] | None = None
        self._writable: asyncio.Future[None] | None = None
        self._held, self._peer = 0, ""
        self._last = False
        self._paused = self._answering = self._stalling = self._lingering = self._lost = self._served_once = False
        self._commenting = False
        self.deadline = NEVER

    # Called by the event loop

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client has come, its TLS handshake done."""
        self._transport, shared = cast("asyncio.Transport", transport), self._shared
        self._peer = _shown(transport.get_extra_info("peername"))
        self._reader = RequestReader(self._limits, peer=self._peer, certificate=certificate_of(transport))
        if shared.stopped or len(shared.connections) >= self._limits.connections_max:
            self._write_refusal(RefusedError(503, "too many connections"))
            self._transport.close()
            return
        _keep_alive(transport.get_extra_info("socket"))
        shared.connections.add(self)
        shared.deadlines.add(self)
        self._task = self._loop.create_task(self._serve())
        self._task.add_done_callback(self._served)

    def data_received(self, data: bytes) -> None:
        """Bytes have come."""
        if self._lingering:
            return
        self._held += len(data)
        self._shared.held_bytes += len(data)
        self._reader.feed(data)
        if self._shared.held_bytes > self._limits.requests_held_bytes_max and not self._paused:
            self._paused = True  # no more of it before the task has refused it
            self._transport.pause_reading()
        if self._arrival is not None:
            if not self._arrival.done():
                self._arrival.set_result(None)
        elif self._reader.waiting > _AHEAD_BYTES_MAX and not self._paused:
            self._paused = True
            self._transport.pause_reading()

    def eof_received(self) -> bool:
        """Whoever has ended its side is gone: the connection closes, which cancels what is under way."""
        return False

    def pause_writing(self) -> None:
        """The client does not read as fast as we write."""
        self._writable, self._stalling = self._loop.create_future(), True
        self._within(self._limits.write_stall_seconds_max)

    def resume_writing(self) -> None:
        """It reads again."""
        self._stalling, self.deadline = False, NEVER
        if self._commenting:
            self._within(self._limits.stream_comment_seconds)
        self._wake_writer()

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection has ended, from whichever side."""
        self._lost = True
        self._wake_writer()
        if self._task is None or self._task.done():
            self._shared.forget(self)
        else:
            self._task.cancel()

    # Called by the listener

    def drain(self) -> None:
        """End when the request under way is answered; at once where there is none."""
        self._last = True
        if not (self._answering or self._lingering or self._reader.in_body or self._reader.waiting):
            self._close()

    def abort(self) -> None:
        """End now."""
        self._transport.abort()

    def expire(self) -> None:
        """The client was too slow: to send a request, to read an answer, or to go."""
        if self._stalling or self._lingering or self._transport.is_closing():
            self._transport.abort()
        elif self._commenting:
            self._transport.write(_COMMENT)
            self._within(self._limits.stream_comment_seconds)
        elif self._arrival is not None and not self._arrival.done() and (self._reader.in_body or self._reader.waiting):
            self._arrival.set_exception(RefusedError(408, "the request did not come in time"))
        else:
            self._close()

    # The task

    async def _serve(self) -> None:
        try:
            closes = False
            while not closes:
                request, closes = await self._next()
                self.deadline, self._answering = NEVER, True
                answer = await self._handled(request)
                closes = closes or self._shared.draining or self._last
                await self._send(request, answer, closes=closes)
                closes = closes or self._shared.draining  # which may have begun while the answer went out
                self._answering, self._served_once = False, True
                self._let_go()
            self._close()
        except RefusedError as refused:
            self._refuse(refused)

    def _served(self, task: asyncio.Task[None]) -> None:
        """The task has ended: nothing of this connection is held any longer, not even until garbage is collected."""
        self._let_go()
        self._reader.clear()
        self._task = None  # its error knows the frames that know the request and this connection
        if not task.cancelled() and isinstance(error := task.exception(), Exception):
            self._failed(error)
            self._transport.abort()
        if self._lost:
            self._shared.forget(self)

    async def _next(self) -> tuple[Request, bool]:
        """The next whole request, and whether it is the last one. Raises RefusedError."""
        reader, seconds = self._reader, 0.0
        while True:
            taken = reader.take() if reader.waiting or reader.in_body else None
            if taken is not None:
                return taken
            if self._paused:
                self._paused = False
                self._transport.resume_reading()
            if (allowed := self._seconds_allowed()) != seconds:
                self._within(allowed)
                seconds = allowed
            self._arrival = self._loop.create_future()
            await self._arrival
            self._arrival = None
            if self._shared.held_bytes > self._limits.requests_held_bytes_max:
                raise RefusedError(503, "too many bytes of requests at once")

    def _seconds_allowed(self) -> float:
        """How long the client may take for what it is about."""
        if self._reader.in_body:
            if self._reader.take_continue():
                self._transport.write(_CONTINUE)
            return self._limits.request_body_seconds_max
        if self._reader.waiting or not self._served_once:
            return self._limits.request_head_seconds_max
        return self._limits.keep_alive_seconds_max

    async def _handled(self, request: Request) -> Answer:
        try:
            return await self._shared.handler(request)
        except Exception as error:
            self._failed(error)
            return Answer(status=500)

    async def _send(self, request: Request, answer: Answer, *, closes: bool) -> None:
        body, write = answer.body, self._transport.write
        try:
            head = head_of(answer, self._shared.blocks, date=self._shared.date(), closes=closes)
        except (LocalProtocolError, UnicodeEncodeError) as error:
            self._failed(error)
            await _end(body)
            body, head = b"", head_of(Answer(status=500), self._shared.blocks, date=self._shared.date(), closes=closes)
        if request.method == "HEAD":
            write(head)
            await _end(body)
        elif not isinstance(body, bytes):
            await self._stream(head, body, comments=_are_events(answer))
        elif len(body) <= _JOINED_BYTES_MAX:
            write(head + body)
        else:
            self._transport.writelines((head, body))
        await self._written()

    async def _stream(self, head: bytes, body: AsyncIterator[bytes], *, comments: bool) -> None:
        """Write pieces as they come, no faster than the client reads. A failure shows as a body that does not end.

        `comments` is whether the pieces are whole events: then a comment goes out where none comes for long.
        """
        write = self._transport.write
        write(head)
        self._commenting = comments
        try:
            if comments:
                self._within(self._limits.stream_comment_seconds)
            async for piece in body:
                if piece:
                    write(chunk(piece))
                    await self._written()
                    if comments:
                        self._within(self._limits.stream_comment_seconds)
            write(END)
        except Exception as error:
            self._failed(error)
            self._transport.abort()
        finally:
            self._commenting, self.deadline = False, NEVER
            await _end(body)

    async def _written(self) -> None:
        while self._writable is not None:
            await self._writable

    # Helpers

    def _wake_writer(self) -> None:
        writable, self._writable = self._writable, None
        if writable is not None and not writable.done():
            writable.set_result(None)

    def _within(self, seconds: float) -> None:
        self.deadline = self._loop.time() + seconds

    def _let_go(self) -> None:
        self._shared.held_bytes -= self._held
        self._held = 0

    def _failed(self, error: Exception) -> None:
        if self._shared.on_failed is not None:
            self._shared.on_failed(error)

    def _write_refusal(self, refused: RefusedError) -> None:
        if self._shared.on_refused is not None:
            self._shared.on_refused(refused, self._peer)
        answer = Answer(status=refused.status, headers=_PLAIN, body=f"{refused.reason}\n".encode())
        body = cast("bytes", answer.body)
        self._transport.write(head_of(answer, self._shared.blocks, date=self._shared.date(), closes=True) + body)

    def _refuse(self, refused: RefusedError) -> None:
        """Say why, then wait a little for the client to go: closing on what it still sends would lose the answer."""
        self._write_refusal(refused)
        if not self._transport.can_write_eof():
            return self._close()
        self._lingering = True
        self._reader.clear()  # what it held is not counted any more
        self._transport.write_eof()
        if self._paused:
            self._transport.resume_reading()
        return self._within(self._limits.linger_seconds_max)

    def _close(self) -> None:
        """End once all is written, or the client has not read it for too long."""
        self._within(self._limits.write_stall_seconds_max)
        self._transport.close()


async def _end(body: bytes | AsyncIterator[bytes]) -> None:
    close = getattr(body, "aclose", None)
    if close is not None:
        await close()


def _are_events(answer: Answer) -> bool:
    return any(name == "content-type" and value.startswith("text/event-stream") for name, value in answer.headers)


def _shown(name: tuple[Any, ...] | str | None) -> str:
    """`address:port` of a socket's name."""
    if not isinstance(name, tuple):
        return ""
    return f"[{name[0]}]:{name[1]}" if ":" in str(name[0]) else f"{name[0]}:{name[1]}"


def _keep_alive(plain: socket.socket | None) -> None:
    """Have the system find out that a silent client has vanished: within two minutes, where it can be told."""
    if plain is None:
        return
    plain.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in (("TCP_KEEPIDLE", 60), ("TCP_KEEPINTVL", 20), ("TCP_KEEPCNT", 3)):
        if (option := getattr(socket, name, None)) is not None:
            plain.setsockopt(socket.IPPROTO_TCP, option, value)
