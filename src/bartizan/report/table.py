"""The report for a terminal: the headline, then server by server, then the rest, and last what was not looked at."""

from collections import Counter
from collections.abc import Iterable

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from bartizan.model.asset import Asset, AssetKind
from bartizan.model.finding import Finding
from bartizan.model.inventory import Inventory
from bartizan.model.suppression import NO_EXCEPTIONS, Exceptions
from bartizan.report.attributes import text_of
from bartizan.report.estate import Estate, Gap, Possession
from bartizan.report.moment import rfc3339
from bartizan.report.summary import Summary
from bartizan.report.table_changes import changes_block
from bartizan.report.table_exceptions import exceptions_rows
from bartizan.report.table_overview import overview
from bartizan.report.table_server import PLACES_MAX, credential_line, file_and_line, findings_block, server_block
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
    to_text,
)
from bartizan.report.words import counted

WIDTH = 100


def render(inventory: Inventory, findings: list[Finding], exceptions: Exceptions = NO_EXCEPTIONS) -> str:
    """The report as plain text of 100 columns."""
    return render_table(inventory, findings, exceptions, width=WIDTH, colour=False)


def render_table(
    inventory: Inventory,
    findings: list[Finding],
    exceptions: Exceptions = NO_EXCEPTIONS,
    *,
    width: int,
    colour: bool,
) -> str:
    """The report at `width` columns (80 and more), with ANSI colours when `colour`."""
    estate = Estate.of(inventory, findings)
    parts = [
        *_head(estate, inventory, exceptions),
        *_body(estate, width, judged=True),
        *changes_block(inventory, width),
        *_gaps(estate, width),
    ]
    return to_text(parts, width=width, colour=colour)


def render_inventory_table(inventory: Inventory, *, width: int, colour: bool) -> str:
    """What exists, without a judgement."""
    estate = Estate.of(inventory, [])
    parts = [
        *_head(estate, inventory, None),
        *_body(estate, width, judged=False),
        *changes_block(inventory, width),
        *_gaps(estate, width),
    ]
    return to_text(parts, width=width, colour=colour)


def _head(estate: Estate, inventory: Inventory, judged: Exceptions | None) -> Iterable[RenderableType]:
    summary = estate.summary
    yield Text.assemble(("Bartizan", STRONG), (f"  {rfc3339(inventory.taken_at)}", WEAK))
    yield ""
    yield pairs([*_headline(summary, judged), *_scope(inventory)], indent=0)


def _headline(summary: Summary, judged: Exceptions | None) -> Iterable[tuple[str, RenderableType]]:
    """`judged` is None for an inventory without a judgement."""
    yield "Estate", _estate_line(summary)
    if others := _others_line(summary):
        yield "", others
    if judged is not None:
        yield "Findings", _severities(summary)
        yield from exceptions_rows(summary, judged)
    yield "Coverage", coverage_line(summary)


def _scope(inventory: Inventory) -> Iterable[tuple[str, RenderableType]]:
    """What the looks at the machine say of what was, and was not, meant to be looked at."""
    told = dict.fromkeys(look.reason for look in inventory.looks if look.complete and look.reason and not look.subject)
    if told:
        yield "Scope", capped([hostile(reason) for reason in told], ROWS_MAX)


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
        yield overview(estate, width, judged=judged)
        yield heading("Server by server", width)
        for card in estate.servers:
            yield from server_block(card, judged=judged)
    if estate.elsewhere:
        yield heading(f"Findings beyond the servers ({len(estate.elsewhere)})", width)
        yield Padding(findings_block(estate.elsewhere), (0, 0, 0, 2))
    yield from _others(estate, width)
    yield from _credentials(estate.credentials, width)


def _nothing(estate: Estate) -> Text:
    parts = joined([name(part) for part in estate.parts_seen])
    if not parts:
        return Text("No MCP server is listed, and no record says that anybody looked for one.", BAD)
    return Text.assemble("No MCP server was found. Looked at: ", parts, ".")


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
        yield Padding(Text.assemble(credential_line(one.asset), held, overflow="fold"), (0, 0, 0, 2))
        if one.asset.places:
            yield Padding(capped([file_and_line(place) for place in one.asset.places], PLACES_MAX), (0, 0, 0, 4))
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
        yield capped([hostile(place, WEAK) for place in gap.places], PLACES_MAX)
