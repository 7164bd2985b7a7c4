"""Gathering one observation: an asset seen in several places is emitted once, with all of them."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

import msgspec

from bartizan.discover.identify import asset_id
from bartizan.model.asset import Asset, AssetId, AssetKind, Edge, EdgeKind
from bartizan.model.client import ClientSpec
from bartizan.model.coverage import Look, Outcome
from bartizan.model.credential import FoundCredential
from bartizan.model.document import DocumentText
from bartizan.model.errors import Place
from bartizan.model.inventory import Observation
from bartizan.model.record import FileRecord


class Gathering:
    """Assets, edges and looks of one observation in the making."""

    def __init__(self) -> None:
        self._assets: dict[AssetId, Asset] = {}
        self._places: dict[AssetId, dict[tuple[object, ...], Place]] = {}
        self._edges: dict[tuple[object, ...], Edge] = {}
        self._looks: list[Look] = []
        self._texts: dict[DocumentText, None] = {}

    def asset(self, asset: Asset) -> AssetId:
        """Take an asset, or add what this sight of it tells to what is known; earlier attributes win."""
        places = self._places.setdefault(asset.id, {})
        for place in asset.places:
            places.setdefault((place.path, place.line, place.pointer, place.url), place)
        known = self._assets.get(asset.id)
        if known is None:
            self._assets[asset.id] = asset
        elif known.attributes != asset.attributes or known.keys != asset.keys:
            self._assets[asset.id] = msgspec.structs.replace(
                known,
                keys=tuple(dict.fromkeys((*known.keys, *asset.keys))),
                attributes=_merged(known.attributes, asset.attributes),
            )
        return asset.id

    def edge(self, source: AssetId, target: AssetId, kind: EdgeKind, attributes: Mapping[str, Any] = {}) -> None:
        """Take an edge; a second one with equal attributes is the same."""
        told = dict(attributes)
        self._edges.setdefault(
            (source, target, kind, *sorted((name, str(value)) for name, value in told.items())),
            Edge(source=source, target=target, kind=kind, attributes=told),
        )

    def credentials(self, found: Iterable[FoundCredential], *holders: tuple[AssetId, EdgeKind]) -> None:
        """Take credentials, and who holds or stores them."""
        for credential in found:
            identity = self.asset(credential.asset())
            for holder, kind in holders:
                self.edge(holder, identity, kind)

    def look(self, part: str, outcome: Outcome, reason: str, place: Place | None = None, subject: str = "") -> None:
        """Record that something could not be looked at, or was."""
        self._looks.append(Look(subject=subject, part=part, outcome=outcome, reason=reason, place=place))

    def text(self, text: DocumentText) -> None:
        """Take what a document says, once."""
        self._texts.setdefault(text)

    def observation(self, seen_by: str, at: datetime) -> Observation:
        """All of it, in the order of first sight."""
        assets = (
            msgspec.structs.replace(asset, places=tuple(self._places[asset.id].values()))
            for asset in self._assets.values()
        )
        return Observation(
            seen_by=seen_by,
            at=at,
            assets=tuple(assets),
            edges=tuple(self._edges.values()),
            looks=tuple(dict.fromkeys(self._looks)),
            documents=tuple(self._texts),
        )

    def client(self, spec: ClientSpec, record: FileRecord, name: str = "") -> AssetId:
        """A client in one user's home, and the person whose home it is."""
        folder = name or spec.id
        identity = self.asset(
            Asset(
                id=asset_id("client", folder, record.home),
                kind=AssetKind.CLIENT,
                name=name or spec.name,
                keys=(f"client:{folder}:{record.user or record.home}",),
                attributes={
                    "client": spec.id,
                    **({"vendor": spec.vendor} if spec.vendor else {}),
                    **({"unknown": True} if name else {}),
                },
                places=(Place(path=record.path),),
            )
        )
        if record.user or record.home:
            self.edge(self._person(record), identity, EdgeKind.OPERATES)
        return identity

    def _person(self, record: FileRecord) -> AssetId:
        user = record.user or record.home.rstrip("/").rpartition("/")[2]
        return self.asset(
            Asset(
                id=asset_id("person", user),
                kind=AssetKind.PERSON,
                name=user,
                keys=(f"user:{user}",),
                attributes={"user": user},
            )
        )

    def document(self, record: FileRecord, client: AssetId, role: str, **attributes: Any) -> AssetId:
        """A file as an asset whose id stays while its path does, so that a change of its hash shows."""
        told = {
            "role": role,
            "client": record.client,
            "sha256": record.sha256,
            "bytes": record.bytes,
            "mode": f"{record.mode & 0o7777:04o}" if record.mode is not None else None,
            "uid": record.uid,
            **attributes,
        }
        identity = self.asset(
            Asset(
                id=asset_id("document", role, record.path),
                kind=AssetKind.DOCUMENT,
                name=record.path.rpartition("/")[2],
                keys=(f"document:{role}:{record.path}",),
                attributes={name: value for name, value in told.items() if value not in (None, "")},
                places=(Place(path=record.path),),
            )
        )
        self.edge(client, identity, EdgeKind.READS)
        return identity


def _merged(known: Mapping[str, Any], told: Mapping[str, Any]) -> dict[str, Any]:
    """Attributes of two sights: a server that is on, or behind the gateway, somewhere is so."""
    merged = {**told, **known}
    if known.get("enabled") is False and told.get("enabled") is True:
        merged["enabled"] = True
    if known.get("behind_gateway") is True and told.get("behind_gateway") is False:
        merged["behind_gateway"] = False
    return merged
