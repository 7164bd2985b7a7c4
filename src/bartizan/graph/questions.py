"""The questions of `bartizan map`, answered in data that every format can show.

- from A: the blast radius of A, and the control that keeps A from most of what is worth having;
- to B: who could have leaked or used B, and the control that keeps most away from it;
- from A to B: the shortest ways, the controls that close all ways, and the fewest that do;
- neither: from people and untrusted servers to everything worth having.
"""

from collections.abc import Callable, Iterable, Sequence

import msgspec

from bartizan.graph.build import Graph
from bartizan.graph.cuts import Cut, best_cuts
from bartizan.graph.minimum import MinimumCut, minimum_cut
from bartizan.graph.paths import Path, Reach, Reached, exposure, reach, shortest_paths
from bartizan.graph.totals import Totals, total, weight
from bartizan.model.asset import Asset, AssetId, AssetKind, Basis, EdgeKind
from bartizan.model.errors import UsageError
from bartizan.model.inventory import Inventory
from bartizan.model.limits import DEFAULT, Limits

VALUABLE = {AssetKind.CREDENTIAL, AssetKind.PERMISSION, AssetKind.BACKEND}
SHOWN_CANDIDATES = 5


class MapNode(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """An asset of the answer. `depth` counts edges from the question's start (backward for `to` alone)."""

    id: AssetId
    kind: AssetKind
    name: str
    depth: int
    basis: Basis


class MapEdge(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """An edge between two assets of the answer."""

    source: AssetId
    target: AssetId
    kind: EdgeKind
    basis: Basis


class MapAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """An answer. `start` and `end` are the question's assets, or empty.

    `sources` and `targets` are between what the cuts were sought. `cuts` are single controls, the best first; with
    both ends given, `minimum` is the fewest controls that part them. `totals` count the assets other than start and
    end. `omitted_nodes` and `omitted_paths` say what a limit left out; totals and cuts are over everything.
    """

    start: AssetId
    end: AssetId
    nodes: tuple[MapNode, ...]
    edges: tuple[MapEdge, ...]
    paths: tuple[Path, ...]
    sources: int
    targets: int
    cuts: tuple[Cut, ...]
    minimum: MinimumCut | None = None
    totals: Totals
    omitted_nodes: int = 0
    omitted_paths: int = 0

    @property
    def best_cut(self) -> Cut | None:
        """The single control that cuts most."""
        return self.cuts[0] if self.cuts else None


def answer(
    inventory: Inventory | Graph, from_: AssetId | None = None, to: AssetId | None = None, *, limits: Limits = DEFAULT
) -> MapAnswer:
    """Answer one question. Raises UsageError for an asset that the inventory does not hold."""
    graph = inventory if isinstance(inventory, Graph) else Graph.of(inventory)
    if from_ and to:
        found = _between(graph, from_, to, limits)
    elif from_:
        found = _forward(graph, from_, limits)
    elif to:
        found = _backward(graph, to, limits)
    else:
        found = _overview(graph, limits)
    return _answer(graph, found, from_ or "", to or "", limits)


def find_asset(inventory: Inventory, text: str) -> AssetId:
    """The asset that a person means by an id, the start of an id, or a name. Raises UsageError if it is not one."""
    tests: tuple[Callable[[Asset], bool], ...] = (
        lambda asset: asset.id == text,
        lambda asset: asset.name == text,
        lambda asset: bool(text) and asset.id.startswith(text),
    )
    for test in tests:
        found = sorted({asset.id for asset in inventory.assets if test(asset)})
        if len(found) == 1:
            return found[0]
        if found:
            some = ", ".join(found[:SHOWN_CANDIDATES]) + (", ..." if len(found) > SHOWN_CANDIDATES else "")
            raise UsageError(f"{text!r} may mean {len(found)} assets: {some}", remedy="give the id of one")
    raise UsageError(f"no asset is called {text!r}", remedy="`bartizan discover` lists the assets with their ids")


def untrusted(asset: Asset) -> bool:
    """A server in somebody else's hands, or one that nobody configured."""
    attributes = asset.attributes
    return asset.kind is AssetKind.SERVER and (
        attributes.get("remote") is True or attributes.get("configured") is False
    )


def default_sources(assets: Iterable[Asset]) -> list[AssetId]:
    """Where misuse starts: people (clients, where no person is known) and untrusted servers."""
    known = list(assets)
    people = [asset.id for asset in known if asset.kind is AssetKind.PERSON]
    people = people or [asset.id for asset in known if asset.kind is AssetKind.CLIENT]
    return people + [asset.id for asset in known if untrusted(asset)]


def default_targets(assets: Iterable[Asset]) -> list[AssetId]:
    """What is worth having: credentials, permissions, backends."""
    return [asset.id for asset in assets if asset.kind in VALUABLE]


class _Found(msgspec.Struct, frozen=True, kw_only=True):
    """What a question comes down to: what is shown beside the starts of a closure, and the ways between the ends."""

    closure: Reach
    shown: Sequence[Reached]
    sources: Sequence[AssetId]
    targets: Sequence[AssetId]
    paths: Sequence[Path]
    paths_all: int


def _forward(graph: Graph, start: AssetId, limits: Limits) -> _Found:
    radius = reach(graph, start)
    targets = default_targets(radius.assets()) or [one.asset for one in radius.reached]
    return _found(graph, radius, radius.reached, ([start], targets), limits)


def _backward(graph: Graph, end: AssetId, limits: Limits) -> _Found:
    exposed = exposure(graph, end)
    sources = default_sources(exposed.assets()) or [one.asset for one in exposed.reached]
    return _found(graph, exposed, exposed.reached, (sources, [end]), limits)


def _overview(graph: Graph, limits: Limits) -> _Found:
    sources = default_sources(graph.assets)
    radius = reach(graph, *sources)
    targets = default_targets(radius.assets())
    exposed = exposure(graph, *targets)
    wanted = set(targets)
    shown = [one for one in radius.reached if one.asset in wanted or one.asset in exposed]
    return _found(graph, radius, shown, (sources, targets), limits)


def _between(graph: Graph, start: AssetId, end: AssetId, limits: Limits) -> _Found:
    radius, exposed = reach(graph, start), exposure(graph, end)
    paths = shortest_paths(graph, start, end, limits=limits)
    shown = [one for one in radius.reached if one.asset in exposed or one.asset == end] if paths else []
    return _Found(closure=radius, shown=shown, sources=[start], targets=[end], paths=paths, paths_all=len(paths))


def _found(
    graph: Graph,
    closure: Reach,
    shown: Sequence[Reached],
    between: tuple[Sequence[AssetId], Sequence[AssetId]],
    limits: Limits,
) -> _Found:
    """With the shortest way to each far end, the most valuable and then the nearest ends first."""
    sources, targets = between
    depth = {one.asset: one.depth for one in closure.reached}
    ends = targets if closure.forward else sources
    ranked = sorted(ends, key=lambda end: (-weight(graph.assets[graph.number[end]].kind), depth[end], end))
    paths = [closure.path(end) for end in ranked[: limits.map_paths_max]]
    return _Found(closure=closure, shown=shown, sources=sources, targets=targets, paths=paths, paths_all=len(ends))


def _answer(graph: Graph, found: _Found, start: AssetId, end: AssetId, limits: Limits) -> MapAnswer:
    assets, number = graph.assets, graph.number
    starts = [Reached(asset=one, depth=0, basis=Basis.OBSERVED) for one in found.closure.starts]
    nodes = [*starts, *found.shown]
    kept = nodes[: limits.map_nodes_max]
    return MapAnswer(
        start=start,
        end=end,
        nodes=tuple(_node(assets[number[one.asset]], one) for one in kept),
        edges=tuple(_edges(graph, {number[one.asset] for one in kept})),
        paths=tuple(found.paths),
        sources=len(found.sources),
        targets=len(found.targets),
        cuts=tuple(best_cuts(graph, found.sources, found.targets, limits=limits)),
        minimum=minimum_cut(graph, [start], [end], limits=limits) if start and end and found.paths else None,
        totals=total((assets[number[one.asset]].kind, one.basis) for one in found.shown if one.asset != end),
        omitted_nodes=len(nodes) - len(kept),
        omitted_paths=found.paths_all - len(found.paths),
    )


def _node(asset: Asset, reached: Reached) -> MapNode:
    return MapNode(id=asset.id, kind=asset.kind, name=asset.label, depth=reached.depth, basis=reached.basis)


def _edges(graph: Graph, shown: set[int]) -> Iterable[MapEdge]:
    """One for each pair and kind; observed if one of them is."""
    return (
        MapEdge(source=edge.source, target=edge.target, kind=edge.kind, basis=edge.basis)
        for edge, (source, target) in graph.distinct
        if source in shown and target in shown
    )
