"""Judge a server by the addresses at which it can be reached, beyond those that it is declared for."""

from collections.abc import Iterator

from bartizan.model.asset import Asset
from bartizan.model.inventory import Inventory
from bartizan.model.json import as_array, as_object
from bartizan.rules.check import Sight


def check(subject: Asset, _inventory: Inventory) -> Iterator[Sight]:
    """One sight with the addresses."""
    beyond = as_object(subject.attributes.get("beyond_network"))
    addresses = [str(one) for one in as_array(beyond.get("addresses"))]
    if not addresses:
        return
    declared = [str(one) for one in as_array(beyond.get("declared"))]
    meant = f"it is declared for {', '.join(declared)}" if declared else "its clients use it on this machine only"
    yield Sight(
        message=f"{subject.name} can be reached at {', '.join(addresses)}, though {meant}",
        place=subject.places[0] if subject.places else None,
        evidence=", ".join(addresses),
    )
