"""Drift: what servers say now that differs from what was approved. An unpinned server has none."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

import msgspec

from bartizan.assess.compared import Compared, Owner
from bartizan.assess.judge import Judge
from bartizan.assess.pinning import definitions, matched, whole_kinds
from bartizan.model.asset import Asset, AssetId, AssetKind, EdgeKind
from bartizan.model.coverage import Look, Outcome
from bartizan.model.digest import digest
from bartizan.model.finding import Severity
from bartizan.model.inventory import Inventory
from bartizan.model.limits import DEFAULT, Limits
from bartizan.model.pin import Approved, Drift, DriftClass, DriftKind, FieldChange, Pin, PinKind, Review


def with_drifts(inventory: Inventory, approved: Approved, judge: Judge, limits: Limits = DEFAULT) -> Inventory:
    """The inventory with what differs from the pins, and with the reviews of its servers (attribute `reviewed`)."""
    names = matched(approved.reviews, inventory)
    estate = _Estate(inventory, approved, names)
    drifts: list[Drift] = []
    cut: list[Look] = []
    for server in sorted(set(names.values())):
        found = sorted(_of_server(server, estate, judge, limits), key=_worst_first)
        drifts += found[: limits.drifts_max]
        if len(found) > limits.drifts_max:
            reason = f"{len(found)} definitions differ from the approved ones: the worst {limits.drifts_max} are kept"
            cut.append(Look(subject=server, part="drift", outcome=Outcome.TRUNCATED, reason=reason))
    reviews: defaultdict[AssetId, list[Review]] = defaultdict(list)
    for review in approved.reviews:
        if review.server in names and review.kinds:
            reviews[names[review.server]].append(review)
    return msgspec.structs.replace(
        inventory,
        assets=tuple(_reviewed(asset, reviews.get(asset.id, [])) for asset in inventory.assets),
        looks=(*inventory.looks, *cut),
        drifts=tuple(drifts),
    )


def _worst_first(drift: Drift) -> tuple[int, str, str, str, str]:
    return -drift.severity.rank, drift.client, drift.kind, drift.name, drift.place


def _reviewed(asset: Asset, reviews: Sequence[Review]) -> Asset:
    told = [
        {
            "package": review.package,
            "version": review.version,
            "sha256": review.sha256,
            "at": review.approval.at.isoformat(),
            "by": review.approval.by,
        }
        for review in reviews
    ]
    attributes = {name: value for name, value in asset.attributes.items() if name != "reviewed"}
    if told:
        attributes["reviewed"] = told
    return msgspec.structs.replace(asset, attributes=attributes) if told or "reviewed" in asset.attributes else asset


class _Estate:
    """The inventory and the pins, looked up by server."""

    def __init__(self, inventory: Inventory, approved: Approved, names: Mapping[AssetId, AssetId]) -> None:
        self.inventory = inventory
        self.snapshots = {snapshot.server: snapshot for snapshot in inventory.snapshots}
        self.clients: defaultdict[AssetId, set[AssetId]] = defaultdict(set)
        for edge in inventory.edges:
            if edge.kind is EdgeKind.CONFIGURES:
                self.clients[edge.target].add(edge.source)
        self.pins: defaultdict[AssetId, defaultdict[AssetId, list[Pin]]] = defaultdict(lambda: defaultdict(list))
        for pin in sorted(approved.pins, key=lambda pin: pin.approval.at):
            if pin.server in names:
                self.pins[names[pin.server]][pin.client].append(pin)
        self.kinds: defaultdict[tuple[AssetId, AssetId], set[PinKind]] = defaultdict(set)
        for review in approved.reviews:
            if review.server in names:
                self.pins[names[review.server]][review.client] = self.pins[names[review.server]][review.client]
                self.kinds[names[review.server], review.client] |= set(review.kinds)
        self.names = {asset.id: asset.name for asset in inventory.of_kind(AssetKind.SERVER)}

    def concerns(self, server: AssetId, client: AssetId) -> bool:
        """Whether an approval for a client, or for all, holds here: one for a client stands before one for all."""
        if client:
            return client in self.clients[server]
        return not self.clients[server] or not self.clients[server] <= set(self.pins[server])

    def pinned_elsewhere(self, server: AssetId) -> frozenset[str]:
        """Names of pinned tools of other servers that a client has beside this one."""
        return frozenset(
            pin.name
            for other, by_client in self.pins.items()
            if other != server and self.clients[other] & self.clients[server]
            for pins in by_client.values()
            for pin in pins
            if pin.kind is PinKind.TOOL
        )


def _of_server(server: AssetId, estate: _Estate, judge: Judge, limits: Limits) -> Iterator[Drift]:
    yield from _shadowed(server, estate)
    snapshot = estate.snapshots.get(server)
    if snapshot is None:
        return  # a look says so already; nothing is known, so nothing is told
    now = definitions(snapshot)
    whole = whole_kinds(estate.inventory, server)
    elsewhere = estate.pinned_elsewhere(server)
    for client, pins in sorted(estate.pins[server].items()):
        if not estate.concerns(server, client):
            continue
        for kind in PinKind:
            owner = Owner(
                server=server,
                client=client,
                listed=kind in estate.kinds[server, client],
                whole=kind in whole,
                elsewhere=elsewhere,
            )
            pinned, told = [pin for pin in pins if pin.kind is kind], [one for one in now if one.kind is kind]
            yield from Compared(owner, judge, limits).drifts(pinned, told)


def _shadowed(server: AssetId, estate: _Estate) -> Iterator[Drift]:
    """Tools of unpinned servers that have the name of a tool that is pinned here, in a client that has both."""
    pinned = {pin.name: pin for pins in estate.pins[server].values() for pin in pins if pin.kind is PinKind.TOOL}
    for other, snapshot in sorted(estate.snapshots.items()):
        if other == server or other in estate.pins or not estate.clients[other] & estate.clients[server]:
            continue
        for one in definitions(snapshot):
            pin = pinned.get(one.name)
            if one.kind is not PinKind.TOOL or pin is None:
                continue
            why = f"{estate.names.get(other, other)}, which nobody approved, offers a tool of this name too"
            change = FieldChange(
                pointer="/name",
                effect=DriftClass.SHADOWS_PINNED_NAME,
                severity=Severity.MEDIUM,
                why=why,
                after=one.name,
            )
            yield Drift(
                server=server,
                client=pin.client,
                kind=PinKind.TOOL,
                name=one.name,
                change=DriftKind.SHADOWED,
                severity=change.severity,
                changes=(change,),
                definition_sha256=digest(one.value),
                approval=pin.approval,
            )
