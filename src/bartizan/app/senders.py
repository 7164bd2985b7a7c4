"""The servers of this gateway, each by the way in which it is reached."""

import asyncio
import secrets
import ssl
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from datetime import datetime

import msgspec

from bartizan.adapters.transports.children import Child, ChildPool, Command
from bartizan.adapters.transports.conversation import Channel, Conversation
from bartizan.adapters.transports.outbound import no_metadata_service
from bartizan.adapters.transports.pool import Upstream
from bartizan.adapters.transports.sse_channel import SseChannel
from bartizan.app.child_events import ended_event, started_event, unplaced_event
from bartizan.app.config import ServerEntry
from bartizan.app.conversing import PREFIX, Conversing
from bartizan.app.relaying import Sender, UpstreamAnswer
from bartizan.discover.credentials import redact_command
from bartizan.model.errors import Place, RemoteProtocolError, UsageError
from bartizan.model.event import Event
from bartizan.model.launch import Launch
from bartizan.model.limits import Limits
from bartizan.model.secret import Secret
from bartizan.model.snapshot import Transport
from bartizan.protocol.relay.reading import Reading
from bartizan.text.patterns import without_all_secrets

_NAME = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-")
_NAME_CHARACTERS_MAX = 100
_OLDER = frozenset({400, 404, 405})  # Streamable HTTP of 2025-11-25, "Backwards Compatibility"
Headers = Sequence[tuple[str, str]]
TlsOf = Callable[[str], Callable[[], ssl.SSLContext] | None]


def _roots(_server: str) -> None:
    """Every server is known by the roots of the system."""


class HttpSender:
    """A server over streamable HTTP. `credentials` are headers that it gets with each request."""

    def __init__(self, upstream: Upstream, credentials: Headers = ()) -> None:
        self._upstream, self._credentials = upstream, tuple(credentials)
        self._given = frozenset(name for name, _ in credentials)

    def send(self, reading: Reading, headers: Headers, body: bytes) -> Awaitable[UpstreamAnswer]:
        """Send a request; what it raises is that of `Upstream.send`."""
        if self._credentials:
            headers = (*(one for one in headers if one[0] not in self._given), *self._credentials)
        return self._upstream.send(reading.http_method, headers, body)

    def renew(self) -> None:
        """New certificates: for new connections."""
        self._upstream.renew()

    async def close(self) -> None:
        """End every connection."""
        self._upstream.close()


class EitherSender:
    """A server at a URL of which nobody said its transport: the newer one, or where that is refused the older one."""

    def __init__(self, newer: HttpSender, older: Conversing) -> None:
        self._newer, self._older = newer, older

    async def send(self, reading: Reading, headers: Headers, body: bytes) -> UpstreamAnswer:
        """Send a request. Raises RemoteProtocolError, OSError."""
        session = next((value for name, value in headers if name == "mcp-session-id"), "")
        if session.startswith(PREFIX):
            return await self._older.send(reading, headers, body)
        answer = await self._newer.send(reading, headers, body)
        if not reading.opens or answer.status not in _OLDER:
            return answer
        try:
            older = await self._older.send(reading, headers, body)
        except (RemoteProtocolError, OSError):
            return answer  # nor is it of the older kind: the refusal stands
        close = getattr(answer.body, "aclose", None)
        if close is not None:
            await close()
        return older

    def renew(self) -> None:
        """New certificates: for new connections."""
        self._newer.renew()

    def drain(self) -> None:
        """End the streams that would never end by themselves."""
        self._older.drain()

    async def close(self) -> None:
        """End everything."""
        await asyncio.gather(self._newer.close(), self._older.close())


class Making(msgspec.Struct, frozen=True, kw_only=True):
    """What senders are made with. `read` gives the secret behind a reference; `accept` takes Events, and never raises.

    `key` is that of fingerprints, `tls` gives what makes the context of a server that has one of its own.
    """

    limits: Limits
    read: Callable[[str], Secret]
    key: Secret
    accept: Callable[[Event], None]
    now: Callable[[], datetime]
    uid: Callable[[], str]
    tls: TlsOf = _roots


class Senders(Mapping[str, Sender]):
    """Every server of this gateway by its id: those of the configuration, and those that `wrap` put behind it.

    `wrapped` gives the latter as they are now, and a stamp that changes when they do.
    """

    def __init__(self, servers: Mapping[str, ServerEntry], making: Making, wrapped: "Wrapped | None" = None) -> None:
        """Raises UsageError for what this gateway cannot front."""
        self._making, self._wrapped = making, wrapped
        self._pool = ChildPool(
            making.limits, without_all_secrets, on_started=self._child_started, on_ended=self._child_ended
        )
        self._own = {name: self._of_entry(name, entry) for name, entry in servers.items()}
        self._others: dict[str, tuple[Launch, Sender]] = {}
        self._stamp = -1
        self._closing: set[asyncio.Task[None]] = set()

    def __getitem__(self, server: str) -> Sender:
        if (own := self._own.get(server)) is not None:
            return own
        self._look()
        return self._others[server][1]

    def __iter__(self) -> Iterator[str]:
        self._look()
        return iter((*self._own, *self._others))

    def __len__(self) -> int:
        return len(self._own) + len(self._others)

    def drain(self) -> None:
        """End the streams that would never end by themselves, before what is under way is waited for."""
        for one in (*self._own.values(), *(sender for _, sender in self._others.values())):
            if isinstance(one, Conversing | EitherSender):
                one.drain()

    async def close(self) -> None:
        """End every connection and every child."""
        everything = [*self._own.values(), *(sender for _, sender in self._others.values())]
        await asyncio.gather(*(one.close() for one in everything), return_exceptions=True)
        await asyncio.gather(*self._closing, return_exceptions=True)
        await self._pool.close()

    def _look(self) -> None:
        """Take what was wrapped, or taken back, since the last time."""
        if self._wrapped is None or (stamp := self._wrapped.stamp()) == self._stamp:
            return
        self._stamp = stamp
        try:
            launches = self._wrapped.launches()
        except UsageError:
            return  # a record that cannot be read: what is known stays, and the next change is looked at again
        before, self._others = self._others, {}
        for name, launch in launches.items():
            known = before.pop(name, None)
            if name in self._own or not _is_name(name):
                continue
            if known is not None and _same(known[0], launch):
                self._others[name] = known
                continue
            if known is not None:
                self._let_go(known[1])
            if (made := self._of_launch(name, launch)) is not None:
                self._others[name] = launch, made
        for _, sender in before.values():
            self._let_go(sender)

    def _let_go(self, sender: Sender) -> None:
        task = asyncio.ensure_future(sender.close())
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)

    # Each kind

    def _of_entry(self, name: str, entry: ServerEntry) -> Sender:
        if not _is_name(name):
            raise UsageError(
                f"gateway.servers: {name[:80]!r} cannot be part of a path", remedy="use letters, digits and _.-"
            )
        try:
            if entry.command:
                self._command(name, entry)  # its references lead somewhere, or the gateway does not start
                return self._child(name, lambda: self._command(name, entry))
            return self._at_url(name, entry.url, (), entry.transport)
        except OSError as error:
            raise UsageError(f"gateway.servers.{name}: {error}") from None

    def _of_launch(self, name: str, launch: Launch) -> Sender | None:
        """A wrapped server; None where its address is none."""
        if launch.url is None:
            return self._child(name, lambda: self._launched(name))
        headers = [(header.lower(), value.reveal()) for header, value in launch.headers.items()]
        try:
            transport = "sse" if launch.transport is Transport.SSE else ""
            return self._at_url(name, launch.url.reveal(), headers, transport)
        except (OSError, ValueError):
            return None

    def _at_url(self, name: str, url: str, headers: Headers, transport: str) -> Sender:
        def reach(at: str) -> Upstream:
            return Upstream(at, self._making.limits, allow=no_metadata_service, tls=self._making.tls(name))

        newer = HttpSender(reach(url), headers)
        if transport == "streamable-http":
            return newer

        async def opened(_session: str, _reading: Reading) -> Channel:
            channel = SseChannel(url, headers, reach, self._making.limits)
            await channel.open()
            return channel

        older = self._conversing(name, opened, modern=False)
        return older if transport == "sse" else EitherSender(newer, older)

    def _child(self, name: str, command: Callable[[], Command]) -> Conversing:
        async def opened(session: str, reading: Reading) -> Channel:
            principal = reading.items[0].call.principal
            owner = principal.id if principal else ""
            return await self._pool.open(await asyncio.to_thread(command), session, owner)

        return self._conversing(name, opened)

    def _conversing(
        self, name: str, opened: Callable[[str, Reading], Awaitable[Channel]], *, modern: bool = True
    ) -> Conversing:
        def ended(conversation: Conversation) -> None:
            making = self._making
            event = unplaced_event(name, conversation, uid=making.uid(), at=making.now())
            if event is not None:
                making.accept(event)

        limits = self._making.limits
        return Conversing(opened, limits, lambda: secrets.token_urlsafe(24), modern=modern, on_ended=ended)

    def _command(self, name: str, entry: ServerEntry) -> Command:
        environment = {variable: self._making.read(reference) for variable, reference in entry.env.items()}
        return self._shown(name, entry.command, environment, entry.directory or None)

    def _launched(self, name: str) -> Command:
        """What starts a wrapped server now: values of its environment stand in the client's file alone."""
        launch = self._wrapped.launches().get(name) if self._wrapped is not None else None
        if launch is None:
            raise FileNotFoundError("the client's configuration does not name it any more")
        words = [word.reveal() for word in launch.command]
        return self._shown(name, words, launch.environment, launch.directory)

    def _shown(
        self, name: str, words: Sequence[str], environment: Mapping[str, Secret], directory: str | None
    ) -> Command:
        shown = " ".join(redact_command(words, Place(), self._making.key)[0])
        return Command(server=name, command=words, environment=environment, directory=directory, shown=shown)

    # Events of children

    def _child_started(self, child: Child) -> None:
        self._making.accept(started_event(child, uid=self._making.uid(), at=self._making.now()))

    def _child_ended(self, child: Child) -> None:
        seconds = asyncio.get_running_loop().time() - child.started
        self._making.accept(ended_event(child, uid=self._making.uid(), at=self._making.now(), seconds=seconds))


class Wrapped(msgspec.Struct, frozen=True, kw_only=True):
    """What `wrap` put behind this gateway: how each is started or reached, by id. `launches` raises UsageError."""

    stamp: Callable[[], int]
    launches: Callable[[], Mapping[str, Launch]]


def _is_name(name: str) -> bool:
    return 0 < len(name) <= _NAME_CHARACTERS_MAX and set(name) <= _NAME


def _same(one: Launch, other: Launch) -> bool:
    """Whether nothing changes for what is open. A command is looked up anew at each start."""
    return _told(one) == _told(other)


def _told(launch: Launch) -> object:
    if launch.url is None:
        return [word.reveal() for word in launch.command]
    return launch.url.reveal(), launch.transport, {name: value.reveal() for name, value in launch.headers.items()}
