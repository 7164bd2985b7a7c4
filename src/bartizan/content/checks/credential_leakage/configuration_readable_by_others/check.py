"""Judge a file by its mode, and by whether a credential stands in it."""

from collections.abc import Iterator

from bartizan.model.asset import Asset, EdgeKind
from bartizan.model.finding import Severity
from bartizan.model.inventory import Inventory
from bartizan.rules.check import Sight

_OTHERS_READ, _OTHERS_WRITE = 0o044, 0o022
_TOLD_ELSEWHERE = {"log", "crash_dump"}  # nothing is started from what they say


def check(subject: Asset, inventory: Inventory) -> Iterator[Sight]:
    """One sight when others may read a file with secrets, or write any file that names what is started."""
    mode = int(subject.attributes.get("mode") or "0", 8)
    place = subject.places[0] if subject.places else None
    stored = sum(edge.source == subject.id and edge.kind is EdgeKind.STORES for edge in inventory.edges)
    if mode & _OTHERS_WRITE and subject.attributes.get("role") not in _TOLD_ELSEWHERE:
        yield Sight(
            message=f"{subject.name} can be written by other users (mode {mode:o})",
            detail="write",
            place=place,
            severity=Severity.CRITICAL if stored else None,
        )
    elif mode & _OTHERS_READ and stored:
        plural = "credential" if stored == 1 else "credentials"
        yield Sight(
            message=f"{subject.name} holds {stored} {plural} and can be read by other users (mode {mode:o})",
            detail="read",
            place=place,
        )
