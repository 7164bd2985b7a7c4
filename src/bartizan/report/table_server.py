"""One server on a terminal: who calls it what, how it is started, what it offers and holds, what was found."""

from collections.abc import Collection, Iterable

import msgspec
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from bartizan.model.asset import Asset
from bartizan.model.errors import Place
from bartizan.report.attributes import (
    flag_of,
    launch_of,
    mapping_of,
    package_of,
    short_fingerprint,
    text_of,
    variables_of,
)
from bartizan.report.estate import Naming, Raised, ServerCard
from bartizan.report.terminal import (
    BAD,
    GOOD,
    LABEL_WIDTH,
    ROWS_MAX,
    STRONG,
    WEAK,
    capped,
    hostile,
    joined,
    name,
    pairs,
    place_of,
    severity_badge,
)
from bartizan.report.words import counted

PLACES_MAX = 3
_REMEDY_MAX = 240


def server_block(card: ServerCard, *, judged: bool) -> Iterable[RenderableType]:
    """A server with everything about it; with a verdict when `judged`."""
    title = Table.grid(expand=True)
    title.add_column(ratio=1, overflow="fold")
    title.add_column(justify="right", no_wrap=True)
    title.add_row(name(card.asset.name, STRONG), _verdict(card) if judged else Text())
    yield ""
    yield title
    yield pairs([*_facts(card), *_asked(card, judged=judged)])
    if card.findings:
        yield Padding(findings_block(card.findings), (0, 0, 0, 2))


def _verdict(card: ServerCard) -> Text:
    parts: list[Text] = []
    if card.findings:
        worst = max((raised.finding.severity for raised in card.findings), key=lambda severity: severity.rank)
        parts += [Text(f"{counted(len(card.findings), 'finding')}, worst "), severity_badge(worst)]
    elif not card.gaps and not card.unasked:
        parts.append(Text("no findings", GOOD))
    if card.gaps or card.unasked:
        parts.append(Text("  not fully looked at" if parts else "not fully looked at", BAD))
    return joined(parts, "")


def _facts(card: ServerCard) -> Iterable[tuple[str, RenderableType]]:
    values = card.asset.attributes
    yield "clients", capped([_naming(naming, card) for naming in card.namings], ROWS_MAX) or Text("none", WEAK)
    yield "transport", _transport(card)
    yield "launch", hostile(launch_of(card.asset)) or Text("not known", WEAK)
    if package_of(card.asset):
        yield "package", _package(card.asset)
    if variables := variables_of(card.asset):
        yield "given", capped([name(variable) for variable in variables], ROWS_MAX)
    if card.asset.places:
        yield "where", capped([file_and_line(place) for place in card.asset.places], PLACES_MAX)
    if card.remarks:
        yield "state", joined(card.remarks)
    if card.credentials:
        yield "holds", capped([credential_line(credential) for credential in card.credentials], ROWS_MAX)
    if text_of(values, "status") not in {"", "open"}:
        yield "answered", name(text_of(values, "status").replace("_", " "))


def _asked(card: ServerCard, *, judged: bool) -> Iterable[tuple[str, RenderableType]]:
    """What it offers, and what was looked at; where nobody was to ask it, that it was not asked."""
    if card.unasked and not judged:
        yield "offers", Text("not asked; `bartizan scan` asks", WEAK)
        return
    yield "offers", _offers(card)
    yield "looked at", _coverage(card)


def _naming(naming: Naming, card: ServerCard) -> Text:
    parts = [name(naming.client)]
    if naming.name != card.asset.name:
        parts.append(Text.assemble("as ", name(naming.name)))
    if not naming.enabled:
        parts.append(Text("(disabled)", WEAK))
    return joined(parts, " ")


def _transport(card: ServerCard) -> Text:
    values = card.asset.attributes
    said = mapping_of(values, "self_reported")
    parts = [name(text_of(values, "transport").replace("_", " ")) or Text("not known", WEAK)]
    if version := card.snapshot.protocol_version if card.snapshot else text_of(values, "protocol_version"):
        parts.append(Text.assemble("MCP ", name(version)))
    if called := " ".join(filter(None, (text_of(said, "name"), text_of(said, "version")))):
        parts.append(Text.assemble("calls itself ", name(called)))
    return joined(parts)


def _package(server: Asset) -> Text:
    package = mapping_of(server.attributes, "package")
    pinned = flag_of(package, "pinned")
    parts = [name(package_of(server))]
    if text_of(package, "ecosystem") == "local":
        parts.append(Text("a local file"))
    elif pinned is not None:
        parts.append(Text("pinned", GOOD) if pinned else Text("NOT PINNED", BAD))
    if text_of(package, "runner"):
        parts.append(Text.assemble("by ", name(text_of(package, "runner"))))
    return joined(parts)


def file_and_line(place: Place) -> Text:
    """File and line, which an editor opens; the pointer only where there is no line."""
    return place_of(msgspec.structs.replace(place, pointer="") if place.line is not None else place)


def _offers(card: ServerCard) -> Text:
    return joined(Text(f"{count} {part if count != '1' else part[:-1]}") for part, count in card.counts.items())


def credential_line(credential: Asset) -> Text:
    """Kind, name and the beginning of the fingerprint."""
    kind = text_of(credential.attributes, "kind") or "credential"
    short = short_fingerprint(text_of(credential.attributes, "fingerprint"))
    called = [name(credential.name)] if credential.name != kind else []
    return joined([name(kind), *called, name(short, WEAK)], " ")


def _coverage(card: ServerCard) -> Text:
    if card.unasked:
        return Text("no record that anybody looked", BAD)
    parts = [joined([name(part) for part in card.parts_seen])] if card.parts_seen else []
    reasons: dict[tuple[str, str], list[str]] = {}
    for look in card.gaps:
        reasons.setdefault((look.outcome.value, look.reason), []).append(look.part)
    for (outcome, reason), missing in reasons.items():
        why = f": {reason}" if reason else ""
        parts.append(Text.assemble((f"{outcome.upper()} ", BAD), joined([name(one) for one in missing]), hostile(why)))
    return joined(parts, "; ") if parts else Text("yes: a snapshot was taken")


def findings_block(raised: tuple[Raised, ...]) -> RenderableType:
    """Findings, each under its severity."""
    grid = Table.grid(padding=(0, 1, 0, 0), expand=True)
    grid.add_column(width=LABEL_WIDTH, no_wrap=True)
    grid.add_column(ratio=1, overflow="fold")
    told: set[str] = set()
    for one in raised[:ROWS_MAX]:
        grid.add_row(severity_badge(one.finding.severity), Group(*_finding(one, told)))
        told.update(() if one.told_at else (one.finding.remedy,))
    if len(raised) > ROWS_MAX:
        grid.add_row("", Text(f"and {len(raised) - ROWS_MAX} more findings; the JSON report has them all", BAD))
    return grid


def _finding(raised: Raised, told: Collection[str]) -> Iterable[RenderableType]:
    """One finding; a remedy that a finding just above it has `told` is not told twice."""
    finding = raised.finding
    yield Text.assemble(name(finding.title, STRONG), (f"  {finding.id}", WEAK))
    if raised.told_at:
        yield Text.assemble(name(raised.subject), (" is shared: told above at ", WEAK), name(raised.told_at))
        return
    yield hostile(finding.message)
    if finding.place:
        line = finding.place.pointer and finding.place.line is not None
        pointer = hostile(f" ({finding.place.pointer})", WEAK) if line else Text()
        yield Text.assemble(("at ", WEAK), file_and_line(finding.place), pointer)
    if finding.evidence and finding.evidence not in finding.message:
        yield Text.assemble(("evidence ", WEAK), hostile(finding.evidence, most=_REMEDY_MAX))
    if finding.remedy and finding.remedy not in told:
        yield Text.assemble(("mend it: ", WEAK), hostile(" ".join(finding.remedy.split()), most=_REMEDY_MAX))
