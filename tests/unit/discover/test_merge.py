"""Many collectors, one estate."""

from datetime import UTC, datetime, timedelta
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bartizan.discover.merge import merge
from bartizan.model.asset import Asset, AssetKind, Basis, Confidence, Edge, EdgeKind
from bartizan.model.coverage import Look, Outcome
from bartizan.model.errors import Place
from bartizan.model.inventory import Observation

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


def server(identity: str, *keys: str, **attributes: object) -> Asset:
    return Asset(id=identity, kind=AssetKind.SERVER, name=identity, keys=keys, attributes=attributes)


def instance(identity: str, *keys: str, **attributes: object) -> Asset:
    return Asset(id=identity, kind=AssetKind.INSTANCE, name=identity, keys=keys, attributes=attributes)


def saw(who: str, *assets: Asset, edges: tuple[Edge, ...] = (), minutes: int = 0) -> Observation:
    return Observation(seen_by=who, at=NOON + timedelta(minutes=minutes), assets=assets, edges=edges)


def of(source: str, target: str, **more: object) -> Edge:
    return Edge(source=source, target=target, kind=EdgeKind.INSTANCE_OF, **more)  # type: ignore[arg-type]


def test_a_server_seen_in_a_configuration_and_as_a_process_is_one_server():
    merged = merge(
        [
            saw("configuration", server("server:a", "launch:1", configured=True, enabled=False)),
            saw("processes", server("server:b", "launch:1", enabled=True), minutes=5),
        ],
        at=NOON,
    )
    (one,) = merged.inventory.assets
    assert one.id == "server:a"
    assert one.seen_by == ("configuration", "processes")
    assert (one.first_seen, one.last_seen) == (NOON, NOON + timedelta(minutes=5))
    assert one.attributes == {"configured": True, "enabled": True}
    assert merged.names == {"server:a": "server:a", "server:b": "server:a"}


def test_a_url_a_process_and_a_port_are_one_server_with_one_instance():
    configured = server("server:url", "url:http://127.0.0.1:8000/mcp", url="http://127.0.0.1:8000/mcp", configured=True)
    process = instance("instance:pid", "pid:7@1", pid=7, listening=[{"address": "127.0.0.1", "port": 8000}])
    started = server("server:launch", "launch:1")
    answered = server("server:url", "url:http://127.0.0.1:8000/mcp", url="http://127.0.0.1:8000/mcp")
    endpoint = instance("instance:endpoint", "listen:8000", url="http://127.0.0.1:8000/mcp", status="open")
    merged = merge(
        [
            saw("configuration", configured),
            saw("processes", started, process, edges=(of("server:launch", "instance:pid"),)),
            saw("network", answered, endpoint, edges=(of("server:url", "instance:endpoint"),)),
        ],
        at=NOON,
    )
    kinds = [asset.kind for asset in merged.inventory.assets]
    assert kinds == [AssetKind.SERVER, AssetKind.INSTANCE]
    one = merged.inventory.assets[1].attributes
    assert (one["pid"], one["status"]) == (7, "open")
    assert len(merged.inventory.edges) == 1


def test_two_servers_behind_one_port_stay_two():
    merged = merge(
        [
            saw(
                "configuration",
                server("server:x", url="http://127.0.0.1:8000/x"),
                server("server:y", url="http://127.0.0.1:8000/y"),
            ),
            saw(
                "processes",
                server("server:launch", "launch:1"),
                instance("instance:pid", pid=7, listening=[{"address": "0.0.0.0", "port": 8000}]),
                edges=(of("server:launch", "instance:pid"),),
            ),
        ],
        at=NOON,
    )
    assert len(merged.inventory.of_kind(AssetKind.SERVER)) == 3


def test_a_process_of_this_machine_answers_at_the_machines_own_address_and_not_at_anothers():
    def merged_with(own: frozenset[str]) -> int:
        observations = [
            saw("network", server("server:url", url="http://10.1.2.3:9000/mcp")),
            saw(
                "processes",
                server("server:launch"),
                instance("instance:pid", pid=7, listening=[{"address": "0.0.0.0", "port": 9000}]),
                edges=(of("server:launch", "instance:pid"),),
            ),
        ]
        return len(merge(observations, at=NOON, own_addresses=own).inventory.of_kind(AssetKind.SERVER))

    assert merged_with(frozenset({"10.1.2.3"})) == 1
    assert merged_with(frozenset({"10.9.9.9"})) == 2


@pytest.mark.parametrize(
    ("bound", "joined"),
    [
        ([("server:ten", "127.0.0.10"), ("server:eleven", "127.0.0.11")], {"server:ten", "server:eleven"}),
        ([("server:ten", "127.0.0.10"), ("server:all", "0.0.0.0")], {"server:ten", "server:all"}),
        ([("server:ten", "127.0.0.10")], {"server:ten"}),
        ([("server:one", "127.0.0.1")], set()),
        ([("server:all", "::")], {"server:all"}),
    ],
)
def test_a_process_is_the_server_only_at_the_addresses_that_it_listens_at(
    bound: list[tuple[str, str]], joined: set[str]
):
    urls = [f"http://127.0.0.{last}:9000/mcp" for last in (10, 11)]
    processes = [
        saw(
            "processes",
            server(name),
            instance(f"instance:{name}", pid=number, listening=[{"address": address, "port": 9000}]),
            edges=(of(name, f"instance:{name}"),),
        )
        for number, (name, address) in enumerate(bound, 1)
    ]
    found = merge([saw("network", *(server(url, f"url:{url}", url=url) for url in urls)), *processes], at=NOON)
    both = {name for name, _ in bound if any(found.names[name] == found.names[url] for url in urls)}
    assert both == joined
    assert found.names[urls[0]] != found.names[urls[1]] or [name for name, _ in bound] == ["server:all"]


def test_a_server_that_one_client_reaches_past_the_gateway_is_not_behind_it():
    merged = merge(
        [
            saw("configuration", server("server:a", behind_gateway=True)),
            saw("configuration", server("server:a", behind_gateway=False)),
        ],
        at=NOON,
    )
    assert merged.inventory.assets[0].attributes["behind_gateway"] is False


def test_an_edge_seen_in_use_is_observed_though_it_was_only_granted_before():
    assets = (server("server:a"), instance("instance:b"))
    merged = merge(
        [
            saw("configuration", *assets, edges=(of("server:a", "instance:b", confidence=Confidence.LOW),)),
            saw("processes", *assets, edges=(of("server:a", "instance:b", basis=Basis.OBSERVED),), minutes=1),
        ],
        at=NOON,
    )
    (edge,) = merged.inventory.edges
    assert (edge.basis, edge.confidence, edge.seen_by) == (
        Basis.OBSERVED,
        Confidence.HIGH,
        ("configuration", "processes"),
    )


def test_an_edge_to_nothing_is_left_out():
    merged = merge([saw("x", server("server:a"), edges=(of("server:a", "instance:gone"),))], at=NOON)
    assert merged.inventory.edges == ()


def test_a_look_at_a_merged_asset_speaks_of_the_one_that_remains():
    look = Look(subject="server:b", part="start", outcome=Outcome.SKIPPED, reason="no consent")
    merged = merge(
        [
            saw("configuration", server("server:a", "launch:1")),
            Observation(seen_by="probe", at=NOON, assets=(server("server:b", "launch:1"),), looks=(look, look)),
        ],
        at=NOON,
    )
    assert [one.subject for one in merged.inventory.looks] == ["server:a"]


def test_places_of_one_asset_are_kept_in_the_order_of_observation_without_doubles():
    first, second = Place(path="/a", line=1), Place(path="/b", line=2)
    assets = [
        Asset(id="credential:x", kind=AssetKind.CREDENTIAL, name="T", places=places)
        for places in ((first,), (second, first))
    ]
    merged = merge([saw("one", assets[0]), saw("two", assets[1])], at=NOON)
    assert merged.inventory.assets[0].places == (first, second)


KEYS = st.lists(st.sampled_from("abcdef"), max_size=3)


@given(st.lists(st.tuples(st.sampled_from("pqrstu"), KEYS), min_size=1, max_size=4))
def test_the_order_of_observations_changes_neither_assets_nor_their_ids(described: list[tuple[str, list[str]]]):
    observations = [saw("x", server(f"server:{name}", *keys)) for name, keys in described]
    inventories = {
        tuple((asset.id, asset.keys) for asset in merge(order, at=NOON).inventory.assets)
        for order in permutations(observations)
    }
    assert len(inventories) == 1
