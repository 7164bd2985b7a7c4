"""The report for a terminal: the headline, then server by server, then the rest, and last what was not looked at."""

from collections import Counter
from collections.abc import Iterable

import msgspec
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from bartizan.model.asset import Asset, AssetKind
from bartizan.model.errors import Place
from bartizan.model.finding import Finding
from bartizan.model.inventory import Inventory
from bartizan.report.attributes import (
    flag_of,
    launch_of,
    mapping_of,
    package_of,
    short_fingerprint,
    text_of,
    variables_of,
)
from bartizan.report.estate import Estate, Gap, Naming, Possession, Raised, ServerCard
from bartizan.report.moment import rfc3339
from bartizan.report.summary import Summary
from bartizan.report.terminal import (
    BAD,
    GOOD,
    ROWS_MAX,
    SEVERITY_STYLE,
    STRONG,
    WEAK,
    capped,
    heading,
    hostile,
    joined,
    name,
    pairs,
    place_of,
    severity_badge,
    to_text,
)
from bartizan.report.words import counted

WIDTH = 100
_PLACES_MAX = 3
_REMEDY_MAX = 240


def render(inventory: Inventory, findings: list[Finding]) -> str:
    """The report as plain text of 100 columns."""
    return render_table(inventory, findings, width=WIDTH, colour=False)


def render_table(inventory: Inventory, findings: list[Finding], *, width: int, colour: bool) -> str:
    """The report at `width` columns (80 and more), with ANSI colours when `colour`."""
    estate = Estate.of(inventory, findings)
    parts = [*_head(estate, inventory, judged=True), *_body(estate, width, judged=True), *_gaps(estate, width)]
    return to_text(parts, width=width, colour=colour)


def render_inventory_table(inventory: Inventory, *, width: int, colour: bool) -> str:
    """What exists, without a judgement."""
    estate = Estate.of(inventory, [])
    parts = [*_head(estate, inventory, judged=False), *_body(estate, width, judged=False), *_gaps(estate, width)]
    return to_text(parts, width=width, colour=colour)


def _head(estate: Estate, inventory: Inventory, *, judged: bool) -> Iterable[RenderableType]:
    summary = estate.summary
    yield Text.assemble(("Bartizan", STRONG), (f"  {rfc3339(inventory.taken_at)}", WEAK))
    yield ""
    yield pairs(_headline(summary, judged=judged), indent=0)


def _headline(summary: Summary, *, judged: bool) -> Iterable[tuple[str, RenderableType]]:
    yield "Estate", _estate_line(summary)
    if others := _others_line(summary):
        yield "", others
    if judged:
        yield "Findings", _severities(summary)
    yield "Coverage", coverage_line(summary)


def _estate_line(summary: Summary) -> Text:
    return Text.assemble(
        (counted(summary.servers, "server"), STRONG), f" in {counted(summary.clients_with_servers, 'client')}"
    )


def _others_line(summary: Summary) -> str:
    rest = [
        (summary.tools, "tool"),
        (summary.credentials, "credential"),
        (summary.agents, "agent"),
        (summary.documents, "document"),
        (summary.instances, "running instance"),
    ]
    return ", ".join(counted(number, noun) for number, noun in rest if number)


def _severities(summary: Summary) -> Text:
    if not summary.findings_total:
        return Text("none") if summary.complete else Text("none in what was looked at")
    return joined(
        (Text(f"{count} {severity}", SEVERITY_STYLE[severity] if count else WEAK))
        for severity, count in summary.findings.items()
    )


def coverage_line(summary: Summary, *, listed: bool = True) -> Text:
    """Complete or not, also told by colour. `listed` says that the gaps follow below."""
    where = ", listed at the end" if listed and summary.gaps else ""
    good = summary.complete and not summary.servers_unasked
    return Text(summary.coverage + where, GOOD if good else "" if summary.complete else BAD)


def _body(estate: Estate, width: int, *, judged: bool) -> Iterable[RenderableType]:
    if not estate.servers:
        yield heading("Servers", width)
        yield Padding(_nothing(estate), (0, 0, 0, 2))
    else:
        yield heading(f"Servers ({len(estate.servers)})", width)
        for card in estate.servers:
            yield from _card(card, judged=judged)
    if estate.elsewhere:
        yield heading(f"Findings beyond the servers ({len(estate.elsewhere)})", width)
        yield Padding(_findings(estate.elsewhere), (0, 0, 0, 2))
    yield from _others(estate, width)
    yield from _credentials(estate.credentials, width)


def _nothing(estate: Estate) -> Text:
    parts = joined([name(part) for part in estate.parts_seen])
    if not parts:
        return Text("No MCP server is listed, and no record says that anybody looked for one.", BAD)
    return Text.assemble("No MCP server was found. Looked at: ", parts, ".")


def _card(card: ServerCard, *, judged: bool) -> Iterable[RenderableType]:
    title = Table.grid(expand=True)
    title.add_column(ratio=1, overflow="fold")
    title.add_column(justify="right", no_wrap=True)
    title.add_row(name(card.asset.name, STRONG), _verdict(card) if judged else Text())
    yield ""
    yield title
    yield pairs([*_facts(card), *_asked(card, judged=judged)])
    if card.findings:
        yield Padding(_findings(card.findings), (0, 0, 0, 2))


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
        yield "where", capped([_line_of(place) for place in card.asset.places], _PLACES_MAX)
    if card.remarks:
        yield "state", joined(card.remarks)
    if card.credentials:
        yield "holds", capped([_credential(credential) for credential in card.credentials], ROWS_MAX)
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


def _line_of(place: Place) -> Text:
    """File and line, which an editor opens; the pointer only where there is no line."""
    return place_of(msgspec.structs.replace(place, pointer="") if place.line is not None else place)


def _offers(card: ServerCard) -> Text:
    return joined(Text(f"{count} {part if count != '1' else part[:-1]}") for part, count in card.counts.items())


def _credential(credential: Asset) -> Text:
    kind = text_of(credential.attributes, "kind") or "credential"
    short = short_fingerprint(text_of(credential.attributes, "fingerprint"))
    called = [name(credential.name)] if credential.name != kind else []
    return joined([name(kind), *called, name(short, WEAK)], " ")


def _coverage(card: ServerCard) -> Text:
    if card.unasked:
        return Text("no record that anybody looked", BAD)
    parts = [name(part) for part in card.parts_seen]
    for look in card.gaps:
        why = f": {look.reason}" if look.reason else ""
        parts.append(Text.assemble((f"{look.outcome.upper()} ", BAD), name(look.part), hostile(why)))
    return joined(parts) if parts else Text("yes: a snapshot was taken")


def _findings(raised: tuple[Raised, ...]) -> RenderableType:
    grid = Table.grid(padding=(0, 1, 0, 0), expand=True)
    grid.add_column(width=9, no_wrap=True)
    grid.add_column(ratio=1, overflow="fold")
    for one in raised[:ROWS_MAX]:
        grid.add_row(severity_badge(one.finding.severity), Group(*_finding(one)))
    if len(raised) > ROWS_MAX:
        grid.add_row("", Text(f"and {len(raised) - ROWS_MAX} more findings; the JSON report has them all", BAD))
    return grid


def _finding(raised: Raised) -> Iterable[RenderableType]:
    finding = raised.finding
    yield Text.assemble(name(finding.title, STRONG), (f"  {finding.id}", WEAK))
    if raised.told_at:
        yield Text.assemble(name(raised.subject), (" is shared: told above at ", WEAK), name(raised.told_at))
        return
    yield hostile(finding.message)
    if finding.place:
        line = finding.place.pointer and finding.place.line is not None
        pointer = hostile(f" ({finding.place.pointer})", WEAK) if line else Text()
        yield Text.assemble(("at ", WEAK), _line_of(finding.place), pointer)
    if finding.evidence and finding.evidence not in finding.message:
        yield Text.assemble(("evidence ", WEAK), hostile(finding.evidence, most=_REMEDY_MAX))
    if finding.remedy:
        yield Text.assemble(("mend it: ", WEAK), hostile(" ".join(finding.remedy.split()), most=_REMEDY_MAX))


def _others(estate: Estate, width: int) -> Iterable[RenderableType]:
    if not (estate.agents or estate.documents or estate.backends):
        return
    yield heading("Agents, documents and models", width)
    names = {text_of(client.attributes, "client"): client.name for client in estate.clients}
    rows: list[tuple[str, RenderableType]] = []
    if estate.agents:
        rows.append(("agents", capped([name(agent.name) for agent in estate.agents], ROWS_MAX)))
    documents = Counter((text_of(d.attributes, "client"), text_of(d.attributes, "role")) for d in estate.documents)
    for client in dict.fromkeys(client for client, _ in documents):
        roles = ", ".join(counted(n, r or "document") for (c, r), n in documents.items() if c == client)
        rows.append(("documents", Text.assemble(name(names.get(client, client) or "no client"), ": ", hostile(roles))))
    for label, kind in (("models", AssetKind.MODEL), ("services", AssetKind.BACKEND)):
        if backends := [_backend(asset) for asset in estate.backends if asset.kind is kind]:
            rows.append((label, capped(backends, ROWS_MAX)))
    yield pairs(rows)


def _backend(asset: Asset) -> Text:
    role = text_of(asset.attributes, "role") or text_of(asset.attributes, "provider")
    return Text.assemble(name(asset.name), " (", name(role.replace("_", " ")), ")") if role else name(asset.name)


def _credentials(possessions: tuple[Possession, ...], width: int) -> Iterable[RenderableType]:
    if not possessions:
        return
    yield heading(f"Credentials ({len(possessions)})", width)
    for one in possessions[:ROWS_MAX]:
        holders = capped([name(holder) for holder in one.holders], 20)
        held = Text.assemble(" held by ", holders) if holders else Text(" held by nothing known", WEAK)
        yield Padding(Text.assemble(_credential(one.asset), held, overflow="fold"), (0, 0, 0, 2))
        if one.asset.places:
            yield Padding(capped([_line_of(place) for place in one.asset.places], _PLACES_MAX), (0, 0, 0, 4))
    if len(possessions) > ROWS_MAX:
        yield Text(f"  and {len(possessions) - ROWS_MAX} more; the JSON report has them all", BAD)


def _gaps(estate: Estate, width: int) -> Iterable[RenderableType]:
    summary = estate.summary
    if summary.complete:
        yield ""
        yield coverage_line(summary)
        return
    yield heading(f"NOT LOOKED AT ({summary.gaps})", width, BAD)
    yield pairs([(gap.outcome.upper(), Group(*_gap(gap))) for gap in estate.gaps[:ROWS_MAX]])
    if len(estate.gaps) > ROWS_MAX:
        yield Text(f"  and {len(estate.gaps) - ROWS_MAX} more reasons; the JSON report has them all", BAD)
    yield ""
    yield Text("This result is incomplete. Nothing that is missing from it counts as clean.", BAD)


def _gap(gap: Gap) -> Iterable[RenderableType]:
    yield Text.assemble(name(gap.part, STRONG), ": ", hostile(gap.reason or "no reason was recorded"))
    if gap.subjects:
        yield Text.assemble(
            (f"{counted(len(gap.subjects), 'subject')}: ", WEAK), capped([name(s) for s in gap.subjects], 20)
        )
    if gap.places:
        yield capped([hostile(place, WEAK) for place in gap.places], _PLACES_MAX)
