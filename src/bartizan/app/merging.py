"""Event streams of servers on their way to a client of the combined endpoint: renamed, and several as one."""

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator, Callable, Sequence

from bartizan.model.errors import RemoteProtocolError
from bartizan.model.limits import Limits
from bartizan.protocol.framing import Events
from bartizan.protocol.relay.downstream import RawEvents, with_data

Change = Callable[[bytes], bytes]
"""A message as the client gets it; empty for one that it does not get. Raises RemoteProtocolError: it does not."""

_ID = re.compile(rb"^id:[ ]?", re.MULTILINE)


class Renamed:
    """One server's stream with its messages changed.

    A piece may be empty. `event_ids` is put in front of each id of an event, so that it leads back to this server;
    None leaves them out.
    """

    def __init__(self, source: AsyncIterator[bytes], change: Change, event_ids: str | None, limits: Limits) -> None:
        self._source, self._change, self._event_ids = source, change, event_ids
        self._raw, self._limits = RawEvents(limits), limits

    def __aiter__(self) -> "Renamed":
        return self

    async def __anext__(self) -> bytes:
        return b"".join([self._event(raw) for raw in self._raw.feed(await anext(self._source))])

    def _event(self, raw: bytes) -> bytes:
        parsed = Events(self._limits).feed(raw)
        if parsed and parsed[0].data:
            try:
                new = self._change(parsed[0].data)
            except RemoteProtocolError:
                return b""
            if not new:
                return b""
            raw = raw if new is parsed[0].data else with_data(raw, new)
        if self._event_ids is None:
            return _without_id(raw)
        return _ID.sub(b"id: " + self._event_ids.encode(), raw)

    async def aclose(self) -> None:
        """The client has gone."""
        await closed(self._source)


def _without_id(raw: bytes) -> bytes:
    """The event without an id; nothing where it had nothing else."""
    kept = [line for line in raw.splitlines(keepends=True) if not line.startswith(b"id:") and line.rstrip() != b"id"]
    return b"".join(kept) if any(line.strip() for line in kept) else b""


class Merged:
    """Several streams as one, no faster than the client reads. It ends when the first of them ends.

    What a server says while its stream is down is lost: the client learns that by the end, and asks again.
    """

    def __init__(self, first: bytes, streams: Sequence[AsyncIterator[bytes]], limits: Limits) -> None:
        self._first, self._streams = first, streams
        self._waiting: asyncio.Queue[bytes | None] = asyncio.Queue(limits.combined_waiting_events_max)
        self._tasks: list[asyncio.Task[None]] = []
        self._over = False

    def __aiter__(self) -> "Merged":
        return self

    async def __anext__(self) -> bytes:
        if self._over:
            raise StopAsyncIteration
        if not self._tasks:
            self._tasks = [asyncio.create_task(self._pump(one)) for one in self._streams]
            if self._first:
                return self._first
        piece = await self._waiting.get()
        if piece is not None:
            return piece
        await self.aclose()
        raise StopAsyncIteration

    async def _pump(self, stream: AsyncIterator[bytes]) -> None:
        with contextlib.suppress(RemoteProtocolError, OSError):  # how it ended is recorded where it came in
            async for piece in stream:
                if piece:
                    await self._waiting.put(piece)
        await self._waiting.put(None)

    async def aclose(self) -> None:
        """End all of them."""
        if self._over:
            return
        self._over = True
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for stream in self._streams:
            await closed(stream)


async def closed(stream: object) -> None:
    """Close a stream, if it can be."""
    close = getattr(stream, "aclose", None)
    if close is not None:
        await close()
