"""What a snapshot says: a server's tools, prompts and resources as assets, each with its hashes."""

import hashlib
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from bartizan.discover.credentials import FoundCredential, mark
from bartizan.discover.identify import asset_id
from bartizan.model.asset import Asset, AssetKind, Basis, Edge, EdgeKind
from bartizan.model.errors import Place
from bartizan.model.inventory import Observation
from bartizan.model.json import as_array, as_object
from bartizan.model.secret import Secret, fingerprint
from bartizan.model.snapshot import Snapshot
from bartizan.text.patterns import find_secrets, is_placeholder

SEEN_BY = "probe"
_KNOWN_SECRET_CHARACTERS_MIN = 6  # shorter configured values would redact ordinary words


def digest(value: Any) -> str:
    """SHA-256 of a JSON value in canonical form: keys sorted, no white space, UTF-8."""
    return hashlib.sha256(msgspec.json.encode(value, order="sorted")).hexdigest()


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
        key = name if isinstance(name, str) and name not in taken else f"{name}#{number}"
        taken.add(key)
        yield Asset(
            id=asset_id(kind.value, snapshot.server, identity, key),
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


def without_secrets(
    snapshot: Snapshot, known: Sequence[Secret], key: Secret
) -> tuple[Snapshot, tuple[FoundCredential, ...]]:
    """The snapshot with secrets as marks, and the credentials that stood in it.

    A server may echo what it was given. `known` are the values that its launch holds; beside them vendor formats are
    looked for. Everything else stays the server's own JSON.
    """
    redactor = _Redactor(known, key, Place(path="", url="", pointer=""))
    fields = {
        name: redactor.value(getattr(snapshot, name), f"/{name}")
        for name in ("discovered", "tools", "prompts", "resources", "resource_templates", "authorization", "stderr")
    }
    return msgspec.structs.replace(snapshot, **fields), tuple(redactor.found)


class _Redactor:
    def __init__(self, known: Sequence[Secret], key: Secret, place: Place) -> None:
        self._known = [one for one in known if len(one.reveal()) >= _KNOWN_SECRET_CHARACTERS_MIN]
        self._key = key
        self._place = place
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
        for secret in self._known:
            if secret.reveal() in text:
                text = text.replace(secret.reveal(), mark(self._note("generic", secret, pointer)))
        for span in reversed(find_secrets(text)):
            secret = text[span.start : span.end]
            if not is_placeholder(secret):
                text = text[: span.start] + mark(self._note(span.kind, Secret(secret), pointer)) + text[span.end :]
        return text

    def _note(self, kind: str, secret: Secret, pointer: str) -> FoundCredential:
        place = msgspec.structs.replace(self._place, pointer=pointer[:500])
        found = FoundCredential(kind=kind, fingerprint=fingerprint(secret, self._key), name=kind, place=place)
        self.found.append(found)
        return found
