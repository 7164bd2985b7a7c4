"""Random graphs against brute force: every answer must be the one that trying everything gives."""

from datetime import UTC, datetime
from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bartizan.graph.build import Graph
from bartizan.graph.controls import Control
from bartizan.graph.cuts import best_cuts, choke_points
from bartizan.graph.minimum import minimum_cut
from bartizan.graph.paths import exposure, reach, shortest_paths
from bartizan.graph.questions import answer
from bartizan.graph.totals import weight
from bartizan.graph.whatif import after_controls, compare, without
from bartizan.model.asset import Asset, AssetKind, Basis, Edge, EdgeKind
from bartizan.model.inventory import Inventory
from bartizan.model.limits import Limits

KINDS = [AssetKind.PERSON, AssetKind.SERVER, AssetKind.TOOL, AssetKind.CREDENTIAL, AssetKind.BACKEND, AssetKind.PACKAGE]
LINKS = [EdgeKind.OPERATES, EdgeKind.HOLDS, EdgeKind.UNLOCKS, EdgeKind.TRUSTS]
SIZE = 7


@st.composite
def graphs(draw: st.DrawFn) -> Graph:
    kinds = draw(st.lists(st.sampled_from(KINDS), min_size=SIZE, max_size=SIZE))
    assets = [Asset(id=f"n{number}", kind=kind, name="") for number, kind in enumerate(kinds)]
    node = st.integers(0, SIZE - 1)
    arcs = draw(st.lists(st.tuples(node, node, st.sampled_from(LINKS), st.sampled_from(list(Basis))), max_size=16))
    edges = [Edge(source=f"n{a}", target=f"n{b}", kind=kind, basis=basis) for a, b, kind, basis in arcs]
    return Graph(draw(st.permutations(assets)), draw(st.permutations(edges)))


def closure(graph: Graph, starts: set[str], *, observed: bool = False) -> dict[str, int]:
    """Depth of everything reachable, by relaxing edges until nothing changes."""
    depth = {start: 0 for start in starts if start in graph.number}
    for _ in range(SIZE + 1):
        for edge in graph.edges:
            if edge.source in depth and (not observed or edge.basis is Basis.OBSERVED):
                depth[edge.target] = min(depth.get(edge.target, 99), depth[edge.source] + 1)
    return depth


def all_controls(graph: Graph) -> list[Control]:
    return [control for control in graph.controls if control]


@given(graphs())
def test_reach_is_the_closure_with_its_depths_and_basis(graph: Graph) -> None:
    depth, seen = closure(graph, {"n0"}), closure(graph, {"n0"}, observed=True)
    found = reach(graph, "n0")
    assert {one.asset: one.depth for one in found.reached} == {node: steps for node, steps in depth.items() if steps}
    assert {one.asset for one in found.reached if one.basis is Basis.OBSERVED} == seen.keys() - {"n0"}
    assert found.totals.observed + found.totals.potential == len(depth) - 1
    for one in found.reached:
        path = found.path(one.asset)
        assert (path.assets[0], path.assets[-1], len(path.edges)) == ("n0", one.asset, one.depth)
        if one.basis is Basis.OBSERVED:
            observed = found.observed_path(one.asset)
            assert (observed.basis, len(observed.edges)) == (Basis.OBSERVED, seen[one.asset])


@given(graphs())
def test_exposure_is_reach_turned_round(graph: Graph) -> None:
    who = {asset.id for asset in graph.assets if asset.id != "n0" and "n0" in closure(graph, {asset.id})}
    found = exposure(graph, "n0")
    assert {one.asset for one in found.reached} == who
    for one in found.reached:
        path = found.path(one.asset)
        assert (path.assets[0], path.assets[-1], len(path.edges)) == (one.asset, "n0", one.depth)


@given(graphs(), st.integers(1, 4))
def test_shortest_paths_are_all_of_them_or_as_many_as_allowed(graph: Graph, most: int) -> None:
    depth = closure(graph, {"n0"}).get("n1")
    arcs = {(edge.source, edge.target) for edge in graph.edges}

    def ways(way: tuple[str, ...]) -> list[tuple[str, ...]]:
        if len(way) - 1 == depth:
            return [way] if way[-1] == "n1" else []
        return [full for source, target in arcs if source == way[-1] for full in ways((*way, target))]

    expected = set(ways(("n0",))) if depth else set()
    assert {path.assets for path in shortest_paths(graph, "n0", "n1")} == expected
    some = shortest_paths(graph, "n0", "n1", limits=Limits(map_paths_max=most))
    assert len({path.assets for path in some} & expected) == len(some) == min(most, len(expected))


@settings(max_examples=200)
@given(graphs(), st.sets(st.integers(0, SIZE - 1), min_size=1, max_size=3), st.sets(st.integers(0, SIZE - 1)))
@pytest.mark.mission("R5")
def test_the_best_cut_cuts_as_much_as_the_best_of_all_controls(graph: Graph, starts: set[int], ends: set[int]) -> None:
    sources, targets = {f"n{one}" for one in starts}, {f"n{one}" for one in ends} - {f"n{one}" for one in starts}
    before = closure(graph, sources).keys() & targets

    def lost(control: Control) -> set[str]:
        return before - closure(after_controls(graph, [control]), sources).keys()

    def score(assets: set[str]) -> int:
        return sum(weight(graph.assets[graph.number[one]].kind) for one in assets)

    cuts = best_cuts(graph, sources, targets, limits=Limits(map_cuts_max=99))
    for cut in cuts:
        assert (cut.cut, cut.score, cut.reachable) == (len(lost(cut.control)), score(lost(cut.control)), len(before))
    assert {repr(cut.control) for cut in cuts} == {repr(one) for one in all_controls(graph) if lost(one)}
    assert [cut.score for cut in cuts] == sorted((cut.score for cut in cuts), reverse=True)


@settings(max_examples=200)
@given(graphs())
def test_the_minimum_cut_parts_the_ends_and_no_smaller_set_does(graph: Graph) -> None:
    found = minimum_cut(graph, ["n0"], ["n1"])
    between = [control for control in all_controls(graph) if control.asset not in {"n0", "n1"}]

    def parts(controls: tuple[Control, ...]) -> bool:
        return "n1" not in closure(after_controls(graph, controls), {"n0"})

    assert parts(found.controls) == (not found.problem)
    if found.problem:
        assert not parts(tuple(between))
    for size in range(min(len(found.controls), 3)):
        assert not any(parts(some) for some in combinations(between, size))


@given(graphs())
def test_a_choke_point_is_on_every_way(graph: Graph) -> None:
    reached = "n1" in closure(graph, {"n0"})
    expected = {
        asset.id
        for asset in graph.assets
        if reached and asset.id not in {"n0", "n1"} and "n1" not in closure(without(graph, assets=[asset.id]), {"n0"})
    }
    assert set(choke_points(graph, "n0", "n1")) == expected


@given(graphs())
def test_what_if_says_what_is_lost(graph: Graph) -> None:
    changed = without(graph, assets=["n2"])
    lost = closure(graph, {"n0"}).keys() - closure(changed, {"n0"}).keys() - {"n0"}
    found = compare(graph, ["n0"], changed)
    assert set(found.lost) == lost
    assert found.before.observed + found.before.potential - len(lost) == found.after.observed + found.after.potential


@given(graphs(), st.randoms())
def test_the_answer_does_not_depend_on_the_order_of_the_inventory(graph: Graph, chance: object) -> None:
    shuffle = chance.shuffle  # type: ignore[attr-defined]
    assets, edges = list(graph.assets), list(graph.edges)
    shuffle(assets)
    shuffle(edges)
    when = datetime(2026, 1, 1, tzinfo=UTC)
    shuffled = Inventory(taken_at=when, assets=tuple(assets), edges=tuple(edges))
    for ends in ((None, None), ("n0", None), (None, "n1"), ("n0", "n1")):
        assert answer(graph, *ends) == answer(shuffled, *ends)
