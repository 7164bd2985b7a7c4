"""The report as one self-contained HTML page: no script, no asset from elsewhere, no link but to its own anchors.

All text is made harmless at one point, `_harmless`: invisible characters become code points, then Jinja escapes.
"""

import base64
import hashlib
from collections import Counter
from collections.abc import Sequence
from functools import cache
from typing import Any, cast

import msgspec
from jinja2 import Environment, StrictUndefined, Template
from markupsafe import Markup

from bartizan import __version__
from bartizan.model.errors import Place
from bartizan.model.finding import Finding, Severity
from bartizan.model.inventory import Inventory
from bartizan.model.limits import DEFAULT
from bartizan.report import attributes
from bartizan.report.estate import Estate, ServerCard
from bartizan.report.moment import rfc3339
from bartizan.report.page import STYLE, TEMPLATE
from bartizan.report.summary import Summary
from bartizan.report.words import counted
from bartizan.text.normalise import show

_BRIEF_MAX = 400
_LABEL_MAX = 48


def render(inventory: Inventory, findings: list[Finding]) -> str:
    """One page. Equal input, equal bytes."""
    estate = Estate.of(inventory, findings)
    return _template().render(
        estate=estate,
        summary=estate.summary,
        tiles=_tiles(estate.summary),
        taken_at=rfc3339(inventory.taken_at),
        version=__version__,
    )


@cache
def _template() -> Template:
    environment = Environment(
        autoescape=True, finalize=_harmless, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    tables: Any = environment  # Jinja does not type them
    tables.filters |= {"brief": _brief, "label": _label, "short": _short, "where": _where, "words": _words}
    tables.globals |= {
        "counted": counted,
        "descriptions": _descriptions,
        "flag_of": attributes.flag_of,
        "launch_of": attributes.launch_of,
        "mapping_of": attributes.mapping_of,
        "offered": _offered,
        "package_of": attributes.package_of,
        "rows_max": DEFAULT.report_rows_max,
        "severity_word": _severity_word,
        "short_fingerprint": attributes.short_fingerprint,
        "style_hash": _style_hash(),
        "tally": _tally,
        "text_of": attributes.text_of,
    }
    return environment.from_string(TEMPLATE.replace("STYLE", STYLE, 1))


def _style_hash() -> str:
    """What the content security policy allows: this style and no other."""
    return "sha256-" + base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()


def _harmless(value: object) -> object:
    """The one point: every text that the template puts out passes here, and what comes out is escaped by Jinja."""
    if value is None:
        return ""
    if isinstance(value, str) and not isinstance(value, Markup):
        return show(value)
    return value


def _short(value: str) -> str:
    return show(value, most=DEFAULT.shown_name_characters_max)


def _label(value: str) -> str:
    """A name in a narrow column."""
    return show(value, most=_LABEL_MAX)


def _where(place: Place | str) -> str:
    """File and line, which an editor opens; the pointer only where there is no line."""
    if isinstance(place, Place) and place.line is not None:
        return str(msgspec.structs.replace(place, pointer=""))
    return str(place)


def _offered(card: ServerCard) -> str:
    return ", ".join(f"{count} {part[:-1] if count == '1' else part}" for part, count in card.counts.items())


def _brief(value: str) -> str:
    return show(value, most=_BRIEF_MAX)


def _words(value: str) -> str:
    """A text of a rule, without the line breaks of its file."""
    return " ".join(value.split())


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
