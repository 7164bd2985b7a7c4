"""Egress: the proxy that the fetching box must use. It knows a list of hosts and ports, and refuses the rest."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Callable, Collection
from urllib.parse import urlsplit

from bartizan.model.limits import Limits

Destination = tuple[str, int]
Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]
_PORTS = {"http": 80, "https": 443}


class RefusedError(Exception):
    """What the client asked for is not allowed or no proxy request; the message goes to it."""


def destination_of(url: str) -> Destination | None:
    """Host (lower case) and port of an http or https URL; nothing for other schemes and for what is no URL."""
    try:
        parts = urlsplit(url)
        port = parts.port or _PORTS.get(parts.scheme, 0)
    except ValueError:
        return None
    return (parts.hostname.lower(), port) if parts.scheme in _PORTS and parts.hostname and port else None


class EgressProxy:
    """Carries connections from a Unix socket to the allowed destinations, and counts what comes back.

    `refused` holds what was asked for and denied, `full` is called once when `fetch_bytes_max` is reached. `upstream`
    is the proxy of this host, where it has one: then names are resolved there.
    """

    def __init__(
        self,
        allowed: Collection[Destination],
        limits: Limits,
        *,
        upstream: Destination | None = None,
        full: Callable[[], None] = lambda: None,
    ) -> None:
        self._allowed, self._limits, self._upstream, self._full = frozenset(allowed), limits, upstream, full
        self._open = 0
        self._carrying: set[asyncio.Task[None]] = set()
        self.refused: list[str] = []
        self.bytes = 0

    @contextlib.asynccontextmanager
    async def serving(self, path: str) -> AsyncGenerator[None, None]:
        """Listen on a Unix socket in a private folder; afterwards no connection is left, on either side."""
        server = await asyncio.start_unix_server(self._carry, path, limit=self._limits.header_bytes_max)
        try:
            yield
        finally:
            server.close()
            for task in self._carrying:
                task.cancel()
            await asyncio.gather(*self._carrying, return_exceptions=True)

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open += 1
        task = asyncio.current_task()
        assert task is not None
        self._carrying.add(task)
        task.add_done_callback(self._carrying.discard)
        try:
            await self._one(reader, writer)
        except RefusedError as refusal:
            with contextlib.suppress(OSError):
                writer.write(f"HTTP/1.1 403 {refusal}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n".encode())
                await writer.drain()
        except (OSError, EOFError, asyncio.LimitOverrunError):
            pass  # the client sees a closed connection, and says so
        finally:
            self._open -= 1
            await _closed(writer)

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._open > self._limits.proxy_connections_max:
            raise RefusedError("too many connections")
        head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), self._limits.index_seconds_max)
        method, target, lines = read_head(head)
        wanted = destination_of(f"https://{target}" if method == "CONNECT" else target)
        if wanted is None or wanted not in self._allowed:
            raise self._refusal(target if wanted is None else f"{wanted[0]}:{wanted[1]}")
        outer_reader, outer_writer = await self._connect(wanted, tunnel=method == "CONNECT")
        if method == "CONNECT":
            writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        else:
            outer_writer.write(plain_request(method, target, lines, whole=self._upstream is not None))
        try:
            await asyncio.gather(self._copy(reader, outer_writer), self._copy(outer_reader, writer, counted=True))
        finally:
            await _closed(outer_writer)

    def _refusal(self, what: str) -> RefusedError:
        if len(self.refused) < self._limits.proxy_connections_max:
            self.refused.append(what)
        return RefusedError("not a host of the configured index")

    async def _connect(self, wanted: Destination, *, tunnel: bool) -> Streams:
        host, port = self._upstream or wanted
        opening = asyncio.open_connection(host, port, limit=self._limits.header_bytes_max)
        reader, writer = await asyncio.wait_for(opening, self._limits.index_seconds_max)
        if self._upstream and tunnel:
            name = f"[{wanted[0]}]" if ":" in wanted[0] else wanted[0]
            writer.write(f"CONNECT {name}:{wanted[1]} HTTP/1.1\r\nHost: {name}:{wanted[1]}\r\n\r\n".encode())
            answer = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), self._limits.index_seconds_max)
            if answer.split(b" ")[1:2] != [b"200"]:
                writer.close()
                raise RefusedError("the proxy of this host refused")
        return reader, writer

    async def _copy(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, counted: bool = False) -> None:
        with contextlib.suppress(OSError):
            while block := await reader.read(65_536):
                self.bytes += len(block) if counted else 0
                if self.bytes > self._limits.fetch_bytes_max:
                    self._full()
                    break
                writer.write(block)
                await writer.drain()
        writer.close()


async def _closed(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()


def read_head(head: bytes) -> tuple[str, str, list[str]]:
    """Method, target and header lines of a request to a proxy. Raises RefusedError."""
    first, *lines = head.decode("latin-1").split("\r\n")
    words = first.split(" ")
    if len(words) != 3 or not words[0].isalpha() or not words[2].startswith("HTTP/1."):
        raise RefusedError("not a request to a proxy")
    return words[0], words[1], [line for line in lines if line]


def plain_request(method: str, target: str, lines: list[str], *, whole: bool) -> bytes:
    """The request as the index is to see it: one per connection, so that a second cannot go astray."""
    parts = urlsplit(target)
    path = target if whole else (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    kept = [line for line in lines if line.partition(":")[0].lower() not in {"connection", "proxy-connection", "host"}]
    host = parts.netloc.rpartition("@")[2]
    return "\r\n".join([f"{method} {path} HTTP/1.1", f"Host: {host}", "Connection: close", *kept, "", ""]).encode(
        "latin-1"
    )
