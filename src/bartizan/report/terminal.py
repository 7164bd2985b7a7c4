"""Terminal: hostile text as styled text, grids and headings, laid out without asking any terminal anything."""

from collections.abc import Iterable
from io import StringIO

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from bartizan.model.errors import Place
from bartizan.model.finding import Severity
from bartizan.model.limits import DEFAULT
from bartizan.text.normalise import show

SEVERITY_STYLE = {
    Severity.CRITICAL: "bold white on red",
    Severity.HIGH: "bold red",
    Severity.MEDIUM: "bold yellow",
    Severity.LOW: "cyan",
    Severity.INFORMATIONAL: "dim",
}
SEVERITY_WORD = {severity: severity.upper() for severity in Severity} | {Severity.INFORMATIONAL: "INFO"}
GOOD, BAD, WEAK, STRONG = "green", "bold yellow", "dim", "bold"
LABEL_WIDTH = 11
NAME_MAX = DEFAULT.shown_name_characters_max
ROWS_MAX = DEFAULT.report_rows_max


def hostile(value: str, style: str = "", *, most: int = DEFAULT.shown_characters_max) -> Text:
    """The only way by which text of an inventory or finding comes in: no markup, no emoji codes, nothing invisible."""
    return Text(show(value, most=most), style=style)


def name(value: str, style: str = "") -> Text:
    """A name, which is short or made to look so."""
    return hostile(value, style, most=NAME_MAX)


def place_of(place: Place) -> Text:
    """A place, dim, so that the eye finds the names first."""
    return hostile(str(place), WEAK)


def joined(parts: Iterable[Text | str], separator: str = ", ") -> Text:
    """Parts in one line."""
    return Text(separator).join(part if isinstance(part, Text) else Text(part) for part in parts)


def capped(parts: list[Text], most: int) -> Text:
    """Parts in one line, and how many more there are."""
    more = [Text(f"and {len(parts) - most} more", WEAK)] if len(parts) > most else []
    return joined([*parts[:most], *more])


def heading(title: str, width: int, style: str = STRONG) -> RenderableType:
    """A section's title with a rule to the right edge, after an empty line."""
    return Group("", Text.assemble((f"{title} ", style), ("─" * max(0, width - len(title) - 1), WEAK)))


def pairs(rows: Iterable[tuple[str, RenderableType]], *, indent: int = 2) -> RenderableType:
    """Labels and values; long values wrap below themselves and long words fold."""
    grid = Table.grid(padding=(0, 1, 0, 0), expand=True)
    grid.add_column(width=LABEL_WIDTH, style=WEAK, no_wrap=True)
    grid.add_column(ratio=1, overflow="fold")
    for label, value in rows:
        grid.add_row(label, value)
    return Padding(grid, (0, 0, 0, indent))


def severity_badge(severity: Severity) -> Text:
    """The severity in capitals, so that it is told without colour."""
    return Text(SEVERITY_WORD[severity], SEVERITY_STYLE[severity])


def to_text(parts: Iterable[RenderableType], *, width: int, colour: bool) -> str:
    """Lay out at this width; ANSI colours only when asked. Trailing blanks are cut."""
    out = StringIO()
    console = Console(
        file=out,
        width=width,
        force_terminal=colour,
        color_system="standard" if colour else None,
        no_color=not colour,
        markup=False,
        emoji=False,
        highlight=False,
        legacy_windows=False,
        _environ={},
    )
    for part in parts:
        console.print(part)
    return "\n".join(line.rstrip() for line in out.getvalue().splitlines()) + "\n"
