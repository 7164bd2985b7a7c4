"""`doctor`: what works on this host, what is degraded, and why."""

import shutil
import sys
from collections.abc import Iterator
from datetime import datetime

import msgspec

from bartizan.app.bus import verified_bus
from bartizan.app.home import state_folder
from bartizan.app.parts import Parts
from bartizan.app.running import running
from bartizan.app.tls import soonest
from bartizan.model.errors import UsageError
from bartizan.ports import BusError
from bartizan.text.normalise import show


class Ability(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that Bartizan can do here, or not, and how to mend it."""

    name: str
    works: bool
    detail: str


def diagnose(parts: Parts) -> list[Ability]:
    """Try what can be tried, without changing anything."""
    system = sys.platform
    sandbox = parts.sandbox.available()
    processes = parts.processes.collect()
    return [
        Ability(
            name="system",
            works=system == "linux",
            detail=f"Linux, Python {sys.version.split()[0]}"
            if system == "linux"
            else f"{system} is untested: paths are covered by fixtures, processes and sandbox are not there",
        ),
        Ability(name="store", works=True, detail="opened, its schema is current"),
        _events(),
        *_gateways(),
        *_certificates(parts.clock.now()),
        Ability(
            name="processes",
            works=all(look.complete for look in processes.looks),
            detail="; ".join(look.reason for look in processes.looks),
        ),
        Ability(name="sandbox", works=not sandbox, detail=sandbox or "bubblewrap starts"),
        *(_runner(program, what) for program, what in _RUNNERS.items()),
        Ability(
            name="confirmation",
            works=False,
            detail="advisory: servers, agents and this program run as one user, so a consent that is remembered, "
            "a definition that is approved (pin approve), a ticket (approvals) and a restriction (halt) here could be "
            "written by any of them",
        ),
    ]


def _events() -> Ability:
    """Whether the journal of events is as it was accepted."""
    try:
        found = verified_bus()
    except (BusError, UsageError) as error:
        return Ability(name="events", works=False, detail=str(error))
    if found is None:
        return Ability(name="events", works=True, detail="none yet: the gateway has not run here")
    if found.broken:
        return Ability(name="events", works=False, detail=f"the journal was changed: {found.broken}")
    signed = f"signed up to event {found.signed}"
    return Ability(name="events", works=True, detail=f"{found.events} in an unbroken chain, {signed}")


def _gateways() -> Iterator[Ability]:
    """What the gateways that run here say of themselves: a mistake in what they were to reload."""
    for one in running(state_folder()):
        policy = f"{one.listen}: policy {one.policy} since {one.since:%Y-%m-%dT%H:%M:%SZ}"
        yield Ability(name="gateway", works=not one.troubles, detail="; ".join((policy, *one.troubles)))


def _certificates(now: datetime) -> Iterator[Ability]:
    """How long the certificate is good that `tls init` made."""
    try:
        found = soonest(state_folder())
    except UsageError as error:
        yield Ability(name="certificates", works=False, detail=str(error))
        return
    if found is not None:
        left = (found[1] - now).total_seconds() / 86_400
        renew = "" if left > _DAYS_LEFT else "; renew it: bartizan tls init"
        detail = f"{found[0]} is good until {found[1]:%Y-%m-%dT%H:%M:%SZ}{renew}"
        yield Ability(name="certificates", works=not renew, detail=detail)


_DAYS_LEFT = 3
_RUNNERS = {
    "npm": "fetching packages from npm into the sandbox",
    "node": "starting servers written for Node",
}


def _runner(program: str, use: str) -> Ability:
    found = shutil.which(program)
    return Ability(name=program, works=bool(found), detail=f"{'for' if found else 'not installed; needed for'} {use}")


def rendered(abilities: list[Ability], format_: str) -> str:
    """The abilities as a table or as JSON. Raises UsageError."""
    if format_ == "json":
        return msgspec.json.format(msgspec.json.encode(abilities), indent=2).decode()
    if format_ != "table":
        raise UsageError(f"no format {format_!r}", remedy="use table or json")
    wide = max(len(ability.name) for ability in abilities)
    return "\n".join(
        f"{'works   ' if ability.works else 'degraded'}  {ability.name:<{wide}}  {show(ability.detail)}"
        for ability in abilities
    )
