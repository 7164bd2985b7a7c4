"""Snapshots as assets."""

from datetime import UTC, datetime

from bartizan.discover.definitions import read_definitions
from bartizan.model.asset import AssetKind
from bartizan.model.digest import digest
from bartizan.model.snapshot import Era, Snapshot, Transport

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


def snapshot(**more: object) -> Snapshot:
    return Snapshot(
        server="server:a",
        taken_at=NOON,
        transport=Transport.STDIO,
        era=Era.MODERN,
        protocol_version="2026-07-28",
        **more,  # type: ignore[arg-type]
    )


def test_a_tool_is_an_asset_whose_hash_covers_its_whole_definition():
    tool = {
        "name": "read",
        "description": "Reads.",
        "inputSchema": {"type": "object"},
        "annotations": {"readOnlyHint": True},
    }
    (observation,) = read_definitions([snapshot(tools=(tool,))])
    (found,) = [asset for asset in observation.assets if asset.kind is AssetKind.TOOL]
    assert found.name == "read"
    assert found.attributes["definition_sha256"] == digest(tool)
    assert found.attributes["annotations"] == {"readOnlyHint": True}
    changed = {**tool, "annotations": {"readOnlyHint": False}}
    (again,) = read_definitions([snapshot(tools=(changed,))])
    assert again.assets[1].id == found.id
    assert again.assets[1].attributes["definition_sha256"] != found.attributes["definition_sha256"]


def test_the_order_of_keys_does_not_change_a_hash():
    assert digest({"a": 1, "b": [2]}) == digest({"b": [2], "a": 1})


def test_two_tools_of_one_name_are_two_assets():
    (observation,) = read_definitions([snapshot(tools=({"name": "x"}, {"name": "x"}, {"name": 7}, "garbage", None))])
    identities = [asset.id for asset in observation.assets if asset.kind is AssetKind.TOOL]
    assert len(identities) == len(set(identities)) == 5


def test_no_tool_hides_behind_the_number_of_another():
    (observation,) = read_definitions([snapshot(tools=({"name": "a#2"}, {"name": "a"}, {"name": "a"}, {"name": None}))])
    assert len({asset.id for asset in observation.assets if asset.kind is AssetKind.TOOL}) == 4
