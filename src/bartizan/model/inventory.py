"""Observation: what one collector saw. Inventory: all of it merged, the AI BOM."""

from datetime import datetime
from functools import cached_property

import msgspec

from bartizan.model.asset import Asset, AssetId, AssetKind, Edge, EdgeKind
from bartizan.model.change import Change
from bartizan.model.coverage import Look
from bartizan.model.document import DocumentText
from bartizan.model.flow import Flow
from bartizan.model.pin import Drift
from bartizan.model.snapshot import Snapshot

FORMAT = "bartizan-inventory/1"


class Observation(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What one collector saw in one go. `seen_by` names the collector, `at` is when."""

    seen_by: str
    at: datetime
    assets: tuple[Asset, ...] = ()
    edges: tuple[Edge, ...] = ()
    looks: tuple[Look, ...] = ()
    documents: tuple[DocumentText, ...] = ()


class Inventory(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """Everything known at one time: the whole input of the checks. It can be saved and judged again.

    `documents` are the texts that agents read; a snapshot file has them, reports and the store do not.
    `changes` say what differs from the scan of the same scope before; there are none at the first.
    `drifts` say what differs from the definitions that were approved.
    `flows` say how abilities of tools meet in one client, and which open server reaches a database.

    Assets and edges are ordered by kind and id, so equal estates give equal bytes.
    """

    format: str = FORMAT
    taken_at: datetime
    assets: tuple[Asset, ...] = ()
    edges: tuple[Edge, ...] = ()
    snapshots: tuple[Snapshot, ...] = ()
    looks: tuple[Look, ...] = ()
    changes: tuple[Change, ...] = ()
    documents: tuple[DocumentText, ...] = ()
    drifts: tuple[Drift, ...] = ()
    flows: tuple[Flow, ...] = ()

    def __repr__(self) -> str:
        """Short: `asyncio.run` makes the text of its result twice, which took half a second and 100 MB of a scan."""
        return f"<inventory of {self.taken_at:%Y-%m-%dT%H:%M:%SZ}: {len(self.assets)} assets, {len(self.looks)} looks>"

    def of_kind(self, kind: AssetKind) -> list[Asset]:
        """All assets of a kind, in order."""
        return [asset for asset in self.assets if asset.kind is kind]

    def by_id(self) -> dict[AssetId, Asset]:
        """Assets by their id."""
        return {asset.id: asset for asset in self.assets}

    @cached_property
    def tools_by_server(self) -> dict[AssetId, list[Asset]]:
        """The tools that each server exposes, in order. Made once: a check asks for every server."""
        servers: dict[AssetId, set[AssetId]] = {}
        for edge in self.edges:
            if edge.kind is EdgeKind.EXPOSES:
                servers.setdefault(edge.target, set()).add(edge.source)
        told: dict[AssetId, list[Asset]] = {}
        for tool in self.of_kind(AssetKind.TOOL):
            for server in servers.get(tool.id, ()):
                told.setdefault(server, []).append(tool)
        return told

    @cached_property
    def looks_by_subject(self) -> dict[AssetId, list[Look]]:
        """The looks at each asset, in order."""
        told: dict[AssetId, list[Look]] = {}
        for look in self.looks:
            told.setdefault(look.subject, []).append(look)
        return told

    @property
    def incomplete(self) -> list[Look]:
        """The looks that make this result incomplete."""
        return [look for look in self.looks if not look.complete]
