"""Cuts: the single control that cuts most, and the fewest controls that cut everything.

A node that every way from the sources to a target passes dominates the target. One dominator tree over assets and
edges therefore counts, for every control at once, the targets that it cuts off from all sources.
"""

import heapq
from collections.abc import Iterable, Sequence

import msgspec

from bartizan.graph.build import Graph
from bartizan.graph.controls import Control
from bartizan.graph.totals import weight
from bartizan.model.asset import AssetId
from bartizan.model.limits import DEFAULT, Limits


class Cut(msgspec.Struct, frozen=True, kw_only=True):
    """A control and what it does: `cut` of the `reachable` targets can no longer be reached from any source.

    `score` is the weight of those targets. `at_end` says that the control changes a source or a target itself.
    """

    control: Control
    cut: int
    reachable: int
    score: int
    at_end: bool = False


def best_cuts(
    graph: Graph, sources: Iterable[AssetId], targets: Iterable[AssetId], *, limits: Limits = DEFAULT
) -> list[Cut]:
    """Single controls, the one that cuts off most first, at most `map_cuts_max`.

    Of equals, one between the ends comes before one at an end, and the one nearest to the sources first.
    """
    starts = graph.numbers(sources)
    ends = set(graph.numbers(targets)) - set(starts)
    above = graph.split.dominators(starts, ends)
    reachable = [end for end in sorted(ends) if end in above]
    order = _upwards(above, reachable)
    counts, scores = _beneath(graph, above, order, reachable)
    depth = {-1: -1}
    for node in reversed(order):
        depth[node] = depth[above[node]] + 1
    at_end = ends | set(starts)
    candidates = [node for node in order if graph.controls[node]]
    best = heapq.nsmallest(
        limits.map_cuts_max,
        candidates,
        key=lambda node: (-scores[node], -counts[node], node in at_end, depth[node], node),
    )
    return [
        Cut(control=control, cut=counts[node], reachable=len(reachable), score=scores[node], at_end=node in at_end)
        for node in best
        if (control := graph.controls[node])
    ]


def choke_points(graph: Graph, source: AssetId, target: AssetId) -> list[AssetId]:
    """The assets that every way from one asset to another passes, in the order of the way, without the two."""
    (start,), (end,) = graph.numbers([source]), graph.numbers([target])
    above = graph.forward.dominators([start], [end])
    found: list[AssetId] = []
    node = above.get(end, -1)
    while node >= 0 and node != start:
        found.append(graph.assets[node].id)
        node = above[node]
    return found[::-1]


def _upwards(above: dict[int, int], ends: Sequence[int]) -> list[int]:
    """The ends and all that dominate them, each before what is above it."""
    waiting = dict.fromkeys(ends, 0)  # how many nodes right below have not been listed yet
    ahead = list(ends)
    while ahead:
        parent = above[ahead.pop()]
        if parent < 0:
            continue
        if parent not in waiting:
            ahead.append(parent)
        waiting[parent] = waiting.get(parent, 0) + 1
    order = [end for end in ends if not waiting[end]]
    for node in order:  # grows while it is walked
        parent = above[node]
        if parent >= 0:
            waiting[parent] -= 1
            if not waiting[parent]:
                order.append(parent)
    return order


def _beneath(
    graph: Graph, above: dict[int, int], order: Sequence[int], ends: Sequence[int]
) -> tuple[dict[int, int], dict[int, int]]:
    """How many targets each node dominates, itself included, and their weight."""
    counts, scores = dict.fromkeys(order, 0), dict.fromkeys(order, 0)
    for end in ends:
        counts[end], scores[end] = 1, weight(graph.assets[end].kind)
    for node in order:
        if (parent := above[node]) >= 0:
            counts[parent] += counts[node]
            scores[parent] += scores[node]
    return counts, scores
