"""Pinning: what of a server is pinned, under which names, and whose pins a server of today has."""

from collections.abc import Sequence
from typing import Any

import msgspec

from bartizan.model.asset import Asset, AssetId, AssetKind
from bartizan.model.digest import digest
from bartizan.model.inventory import Inventory
from bartizan.model.json import JsonObject, as_object, as_text
from bartizan.model.pin import Approval, Pin, PinKind, Review
from bartizan.model.snapshot import Snapshot

# Where a snapshot keeps each kind, the field that names one, and the look that says whether the list is whole.
PARTS: dict[PinKind, tuple[str, str]] = {
    PinKind.TOOL: ("tools", "name"),
    PinKind.PROMPT: ("prompts", "name"),
    PinKind.RESOURCE: ("resources", "uri"),
    PinKind.TEMPLATE: ("resource_templates", "uriTemplate"),
}


class Definition(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that a server says: its kind and name, which of that name it is, and its place in the snapshot."""

    kind: PinKind
    name: str
    number: int
    value: Any
    place: str


def definitions(snapshot: Snapshot) -> list[Definition]:
    """Everything of a snapshot that is pinned, in its order."""
    found: list[Definition] = []
    if snapshot.instructions:
        place = "/discovered/instructions"
        found.append(Definition(kind=PinKind.INSTRUCTIONS, name="", number=0, value=snapshot.instructions, place=place))
    for kind, (part, identity) in PARTS.items():
        seen: dict[str, int] = {}
        for index, value in enumerate(getattr(snapshot, part)):
            name = as_text(as_object(value).get(identity))
            number = seen.get(name, 0)
            seen[name] = number + 1
            found.append(Definition(kind=kind, name=name, number=number, value=value, place=f"/{part}/{index}"))
    return found


def pin(definition: Definition, server: AssetId, client: AssetId, approval: Approval) -> Pin:
    """The pin of a definition."""
    return Pin(
        server=server,
        client=client,
        kind=definition.kind,
        name=definition.name,
        number=definition.number,
        fields=fields(definition.value),
        definition=definition.value,
        approval=approval,
    )


def fields(value: Any) -> dict[str, str]:
    """The digest of each top-level field by its JSON Pointer; what has no fields is one field."""
    if not isinstance(value, dict):
        return {"": digest(value)}
    found: JsonObject = as_object(value)
    return {"/" + name.replace("~", "~0").replace("/", "~1"): digest(found[name]) for name in sorted(found)}


def whole_kinds(inventory: Inventory, server: AssetId) -> tuple[PinKind, ...]:
    """The kinds of which this inventory holds everything that the server says."""
    missing = {look.part for look in inventory.looks if look.subject == server and not look.complete}
    if "start" in missing or not any(snapshot.server == server for snapshot in inventory.snapshots):
        return ()
    return (PinKind.INSTRUCTIONS, *(kind for kind, (part, _) in PARTS.items() if part not in missing))


def review(server: Asset, client: AssetId, kinds: tuple[PinKind, ...], approval: Approval) -> Review:
    """The record that a person reviewed this server as it is now."""
    package = as_object(server.attributes.get("package"))
    return Review(
        server=server.id,
        client=client,
        name=server.name,
        keys=server.keys,
        kinds=kinds,
        ecosystem=as_text(package.get("ecosystem")),
        package=as_text(package.get("name")),
        version=as_text(package.get("version")),
        sha256=as_text(package.get("sha256")),
        approval=approval,
    )


def matched(reviews: Sequence[Review], inventory: Inventory) -> dict[AssetId, AssetId]:
    """For each reviewed server that is in the inventory its id there.

    It is the one with that id, else one that shares a key; else the only other server of the same package: new
    arguments make another launch, and that must not lose what was approved.
    """
    servers = inventory.of_kind(AssetKind.SERVER)
    ids = {server.id for server in servers}
    holders = {key: server.id for server in servers for key in server.keys}
    found: dict[AssetId, AssetId] = {}
    for one in reviews:
        shared = [holders[key] for key in one.keys if key in holders]
        if one.server in ids or shared:
            found[one.server] = one.server if one.server in ids else shared[0]
    taken = set(found.values())
    by_package: dict[tuple[str, str], list[AssetId]] = {}
    for server in servers:
        package = as_object(server.attributes.get("package"))
        subject = as_text(package.get("ecosystem")), as_text(package.get("name"))
        if server.id not in taken and all(subject):
            by_package.setdefault(subject, []).append(server.id)
    for one in reviews:
        candidates = by_package.get((one.ecosystem, one.package), [])
        if one.server not in found and len(candidates) == 1:
            found[one.server] = candidates[0]
    return found
