"""The report as one self-contained HTML page: no script, no asset from elsewhere, no link but to its own anchors.

All text is made harmless at one point, in `report/markup.py`.
"""

from collections import Counter
from collections.abc import Sequence
from functools import cache
from typing import Any, cast

from jinja2 import Template

from bartizan import __version__
from bartizan.model.finding import Finding, Severity
from bartizan.model.inventory import Inventory
from bartizan.model.suppression import NO_EXCEPTIONS, Exceptions
from bartizan.report import attributes
from bartizan.report.estate import Estate, ServerCard
from bartizan.report.markup import compiled
from bartizan.report.moment import rfc3339
from bartizan.report.page import TEMPLATE
from bartizan.report.subjects import Subjects
from bartizan.report.summary import Summary
from bartizan.report.table_exceptions import HOW
from bartizan.report.words import counted


def render(inventory: Inventory, findings: list[Finding], exceptions: Exceptions = NO_EXCEPTIONS) -> str:
    """One page. Equal input, equal bytes."""
    estate = Estate.of(inventory, findings)
    return _template().render(
        estate=estate,
        changes=inventory.changes,
        exceptions=exceptions,
        subjects=Subjects(inventory),
        how_to_except=HOW,
        summary=estate.summary,
        tiles=_tiles(estate.summary),
        taken_at=rfc3339(inventory.taken_at),
        version=__version__,
    )


@cache
def _template() -> Template:
    return compiled(
        TEMPLATE,
        {
            "counted": counted,
            "descriptions": _descriptions,
            "flag_of": attributes.flag_of,
            "launch_of": attributes.launch_of,
            "mapping_of": attributes.mapping_of,
            "offered": _offered,
            "package_of": attributes.package_of,
            "severity_word": _severity_word,
            "short_fingerprint": attributes.short_fingerprint,
            "tally": _tally,
            "text_of": attributes.text_of,
            "variables_of": attributes.variables_of,
        },
    )


def _offered(card: ServerCard) -> str:
    return ", ".join(f"{count} {part[:-1] if count == '1' else part}" for part, count in card.counts.items())


def _severity_word(severity: Severity) -> str:
    return "info" if severity is Severity.INFORMATIONAL else str(severity)


def _tally(card: ServerCard) -> Sequence[tuple[Severity, int]]:
    """How many findings of each severity, worst first."""
    counts = Counter(raised.finding.severity for raised in card.findings)
    return [(severity, counts[severity]) for severity in reversed(Severity) if counts[severity]]


def _descriptions(card: ServerCard) -> dict[str, str]:
    """What the server says of each tool, by the tool's name."""
    tools = cast("tuple[Any, ...]", card.snapshot.tools if card.snapshot else ())
    said = [cast("dict[str, Any]", tool) for tool in tools if isinstance(tool, dict)]
    return {attributes.text_of(tool, "name"): attributes.text_of(tool, "description") for tool in said}


def _tiles(summary: Summary) -> list[tuple[str, int]]:
    return [
        ("Servers", summary.servers),
        ("Clients", summary.clients_with_servers),
        ("Tools", summary.tools),
        ("Credentials", summary.credentials),
        ("Agents", summary.agents),
        ("Documents", summary.documents),
        ("Running", summary.instances),
        ("Findings", summary.findings_total),
    ]
