"""The gateway as a process: its parts chosen, its port opened, its end in good order."""

import asyncio
import contextlib
import gc
import importlib
import importlib.util
import os
import signal
from collections.abc import Awaitable, Callable, Generator, Iterator, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import msgspec

from bartizan.adapters.bus.grouped import Grouped
from bartizan.adapters.clock import SystemClock
from bartizan.adapters.collectors.host import this_host
from bartizan.adapters.probers.reach import ReachProber
from bartizan.adapters.transports.listener import Answer as Reply
from bartizan.adapters.transports.listener import Listener, Request
from bartizan.adapters.vaults.local import LocalVault
from bartizan.adapters.vaults.references import References
from bartizan.app.approvals import Approvals
from bartizan.app.approving import approvals_of, beside
from bartizan.app.approving import handle as handle_approvals
from bartizan.app.bootstrap import FINGERPRINT_KEY, load_clients, store_url
from bartizan.app.bus import open_bus
from bartizan.app.combined import Combined
from bartizan.app.config import Config, folder_of
from bartizan.app.config import Gateway as Configured
from bartizan.app.counting import SharedCounting
from bartizan.app.fronting import Fronting
from bartizan.app.gateway import Gateway, GatewayParts
from bartizan.app.home import state_folder
from bartizan.app.identity import answer, resource_of, token_verifier
from bartizan.app.judges import GuardsOf, Wants
from bartizan.app.legacy_sse import LegacySse
from bartizan.app.listening import Certificates, Ear, ear
from bartizan.app.policy import read_policy
from bartizan.app.reloading import Reloader, certificate_source, policy_source, stamps
from bartizan.app.restrictions import Watched, answer_halt, restrictions_of
from bartizan.app.senders import Making, Senders, Wrapped
from bartizan.app.turned_away import TurnedAway
from bartizan.app.wrapped import WrappedShelf, wrapped_launches
from bartizan.model.errors import UsageError
from bartizan.model.limits import DEFAULT, Limits
from bartizan.model.need import Take
from bartizan.model.secret import Secret
from bartizan.ports import Bus
from bartizan.prevent.gate import Gate
from bartizan.prevent.policy import Rules
from bartizan.protocol.relay.places import COMBINED_PATH, Endpoint, Places

_UIDS = 256
_YOUNG_MAX = 20_000  # new objects before they are looked through
SESSION_KEY = "local:session-key"


def run_gateway(config: Config, path: Path | None, told: Callable[[str], None], *, limits: Limits = DEFAULT) -> None:
    """Serve until SIGTERM or SIGINT. `path` is that of the configuration. Raises UsageError, ContentError, BusError."""
    vault = LocalVault(state_folder() / "vault")
    keys = Keys(session=vault.read_or_make(SESSION_KEY), fingerprint=vault.read_or_make(FINGERPRINT_KEY))
    bus = open_bus()
    try:
        with _runner() as runner:
            read, wrapped = References(vault).read, wrapped_servers(state_folder())
            served = serve(config, path, keys=keys, read=read, bus=bus, told=told, wrapped=wrapped, limits=limits)
            runner.run(served)
    except OSError as error:
        raise UsageError(
            f"gateway.listen: cannot listen: {error.strerror or error}", remedy="choose another address"
        ) from None
    finally:
        bus.close()


def _runner() -> asyncio.Runner:
    """The loop of the extra `fast` where it is installed, which takes half the time for a message; else asyncio's."""
    if importlib.util.find_spec("uvloop") is None:
        return asyncio.Runner()
    return asyncio.Runner(loop_factory=importlib.import_module("uvloop").new_event_loop)


def wrapped_servers(state: Path) -> Wrapped:
    """The servers of clients that `wrap` put behind the gateway."""
    shelf, clients = WrappedShelf(state), {one.id: one for one in load_clients()}
    return Wrapped(stamp=lambda: shelf.stamp, launches=lambda: wrapped_launches(shelf.all(), clients))


class Keys(msgspec.Struct, frozen=True, kw_only=True):
    """The deployment's keys: what seals sessions, and what makes fingerprints."""

    session: Secret
    fingerprint: Secret


async def serve(
    config: Config,
    path: Path | None,
    *,
    keys: Keys,
    read: Callable[[str], Secret],
    bus: Bus,
    told: Callable[[str], None],
    wrapped: Wrapped | None = None,
    limits: Limits = DEFAULT,
) -> None:
    """Serve until SIGTERM or SIGINT, then let what is under way end.

    Raises UsageError, ContentError, and OSError for the port.
    """
    gateway = config.gateway or Configured()
    here = ear(gateway)
    known = stamps(config, path)
    policy = partial(_policy, config, path, wrapped, loopback=not here.beyond)
    rules = policy()
    certificates = Certificates(gateway, folder_of(path), read)
    recorder = Grouped(bus, told, limits)
    making = _making(keys, read, recorder, certificates, limits)
    served = Senders(gateway.servers, making, wrapped)
    fronting, troubles = await _looked_at(config, rules, wrapped, limits)
    served_by: list[Gateway] = []
    away = TurnedAway(recorder.later, making.now, making.uid, limits)
    listener = await _listening(here, certificates, served_by, away, limits)
    resource = resource_of(gateway.identity, here.base(listener.port))
    verifier = token_verifier(gateway.identity, clock=SystemClock(), key=keys.fingerprint, read=read)
    approvals, tickets = approvals_of(config, bus.accept)
    restrictions = restrictions_of(config)
    watched = Watched(restrictions, bus.accept, state_folder(), limits)
    counting = _counting(config, read, making.now, limits)
    wants = Wants(loopback=not here.beyond, reached=fronting.known, shared=counting is not None)
    make = GuardsOf(resource, verifier, keys.fingerprint, watched, wants)
    parts = GatewayParts(
        gate=Gate(make(rules), rules.version),
        servers=served,
        places=Places(here.host, listener.port, hosts=here.hosts, origins=gateway.origins),
        bus=bus,
        key=keys.session,
        now=making.now,
        uid=making.uid,
        resolve=lambda question: answer(question, verifier, approvals, fronting.reached, counting),
        spend=counting.spend if counting else _nothing,
        metadata=resource.metadata,
        limits=limits,
        recorder=recorder,
    )
    served_by.append(_gateway(parts, approvals, watched, gateway))
    policies = policy_source(policy, make, parts.gate, fronting.look)
    sources, base = (certificate_source(certificates, listener, served), policies), here.base(listener.port)
    reloader = Reloader(sources, parts, stamps=partial(stamps, config, path), told=told)
    async with reloader.watching(known, state_folder(), base, troubles), watched.watching():
        await _until_asked((*_places(served, served_by[0], base), *troubles), told)
    served.drain()
    await _end(served_by[0], listener, limits, served.close, *([counting.close] if counting else []))
    for close in (away.flush, recorder.flush, tickets.close, restrictions.close):
        close()


def _keep_what_is_loaded() -> None:
    """What was loaded for good is not looked through again; what calls leave in circles is, in larger portions."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(_YOUNG_MAX, 20, 20)


def _counting(
    config: Config, read: Callable[[str], Secret], now: Callable[[], datetime], limits: Limits
) -> SharedCounting | None:
    """What counts for all gateways of a store, where the configuration asks for it. Raises UsageError."""
    if config.gateway is None or config.gateway.counters == "own":
        return None
    from bartizan.adapters.store.counting import SqlCounters  # noqa: PLC0415 - the store takes long to load

    return SharedCounting(SqlCounters(store_url(config.store, state_folder(), read), limits=limits), limits, now)


def _nothing(_takes: Sequence[Take]) -> None:
    """Nobody else counts."""


def _policy(config: Config, path: Path | None, wrapped: Wrapped | None, *, loopback: bool) -> Rules:
    """What policy says now, of the servers that there are now. Raises UsageError, ContentError."""
    return read_policy(config, path, loopback=loopback, wrapped=wrapped.launches() if wrapped else ())


def _gateway(parts: GatewayParts, approvals: Approvals, watched: Watched, config: Configured) -> Gateway:
    """The gateway with its further endpoints."""
    made = Gateway(parts)
    made.further[Endpoint.APPROVALS] = beside(partial(handle_approvals, approvals))
    made.further[Endpoint.HALT] = beside(partial(answer_halt, watched, approvals))
    older = LegacySse(made)
    made.further |= {Endpoint.SSE: older.open, Endpoint.SSE_MESSAGES: older.message}
    if config.combined_servers:
        made.further[Endpoint.COMBINED] = Combined(made, config.combined_servers).handle
    return made


async def _listening(
    here: Ear, certificates: Certificates, served_by: list[Gateway], away: TurnedAway, limits: Limits
) -> Listener:
    """A listener that has its port: port 0 takes a free one, which the gateway's names must hold. Raises OSError."""

    async def handle(request: Request) -> Reply:
        return await served_by[0].handle(request)

    tls = certificates.listener if here.secure else None
    listener = Listener(here.host, here.port, handle, limits, tls, on_refused=away.refused, on_failed=away.failed)
    await listener.start()
    return listener


async def _looked_at(
    config: Config, rules: Rules, wrapped: Wrapped | None, limits: Limits
) -> tuple[Fronting, Sequence[str]]:
    """What is known of the servers, and which are not fronted. Raises UsageError where policy lets none be fronted."""
    servers = config.gateway.servers if config.gateway else {}
    prober = ReachProber(own=this_host().addresses, declared=config.network.declared, limits=limits)
    fronting = Fronting({name: entry.url for name, entry in servers.items()}, prober.look, limits, wrapped)
    found = await fronting.look(rules)
    names = {*servers, *(wrapped.launches() if wrapped else ())}
    if names and all(name in found and fronting.known(name) for name in names):
        raise UsageError("no server may be fronted:\n" + "\n".join(found.values()))
    return fronting, tuple(found.values())


async def _end(gateway: Gateway, listener: Listener, limits: Limits, *closing: Callable[[], Awaitable[None]]) -> None:
    """Take no new calls, let those under way end within `drain_seconds_max`, then end what still goes on."""
    gateway.draining = True
    await listener.drain(limits.drain_seconds_max)
    await listener.stop(0)
    await asyncio.gather(*(close() for close in closing))


def _making(
    keys: Keys, read: Callable[[str], Secret], recorder: Grouped, certificates: Certificates, limits: Limits
) -> Making:
    return Making(
        limits=limits,
        read=read,
        key=keys.fingerprint,
        accept=recorder.later,
        now=lambda: datetime.now(UTC),
        uid=_Uids().__next__,
        tls=certificates.upstream,
    )


def _places(served: Senders, gateway: Gateway, base: str) -> Iterator[str]:
    """Where servers are found."""
    for name in served:
        yield f"{base}/servers/{name}/mcp"
    if Endpoint.COMBINED in gateway.further:
        yield f"{base}{COMBINED_PATH}"
    if not len(served):
        yield f"{base} fronts no server yet: name one under `gateway.servers`, or run `bartizan wrap`"


class _Uids(Iterator[str]):
    """Names of calls: 128 random bits each, asked of the system for many at a time."""

    def __init__(self) -> None:
        self._some: list[str] = []

    def __next__(self) -> str:
        if not self._some:
            drawn = os.urandom(16 * _UIDS).hex()
            self._some = [drawn[at : at + 32] for at in range(0, len(drawn), 32)]
        return self._some.pop()


async def _until_asked(lines: Sequence[str], told: Callable[[str], None]) -> None:
    """Say this once a signal is waited for, and wait for it."""
    _keep_what_is_loaded()
    with _signalled() as ended:
        for line in lines:
            told(line)
        await ended.wait()


@contextlib.contextmanager
def _signalled() -> Generator[asyncio.Event]:
    """Set when this process is asked to end. Asked once more, it ends at once."""
    asked = asyncio.Event()
    loop = asyncio.get_running_loop()
    for one in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(one, asked.set)
    try:
        yield asked
    finally:
        for one in (signal.SIGTERM, signal.SIGINT):
            with contextlib.suppress(ValueError):
                loop.remove_signal_handler(one)
