"""Output formats: those that plugins register, the table in the terminal's own width."""

from typing import TYPE_CHECKING

from bartizan.model.errors import UsageError

if TYPE_CHECKING:
    from bartizan.model.finding import Finding
    from bartizan.model.inventory import Inventory
    from bartizan.model.suppression import Exceptions

# Formats that hold findings alone: of an inventory that was not judged they would say that it is clean.
FINDINGS_ONLY = frozenset({"sarif", "ocsf"})


def check_format(name: str, *, judged: bool = True) -> None:
    """Refuse an unknown format, or one that cannot show what is not `judged`, before anything is looked at.

    Raises UsageError.
    """
    from bartizan.app.bootstrap import renderers

    known = renderers()
    if name not in known:
        raise UsageError(f"no format {name!r}", remedy=f"use one of {', '.join(sorted(known))}")
    if name in FINDINGS_ONLY and not judged:
        raise UsageError(f"{name} holds findings, and an inventory has none", remedy=f"bartizan scan --format {name}")


def render(
    name: str, inventory: "Inventory", findings: "list[Finding] | None", exceptions: "Exceptions | None" = None
) -> str:
    """The inventory in a format; `findings` None is an inventory that was not judged. Raises UsageError."""
    from bartizan.app.bootstrap import renderers
    from bartizan.app.report import inventory_table, report_table
    from bartizan.cli.session import colour, terminal_width
    from bartizan.model.suppression import NO_EXCEPTIONS

    held = exceptions or NO_EXCEPTIONS
    if name == "table" and findings is None:
        return inventory_table(inventory, width=terminal_width(), colour=colour())
    if name == "table":
        return report_table(inventory, findings or [], held, width=terminal_width(), colour=colour())
    check_format(name, judged=findings is not None)
    return renderers()[name](inventory, findings or [], held)
