"""`map`: the questions of the threat map, answered over an inventory."""

from bartizan.graph.questions import MapAnswer, answer, find_asset
from bartizan.model.asset import AssetId, AssetKind
from bartizan.model.errors import UsageError
from bartizan.model.inventory import Inventory
from bartizan.report.map import MAP_FORMATS, render_map

__all__ = ["MapAnswer", "map_inventory", "named_asset", "rendered"]


def named_asset(inventory: Inventory, text: str) -> AssetId:
    """The asset that a person means: an id, a name, or the fingerprint of a credential. Raises UsageError."""
    for credential in inventory.of_kind(AssetKind.CREDENTIAL):
        if text and credential.attributes.get("fingerprint") == text:
            return credential.id
    return find_asset(inventory, text)


def map_inventory(inventory: Inventory, from_: AssetId | None, to: AssetId | None) -> MapAnswer:
    """Blast radius, exposure, the ways between two assets, or the overview, with the controls that cut most."""
    return answer(inventory, from_, to)


def rendered(format_: str, reply: MapAnswer, inventory: Inventory, *, width: int, colour: bool) -> str:
    """The answer in a format. Raises UsageError."""
    if format_ == "table":
        return render_map(reply, inventory, width=width, colour=colour)
    if format_ not in MAP_FORMATS:
        raise UsageError(f"no format {format_!r}", remedy=f"use table, {', '.join(sorted(MAP_FORMATS))}")
    return MAP_FORMATS[format_](reply, inventory)
