"""What the port `Store` promises, held against each database."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bartizan.adapters.store.sql import SqlStore
from bartizan.model.asset import Asset, AssetKind, Basis, Confidence, Edge, EdgeKind
from bartizan.model.change import Alteration, FindingStatus
from bartizan.model.coverage import Look, Outcome
from bartizan.model.errors import Place
from bartizan.model.event import API_ACTIVITY, Event
from bartizan.model.finding import Finding, Severity, finding_id
from bartizan.model.inventory import Inventory
from bartizan.model.limits import Limits
from bartizan.model.pin import Approval, Drift, DriftClass, DriftKind, FieldChange, Pin, PinKind, Review
from bartizan.model.secret import Secret
from bartizan.model.snapshot import Era, Snapshot, Transport

Day = Callable[[int], datetime]
HOSTILE = "a\x00b \ud800 \udfff \u241b \u241b0000 \u202e \U0001f600 \ud83d\ude00 'quote\" \\u0000 %s :x"


def tool(name: str, digest: str = "", server: str = "server:1") -> Asset:
    attributes: dict[str, Any] = {"server": server} | ({"definition_sha256": digest} if digest else {})
    return Asset(id=f"tool:{name}", kind=AssetKind.TOOL, name=name, attributes=attributes)


def inventory(when: datetime, *assets: Asset, **more: Any) -> Inventory:
    return Inventory(taken_at=when, assets=assets, **more)


def finding(detail: str, subject: str = "server:1") -> Finding:
    return Finding(
        id=finding_id("r", subject, detail),
        rule="r",
        title="t",
        subject=subject,
        severity=Severity.HIGH,
        confidence=Confidence.HIGH,
        message=detail,
    )


def snapshot(when: datetime, *tools: Any) -> Snapshot:
    return Snapshot(
        server="server:1",
        taken_at=when,
        transport=Transport.STDIO,
        era=Era.LEGACY,
        protocol_version="2025-06-18",
        tools=tools,
    )


def test_an_empty_store_knows_nothing(store: SqlStore) -> None:
    assert store.latest() is None
    assert store.findings() == store.changes() == store.known_findings() == store.events() == []


def test_a_scan_comes_back_as_it_was_in_its_order(store: SqlStore, at: Day) -> None:
    assets = (
        tool("b"),
        tool("a"),
        Asset(id="server:1", kind=AssetKind.SERVER, name="s", places=(Place(path="/x", line=3),)),
    )
    same = {"source": "client:1", "target": "server:1", "kind": EdgeKind.CONFIGURES}
    edges = (Edge(**same, attributes={"name": "two"}), Edge(**same, attributes={"name": "one"}, basis=Basis.OBSERVED))
    looks = (Look(part="processes", outcome=Outcome.FAILED, reason="why"), Look(part="tools", outcome=Outcome.LOOKED))
    taken = inventory(at(0), *assets, edges=edges, looks=looks, snapshots=(snapshot(at(0), {"name": "a"}),))
    store.save(taken, [finding("z"), finding("y")])
    assert undated(store.latest()) == taken
    assert store.findings() == [finding("z"), finding("y")]


def test_what_was_seen_first_keeps_its_first_seen_time(store: SqlStore, at: Day) -> None:
    edge = Edge(source="server:1", target="tool:a", kind=EdgeKind.EXPOSES)
    for day in range(3):
        store.save(inventory(at(day), tool("a"), *([tool("late")] if day else []), edges=(edge,)), [])
    latest = store.latest()
    assert latest
    assert [(one.first_seen, one.last_seen) for one in latest.assets] == [(at(0), at(2)), (at(1), at(2))]
    assert (latest.edges[0].first_seen, latest.edges[0].last_seen) == (at(0), at(2))


def test_times_that_an_observation_brings_are_kept(store: SqlStore, at: Day) -> None:
    store.save(inventory(at(5), msgspec.structs.replace(tool("a"), first_seen=at(1), last_seen=at(4))), [])
    latest = store.latest()
    assert latest
    assert (latest.assets[0].first_seen, latest.assets[0].last_seen) == (at(1), at(4))


def test_the_first_scan_brings_no_changes(store: SqlStore, at: Day) -> None:
    store.save(inventory(at(0), tool("a")), [])
    assert store.changes() == []


@pytest.mark.mission("D9")
def test_changes_name_what_is_added_gone_and_different(store: SqlStore, at: Day) -> None:
    store.save(inventory(at(0), tool("same", "00"), tool("other", "00"), tool("lost")), [])
    store.save(inventory(at(1), tool("same", "00"), tool("other", "11"), tool("new")), [])
    assert [(one.alteration, one.name, one.what, one.before, one.after) for one in store.changes()] == [
        (Alteration.CHANGED, "other", "definition_sha256", "00", "11"),
        (Alteration.ADDED, "new", "", "", ""),
        (Alteration.GONE, "lost", "", "", ""),
    ]
    store.save(inventory(at(2), tool("same", "00"), tool("other", "11"), tool("new")), [])
    assert store.changes() == []


def test_what_comes_back_is_added_again(store: SqlStore, at: Day) -> None:
    for day, assets in enumerate(([tool("a")], [], [tool("a")])):
        store.save(inventory(at(day), *assets), [])
    assert [(one.alteration, one.name) for one in store.changes()] == [(Alteration.ADDED, "a")]


@pytest.mark.parametrize(
    "look",
    [
        Look(subject="server:1", part="start", outcome=Outcome.SKIPPED),
        Look(subject="tool:a", part="tools", outcome=Outcome.FAILED),
        Look(part="configuration", outcome=Outcome.FAILED, place=Place(path="/c.json")),
    ],
)
@pytest.mark.mission("D9", "X2")
def test_what_could_not_be_looked_at_is_unseen_and_not_gone(store: SqlStore, at: Day, look: Look) -> None:
    there = msgspec.structs.replace(tool("a", "00"), places=(Place(path="/c.json"),))
    held = msgspec.structs.replace(finding("x", "tool:a"), place=Place(path="/c.json"))
    if look.subject == "server:1":
        held = finding("x", "server:1")
    store.save(inventory(at(0), there), [held])
    store.save(inventory(at(1), looks=(look,)), [])
    assert [one.alteration for one in store.changes()] == [Alteration.UNSEEN]
    assert [one.status for one in store.known_findings()] == [FindingStatus.OPEN]
    store.save(inventory(at(2), tool("a", "11")), [])
    assert [(one.alteration, one.before, one.after) for one in store.changes()] == [(Alteration.CHANGED, "00", "11")]


def test_a_hash_that_was_not_looked_at_is_no_change_and_is_remembered(store: SqlStore, at: Day) -> None:
    store.save(inventory(at(0), tool("a", "00")), [])
    store.save(inventory(at(1), tool("a")), [])
    assert store.changes() == []
    store.save(inventory(at(2), tool("a", "11")), [])
    assert [one.after for one in store.changes()] == ["11"]


def test_scans_of_different_scopes_are_not_compared(store: SqlStore, at: Day) -> None:
    store.save(inventory(at(0), tool("a")), [finding("a")])
    store.save(inventory(at(1), tool("b")), [finding("b")], scope="https://example.test/mcp")
    assert store.changes() == store.changes(scope="https://example.test/mcp") == []
    assert [one.message for one in store.findings()] == ["a"]
    latest = store.latest()
    assert latest
    assert [one.name for one in latest.assets] == ["a"]


def test_findings_keep_their_history(store: SqlStore, at: Day) -> None:
    store.save(inventory(at(0)), [finding("stays"), finding("goes")])
    store.save(inventory(at(1)), [finding("stays")])
    assert store.findings() == [finding("stays")]
    known = {one.finding.message: (one.first_seen, one.last_seen, one.status) for one in store.known_findings()}
    assert known == {
        "stays": (at(0), at(1), FindingStatus.OPEN),
        "goes": (at(0), at(0), FindingStatus.GONE),
    }


def test_what_no_kept_scan_saw_is_forgotten(url: str, at: Day) -> None:
    with SqlStore(url, limits=Limits(scans_kept_max=2)) as store:
        for day in range(5):
            seen = snapshot(at(day), {"name": f"t{day}"})
            look = Look(part="x", outcome=Outcome.LOOKED)
            store.save(inventory(at(day), tool(f"t{day}"), snapshots=(seen,), looks=(look,)), [finding(f"{day}")])
        counts = {name: count(store, name) for name in ("scans", "assets", "findings", "snapshots", "takings", "looks")}
        assert counts == dict.fromkeys(counts, 2)


def test_equal_snapshots_are_kept_once(store: SqlStore, at: Day) -> None:
    for day in range(3):
        store.save(inventory(at(day), snapshots=(snapshot(at(day), {"name": "a", "x": 1}),)), [])
    assert (count(store, "takings"), count(store, "snapshots")) == (3, 1)
    latest = store.latest()
    assert latest
    assert latest.snapshots == (snapshot(at(2), {"x": 1, "name": "a"}),)


def test_an_event_with_the_same_uid_is_kept_once_and_events_come_in_order(store: SqlStore, at: Day) -> None:
    for uid, day in (("later", 2), ("first", 0), ("later", 2), ("\x00", 1)):
        store.record(Event(uid=uid, time=at(day), class_uid=API_ACTIVITY, activity_name="scan", message=HOSTILE))
    assert [one.uid for one in store.events()] == ["first", "\x00", "later"]
    assert [one.uid for one in store.events(since=at(1))] == ["\x00", "later"]
    assert store.events()[0].message == HOSTILE


def test_a_consent_holds_for_its_digest_only(store: SqlStore, at: Day) -> None:
    assert not store.consented("d1")
    for _ in range(2):
        store.remember_consent("d1", f"npx server {HOSTILE}", at(0))
    assert store.consented("d1")
    assert not store.consented("d2")


def test_a_secret_is_refused_and_the_earlier_scan_stays_whole(store: SqlStore, at: Day) -> None:
    before = inventory(at(0), tool("a"))
    store.save(before, [finding("a")])
    secret = Secret("hunter2" * 4)
    poisoned = msgspec.structs.replace(tool("b"), attributes={"deep": [{"er": secret}]})
    for scan, findings in (
        (inventory(at(1), tool("c"), poisoned), []),
        (inventory(at(1), snapshots=(snapshot(at(1), {"x": secret}),)), []),
        (inventory(at(1)), [msgspec.structs.replace(finding("c"), evidence=secret)]),
    ):
        with pytest.raises(TypeError) as refused:
            store.save(scan, findings)  # type: ignore[arg-type]
        assert "hunter2" not in str(refused.value)
    with pytest.raises(TypeError):
        store.record(Event(uid="1", time=at(0), class_uid=1, activity_name="x", unmapped={"s": secret}))
    assert undated(store.latest()) == before
    assert (count(store, "scans"), store.events()) == (1, [])


def test_a_time_without_a_zone_is_refused(store: SqlStore) -> None:
    with pytest.raises(Exception, match="without a zone"):
        store.save(inventory(datetime(2026, 1, 1)), [])  # noqa: DTZ001
    assert store.latest() is None


def test_a_name_of_a_megabyte_comes_back(store: SqlStore, at: Day) -> None:
    huge = Asset(id="tool:" + "i" * 1_000_000, kind=AssetKind.TOOL, name=HOSTILE * 30_000)
    store.save(inventory(at(0), huge), [])
    assert undated(store.latest()) == inventory(at(0), huge)


texts = st.text(st.characters(), max_size=20) | st.text(alphabet="\x00\ud800\udfff\ud83d\ude00\u241b0d8\\u", max_size=8)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    name=texts,
    identity=texts,
    attributes=st.dictionaries(texts, values, max_size=3),
    tools=st.lists(values, max_size=3),
)
def test_any_text_survives(
    store: SqlStore, name: str, identity: str, attributes: dict[str, Any], tools: list[Any]
) -> None:
    when = datetime(2026, 1, 1, tzinfo=UTC)
    asset = Asset(id=identity, kind=AssetKind.TOOL, name=name, keys=(name,), attributes=attributes)
    edge = Edge(source=identity, target=name, kind=EdgeKind.EXPOSES, attributes=attributes)
    scan = inventory(when, asset, edges=(edge,), snapshots=(snapshot(when, *tools),))
    store.save(scan, [])
    assert undated(store.latest()) == scan


def test_many_openers_at_once_make_one_schema(url: str, at: Day) -> None:
    def use(number: int) -> None:
        with SqlStore(url) as store:
            store.save(inventory(at(number), tool("a"), tool(f"t{number}")), [finding("x")])

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(use, range(8)))
    with SqlStore(url) as store:
        latest = store.latest()
        assert latest
        assert len(latest.assets) == 2
        assert (count(store, "scans"), count(store, "assets"), count(store, "findings")) == (8, 9, 1)


def undated(taken: Inventory | None) -> Inventory | None:
    """Without the times that the store added."""
    if taken is None:
        return None
    clear = {"first_seen": None, "last_seen": None}
    return msgspec.structs.replace(
        taken,
        assets=tuple(msgspec.structs.replace(one, **clear) for one in taken.assets),
        edges=tuple(msgspec.structs.replace(one, **clear) for one in taken.edges),
    )


def count(store: SqlStore, table: str) -> int:
    with store._engine.connect() as connection:
        return connection.exec_driver_sql(f"SELECT count(*) FROM {table}").scalar_one()


def test_a_finding_is_found_by_its_beginning_in_the_newest_scan_of_any_scope(store: SqlStore, at: Day) -> None:
    store.save(inventory(at(1)), [finding("gone"), finding("kept")], scope="here")
    store.save(inventory(at(2), tool("a")), [finding("kept")], scope="here")
    store.save(inventory(at(3)), [finding("kept")], scope="there")
    gone, kept = finding("gone"), finding("kept")
    assert store.found(gone.id) == []
    newest, older = store.found(kept.id[:6])
    assert newest.finding == older.finding == kept
    assert (newest.taken_at, older.taken_at) == (at(3), at(2))
    told = store.inventory(older.scan)
    assert told is not None
    assert [asset.id for asset in told.assets] == ["tool:a"]
    assert store.inventory(10_000) is None


def approval(when: datetime) -> Approval:
    return Approval(at=when, by="anna", reason=HOSTILE)


def reviewed(when: datetime, *kinds: PinKind, version: str = "1", client: str = "") -> Review:
    return Review(
        server="server:1",
        client=client,
        name=HOSTILE,
        keys=("k",),
        kinds=kinds,
        version=version,
        approval=approval(when),
    )


def pinned(when: datetime, name: str, kind: PinKind = PinKind.TOOL, **more: Any) -> Pin:
    definition = {"name": name, "description": HOSTILE, "x": [1, 1.0, None, {}]}
    return Pin(
        server="server:1",
        kind=kind,
        name=name,
        fields={"/x": "0"},
        definition=definition,
        approval=approval(when),
        **more,
    )


def test_what_was_approved_comes_back_as_it_was(store: SqlStore, at: Day):
    review, pins = reviewed(at(0), PinKind.TOOL), [pinned(at(0), HOSTILE), pinned(at(0), HOSTILE, number=1)]
    store.approve(review, pins)
    found = store.approved()
    assert found.reviews == (review,)
    assert sorted(found.pins, key=lambda pin: pin.number) == pins


def test_approving_a_kind_whole_forgets_its_earlier_pins_and_no_others(store: SqlStore, at: Day):
    store.approve(
        reviewed(at(0), PinKind.TOOL, PinKind.PROMPT), [pinned(at(0), "a"), pinned(at(0), "p", PinKind.PROMPT)]
    )
    store.approve(reviewed(at(1), PinKind.TOOL, client="c"), [pinned(at(1), "of c", client="c")])
    store.approve(reviewed(at(2), PinKind.TOOL), [pinned(at(2), "b")])
    assert [pin.name for pin in store.approved().pins] == ["p", "of c", "b"]


def test_approving_one_definition_replaces_that_one_and_leaves_the_review_of_the_whole(store: SqlStore, at: Day):
    store.approve(reviewed(at(0), PinKind.TOOL), [pinned(at(0), "a"), pinned(at(0), "b")])
    store.approve(reviewed(at(1)), [pinned(at(1), "b")])
    found = store.approved()
    assert [(pin.name, pin.approval.at) for pin in found.pins] == [("a", at(0)), ("b", at(1))]
    assert [review.kinds for review in found.reviews] == [(PinKind.TOOL,)]


def test_each_version_that_was_approved_is_remembered(store: SqlStore, at: Day):
    for day, version in enumerate(("1", "2", "1")):
        store.approve(reviewed(at(day), PinKind.TOOL, version=version), [])
    assert [(one.version, one.approval.at) for one in store.approved().reviews] == [("2", at(1)), ("1", at(2))]


def test_a_secret_in_an_approval_is_refused(store: SqlStore, at: Day):
    with pytest.raises(TypeError):
        store.approve(reviewed(at(0)), [msgspec.structs.replace(pinned(at(0), "a"), definition={"x": Secret("s")})])
    assert store.approved().reviews == ()


def test_the_drifts_of_a_scan_come_back_with_it_in_their_order(store: SqlStore, at: Day):
    drifts = tuple(
        Drift(
            server="server:1",
            kind=PinKind.TOOL,
            name=f"{number}{HOSTILE}",
            change=DriftKind.CHANGED,
            severity=Severity.HIGH,
            changes=(
                FieldChange(
                    pointer="/x", effect=DriftClass.HIDDEN_TEXT, severity=Severity.HIGH, why="w", before=HOSTILE
                ),
            ),
            approval=approval(at(0)),
        )
        for number in range(3)
    )
    store.save(inventory(at(1), drifts=drifts), [])
    latest = store.latest()
    assert latest is not None
    assert latest.drifts == drifts
