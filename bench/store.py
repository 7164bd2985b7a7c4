"""How long a scan of 5,000 assets takes to save and to read, on SQLite.

python bench/store.py
"""

import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from bartizan.adapters.store.sql import SqlStore
from bartizan.model.asset import Asset, AssetKind, Edge, EdgeKind
from bartizan.model.errors import Place
from bartizan.model.inventory import Inventory
from bartizan.model.snapshot import Era, Snapshot, Transport

SERVERS, TOOLS = 200, 24
AT = datetime(2026, 1, 1, tzinfo=UTC)


def estate() -> Inventory:
    """200 servers with 24 tools each, as they look after a scan: hashes, places, edges and snapshots."""
    assets: list[Asset] = []
    edges: list[Edge] = []
    snapshots: list[Snapshot] = []
    for number in range(SERVERS):
        server = f"server:{number:016x}"
        place = Place(path=f"/home/user/project{number}/.mcp.json", line=number + 1)
        assets.append(Asset(id=server, kind=AssetKind.SERVER, name=f"server {number}", places=(place,)))
        definitions: list[dict[str, Any]] = []
        for tool in range(TOOLS):
            identity = f"tool:{number:08x}{tool:08x}"
            attributes = {"server": server, "definition_sha256": f"{number * TOOLS + tool:064x}"}
            assets.append(Asset(id=identity, kind=AssetKind.TOOL, name=f"tool_{tool}", attributes=attributes))
            edges.append(Edge(source=server, target=identity, kind=EdgeKind.EXPOSES))
            schema = {"type": "object", "properties": {"path": {"type": "string", "description": "A path."}}}
            definitions.append({"name": f"tool_{tool}", "description": "Does a thing. " * 10, "inputSchema": schema})
        snapshots.append(
            Snapshot(
                server=server,
                taken_at=AT,
                transport=Transport.STDIO,
                era=Era.LEGACY,
                protocol_version="2025-06-18",
                tools=tuple(definitions),
            )
        )
    return Inventory(taken_at=AT, assets=tuple(assets), edges=tuple(edges), snapshots=tuple(snapshots))


def timed(what: str, deed: Callable[[], object]) -> None:
    start = time.perf_counter()
    deed()
    print(f"{what:<42} {(time.perf_counter() - start) * 1000:7.0f} ms")


def main() -> None:
    inventory = estate()
    later = msgspec.structs.replace(inventory, taken_at=AT + timedelta(days=1))
    print(f"{len(inventory.assets)} assets, {len(inventory.edges)} edges, {len(inventory.snapshots)} snapshots")
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{folder}/bench.db"
        timed("open and make the schema", lambda: SqlStore(url).close())
        timed("open again", lambda: SqlStore(url).close())
        with SqlStore(url) as store:
            timed("save the first scan", lambda: store.save(inventory, []))
            timed("save the next scan", lambda: store.save(later, []))
            timed("read the newest inventory", store.latest)
            timed("read the changes", store.changes)


if __name__ == "__main__":
    main()
