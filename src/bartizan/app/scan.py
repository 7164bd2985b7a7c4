"""`discover` and `scan`: gather, probe, merge, judge, keep."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path

import msgspec

from bartizan.app.config import Config
from bartizan.app.gather import Gathered, Scope, gather
from bartizan.app.parts import Parts
from bartizan.app.probing import Candidate, Launching, Progress, probe_all
from bartizan.app.reference import mark_reference, read_reference
from bartizan.assess.documents import judge_documents
from bartizan.assess.drift import with_drifts
from bartizan.assess.findings import judge_definitions
from bartizan.assess.judge import Judge
from bartizan.assess.labels import labelled
from bartizan.assess.paths import with_flows
from bartizan.discover.copies import mark_copies
from bartizan.discover.declared import mark_beyond
from bartizan.discover.definitions import read_definitions
from bartizan.discover.identify import identify_command, identify_url
from bartizan.discover.merge import Merged, merge
from bartizan.discover.reach import mark_shadows, read_reach
from bartizan.model.asset import Asset, AssetId, AssetKind, Edge, EdgeKind
from bartizan.model.coverage import Look, Outcome
from bartizan.model.errors import Place, UsageError
from bartizan.model.finding import Finding, Severity
from bartizan.model.inventory import FORMAT, Inventory, Observation
from bartizan.model.json import as_object
from bartizan.model.record import PackageRecord
from bartizan.model.snapshot import Snapshot
from bartizan.model.suppression import NO_EXCEPTIONS, Exceptions
from bartizan.ports import Probed
from bartizan.report.summary import Summary
from bartizan.rules.check import Check, run, worst_first

CLEAN, FINDINGS, INCOMPLETE = 0, 1, 3


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """An inventory, what the checks say of it, and what of that is accepted: `findings` are those that count."""

    inventory: Inventory
    findings: list[Finding]
    exceptions: Exceptions = NO_EXCEPTIONS

    def exit_code(self, fail_on: Severity, baseline: frozenset[str] = frozenset()) -> int:
        """3 when something was not looked at, else 1 for findings at or above `fail_on` that `baseline` lacks, else 0.

        Incomplete comes first: it says that the findings are not all.
        """
        if not Summary.of(self.inventory, self.findings).complete:
            return INCOMPLETE
        worst = [one for one in self.findings if one.severity.rank >= fail_on.rank and one.id not in baseline]
        return FINDINGS if worst else CLEAN


def inventory_exit_code(inventory: Inventory) -> int:
    """3 when something was not looked at, else 0."""
    return CLEAN if Summary.of(inventory, []).complete else INCOMPLETE


async def discover(scope: Scope, config: Config, parts: Parts, progress: Progress) -> Inventory:
    """The inventory, without starting or asking any server for its definitions."""
    reference = read_reference(config, parts.limits)
    gathered = await gather(scope, parts, progress)
    return mark_reference(_inventory(gathered.observations, (), gathered, config, parts), reference)


async def scan(scope: Scope, launching: Launching, config: Config, parts: Parts, progress: Progress) -> Result:
    """Discover, probe, judge, and keep the result in the store."""
    reference = read_reference(config, parts.limits)
    gathered = await gather(scope, parts, progress)
    merged = merge(gathered.observations, at=parts.clock.now(), own_addresses=gathered.own_addresses)
    candidates = _candidates(merged, gathered)
    probed = await probe_all(candidates, launching, parts, progress)
    snapshots, told = _told(probed, parts)
    observations = [*gathered.observations, *told, _unprobed(merged, probed, parts.clock.now())]
    progress("judging")
    fetched = [one.package for one in probed.values() if one.package is not None]
    inventory = _inventory(observations, snapshots, gathered, config, parts, fetched=fetched)
    inventory = with_drifts(inventory, parts.store.approved(), parts.judge, parts.limits)
    inventory = mark_reference(inventory, reference)
    findings = _findings(inventory, parts.checks, parts.judge)
    parts.store.save(inventory, findings, scope=scope.name or parts.machine)
    changes = tuple(parts.store.changes(scope=scope.name or parts.machine))
    return Result(inventory=msgspec.structs.replace(inventory, changes=changes), findings=findings)


def with_reference(config: Config, registry: Sequence[Path], advisories: Sequence[Path]) -> Config:
    """The configuration with reference files of a command line beside its own."""
    return msgspec.structs.replace(
        config,
        registry=(*config.registry, *map(str, registry)),
        advisories=(*config.advisories, *map(str, advisories)),
    )


def judge_again(inventory: Inventory, checks: Sequence[Check], judge: Judge) -> Result:
    """Judge a saved inventory."""
    return Result(inventory=inventory, findings=_findings(inventory, checks, judge))


def _findings(inventory: Inventory, checks: Sequence[Check], judge: Judge) -> list[Finding]:
    return worst_first(
        [*run(checks, inventory), *judge_definitions(inventory, judge), *judge_documents(inventory, judge)]
    )


def saved(inventory: Inventory) -> str:
    """The inventory as a snapshot file."""
    return msgspec.json.encode(inventory).decode()


def read_baseline(path: Path) -> frozenset[str]:
    """The ids of the findings of a JSON report. Raises UsageError."""
    try:
        report = msgspec.json.decode(path.read_bytes(), type=_Baseline)
    except OSError as error:
        raise UsageError(f"cannot read the baseline: {error.strerror}", where=Place(path=str(path))) from None
    except (msgspec.MsgspecError, RecursionError) as error:
        raise UsageError(
            f"not a JSON report: {error}",
            where=Place(path=str(path)),
            remedy="save one with --format json",
        ) from None
    return frozenset(finding.id for finding in report.findings)


class _BaselineFinding(msgspec.Struct, frozen=True):
    id: str


class _Baseline(msgspec.Struct, frozen=True):
    findings: list[_BaselineFinding]


def read_inventory(path: Path) -> Inventory:
    """Read a saved snapshot file. Raises UsageError."""
    try:
        inventory = msgspec.json.decode(path.read_bytes(), type=Inventory)
    except OSError as error:
        raise UsageError(f"cannot read it: {error.strerror}", where=Place(path=str(path))) from None
    except (msgspec.MsgspecError, RecursionError) as error:
        raise UsageError(
            f"not a saved inventory: {error}", where=Place(path=str(path)), remedy="save one with --snapshot FILE"
        ) from None
    if inventory.format != FORMAT:
        raise UsageError(f"format {inventory.format!r} is not {FORMAT}", where=Place(path=str(path)))
    return inventory


def _candidates(merged: Merged, gathered: Gathered) -> list[Candidate]:
    """The servers that can be started or reached, each once."""
    assets = merged.inventory.by_id()
    found: dict[AssetId, Candidate] = {}
    # What our user named comes first: that is consent to contact it, which a configuration of the same server is not.
    for observed in sorted(gathered.launches, key=lambda one: one not in gathered.named):
        launch = gathered.launches[observed]
        identity = merged.names.get(observed, observed)
        if identity in assets:
            named = observed in gathered.named
            asset = assets[identity]
            sha256 = str(as_object(asset.attributes.get("package")).get("sha256", ""))
            candidate = Candidate(server=identity, name=asset.name, launch=launch, named=named, sha256=sha256)
            found.setdefault(identity, candidate)
    return [found[identity] for identity in sorted(found)]


def _told(probed: Mapping[AssetId, Probed], parts: Parts) -> tuple[list[Snapshot], list[Observation]]:
    """The snapshots, and what they and the looks tell."""
    snapshots: list[Snapshot] = []
    observations: list[Observation] = []
    for server, one in probed.items():
        snapshots += [one.snapshot] if one.snapshot is not None else []
        assets = tuple(credential.asset() for credential in one.credentials)
        edges = tuple(Edge(source=server, target=asset.id, kind=EdgeKind.HOLDS) for asset in assets)
        at = one.snapshot.taken_at if one.snapshot is not None else parts.clock.now()
        observations.append(Observation(seen_by="probe", at=at, assets=assets, edges=edges, looks=one.looks))
    return snapshots, [*observations, *read_definitions(snapshots)]


def _unprobed(merged: Merged, probed: Mapping[AssetId, Probed], at: datetime) -> Observation:
    """Servers that were seen, though nothing here starts or reaches them: their definitions are unknown."""
    looks = tuple(
        Look(subject=server.id, part="start", outcome=Outcome.SKIPPED, reason=_why_unprobed(server))
        for server in merged.inventory.of_kind(AssetKind.SERVER)
        if server.id not in probed
    )
    return Observation(seen_by="probe", at=at, looks=looks)


def _why_unprobed(server: Asset) -> str:
    status = server.attributes.get("status")
    if status:
        return f"its endpoint says {str(status).replace('_', ' ')}"
    return "it runs, but no configuration says how to start another one"


def _inventory(
    observations: Sequence[Observation],
    snapshots: Sequence[Snapshot],
    gathered: Gathered,
    config: Config,
    parts: Parts,
    *,
    fetched: Sequence[PackageRecord] = (),
) -> Inventory:
    at = parts.clock.now()

    def merged(extra: Sequence[Observation] = ()) -> Inventory:
        return merge(
            [*observations, *extra], at=at, snapshots=snapshots, own_addresses=gathered.own_addresses
        ).inventory

    inventory = merged([read_reach(merged())])
    inventory = mark_copies(inventory, (*gathered.packages, *fetched))
    inventory = mark_beyond(inventory, config.network.declared, gathered.own_addresses)
    return with_flows(labelled(mark_shadows(inventory, _of_record(config)), parts.labeller))


def _of_record(config: Config) -> list[AssetId] | None:
    """The servers of the configuration of record; None where there is none."""
    if config.gateway is None:
        return None
    return [
        (identify_url(entry.url) if entry.url else identify_command(entry.command)).id
        for entry in config.gateway.servers.values()
    ]
