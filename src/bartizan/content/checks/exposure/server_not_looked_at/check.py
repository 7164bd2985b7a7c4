"""Judge a server by its coverage: every part that was not seen in full is named, in one sight."""

from collections.abc import Iterator

from bartizan.model.asset import Asset
from bartizan.model.inventory import Inventory
from bartizan.rules.check import Sight


def check(subject: Asset, inventory: Inventory) -> Iterator[Sight]:
    """One sight with the parts that are missing and why."""
    missing = [look for look in inventory.looks_by_subject.get(subject.id, ()) if not look.complete]
    if not missing or not subject.attributes.get("enabled", True):
        return
    reasons: dict[str, list[str]] = {}
    for look in missing:
        reasons.setdefault(f"{look.outcome.value}: {look.reason}", []).append(look.part.replace("_", " "))
    parts = "; ".join(f"{', '.join(names)} {reason}" for reason, names in reasons.items())
    yield Sight(
        message=f"{subject.name} was not looked at in full ({parts})",
        detail=" ".join(sorted(f"{look.part}:{look.outcome.value}" for look in missing)),
        place=subject.places[0] if subject.places else None,
    )
