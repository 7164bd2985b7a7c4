"""How bad a sight is follows from who can use it."""

from datetime import UTC, datetime
from typing import Any

import pytest

from bartizan.app.content import load_checks
from bartizan.model.asset import Asset, AssetKind, Confidence
from bartizan.model.finding import Finding, Severity
from bartizan.model.inventory import Inventory
from bartizan.rules.check import run

CHECKS = {check.rule.name: check for check in load_checks()}


def judge(rule: str, kind: AssetKind = AssetKind.SERVER, **attributes: Any) -> list[Finding]:
    asset = Asset(id="server:a", kind=kind, name="a", attributes=attributes)
    return run([CHECKS[rule]], Inventory(taken_at=datetime(2026, 1, 1, tzinfo=UTC), assets=(asset,)))


def severity(rule: str, kind: AssetKind = AssetKind.SERVER, **attributes: Any) -> Severity:
    (found,) = judge(rule, kind, **attributes)
    return found.severity


@pytest.mark.parametrize(
    ("url", "exposure", "expected"),
    [
        ("http://127.0.0.1:8000/mcp", ["accepts_foreign_origin"], Severity.HIGH),
        ("http://10.0.0.7/mcp", ["accepts_foreign_origin"], Severity.HIGH),
        ("https://mcp.example.com/mcp", ["accepts_foreign_origin"], Severity.MEDIUM),
        ("http://127.0.0.1:8000/mcp", ["accepts_foreign_origin", "checks_host"], Severity.LOW),
    ],
)
def test_a_foreign_origin_is_worst_where_only_rebinding_leads(url, exposure, expected):
    assert severity("accepts_foreign_origin", url=url, exposure=exposure) is expected


@pytest.mark.parametrize(
    ("url", "status", "exposure", "expected"),
    [
        ("http://127.0.0.1:8000/mcp", "open", ["cors_any_origin"], Severity.HIGH),
        ("https://mcp.example.com/mcp", "open", ["cors_any_origin"], Severity.LOW),
        ("https://mcp.example.com/mcp", "authentication_required", ["cors_any_origin"], Severity.INFORMATIONAL),
        ("http://10.0.0.7/mcp", "authentication_required", ["cors_reflects_origin"], Severity.LOW),
    ],
)
def test_an_open_cors_header_is_worst_where_no_credential_is_asked(url, status, exposure, expected):
    assert severity("cors_open_to_any_site", url=url, status=status, exposure=exposure) is expected


def test_a_name_that_begins_like_loopback_is_judged_as_the_network_that_it_is():
    found = severity(
        "endpoint_without_authentication", AssetKind.INSTANCE, url="http://127.0.0.1.example.net/mcp", status="open"
    )
    assert found is Severity.HIGH


def package(name: str, version: str = "") -> dict[str, Any]:
    return {"ecosystem": "npm", "name": name, "version": version, "runner": "npx"}


def test_a_package_that_attacks_is_worse_than_one_with_a_fault():
    assert severity("known_vulnerable_package", package=package("postmark-mcp", "1.0.17")) is Severity.CRITICAL
    assert severity("known_vulnerable_package", package=package("mcp-remote", "0.1.15")) is Severity.HIGH


def test_a_malicious_package_without_a_version_is_reported_less_surely():
    (found,) = judge("known_vulnerable_package", package=package("postmark-mcp"))
    assert (found.severity, found.confidence) == (Severity.CRITICAL, Confidence.MEDIUM)


def test_a_commit_is_better_than_a_branch():
    source = "git+https://github.com/ada/server"
    assert severity("launch_fetches_code", command=["uvx", "--from", source, "server"]) is Severity.MEDIUM
    assert severity("launch_fetches_code", command=["uvx", "--from", f"{source}@{'0a1b' * 10}", "x"]) is Severity.LOW


def test_what_a_shell_downloads_is_worst_where_it_runs_at_once():
    url = "https://example.com/x"
    assert severity("launch_through_shell", command=["sh", "-c", f"curl {url} | sh"]) is Severity.HIGH
    assert severity("launch_through_shell", command=["sh", "-c", f"curl -O {url}; node x"]) is Severity.MEDIUM


@pytest.mark.parametrize("hostile", [None, 7, "", [], {}, [None, {"a": []}], "‹" * 5_000, "x" * 100_000, "\ud800"])
@pytest.mark.parametrize("rule", sorted(CHECKS))
def test_attributes_of_any_shape_end_no_check(rule, hostile):
    kind = CHECKS[rule].rule.check.judges or AssetKind.SERVER
    names = ("url", "command", "exposure", "transport", "protocol_version", "listening", "shadow", "status")
    judge(rule, kind, **dict.fromkeys(names, hostile), package=hostile)
    judge(rule, kind, package=dict.fromkeys(("ecosystem", "name", "version", "runner", "purl"), hostile))
