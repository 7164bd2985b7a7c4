"""Restrictions in force: put by command, file, signal or API; lifted only by who proves to be an approver."""

import asyncio
import contextlib
import secrets
import signal
import threading
from collections.abc import AsyncGenerator, Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from bartizan.adapters.store.restrictions import SqlRestrictions
from bartizan.adapters.transports.listener import Answer, Request
from bartizan.adapters.vaults.local import LocalVault
from bartizan.adapters.vaults.references import References
from bartizan.app.approvals import Approvals
from bartizan.app.bootstrap import store_url
from bartizan.app.config import Config
from bartizan.app.home import state_folder
from bartizan.model.errors import RemoteProtocolError, UsageError
from bartizan.model.event import API_ACTIVITY, Event
from bartizan.model.json import as_object, as_text
from bartizan.model.limits import DEFAULT, Limits
from bartizan.model.restriction import Restrained, Restriction
from bartizan.ports import Restrictions
from bartizan.protocol.jsonrpc import decode, encode

FILE = "HALT"
_JSON = (("content-type", "application/json"),)
_SCOPES = ("server", "tool", "principal", "client")


def restrictions_of(config: Config) -> SqlRestrictions:
    """Those of this deployment. Raises UsageError."""
    vault = LocalVault(state_folder() / "vault")
    return SqlRestrictions(store_url(config.store, state_folder(), References(vault).read))


def halt(
    kept: Restrictions,
    record: Callable[[Event], object],
    *,
    reason: str,
    by: str,
    effect: Restrained = Restrained.DENY,
    scope: dict[str, str] | None = None,
    until: datetime | None = None,
    identity: str = "",
) -> Restriction:
    """Restrict what the scope says, at once. Anybody may: lifting it takes more. Raises UsageError."""
    if not reason.strip():
        raise UsageError("no reason", remedy="say why it is stopped: whoever lifts it has to know")
    about = scope or {}
    restriction = Restriction(
        id=identity or f"H-{secrets.token_hex(5)}",
        effect=effect,
        reason=reason.strip()[: DEFAULT.suppression_text_characters_max],
        by=by,
        since=datetime.now(UTC),
        until=until,
        server=about.get("server", ""),
        tool=about.get("tool", ""),
        principal=about.get("principal", ""),
        client=about.get("client", ""),
    )
    if kept.put(restriction):
        record(_event(restriction, "restricted", restriction.since))
    return restriction


def lift(
    kept: Restrictions, approvals: Approvals, record: Callable[[Event], object], identity: str, *, name: str, code: str
) -> Restriction:
    """Lift one, for an approver who proves it. Raises UsageError."""
    at = datetime.now(UTC)
    if identity not in {one.id for one in kept.in_force(at)}:
        raise UsageError(f"no restriction {identity[:40]!r} is in force", remedy="`bartizan halt list` shows them")
    approver = approvals.prove(name, code)
    lifted = kept.lift(identity, by=approver.name, at=at)
    if lifted is None:
        raise UsageError(f"{identity} was lifted a moment ago")
    record(_event(lifted, "lifted", at))
    return lifted


class Watched:
    """The table that the guard reads: refreshed all the time, at once where this process puts a restriction.

    Where the store cannot be read, everything is denied until it can: nobody knows then what was stopped.
    """

    def __init__(self, kept: Restrictions, record: Callable[[Event], object], folder: Path, limits: Limits) -> None:
        self._kept, self._record, self._file, self._limits = kept, record, folder / FILE, limits
        self._now: Sequence[Restriction] = ()
        self._lock = threading.RLock()  # what was put a moment ago is not forgotten by a reading that began before

    def __call__(self) -> Sequence[Restriction]:
        """Those in force."""
        return self._now

    def refresh(self) -> None:
        """Read the store and the file."""
        with self._lock:
            self._refresh(datetime.now(UTC))

    def _refresh(self, at: datetime) -> None:
        try:
            with contextlib.suppress(FileNotFoundError):
                made = self._file.stat()
                self.halt("the file HALT is there", "file", identity=f"H-file-{made.st_mtime_ns}")
            self._now = self._kept.in_force(at)
        except Exception as error:  # whatever it is, it is not known what was stopped
            why = f"restrictions cannot be read: {type(error).__name__}"
            self._now = (Restriction(id="H-unread", reason=why, by="gateway", since=at),)

    def halt(self, reason: str, by: str, *, identity: str = "", scope: dict[str, str] | None = None) -> Restriction:
        """Deny everything, or a scope, at once."""
        with self._lock:
            restriction = halt(self._kept, self._record, reason=reason, by=by, identity=identity, scope=scope)
            self._now = (*self._now, restriction)
        return restriction

    @contextlib.asynccontextmanager
    async def watching(self) -> AsyncGenerator[None]:
        """Refresh while the gateway runs; SIGUSR1 denies everything."""
        await asyncio.to_thread(self.refresh)
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGUSR1, lambda: self.halt("SIGUSR1", "signal"))
        task = asyncio.create_task(self._watch())
        try:
            yield
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
            with contextlib.suppress(ValueError):
                loop.remove_signal_handler(signal.SIGUSR1)

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(self._limits.restrictions_poll_seconds)
            await asyncio.to_thread(self.refresh)


def answer_halt(watched: Watched, approvals: Approvals, request: Request) -> Answer:
    """A request to stop something at a gateway that runs as another user: of an approver, for agents stop nobody."""
    try:
        asked = as_object(decode(request.body, DEFAULT)) if request.method == "POST" else {}
        scope = {name: as_text(asked.get(name)) for name in _SCOPES}
        reason = as_text(asked.get("reason"))
        if not reason.strip():
            raise UsageError("no reason")  # noqa: TRY301 - one answer for all mistakes
        who = approvals.prove(as_text(asked.get("approver")), as_text(asked.get("code")))
        told = watched.halt(reason, who.name, scope={name: value for name, value in scope.items() if value})
    except (UsageError, RemoteProtocolError) as error:
        return Answer(status=403, headers=_JSON, body=encode({"error": str(error)}))
    return Answer(status=200, headers=_JSON, body=msgspec.json.encode(told))


def _event(one: Restriction, activity: str, at: datetime) -> Event:
    return Event(
        uid=f"{one.id}.{activity}",
        time=at,
        class_uid=API_ACTIVITY,
        activity_name=activity,
        message=one.reason,
        mcp={name: value for name in ("server", "tool", "principal") if (value := getattr(one, name))},
        unmapped={"restriction": one.id, "effect": one.effect.value, "by": one.lifted_by or one.by, "scope": one.scope},
    )
