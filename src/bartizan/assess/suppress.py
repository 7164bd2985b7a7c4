"""Sifting findings by what somebody accepted. Nothing disappears: what is held is given back with its entry."""

from collections.abc import Sequence
from datetime import date

from bartizan.model.asset import AssetId, AssetKind
from bartizan.model.finding import Finding
from bartizan.model.inventory import Inventory
from bartizan.model.suppression import Exceptions, Expired, Suppressed, Suppression, covers, holds


def sift(
    findings: Sequence[Finding], suppressions: Sequence[Suppression], inventory: Inventory, today: date
) -> tuple[list[Finding], Exceptions]:
    """The findings that count, in their order, and what the suppressions did with the rest."""
    if not suppressions:
        return list(findings), Exceptions()
    concerns = Concerns(inventory)
    counted: list[Finding] = []
    held: list[Suppressed] = []
    for finding in findings:
        about = concerns.of(finding)
        entry = next((one for one in suppressions if holds(one, finding, *about, today)), None)
        if entry is None:
            counted.append(finding)
        else:
            held.append(Suppressed(finding=finding, suppression=entry))
    past = [one for one in suppressions if today > one.until]
    expired = (
        Expired(
            suppression=one,
            findings=tuple(finding.id for finding in counted if covers(one, finding, *concerns.of(finding))),
        )
        for one in past
    )
    used = {id(one.suppression) for one in held}
    unused = (one for one in suppressions if today <= one.until and id(one) not in used)
    return counted, Exceptions(suppressed=tuple(held), expired=tuple(expired), unused=tuple(unused))


class Concerns:
    """Which servers and which tool a finding is about."""

    def __init__(self, inventory: Inventory) -> None:
        self._assets = inventory.by_id()
        self._servers = {asset.id for asset in inventory.of_kind(AssetKind.SERVER)}
        self._leading: dict[AssetId, set[AssetId]] = {}
        for edge in inventory.edges:
            if edge.source in self._servers:
                self._leading.setdefault(edge.target, set()).add(edge.source)

    def of(self, finding: Finding) -> tuple[frozenset[AssetId], str]:
        """The servers, and the name of the tool; none and nothing where the finding is about something else."""
        subject = self._assets.get(finding.subject)
        if finding.subject in self._servers:
            return frozenset({finding.subject}), ""
        if subject is None:
            return frozenset(), ""
        owner = subject.attributes.get("server")
        servers = {owner} if isinstance(owner, str) else self._leading.get(subject.id, set())
        return frozenset(servers), subject.name if subject.kind is AssetKind.TOOL else ""
