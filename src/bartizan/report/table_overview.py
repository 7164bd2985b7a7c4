"""The part of the terminal report that is read at a glance: one line for each server."""

from rich.console import RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from bartizan.report.attributes import launch_of, package_of, text_of
from bartizan.report.estate import Estate, ServerCard
from bartizan.report.terminal import BAD, GOOD, SEVERITY_STYLE, WEAK, name
from bartizan.report.words import counted

_NARROW = 90  # below this the clients are left to the blocks


def overview(estate: Estate, width: int, *, judged: bool) -> RenderableType:
    """Name, what runs, what it offers, what is wrong, and whether it was looked at. Worst first, as the blocks are."""
    table = Table(box=None, padding=(0, 2, 0, 0), expand=True, header_style=WEAK, show_edge=False)
    table.add_column("server", ratio=3, no_wrap=True, overflow="ellipsis")
    if width >= _NARROW:
        table.add_column("clients", ratio=3, no_wrap=True, overflow="ellipsis")
    table.add_column("runs", ratio=6, no_wrap=True, overflow="ellipsis")
    table.add_column("tools", justify="right", no_wrap=True)
    if judged:
        table.add_column("findings", no_wrap=True)
    table.add_column("looked at", no_wrap=True)
    for card in estate.servers:
        cells = [
            name(card.asset.name),
            *(
                [name(", ".join(dict.fromkeys(one.client for one in card.namings)) or "none")]
                if width >= _NARROW
                else []
            ),
            _runs(card),
            Text(card.counts.get("tools", "?")),
            *([_worst(card)] if judged else []),
            _looked(card),
        ]
        table.add_row(*cells)
    return Padding(table, (0, 0, 0, 2))


def _runs(card: ServerCard) -> Text:
    known = "" if text_of(card.asset.attributes, "url") else package_of(card.asset)
    return name(known or launch_of(card.asset))


def _worst(card: ServerCard) -> Text:
    if not card.findings:
        return Text("none", WEAK)
    worst = max(card.findings, key=lambda one: one.finding.severity.rank).finding.severity
    return Text(f"{worst.value.upper()} ({counted(len(card.findings), 'finding')})", SEVERITY_STYLE[worst])


def _looked(card: ServerCard) -> Text:
    if card.unasked:
        return Text("not asked", WEAK)
    return Text("NOT FULLY", BAD) if card.gaps else Text("yes", GOOD)
