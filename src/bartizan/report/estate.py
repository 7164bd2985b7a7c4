"""Estate: an inventory and its findings as a person reads them. Raw text: what renders it makes it harmless."""

from collections import defaultdict
from collections.abc import Iterable, Sequence

import msgspec

from bartizan.model.asset import Asset, AssetId, AssetKind, Edge, EdgeKind
from bartizan.model.coverage import Look, Outcome
from bartizan.model.finding import Finding
from bartizan.model.inventory import Inventory
from bartizan.model.snapshot import Snapshot
from bartizan.report.attributes import flag_of, text_of
from bartizan.report.summary import Summary, unasked

_OFFERED = {"tools": AssetKind.TOOL, "prompts": AssetKind.PROMPT, "resources": AssetKind.RESOURCE}
_PARTS_OF_SERVER = {EdgeKind.EXPOSES, EdgeKind.LOADS, EdgeKind.INSTANCE_OF, EdgeKind.HOLDS}


class Naming(msgspec.Struct, frozen=True, kw_only=True):
    """A server as one client calls it."""

    client: str
    name: str
    enabled: bool
    path: str


class Raised(msgspec.Struct, frozen=True, kw_only=True):
    """A finding on the server or on `subject`, a part of it. `told_at` is the server that told it in full before."""

    finding: Finding
    subject: str
    told_at: str = ""


class ServerCard(msgspec.Struct, frozen=True, kw_only=True):
    """A server with everything that a reader wants in one place.

    `counts` say how many tools, prompts and resources it offers, as text: `12`, `12+` when cut, `?` when not known.
    """

    number: int
    asset: Asset
    namings: tuple[Naming, ...]
    snapshot: Snapshot | None
    counts: dict[str, str]
    tools: tuple[Asset, ...]
    credentials: tuple[Asset, ...]
    instances: tuple[Asset, ...]
    findings: tuple[Raised, ...]
    looks: tuple[Look, ...]
    unasked: bool

    @property
    def gaps(self) -> list[Look]:
        """What was not looked at."""
        return [look for look in self.looks if not look.complete]

    @property
    def parts_seen(self) -> tuple[str, ...]:
        """What was looked at."""
        return tuple(dict.fromkeys(look.part for look in self.looks if look.complete))

    @property
    def remarks(self) -> list[str]:
        """What sets it apart, in a few words each; only what the inventory states."""
        values = self.asset.attributes
        stated = [
            (flag_of(values, "configured") is False, "in no configuration"),
            (flag_of(values, "behind_gateway") is False, "not behind the gateway"),
            (flag_of(values, "behind_gateway") is True, "behind the gateway"),
            (flag_of(values, "enabled") is False, "disabled in every client"),
            (flag_of(values, "remote") is True, "on another machine"),
            (bool(self.instances), f"running ({len(self.instances)})"),
        ]
        return [words for true, words in stated if true]


class Gap(msgspec.Struct, frozen=True, kw_only=True):
    """Things not looked at for one reason. `subjects` are names, empty for the machine; `places` are of files."""

    outcome: Outcome
    part: str
    reason: str
    subjects: tuple[str, ...]
    places: tuple[str, ...]


class Possession(msgspec.Struct, frozen=True, kw_only=True):
    """A credential, and the names of what holds or stores it."""

    asset: Asset
    holders: tuple[str, ...]


class Estate(msgspec.Struct, frozen=True, kw_only=True):
    """The whole, in reading order. `elsewhere` are the findings that concern no server."""

    summary: Summary
    servers: tuple[ServerCard, ...]
    elsewhere: tuple[Raised, ...]
    clients: tuple[Asset, ...]
    agents: tuple[Asset, ...]
    documents: tuple[Asset, ...]
    backends: tuple[Asset, ...]
    credentials: tuple[Possession, ...]
    gaps: tuple[Gap, ...]
    parts_seen: tuple[str, ...]

    @classmethod
    def of(cls, inventory: Inventory, findings: list[Finding]) -> "Estate":
        """Arrange an inventory. Servers come worst first, then those not fully seen, then by name."""
        index = _Index(inventory, findings)
        cards = index.cards()
        told = {raised.finding.id for card in cards for raised in card.findings}
        return cls(
            summary=Summary.of(inventory, findings),
            servers=tuple(cards),
            elsewhere=tuple(
                Raised(finding=finding, subject=index.called(finding.subject))
                for finding in findings
                if finding.id not in told
            ),
            clients=tuple(inventory.of_kind(AssetKind.CLIENT)),
            agents=tuple(inventory.of_kind(AssetKind.AGENT)),
            documents=tuple(inventory.of_kind(AssetKind.DOCUMENT)),
            backends=tuple(inventory.of_kind(AssetKind.MODEL) + inventory.of_kind(AssetKind.BACKEND)),
            credentials=tuple(index.possessions()),
            gaps=tuple(_gaps(inventory.incomplete, index)),
            parts_seen=tuple(
                dict.fromkeys(look.part for look in inventory.looks if look.complete and not look.subject)
            ),
        )


class _Index:
    """Looking an inventory up by id, by edge and by subject."""

    def __init__(self, inventory: Inventory, findings: list[Finding]) -> None:
        self.inventory = inventory
        self.assets = inventory.by_id()
        self.unasked = unasked(inventory)
        self.snapshots = {snapshot.server: snapshot for snapshot in inventory.snapshots}
        self.forward: dict[AssetId, list[Edge]] = defaultdict(list)
        self.backward: dict[AssetId, list[Edge]] = defaultdict(list)
        for edge in inventory.edges:
            self.forward[edge.source].append(edge)
            self.backward[edge.target].append(edge)
        self.looks: dict[AssetId, list[Look]] = defaultdict(list)
        for look in inventory.looks:
            self.looks[look.subject].append(look)
        self.findings: dict[AssetId, list[Finding]] = defaultdict(list)
        for finding in findings:
            self.findings[finding.subject].append(finding)

    def called(self, identity: AssetId) -> str:
        """The name of an asset; its id where it is not in the inventory; nothing for the machine."""
        return self.assets[identity].name if identity in self.assets else identity

    def cards(self) -> list[ServerCard]:
        """One card for each server, in reading order."""
        servers = sorted(self.inventory.of_kind(AssetKind.SERVER), key=self._urgency)
        told: dict[str, str] = {}
        return [self._card(number, server, told) for number, server in enumerate(servers, start=1)]

    def _urgency(self, server: Asset) -> tuple[int, bool, str, str]:
        worst = max((finding.severity.rank for finding in self._concerning(server)), default=-1)
        seen = all(look.complete for look in self.looks[server.id])
        return -worst, seen, server.name, server.id

    def _card(self, number: int, server: Asset, told: dict[str, str]) -> ServerCard:
        raised: list[Raised] = []
        for finding in self._concerning(server):
            subject = "" if finding.subject == server.id else self.called(finding.subject)
            raised.append(Raised(finding=finding, subject=subject, told_at=told.get(finding.id, "")))
            told.setdefault(finding.id, server.name)
        return ServerCard(
            number=number,
            asset=server,
            namings=tuple(self._namings(server)),
            snapshot=self.snapshots.get(server.id),
            counts={part: self._count(server, part) for part in _OFFERED},
            tools=tuple(self._targets(server, EdgeKind.EXPOSES, AssetKind.TOOL)),
            credentials=tuple(self._targets(server, EdgeKind.HOLDS, AssetKind.CREDENTIAL)),
            instances=tuple(self._targets(server, EdgeKind.INSTANCE_OF, AssetKind.INSTANCE)),
            findings=tuple(raised),
            looks=tuple(self.looks[server.id]),
            unasked=server.id in self.unasked,
        )

    def _concerning(self, server: Asset) -> list[Finding]:
        """Findings on the server and on what belongs to it, worst first."""
        parts = {edge.target for edge in self.forward[server.id] if edge.kind in _PARTS_OF_SERVER}
        found = [finding for subject in (server.id, *sorted(parts)) for finding in self.findings[subject]]
        return sorted(found, key=lambda finding: (-finding.severity.rank, finding.rule, finding.id))

    def _namings(self, server: Asset) -> Iterable[Naming]:
        for edge in self.backward[server.id]:
            if edge.kind is EdgeKind.CONFIGURES:
                yield Naming(
                    client=self.called(edge.source),
                    name=text_of(edge.attributes, "name") or server.name,
                    enabled=flag_of(edge.attributes, "enabled") is not False,
                    path=text_of(edge.attributes, "path"),
                )

    def _targets(self, source: Asset, kind: EdgeKind, wanted: AssetKind) -> list[Asset]:
        reached = {edge.target for edge in self.forward[source.id] if edge.kind is kind}
        assets = [self.assets[identity] for identity in reached if identity in self.assets]
        return sorted((a for a in assets if a.kind is wanted), key=lambda asset: (asset.name, asset.id))

    def _count(self, server: Asset, part: str) -> str:
        snapshot = self.snapshots.get(server.id)
        number = len(self._targets(server, EdgeKind.EXPOSES, _OFFERED[part]))
        if snapshot:
            number = max(number, len(getattr(snapshot, part)))
        unseen = [look for look in self.looks[server.id] if look.part == part and not look.complete]
        if not number and (unseen or not snapshot):
            return "?"
        return f"{number}+" if unseen else str(number)

    def possessions(self) -> Iterable[Possession]:
        """Every credential with its holders."""
        for credential in self.inventory.of_kind(AssetKind.CREDENTIAL):
            holders = {e.source for e in self.backward[credential.id] if e.kind in {EdgeKind.HOLDS, EdgeKind.STORES}}
            yield Possession(asset=credential, holders=tuple(sorted(self.called(holder) for holder in holders)))


def _gaps(looks: Sequence[Look], index: _Index) -> Iterable[Gap]:
    """Looks that ended alike, together: one reason for forty servers is one entry."""
    alike: dict[tuple[Outcome, str, str], list[Look]] = {}
    for look in looks:
        alike.setdefault((look.outcome, look.part, look.reason), []).append(look)
    for (outcome, part, reason), group in alike.items():
        yield Gap(
            outcome=outcome,
            part=part,
            reason=reason,
            subjects=tuple(dict.fromkeys(index.called(look.subject) for look in group if look.subject)),
            places=tuple(dict.fromkeys(str(look.place) for look in group if look.place)),
        )
