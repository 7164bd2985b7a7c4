"""Events in, findings out: what comes twice, late, from the future, or not at all; what is kept and what gives way."""

from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bartizan.detect.engine import Engine
from bartizan.detect.sources import SourceSettings
from bartizan.model.errors import ContentError
from bartizan.model.finding import Finding
from bartizan.model.limits import Limits
from bartizan.model.source_event import SourceEvent, Trust
from bartizan.rules.context import Context
from bartizan.rules.detection import FirstSeen, Lookup, Stage, Suppress
from bartizan.rules.lookups import Row, Table
from fixtures import correlation_oracle as oracle
from fixtures.detection_cases import (
    LATENESS,
    as_event,
    correlation,
    detection,
    encoded,
    engine,
    events,
    field,
    final,
    header,
    hits,
)

Told = dict[str, Any]
A, B = detection("a"), detection("b")
BURST = correlation("burst", "event_count", "a", gte=3)


def event(uid: str, second: float, rules: str = "a", **more: Any) -> SourceEvent:
    fields = {"who": "ann"} | more.pop("fields", {})
    told = {"uid": uid, "time": int(second * 1000), "hits": rules.split(), "fields": fields}
    made = as_event({**told, "source": more.pop("source", "s")})
    return SourceEvent(**{name: getattr(made, name) for name in made.__struct_fields__} | more)


def shown(found: list[Finding]) -> list[tuple[str, float, str]]:
    """Rule, time in seconds, and what kind of finding it is."""
    out: list[tuple[str, float, str]] = []
    for one in found:
        assert one.occurrence is not None
        kind = "withdrawn" if one.occurrence.withdrawn else "provisional" if one.occurrence.provisional else "final"
        out.append((one.rule, one.occurrence.time / 1000, kind))
    return out


# ----------------------------------------------------------------------------------------------- provisional and final


def test_a_correlation_speaks_with_the_event_that_completes_it_and_again_when_the_watermark_has_passed():
    running = engine([A, BURST])
    running.end("t")
    assert shown(running.feed([event("1", 1), event("2", 2)])) == []
    early = running.feed([event("3", 3)])
    assert shown(early) == [("burst", 3.0, "provisional")]
    assert shown(running.feed([event("4", 3 + LATENESS, "b")])) == []  # an event at 3 s may still come
    late = running.feed([event("5", 4.5 + LATENESS, "b")])
    assert shown(late) == [("burst", 3.0, "final")]
    assert early[0].id == late[0].id
    assert late[0].occurrence is not None
    assert late[0].occurrence.events == ("1", "2", "3")
    assert (late[0].occurrence.count, late[0].occurrence.value) == (3, 3.0)
    assert late[0].subject == "who=ann"


def test_an_event_that_comes_late_but_in_time_completes_a_window_in_the_past():
    running = engine([A, BURST])
    running.feed([event("1", 1), event("3", 3), event("later", 9)])
    assert shown(running.feed([event("2", 2)])) == [("burst", 3.0, "provisional")]


def test_a_provisional_finding_that_late_events_move_into_another_time_is_withdrawn_and_the_final_one_follows():
    running = engine([A, BURST])
    early = running.feed([event("1", 4.9), event("2", 5.1), event("3", 5.2)])
    assert shown(early) == [("burst", 5.2, "provisional")]
    assert shown(running.feed([event("0", 4.8)])) == []  # held at 5.1 already: the same episode
    found = running.feed([event("0b", 4.7)]) + running.finish()
    assert sorted(shown(found)) == [("burst", 4.9, "final"), ("burst", 5.2, "withdrawn")]


def test_a_chain_speaks_at_once_on_what_its_parts_say_provisionally():
    both = correlation("both", "temporal_ordered", "b burst", seconds=60)
    running = engine([A, B, BURST, both])
    found = running.feed([event("0", 0, "b"), event("1", 1), event("2", 2), event("3", 3)])
    assert shown(found) == [("burst", 3.0, "provisional"), ("both", 3.0, "provisional")]
    concluded = running.finish()
    assert shown(concluded) == [("both", 3.0, "final"), ("burst", 3.0, "final")]
    assert {one.id for one in found} == {one.id for one in concluded}
    assert concluded[0].occurrence is not None
    assert concluded[0].occurrence.parts == {"b": ("0",), "burst": (concluded[1].id,)}


def test_order_is_enforced_and_one_event_does_not_stand_for_two_steps():
    ordered = correlation("ordered", "temporal_ordered", "a b")
    for told, found in (("b a", 0), ("a b", 1)):
        first, second = told.split()
        running = engine([A, B, ordered])
        running.feed([event("1", 1, first), event("2", 2, second)])
        assert len(running.finish()) == found
    running = engine([A, B, ordered])
    running.feed([event("1", 1, "a b")])
    assert running.finish() == []


# ------------------------------------------------------------------------------------------- late, future, idle, twice


def test_an_event_that_comes_twice_is_judged_once_and_one_id_with_two_times_is_two_events():
    running = engine([detection("a", silent=False)])
    found = running.feed([event("1", 1), event("1", 1), event("1", 2), event("1", 1), event("1", 2)])
    assert [one.occurrence.events for one in found if one.occurrence] == [("1",), ("1",)]
    assert len({one.id for one in found}) == 2
    assert (running.counts.duplicates, running.counts.colliding, running.counts.events) == (3, 1, 2)


def test_two_sources_may_use_one_id_for_two_events():
    running = engine([A, correlation("two", "event_count", "a", gte=2)])
    running.feed([event("1", 1), event("1", 1, source="t")])
    assert shown(running.finish()) == [("two", 1.0, "final")]


def test_a_late_event_is_counted_and_judged_by_single_rules_alone():
    single = detection("a", silent=False, more={"suppress": Suppress(seconds=3)})
    running = engine([single, detection("b", silent=False), BURST])
    running.end("t")
    running.feed([event("1", 1), event("2", 2), event("x", 100), event("y", 200)])
    found = running.feed([event("3", 3, "a b"), event("50", 50)])
    assert shown(found) == [("a", 3.0, "final"), ("b", 3.0, "final"), ("a", 50.0, "final")]
    assert running.counts.late == 2
    assert [source.late for source in running.sources()] == [2, 0]
    assert all(one.rule != "burst" for one in running.finish())


def test_a_record_from_the_future_is_a_finding_moves_no_watermark_and_counts_in_no_window():
    running = engine([detection("a", silent=False), BURST])
    far = event("far", 10_000, received=1_000)
    found = running.feed(
        [event("1", 1, received=1_000), far, event("2", 2, received=2_000), event("3", 3, received=3_000)]
    )
    assert ("engine_future_record", 1.0, "final") in shown(found)
    assert ("a", 10_000.0, "final") in shown(found)
    assert running.counts.future == 1
    assert running.counts.late == 0
    assert shown(running.finish()) == [("burst", 3.0, "final")]


def test_the_slower_source_holds_the_others_back_until_it_is_idle():
    told = {name: SourceSettings(lateness_seconds=1, idle_seconds=60) for name in "st"}
    running = Engine([A, BURST], hits, sources=told, provisional=False)
    burst = [event(str(second), second, received=second * 1000) for second in range(1, 30)]
    assert running.feed(burst) == []  # t has not spoken
    assert running.feed([event("t1", 10, "b", source="t", received=30_000)]) != []  # t is at 9 s
    assert running.watermark == 9_000
    running.tick(80_000)
    assert running.watermark == 9_000
    running.feed([event("s", 85, "b", received=85_000)])
    running.tick(91_000)  # t was last heard at 30 s
    assert running.watermark == 84_000
    running.tick(300_000)  # all are idle: the clock goes on
    assert running.watermark == 239_000
    assert running.feed([event("t2", 12, source="t", received=301_000)]) == []
    assert running.counts.late == 1


def test_an_absence_is_found_when_the_watermark_passes_its_end_even_if_nothing_else_happens():
    absent = correlation("absent", "absence", "a b", seconds=60)
    told = {"s": SourceSettings(lateness_seconds=1, idle_seconds=10)}
    running = Engine([A, B, absent], hits, sources=told)
    running.feed([event("1", 1, received=1_000)])
    assert running.tick(70_000) == []
    assert shown(running.tick(73_000)) == [("absent", 61.0, "final")]


def test_a_silent_source_is_a_finding_once():
    told = {"s": SourceSettings(silent_after_seconds=60)}
    running = Engine([A], hits, sources=told)
    running.feed([event("1", 1, received=1_000)])
    assert shown(running.tick(62_000)) == [("engine_source_silent", 62.0, "final")]
    assert running.tick(63_000) == []
    running.feed([event("2", 64, received=64_000)])
    assert running.tick(70_000) == []


def test_a_source_that_has_ended_holds_nobody_back():
    running = engine([A, BURST], provisional=False)
    running.feed([event(str(second), second) for second in range(1, 30)])
    assert running.watermark < 0
    assert shown(running.end("t"))[0] == ("burst", 3.0, "final")


def test_a_rule_may_wait_longer_than_its_sources():
    patient = correlation("patient", "event_count", "a", gte=3, more={"lateness_seconds": 100})
    running = engine([A, BURST, patient], provisional=False)
    running.end("t")
    running.feed([event("1", 1), event("2", 2), event("later", 50, "b")])
    running.feed([event("3", 3)])
    assert shown(running.finish()) == [("patient", 3.0, "final")]


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(complete=events(most=24, span=60_000), random=st.randoms(use_true_random=False))
def test_clocks_that_step_make_events_late_and_the_others_are_judged_as_if_those_had_not_come(
    complete: list[Told], random: Random
):
    running = engine([A, B, detection("c"), BURST, correlation("pair", "temporal", "a b", seconds=9)], ordered=True)
    in_time: list[Told] = []
    found: list[Finding] = []
    random.shuffle(complete)
    for one in complete:
        before = running.counts.late
        found += running.feed([as_event(one)])
        if running.counts.late == before:
            in_time.append(one)
    want = oracle.findings([BURST, correlation("pair", "temporal", "a b", seconds=9)], in_time)
    assert sorted(
        (one.rule, one.occurrence.time) for one in final(found + running.finish()) if one.occurrence
    ) == sorted((one["rule"], one["time"]) for one in want)


# --------------------------------------------------------------------------------------- trust, tenants, tables, stages


def test_a_rule_that_needs_trust_is_deaf_to_sources_with_less():
    single = detection("a", silent=False, more={"trust": Trust.HIGH})
    pair = correlation("pair", "event_count", "b", gte=2, more={"trust": Trust.MEDIUM})
    running = engine([single, B, pair])
    running.feed([event("1", 1, "b", trust=Trust.LOW), event("2", 2, "b", trust=Trust.HIGH)])
    assert running.feed([event("3", 3, trust=Trust.MEDIUM)]) == []
    assert shown(running.feed([event("4", 4, trust=Trust.HIGH)])) == [("a", 4.0, "final")]
    assert running.finish() == []


def test_tenants_do_not_meet_and_their_findings_have_ids_of_their_own():
    running = engine([A, BURST])
    each = [event(str(number), number, tenant=tenant) for number in (1, 2, 3) for tenant in ("north", "south")]
    running.feed([*each[:4], each[4]])
    assert [one.occurrence.tenant for one in running.finish() if one.occurrence] == ["north"]
    running = engine([A, BURST])
    running.feed(each)
    assert len({one.id for one in running.finish()}) == 2


def test_tables_are_asked_as_of_the_time_of_the_event():
    left = Lookup(table="people", field=field("who"), column="status", values=("Left",))
    unknown = Lookup(table="people", field=field("who"), absent=True)
    people = Table(
        [
            Row(key="ann", columns={"status": ("active",)}),
            Row(key="Ann", since=5_000, columns={"status": ("left",)}),
            Row(key="ann", since=9_000, gone=True),
        ]
    )
    rules = [detection("a", silent=False, lookups=(left,)), detection("b", silent=False, lookups=(unknown,))]
    running = engine(rules, Context(tables={"people": people}))
    told = [event(str(second), second, "a b") for second in (9, 8, 5, 4)]
    stranger = event("x", 7, "a b", fields={"who": "eve"})
    nobody = event("y", 7, "a b", fields={"who": None})
    assert shown(running.feed([*told, stranger, nobody])) == [
        ("b", 9.0, "final"), ("a", 8.0, "final"), ("a", 5.0, "final"), ("b", 7.0, "final"),
    ]  # fmt: skip


def test_a_correlation_asks_tables_about_its_group_and_speaks_when_the_answer_changes():
    left = Lookup(table="people", field=field("who"), column="status", values=("left",))
    people = Table([Row(key="ann", since=4_000, columns={"status": ("left",)})])
    running = engine(
        [A, correlation("burst", "event_count", "a", gte=3, lookups=(left,))], Context(tables={"people": people})
    )
    running.feed([event(str(second), second) for second in (1, 2, 3, 4, 5)])
    assert shown(running.finish()) == [("burst", 4.0, "final")]


def test_rules_that_are_off_or_silent_serve_others_and_say_nothing():
    off = detection("a", silent=False, more={"stage": Stage.OFF})
    running = engine([off, BURST])
    assert shown(running.feed([event(str(second), second) for second in (1, 2, 3)])) == [("burst", 3.0, "provisional")]
    quiet = correlation("burst", "event_count", "a", gte=3, more={"stage": Stage.OFF})
    running = engine([off, quiet])
    assert running.feed([event(str(second), second) for second in (1, 2, 3)]) + running.finish() == []


def test_every_mistake_of_every_rule_is_said_at_once():
    loop = [correlation("x", "temporal", "y a"), correlation("y", "temporal", "x a")]
    with pytest.raises(ContentError, match=r"x refers to itself through others\n.*y refers to itself"):
        Engine([A, *loop], hits)
    by_another = Suppress(seconds=1, key=(field("else"),))
    wrong = [
        correlation("p", "event_count", "a nobody"),
        correlation("q", "value_sum", "a", gte=1),
        correlation("r", "absence", "a"),
        correlation("s", "event_count", "a", gte=1, more={"suppress": by_another, "line": 7, "path": "s.yml"}),
        correlation("t", "event_count", "p", gte=1, by="what"),
        correlation("u", "event_count", "p", gte=1, more={"trust": Trust.HIGH}),
        detection("a", lookups=(Lookup(table="none", field=field("who")),)),
    ]  # fmt: skip
    with pytest.raises(ContentError) as raised:
        Engine(wrong, hits)
    assert sorted(what for _, what in raised.value.mistakes) == [
        "absence takes two rules: the first, and the one that must follow it",
        "asks for else, which is no name of its group (who)",
        "does not say which field of a has the value",
        "groups p by what, which is no name of its group",
        "has no condition on the count or value",
        "lookup asks the table none, which is not there; known: none",
        "needs sources of high trust, and refers to p, which needs less",
        "refers to nobody, which no rule is called",
    ]
    assert str(raised.value).count("s.yml:7") == 1


# ---------------------------------------------------------------------------------------------------- room, snapshots


def flood(count: int, second: float = 20, **more: Any) -> list[SourceEvent]:
    return [event(f"f{number}", second, fields={"who": f"key-{number}"}, **more) for number in range(count)]


def test_a_flood_of_keys_drives_out_none_that_is_near_its_threshold_and_is_a_finding():
    limits = Limits(state_entries_max=1_000)
    rule = correlation("burst", "event_count", "a", gte=5, seconds=600)
    running = engine([A, rule], Context(limits=limits))
    running.feed([event(str(second), second) for second in (1, 2, 3)])
    found = running.feed(flood(5_000))
    assert "engine_state_full" in [one.rule for one in found]
    assert running.counts.evicted > 3_000
    assert running.entries() <= 1_000 + 4_096  # between two looks at the room
    assert shown(running.feed([event("4", 21), event("5", 22)])) == [("burst", 22.0, "provisional")]


def test_a_tenant_that_floods_drives_out_its_own():
    rule = correlation("burst", "event_count", "a", gte=100, seconds=600)
    running = engine([A, rule], Context(limits=Limits(state_entries_max=1_000)))
    running.feed([event(str(number), 1, tenant="north", fields={"who": "ann"}) for number in range(40)])
    running.feed(flood(5_000, tenant="south"))
    running.feed([event(f"more {number}", 30, tenant="north", fields={"who": "ann"}) for number in range(60)])
    assert [one.occurrence.tenant for one in final(running.finish()) if one.rule == "burst" and one.occurrence] == [
        "north"
    ]


def test_when_every_key_is_near_its_threshold_new_keys_are_refused_and_that_is_said():
    rule = correlation("pair", "event_count", "a", gte=3, seconds=600)
    running = engine([A, rule], Context(limits=Limits(state_entries_max=100)))
    near = [event(f"{number} {half}", 1, fields={"who": f"near-{number}"}) for number in range(100) for half in "xy"]
    running.feed(near)
    running.feed([event("tick", 3, "b")])
    found = running.feed(flood(50)) + running.feed([event("tock", 25, "b")])
    assert running.entries() == 200
    assert {(one.rule, one.subject) for one in found} >= {("engine_state_full", "rule=pair")}
    assert shown(running.feed([event("last", 26, fields={"who": "near-7"})])) == [("pair", 26.0, "provisional")]


def test_values_that_are_new_for_young_keys_give_way_before_those_of_keys_that_have_learned():
    first = FirstSeen(value=(field("what"),), key=(field("who"),), learning_seconds=10)
    limits = Limits(first_seen_values_max=100)
    running = engine([detection("a", silent=False, first_seen=first)], Context(limits=limits), provisional=False)
    known = event("1", 0, fields={"what": "known"})
    running.feed([known, event("2", 15, fields={"what": "known"})])
    many = [
        event(f"f{number}", 20 + number / 1000, fields={"who": f"key-{number}", "what": "x"}) for number in range(500)
    ]
    found = running.feed([*many, event("3", 40, fields={"what": "known"}), event("4", 41, fields={"what": "new"})])
    found += running.finish()
    assert [(one.rule, one.occurrence.events) for one in found if one.occurrence and one.rule == "a"] == [("a", ("4",))]
    assert ("engine_state_full", "rule=a") in {(one.rule, one.subject) for one in found}


def test_a_window_that_is_too_long_is_shortened_and_that_is_said():
    rule = correlation("burst", "event_count", "a", gte=50, seconds=600)
    running = engine([A, rule], Context(limits=Limits(window_entries_max=64)))
    found = running.feed([event(str(number), number / 10) for number in range(500)])
    assert running.entries() <= 64
    assert {one.rule for one in found} == {"burst", "engine_state_full"}


def test_a_snapshot_is_read_by_its_own_version_alone_and_a_rule_that_changed_begins_anew():
    running = engine([A, BURST, correlation("pair", "event_count", "a", gte=4)])
    running.feed([event("1", 1), event("2", 2)])
    kept = running.snapshot()
    changed = engine([A, BURST, correlation("pair", "event_count", "a", gte=2)])
    assert changed.restore(kept) == ["pair"]
    assert shown(changed.feed([event("2", 2), event("3", 3)])) == [("burst", 3.0, "provisional")]
    for bad in (b"", b"\x00", kept[:-7], kept.replace(b"version\x01", b"version\x63")):
        with pytest.raises(ValueError, match="snapshot"):
            engine([A]).restore(bad)


def test_hostile_values_make_groups_of_their_own_and_can_be_written():
    texts = ["\ud800", "x" * 100_000, "x" * 99_999 + "y", "a\x1fb", "", "\n", "é", "1", "true"]
    rule = correlation("burst", "event_count", "a", gte=1, by="who what", seconds=1)
    running = engine([A, rule])
    running.feed([event(f"\udfff{at}", at, fields={"who": text, "what": "w"}) for at, text in enumerate(texts)])
    running.feed([event("7", 50, fields={"who": 1, "what": "w"}), event("8", 60, fields={"who": True, "what": "w"})])
    kept = running.snapshot()
    other = engine([A, rule])
    other.restore(kept)
    assert encoded(other.finish()) == encoded(found := running.finish())
    assert len({one.occurrence.group["who"] for one in found if one.occurrence}) == len(texts)
    assert len(encoded(found)) < 30_000


def test_a_header_without_a_name_of_its_own_is_refused():
    with pytest.raises(ContentError, match="a is the name of 2 rules"):
        Engine([A, detection("a")], hits)
    assert header("a").name == "a"
