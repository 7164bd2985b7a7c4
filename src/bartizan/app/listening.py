"""Where the gateway listens, and what it shows and asks for there and towards servers.

Who is reached by others proves itself: beyond this machine nothing goes in the clear, and nobody is let in unproven.
"""

import ssl
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

import msgspec

from bartizan.adapters.transports.tls import client_context
from bartizan.adapters.transports.tls_server import server_context
from bartizan.app.config import Gateway
from bartizan.model.errors import UsageError
from bartizan.model.secret import Secret
from bartizan.model.tls import ListenTls, UpstreamTls
from bartizan.protocol.relay.places import is_loopback

_UNSPECIFIED = frozenset({"0.0.0.0", "::"})  # noqa: S104 - compared with, not bound to


class Ear(msgspec.Struct, frozen=True, kw_only=True):
    """An address, and who reaches it. `hosts` are the values of `Host` by which clients call it beside the address.

    `beyond` is true where others than this machine reach it, by itself or through a proxy that it is named for.
    """

    host: str
    port: int
    secure: bool
    beyond: bool
    hosts: tuple[str, ...] = ()

    def base(self, port: int) -> str:
        """The address as a URL; `port` is the one that was got."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'https' if self.secure else 'http'}://{host}:{port}"


def listen_address(listen: str) -> tuple[str, int]:
    """Host and port of `gateway.listen`. Raises UsageError."""
    host, _, port = listen.rpartition(":")
    if not host or not port.isdigit() or int(port) > 65535:
        raise UsageError(f"gateway.listen: {listen[:80]!r} is no address", remedy="write HOST:PORT, as 127.0.0.1:8700")
    return host.strip("[]"), int(port)


def ear(config: Gateway) -> Ear:
    """Where this configuration has the gateway listen. Raises UsageError for what is open to others in the clear."""
    host, port = listen_address(config.listen)
    hosts = tuple(dict.fromkeys((*config.hosts, *_authority(config.identity.resource))))
    if not is_loopback(host) and config.tls is None:
        raise UsageError(
            f"gateway.listen: {host} is reached from outside, and tokens would cross the network in the clear",
            remedy="set gateway.tls (`bartizan tls init` makes certificates), or listen on 127.0.0.1 behind a proxy "
            "of this machine that speaks TLS, with its address as gateway.identity.resource",
        )
    if host in _UNSPECIFIED and not hosts:
        raise UsageError(
            f"gateway.listen: {host} is every address, and a request may be for none of them",
            remedy="set gateway.identity.resource, or gateway.hosts, to the names by which clients call the gateway",
        )
    # A name that others can look up is given to what others reach: a proxy in front makes loopback public.
    beyond = not is_loopback(host) or any(not is_loopback(_host(name)) for name in hosts)
    return Ear(host=host, port=port, secure=config.tls is not None, beyond=beyond, hosts=hosts)


def _authority(url: str) -> Iterator[str]:
    if url:
        yield urlsplit(url).netloc


def _host(authority: str) -> str:
    """`name:port` without the port; a name with a dot at its end is the same name."""
    host, _, port = authority.rpartition(":")
    return (host if host and port.isdigit() else authority).strip("[]").removesuffix(".").lower()


def certificate_files(config: Gateway, folder: Path) -> Iterator[Path]:
    """The files of certificates and keys whose change is to be noticed. Paths count from `folder`."""
    entries: list[ListenTls | UpstreamTls | None] = [config.tls, *(one.tls for one in config.servers.values())]
    for one in entries:
        if one is None:
            continue
        for name in (one.certificate, one.client_ca if isinstance(one, ListenTls) else one.ca):
            if name:
                yield folder / Path(name).expanduser()
        if one.key.startswith("file:"):
            yield Path(one.key.removeprefix("file:")).expanduser()


class Contexts(NamedTuple):
    """The contexts of both legs, and what certificates of clients are verified by."""

    listener: ssl.SSLContext | None
    upstream: dict[str, ssl.SSLContext]
    clients: bytes


class Certificates:
    """The contexts of both legs. `read` reads all files anew; `take` makes what it found those of new connections."""

    def __init__(self, config: Gateway, folder: Path, read: Callable[[str], Secret]) -> None:
        """`folder` is where paths count from. Raises what `read` raises."""
        self._config, self._folder, self._secret = config, folder, read
        self._now = self.read()

    def take(self, contexts: Contexts) -> bool:
        """Use these from now on. Says whether certificates of clients are verified otherwise than before."""
        before, self._now = self._now, contexts
        return before.clients != contexts.clients

    def listener(self) -> ssl.SSLContext:
        """The context of the listener. Raises LookupError where it speaks no TLS."""
        if self._now.listener is None:
            raise LookupError("no gateway.tls")
        return self._now.listener

    def upstream(self, server: str) -> Callable[[], ssl.SSLContext] | None:
        """What gives the context for a server; None where the configuration says nothing of it."""
        return (lambda: self._now.upstream[server]) if server in self._now.upstream else None

    def _place(self, name: str) -> str:
        return str(self._folder / Path(name).expanduser()) if name else ""

    def read(self) -> Contexts:
        """Read all files. Raises UsageError, OSError."""
        listens, clients = self._config.tls, b""
        listener = None
        if listens is not None:
            roots = self._place(listens.client_ca)
            listener = server_context(
                self._place(listens.certificate),
                self._secret(listens.key),
                client_ca_file=roots,
                clients=listens.client if roots else "none",
            )
            clients = Path(roots).read_bytes() if roots else b""
        upstream = {
            name: client_context(
                ca_file=self._place(entry.tls.ca),
                certificate_file=self._place(entry.tls.certificate),
                key=self._secret(entry.tls.key) if entry.tls.key else None,
            )
            for name, entry in self._config.servers.items()
            if entry.tls is not None
        }
        return Contexts(listener, upstream, clients)
