"""What a snapshot says: a server's tools, prompts and resources as assets, each with its hashes."""

from collections.abc import Iterator, Sequence
from typing import Any

from bartizan.discover.identify import asset_id
from bartizan.model.asset import Asset, AssetKind, Basis, Edge, EdgeKind
from bartizan.model.digest import digest
from bartizan.model.inventory import Observation
from bartizan.model.json import as_object
from bartizan.model.snapshot import Snapshot

SEEN_BY = "probe"


def read_definitions(snapshots: Sequence[Snapshot]) -> list[Observation]:
    """One observation for each snapshot: the server in its own words, and what it exposes."""
    return [_read(snapshot) for snapshot in snapshots]


def _read(snapshot: Snapshot) -> Observation:
    exposed = list(_exposed(snapshot))
    server = Asset(
        id=snapshot.server,
        kind=AssetKind.SERVER,
        name=str(snapshot.server_info.get("name", "")),
        attributes={
            "era": snapshot.era.value,
            "protocol_version": snapshot.protocol_version,
            "self_reported": {
                name: value for name in ("name", "version") if isinstance(value := snapshot.server_info.get(name), str)
            },
            **({"instructions_sha256": digest(snapshot.instructions)} if snapshot.instructions else {}),
        },
    )
    edges = (
        Edge(source=snapshot.server, target=asset.id, kind=EdgeKind.EXPOSES, basis=Basis.POTENTIAL) for asset in exposed
    )
    return Observation(seen_by=SEEN_BY, at=snapshot.taken_at, assets=(server, *exposed), edges=tuple(edges))


def _exposed(snapshot: Snapshot) -> Iterator[Asset]:
    yield from _assets(snapshot, AssetKind.TOOL, snapshot.tools, "name")
    yield from _assets(snapshot, AssetKind.PROMPT, snapshot.prompts, "name")
    yield from _assets(snapshot, AssetKind.RESOURCE, snapshot.resources, "uri")
    yield from _assets(snapshot, AssetKind.RESOURCE, snapshot.resource_templates, "uriTemplate")


def _assets(snapshot: Snapshot, kind: AssetKind, definitions: Sequence[Any], identity: str) -> Iterator[Asset]:
    taken: set[str] = set()
    for number, definition in enumerate(definitions):
        fields = as_object(definition)
        name = fields.get(identity)
        # A number stands in a part of its own, where no name can imitate it.
        parts = (f"{identity}#{number}", str(name))
        if isinstance(name, str) and name not in taken:
            parts = (identity, name)
            taken.add(name)
        yield Asset(
            id=asset_id(kind.value, snapshot.server, *parts),
            kind=kind,
            name=str(fields.get("name", name)),
            attributes={
                "server": snapshot.server,
                "definition_sha256": digest(definition),
                **{
                    f"{part}_sha256": digest(fields[field])
                    for part, field in (("description", "description"), ("input_schema", "inputSchema"))
                    if field in fields
                },
                **({"annotations": fields["annotations"]} if isinstance(fields.get("annotations"), dict) else {}),
                **({"uri": fields[identity]} if identity != "name" and isinstance(name, str) else {}),
            },
        )
