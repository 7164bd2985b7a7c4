"""The JSON report: its schema, its order, and hostile text in it."""

import json
import unicodedata
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import jsonschema
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bartizan.model.asset import Asset, AssetKind
from bartizan.model.finding import Finding
from bartizan.model.inventory import Inventory
from bartizan.report.json import dump, render
from bartizan.report.schemas import inventory_schema, map_schema, report_schema

SCHEMAS = Path(__file__).parents[3] / "docs/reference/schemas"
PUBLISHED = [("report", report_schema), ("inventory", inventory_schema), ("map", map_schema)]


@pytest.mark.parametrize(("name", "schema"), PUBLISHED)
def test_the_published_schema_is_the_one_of_the_types(name: str, schema: Callable[[], dict[str, Any]]) -> None:
    published = (SCHEMAS / f"{name}.schema.json").read_text(encoding="utf-8")
    assert json.loads(published) == json.loads(json.dumps(schema())), (
        "write json.dumps(schema(), indent=2) into it, note the change"
    )
    jsonschema.Draft202012Validator.check_schema(schema())


@pytest.mark.mission("X3")
def test_a_report_obeys_its_schema(inventory: Inventory, findings: list[Finding]) -> None:
    document = json.loads(render(inventory, findings))
    jsonschema.Draft202012Validator(report_schema()).validate(document)
    assert document["format"] == "bartizan-report/1"
    assert document["taken_at"] == "2026-11-20T09:30:00Z"
    assert document["summary"]["complete"] is False
    assert document["summary"]["findings"] == {"critical": 0, "high": 1, "medium": 1, "low": 1, "informational": 0}
    assert [finding["severity"] for finding in document["findings"]] == ["high", "medium", "low"]


def test_the_schema_refuses_what_is_no_report(inventory: Inventory, findings: list[Finding]) -> None:
    validator = jsonschema.Draft202012Validator(report_schema())
    for change in ({"format": "bartizan-report/2"}, {"summary": {}}, {"findings": [{"id": "F-1"}]}):
        assert not validator.is_valid(json.loads(render(inventory, findings)) | change)


def test_a_snapshot_file_obeys_the_inventory_schema(inventory: Inventory) -> None:
    jsonschema.Draft202012Validator(inventory_schema()).validate(json.loads(msgspec.json.encode(inventory)))


def test_the_inventory_in_a_report_is_the_inventory(inventory: Inventory, findings: list[Finding]) -> None:
    document = json.loads(render(inventory, findings))
    assert msgspec.convert(document["inventory"], Inventory) == inventory


def test_coverage_has_a_record_for_the_machine_and_for_each_server(inventory: Inventory) -> None:
    coverage = json.loads(render(inventory, []))["coverage"]
    assert [(entry["subject"], entry["name"], entry["complete"]) for entry in coverage] == [
        ("", "", False),
        ("server:1111", "github", True),
        ("server:2222", "weather", False),
        ("server:3333", "notes", False),
    ]


def test_equal_input_gives_equal_bytes_whatever_the_order_of_keys(inventory: Inventory) -> None:
    def turned(asset: Asset) -> Asset:
        return msgspec.structs.replace(asset, attributes=dict(reversed(asset.attributes.items())))

    other = msgspec.structs.replace(inventory, assets=tuple(turned(asset) for asset in inventory.assets))
    assert render(inventory, []) == render(other, [])


def test_hostile_text_stays_inside_its_string(
    poisoned: Callable[[str], tuple[Inventory, list[Finding]]], hostile: str
) -> None:
    text = render(*poisoned(hostile))
    assert text.isascii()
    assert not {character for character in text if unicodedata.category(character) == "Cc"} - {"\n"}
    name = json.loads(text)["inventory"]["assets"][0]["name"]
    assert name == hostile.replace("\udc80", "‹U+DC80›")
    msgspec.json.decode(text)  # a reader stricter than Python's


def test_numbers_beyond_json_are_told_as_text(complete: Inventory) -> None:
    assert json.loads(dump({"score": float("inf"), "half": "\ud800"})) == {"score": "inf", "half": "‹U+D800›"}


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
        max_leaves=40,
    )
)
def test_a_document_is_indented_as_the_standard_library_does(document: Any) -> None:
    assert dump(document) == json.dumps(document, indent=2) + "\n"


def test_nothing_looked_at_is_not_complete() -> None:
    document = json.loads(render(Inventory(taken_at=datetime.fromisoformat("2026-11-20T09:30:00Z")), []))
    assert document["summary"]["complete"] is False
    assert document["coverage"] == [{"subject": "", "name": "", "complete": False, "looks": []}]


def test_a_client_without_servers_is_counted_apart(inventory: Inventory) -> None:
    idle = Asset(id="client:zed", kind=AssetKind.CLIENT, name="Zed")
    summary = json.loads(render(msgspec.structs.replace(inventory, assets=(*inventory.assets, idle)), []))["summary"]
    assert (summary["clients"], summary["clients_with_servers"]) == (3, 2)
