"""`pin`: approving what a scan saw, and what differs from it since."""

import os
import uuid
from collections.abc import Iterator, Sequence

import msgspec

from bartizan.app.parts import Parts
from bartizan.assess.drift import with_drifts
from bartizan.assess.judge import Judge, Judgement, Verdict
from bartizan.assess.pinning import Definition, definitions, matched, pin, review, whole_kinds
from bartizan.model.asset import Asset, AssetId, AssetKind, EdgeKind
from bartizan.model.coverage import Look
from bartizan.model.errors import UsageError
from bartizan.model.event import API_ACTIVITY, Event
from bartizan.model.finding import Severity
from bartizan.model.inventory import Inventory
from bartizan.model.json import as_object, as_text
from bartizan.model.pin import Approval, Approved, Drift, Pin, PinKind, Review
from bartizan.report.pins import definition_lines, drift_lines, is_cut, pin_list
from bartizan.text.normalise import show

CLEAN, FINDINGS, INCOMPLETE = 0, 1, 3
_NAME_MAX = 80


class Wish(msgspec.Struct, frozen=True, kw_only=True):
    """What a person asks to approve: servers by name or id, single tools, for one client; what is malicious by name."""

    servers: tuple[str, ...] = ()
    tools: tuple[str, ...] = ()
    client: str = ""
    everything: bool = False
    accepted: frozenset[str] = frozenset()


class Proposal(msgspec.Struct, frozen=True, kw_only=True):
    """What would be approved of one server: what nobody approved before, what differs, and what is refused."""

    server: Asset
    review: Review
    pins: tuple[Pin, ...]
    new: tuple[Definition, ...]
    drifts: tuple[Drift, ...]
    refused: tuple[tuple[Definition, Judgement], ...]


class Diff(msgspec.Struct, frozen=True, kw_only=True):
    """What differs from the pins. `not_looked`: looks that leave the state of a pinned server unknown. `elsewhere`:
    names of pinned servers that this scan does not have.
    """

    drifts: tuple[Drift, ...]
    not_looked: tuple[Look, ...] = ()
    elsewhere: tuple[str, ...] = ()

    def exit_code(self, fail_on: Severity) -> int:
        """As that of a scan: incomplete comes first."""
        if self.not_looked:
            return INCOMPLETE
        return FINDINGS if any(drift.severity.rank >= fail_on.rank for drift in self.drifts) else CLEAN


def propose(inventory: Inventory, wish: Wish, reason: str, parts: Parts) -> tuple[list[Proposal], list[Asset]]:
    """What a wish comes to, and the servers of `everything` of which nothing was seen. Raises UsageError."""
    client = _client(inventory, wish.client) if wish.client else ""
    servers = _servers(inventory, wish, client)
    seen = {snapshot.server for snapshot in inventory.snapshots}
    unseen = [server for server in servers if server.id not in seen]
    if unseen and not wish.everything:
        raise UsageError(
            f"that scan saw nothing of {', '.join(show(server.name, most=_NAME_MAX) for server in unseen)}",
            remedy="scan with --launch ask and consent, or with --launch sandbox, then approve",
        )
    approval = Approval(at=parts.clock.now(), by=_who(parts), reason=reason)
    proposing = _Proposing(inventory, wish, client, approval, parts)
    proposals = [proposing.of(server) for server in servers if server.id in seen]
    known = {one.name for each in proposals for one in (*each.pins, *(refused for refused, _ in each.refused))}
    if missing := [tool for tool in wish.tools if tool not in known]:
        raise UsageError(f"these servers have no tool {', '.join(show(one) for one in missing)}", remedy=_SEE)
    return proposals, unseen


class _Proposing:
    """One wish, over one inventory."""

    def __init__(self, inventory: Inventory, wish: Wish, client: AssetId, approval: Approval, parts: Parts) -> None:
        self._inventory, self._wish, self._client, self._approval = inventory, wish, client, approval
        self._judge, self._approved = parts.judge, parts.store.approved()
        self._drifts = with_drifts(inventory, self._approved, parts.judge, parts.limits).drifts

    def of(self, server: Asset) -> Proposal:
        asked = [one for one in self._said(server.id) if self._wished(one)]
        judged = [(one, _judged(one, self._judge)) for one in asked]
        refused = [pair for pair in judged if pair[1].verdict is Verdict.MALICIOUS and not self._accepted(pair[0])]
        left_out = {id(one) for one, _ in refused}
        pinned = [one for one in asked if id(one) not in left_out]
        owner = _owner(server, self._approved)
        kinds = () if self._wish.tools else whole_kinds(self._inventory, server.id)
        known = {(pin.kind, pin.name, pin.number) for pin in self._approved.pins if self._same(pin, owner)}
        taken = {(one.kind, one.name) for one in pinned}
        return Proposal(
            server=server,
            review=msgspec.structs.replace(review(server, self._client, kinds, self._approval), server=owner),
            pins=tuple(pin(one, owner, self._client, self._approval) for one in pinned),
            new=tuple(one for one in pinned if (one.kind, one.name, one.number) not in known),
            drifts=tuple(
                drift
                for drift in self._drifts
                if drift.server == server.id and drift.client == self._client and (drift.kind, drift.name) in taken
            ),
            refused=tuple(refused),
        )

    def _said(self, server: AssetId) -> list[Definition]:
        (snapshot, *_) = [one for one in self._inventory.snapshots if one.server == server]
        return definitions(snapshot)

    def _wished(self, one: Definition) -> bool:
        return not self._wish.tools or (one.kind is PinKind.TOOL and one.name in self._wish.tools)

    def _accepted(self, one: Definition) -> bool:
        return (one.name or one.kind.value) in self._wish.accepted

    def _same(self, pin: Pin, owner: AssetId) -> bool:
        return pin.server == owner and pin.client == self._client


def _judged(one: Definition, judge: Judge) -> Judgement:
    return judge.text(one.value) if isinstance(one.value, str) else judge.definition(as_object(one.value))


def _owner(server: Asset, approved: Approved) -> AssetId:
    """The id under which this server is pinned already, though its own may be another by now."""
    ids = [one.server for one in approved.reviews if one.server == server.id or set(one.keys) & set(server.keys)]
    return server.id if server.id in ids or not ids else ids[0]


_SEE = "see `bartizan scan` for what there is"


def _servers(inventory: Inventory, wish: Wish, client: AssetId) -> list[Asset]:
    """The servers that are meant, each once. A name is the server's own here, or the one that a client gives it."""
    servers = inventory.of_kind(AssetKind.SERVER)
    edges = [edge for edge in inventory.edges if edge.kind is EdgeKind.CONFIGURES]
    if client:
        mine = {edge.target for edge in edges if edge.source == client}
        servers = [server for server in servers if server.id in mine]
    if wish.everything:
        return servers
    named: dict[str, set[AssetId]] = {}
    for edge in edges:
        if not client or edge.source == client:
            named.setdefault(as_text(edge.attributes.get("name")), set()).add(edge.target)
    found: dict[AssetId, Asset] = {}
    for text in wish.servers:
        ids = named.get(text, set())
        fitting = [one for one in servers if text in {one.id, one.name} or one.id in ids]
        if not fitting:
            raise UsageError(f"that scan has no server {show(text)}", remedy=_SEE)
        if len(fitting) > 1:
            ids_shown = ", ".join(one.id for one in fitting[:5])
            raise UsageError(
                f"{len(fitting)} servers are called {show(text)}", remedy=f"name one by its id: {ids_shown}"
            )
        found[fitting[0].id] = fitting[0]
    return list(found.values())


def _client(inventory: Inventory, text: str) -> AssetId:
    clients = inventory.of_kind(AssetKind.CLIENT)
    fitting = [one for one in clients if text in {one.id, one.name, one.attributes.get("client")}]
    if len(fitting) != 1:
        what = f"{len(fitting)} clients are called" if fitting else "that scan has no client"
        shown = ", ".join(f"{show(one.name, most=_NAME_MAX)} {one.id}" for one in (fitting or clients)[:10])
        raise UsageError(f"{what} {show(text)}", remedy=f"one of: {shown}")
    return fitting[0].id


def _who(parts: Parts) -> str:
    """Who is at the keyboard, as the system knows it."""
    host = parts.host()
    number = os.getuid() if hasattr(os, "getuid") else -1
    return f"{host.users.get(number, str(number))}@{host.name}"


def approve(proposals: Sequence[Proposal], parts: Parts) -> None:
    """Keep what is proposed; our own deed is a fact too."""
    for proposal in proposals:
        if not proposal.pins and proposal.refused:
            continue
        parts.store.approve(proposal.review, proposal.pins)
        approval = proposal.review.approval
        names = sorted({f"{one.kind.value} {one.name}".strip() for one in proposal.pins})
        parts.store.record(
            Event(
                uid=str(uuid.uuid4()),
                time=approval.at,
                class_uid=API_ACTIVITY,
                activity_name="Update",
                message=f"{approval.by} approved {len(proposal.pins)} definitions of {proposal.server.name}",
                mcp={"server": proposal.server.id, "reason": approval.reason, "approved": names[:1_000]},
            )
        )


def exit_code(proposals: Sequence[Proposal], unseen: Sequence[Asset]) -> int:
    """3 where a server was not looked at, 1 where something was refused, else 0."""
    return INCOMPLETE if unseen else FINDINGS if any(one.refused for one in proposals) else CLEAN


def counted(proposals: Sequence[Proposal]) -> str:
    """How much would be approved, in words."""
    pins, servers = sum(len(one.pins) for one in proposals), sum(bool(one.pins) for one in proposals)
    return f"{pins} definition{'s' * (pins != 1)} of {servers} server{'s' * (servers != 1)}"


def described(proposals: Sequence[Proposal], unseen: Sequence[Asset], inventory: Inventory) -> str:
    """What is approved: whole where nobody approved it before, else what differs."""
    lines = [f"Seen by the scan of {inventory.taken_at:%Y-%m-%d %H:%M} UTC"]
    for proposal in proposals:
        lines += ["", *_described(proposal)]
    lines += [f"\n{show(one.name, most=_NAME_MAX)}: not looked at, so not approved" for one in unseen]
    return "\n".join(lines)


def _described(proposal: Proposal) -> Iterator[str]:
    record = proposal.review
    package = f"  {record.ecosystem} {record.package} {record.version}".rstrip() if record.package else ""
    yield f"{show(record.name, most=_NAME_MAX)}{show(package)}"
    for one in proposal.new:
        yield from definition_lines(one.kind, one.name, one.value)
    for drift in proposal.drifts:
        yield from (f"  {line}" for line in drift_lines(drift))
        if is_cut(drift):  # what is approved is shown whole
            for one in proposal.pins:
                if (one.kind, one.name) == (drift.kind, drift.name):
                    yield from definition_lines(one.kind, one.name, one.definition)
    changed = {(drift.kind, drift.name) for drift in proposal.drifts} | {(one.kind, one.name) for one in proposal.new}
    if same := sum((one.kind, one.name) not in changed for one in proposal.pins):
        yield f"  {same} definitions are as they were approved"
    for one, judgement in proposal.refused:
        signs = "; ".join(f"{sign.rule.name}: {sign.evidence}" for sign in judgement.signs[:3])
        name = show(one.name, most=_NAME_MAX)
        yield f"  REFUSED {one.kind.value} {name}, malicious ({judgement.score:.2f}): {show(signs)}"
        yield "    To approve it all the same, name it with --accept-malicious"


def diff(inventory: Inventory, parts: Parts) -> Diff:
    """What an inventory has that differs from the pins. Raises UsageError where nothing is pinned."""
    approved = parts.store.approved()
    if not approved.reviews:
        raise UsageError("nothing is approved yet", remedy="bartizan pin approve SERVER --reason TEXT")
    told = with_drifts(inventory, approved, parts.judge, parts.limits)
    present = matched(approved.reviews, inventory)
    mine = set(present.values())
    missing = {one.server: one.name for one in approved.reviews if one.server not in present}
    return Diff(
        drifts=tuple(sorted(told.drifts, key=lambda drift: -drift.severity.rank)),
        not_looked=tuple(look for look in told.incomplete if look.subject in mine),
        elsewhere=tuple(missing.values()),
    )


def rendered_diff(found: Diff, inventory: Inventory, format_: str) -> str:
    """The difference as a table or as JSON. Raises UsageError."""
    if format_ == "json":
        return msgspec.json.format(msgspec.json.encode(found), indent=2).decode()
    _table_only(format_)
    names = {asset.id: asset.name for asset in inventory.of_kind(AssetKind.SERVER)}
    lines = [line for drift in found.drifts for line in drift_lines(drift, server=names.get(drift.server, ""))]
    lines += [
        f"not looked at {show(names.get(look.subject, look.subject), most=_NAME_MAX)}: {look.part} {show(look.reason)}"
        for look in found.not_looked
    ]
    if not lines:
        lines.append("Everything that was approved, and is in that scan, is as it was approved.")
    lines += [f"not in that scan: {show(name, most=_NAME_MAX)}" for name in found.elsewhere]
    return "\n".join(lines)


def rendered_list(approved: Approved, format_: str) -> str:
    """What is approved, as a table or as JSON. Raises UsageError."""
    if format_ == "json":
        return msgspec.json.format(msgspec.json.encode(approved), indent=2).decode()
    _table_only(format_)
    return pin_list(approved) or "Nothing is approved."


def _table_only(format_: str) -> None:
    if format_ != "table":
        raise UsageError(f"no format {show(format_)}", remedy="use table or json")
