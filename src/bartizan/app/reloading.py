"""Policy and certificates, read anew while the gateway runs. Nothing under way ends, and a mistake changes nothing."""

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from bartizan.adapters.transports.listener import Listener
from bartizan.app.call_events import reload_event
from bartizan.app.config import Config, folder_of
from bartizan.app.gateway import GatewayParts
from bartizan.app.listening import Certificates, Contexts, certificate_files
from bartizan.app.policy import policy_files
from bartizan.app.relaying import Sender
from bartizan.app.running import Running, forget, note
from bartizan.model.errors import ContentError, UsageError
from bartizan.ports import BusError
from bartizan.prevent.gate import Gate, Guard
from bartizan.prevent.policy import Rules

Stamps = tuple[tuple[str, int, int, int], ...]


def stamps(config: Config, path: Path | None) -> Stamps:
    """What tells a file from the file that it was: of policy and of certificates, of those that are not there too."""
    files = list(certificate_files(config.gateway, folder_of(path))) if config.gateway else []
    with contextlib.suppress(UsageError, OSError):
        files += policy_files(config, path)
    return tuple(_stamp(file) for file in files)


def _stamp(file: Path) -> tuple[str, int, int, int]:
    try:
        found = file.stat()
    except OSError:
        return str(file), 0, 0, 0
    return str(file), found.st_mtime_ns, found.st_size, found.st_ino


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that is read anew. `read` blocks and raises UsageError or ContentError; `take` makes it the one.

    `take` gives what is wrong all the same, and told.
    """

    name: str
    read: Callable[[], Any]
    take: Callable[[Any], Awaitable[Sequence[str]]]


def policy_source(
    read: Callable[[], Rules],
    make: Callable[[Rules], Sequence[Guard]],
    gate: Gate,
    look: Callable[[Rules], Awaitable[Mapping[str, str]]],
) -> Source:
    """The files of policy. What is under way is told to the guards that take over, and servers are looked at anew."""

    async def take(rules: Rules) -> Sequence[str]:
        gate.replace(make(rules), rules.version)
        return tuple((await look(rules)).values())

    return Source(name="policy", read=read, take=take)


def certificate_source(certificates: Certificates, listener: Listener, servers: Mapping[str, Sender]) -> Source:
    """Certificates of both legs: for new connections. Those that others vouched for before end after their request."""

    async def take(contexts: Contexts) -> Sequence[str]:
        await listener.reload_tls(renew=certificates.take(contexts))
        for sender in servers.values():
            if (renew := getattr(sender, "renew", None)) is not None:
                renew()
        return ()

    return Source(name="certificates", read=certificates.read, take=take)


class Reloader:
    """Reloads on SIGHUP, and when files have changed. `troubles` are told, recorded, and shown by `doctor`."""

    def __init__(
        self,
        sources: Sequence[Source],
        parts: GatewayParts,
        *,
        stamps: Callable[[], Stamps],
        told: Callable[[str], None],
    ) -> None:
        self._sources, self._stamps, self._gate, self._told = sources, stamps, parts.gate, told
        self._now, self._uid, self._bus, self._limits = parts.now, parts.uid, parts.bus, parts.limits
        self._asked = asyncio.Event()
        self._state: Path | None = None
        self._listen, self._since = "", parts.now()
        self.troubles: dict[str, Sequence[str]] = {}

    def ask(self) -> None:
        """Reload at the next occasion: SIGHUP."""
        self._asked.set()

    async def reload(self) -> None:
        """Read everything anew. What cannot be used is told with its place, and what was stays."""
        was, said, kept = self._gate.version, list[str](), False
        for source in self._sources:
            try:
                found = await source.take(await asyncio.to_thread(source.read))
            except (UsageError, ContentError, OSError) as error:
                self.troubles[source.name] = (f"not reloaded, the {source.name} of before stays: {error}",)
                kept = True
            else:
                self.troubles[source.name] = found
        if not kept or self._gate.version != was:
            said.append(f"reloaded: policy {self._gate.version}")
            self._record("", was)
        said += self._troubles(was)
        self._since = self._now() if self._gate.version != was else self._since
        self.note()
        for line in said:
            self._told(line)

    def _troubles(self, was: str) -> list[str]:
        """What is wrong, recorded."""
        told = [one for several in self.troubles.values() for one in several]
        for one in told:
            self._record(one, was)
        return told

    def _record(self, trouble: str, was: str) -> None:
        event = reload_event(uid=self._uid(), at=self._now(), trouble=trouble, was=was, policy=self._gate.version)
        try:
            self._bus.accept(event)
        except BusError as error:
            self._told(f"the reload could not be recorded: {error}")

    async def watch(self, known: Stamps) -> None:
        """Look at the files every `reload_seconds`. One that has just changed may still be written: one look more."""
        seen = known
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._limits.reload_seconds):
                    await self._asked.wait()
            now = await asyncio.to_thread(self._stamps)
            if self._asked.is_set() or (now != known and now == seen):
                self._asked.clear()
                known = now
                await self._safely()
            seen = now

    async def _safely(self) -> None:
        try:
            await self.reload()
        except Exception as error:  # a defect of ours ends no gateway, and no later reload
            self._told(f"not reloaded: {type(error).__name__}")

    @contextlib.asynccontextmanager
    async def watching(
        self, known: Stamps, state: Path, listen: str, troubles: Sequence[str] = ()
    ) -> AsyncGenerator[None]:
        """Watch meanwhile, and say in the state folder what this gateway is about.

        `known` are the files as read, `troubles` what was wrong at the start.
        """
        self._state, self._listen = state, listen
        self.troubles["policy"] = troubles
        self._troubles(self._gate.version)
        self.note()
        loop, hup = asyncio.get_running_loop(), getattr(signal, "SIGHUP", None)
        if hup is not None:
            loop.add_signal_handler(hup, self.ask)
        task = loop.create_task(self.watch(known))
        try:
            yield
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
            if hup is not None:
                loop.remove_signal_handler(hup)
            forget(state, os.getpid())

    def note(self) -> None:
        """Say what this gateway is about, as it is now."""
        if self._state is not None:
            told = tuple(one for several in self.troubles.values() for one in several)
            version, since = self._gate.version, self._since
            about = Running(pid=os.getpid(), listen=self._listen, policy=version, since=since, troubles=told)
            note(self._state, about)
