"""Approvals opened: in the store of this user, or at a gateway that runs as another one."""

import asyncio
import http.client
from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec

from bartizan.adapters.store.tickets import SqlTickets
from bartizan.adapters.transports.listener import Answer, Request
from bartizan.adapters.vaults.local import LocalVault
from bartizan.adapters.vaults.references import References
from bartizan.app.approvals import Approvals
from bartizan.app.bootstrap import store_url
from bartizan.app.bus import open_bus
from bartizan.app.config import Config, read_config
from bartizan.app.home import state_folder
from bartizan.model.errors import RemoteProtocolError, UsageError
from bartizan.model.event import Event
from bartizan.model.json import JsonObject, as_object, as_text
from bartizan.model.limits import DEFAULT
from bartizan.model.ticket import Ticket
from bartizan.protocol.jsonrpc import decode, encode
from bartizan.text.normalise import show

_SECONDS = 10.0
_JSON = (("content-type", "application/json"),)


def approvals_of(config: Config, record: Callable[[Event], object]) -> tuple[Approvals, SqlTickets]:
    """The approvals of this deployment. Raises UsageError."""
    vault = LocalVault(state_folder() / "vault")
    tickets = SqlTickets(store_url(config.store, state_folder(), References(vault).read))
    return Approvals(tickets, secret=vault.read_or_make, now=_now, record=record), tickets


@contextmanager
def opened_approvals(config_path: Path | None) -> Generator[Approvals]:
    """The same, for a command. Raises UsageError, BusError."""
    bus = open_bus()
    approvals, tickets = approvals_of(read_config(config_path), bus.accept)
    try:
        yield approvals
    finally:
        tickets.close()
        bus.close()


def _now() -> datetime:
    return datetime.now(UTC)


def handle(approvals: Approvals, request: Request) -> Answer:
    """A request of `ask_gateway`. Nothing is shown to who does not prove to be an approver."""
    try:
        asked = as_object(decode(request.body, DEFAULT)) if request.method == "POST" else {}
        name, code, ticket = (as_text(asked.get(key)) for key in ("approver", "code", "ticket"))
        match asked.get("action"):
            case "list":
                approvals.prove(name, code)
                told: Any = {"tickets": approvals.waiting()}
            case "show":
                approvals.prove(name, code)
                told = {"tickets": [approvals.get(ticket)]}
            case "allow" | "deny" as action:
                told = {"tickets": [approvals.decide(ticket, granted=action == "allow", name=name, code=code)]}
            case _:
                return Answer(status=400, headers=_JSON, body=encode({"error": "no such action"}))
    except (UsageError, RemoteProtocolError) as error:
        return Answer(status=403, headers=_JSON, body=encode({"error": str(error)}))
    return Answer(status=200, headers=_JSON, body=msgspec.json.encode(told))


def beside(handler: Callable[[Request], Answer]) -> Callable[[Request, str], Awaitable[Answer]]:
    """An endpoint of the gateway whose handler asks the database: it runs beside the loop."""

    async def answer(request: Request, _server: str) -> Answer:
        return await asyncio.to_thread(handler, request)

    return answer


class _Told(msgspec.Struct, frozen=True):
    tickets: tuple[Ticket, ...] = ()
    error: str = ""


def ask_gateway(url: str, asked: JsonObject) -> list[Ticket]:
    """Ask a gateway that runs as another user. Raises UsageError."""
    parts = urlsplit(url)
    secure = parts.scheme == "https"
    if not parts.hostname or not (secure or parts.hostname in {"127.0.0.1", "::1", "localhost"}):
        raise UsageError(f"--gateway: {url[:80]!r} is no address to send a code to", remedy="use https, or loopback")
    kind = http.client.HTTPSConnection if secure else http.client.HTTPConnection
    connection = kind(parts.hostname, parts.port, timeout=_SECONDS)
    try:
        connection.request("POST", "/approvals", msgspec.json.encode(asked), dict(_JSON))
        answer = connection.getresponse()
        told = msgspec.json.decode(answer.read(DEFAULT.message_bytes_max), type=_Told)
    except (OSError, http.client.HTTPException, msgspec.MsgspecError) as error:
        raise UsageError(f"the gateway does not answer: {error}", remedy="check --gateway, and that it runs") from None
    finally:
        connection.close()
    if answer.status != http.client.OK:
        raise UsageError(show(told.error) or f"the gateway answered {answer.status}")
    return list(told.tickets)
