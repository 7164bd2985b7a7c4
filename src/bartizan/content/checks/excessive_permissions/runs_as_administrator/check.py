"""Judge a server's process by the user it runs as."""

from collections.abc import Iterator

from bartizan.model.asset import Asset, EdgeKind
from bartizan.model.inventory import Inventory
from bartizan.rules.check import Sight


def check(subject: Asset, inventory: Inventory) -> Iterator[Sight]:
    """One sight for a process of a server that root runs outside of a container."""
    user = subject.attributes.get("user_id")
    if type(user) is not int or user != 0 or subject.attributes.get("container"):
        return
    if any(edge.target == subject.id and edge.kind is EdgeKind.INSTANCE_OF for edge in inventory.edges):
        yield Sight(
            message=f"{subject.name} runs as root",
            place=subject.places[0] if subject.places else None,
            evidence="user 0",
        )
