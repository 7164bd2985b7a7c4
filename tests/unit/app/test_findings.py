"""Findings by the beginning of their ids."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from bartizan.adapters.store.sql import SqlStore
from bartizan.app.findings import find_finding
from bartizan.model.asset import Confidence
from bartizan.model.errors import UsageError
from bartizan.model.finding import Finding, Severity
from bartizan.model.inventory import Inventory

NOON = datetime(2026, 7, 1, 12, tzinfo=UTC)


def finding(identity: str) -> Finding:
    return Finding(
        id=identity,
        rule="r",
        title="t",
        subject="server:a",
        severity=Severity.HIGH,
        confidence=Confidence.HIGH,
        message="m",
    )


@pytest.fixture
def store(tmp_path: Path) -> SqlStore:
    store = SqlStore(f"sqlite:///{tmp_path / 'store.db'}")
    store.save(Inventory(taken_at=NOON), [finding("F-abc111"), finding("F-abc222")])
    return store


@pytest.mark.parametrize("text", ["F-abc1", "abc1", " f-ABC111 "])
def test_the_beginning_of_an_id_is_enough(store: SqlStore, text: str):
    assert find_finding(store, text).finding.id == "F-abc111"


def test_a_beginning_of_two_names_both(store: SqlStore):
    with pytest.raises(UsageError, match="F-abc111, F-abc222"):
        find_finding(store, "F-abc")


@pytest.mark.parametrize("text", ["F-ffff", "", "F-", "%", "x\x1b[2J"])
def test_what_no_scan_has_is_refused_in_plain_characters(store: SqlStore, text: str):
    with pytest.raises(UsageError, match="no kept scan") as told:
        find_finding(store, text)
    assert "\x1b" not in str(told.value)
