"""The minimum cut: the fewest controls that together part sources from targets. Maximum flow, one unit per control."""

from collections import deque
from collections.abc import Iterable
from itertools import pairwise

import msgspec

from bartizan.graph.build import Graph
from bartizan.graph.controls import Control
from bartizan.model.asset import AssetId
from bartizan.model.limits import DEFAULT, Limits


class MinimumCut(msgspec.Struct, frozen=True, kw_only=True):
    """The controls, none if there is no way to cut. `problem` says why it cannot be cut, or not with few controls."""

    controls: tuple[Control, ...] = ()
    problem: str = ""


def minimum_cut(
    graph: Graph, sources: Iterable[AssetId], targets: Iterable[AssetId], *, limits: Limits = DEFAULT
) -> MinimumCut:
    """The fewest controls between the ends (not on them), nearest to the sources; at most `map_cut_controls_max`."""
    starts = set(graph.numbers(sources))
    ends = set(graph.numbers(targets)) - starts
    flow = _Flow(graph, starts, ends)
    if flow.unguarded():
        return MinimumCut(problem="there is a way that no control is on")
    for _ in range(limits.map_cut_controls_max + 1):
        way = flow.way()
        if way is None:
            return MinimumCut(controls=tuple(flow.parted()))
        flow.send(way)
    return MinimumCut(problem=f"more than {limits.map_cut_controls_max} controls are needed")


class _Flow:
    """Units of flow through a network in which every control is a gate that one unit passes.

    The nodes are those of `graph.split`; each has an entrance (2n) and an exit (2n + 1). An arc between them is a gate
    if the node is a control. `_carries` holds the arcs that carry flow, with its amount; `_touched` the nodes on
    a way so far, each with those before it.
    """

    def __init__(self, graph: Graph, starts: set[int], ends: set[int]) -> None:
        self._between = graph.split.after(starts) & graph.split_backward.after(ends)
        self._starts, self._ends = sorted(starts & self._between), ends & self._between
        self._controls, self._following, self._fixed = graph.controls, graph.split_next, starts | ends
        self._carries: dict[tuple[int, int], int] = {}
        self._touched: dict[int, dict[int, None]] = {}

    def way(self) -> list[int] | None:
        """The shortest way on which one more unit fits."""
        parent = self._search()
        node = next((2 * end + 1 for end in sorted(self._ends) if 2 * end + 1 in parent), -1)
        if node < 0:
            return None
        way = [node]
        while (node := parent[node]) >= 0:
            way.append(node)
        return way[::-1]

    def send(self, way: list[int]) -> None:
        """Send a unit along a way."""
        for before, after in pairwise(way):
            self._touched.setdefault(before, {})
            self._touched.setdefault(after, {})[before] = None
            if self._carries.get((after, before)):
                self._carries[after, before] -= 1
            else:
                self._carries[before, after] = self._carries.get((before, after), 0) + 1

    def unguarded(self) -> bool:
        """Whether some way passes no gate."""
        near = {2 * start for start in self._starts}
        ahead = list(near)
        while ahead:
            node = ahead.pop()
            found = [after for after in self._onward(node) if after not in near and not self._is_gate(node, after)]
            near.update(found)
            ahead += found
        return any(2 * end + 1 in near for end in self._ends)

    def parted(self) -> list[Control]:
        """The full gates between what still can be reached and what cannot."""
        near = self._search()
        gates = sorted(node // 2 for node in near if self._is_gate(node, node + 1) and node + 1 not in near)
        return [gate for node in gates if (gate := self._controls[node])]

    def _search(self) -> dict[int, int]:
        """What can still be reached, each with the node before it; ends when a target is."""
        parent = {2 * start: -1 for start in self._starts}
        exits = {2 * end + 1 for end in self._ends}
        queue = deque(parent)
        while queue:
            node = queue.popleft()
            for after in self._open_from(node):
                if after not in parent:
                    parent[after] = node
                    if after in exits:
                        return parent
                    queue.append(after)
        return parent

    def _open_from(self, node: int) -> list[int]:
        """Where one more unit can go: on, unless the gate is full, or back along what flows already."""
        onward = self._onward(node)
        if node not in self._touched:
            return onward
        carries = self._carries
        onward = [after for after in onward if not (carries.get((node, after)) and self._is_gate(node, after))]
        return onward + [before for before in self._touched[node] if carries.get((before, node))]

    def _onward(self, node: int) -> list[int]:
        if node % 2 == 0:
            return [node + 1]
        return [2 * after for after in self._following[node // 2] if after in self._between]

    def _is_gate(self, before: int, after: int) -> bool:
        node = before // 2
        return before % 2 == 0 and after == before + 1 and bool(self._controls[node]) and node not in self._fixed
