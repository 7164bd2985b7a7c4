"""The AI BOM: strictly valid in both versions, whatever stands in the inventory."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bartizan.model.asset import Asset, AssetKind
from bartizan.model.finding import Finding
from bartizan.model.inventory import Inventory
from bartizan.report import bom, cyclonedx
from bartizan.report.iri import iri

Poisoned = Callable[[str], tuple[Inventory, list[Finding]]]
PAGE = Path(__file__).parents[3] / "docs/reference/bom-properties.md"
VERSIONS = [
    (cyclonedx.render, JsonStrictValidator(SchemaVersion.V1_7)),
    (cyclonedx.render_1_6, JsonStrictValidator(SchemaVersion.V1_6)),
]
both_versions = pytest.mark.parametrize(("render", "validator"), VERSIONS, ids=["1.7", "1.6"])


def a_bom(inventory: Inventory, findings: list[Finding]) -> Any:
    return json.loads(cyclonedx.render(inventory, findings))


def named(parts: list[Any], ref: str) -> Any:
    return next(part for part in parts if part["bom-ref"] == ref)


def properties(part: Any) -> dict[str, str]:
    return {one["name"]: one["value"] for one in part["properties"]}


@both_versions
@pytest.mark.mission("X3", "P7")
def test_a_bom_is_strictly_valid(
    render: Any, validator: JsonStrictValidator, inventory: Inventory, empty: Inventory, findings: list[Finding]
) -> None:
    for text in (render(inventory, findings), render(empty, [])):
        assert validator.validate_str(text) is None


@both_versions
def test_hostile_text_leaves_it_strictly_valid(
    render: Any, validator: JsonStrictValidator, poisoned: Poisoned, hostile: str
) -> None:
    for text in (hostile, "", "9" * 3000, "http://[", "http://a b/%zz?{}#[", "urn:cdx:x", "estate"):
        assert validator.validate_str(render(*poisoned(text))) is None


def test_the_validator_would_notice_a_bad_endpoint_and_a_stray_key(inventory: Inventory) -> None:
    validator = VERSIONS[0][1]
    for spoil in ({"endpoints": ["http://a b/"]}, {"stray": 1}):
        document = a_bom(inventory, [])
        document["services"][0] |= spoil
        assert validator.validate_str(json.dumps(document)) is not None


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text(st.characters(exclude_categories=[]), max_size=30))
def test_any_text_leaves_it_strictly_valid(poisoned: Poisoned, text: str) -> None:
    assert VERSIONS[0][1].validate_str(cyclonedx.render(*poisoned(text))) is None


@settings(deadline=None)
@given(st.text(max_size=40).map("http://".__add__) | st.text(st.sampled_from("http:/[]@?#%zA1 .‹"), max_size=30))
def test_an_endpoint_is_an_iri_or_nothing(url: str) -> None:
    found = iri(url)
    assert found == "" or VERSIONS[0][1].validate_str(_with_endpoint(found)) is None


def _with_endpoint(url: str) -> str:
    service = {"name": "x", "endpoints": [url]}
    return json.dumps({"bomFormat": "CycloneDX", "specVersion": "1.7", "services": [service]})


@pytest.mark.parametrize(
    ("url", "endpoint"),
    [
        (
            "https://Mcp.example:8443/a b?k=‹token x›#f",
            "https://mcp.example:8443/a%20b?k=%E2%80%B9token%20x%E2%80%BA#f",
        ),
        ("http://[::1]:3000/mcp", "http://[::1]:3000/mcp"),
        ("https://x.example/%41%zz", "https://x.example/%41%25zz"),
        ("not a url", ""),
        ("http://[::1", ""),
        ("http://x:99999/", ""),
    ],
)
def test_urls_become_endpoints(url: str, endpoint: str) -> None:
    assert iri(url) == endpoint


def test_equal_input_gives_equal_bytes_and_other_input_another_serial_number(
    inventory: Inventory, findings: list[Finding]
) -> None:
    assert cyclonedx.render(inventory, findings) == cyclonedx.render(inventory, findings)
    assert a_bom(inventory, findings)["serialNumber"] != a_bom(inventory, [])["serialNumber"]
    assert a_bom(inventory, [])["metadata"]["timestamp"] == "2026-11-20T09:30:00Z"


def test_a_server_is_a_service_with_its_tools_below_it(inventory: Inventory) -> None:
    server = named(a_bom(inventory, [])["services"], "server:1111")
    assert properties(server)["bartizan:launch"] == "npx -y @example/server-github@1.2.3"
    assert [tool["name"] for tool in server["services"]] == ["create_issue"]
    assert properties(server["services"][0]) | {} == {
        "bartizan:kind": "tool",
        "bartizan:confidence": "high",
        "bartizan:seenBy": "files",
        "bartizan:definitionSha256": "d" * 64,
        "bartizan:descriptionSha256": "e" * 64,
        "bartizan:inputSchemaSha256": "f" * 64,
    }


def test_a_remote_server_crosses_the_trust_boundary_and_asks_who_calls(inventory: Inventory) -> None:
    server = named(a_bom(inventory, [])["services"], "server:2222")
    assert server["endpoints"] == ["http://weather.example/mcp"]
    assert server["x-trust-boundary"] is True
    assert server["authenticated"] is True
    assert server["data"][0]["destination"] == server["endpoints"]


def test_authentication_that_nobody_saw_is_not_claimed_either_way(inventory: Inventory) -> None:
    assert "authenticated" not in named(a_bom(inventory, [])["services"], "server:1111")


def test_a_package_has_its_purl_and_a_document_its_hash(inventory: Inventory) -> None:
    components = a_bom(inventory, [])["components"]
    package = named(components, "package:1")
    assert (package["type"], package["version"]) == ("library", "1.2.3")
    assert package["purl"] == "pkg:npm/%40example/server-github@1.2.3"
    document = named(components, "document:1")
    assert document["hashes"] == [{"alg": "SHA-256", "content": "b" * 64}]
    assert document["evidence"] == {"occurrences": [{"location": "/home/ada/AGENTS.md"}]}


def test_a_credential_is_a_cryptographic_asset_named_by_its_fingerprint(inventory: Inventory) -> None:
    ref = "credential:hmac-sha256:0123456789abcdef0123456789abcdef"
    credential = named(a_bom(inventory, [])["components"], ref)
    assert credential["type"] == "cryptographic-asset"
    assert credential["cryptoProperties"] == {
        "assetType": "related-crypto-material",
        "relatedCryptoMaterialProperties": {"type": "token"},
    }
    assert properties(credential)["bartizan:fingerprint"] == ref.removeprefix("credential:")
    assert "value" not in json.dumps(credential["cryptoProperties"])


@pytest.mark.parametrize(
    ("kind", "material"),
    [
        ("github-pat", "token"),
        ("private-key", "private-key"),
        ("postgres-password", "password"),
        ("generic", "credential"),
        ("", "credential"),
    ],
)
def test_kinds_of_credential_become_kinds_of_material(kind: str, material: str) -> None:
    part = bom.component(Asset(id="c", kind=AssetKind.CREDENTIAL, name="x", attributes={"kind": kind}))
    assert part["cryptoProperties"]["relatedCryptoMaterialProperties"]["type"] == material


def test_edges_are_dependencies_below_one_root(inventory: Inventory) -> None:
    needs = {one["ref"]: one["dependsOn"] for one in a_bom(inventory, [])["dependencies"]}
    assert needs["client:cursor"] == ["agent:1", "document:1", "model:1", "server:1111", "server:2222"]
    assert "package:1" in needs["server:1111"]
    assert needs["model:1"] == ["backend:1"]
    assert set(needs["estate"]) == {"host:1", "client:claude", "client:cursor", "server:3333"}


def test_every_reference_leads_to_something(poisoned: Poisoned, inventory: Inventory, findings: list[Finding]) -> None:
    for document in (a_bom(inventory, findings), a_bom(*poisoned("nowhere"))):
        refs = _refs(document)
        assert len(refs) == len(set(refs))
        used = [one["ref"] for one in document["dependencies"]]
        used += [ref for one in document["dependencies"] for ref in one["dependsOn"]]
        used += [ref for one in document["compositions"] for ref in one["assemblies"]]
        used += [one["ref"] for finding in document["vulnerabilities"] for one in finding["affects"]]
        used += [ref for one in document["annotations"] for ref in one["subjects"]]
        assert set(used) <= set(refs)


def _refs(value: Any) -> list[str]:
    if isinstance(value, list):
        return [ref for item in value for ref in _refs(item)]
    if isinstance(value, dict):
        own = [value["bom-ref"]] if "bom-ref" in value else []
        return own + [ref for item in value.values() for ref in _refs(item)]
    return []


@pytest.mark.mission("P7", "X3")
def test_findings_are_vulnerabilities_of_what_they_are_about(inventory: Inventory, findings: list[Finding]) -> None:
    first, _, last = a_bom(inventory, findings)["vulnerabilities"]
    assert (first["id"], first["bom-ref"], first["cwes"]) == ("secret_in_configuration", findings[0].id, [798])
    assert first["ratings"][0]["severity"] == "high"
    assert first["affects"] == [{"ref": findings[0].subject}]
    assert last["affects"] == [{"ref": "estate"}]


def test_what_was_not_looked_at_makes_compositions_incomplete(inventory: Inventory, complete: Inventory) -> None:
    document = a_bom(inventory, [])
    assert document["compositions"] == [
        {"aggregate": "complete", "assemblies": ["server:1111"]},
        {"aggregate": "incomplete", "assemblies": ["estate", "server:2222", "server:3333"]},
    ]
    assert {note["text"] for note in document["annotations"]} == {
        "Not looked at: tools, skipped: the server wants a token",
        "Not looked at: start, skipped: starting it was not consented to",
        "Not looked at: configuration (/home/bob/.cursor/mcp.json), failed: permission denied",
    }
    whole = a_bom(complete, [])["compositions"]
    assert whole[0]["aggregate"] == "complete"
    assert "estate" in whole[0]["assemblies"]


def test_a_server_that_nobody_looked_at_is_unknown(inventory: Inventory) -> None:
    silent = msgspec.structs.replace(inventory, looks=inventory.looks[:2], snapshots=())
    (unknown,) = a_bom(silent, [])["compositions"]
    assert unknown["aggregate"] == "unknown"
    assert set(unknown["assemblies"]) >= {"server:1111", "server:2222", "server:3333"}


def test_an_estate_with_unasked_servers_is_not_complete_as_a_whole(inventory: Inventory) -> None:
    silent = msgspec.structs.replace(inventory, looks=inventory.looks[:2], snapshots=())
    aggregates = {one["aggregate"]: one["assemblies"] for one in a_bom(silent, [])["compositions"]}
    assert "estate" in aggregates["unknown"]
    assert "complete" not in aggregates


def test_the_page_of_properties_lists_those_of_the_code_and_no_others() -> None:
    documented = set(re.findall(r"`bartizan:(\w+)`", PAGE.read_text(encoding="utf-8")))
    own = {name for names in bom.PROPERTIES.values() for name in names.values()}
    more = {"launch", "selfReportedName", "selfReportedVersion"}
    assert documented == own | more | {*bom.COMMON, *cyclonedx.FINDING_PROPERTIES, *cyclonedx.ESTATE_PROPERTIES}
