"""The part of the terminal report that says what differs from the scan before."""

from collections.abc import Iterable

from rich.console import RenderableType
from rich.text import Text

from bartizan.model.asset import AssetKind
from bartizan.model.change import Alteration, Change
from bartizan.model.inventory import Inventory
from bartizan.report.terminal import ROWS_MAX, WEAK, capped, heading, name, pairs

_STYLES = {Alteration.CHANGED: "bold yellow", Alteration.ADDED: "green", Alteration.GONE: WEAK, Alteration.UNSEEN: WEAK}


def changes_block(inventory: Inventory, width: int) -> Iterable[RenderableType]:
    """Changed things first, each by its name; new, gone and unseen ones by kind."""
    if not inventory.changes:
        return
    yield heading(f"Changed since the last scan ({len(inventory.changes)})", width)
    rows: list[tuple[str, RenderableType]] = []
    for alteration in Alteration:
        for kind in AssetKind:
            told = [one for one in inventory.changes if one.alteration is alteration and one.kind is kind]
            if told:
                label = Text(f"{kind.value}: ", WEAK)
                rows.append((alteration.value, Text.assemble(label, capped([_one(one) for one in told], ROWS_MAX))))
    rows.sort(key=lambda row: list(_STYLES).index(Alteration(row[0])))
    yield pairs(rows)


def _one(change: Change) -> Text:
    text = name(change.name, _STYLES[change.alteration])
    return Text.assemble(text, (f" ({change.what})", WEAK)) if change.what else text
