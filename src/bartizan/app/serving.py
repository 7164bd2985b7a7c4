"""The gateway as a process: its parts chosen, its port opened, its end in good order."""

import asyncio
import contextlib
import importlib
import importlib.util
import os
import signal
from collections.abc import Callable, Generator, Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import msgspec

from bartizan.adapters.bus.grouped import Grouped
from bartizan.adapters.clock import SystemClock
from bartizan.adapters.transports.listener import Answer as Reply
from bartizan.adapters.transports.listener import Listener, Request
from bartizan.adapters.vaults.local import LocalVault
from bartizan.adapters.vaults.references import References
from bartizan.app.bootstrap import FINGERPRINT_KEY
from bartizan.app.bus import open_bus
from bartizan.app.config import Config, folder_of
from bartizan.app.gateway import Gateway, GatewayParts
from bartizan.app.home import state_folder
from bartizan.app.identity import answer, resource_of, token_verifier
from bartizan.app.judges import GuardsOf
from bartizan.app.listening import Certificates, ear
from bartizan.app.policy import read_policy
from bartizan.app.reloading import Reloader, certificate_source, policy_source, stamps
from bartizan.app.senders import senders
from bartizan.model.errors import UsageError
from bartizan.model.limits import DEFAULT, Limits
from bartizan.model.secret import Secret
from bartizan.ports import Bus
from bartizan.prevent.gate import Gate
from bartizan.protocol.relay.places import Places

_UIDS = 256
SESSION_KEY = "local:session-key"


def run_gateway(config: Config, path: Path | None, told: Callable[[str], None]) -> None:
    """Serve until SIGTERM or SIGINT. `path` is that of the configuration. Raises UsageError, ContentError, BusError."""
    vault = LocalVault(state_folder() / "vault")
    keys = Keys(session=vault.read_or_make(SESSION_KEY), fingerprint=vault.read_or_make(FINGERPRINT_KEY))
    bus = open_bus()
    try:
        with _runner() as runner:
            runner.run(serve(config, path, keys=keys, read=References(vault).read, bus=bus, told=told))
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
    limits: Limits = DEFAULT,
) -> None:
    """Serve until SIGTERM or SIGINT, then let what is under way end.

    Raises UsageError, ContentError, and OSError for the port.
    """
    gateway = config.gateway
    if gateway is None or not gateway.servers:
        raise UsageError("no server to front", remedy="name one under `gateway.servers` in the configuration")
    here = ear(gateway)
    known = stamps(config, path)
    policy = partial(read_policy, config, path, loopback=not here.beyond)
    rules = policy()
    certificates = Certificates(gateway, folder_of(path), read)
    served = senders(gateway.servers, limits, certificates.upstream)
    served_by: list[Gateway] = []

    async def handle(request: Request) -> Reply:
        return await served_by[0].handle(request)

    tls = certificates.listener if here.secure else None
    listener = Listener(here.host, here.port, handle, limits, tls)  # port 0 takes a free one, which Host must then name
    await listener.start()
    resource = resource_of(gateway.identity, here.base(listener.port))
    verifier = token_verifier(gateway.identity, clock=SystemClock(), key=keys.fingerprint, read=read)
    recorder = Grouped(bus, told, limits)
    make = GuardsOf(resource, verifier, keys.fingerprint, loopback=not here.beyond)
    parts = GatewayParts(
        gate=Gate(make(rules), rules.version),
        servers=served,
        places=Places(here.host, listener.port, hosts=here.hosts, origins=gateway.origins),
        bus=bus,
        key=keys.session,
        now=lambda: datetime.now(UTC),
        uid=_Uids().__next__,
        resolve=lambda question: answer(question, verifier),
        metadata=resource.metadata,
        limits=limits,
        recorder=recorder,
    )
    served_by.append(Gateway(parts))
    sources = policy_source(policy, make, parts.gate), certificate_source(certificates, listener, served)
    reloader = Reloader(sources, parts, stamps=partial(stamps, config, path), told=told)
    async with reloader.watching(known, state_folder(), here.base(listener.port)):
        with _signalled() as ended:
            for name in served:
                told(f"{here.base(listener.port)}/servers/{name}/mcp")
            await ended.wait()
    await _end(served_by[0], listener, limits)
    recorder.flush()


async def _end(gateway: Gateway, listener: Listener, limits: Limits) -> None:
    """Take no new calls, let those under way end within `drain_seconds_max`, then end what still goes on."""
    gateway.draining = True
    await listener.drain(limits.drain_seconds_max)
    await listener.stop(0)
    for sender in gateway.parts.servers.values():
        await sender.close()


class _Uids(Iterator[str]):
    """Names of calls: 128 random bits each, asked of the system for many at a time."""

    def __init__(self) -> None:
        self._some: list[str] = []

    def __next__(self) -> str:
        if not self._some:
            drawn = os.urandom(16 * _UIDS).hex()
            self._some = [drawn[at : at + 32] for at in range(0, len(drawn), 32)]
        return self._some.pop()


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
