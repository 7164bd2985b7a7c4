"""Summary: the counts at the head of every report."""

from collections import Counter

import msgspec

from bartizan.model.asset import AssetKind, EdgeKind
from bartizan.model.finding import Finding, Severity
from bartizan.model.inventory import Inventory
from bartizan.report.words import counted


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """What there is and how much of it was seen.

    `clients` are those that were found, `clients_with_servers` those that configure at least one. `gaps` are looks that
    did not end well. `servers_unasked` have neither a snapshot nor any look. `complete` is false when there is a gap,
    and when nothing was looked at at all: an empty record is no clean result.
    """

    servers: int
    clients: int
    clients_with_servers: int
    agents: int
    documents: int
    instances: int
    tools: int
    prompts: int
    resources: int
    credentials: int
    findings: dict[Severity, int]
    findings_total: int
    looks: int
    gaps: int
    servers_unasked: int
    complete: bool

    @property
    def coverage(self) -> str:
        """Complete or not, in words that cannot be read as the other."""
        if not self.looks:
            return "INCOMPLETE: no record says that anything was looked at"
        if not self.complete:
            return f"INCOMPLETE: {counted(self.gaps, 'thing')} not looked at"
        if self.servers_unasked:
            return f"complete as far as it went; {counted(self.servers_unasked, 'server')} not asked what they offer"
        return f"complete: {counted(self.looks, 'look')}, nothing left out"

    @classmethod
    def of(cls, inventory: Inventory, findings: list[Finding]) -> "Summary":
        """Count."""
        kinds = Counter(asset.kind for asset in inventory.assets)
        severities = Counter(finding.severity for finding in findings)
        gaps = len(inventory.incomplete)
        return cls(
            servers=kinds[AssetKind.SERVER],
            clients=kinds[AssetKind.CLIENT],
            clients_with_servers=len({e.source for e in inventory.edges if e.kind is EdgeKind.CONFIGURES}),
            agents=kinds[AssetKind.AGENT],
            documents=kinds[AssetKind.DOCUMENT],
            instances=kinds[AssetKind.INSTANCE],
            tools=kinds[AssetKind.TOOL],
            prompts=kinds[AssetKind.PROMPT],
            resources=kinds[AssetKind.RESOURCE],
            credentials=kinds[AssetKind.CREDENTIAL],
            findings={severity: severities[severity] for severity in reversed(Severity)},
            findings_total=len(findings),
            looks=len(inventory.looks),
            gaps=gaps,
            servers_unasked=len(unasked(inventory)),
            complete=bool(inventory.looks) and not gaps,
        )


def unasked(inventory: Inventory) -> frozenset[str]:
    """The servers of which no record says that anybody looked."""
    seen = {look.subject for look in inventory.looks} | {snapshot.server for snapshot in inventory.snapshots}
    return frozenset(asset.id for asset in inventory.of_kind(AssetKind.SERVER) if asset.id not in seen)
