"""The one door to rustworkx: a directed graph over the numbers 0 to n - 1, with answers in a fixed order."""

from collections.abc import Iterable, Sequence

import msgspec
import rustworkx


class Tree(msgspec.Struct, frozen=True):
    """A breadth-first tree: nodes in the order of their visit, and for each its parent (-1 at a start) and depth."""

    order: list[int]
    parent: dict[int, int]
    depth: dict[int, int]

    def path(self, node: int) -> list[int]:
        """The nodes from a start to `node`."""
        found = [node]
        while (node := self.parent[node]) >= 0:
            found.append(node)
        return found[::-1]


class Digraph:
    """Arcs are numbered in the order given. Of equally short ways, the one over the earliest arc is taken."""

    def __init__(self, nodes: int, arcs: Sequence[tuple[int, int]]) -> None:
        self.nodes = nodes
        self._graph: rustworkx.PyDiGraph[int, int] = rustworkx.PyDiGraph(multigraph=True)
        self._graph.add_nodes_from(range(nodes))
        # The library visits the newest arc of a node first.
        numbered = [(source, target, number) for number, (source, target) in enumerate(arcs)]
        self._graph.add_edges_from(numbered[::-1])

    def tree(self, starts: Iterable[int]) -> Tree:
        """Everything reachable from any of the starts."""
        graph, root = self._rooted(starts)
        parent, depth, order = {root: -1}, {root: -1}, list[int]()
        for above, children in rustworkx.bfs_successors(graph, root):
            below = depth[above] + 1
            for child in children:
                if child not in depth:  # the library may name a node below each of its parents
                    parent[child] = above if above != root else -1
                    depth[child] = below
                    order.append(child)
        del parent[root], depth[root]
        return Tree(order, parent, depth)

    def after(self, starts: Iterable[int]) -> set[int]:
        """The same as a set, the starts included."""
        graph, root = self._rooted(starts)
        return rustworkx.descendants(graph, root)

    def dominators(self, starts: Iterable[int], ends: Iterable[int]) -> dict[int, int]:
        """For every node on a way to an end the last one that every way to it from any start passes; -1 for none.

        Nodes on no way to an end are left out: they dominate no end.
        """
        graph, root = self._rooted(starts)
        sink = graph.add_node(self.nodes + 1)
        graph.add_edges_from([(end, sink, -1) for end in ends])
        kept = rustworkx.ancestors(graph, sink) | {root}
        graph.remove_nodes_from([node for node in range(sink + 1) if node not in kept])
        found = rustworkx.immediate_dominators(graph, root)
        del found[root]
        return {node: -1 if above == root else above for node, above in found.items()}

    def arcs_between(self, source: int, target: int) -> list[int]:
        """Numbers of the arcs from one node to another, in order."""
        if not self._graph.has_edge(source, target):
            return []
        return sorted(self._graph.get_all_edge_data(source, target))

    def _rooted(self, starts: Iterable[int]) -> tuple["rustworkx.PyDiGraph[int, int]", int]:
        """A copy with one node above all starts."""
        graph = self._graph.copy()
        root = graph.add_node(self.nodes)
        graph.add_edges_from([(root, start, -1) for start in sorted(set(starts), reverse=True)])
        return graph, root
