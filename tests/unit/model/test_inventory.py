"""The inventory as a value."""

from datetime import UTC, datetime

from bartizan.model.asset import Asset, AssetKind
from bartizan.model.inventory import Inventory


def test_the_text_of_an_inventory_does_not_grow_with_it():
    assets = tuple(Asset(id=f"tool:{number}", kind=AssetKind.TOOL, name="x" * 100) for number in range(1000))
    shown = repr((Inventory(taken_at=datetime(2026, 1, 1, tzinfo=UTC), assets=assets),))
    assert shown == "(<inventory of 2026-01-01T00:00:00Z: 1000 assets, 0 looks>,)"
