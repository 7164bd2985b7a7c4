"""Running servers as checks name them: by what they are, not by the number that the system gave them today."""

from bartizan.model.asset import Asset, EdgeKind
from bartizan.model.inventory import Inventory


def lasting_name(instance: Asset, inventory: Inventory) -> str:
    """The servers that it is an instance of; where none is known its own id, which may rest on a process number."""
    edges = (edge for edge in inventory.edges if edge.kind is EdgeKind.INSTANCE_OF and edge.target == instance.id)
    return " ".join(sorted({edge.source for edge in edges})) or instance.id
