"""The one way in which Bartizan makes an HTTP request. HTTP/1.1, one connection for each request, everything bounded.

A name is resolved once; every address it gives is judged; the connection goes to the very address that was judged.
So neither a name that changes its answer nor a redirect leads this client to where it may not go.
"""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from types import MappingProxyType
from typing import Any

from bartizan import __version__
from bartizan.adapters.transports.http1 import AddressRefusedError, Reading, Target, compose, parse_target
from bartizan.adapters.transports.tls import (
    ClientCertificateRequired,
    asks_for_certificate,
    certificate_refused,
    perhaps_certificate_refused,
    tls_context,
    tls_faults,
)
from bartizan.model.errors import LimitExceededError, RemoteProtocolError
from bartizan.model.limits import DEFAULT, Limits

__all__ = ["AddressRefusedError", "ClientCertificateRequired", "OutboundClient", "Response"]

Address = IPv4Address | IPv6Address
Allow = Callable[[Address], bool]

USER_AGENT = f"bartizan/{__version__} (+security inventory)"
SINGLETONS = frozenset({"content-type", "content-length", "mcp-session-id", "location"})
_NAT64 = IPv6Network("64:ff9b::/96")
_SHARED = IPv4Network("100.64.0.0/10")  # RFC 6598; overlay networks use it as private space
_NO_HEADERS: Mapping[str, str] = MappingProxyType({})


def public_only(address: Address) -> bool:
    """Policy: the internet, and nothing of this machine, its network or its cloud (metadata services included)."""
    inner = _embedded(address)
    return inner.is_global and not inner.is_multicast


def private_and_loopback(address: Address) -> bool:
    """Policy: this machine and private networks. Link-local is refused: cloud metadata services live there."""
    inner = _embedded(address)
    return (inner.is_private or inner in _SHARED) and not (
        inner.is_link_local or inner.is_unspecified or inner.is_multicast
    )


def any_address(address: Address) -> bool:
    """Policy: everywhere a connection can go."""
    inner = _embedded(address)
    return not (inner.is_multicast or inner.is_unspecified)


# Where clouds serve credentials to whoever asks from inside, beside the link-local range: Alibaba, Oracle, Azure, AWS.
_METADATA = frozenset(map(ip_address, ("100.100.100.200", "192.0.0.192", "168.63.129.16", "fd00:ec2::254")))


def no_metadata_service(address: Address) -> bool:
    """Policy: everywhere but link-local and the metadata services of clouds. No MCP server is there."""
    inner = _embedded(address)
    return any_address(address) and not inner.is_link_local and inner not in _METADATA


def _embedded(address: Address) -> Address:
    """The IPv4 address that an IPv6 address leads to: mapped, 6to4 or NAT64."""
    if isinstance(address, IPv4Address):
        return address
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or address


async def resolve(target: Target, allow: Allow) -> list[str]:
    """Every address of a target's host. Raises AddressRefusedError when `allow` refuses one of them, OSError."""
    try:
        found: Iterable[str] = [str(ip_address(target.host))]
    except ValueError:
        loop = asyncio.get_running_loop()
        answers = await loop.getaddrinfo(target.host, target.port, type=1)  # 1: SOCK_STREAM
        found = dict.fromkeys(str(answer[4][0]) for answer in answers)
    addresses = list(found)
    for address in addresses:
        if not allow(ip_address(address)):
            raise AddressRefusedError(f"{target.host} is {address}, where this client may not go")
    return addresses


class Response:
    """An answer: its head, and its body yet to be read. `url` has neither query nor user information.

    Close it (or use it in `async with`); until then it holds a connection.
    """

    def __init__(
        self, url: str, reading: Reading, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, ends: float
    ) -> None:
        self._reading, self._reader, self._writer, self._ends = reading, reader, writer, ends
        self.url, self.status, self.headers = url, reading.status, tuple(reading.headers)

    def header(self, name: str) -> str:
        """A header's value, repeated ones joined by a comma; "" when absent.

        Raises RemoteProtocolError when one that must be single comes with different values.
        """
        values = [value for key, value in self.headers if key == name.lower()]
        if name.lower() in SINGLETONS and len(set(values)) > 1:
            raise RemoteProtocolError(f"header {name} twice, with different values")
        return values[0] if name.lower() in SINGLETONS and values else ", ".join(values)

    async def read(self, most: int) -> bytes:
        """The whole body, within the request's deadline. Raises LimitExceededError beyond `most` bytes."""
        pieces, size = list[bytes](), 0
        try:
            if self.header("content-length").isdigit() and int(self.header("content-length")[:18]) > most:
                raise LimitExceededError("body_bytes", most)
            async with _within(self._ends):
                async for piece in self.chunks():
                    size += len(piece)
                    if size > most:
                        raise LimitExceededError("body_bytes", most)
                    pieces.append(piece)
        finally:
            await self.close()
        return b"".join(pieces)

    async def chunks(self) -> AsyncGenerator[bytes, None]:
        """The body as it comes. The caller bounds time and size: a stream may be meant to last."""
        while True:
            if self._reading.body:
                ready, self._reading.body = self._reading.body, []
                for piece in ready:
                    yield piece
            elif self._reading.done:
                return
            else:
                self._reading.feed(await self._reader.read(64 * 1024))

    async def close(self) -> None:
        """Let go of the connection, whatever the server does."""
        await _drop(self._writer)

    async def __aenter__(self) -> "Response":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()


class OutboundClient:
    """Makes requests to addresses that `allow` permits. Follows no redirect; uses no proxy of the environment.

    `verify` is off only for looking at servers nobody has vouched for: then no credential may be sent.
    `ca_file` adds to, or replaces, nothing of the system: it is the set of trusted roots, as PEM, when given.
    """

    def __init__(
        self,
        limits: Limits = DEFAULT,
        *,
        allow: Allow = private_and_loopback,
        user_agent: str = USER_AGENT,
        verify: bool = True,
        ca_file: str = "",
    ) -> None:
        self._limits, self._allow, self._user_agent = limits, allow, user_agent
        self._verify, self._ca_file = verify, ca_file
        self._context: ssl.SSLContext | None = None

    async def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] = _NO_HEADERS,
        body: bytes = b"",
        deadline_seconds: float | None = None,
    ) -> Response:
        """Send one request and give the answer once its head is whole.

        The deadline (default `request_seconds_max`) covers everything up to there, and `Response.read`. Raises
        LocalProtocolError for a header that cannot be sent, AddressRefusedError, ClientCertificateRequired, other
        OSErrors (TimeoutError, ssl.SSLError, ...), RemoteProtocolError and LimitExceededError.
        """
        target = parse_target(url)
        message = compose(method, target, self._user_agent, headers, body)
        seconds = self._limits.request_seconds_max if deadline_seconds is None else deadline_seconds
        ends = asyncio.get_running_loop().time() + seconds
        async with _within(ends):
            addresses = await resolve(target, self._allow)
            try:
                reader, writer, reading = await self._converse(target, addresses, message)
            except (OSError, RemoteProtocolError) as error:
                if target.secure and await _lacks_certificate(error, addresses[0], target):
                    raise ClientCertificateRequired(f"{target.authority} asks for a client certificate") from None
                raise
        return Response(target.shown, reading, reader, writer, ends)

    async def reach(self, url: str) -> None:
        """Open a TCP connection and close it: whether anything listens there. Raises OSError."""
        target = parse_target(url)
        addresses = await resolve(target, self._allow)
        _, writer = await self._dial(addresses, target.port)
        await _drop(writer)

    async def tls_faults(self, url: str) -> tuple[str, ...]:
        """What is wrong with the TLS of an address, by `tls.tls_faults`. Raises OSError where it cannot be resolved."""
        target = parse_target(url)
        addresses = await resolve(target, self._allow)
        return await tls_faults(addresses[0], target.port, target.host, self._limits, ca_file=self._ca_file)

    async def _converse(
        self, target: Target, addresses: list[str], message: bytes
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter, Reading]:
        """Connect, send, and read up to the end of the head."""
        tls: dict[str, Any] = {"ssl": self._tls(), "server_hostname": target.host} if target.secure else {}
        reader, writer = await self._dial(addresses, target.port, **tls)
        try:
            reading = Reading(self._limits)
            writer.write(message)
            with contextlib.suppress(ConnectionResetError, BrokenPipeError):  # it may have answered and hung up
                await writer.drain()
            while not reading.head_done:
                reading.feed(await reader.read(4096))
        except BaseException:
            await _drop(writer)
            raise
        return reader, writer, reading

    def _tls(self) -> ssl.SSLContext:
        if self._context is None:
            self._context = tls_context(verify=self._verify, ca_file=self._ca_file)
        return self._context

    async def _dial(
        self, addresses: list[str], port: int, *, ssl: ssl.SSLContext | None = None, server_hostname: str | None = None
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Connect to the first address that answers."""
        failure: OSError = ConnectionError("the name has no address")
        for address in addresses:
            try:
                async with asyncio.timeout(self._limits.connect_seconds_max):
                    return await asyncio.open_connection(address, port, ssl=ssl, server_hostname=server_hostname)
            except TimeoutError:
                failure = TimeoutError(f"no connection within {self._limits.connect_seconds_max:g} s")
            except OSError as error:
                failure = error
        raise failure


class _within:  # noqa: N801 - reads as a phrase: async with _within(ends)
    """A deadline on the loop's clock, whose TimeoutError says so."""

    def __init__(self, ends: float) -> None:
        self._ends, self._timeout = ends, asyncio.timeout_at(ends)

    async def __aenter__(self) -> None:
        await self._timeout.__aenter__()

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        try:
            await self._timeout.__aexit__(kind, error, None)
        except TimeoutError:
            raise TimeoutError("no whole answer within the deadline") from None


async def _lacks_certificate(error: BaseException, address: str, target: Target) -> bool:
    """Whether it failed because the server wants a client certificate. TLS 1.3 servers say so after the handshake."""
    if certificate_refused(error):
        return True
    return perhaps_certificate_refused(error) and await asks_for_certificate(address, target.port, target.host)


async def _drop(writer: asyncio.StreamWriter) -> None:
    writer.transport.abort()
    with contextlib.suppress(OSError):  # it is closed, which is all that was asked
        await writer.wait_closed()
