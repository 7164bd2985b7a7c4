"""Judge the coverage: every configuration that could not be read is a sight."""

from collections.abc import Iterator

from bartizan.model.inventory import Inventory
from bartizan.rules.check import Sight


def check(subject: Inventory, _inventory: Inventory) -> Iterator[Sight]:
    """One sight for each failed or cut look at a configuration."""
    for look in subject.looks:
        if look.part == "configuration" and not look.complete:
            where = str(look.place) if look.place else look.subject
            yield Sight(message=f"{where}: {look.reason}", detail=f"{where} {look.reason}", place=look.place)
