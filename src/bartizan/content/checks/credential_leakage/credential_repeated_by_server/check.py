"""Judge a server by whether the prober had to take its own credentials out of its words."""

from collections.abc import Iterator

from bartizan.model.asset import Asset
from bartizan.model.coverage import REDACTION
from bartizan.model.inventory import Inventory
from bartizan.rules.check import Sight


def check(subject: Asset, inventory: Inventory) -> Iterator[Sight]:
    """One sight where something was taken out."""
    if any(look.part == REDACTION for look in inventory.looks_by_subject.get(subject.id, ())):
        yield Sight(
            message=f"{subject.name} gives a credential that it was started or reached with in its definitions",
            place=subject.places[0] if subject.places else None,
        )
