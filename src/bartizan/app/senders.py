"""The servers of this gateway, each by the way in which it is reached."""

import ssl
from collections.abc import Awaitable, Callable, Mapping, Sequence

from bartizan.adapters.transports.outbound import no_metadata_service
from bartizan.adapters.transports.pool import Upstream
from bartizan.app.config import ServerEntry
from bartizan.app.relaying import Sender, UpstreamAnswer
from bartizan.model.errors import UsageError
from bartizan.model.limits import Limits
from bartizan.protocol.relay.reading import Reading

TlsOf = Callable[[str], Callable[[], ssl.SSLContext] | None]
_NAME = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-"


def _roots(_server: str) -> None:
    """Every server is known by the roots of the system."""


class HttpSender:
    """A server over streamable HTTP."""

    def __init__(self, upstream: Upstream) -> None:
        self._upstream = upstream

    def send(self, reading: Reading, headers: Sequence[tuple[str, str]], body: bytes) -> Awaitable[UpstreamAnswer]:
        """Send a request; what it raises is that of `Upstream.send`."""
        return self._upstream.send(reading.http_method, headers, body)

    def renew(self) -> None:
        """New certificates: for new connections."""
        self._upstream.renew()

    async def close(self) -> None:
        """End every connection."""
        self._upstream.close()


def senders(servers: Mapping[str, ServerEntry], limits: Limits, tls: TlsOf = _roots) -> dict[str, Sender]:
    """A sender for each server. `tls` gives what makes its context, where it has one of its own.

    Raises UsageError for what this gateway cannot front.
    """
    found: dict[str, Sender] = {}
    for name, entry in servers.items():
        if not name or len(name) > 100 or not set(name) <= set(_NAME):
            raise UsageError(f"gateway.servers: {name[:80]!r} cannot be part of a path", remedy=f"use {_NAME[-15:]}")
        if not entry.url:
            raise UsageError(
                f"gateway.servers.{name}: a server that is started by a command is not fronted over HTTP yet",
                remedy="give its url, or let the client start it through `bartizan connect`",
            )
        try:
            found[name] = HttpSender(Upstream(entry.url, limits, allow=no_metadata_service, tls=tls(name)))
        except OSError as error:
            raise UsageError(f"gateway.servers.{name}: {error}") from None
    return found
