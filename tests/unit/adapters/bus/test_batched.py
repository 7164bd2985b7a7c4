"""Batches before a bus: what was waited for is kept, what was not is lost within bounds that are said."""

import asyncio
import threading
from collections.abc import Callable

import pytest

from bartizan.adapters.bus.batched import Batches
from bartizan.model.event import Event
from bartizan.model.limits import Limits
from bartizan.ports import Bus, BusError, Portion, Verified

MakeEvent = Callable[[int], Event]


class Gated:
    """A bus that commits when the test lets it, and counts its commits."""

    def __init__(self) -> None:
        self.open, self.entered = threading.Event(), threading.Event()
        self.commits: list[int] = []
        self.fails = False

    def accept(self, *events: Event) -> int:
        self.entered.set()
        self.open.wait(10)
        if self.fails:
            raise BusError("disk full")
        self.commits.append(len(events))
        return sum(self.commits)

    def read(self, after: int, most: int) -> Portion:
        raise NotImplementedError

    def verify(self) -> Verified:
        raise NotImplementedError

    def close(self) -> None: ...


def test_everything_offered_is_committed_at_the_end(open_bus: Callable[[], Bus], event: MakeEvent) -> None:
    bus = open_bus()
    batches = Batches(bus)
    for number in range(40):
        batches.offer(event(number))
    batches.close()
    assert [kept.event.uid for kept in bus.read(0, 100).events] == [f"call-{number}" for number in range(40)]


def test_what_was_waited_for_is_on_the_bus(open_bus: Callable[[], Bus], event: MakeEvent) -> None:
    bus = open_bus()
    batches = Batches(bus)

    async def talk() -> None:
        numbers = await asyncio.gather(*(batches.accepted(event(number)) for number in range(30)))
        assert sorted(numbers) == list(range(1, 31))
        for number, uid in zip(numbers, range(30), strict=True):
            (kept,) = bus.read(number - 1, 1).events
            assert kept.event.uid == f"call-{uid}"

    asyncio.run(talk())
    batches.close()


def test_events_that_come_during_a_commit_share_the_next_one(event: MakeEvent) -> None:
    bus = Gated()
    batches = Batches(bus)

    async def talk() -> None:
        first = asyncio.create_task(batches.accepted(event(0)))
        await asyncio.to_thread(bus.entered.wait, 10)
        others = [asyncio.create_task(batches.accepted(event(number))) for number in range(1, 20)]
        await asyncio.sleep(0)
        bus.open.set()
        await asyncio.gather(first, *others)

    asyncio.run(talk())
    batches.close()
    assert bus.commits == [1, 19]


def test_no_more_than_the_stated_number_of_events_can_be_lost(event: MakeEvent) -> None:
    bus = Gated()
    batches = Batches(bus, Limits(bus_lost_events_max=5, bus_lost_seconds_max=0.01))
    for number in range(5):
        batches.offer(event(number))
    with pytest.raises(BusError, match="bus_lost_events_max"):
        batches.offer(event(5))
    bus.open.set()
    batches.close()
    assert sum(bus.commits) == 5


def test_a_bus_that_fails_is_told_to_whoever_waits_and_to_the_next_who_does_not(event: MakeEvent) -> None:
    bus = Gated()
    bus.fails = True
    bus.open.set()
    batches = Batches(bus)

    async def talk() -> None:
        with pytest.raises(BusError, match="disk full"):
            await batches.accepted(event(1))

    asyncio.run(talk())
    batches.offer(event(2))
    with pytest.raises(BusError, match="disk full"):
        batches.close()


def test_whoever_stops_waiting_harms_nobody_else(event: MakeEvent) -> None:
    bus = Gated()
    batches = Batches(bus)

    async def talk() -> None:
        first = asyncio.create_task(batches.accepted(event(0)))
        await asyncio.to_thread(bus.entered.wait, 10)
        gone = asyncio.create_task(batches.accepted(event(1)))
        stays = asyncio.create_task(batches.accepted(event(2)))
        await asyncio.sleep(0)
        gone.cancel()
        bus.open.set()
        await asyncio.gather(first, stays)

    asyncio.run(talk())
    batches.close()
    assert sum(bus.commits) == 3
