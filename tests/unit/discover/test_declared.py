"""Which servers can be reached from beyond their declared network."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest

from bartizan.app.config import parse_config
from bartizan.discover.declared import mark_beyond
from bartizan.model.asset import Asset, AssetKind, Edge, EdgeKind
from bartizan.model.errors import ContentError
from bartizan.model.inventory import Inventory

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
LOCAL: dict[str, Any] = {"configured": True, "command": ["weather"]}


def beyond(*declared: str, listening: str = "", own: tuple[str, ...] = (), **attributes: Any) -> list[str] | None:
    """The addresses beyond of one server, whose process listens at an address."""
    server = Asset(id="server:a", kind=AssetKind.SERVER, name="a", attributes=attributes)
    sockets = [{"address": listening, "port": 8000}] if listening else []
    process = Asset(id="instance:a", kind=AssetKind.INSTANCE, name="a", attributes={"listening": sockets})
    edge = Edge(source="server:a", target="instance:a", kind=EdgeKind.INSTANCE_OF)
    inventory = Inventory(taken_at=NOON, assets=(process, server), edges=(edge,))
    marked = mark_beyond(inventory, declared, frozenset(own)).by_id()["server:a"].attributes
    return marked["beyond_network"]["addresses"] if "beyond_network" in marked else None


@pytest.mark.mission("M10")
def test_an_address_outside_of_the_declared_network_is_beyond():
    assert beyond("10.0.0.0/8", listening="192.0.2.7") == ["192.0.2.7:8000"]
    assert beyond("10.0.0.0/8", listening="10.1.2.3") is None
    assert beyond("10.0.0.0/8", listening="127.0.0.1") is None
    assert beyond("10.0.0.0/8", listening="2001:db8::1") == ["[2001:db8::1]:8000"]


@pytest.mark.mission("M10")
def test_a_socket_of_all_addresses_serves_those_of_this_machine():
    assert beyond("10.0.0.0/8", listening="0.0.0.0", own=("10.1.2.3", "fe80::1")) is None
    assert beyond("10.0.0.0/8", listening="0.0.0.0", own=("10.1.2.3", "192.0.2.7")) == ["0.0.0.0:8000"]
    assert beyond("10.0.0.0/8", listening="::") == ["[::]:8000"]


@pytest.mark.mission("M10")
def test_an_endpoint_that_answered_on_the_network_counts_and_one_that_is_only_configured_does_not():
    assert beyond("10.0.0.0/8", url="http://192.0.2.7:9000/mcp", status="open") == ["192.0.2.7:9000"]
    assert beyond("10.0.0.0/8", url="https://192.0.2.7/mcp", configured=True) is None


@pytest.mark.mission("M10")
def test_without_a_declaration_a_local_server_is_held_to_loopback_and_no_other_is():
    assert beyond(listening="0.0.0.0", **LOCAL) == ["0.0.0.0:8000"]
    assert beyond(listening="192.0.2.7", configured=True, url="http://localhost:8000/mcp") == ["192.0.2.7:8000"]
    assert beyond(listening="127.0.0.1", **LOCAL) is None
    assert beyond(listening="0.0.0.0") is None
    assert beyond(listening="0.0.0.0", configured=True, url="http://10.0.0.1:8000/mcp") is None


@pytest.mark.parametrize("address", ["", "localhost", "‹token›", "1.2.3.4.5", "fe80::1%eth0"])
def test_what_is_no_address_ends_nothing(address):
    beyond("10.0.0.0/8", listening=address)


def test_a_declaration_that_is_no_network_is_a_mistake_with_its_line():
    with pytest.raises(ContentError, match=r"'office' is no address and no CIDR"):
        parse_config("network:\n  declared: [office]\n", "bartizan.yml")


def test_a_socket_that_really_listens_is_seen_beyond():
    """The address of a real socket, as the process table writes it."""

    async def go() -> str:
        async with await asyncio.start_server(lambda *_: None, "0.0.0.0", 0) as server:
            return str(server.sockets[0].getsockname()[0])

    assert beyond(listening=asyncio.run(go()), **LOCAL) == ["0.0.0.0:8000"]
