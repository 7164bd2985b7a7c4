"""Making an entry of a finding: named by its beginning, refused with a remedy, as wide as was asked."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from bartizan.adapters.store.sql import SqlStore
from bartizan.app.suppress import Kept, Reach, already, kept_finding, last_day, suppression_of, this_user
from bartizan.model.asset import Asset, AssetKind, Confidence, Edge, EdgeKind
from bartizan.model.errors import UsageError
from bartizan.model.finding import Finding, Severity
from bartizan.model.inventory import Inventory
from bartizan.model.suppression import Suppression

TODAY = date(2026, 11, 20)
WHEN = datetime(2026, 11, 20, tzinfo=UTC)
INVENTORY = Inventory(
    taken_at=WHEN,
    assets=(
        Asset(id="credential:shared", kind=AssetKind.CREDENTIAL, name="TOKEN"),
        Asset(id="server:a", kind=AssetKind.SERVER, name="calculator"),
        Asset(id="server:b", kind=AssetKind.SERVER, name="b"),
        Asset(id="tool:add", kind=AssetKind.TOOL, name="add", attributes={"server": "server:a"}),
    ),
    edges=tuple(
        Edge(source=server, target="credential:shared", kind=EdgeKind.HOLDS) for server in ("server:a", "server:b")
    ),
)


def finding(identity: str, subject: str = "tool:add") -> Finding:
    return Finding(
        id=identity,
        rule="concealment",
        title="Title",
        subject=subject,
        severity=Severity.MEDIUM,
        confidence=Confidence.HIGH,
        message="m",
    )


def made(reach: Reach = Reach.FINDING, subject: str = "tool:add", **more: Any) -> Suppression:
    told = {"reason": "because", "author": "ada", "until": TODAY, **more}
    kept = Kept(finding=finding("F-0123456789abcdef", subject), inventory=INVENTORY)
    return suppression_of(kept, reach, today=TODAY, **told)


def test_a_finding_of_any_scope_is_named_by_the_beginning_of_its_id():
    store = SqlStore("sqlite://")
    store.save(INVENTORY, [finding("F-0123456789abcdef"), finding("F-0129999999999999")], scope="one")
    store.save(INVENTORY, [finding("F-abcdef0123456789")], scope="two")
    for text in ("F-0123", "0123", "f-0123456789ABCDEF"):
        assert kept_finding(store, text).finding.id == "F-0123456789abcdef"
    assert kept_finding(store, "F-a").finding.id == "F-abcdef0123456789"
    for text in ("F-012", "F-7", "", "wiki"):
        with pytest.raises(UsageError):
            kept_finding(store, text)
    store.close()


def test_an_entry_for_a_finding_says_what_it_is_about():
    one = made()
    assert (one.finding, one.title, one.subject) == ("F-0123456789abcdef", "Title", "tool add of calculator")


def test_a_wider_entry_names_its_rule_its_place_and_how_bad_it_may_be():
    tool, server, rule = made(Reach.TOOL), made(Reach.SERVER), made(Reach.RULE)
    assert (tool.server, tool.tool, tool.everywhere) == ("server:a", "add", False)
    assert (server.server, server.tool, server.everywhere) == ("server:a", "", False)
    assert (rule.server, rule.tool, rule.everywhere) == ("", "", True)
    assert {(one.finding, one.rule, one.up_to) for one in (tool, server, rule)} == {
        ("", "concealment", Severity.MEDIUM)
    }


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({"reach": Reach.SERVER, "subject": "credential:shared"}, "concerns 2 servers"),
        ({"reach": Reach.SERVER, "subject": ""}, "concerns no servers"),
        ({"reach": Reach.TOOL, "subject": "server:a"}, "is not about a tool"),
        ({"reason": " \n"}, "the reason is empty"),
        ({"author": ""}, "the author is empty"),
        ({"reason": "x" * 1001}, "the reason is longer than 1000"),
        ({"until": TODAY - timedelta(days=1)}, "2026-11-19 is over"),
        ({"until": TODAY + timedelta(days=367)}, "more than 366 days away"),
    ],
)
def test_what_cannot_be_made_is_refused(more: dict[str, Any], told: str):
    with pytest.raises(UsageError, match=told):
        made(**more)


def test_days_are_written_as_dates_or_counted_from_today():
    assert last_day("2026-12-31", TODAY) == date(2026, 12, 31)
    assert last_day("366d", TODAY) == TODAY + timedelta(days=366)
    for text in ("", "tomorrow", "-1d", "2026-02-30", "99999999999d", "31.12.2026"):
        with pytest.raises(UsageError, match="is no day"):
            last_day(text, TODAY)


def test_a_second_entry_for_the_same_is_needless_and_a_wider_one_is_not():
    kept = Kept(finding=finding("F-0123456789abcdef"), inventory=INVENTORY)
    assert already(made(), kept, [made()], TODAY)
    assert already(made(), kept, [made(Reach.SERVER)], TODAY)
    assert already(made(Reach.SERVER), kept, [made()], TODAY) is None
    assert already(made(), kept, [made()], TODAY + timedelta(days=1)) is None


def test_the_user_is_that_of_the_process_whatever_the_environment_says(monkeypatch: pytest.MonkeyPatch):
    name = this_user()
    monkeypatch.setenv("LOGNAME", "somebody")
    monkeypatch.setenv("USER", "somebody")
    assert this_user() == name
