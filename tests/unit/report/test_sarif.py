"""SARIF: valid against the published schema whatever stands in the inventory, and never clean when incomplete."""

import json
import re
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft4Validator, FormatChecker

from bartizan.model.errors import Place
from bartizan.model.finding import Finding, Severity
from bartizan.model.inventory import Inventory
from bartizan.report import sarif
from fixtures.corpora import corpus

Poisoned = Callable[[str], tuple[Inventory, list[Finding]]]


@pytest.fixture(scope="module")
def validator() -> Draft4Validator:
    """Of the schema that OASIS publishes, formats of URIs and times included."""
    schema = json.loads(corpus("schemas", "sarif", "sarif-schema-2.1.0.json").read_text(encoding="utf-8"))
    return Draft4Validator(schema, format_checker=FormatChecker(["uri-reference", "uri", "date-time"]))


def a_log(inventory: Inventory, findings: list[Finding]) -> Any:
    return json.loads(sarif.render(inventory, findings))


def a_run(inventory: Inventory, findings: list[Finding]) -> Any:
    (run,) = a_log(inventory, findings)["runs"]
    return run


def notes(run: Any) -> list[str]:
    (invocation,) = run["invocations"]
    return [note["message"]["text"] for note in invocation["toolExecutionNotifications"]]


@pytest.mark.mission("X3")
def test_a_log_is_valid(
    validator: Draft4Validator, inventory: Inventory, empty: Inventory, findings: list[Finding]
) -> None:
    for log in (a_log(inventory, findings), a_log(empty, []), a_log(Inventory(taken_at=empty.taken_at), [])):
        assert [error.message for error in validator.iter_errors(log)] == []


def test_hostile_text_leaves_it_valid(validator: Draft4Validator, poisoned: Poisoned, hostile: str) -> None:
    for text in (hostile, "", "9" * 3000, "[a](http://evil.example)", "security", "//", "C:\\x", "{0}"):
        assert [error.message for error in validator.iter_errors(a_log(*poisoned(text)))] == []


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text(st.characters(exclude_categories=[]), max_size=30))
def test_any_text_leaves_it_valid(validator: Draft4Validator, poisoned: Poisoned, text: str) -> None:
    assert validator.is_valid(a_log(*poisoned(text)))


def test_the_validator_would_notice_a_bad_uri_a_bad_level_and_a_line_zero(
    validator: Draft4Validator, inventory: Inventory, findings: list[Finding]
) -> None:
    for spoil in (
        {"locations": [{"physicalLocation": {"artifactLocation": {"uri": "file:///a b"}}}]},
        {"locations": [{"physicalLocation": {"artifactLocation": {"uri": "a"}, "region": {"startLine": 0}}}]},
        {"level": "high"},
    ):
        log = a_log(inventory, findings)
        log["runs"][0]["results"][0] |= spoil
        assert not validator.is_valid(log)


def test_a_finding_is_a_result_in_its_file_with_a_fingerprint_that_lasts(
    inventory: Inventory, findings: list[Finding]
) -> None:
    first, _, last = a_run(inventory, findings)["results"]
    assert (first["ruleId"], first["level"]) == ("secret_in_configuration", "error")
    assert first["message"]["text"] == "github-pat GITHUB_TOKEN stands in clear text"
    assert first["partialFingerprints"] == {"bartizan/v1": findings[0].id}
    assert first["properties"]["tags"] == ["owasp-mcp.mcp01", "cwe.798"]
    assert (first["properties"]["security-severity"], first["properties"]["confidence"]) == ("8.0", "high")
    (where,) = first["locations"]
    assert where["physicalLocation"] == {
        "artifactLocation": {"uri": "file:///home/ada/.cursor/mcp.json"},
        "region": {"startLine": 12},
    }
    assert last["locations"][0]["physicalLocation"]["region"] == {"startLine": 3, "startColumn": 7}


def test_a_finding_at_an_address_stands_where_its_server_is_configured(
    inventory: Inventory, findings: list[Finding]
) -> None:
    (where,) = a_run(inventory, findings)["results"][1]["locations"]
    assert where["physicalLocation"]["artifactLocation"] == {"uri": "file:///home/ada/.cursor/mcp.json"}
    assert where["physicalLocation"]["region"] == {"startLine": 20}
    assert where["logicalLocations"] == [{"name": "weather", "kind": "server", "fullyQualifiedName": "server:2222"}]


def test_a_tool_stands_where_its_server_is_configured(inventory: Inventory, findings: list[Finding]) -> None:
    on_tool = msgspec.structs.replace(findings[1], subject="tool:1", place=None)
    (where,) = a_run(inventory, [on_tool])["results"][0]["locations"]
    assert where["physicalLocation"]["region"] == {"startLine": 12}
    assert [one.get("name") for one in where["logicalLocations"]] == ["create_issue", None]
    assert where["logicalLocations"][1] == {"fullyQualifiedName": "/mcpServers/github", "kind": "property"}


@pytest.mark.parametrize(
    ("subject", "name", "kind"),
    [("server:3333", "notes", "server"), ("", "workbench", "host"), ("server:gone", "server:gone", "asset")],
)
def test_without_a_file_there_is_the_name_of_the_thing_and_no_made_up_file(
    inventory: Inventory, findings: list[Finding], subject: str, name: str, kind: str
) -> None:
    bare = msgspec.structs.replace(findings[0], subject=subject, place=Place(pid=4242))
    (where,) = a_run(inventory, [bare])["results"][0]["locations"]
    assert list(where) == ["logicalLocations"]
    assert (where["logicalLocations"][0]["name"], where["logicalLocations"][0]["kind"]) == (name, kind)


@pytest.mark.parametrize(
    ("severity", "level", "score"),
    [
        (Severity.CRITICAL, "error", "9.5"),
        (Severity.HIGH, "error", "8.0"),
        (Severity.MEDIUM, "warning", "5.5"),
        (Severity.LOW, "note", "3.0"),
        (Severity.INFORMATIONAL, "note", "0.0"),
    ],
)
def test_severities_become_levels_and_scores(
    inventory: Inventory, findings: list[Finding], severity: Severity, level: str, score: str
) -> None:
    run = a_run(inventory, [msgspec.structs.replace(findings[0], severity=severity)])
    assert (run["results"][0]["level"], run["results"][0]["properties"]["security-severity"]) == (level, score)
    (rule,) = run["tool"]["driver"]["rules"]
    assert (rule["defaultConfiguration"]["level"], rule["properties"]["security-severity"]) == (level, score)


def test_each_rule_that_found_something_stands_once_with_its_remedy(
    inventory: Inventory, findings: list[Finding]
) -> None:
    worse = msgspec.structs.replace(findings[1], severity=Severity.CRITICAL)
    first = msgspec.structs.replace(findings[0], remedy=f"{findings[0].remedy}\n")
    run = a_run(inventory, [first, *findings[1:], worse])
    rules = run["tool"]["driver"]["rules"]
    assert [rule["id"] for rule in rules] == ["broken_configuration", "plain_http", "secret_in_configuration"]
    assert [rules[result["ruleIndex"]]["id"] for result in run["results"]] == [r["ruleId"] for r in run["results"]]
    assert rules[1]["properties"]["security-severity"] == "9.5"
    assert rules[2]["help"]["text"] == "Move the value into a vault, then rotate it."
    assert rules[2]["properties"]["tags"] == ["security", "owasp-mcp.mcp01", "cwe.798", "external/cwe/cwe-798"]


@pytest.mark.mission("X2")
def test_an_incomplete_scan_is_no_successful_execution_and_says_what_is_missing(
    inventory: Inventory, complete: Inventory
) -> None:
    run = a_run(inventory, [])
    (invocation,) = run["invocations"]
    assert invocation["executionSuccessful"] is False
    assert notes(run) == [
        "Not looked at: tools, skipped: the server wants a token",
        "Not looked at: start, skipped: starting it was not consented to",
        "Not looked at: configuration (/home/bob/.cursor/mcp.json), failed: permission denied",
    ]
    levels = [note["level"] for note in invocation["toolExecutionNotifications"]]
    assert levels == ["warning", "warning", "error"]
    whole = a_run(complete, [])
    assert whole["invocations"][0]["executionSuccessful"] is True
    assert notes(whole) == []


def test_a_record_of_no_looks_at_all_is_no_success(inventory: Inventory) -> None:
    run = a_run(msgspec.structs.replace(inventory, looks=()), [])
    assert run["invocations"][0]["executionSuccessful"] is False
    assert notes(run) == ["Not looked at: no record says that anything was looked at"]


def test_a_server_that_nobody_asked_is_named(inventory: Inventory) -> None:
    silent = msgspec.structs.replace(inventory, looks=inventory.looks[:2], snapshots=())
    invocation = a_run(silent, [])["invocations"][0]
    named = [note["locations"][0]["logicalLocations"][0]["name"] for note in invocation["toolExecutionNotifications"]]
    assert named == ["github", "weather", "notes"]


def test_text_of_an_attacker_makes_no_link_and_hides_nothing(poisoned: Poisoned, hostile: str) -> None:
    text = sarif.render(*poisoned(f"[click](http://evil.example) {hostile}"))
    messages = re.findall(r'"text": "(.*)"', text)
    assert len(messages) > 10
    assert not [message for message in messages if "](" in message]
    assert text.isascii()
    assert not any(escape in text for escape in ("\\u202e", "\\u200b", "\\u001b", "\\udb40", "\\udc80"))


def test_equal_input_gives_equal_bytes(inventory: Inventory, findings: list[Finding]) -> None:
    assert sarif.render(inventory, findings) == sarif.render(inventory, list(findings))
    assert a_run(inventory, [])["invocations"][0]["endTimeUtc"] == "2026-11-20T09:30:00Z"
