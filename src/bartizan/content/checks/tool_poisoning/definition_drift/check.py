"""Judge a server by what differs from its approved definitions: one sight for each definition."""

from collections.abc import Iterator

from bartizan.model.asset import Asset
from bartizan.model.errors import Place
from bartizan.model.finding import Severity
from bartizan.model.inventory import Inventory
from bartizan.model.pin import Drift, FieldChange
from bartizan.rules.check import Sight

_TOLD_MAX = 5
_SIDE_MAX = 150


def check(subject: Asset, inventory: Inventory) -> Iterator[Sight]:
    """Sights of everything that is more than wording."""
    for drift in inventory.drifts:
        if drift.server == subject.id and drift.severity.rank >= Severity.LOW.rank:
            yield _sight(drift)


def _sight(drift: Drift) -> Sight:
    told = [change for change in drift.changes if change.severity.rank >= Severity.LOW.rank]
    what = f"{drift.kind.value} {drift.name}".strip() if drift.name else f"the server's {drift.kind.value}"
    since = f" of {drift.approval.at:%Y-%m-%d} by {drift.approval.by}" if drift.approval else ""
    why = "; ".join(dict.fromkeys(change.why for change in told[:_TOLD_MAX]))
    return Sight(
        message=f"{what} was {drift.change.value} since the approval{since}: {why}",
        # Another definition is another finding: what was excepted for one says nothing of the next.
        detail="\0".join((drift.client, drift.kind, drift.name, drift.change, drift.definition_sha256)),
        place=Place(pointer=f"{drift.place}{told[0].pointer}"[:500]) if drift.place else None,
        evidence="; ".join(_difference(change) for change in told[:_TOLD_MAX]),
        severity=drift.severity,
    )


def _difference(change: FieldChange) -> str:
    before = "(nothing)" if change.before is None else change.before[:_SIDE_MAX]
    after = "(nothing)" if change.after is None else change.after[:_SIDE_MAX]
    return f"{change.pointer or 'definition'}: {before} → {after}"
