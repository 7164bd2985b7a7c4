"""Output formats: those that plugins register, the table in the terminal's own width."""

from typing import TYPE_CHECKING

from bartizan.model.errors import UsageError

if TYPE_CHECKING:
    from bartizan.model.finding import Finding
    from bartizan.model.inventory import Inventory


def check_format(name: str) -> None:
    """Refuse an unknown format before anything is looked at. Raises UsageError."""
    from bartizan.app.bootstrap import renderers

    known = renderers()
    if name not in known:
        raise UsageError(f"no format {name!r}", remedy=f"use one of {', '.join(sorted(known))}")


def render(name: str, inventory: "Inventory", findings: "list[Finding] | None") -> str:
    """The inventory in a format; `findings` None is an inventory that was not judged. Raises UsageError."""
    from bartizan.app.bootstrap import renderers
    from bartizan.app.report import inventory_table, report_table
    from bartizan.cli.session import colour, terminal_width

    if name == "table" and findings is None:
        return inventory_table(inventory, width=terminal_width(), colour=colour())
    if name == "table":
        return report_table(inventory, findings or [], width=terminal_width(), colour=colour())
    check_format(name)
    return renderers()[name](inventory, findings or [])
