"""A small estate, told in words, and what the map says of it."""

from datetime import UTC, datetime

import pytest

from bartizan.graph.build import Graph
from bartizan.graph.questions import answer, find_asset
from bartizan.graph.whatif import after_controls, compare
from bartizan.model.asset import Asset, AssetKind, Basis, Edge, EdgeKind
from bartizan.model.errors import UsageError
from bartizan.model.inventory import Inventory
from bartizan.model.limits import Limits

WAYS = """
person:ann operates client:a observed
person:bob operates client:b potential
client:a configures server:git observed
client:b configures server:git potential
client:b configures server:mail potential
server:git exposes tool:push potential
server:git holds credential:token observed
server:mail holds credential:smtp potential
credential:token grants permission:write potential
permission:write on backend:repo potential
credential:smtp unlocks backend:post potential
"""


def estate(ways: str = WAYS, **attributes: dict[str, bool]) -> Inventory:
    edges: list[Edge] = []
    ids: dict[str, None] = {}
    for line in ways.split("\n"):
        if line:
            source, kind, target, basis = line.split()
            edges.append(Edge(source=source, target=target, kind=EdgeKind(kind), basis=Basis(basis)))
            ids |= dict.fromkeys((source, target))
    assets = tuple(
        Asset(id=one, kind=AssetKind(one.split(":")[0]), name=one.split(":")[1], attributes=attributes.get(one[7:], {}))
        for one in ids
    )
    return Inventory(taken_at=datetime(2026, 1, 1, tzinfo=UTC), assets=assets, edges=tuple(edges))


@pytest.mark.mission("R3", "R4")
def test_the_blast_radius_of_a_person_tells_observed_from_potential() -> None:
    found = answer(estate(), "person:ann")
    reached = {node.id: (node.depth, node.basis.value) for node in found.nodes}
    assert reached == {
        "person:ann": (0, "observed"),
        "client:a": (1, "observed"),
        "server:git": (2, "observed"),
        "tool:push": (3, "potential"),
        "credential:token": (3, "observed"),
        "permission:write": (4, "potential"),
        "backend:repo": (5, "potential"),
    }
    assert (found.totals.observed, found.totals.potential) == (3, 3)
    assert (found.totals.observed_score, found.totals.potential_score) == (2 + 5, 1 + 4 + 8)
    assert [path.assets[-1] for path in found.paths] == ["backend:repo", "credential:token", "permission:write"]


@pytest.mark.mission("R5")
def test_the_single_control_that_cuts_most_is_nearest_to_the_source() -> None:
    best = answer(estate(), "person:ann").best_cut
    assert best
    assert (best.control.deed, best.control.link, best.cut, best.reachable) == (
        "remove the server from the client",
        ("client:a", "server:git", EdgeKind.CONFIGURES),
        3,
        3,
    )


@pytest.mark.mission("R4")
def test_exposure_names_everybody_who_could_have_leaked_a_credential() -> None:
    found = answer(estate(), None, "credential:token")
    assert [node.id for node in found.nodes] == [
        "credential:token",
        "server:git",
        "client:a",
        "client:b",
        "person:ann",
        "person:bob",
    ]
    assert [path.assets[0] for path in found.paths] == ["person:ann", "person:bob"]
    assert found.best_cut
    assert found.best_cut.control.asset == "server:git"
    assert not found.best_cut.at_end


def test_between_two_assets_the_ways_the_cuts_and_the_fewest_controls() -> None:
    two = WAYS + "server:mail holds credential:token potential\n"
    found = answer(estate(two), "person:bob", "credential:token")
    assert [path.assets for path in found.paths] == [
        ("person:bob", "client:b", "server:git", "credential:token"),
        ("person:bob", "client:b", "server:mail", "credential:token"),
    ]
    assert [(cut.control.deed, cut.at_end) for cut in found.cuts] == [("revoke the credential", True)]
    assert found.minimum
    assert [control.asset or control.link for control in found.minimum.controls] != []
    assert len(found.minimum.controls) == 2


def test_no_way_is_an_answer_and_not_a_mistake() -> None:
    found = answer(estate(), "person:ann", "credential:smtp")
    assert (found.paths, found.cuts, found.minimum, found.totals.potential) == ((), (), None, 0)
    assert [node.id for node in found.nodes] == ["person:ann"]


def test_the_overview_starts_at_people_and_untrusted_servers() -> None:
    found = answer(estate(mail={"remote": True}))
    assert (found.sources, found.targets) == (3, 5)
    assert found.best_cut
    assert found.best_cut.control.asset == "server:git"
    assert found.best_cut.cut == 3
    assert "tool:push" not in {node.id for node in found.nodes}


def test_applying_the_best_cut_loses_what_it_says() -> None:
    graph = Graph.of(estate())
    best = answer(graph, "person:ann").best_cut
    assert best
    difference = compare(graph, ["person:ann"], after_controls(graph, [best.control]))
    assert set(difference.lost) == {"server:git", "tool:push", "credential:token", "permission:write", "backend:repo"}
    assert difference.after.observed == 1


def test_a_cycle_ends() -> None:
    found = answer(estate(WAYS + "server:git trusts client:a potential\n"), "client:a")
    assert "client:a" not in [node.id for node in found.nodes[1:]]


def test_an_answer_that_hits_a_limit_says_what_it_left_out() -> None:
    found = answer(estate(), "person:ann", limits=Limits(map_nodes_max=3, map_paths_max=1))
    assert (len(found.nodes), found.omitted_nodes) == (3, 4)
    assert (len(found.paths), found.omitted_paths) == (1, 2)
    assert found.totals.potential == 3
    assert {edge.target for edge in found.edges} == {"client:a", "server:git"}


def test_an_edge_to_nowhere_is_kept_apart() -> None:
    graph = Graph.of(estate())
    lost = Edge(source="server:git", target="tool:none", kind=EdgeKind.EXPOSES)
    assert Graph(graph.assets, [*graph.edges, lost]).dangling == (lost,)


def test_an_empty_inventory_gives_an_empty_map() -> None:
    found = answer(Inventory(taken_at=datetime(2026, 1, 1, tzinfo=UTC)))
    assert (found.nodes, found.cuts, found.best_cut) == ((), (), None)


@pytest.mark.parametrize("ends", [("x", None), (None, "x"), ("person:ann", "x")])
def test_an_unknown_asset_is_refused_with_a_remedy(ends: tuple[str | None, str | None]) -> None:
    with pytest.raises(UsageError, match="bartizan discover"):
        answer(estate(), *ends)


def test_an_asset_is_found_by_id_name_or_the_start_of_its_id() -> None:
    inventory = estate()
    assert [find_asset(inventory, text) for text in ("person:ann", "git", "credential:to")] == [
        "person:ann",
        "server:git",
        "credential:token",
    ]
    with pytest.raises(UsageError, match="may mean 2 assets: person:ann, person:bob"):
        find_asset(inventory, "person:")
    with pytest.raises(UsageError, match="no asset is called"):
        find_asset(inventory, "")
