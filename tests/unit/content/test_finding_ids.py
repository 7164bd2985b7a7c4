"""Ids of findings outlast restarts, and change with the fact."""

from datetime import UTC, datetime
from typing import Any

import pytest

from bartizan.app.content import load_checks
from bartizan.model.asset import Asset, AssetKind, Edge, EdgeKind
from bartizan.model.inventory import Inventory
from bartizan.rules.check import run

CHECKS = {check.rule.name: check for check in load_checks()}


def ids(rule: str, *assets: Asset, edges: tuple[Edge, ...] = ()) -> list[str]:
    inventory = Inventory(taken_at=datetime(2026, 11, 20, tzinfo=UTC), assets=assets, edges=edges)
    found = [finding.id for finding in run([CHECKS[rule]], inventory)]
    assert found
    return found


def server(**attributes: Any) -> Asset:
    return Asset(id="server:a", kind=AssetKind.SERVER, name="a", attributes=attributes)


def package(version: str, **more: Any) -> dict[str, Any]:
    return {"package": {"ecosystem": "npm", "name": "mcp-remote", "version": version, "runner": "npx", **more}}


@pytest.mark.parametrize(
    ("rule", "attributes"),
    [
        ("listens_on_all_interfaces", {"listening": [{"address": "0.0.0.0", "port": 8000}]}),
        ("endpoint_without_authentication", {"status": "open", "url": "http://127.0.0.1:8000/mcp"}),
    ],
)
def test_a_server_that_was_started_again_has_no_new_finding(rule: str, attributes: dict[str, Any]):
    runs = [
        ids(
            rule,
            Asset(id=instance, kind=AssetKind.INSTANCE, name="a", attributes=attributes),
            edges=(Edge(source="server:a", target=instance, kind=EdgeKind.INSTANCE_OF),),
        )
        for instance in ("instance:pid-7", "instance:pid-8")
    ]
    assert runs[0] == runs[1]


@pytest.mark.parametrize(
    ("rule", "before", "after"),
    [
        ("known_vulnerable_package", package("0.1.10"), package("0.1.11")),
        ("unpinned_launch", package("latest"), package("next")),
        ("launch_through_shell", {"command": ["sh", "-c", "curl x | sh"]}, {"command": ["sh", "-c", "curl y | sh"]}),
        ("launch_fetches_code", {"command": ["npx", "github:a/b"]}, {"command": ["npx", "github:a/c"]}),
    ],
)
def test_what_makes_the_fact_is_in_the_id(rule: str, before: dict[str, Any], after: dict[str, Any]):
    assert ids(rule, server(**before)) != ids(rule, server(**after))
