"""Questions to the map of a large estate: 25,000 assets, about 54,000 edges, always the same ones.

    python bench/graph.py

The aim is that every question to the map is answered in under 200 ms. The graph is built once per inventory.
"""

import random
import statistics
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TypeVar

from bartizan.graph.build import Graph
from bartizan.graph.cuts import best_cuts
from bartizan.graph.minimum import minimum_cut
from bartizan.graph.paths import exposure, reach, shortest_paths
from bartizan.graph.questions import answer, default_sources, default_targets
from bartizan.model.asset import Asset, AssetKind, Basis, Edge, EdgeKind
from bartizan.model.inventory import Inventory

T = TypeVar("T")
COUNTS = {
    AssetKind.PERSON: 500,
    AssetKind.CLIENT: 1_000,
    AssetKind.SERVER: 2_500,
    AssetKind.TOOL: 15_000,
    AssetKind.CREDENTIAL: 2_000,
    AssetKind.PERMISSION: 2_500,
    AssetKind.BACKEND: 500,
    AssetKind.PACKAGE: 1_000,
}
EDGES = (  # source, kind, target, how many
    (AssetKind.PERSON, EdgeKind.OPERATES, AssetKind.CLIENT, 1_500),
    (AssetKind.CLIENT, EdgeKind.CONFIGURES, AssetKind.SERVER, 8_000),
    (AssetKind.SERVER, EdgeKind.EXPOSES, AssetKind.TOOL, 20_000),
    (AssetKind.SERVER, EdgeKind.LOADS, AssetKind.PACKAGE, 4_000),
    (AssetKind.SERVER, EdgeKind.HOLDS, AssetKind.CREDENTIAL, 5_000),
    (AssetKind.SERVER, EdgeKind.TRUSTS, AssetKind.CLIENT, 3_000),
    (AssetKind.CREDENTIAL, EdgeKind.GRANTS, AssetKind.PERMISSION, 6_000),
    (AssetKind.PERMISSION, EdgeKind.ON, AssetKind.BACKEND, 4_500),
    (AssetKind.CREDENTIAL, EdgeKind.UNLOCKS, AssetKind.BACKEND, 2_000),
)


def estate() -> Inventory:
    """Few assets of a kind are used a lot and most a little, as in real estates."""
    chance = random.Random(2026)
    ids = {kind: [f"{kind}:{number:05d}" for number in range(count)] for kind, count in COUNTS.items()}
    assets = tuple(Asset(id=one, kind=kind, name=one) for kind, every in ids.items() for one in every)

    def pick(kind: AssetKind) -> str:
        return ids[kind][int(len(ids[kind]) * chance.random() ** 2)]

    edges = tuple(
        Edge(
            source=pick(source),
            target=pick(target),
            kind=kind,
            basis=Basis.OBSERVED if chance.random() < 0.3 else Basis.POTENTIAL,
        )
        for source, kind, target, count in EDGES
        for _ in range(count)
    )
    return Inventory(taken_at=datetime(2026, 1, 1, tzinfo=UTC), assets=assets, edges=edges)


def timed(what: str, deed: Callable[[], T], times: int = 5) -> T:
    """The median of a few runs, in milliseconds of processor time: other work on the machine does not count."""
    spent: list[float] = []
    results: list[T] = []
    for _ in range(times):
        start = time.process_time()
        results.append(deed())
        spent.append((time.process_time() - start) * 1000)
    print(f"{what:<60} {statistics.median(spent):7.1f} ms")
    return results[-1]


def built(inventory: Inventory) -> Graph:
    graph = Graph.of(inventory)
    for part in (
        "forward",
        "backward",
        "observed_forward",
        "observed_backward",
        "controls",
        "split",
        "split_backward",
        "distinct",
    ):
        getattr(graph, part)
    return graph


def main() -> None:
    inventory = estate()
    print(f"{len(inventory.assets)} assets, {len(inventory.edges)} edges")
    graph = timed("build", lambda: built(inventory))
    person, server, credential, backend = "person:00000", "server:00001", "credential:00000", "backend:00000"
    sources, targets = default_sources(inventory.assets), default_targets(inventory.assets)
    timed("blast radius of a person", lambda: reach(graph, person).totals)
    timed("blast radius of a credential", lambda: reach(graph, credential).totals)
    timed("exposure of a backend", lambda: exposure(graph, backend).totals)
    timed("shortest paths, server to backend", lambda: shortest_paths(graph, server, backend))
    timed("best single cut, all people to everything worth having", lambda: best_cuts(graph, sources, targets))
    timed("minimum cut, server to backend", lambda: minimum_cut(graph, [server], [backend]))
    timed("map", lambda: answer(graph))
    timed("map --from person", lambda: answer(graph, person))
    timed("map --from credential", lambda: answer(graph, credential))
    timed("map --to credential", lambda: answer(graph, None, credential))
    timed("map --to backend", lambda: answer(graph, None, backend))
    timed("map --from server --to backend", lambda: answer(graph, server, backend))


if __name__ == "__main__":
    main()
