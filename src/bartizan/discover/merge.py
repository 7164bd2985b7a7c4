"""Merging observations into one inventory: what shares a key is one asset, however it was seen."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec

from bartizan.discover.identify import host_of, is_loopback, port_of
from bartizan.model.asset import CONFIDENCE_ORDER, Asset, AssetId, AssetKind, Basis, Edge, EdgeKind
from bartizan.model.coverage import Look
from bartizan.model.document import DocumentText
from bartizan.model.inventory import Inventory, Observation
from bartizan.model.json import as_object
from bartizan.model.snapshot import Snapshot


class Merged(msgspec.Struct, frozen=True, kw_only=True):
    """The inventory, and the id that each observed asset has in it."""

    inventory: Inventory
    names: Mapping[AssetId, AssetId]


class _Groups:
    """Union-find over asset ids; the smallest id stands for its group, so the result does not depend on order."""

    def __init__(self) -> None:
        self._parent: dict[AssetId, AssetId] = {}

    def find(self, identity: AssetId) -> AssetId:
        root = identity
        while (parent := self._parent.setdefault(root, root)) != root:
            root = parent
        while self._parent[identity] != root:
            self._parent[identity], identity = root, self._parent[identity]
        return root

    def join(self, one: AssetId, other: AssetId) -> None:
        first, second = sorted((self.find(one), self.find(other)))
        self._parent[second] = first


def merge(
    observations: Sequence[Observation],
    *,
    at: datetime,
    snapshots: Sequence[Snapshot] = (),
    own_addresses: frozenset[str] = frozenset(),
) -> Merged:
    """Merge what was observed into one inventory. `own_addresses` are this machine's, beside loopback.

    Equal input in any order gives an equal inventory, but that attributes on which observations differ follow the
    order of `observations`: earlier ones win.
    """
    groups = _Groups()
    seen = [(observation, asset) for observation in observations for asset in observation.assets]
    _join_by_keys(groups, (asset for _, asset in seen))
    _join_by_port(groups, [asset for _, asset in seen], _instances(observations), own_addresses)

    gathered: defaultdict[AssetId, list[Asset]] = defaultdict(list)
    for observation, asset in seen:
        gathered[groups.find(asset.id)].append(_stamped(asset, observation))
    names = {asset.id: groups.find(asset.id) for _, asset in seen}
    assets = [_one(identity, found) for identity, found in gathered.items()]
    inventory = Inventory(
        taken_at=at,
        assets=tuple(sorted(assets, key=lambda asset: (list(AssetKind).index(asset.kind), asset.id))),
        edges=tuple(_edges(observations, names, {asset.id for asset in assets})),
        snapshots=tuple(
            sorted(
                (msgspec.structs.replace(one, server=names.get(one.server, one.server)) for one in snapshots),
                key=lambda one: (one.server, one.taken_at),
            )
        ),
        looks=tuple(_looks(observations, names)),
        documents=tuple(_documents(observations, names)),
    )
    return Merged(inventory=inventory, names=names)


def _join_by_keys(groups: _Groups, assets: Iterable[Asset]) -> None:
    holders: dict[tuple[AssetKind, str], AssetId] = {}
    for asset in assets:
        groups.find(asset.id)
        for key in asset.keys:
            groups.join(holders.setdefault((asset.kind, key), asset.id), asset.id)


def _instances(observations: Sequence[Observation]) -> dict[AssetId, set[AssetId]]:
    """Servers of each instance."""
    servers: defaultdict[AssetId, set[AssetId]] = defaultdict(set)
    for observation in observations:
        for edge in observation.edges:
            if edge.kind is EdgeKind.INSTANCE_OF:
                servers[edge.target].add(edge.source)
    return servers


_Door = tuple[str, int]  # address and port
_EVERYWHERE = frozenset({"", "0.0.0.0", "::"})  # noqa: S104 - what a process is bound to, not what we bind


def _join_by_port(
    groups: _Groups, assets: Sequence[Asset], servers: Mapping[AssetId, set[AssetId]], own: frozenset[str]
) -> None:
    """A process that listens at an address, and a server at a URL there, are one, if nothing else is at that door.

    A process that is bound to all addresses serves those of this machine where no other process listens.
    """
    listeners = _listeners(assets)
    for (host, port), identities in sorted(_addressed(assets, own).items(), key=lambda pair: pair[0]):
        instances = listeners.get((host, port)) or listeners.get(("", port), set())
        at_urls = {groups.find(identity) for identity in identities}
        started = {groups.find(server) for instance in instances for server in servers.get(instance, ())}
        if len(at_urls) == 1 and len(started) == 1:
            groups.join(*at_urls, *started)
            endpoints = {target for target, owners in servers.items() if owners & identities}
            for instance in instances | endpoints:
                groups.join(instance, min(instances))


def _listeners(assets: Iterable[Asset]) -> dict[_Door, set[AssetId]]:
    """Processes by what they listen at; an empty address stands for all."""
    found: defaultdict[_Door, set[AssetId]] = defaultdict(set)
    for asset in assets:
        if asset.kind is AssetKind.INSTANCE and "pid" in asset.attributes:
            for listening in asset.attributes.get("listening", ()):
                address = host_of(listening["address"])
                found["" if address in _EVERYWHERE else address, listening["port"]].add(asset.id)
    return dict(found)


def _addressed(assets: Iterable[Asset], own: frozenset[str]) -> dict[_Door, set[AssetId]]:
    """Servers by the address of this machine that their URL names."""
    found: defaultdict[_Door, set[AssetId]] = defaultdict(set)
    for asset in assets:
        if asset.kind is AssetKind.SERVER and (url := asset.attributes.get("url", "")):
            host, port = port_of(url)
            if host and port and (is_loopback(host) or host in own):
                found[host_of(host), port].add(asset.id)
    return dict(found)


def _stamped(asset: Asset, observation: Observation) -> Asset:
    return msgspec.structs.replace(
        asset,
        seen_by=asset.seen_by or (observation.seen_by,),
        first_seen=asset.first_seen or observation.at,
        last_seen=asset.last_seen or observation.at,
    )


# Attributes on which observations are joined by logic, not by order.
_TRUE_IF_ANY = frozenset({"enabled", "configured", "running"})
_TRUE_IF_ALL = frozenset({"behind_gateway"})


def _one(identity: AssetId, found: Sequence[Asset]) -> Asset:
    attributes: dict[str, Any] = {}
    for asset in found:
        for name, value in asset.attributes.items():
            attributes[name] = _joined(name, attributes[name], value) if name in attributes else value
    first = found[0]
    return msgspec.structs.replace(
        first,
        id=identity,
        keys=tuple(sorted({key for asset in found for key in asset.keys})),
        attributes=attributes,
        places=tuple(dict.fromkeys(place for asset in found for place in asset.places)),
        seen_by=tuple(sorted({who for asset in found for who in asset.seen_by})),
        first_seen=min(asset.first_seen for asset in found if asset.first_seen),
        last_seen=max(asset.last_seen for asset in found if asset.last_seen),
        confidence=max((asset.confidence for asset in found), key=CONFIDENCE_ORDER.__getitem__),
    )


def _joined(name: str, one: Any, other: Any) -> Any:
    if name in _TRUE_IF_ANY:
        return bool(one or other)
    if name in _TRUE_IF_ALL:
        return bool(one and other)
    if isinstance(one, dict):
        return {**as_object(other), **as_object(one)}
    return one if one not in (None, "", [], {}) else other


def _edges(observations: Sequence[Observation], names: Mapping[AssetId, AssetId], known: set[AssetId]) -> list[Edge]:
    found: dict[tuple[AssetId, EdgeKind, AssetId, str], Edge] = {}
    for observation in observations:
        for edge in observation.edges:
            renamed = msgspec.structs.replace(
                edge,
                source=names.get(edge.source, edge.source),
                target=names.get(edge.target, edge.target),
                seen_by=edge.seen_by or (observation.seen_by,),
                first_seen=edge.first_seen or observation.at,
                last_seen=edge.last_seen or observation.at,
            )
            if renamed.source not in known or renamed.target not in known or renamed.source == renamed.target:
                continue
            detail = msgspec.json.encode(edge.attributes, order="sorted").decode()
            key = (renamed.source, renamed.kind, renamed.target, detail)
            found[key] = _one_edge(found[key], renamed) if key in found else renamed
    return [found[key] for key in sorted(found)]


def _one_edge(one: Edge, other: Edge) -> Edge:
    observed = Basis.OBSERVED in {one.basis, other.basis}
    return msgspec.structs.replace(
        one,
        basis=Basis.OBSERVED if observed else Basis.POTENTIAL,
        seen_by=tuple(sorted({*one.seen_by, *other.seen_by})),
        first_seen=min(filter(None, (one.first_seen, other.first_seen)), default=None),
        last_seen=max(filter(None, (one.last_seen, other.last_seen)), default=None),
        confidence=max(one.confidence, other.confidence, key=CONFIDENCE_ORDER.__getitem__),
    )


def _looks(observations: Sequence[Observation], names: Mapping[AssetId, AssetId]) -> list[Look]:
    looks = {
        msgspec.structs.replace(look, subject=names.get(look.subject, look.subject)): None
        for observation in observations
        for look in observation.looks
    }
    return sorted(looks, key=lambda look: (look.subject, look.part, look.outcome, str(look.place), look.reason))


def _documents(observations: Sequence[Observation], names: Mapping[AssetId, AssetId]) -> list[DocumentText]:
    texts = {
        msgspec.structs.replace(text, asset=names.get(text.asset, text.asset)): None
        for observation in observations
        for text in observation.documents
    }
    return sorted(texts, key=lambda text: (text.asset, text.line or 0, text.text))
