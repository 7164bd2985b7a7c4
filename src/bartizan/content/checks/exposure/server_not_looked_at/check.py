"""Judge a server by its coverage: every part that was not seen in full is named, in one sight."""

from collections.abc import Iterator

from bartizan.model.asset import Asset
from bartizan.model.inventory import Inventory
from bartizan.rules.check import Sight


def check(subject: Asset, inventory: Inventory) -> Iterator[Sight]:
    """One sight with the parts that are missing and why."""
    missing = [look for look in inventory.looks if look.subject == subject.id and not look.complete]
    if not missing or not subject.attributes.get("enabled", True):
        return
    parts = "; ".join(f"{look.part} {look.outcome.value}: {look.reason}" for look in missing)
    yield Sight(
        message=f"{subject.name} was not looked at in full ({parts})",
        place=subject.places[0] if subject.places else None,
    )
