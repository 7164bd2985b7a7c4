"""What is accepted is held, told and nothing else; what is past its day, or has changed, counts again."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bartizan.assess.suppress import sift
from bartizan.model.asset import Asset, AssetKind, Confidence, Edge, EdgeKind
from bartizan.model.finding import Finding, Severity, finding_id
from bartizan.model.inventory import Inventory
from bartizan.model.suppression import Suppression

TODAY = date(2026, 11, 20)
INVENTORY = Inventory(
    taken_at=datetime(2026, 11, 20, tzinfo=UTC),
    assets=(
        Asset(id="credential:shared", kind=AssetKind.CREDENTIAL, name="TOKEN"),
        Asset(id="server:a", kind=AssetKind.SERVER, name="a"),
        Asset(id="server:b", kind=AssetKind.SERVER, name="b"),
        Asset(id="tool:add", kind=AssetKind.TOOL, name="add", attributes={"server": "server:a"}),
    ),
    edges=tuple(
        Edge(source=server, target="credential:shared", kind=EdgeKind.HOLDS) for server in ("server:a", "server:b")
    ),
)


def finding(subject: str, rule: str = "rule_one", severity: Severity = Severity.MEDIUM, detail: str = "") -> Finding:
    return Finding(
        id=finding_id(rule, subject, detail),
        rule=rule,
        title="t",
        subject=subject,
        severity=severity,
        confidence=Confidence.HIGH,
        message="m",
    )


def entry(until: date = TODAY, **more: Any) -> Suppression:
    wide = {"up_to": Severity.MEDIUM} if "rule" in more else {}
    return Suppression(reason="x", author="y", until=until, **{**wide, **more})


ALL = [finding("server:a"), finding("tool:add"), finding("server:b"), finding("credential:shared"), finding("")]


def held(*entries: Suppression, findings: list[Finding] = ALL, today: date = TODAY) -> list[str]:
    _, exceptions = sift(findings, entries, INVENTORY, today)
    return [one.finding.subject for one in exceptions.suppressed]


def test_an_entry_for_a_finding_holds_that_one_alone():
    assert held(entry(finding=ALL[1].id)) == ["tool:add"]


@pytest.mark.mission("X4")
def test_an_entry_for_a_server_holds_what_is_of_that_server_alone():
    assert held(entry(rule="rule_one", server="server:a")) == ["server:a", "tool:add"]
    assert held(entry(rule="rule_one", server="server:a", tool="add")) == ["tool:add"]
    assert held(entry(rule="rule_two", server="server:a")) == []


def test_an_entry_for_a_rule_everywhere_holds_it_everywhere():
    assert held(entry(rule="rule_one", everywhere=True)) == [one.subject for one in ALL]


def test_an_entry_for_a_rule_does_not_hold_what_is_worse_than_it_says():
    worse = [finding("tool:add", severity=Severity.HIGH)]
    assert held(entry(rule="rule_one", everywhere=True), findings=worse) == []


@pytest.mark.mission("X4")
def test_an_entry_holds_through_its_last_day_and_then_says_what_counts_again():
    one = entry(finding=ALL[0].id)
    assert held(one) == ["server:a"]
    counted, exceptions = sift(ALL, [one], INVENTORY, TODAY + timedelta(days=1))
    assert counted == ALL
    assert [(ended.suppression, ended.findings) for ended in exceptions.expired] == [(one, (ALL[0].id,))]


def test_an_expired_entry_that_another_one_replaced_makes_nothing_count_again():
    old, new = entry(TODAY - timedelta(days=1), finding=ALL[0].id), entry(finding=ALL[0].id)
    _, exceptions = sift(ALL, [old, new], INVENTORY, TODAY)
    assert [one.suppression for one in exceptions.suppressed] == [new]
    assert [one.findings for one in exceptions.expired] == [()]


def test_an_entry_that_matches_nothing_is_told():
    gone = entry(finding="F-0000000000000000")
    _, exceptions = sift(ALL, [gone], INVENTORY, TODAY)
    assert exceptions.unused == (gone,)


ENTRIES = st.lists(
    st.builds(
        lambda number, wide, days: entry(
            TODAY + timedelta(days=days),
            **({"rule": "rule_one", "server": "server:a"} if wide else {"finding": number}),
        ),
        st.sampled_from([one.id for one in ALL]),
        st.booleans(),
        st.integers(-2, 2),
    ),
    max_size=6,
)


@given(ENTRIES, st.lists(st.sampled_from(ALL), unique_by=lambda one: one.id))
def test_nothing_disappears(entries: list[Suppression], findings: list[Finding]):
    counted, exceptions = sift(findings, entries, INVENTORY, TODAY)
    apart = [one.finding for one in exceptions.suppressed]
    assert sorted(one.id for one in [*counted, *apart]) == sorted(one.id for one in findings)
    assert [one for one in findings if one in counted] == counted
    assert all(one.suppression.until >= TODAY for one in exceptions.suppressed)
    told = [*(one.suppression for one in exceptions.expired), *exceptions.unused]
    told += [one.suppression for one in exceptions.suppressed]
    assert {id(one) for one in entries} == {id(one) for one in told}
