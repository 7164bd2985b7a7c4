"""Correlations alone: updates per CPU-second, bytes of state, and what a snapshot costs. Events come as they come live.

    python bench/detection/correlate.py [EVENTS]

5,000 tokens make the events of one hour at even steps, each up to ten seconds out of order; matching is free. The rule
counts 500 events of a token in an hour. Aim: 400,000 updates of event_count per CPU-second.
"""

import random
import sys
import time
import tracemalloc
from collections.abc import Iterator, Sequence

import msgspec

from bartizan.detect.engine import Engine
from bartizan.detect.sources import SourceSettings
from bartizan.model.source_event import SourceEvent
from bartizan.rules.context import Context
from bartizan.rules.correlate.correlator import Correlator
from bartizan.rules.correlate.plan import judge
from bartizan.rules.detection import (
    AnyOf,
    Baseline,
    Bounds,
    Correlation,
    CorrelationType,
    Detection,
    Field,
    FirstSeen,
    Header,
    Rule,
    Selector,
)
from bartizan.rules.state import RuleState

TOKENS = 5_000
HOUR = 3_600_000
DISORDER = 10_000
BATCH = 500
TOKEN = Field(name="token", paths=(("actor", "user", "credential_uid"),))
SERVICE = Field(name="service", paths=(("api", "service", "name"),))


def header(name: str) -> Header:
    return Header(title=name, id=name, name=name)


def detection(name: str, **more: object) -> Detection:
    return Detection(header=header(name), selector=Selector(), condition=AnyOf(parts=()), **more)  # pyright: ignore[reportArgumentType]


def correlation(kind: CorrelationType, least: float, rules: Sequence[str] = ("call",)) -> Correlation:
    return Correlation(
        header=header(kind.value),
        type=kind,
        rules=tuple(rules),
        window_seconds=3_600,
        group={"token": dict.fromkeys(rules, TOKEN)},
        value=dict.fromkeys(rules, (SERVICE,)) if kind is CorrelationType.VALUE_COUNT else {},
        bounds=Bounds(gte=least),
    )


def batches(count: int) -> Iterator[list[SourceEvent]]:
    """The events in the order in which they come, made just before they are asked for, as a parser makes them."""
    draw = random.Random(7)
    order = sorted(range(count), key=lambda number: number * HOUR // count + draw.random() * DISORDER)
    for at in range(0, count, BATCH):
        yield [call(number, count, draw) for number in order[at : at + BATCH]]


def call(number: int, count: int, draw: random.Random) -> SourceEvent:
    token = draw.randrange(TOKENS)
    service = f"service-{(token + draw.randrange(4)) % 40}.example"
    user = {"credential_uid": f"aws-key-id:AKIA{token:012}"}
    return SourceEvent(
        uid=f"{number:032x}",
        time=1_700_000_000_000 + number * HOUR // count,
        record={"actor": {"user": user}, "api": {"service": {"name": service}}},
        kind="cloudtrail",
        source="trail",
    )


def updates(rule: Correlation, count: int) -> tuple[float, Correlator]:
    """Reading the group, taking the match, early looks and conclusions of one rule, without an engine around it."""
    correlator = judge(rule, Context())
    assert isinstance(correlator, Correlator)
    spent, latest = 0.0, 0
    for batch in batches(count):
        begun = time.process_time()
        for event in batch:
            correlator.take(0, "", event.record, event.time, event.uid)
        latest = max(latest, *(event.time for event in batch))
        correlator.look()
        correlator.advance(latest - DISORDER)
        spent += time.process_time() - begun
    return count / spent, correlator


def through_engine(rules: Sequence[Rule], names: Sequence[str], count: int) -> tuple[float, Engine]:
    engine = Engine(rules, lambda _: names, default=SourceSettings(lateness_seconds=DISORDER // 1000))
    spent = 0.0
    for batch in batches(count):
        begun = time.process_time()
        engine.feed(batch)
        spent += time.process_time() - begun
    return count / spent, engine


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 500_000
    print(f"{count:,} events of {TOKENS:,} tokens in an hour")
    for kind, least in ((CorrelationType.EVENT_COUNT, 500), (CorrelationType.VALUE_COUNT, 5)):
        rate, correlator = updates(correlation(kind, least), count)
        print(f"{kind.value}: {rate:,.0f} updates per CPU-second, {correlator.entries:,} matches kept")
    rate, _ = updates(correlation(CorrelationType.TEMPORAL, 0), count)
    print(f"temporal: {rate:,.0f} updates per CPU-second")
    first_seen = FirstSeen(value=(SERVICE,), key=(TOKEN,), learning_seconds=1_800)
    baseline = Baseline(key=(TOKEN,), bucket_seconds=60, buckets_min=24, false_alarms=1e-4)
    lanes: list[tuple[str, list[Rule], list[str]]] = [
        ("no rule matches", [detection("call")], []),
        ("event_count", [detection("call", silent=True), correlation(CorrelationType.EVENT_COUNT, 500)], ["call"]),
        ("first_seen", [detection("call", first_seen=first_seen)], ["call"]),
        ("baseline", [detection("call", baseline=baseline)], ["call"]),
    ]
    for name, rules, names in lanes:
        rate, engine = through_engine(rules, names, count)
        begun = time.process_time()
        kept = engine.snapshot()
        cost = time.process_time() - begun
        print(f"engine, {name}: {rate:,.0f} events per CPU-second; snapshot {len(kept):,} bytes in {cost:.2f} s")
    kept = msgspec.msgpack.encode(updates(correlation(CorrelationType.EVENT_COUNT, 500), count)[1].save())
    tracemalloc.start()
    correlator = judge(correlation(CorrelationType.EVENT_COUNT, 500), Context())
    assert isinstance(correlator, Correlator)
    correlator.load(msgspec.msgpack.decode(kept, type=RuleState))
    held, _ = tracemalloc.get_traced_memory()
    print(f"event_count: {held:,} bytes of state, {held / correlator.entries:.0f} a match")


if __name__ == "__main__":
    main()
