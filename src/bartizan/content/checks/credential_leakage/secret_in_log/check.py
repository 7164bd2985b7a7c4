"""Judge a log or crash dump by the credentials in it, and by whether a server holds the same."""

from collections.abc import Iterator

from bartizan.model.asset import Asset, Confidence, EdgeKind
from bartizan.model.errors import Place
from bartizan.model.finding import Severity
from bartizan.model.inventory import Inventory
from bartizan.rules.check import Sight

_ROLES = {"log": "a log", "crash_dump": "a crash dump"}
_GENERIC = "generic"  # a name alone made it a credential
_SHOWN_HOLDERS = 3


def check(subject: Asset, inventory: Inventory) -> Iterator[Sight]:
    """One sight for each credential in it."""
    role = subject.attributes.get("role")
    if role not in _ROLES or not subject.places:
        return
    assets = inventory.by_id()
    for edge in inventory.edges:
        if edge.source != subject.id or edge.kind is not EdgeKind.STORES or edge.target not in assets:
            continue
        credential = assets[edge.target]
        kind, line = credential.attributes.get("kind", _GENERIC), edge.attributes.get("line")
        holders = sorted(
            assets[held.source].name
            for held in inventory.edges
            if held.target == credential.id and held.kind is EdgeKind.HOLDS and held.source in assets
        )
        whose = f", which {', '.join(holders[:_SHOWN_HOLDERS])} holds" if holders else ""
        yield Sight(
            message=f"{subject.name}, {_ROLES[role]}, holds a {kind} credential{whose}",
            detail=credential.id,
            place=Place(path=subject.places[0].path, line=line if isinstance(line, int) else None),
            evidence=credential.attributes.get("fingerprint", ""),
            severity=Severity.HIGH if holders else None,
            confidence=Confidence.MEDIUM if kind == _GENERIC and not holders else None,
        )
