"""The tools of a server, as checks ask for them."""

from collections.abc import Iterator

from bartizan.model.asset import Asset
from bartizan.model.inventory import Inventory


def tools_of(server: Asset, inventory: Inventory) -> Iterator[Asset]:
    """The tools that a server exposes, in order."""
    return iter(inventory.tools_by_server.get(server.id, ()))
