"""The gateway's ear: HTTP/1.1 in, one handler's answers out, every hostile client bounded by `model/limits.py`."""

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Callable
from functools import partial
from typing import Any, cast

from bartizan.adapters.transports.answer import Answer
from bartizan.adapters.transports.connection import Connection, Failed, Handler, Refused, Shared
from bartizan.adapters.transports.request import RefusedError, Request
from bartizan.model.limits import Limits

__all__ = ["Answer", "Handler", "Listener", "RefusedError", "Request"]

_BACKLOG = 1024


class Listener:
    """Serves one address. `tls` makes the context; it is asked again by `reload_tls`. Port 0 takes a free one.

    `on_refused` hears of what was not a request, with the client's `address:port`; `on_failed` of a handler that
    raised. Neither may raise.
    """

    def __init__(
        self,
        host: str,
        port: int,
        handler: Handler,
        limits: Limits,
        tls: Callable[[], ssl.SSLContext] | None = None,
        *,
        on_refused: Refused | None = None,
        on_failed: Failed | None = None,
    ) -> None:
        self.host, self.port = host, port
        self._limits, self._tls = limits, tls
        self._shared = Shared(handler, limits, on_refused, on_failed)
        self._socket: socket.socket | None = None
        self._server: asyncio.Server | None = None

    @property
    def connections(self) -> int:
        """How many connections are open."""
        return len(self._shared.connections)

    @property
    def held_bytes(self) -> int:
        """Bytes of requests that are read or handled."""
        return self._shared.held_bytes

    async def start(self) -> None:
        """Listen. Raises OSError when the address cannot be had, and what `tls` raises."""
        context = self._tls() if self._tls else None
        found = await asyncio.get_running_loop().getaddrinfo(self.host, self.port, type=socket.SOCK_STREAM)
        family, address = found[0][0], cast("tuple[str, int]", found[0][4])
        self._socket = socket.create_server(address, family=family, backlog=_BACKLOG)
        self.port = self._socket.getsockname()[1]
        self._server = await self._serve(self._socket, context)

    async def reload_tls(self, *, renew: bool = False) -> None:
        """Take new certificates for new connections. Raises what `tls` raises: the old ones stay.

        The others go on; with `renew` up to the end of the request that is under way, for what their clients proved
        does not count any more.
        """
        if self._tls is None or self._socket is None or self._server is None:
            return
        old, self._server = self._server, await self._serve(self._socket, self._tls())
        old.close()
        if renew:
            self._drain_connections()

    async def drain(self, seconds: float) -> None:
        """Let what is under way end within `seconds`. Each connection has one more answer; new ones are still taken.

        So whoever asks whether this gateway is ready hears that it is not, instead of nothing.
        """
        self._shared.draining = True
        self._drain_connections()
        await self._emptied(seconds)

    async def stop(self, drain_seconds: float) -> None:
        """Take no more connections, let requests under way end within `drain_seconds`, then cancel them."""
        self._shared.draining = self._shared.stopped = True
        if self._server is not None and self._socket is not None:
            self._server.close()
            self._socket.close()
        self._drain_connections()
        await self._emptied(drain_seconds)
        for connection in tuple(self._shared.connections):
            connection.abort()
        await self._emptied(self._limits.stop_seconds_max)
        self._shared.deadlines.stop()

    def _drain_connections(self) -> None:
        for connection in tuple(self._shared.connections):
            connection.drain()

    async def _emptied(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while self._shared.connections:
                    self._shared.empty.clear()
                    await self._shared.empty.wait()

    async def _serve(self, listening: socket.socket, context: ssl.SSLContext | None) -> asyncio.Server:
        """A server on a socket of its own for the same port: so a new context takes over without a gap."""
        tls: dict[str, Any] = {}
        if context is not None:
            tls = {"ssl": context, "ssl_handshake_timeout": self._limits.tls_handshake_seconds_max}
        loop = asyncio.get_running_loop()
        return await loop.create_server(
            partial(Connection, self._shared), sock=listening.dup(), backlog=_BACKLOG, **tls
        )
