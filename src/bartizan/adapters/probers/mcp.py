"""Takes the snapshot of one MCP server: lists its definitions, calls nothing, survives whatever it does."""

import asyncio
from collections.abc import Callable
from typing import Any

import msgspec

from bartizan.adapters.probers.authorization import Authorization, authorization
from bartizan.adapters.transports.outbound import OutboundClient, no_metadata_service
from bartizan.adapters.transports.sse import SseTransport
from bartizan.adapters.transports.stdio import StdioTransport
from bartizan.adapters.transports.streamable_http import StreamableHttpTransport
from bartizan.model.asset import AssetId
from bartizan.model.coverage import REDACTION, Look, Outcome
from bartizan.model.errors import LimitExceededError, LocalProtocolError, RemoteProtocolError, reason_of
from bartizan.model.launch import Launch
from bartizan.model.limits import DEFAULT, Limits
from bartizan.model.secret import Secret
from bartizan.model.snapshot import Era, Snapshot
from bartizan.model.snapshot import Transport as Kind
from bartizan.ports import Clock, Confined, Probed, RequestRefusedError, Transport
from bartizan.protocol.effects import Effect, PartLook, Send
from bartizan.protocol.ladder import State
from bartizan.protocol.listing import Listing
from bartizan.text.normalise import show
from bartizan.text.redaction import Redactor

TransportFactory = Callable[[Kind, Launch, Confined | None, Limits], Transport]

UNAUTHORIZED = 401
_LAST_WORDS_MAX = 200  # characters of standard error that a look quotes
# Answers to `initialize` after which the specification has a client try the older transport.
_OLDER_TRANSPORT = frozenset({400, 404, 405})


def open_transport(kind: Kind, launch: Launch, confined: Confined | None, limits: Limits) -> Transport:
    """The transport for a launch, not yet open."""
    if kind is Kind.STDIO:
        if confined is not None:
            return StdioTransport(confined.command, confined.environment, bare=True, limits=limits)
        command = [word.reveal() for word in launch.command]
        environment = {name: value.reveal() for name, value in launch.environment.items()}
        return StdioTransport(command, environment, directory=launch.directory, limits=limits)
    url = launch.url.reveal() if launch.url else ""
    headers = {name: value.reveal() for name, value in launch.headers.items()}
    client = OutboundClient(limits, allow=no_metadata_service)
    return (SseTransport if kind is Kind.SSE else StreamableHttpTransport)(url, headers, client, limits=limits)


class _Attempt:
    """One conversation over one transport, and how it ended."""

    def __init__(self, kind: Kind, first: Era, limits: Limits) -> None:
        self.kind = kind
        self.session = Listing(limits, first=first)
        self.start_failure = ""
        self.stderr = ""
        self.left_behind = ""
        self.ended_in = State.NEW
        self.closed = False
        self.status = 0
        self.challenge = ""

    async def run(self, transport: Transport, limits: Limits) -> None:
        try:
            if await self._open(transport, limits):
                await self._carry(transport)
        finally:
            await transport.close()
            self.stderr = transport.diagnostics()
            self.left_behind = str(getattr(transport, "left_behind", ""))

    async def _open(self, transport: Transport, limits: Limits) -> bool:
        try:
            async with asyncio.timeout(min(limits.start_seconds_max, limits.probe_seconds_max)):
                await transport.open()
        except RequestRefusedError as error:
            self._refused(error)
            self.start_failure = error.reason
        except TimeoutError:
            self.start_failure = "did not start in time"
        except (OSError, RemoteProtocolError, LocalProtocolError, EOFError, ValueError) as error:
            self.start_failure = reason_of(error)
        return not self.start_failure

    async def _carry(self, transport: Transport) -> None:
        """Carry out the session's effects until it is finished."""
        loop, session = asyncio.get_running_loop(), self.session
        effects = session.start(loop.time())
        while not session.finished:
            self.ended_in = session.state
            try:
                async with asyncio.timeout_at(session.deadline):
                    body = await _send_and_receive(transport, effects)
                effects = session.receive(body, loop.time())
            except RequestRefusedError as error:
                effects = self._refused(error)
            except LimitExceededError as error:
                effects = session.close(str(error), limit=True)
            except (OSError, RemoteProtocolError, EOFError) as error:
                effects = self._failed(error)
            effects += session.elapse(loop.time())

    def _failed(self, error: Exception) -> list[Effect]:
        if isinstance(error, TimeoutError) and asyncio.get_running_loop().time() >= self.session.deadline:
            return []
        self.closed = True
        return self.session.close(reason_of(error))

    def _refused(self, error: RequestRefusedError) -> list[Effect]:
        self.status = error.status or self.status
        if error.status == UNAUTHORIZED:
            self.challenge = error.challenge
            return self.session.close("authentication required (HTTP status 401)")
        now = asyncio.get_running_loop().time()
        return self.session.refuse(error.identity, error.status, error.reason, error.body, now)


async def _send_and_receive(transport: Transport, effects: list[Effect]) -> bytes:
    for effect in effects:
        if isinstance(effect, Send):
            await transport.send(effect.message)
    return await transport.receive()


class McpProber:
    """The port `Prober`. `clock` dates the snapshot; `first` is the era that is tried first.

    `key` is the deployment's key for the fingerprints of credentials that a server says.
    """

    def __init__(
        self,
        limits: Limits = DEFAULT,
        *,
        clock: Clock,
        key: Secret,
        transport_factory: TransportFactory = open_transport,
        first: Era = Era.MODERN,
    ) -> None:
        self._limits, self._clock, self._factory, self._first = limits, clock, transport_factory, first
        self._key = key

    async def probe(self, server: AssetId, launch: Launch, confined: Confined | None = None) -> Probed:
        """List what the server defines. Never raises for what it does."""
        ends = asyncio.get_running_loop().time() + self._limits.probe_seconds_max
        attempt = await self._climb(launch, confined, ends)
        metadata = None
        if attempt.status == UNAUTHORIZED and launch.url is not None:
            metadata = await authorization(launch.url.reveal(), attempt.challenge, self._limits)
        return self._told(server, launch, attempt, metadata)

    async def _climb(self, launch: Launch, confined: Confined | None, ends: float) -> _Attempt:
        """Modern first; the handshake alone where the modern opening ended the server; the older transport last."""
        first = Era.LEGACY if launch.transport is Kind.SSE else self._first
        attempt = await self._attempt(launch.transport, first, launch, confined, ends)
        if attempt.closed and attempt.ended_in is State.DISCOVERING:
            attempt = await self._attempt(launch.transport, Era.LEGACY, launch, confined, ends)
        if launch.transport is Kind.STREAMABLE_HTTP and _wants_older_transport(attempt):
            older = await self._attempt(Kind.SSE, Era.LEGACY, launch, confined, ends)
            return older if older.session.discovered is not None or older.status == UNAUTHORIZED else attempt
        return attempt

    async def _attempt(
        self, kind: Kind, first: Era, launch: Launch, confined: Confined | None, ends: float
    ) -> _Attempt:
        left = max(ends - asyncio.get_running_loop().time(), 0.0)
        limits = msgspec.structs.replace(self._limits, probe_seconds_max=left)
        attempt = _Attempt(kind, first, limits)
        await attempt.run(self._factory(kind, launch, confined, limits), limits)
        return attempt

    def _told(self, server: AssetId, launch: Launch, attempt: _Attempt, metadata: Authorization | None) -> Probed:
        redactor, session = Redactor(launch, self._key), attempt.session
        stderr = redactor.speech(attempt.stderr, "/stderr")
        snapshot = None
        if session.discovered is not None or (metadata is not None and metadata.documents):
            lists: dict[str, Any] = {
                name: tuple(redactor.json(pages.definitions, f"/{name}")) for name, pages in session.pages.items()
            }
            snapshot = Snapshot(
                server=server,
                taken_at=self._clock.now(),
                transport=attempt.kind,
                era=session.era,
                protocol_version=session.version if session.discovered is not None else "",
                discovered=redactor.json(session.discovered or {}, "/discovered"),
                authorization=redactor.json(metadata.documents if metadata is not None else {}, "/authorization"),
                stderr=stderr,
                **lists,
            )
        looks = tuple(
            Look(
                subject=server,
                part=look.part,
                outcome=look.outcome,
                reason=redactor.speech(look.reason, f"/{look.part}"),
            )
            for look in _looks(attempt, metadata, stderr, repeated=redactor.repeated)
        )
        return Probed(snapshot=snapshot, looks=looks, credentials=tuple(redactor.credentials))


def _with_last_words(attempt: _Attempt, stderr: str) -> list[PartLook]:
    """The session's looks; where the server ended early, with the last line that it wrote to standard error."""
    looks = attempt.session.looks()
    lines = [line for line in stderr.splitlines() if line.strip()]
    if not lines or attempt.session.discovered is not None:
        return looks
    last = show(lines[-1].strip(), most=_LAST_WORDS_MAX)
    return [
        msgspec.structs.replace(look, reason=f"{look.reason}; its last words: {last}")
        if look.part == "discover" and look.outcome is Outcome.FAILED
        else look
        for look in looks
    ]


def _wants_older_transport(attempt: _Attempt) -> bool:
    return attempt.session.discovered is None and attempt.status in _OLDER_TRANSPORT


def _looks(attempt: _Attempt, metadata: Authorization | None, stderr: str, *, repeated: bool) -> list[PartLook]:
    if attempt.start_failure:
        looks = [PartLook(part="start", outcome=Outcome.FAILED, reason=attempt.start_failure)]
        looks += [
            PartLook(part=name, outcome=Outcome.FAILED, reason="the server did not start")
            for name in ("discover", *attempt.session.pages)
        ]
    else:
        looks = [PartLook(part="start", outcome=Outcome.LOOKED), *_with_last_words(attempt, stderr)]
    if metadata is not None:
        outcome = Outcome.FAILED if metadata.problems else Outcome.LOOKED
        looks.append(PartLook(part="authorization", outcome=outcome, reason="; ".join(metadata.problems)))
    if attempt.left_behind:
        looks.append(PartLook(part="stop", outcome=Outcome.FAILED, reason=attempt.left_behind))
    if repeated:
        reason = "the server's definitions hold a credential that it was given; it stands there as a mark"
        looks.append(PartLook(part=REDACTION, outcome=Outcome.LOOKED, reason=reason))
    return looks
