"""Which registered server one that was found is taken for."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bartizan.discover.registry import Registered, host_pattern, mark_registry, read_registered
from bartizan.model.asset import Asset, AssetKind, Edge, EdgeKind
from bartizan.model.inventory import Inventory

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
ACME = Registered(name="com.acme/weather", packages=(("npm", "@acme/weather"),), remotes=("https://mcp.acme.com/mcp",))
TENANTS = Registered(name="com.many/notes", remotes=("https://{tenant}.many.example/mcp",))
HOSTED = [Registered(name=f"io.github.{one}/{one}", remotes=(f"https://host.example/{one}",)) for one in ("ann", "bob")]
ENTRY = {
    "name": "com.acme/weather",
    "version": "1.0.0",
    "packages": [{"registryType": "npm", "identifier": "@Acme/Weather", "version": "1.0.0"}],
    "remotes": [{"type": "streamable-http", "url": "https://mcp.acme.com/mcp"}],
}


def known(called: str = "", own: str = "", **attributes: Any) -> tuple[str, str]:
    """The registered name, and how it was found, of one server."""
    if own:
        attributes["self_reported"] = {"name": own}
    server = Asset(id="server:a", kind=AssetKind.SERVER, name="a", attributes=attributes)
    client = Asset(id="client:a", kind=AssetKind.CLIENT, name="c")
    edge = Edge(source="client:a", target="server:a", kind=EdgeKind.CONFIGURES, attributes={"name": called})
    inventory = Inventory(taken_at=NOON, assets=(client, server), edges=(edge,))
    told = mark_registry(inventory, [ACME, TENANTS, *HOSTED]).by_id()["server:a"].attributes["registry"]
    return told["name"], told["by"]


def test_a_server_is_known_by_its_address_and_by_its_package_whatever_its_name():
    assert known("w", url="https://mcp.acme.com/mcp") == ("com.acme/weather", "remote")
    assert known("w", package={"ecosystem": "npm", "name": "@acme/weather"}) == ("com.acme/weather", "package")
    assert known("w", url="https://eu.many.example/mcp") == ("com.many/notes", "remote")


def test_of_several_at_one_host_the_one_of_the_name_is_taken():
    assert known("bob", url="https://host.example/bob") == ("io.github.bob/bob", "remote")


@pytest.mark.mission("P4")
def test_a_whole_name_is_a_claim_and_its_last_part_a_hint():
    assert known("com.acme/weather", url="https://evil.example/mcp") == ("com.acme/weather", "name")
    assert known("x", own="com.acme/weather", url="https://evil.example/mcp") == ("com.acme/weather", "name")
    assert known("weather", url="https://evil.example/mcp") == ("com.acme/weather", "short_name")


@pytest.mark.mission("P4")
def test_what_it_does_not_have_has_an_empty_name():
    assert known("calendar", url="https://cal.example/mcp") == ("", "")
    assert known("calendar", package={"ecosystem": "npm", "name": "calendar"}) == ("", "")
    assert known("calendar", package={"ecosystem": "pypi", "name": "@acme/weather"}) == ("", "")


@pytest.mark.parametrize(
    "document",
    [
        ENTRY,
        [ENTRY],
        {"servers": [{"server": ENTRY, "_meta": {}}]},
        {"servers": [ENTRY]},
        {**ENTRY, "packages": [{"registry_type": "npm", "identifier": "@acme/weather"}]},
    ],
)
def test_every_published_form_is_read(document: Any):
    assert read_registered([document]) == [ACME]


def test_versions_of_one_server_are_one_with_all_their_addresses():
    newer = {**ENTRY, "remotes": [{"url": "https://v2.acme.com/mcp"}]}
    (one,) = read_registered([ENTRY, newer])
    assert one.remotes == ("https://mcp.acme.com/mcp", "https://v2.acme.com/mcp")


def test_images_lose_their_tag_and_variables_become_stars():
    image = {"name": "a/b", "packages": [{"registryType": "oci", "identifier": "docker.io/acme/weather:1.0"}]}
    assert read_registered([image])[0].packages == (("oci", "acme/weather"),)
    assert host_pattern("https://{region}.x.example:8443/{path}") == "*.x.example"


JSON = st.recursive(st.none() | st.integers() | st.text(max_size=8), lambda inner: st.lists(inner, max_size=3))
KEYS = st.sampled_from(["servers", "server", "name", "packages", "remotes", "identifier", "registryType", "url"])


@given(st.dictionaries(KEYS, JSON | st.dictionaries(KEYS, JSON)))
def test_documents_of_any_shape_end_nothing(document: dict[str, Any]):
    read_registered([document])
