"""The tools of a server, as checks ask for them."""

from collections.abc import Iterator

from bartizan.model.asset import Asset, AssetKind, EdgeKind
from bartizan.model.inventory import Inventory


def tools_of(server: Asset, inventory: Inventory) -> Iterator[Asset]:
    """The tools that a server exposes, in order."""
    exposed = {edge.target for edge in inventory.edges if edge.source == server.id and edge.kind is EdgeKind.EXPOSES}
    return (tool for tool in inventory.of_kind(AssetKind.TOOL) if tool.id in exposed)
