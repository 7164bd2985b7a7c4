"""Taking snapshots of servers: what may be started or contacted is decided here, and every no is a look."""

import asyncio
import uuid
from collections.abc import Callable, Mapping
from enum import StrEnum

import msgspec

from bartizan.app.parts import Parts
from bartizan.discover.packages import PackageRef, package_of
from bartizan.model.asset import AssetId
from bartizan.model.coverage import Look, Outcome
from bartizan.model.event import NETWORK_ACTIVITY, PROCESS_ACTIVITY, Event
from bartizan.model.launch import Launch
from bartizan.model.snapshot import Transport
from bartizan.ports import Consent, Probed, SandboxError, Wanted

Progress = Callable[[str], None]


class Launching(StrEnum):
    """What may be started or contacted: nothing, what a person consents to, or anything in the sandbox."""

    NEVER = "never"
    ASK = "ask"
    SANDBOX = "sandbox"


class Candidate(msgspec.Struct, frozen=True, kw_only=True):
    """One server to look at.

    `named`: our user named it on the command line, which is consent to contact it. `sha256` is that of a local program.
    """

    server: AssetId
    name: str
    launch: Launch
    named: bool = False
    sha256: str = ""


async def probe_all(
    candidates: list[Candidate], launching: Launching, parts: Parts, progress: Progress
) -> Mapping[AssetId, Probed]:
    """Probe every candidate, in parallel, bounded. People are asked one question at a time, before anything starts."""
    if launching is Launching.ASK:
        progress("")  # nothing may write where the questions stand
    allowed = {one.server: await _allowed(one, launching, parts) for one in candidates}
    progress(f"looking at {len(candidates)} servers")
    slots = asyncio.Semaphore(parts.limits.probes_parallel_max)
    done = 0

    async def one(candidate: Candidate) -> Probed:
        nonlocal done
        refusal = allowed[candidate.server]
        if refusal:
            return _not_looked(candidate, Outcome.SKIPPED, refusal)
        async with slots:
            probed = await _probe_one(candidate, launching, parts)
        done += 1
        progress(f"looked at {done} of {len(candidates)} servers")
        return probed

    results = await asyncio.gather(*(one(candidate) for candidate in candidates))
    return {candidate.server: probed for candidate, probed in zip(candidates, results, strict=True)}


async def _allowed(candidate: Candidate, launching: Launching, parts: Parts) -> str:
    """An empty text, or why this server is not looked at."""
    local = candidate.launch.transport is Transport.STDIO
    if candidate.named and not local:
        return ""
    if launching is Launching.NEVER:
        return "not started (--launch never)" if local else "not contacted (--launch never)"
    if launching is Launching.SANDBOX:
        return (parts.sandbox.available() if local else "") and f"no sandbox on this host: {parts.sandbox.available()}"
    digest = parts.consent_digest(candidate.launch, parts.key, candidate.sha256)
    if parts.store.consented(digest):
        return ""
    answer = await parts.approver.consent(candidate.launch)
    if answer is Consent.REFUSED:
        return "nobody consented to its start" if local else "nobody consented to contacting it"
    if answer is Consent.REMEMBERED:
        parts.store.remember_consent(digest, candidate.launch.shown, parts.clock.now())
    return ""


async def _probe_one(candidate: Candidate, launching: Launching, parts: Parts) -> Probed:
    """One mistake of ours, met on one server, is a look of that server and ends no other's probe."""
    try:
        return await _probe(candidate, launching, parts)
    except Exception as error:
        return _not_looked(candidate, Outcome.FAILED, f"the probe itself failed ({type(error).__name__})")


async def _probe(candidate: Candidate, launching: Launching, parts: Parts) -> Probed:
    launch = candidate.launch
    if launch.transport is not Transport.STDIO:
        # Outside of a consent no credential of a configuration goes to the address that the configuration names.
        consented = launching is Launching.ASK and not candidate.named
        holds_credential = launch.url is not None and launch.url.reveal() != launch.shown
        if holds_credential and not consented and not candidate.named:
            return _not_looked(candidate, Outcome.SKIPPED, "its address holds a credential, sent with consent only")
        bare = launch if consented else msgspec.structs.replace(launch, headers={}, environment={})
        _record(candidate, parts, NETWORK_ACTIVITY, "Open")
        return await parts.prober.probe(candidate.server, bare)
    if launching is Launching.ASK:
        _record(candidate, parts, PROCESS_ACTIVITY, "Launch")
        return await parts.prober.probe(candidate.server, launch)
    package = package_of([word.reveal() for word in launch.command])
    if package.url:
        return _not_looked(candidate, Outcome.SKIPPED, "a bridge to a server elsewhere needs the network")
    try:
        confined = await parts.sandbox.confine(launch, wanted(package))
    except SandboxError as error:
        on_purpose = str(error).startswith(("skipped:", "no sandbox:"))
        reason = str(error).removeprefix("skipped: ").removeprefix("no sandbox: ")
        return _not_looked(candidate, Outcome.SKIPPED if on_purpose else Outcome.FAILED, reason)
    _record(candidate, parts, PROCESS_ACTIVITY, "Launch")
    probed = await parts.prober.probe(candidate.server, launch, confined)
    return msgspec.structs.replace(probed, package=confined.package)


def wanted(package: PackageRef) -> Wanted:
    """What the sandbox is asked to fetch and start.

    A module of an interpreter that is installed here is started from there: its package's name is only a guess, and a
    guess must not be fetched from an index.
    """
    installed = package.runner.endswith(" -m") and not package.version
    return Wanted(
        ecosystem="local" if installed else package.ecosystem,
        name=package.name,
        version=package.version,
        arguments=package.arguments,
        program=package.program,
        path=package.path,
        constraints=package.constraints,
    )


def _not_looked(candidate: Candidate, outcome: Outcome, reason: str) -> Probed:
    return Probed(looks=(Look(subject=candidate.server, part="start", outcome=outcome, reason=reason),))


def _record(candidate: Candidate, parts: Parts, class_uid: int, activity: str) -> None:
    """Our own deed is a fact too."""
    parts.store.record(
        Event(
            uid=str(uuid.uuid4()),
            time=parts.clock.now(),
            class_uid=class_uid,
            activity_name=activity,
            message=f"probe of {candidate.launch.shown}",
            mcp={"server": candidate.server, "transport": candidate.launch.transport.value},
        )
    )
