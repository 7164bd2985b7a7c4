"""Paths: the blast radius of an asset, who could have leaked it, and the shortest ways between two."""

from collections.abc import Iterator, Sequence
from functools import cached_property
from itertools import pairwise

import msgspec

from bartizan.graph.build import Graph
from bartizan.graph.digraph import Tree
from bartizan.graph.totals import Totals, total
from bartizan.model.asset import Asset, AssetId, Basis, EdgeKind
from bartizan.model.limits import DEFAULT, Limits


class Path(msgspec.Struct, frozen=True, kw_only=True):
    """One way in the direction of use: its assets, and the kinds of the edges between them.

    `basis` is observed if every edge of it is.
    """

    assets: tuple[AssetId, ...]
    edges: tuple[EdgeKind, ...]
    basis: Basis


class Reached(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """An asset that is reached after `depth` edges. `basis` is observed if edges seen in use suffice."""

    asset: AssetId
    depth: int
    basis: Basis


class Reach:
    """The closure of some assets, forward or backward, nearest first. The starts themselves are not in it."""

    def __init__(self, graph: Graph, starts: Sequence[AssetId], *, forward: bool) -> None:
        self._graph, self.forward = graph, forward
        self.starts = tuple(starts)
        self._numbers = graph.numbers(starts)
        self._tree = (graph.forward if forward else graph.backward).tree(self._numbers)

    @cached_property
    def _observed(self) -> Tree:
        graph = self._graph
        return (graph.observed_forward if self.forward else graph.observed_backward).tree(self._numbers)

    @cached_property
    def reached(self) -> tuple[Reached, ...]:
        """What is reached, in order of depth."""
        assets, depth, seen = self._graph.assets, self._tree.depth, self._observed.depth
        return tuple(
            Reached(
                asset=assets[number].id,
                depth=depth[number],
                basis=Basis.OBSERVED if number in seen else Basis.POTENTIAL,
            )
            for number in self._tree.order
            if depth[number]
        )

    @cached_property
    def totals(self) -> Totals:
        """How much that is."""
        assets, number = self._graph.assets, self._graph.number
        return total((assets[number[one.asset]].kind, one.basis) for one in self.reached)

    def __contains__(self, asset: AssetId) -> bool:
        return self._tree.depth.get(self._graph.number.get(asset, -1), 0) > 0

    def assets(self) -> Iterator[Asset]:
        """The assets that are reached."""
        return (self._graph.assets[self._graph.number[one.asset]] for one in self.reached)

    def path(self, asset: AssetId) -> Path:
        """The shortest way between a start and `asset`. Raises KeyError if it is not reached."""
        return self._path(self._tree, asset)

    def observed_path(self, asset: AssetId) -> Path:
        """The shortest way over edges seen in use. Raises KeyError if there is none."""
        return self._path(self._observed, asset)

    def _path(self, tree: Tree, asset: AssetId) -> Path:
        nodes = tree.path(self._graph.number[asset])
        return path_over(self._graph, nodes if self.forward else nodes[::-1])


def reach(graph: Graph, *starts: AssetId) -> Reach:
    """The blast radius: all that can be used or reached from the starts. Raises UsageError for an unknown asset."""
    return Reach(graph, starts, forward=True)


def exposure(graph: Graph, *targets: AssetId) -> Reach:
    """Who can use or reach the targets, and so could have leaked them. Raises UsageError for an unknown asset."""
    return Reach(graph, targets, forward=False)


def shortest_paths(graph: Graph, source: AssetId, target: AssetId, *, limits: Limits = DEFAULT) -> list[Path]:
    """The shortest ways from one asset to another, at most `map_paths_max`, in a fixed order; none if there is none."""
    (start,), (end,) = graph.numbers([source]), graph.numbers([target])
    depth = graph.forward.tree([start]).depth
    if end not in depth or start == end:
        return []
    above: dict[int, list[int]] = {}
    for before, after in dict.fromkeys(graph.arcs):
        if before in depth and depth[after] == depth[before] + 1:
            above.setdefault(after, []).append(before)
    found: list[Path] = []
    ways = [[end]]
    while ways and len(found) < limits.map_paths_max:
        way = ways.pop()
        if way[-1] == start:
            found.append(path_over(graph, way[::-1]))
        ways += [[*way, before] for before in reversed(above.get(way[-1], []))]
    return found


def path_over(graph: Graph, nodes: Sequence[int]) -> Path:
    """The path over these nodes, by observed edges where there are some."""
    edges = [graph.edge_between(before, after) for before, after in pairwise(nodes)]
    return Path(
        assets=tuple(graph.assets[node].id for node in nodes),
        edges=tuple(edge.kind for edge in edges),
        basis=Basis.OBSERVED if all(edge.basis is Basis.OBSERVED for edge in edges) else Basis.POTENTIAL,
    )
