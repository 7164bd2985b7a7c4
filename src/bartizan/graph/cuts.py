"""Cuts: the single control that cuts most, and the fewest controls that cut everything.

A node that every way from the sources to a target passes dominates the target. One dominator tree over assets and
edges therefore counts, for every control at once, the targets that it cuts off from all sources.
"""

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
    above = graph.split.dominators(starts)
    reachable = sum(end in above for end in ends)
    order = _top_down(above)
    counts, scores = _beneath(graph, above, order, ends)
    at_end = ends | set(starts)
    candidates = [node for node in order if counts.get(node) and graph.controls[node]]
    candidates.sort(key=lambda node: (-scores[node], -counts[node], node in at_end))
    return [
        Cut(control=control, cut=counts[node], reachable=reachable, score=scores[node], at_end=node in at_end)
        for node in candidates[: limits.map_cuts_max]
        if (control := graph.controls[node])
    ]


def choke_points(graph: Graph, source: AssetId, target: AssetId) -> list[AssetId]:
    """The assets that every way from one asset to another passes, in the order of the way, without the two."""
    (start,), (end,) = graph.numbers([source]), graph.numbers([target])
    above = graph.forward.dominators([start])
    found: list[AssetId] = []
    node = above.get(end, -1)
    while node >= 0 and node != start:
        found.append(graph.assets[node].id)
        node = above[node]
    return found[::-1]


def _top_down(above: dict[int, int]) -> list[int]:
    """The nodes of a dominator tree, each after the one above it, level by level and by number."""
    children: dict[int, list[int]] = {}
    for node in sorted(above):
        children.setdefault(above[node], []).append(node)
    order, level = list[int](), children.get(-1, [])
    while level:
        order += level
        level = [child for node in level for child in children.get(node, ())]
    return order


def _beneath(
    graph: Graph, above: dict[int, int], order: Sequence[int], ends: set[int]
) -> tuple[dict[int, int], dict[int, int]]:
    """How many targets each node dominates, itself included, and their weight."""
    counts = {end: 1 for end in ends if end in above}
    scores = {end: weight(graph.assets[end].kind) for end in counts}
    for node in reversed(order):
        if node in counts and (parent := above[node]) >= 0:
            counts[parent] = counts.get(parent, 0) + counts[node]
            scores[parent] = scores.get(parent, 0) + scores[node]
    return counts, scores
