"""What a credential unlocks, and who is a shadow."""

from datetime import UTC, datetime

import pytest

from bartizan.discover.reach import BACKENDS, mark_shadows, read_reach
from bartizan.model.asset import Asset, AssetKind, EdgeKind
from bartizan.model.inventory import Inventory
from bartizan.text.secret_formats import FORMATS

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


def estate(*assets: Asset) -> Inventory:
    return Inventory(taken_at=NOON, assets=assets)


@pytest.mark.mission("R3", "R4")
def test_a_github_token_unlocks_github_and_a_password_in_a_url_its_database():
    observation = read_reach(
        estate(
            Asset(id="credential:1", kind=AssetKind.CREDENTIAL, name="T", attributes={"kind": "github-token"}),
            Asset(
                id="credential:2",
                kind=AssetKind.CREDENTIAL,
                name="url",
                attributes={"kind": "url-password", "backend": "postgresql://db:5432"},
            ),
            Asset(id="credential:3", kind=AssetKind.CREDENTIAL, name="T", attributes={"kind": "generic"}),
        )
    )
    assert {asset.name: asset.attributes["role"] for asset in observation.assets} == {
        "GitHub": "service",
        "postgresql://db:5432": "database",
    }
    assert [(edge.source, edge.kind) for edge in observation.edges] == [
        ("credential:1", EdgeKind.UNLOCKS),
        ("credential:2", EdgeKind.UNLOCKS),
    ]


def test_every_kind_with_a_backend_is_a_kind_that_is_found():
    assert set(BACKENDS) <= set(FORMATS)


def shadow(record: list[str] | None, **attributes: object) -> list[str]:
    server = Asset(id="server:a", kind=AssetKind.SERVER, name="a", attributes=attributes)
    return mark_shadows(estate(server), record).assets[0].attributes["shadow"]


@pytest.mark.mission("P1", "D10")
def test_without_a_configuration_of_record_a_configured_server_is_no_shadow():
    assert shadow(None, configured=True) == []
    assert len(shadow(None)) == 1


@pytest.mark.mission("P1", "D10")
def test_with_one_a_server_must_be_named_in_it_and_stand_behind_the_gateway():
    assert shadow(["server:a"], configured=True, behind_gateway=True) == []
    assert len(shadow(["server:a"], configured=True)) == 1
    assert len(shadow([], configured=True)) == 2
