"""What a snapshot says: a server's tools, prompts and resources as assets, each with its hashes."""

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from bartizan.discover.credentials import FoundCredential, redact_text
from bartizan.discover.identify import asset_id
from bartizan.model.asset import Asset, AssetKind, Basis, Edge, EdgeKind
from bartizan.model.digest import digest
from bartizan.model.errors import Place
from bartizan.model.inventory import Observation
from bartizan.model.json import as_array, as_object
from bartizan.model.secret import Secret
from bartizan.model.snapshot import Snapshot
from bartizan.text.patterns import find_secrets

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


def without_secrets(snapshot: Snapshot, key: Secret) -> tuple[Snapshot, tuple[FoundCredential, ...]]:
    """The snapshot with secrets of known formats as marks, and the credentials that stood in it.

    What a server was given and says again the prober has marked already. Everything else stays the server's own JSON.
    """
    told = {
        name: getattr(snapshot, name)
        for name in ("discovered", "tools", "prompts", "resources", "resource_templates", "authorization", "stderr")
    }
    if not any(map(find_secrets, set(_texts(told)))):  # nearly all of them; most of their texts repeat
        return snapshot, ()
    redactor = _Redactor(key)
    fields = {name: redactor.value(value, f"/{name}") for name, value in told.items()}
    return msgspec.structs.replace(snapshot, **fields), tuple(redactor.found)


def _texts(value: Any) -> Iterator[str]:
    """Every text in a JSON value, keys too."""
    left = [value]
    while left:
        one = left.pop()
        if isinstance(one, str):
            yield one
        elif isinstance(one, dict):
            fields = as_object(one)
            yield from fields
            left += fields.values()
        elif isinstance(one, list | tuple):
            left += as_array(one)


class _Redactor:
    def __init__(self, key: Secret) -> None:
        self._key = key
        self.found: list[FoundCredential] = []

    def value(self, value: Any, pointer: str) -> Any:
        if isinstance(value, str):
            return self._text(value, pointer)
        if isinstance(value, dict):
            fields = as_object(value)
            return {self._text(name, pointer): self.value(item, f"{pointer}/{name}") for name, item in fields.items()}
        if isinstance(value, list | tuple):
            items = [self.value(item, f"{pointer}/{number}") for number, item in enumerate(as_array(value))]
            return tuple(items) if isinstance(value, tuple) else items
        return value

    def _text(self, text: str, pointer: str) -> str:
        redacted = redact_text(text, Place(pointer=pointer[:500]), self._key)
        self.found += redacted.credentials
        return redacted.text
