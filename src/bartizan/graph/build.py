"""Graph: an inventory, ready to be asked about ways."""

from collections.abc import Iterable
from functools import cached_property
from typing import Self

from bartizan.graph.controls import EDGE_DEEDS, Control, Link, control_of_asset, control_of_edge
from bartizan.graph.digraph import Digraph
from bartizan.model.asset import Asset, AssetId, Basis, Edge
from bartizan.model.errors import UsageError
from bartizan.model.inventory import Inventory


class Graph:
    """Assets and edges by number, in an order that does not depend on the inventory's.

    `dangling` are the edges with an end that the inventory does not hold; they are part of no answer. The digraphs
    are made when they are first asked for.
    """

    def __init__(self, assets: Iterable[Asset], edges: Iterable[Edge]) -> None:
        by_id = {asset.id: asset for asset in assets}
        self.assets = [by_id[identity] for identity in sorted(by_id)]
        self.number = {asset.id: number for number, asset in enumerate(self.assets)}
        ordered = sorted(edges, key=_order)
        known = self.number
        self.edges = [edge for edge in ordered if edge.source in known and edge.target in known]
        self.dangling = tuple(edge for edge in ordered if edge.source not in known or edge.target not in known)
        self.arcs = [(known[edge.source], known[edge.target]) for edge in self.edges]

    @classmethod
    def of(cls, inventory: Inventory) -> Self:
        """The graph of everything in an inventory."""
        return cls(inventory.assets, inventory.edges)

    def numbers(self, assets: Iterable[AssetId]) -> list[int]:
        """Their numbers, in order. Raises UsageError for one that is not in the inventory."""
        try:
            return sorted({self.number[asset] for asset in assets})
        except KeyError as error:
            raise UsageError(
                f"the inventory has no asset {error.args[0]!r}",
                remedy="`bartizan discover` lists the assets and their ids",
            ) from None

    @cached_property
    def forward(self) -> Digraph:
        """What an asset can use or reach."""
        return Digraph(len(self.assets), self.arcs)

    @cached_property
    def backward(self) -> Digraph:
        """Who can use or reach an asset."""
        return Digraph(len(self.assets), _turned(self.arcs))

    @cached_property
    def observed_forward(self) -> Digraph:
        """The same over edges that were seen in use."""
        return Digraph(len(self.assets), self._observed)

    @cached_property
    def observed_backward(self) -> Digraph:
        """The same over edges that were seen in use."""
        return Digraph(len(self.assets), _turned(self._observed))

    @cached_property
    def _observed(self) -> list[tuple[int, int]]:
        return [arc for arc, edge in zip(self.arcs, self.edges, strict=True) if edge.basis is Basis.OBSERVED]

    @cached_property
    def controls(self) -> list[Control | None]:
        """By number of the node in `split`, what a person can do about it."""
        return [control_of_asset(asset) for asset in self.assets] + [control_of_edge(link) for link in self._links]

    @cached_property
    def split(self) -> Digraph:
        """The forward graph with a node in the middle of every edge that a person can cut."""
        return Digraph(len(self.controls), self.split_arcs)

    @cached_property
    def split_backward(self) -> Digraph:
        """The same, turned round."""
        return Digraph(len(self.controls), _turned(self.split_arcs))

    @cached_property
    def split_next(self) -> list[list[int]]:
        """For every node of `split` those that it has an arc to, in order."""
        following: list[list[int]] = [[] for _ in self.controls]
        for source, target in self.split_arcs:
            following[source].append(target)
        return following

    @cached_property
    def split_arcs(self) -> list[tuple[int, int]]:
        """The arcs of `split`."""
        number, arcs = self.number, list[tuple[int, int]]()
        middle = {link: node for node, link in enumerate(self._links, len(self.assets))}
        for edge, arc in zip(self.edges, self.arcs, strict=True):
            if (edge.source, edge.target, edge.kind) not in middle:
                arcs.append(arc)
        for link, node in middle.items():
            arcs += [(number[link[0]], node), (node, number[link[1]])]
        return arcs

    @cached_property
    def _links(self) -> list[Link]:
        """Edges that a person can cut; several of one kind between two assets are cut as one."""
        return [(edge.source, edge.target, edge.kind) for edge, _ in self.distinct if edge.kind in EDGE_DEEDS]

    @cached_property
    def distinct(self) -> list[tuple[Edge, tuple[int, int]]]:
        """One edge, with its arc, for each pair of assets and kind: an observed one if there is one."""
        found: dict[Link, tuple[Edge, tuple[int, int]]] = {}
        for edge, arc in zip(self.edges, self.arcs, strict=True):
            found.setdefault((edge.source, edge.target, edge.kind), (edge, arc))
        return list(found.values())

    def edge_between(self, source: int, target: int) -> Edge:
        """The edge by which a way goes from one asset to the next: an observed one if there is one."""
        return self.edges[self.forward.arcs_between(source, target)[0]]


def _turned(arcs: list[tuple[int, int]]) -> list[tuple[int, int]]:
    return [(target, source) for source, target in arcs]


def _order(edge: Edge) -> tuple[AssetId, AssetId, bool, str]:
    return edge.source, edge.target, edge.basis is not Basis.OBSERVED, edge.kind
