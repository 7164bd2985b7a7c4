"""OCSF: each line an event that the published schema accepts, whatever stands in the inventory; gaps are events too."""

import json
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bartizan.model.asset import Confidence
from bartizan.model.finding import Finding, Severity
from bartizan.model.inventory import Inventory
from bartizan.report import ocsf
from fixtures.corpora import corpus
from fixtures.ocsf import OcsfSchema

Poisoned = Callable[[str], tuple[Inventory, list[Finding]]]
CLASS = "application_security_posture_finding"


@pytest.fixture(scope="module")
def schema() -> OcsfSchema:
    return OcsfSchema(corpus("schemas", "ocsf"))


def events(inventory: Inventory, findings: list[Finding]) -> list[Any]:
    """Each line decoded on its own, as a collector does."""
    return [json.loads(line) for line in ocsf.render(inventory, findings).split("\n")[:-1]]


@pytest.mark.mission("X3")
def test_every_event_is_valid(
    schema: OcsfSchema, inventory: Inventory, empty: Inventory, findings: list[Finding]
) -> None:
    tagged = msgspec.structs.replace(findings[0], tags=("attack.t1552.001", "atlas.aml.t0051", "attack.ta0006"))
    for event in events(inventory, [*findings, tagged]) + events(Inventory(taken_at=empty.taken_at), []):
        assert schema.mistakes(event, CLASS) == []


def test_hostile_text_leaves_every_event_valid(schema: OcsfSchema, poisoned: Poisoned, hostile: str) -> None:
    for text in (hostile, "", "9" * 3000, "\n{}\n", "owasp-mcp."):
        found = events(*poisoned(text))
        assert len(found) >= 4
        assert [mistake for event in found for mistake in schema.mistakes(event, CLASS)] == []


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text(st.characters(exclude_categories=[]), max_size=30))
def test_any_text_leaves_every_event_valid(schema: OcsfSchema, poisoned: Poisoned, text: str) -> None:
    assert [mistake for event in events(*poisoned(text)) for mistake in schema.mistakes(event, CLASS)] == []


@pytest.mark.parametrize(
    ("spoil", "mistake"),
    [
        ({"stray": 1}, "stray is unknown"),
        ({"time": "now"}, "time is no long_t"),
        ({"severity_id": 7}, "severity_id is 7"),
        ({"severity": "high"}, "severity is not High"),
        ({"finding_info": {"title": "x"}}, "finding_info.uid is required"),
        ({"resources": {}}, "resources is no array"),
        ({"resources": [{"type": "server"}]}, "at_least_one"),
        ({"class_uid": 2004}, "class_uid is not 2007"),
        ({"type_uid": 200700}, "type_uid is not 200701"),
        ({"impact_id": 1}, "impact_id is unknown"),
    ],
)
def test_the_validator_would_notice(
    schema: OcsfSchema, inventory: Inventory, findings: list[Finding], spoil: dict[str, Any], mistake: str
) -> None:
    assert mistake in "; ".join(schema.mistakes(events(inventory, findings)[0] | spoil, CLASS))


def test_the_validator_would_notice_that_neither_remedy_nor_application_is_there(
    schema: OcsfSchema, inventory: Inventory, findings: list[Finding]
) -> None:
    event = events(inventory, findings)[0]
    del event["remediation"]
    assert "at_least_one" in "; ".join(schema.mistakes(event, CLASS))


def test_a_finding_is_an_event_with_its_subject_remedy_and_place(inventory: Inventory, findings: list[Finding]) -> None:
    first = events(inventory, findings)[0]
    assert (first["class_uid"], first["type_uid"], first["time"]) == (2007, 200701, 1795167000000)
    assert (first["severity_id"], first["confidence_id"], first["status_id"]) == (4, 3, 1)
    assert first["message"] == "github-pat GITHUB_TOKEN stands in clear text"
    assert first["finding_info"]["uid"] == findings[0].id
    assert first["finding_info"]["types"] == ["owasp-mcp.mcp01"]
    assert first["finding_info"]["analytic"] == {"type_id": 1, "type": "Rule", "uid": "secret_in_configuration"}
    (resource,) = first["resources"]
    assert (resource["uid"], resource["type"]) == (findings[0].subject, "credential")
    assert resource["name"] == "github-pat GITHUB_TOKEN"
    assert first["remediation"] == {"desc": findings[0].remedy}
    assert first["device"]["hostname"] == "workbench"
    assert first["unmapped"] == {
        "place": "/home/ada/.cursor/mcp.json:12",
        "evidence": "hmac-sha256:01234567",
        "tags": ["owasp-mcp.mcp01", "cwe.798"],
    }


@pytest.mark.parametrize(("severity", "number"), [(s, n) for n, s in enumerate(Severity, start=1)])
def test_severities_keep_their_order(
    inventory: Inventory, findings: list[Finding], severity: Severity, number: int
) -> None:
    event = events(inventory, [msgspec.structs.replace(findings[0], severity=severity)])[0]
    assert (event["severity_id"], event["severity"].lower()) == (number, severity)


@pytest.mark.parametrize(("confidence", "number"), [(c, n) for n, c in enumerate(Confidence, start=1)])
def test_confidences_keep_their_order(
    inventory: Inventory, findings: list[Finding], confidence: Confidence, number: int
) -> None:
    event = events(inventory, [msgspec.structs.replace(findings[0], confidence=confidence)])[0]
    assert (event["confidence_id"], event["confidence"].lower()) == (number, confidence)


def test_only_tags_that_are_ids_of_attack_or_atlas_become_attacks(
    inventory: Inventory, findings: list[Finding]
) -> None:
    tags = ("attack.t1552.001", "atlas.aml.t0051", "attack.ta0006", "attack.credential-access", "safe-mcp.t1001")
    event = events(inventory, [msgspec.structs.replace(findings[0], tags=tags)])[0]
    assert event["finding_info"]["attacks"] == [
        {"technique": {"uid": "T1552"}, "sub_technique": {"uid": "T1552.001"}},
        {"technique": {"uid": "AML.T0051"}},
        {"tactic": {"uid": "TA0006"}},
    ]
    assert event["unmapped"]["tags"] == list(tags)


@pytest.mark.mission("X2")
def test_what_was_not_looked_at_is_an_event_and_a_complete_scan_has_none(
    inventory: Inventory, complete: Inventory, findings: list[Finding]
) -> None:
    gaps = events(inventory, findings)[3:]
    assert [gap["message"] for gap in gaps] == [
        "Not looked at: tools, skipped: the server wants a token",
        "Not looked at: start, skipped: starting it was not consented to",
        "Not looked at: configuration (/home/bob/.cursor/mcp.json), failed: permission denied",
    ]
    assert {gap["severity"] for gap in gaps} == {"Informational"}
    assert [gap["resources"][0]["name"] for gap in gaps] == ["weather", "notes", "workbench"]
    assert ocsf.render(complete, []) == ""


def test_a_record_of_no_looks_at_all_is_an_event(inventory: Inventory) -> None:
    (event,) = events(msgspec.structs.replace(inventory, looks=()), [])
    assert event["message"] == "Not looked at: no record says that anything was looked at"


def test_a_gap_keeps_its_uid_while_its_reason_changes(inventory: Inventory) -> None:
    looks = tuple(msgspec.structs.replace(look, reason="another reason") for look in inventory.looks)
    again = events(msgspec.structs.replace(inventory, looks=looks), [])
    uids = [gap["finding_info"]["uid"] for gap in events(inventory, [])]
    assert [gap["finding_info"]["uid"] for gap in again] == uids
    assert len(set(uids)) == len(uids)


def test_an_event_that_is_sent_twice_is_known_as_one_and_another_scan_is_another(
    inventory: Inventory, findings: list[Finding]
) -> None:
    assert ocsf.render(inventory, findings) == ocsf.render(inventory, list(findings))
    uids = [event["metadata"]["uid"] for event in events(inventory, findings)]
    later = msgspec.structs.replace(inventory, taken_at=inventory.taken_at.replace(hour=11))
    assert len(set(uids)) == len(uids)
    assert not set(uids) & {event["metadata"]["uid"] for event in events(later, findings)}


def test_one_event_is_one_line_that_hides_nothing(poisoned: Poisoned, hostile: str) -> None:
    text = ocsf.render(*poisoned(hostile))
    assert text.isascii()
    assert all(json.loads(line)["class_uid"] == 2007 for line in text.splitlines())
    assert not any(escape in text for escape in ("\\u202e", "\\u200b", "\\u001b", "\\udb40", "\\udc80"))
