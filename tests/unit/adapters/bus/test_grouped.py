"""Commits that are shared: who waited is on the bus, what nobody waited for is lost within bounds that are said."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from bartizan.adapters.bus.grouped import Grouped
from bartizan.model.event import Event
from bartizan.model.limits import Limits
from bartizan.ports import Bus, BusError

MakeEvent = Callable[[int], Event]


class Counting:
    """A bus that counts its commits, and refuses events by their uid."""

    def __init__(self, *refuses: str) -> None:
        self.commits: list[list[str]] = []
        self.refuses = refuses

    def accept(self, *events: Event) -> int:
        uids = [event.uid for event in events]
        if set(uids) & set(self.refuses):
            raise BusError("too large")
        self.commits.append(uids)
        return len(uids)


def grouped(bus: Any, said: list[str] | None = None, limits: Limits | None = None) -> Grouped:
    return Grouped(bus, (said if said is not None else []).append, limits or Limits())


def test_what_was_waited_for_is_on_the_bus(open_bus: Callable[[], Bus], event: MakeEvent) -> None:
    bus = open_bus()

    async def talk() -> None:
        recorder = grouped(bus)

        async def one(number: int) -> None:
            await recorder.accepted(event(number))
            assert f"call-{number}" in {kept.event.uid for kept in bus.read(0, 100).events}

        await asyncio.gather(*(one(number) for number in range(30)))

    asyncio.run(talk())


def test_those_who_wait_in_one_turn_share_a_commit(event: MakeEvent) -> None:
    bus = Counting()

    async def talk() -> None:
        recorder = grouped(bus)
        recorder.later(event(0))
        await asyncio.gather(*(recorder.accepted(event(number)) for number in (1, 2)))

    asyncio.run(talk())
    assert bus.commits == [["call-0", "call-1", "call-2"]]


def test_what_nobody_waits_for_is_committed_before_the_time_that_may_be_lost(event: MakeEvent) -> None:
    bus = Counting()

    async def talk() -> None:
        limits = Limits(bus_lost_seconds_max=0.02)
        recorder = grouped(bus, limits=limits)
        recorder.later(event(0))
        assert bus.commits == []
        await asyncio.sleep(limits.bus_lost_seconds_max)

    asyncio.run(talk())
    assert bus.commits == [["call-0"]]


def test_no_more_than_may_be_lost_ever_waits(event: MakeEvent) -> None:
    bus = Counting()

    async def talk() -> None:
        recorder = grouped(bus, limits=Limits(bus_lost_events_max=2, bus_lost_seconds_max=60.0))
        recorder.later(event(0))
        recorder.later(event(1))
        assert bus.commits == [["call-0", "call-1"]]

    asyncio.run(talk())


def test_an_event_that_cannot_be_kept_spoils_it_for_nobody_else(event: MakeEvent) -> None:
    bus, said = Counting("call-0", "call-2"), list[str]()

    async def talk() -> list[BaseException | None]:
        recorder = grouped(bus, said)
        recorder.later(event(0))
        waiting = (recorder.accepted(event(number)) for number in (1, 2, 3))
        return await asyncio.gather(*waiting, return_exceptions=True)

    first, second, third = asyncio.run(talk())
    assert (first, third, isinstance(second, BusError)) == (None, None, True)
    assert bus.commits == [["call-1"], ["call-3"]]
    assert said == ["events are lost: too large"]


def test_who_stops_waiting_takes_nobody_along(event: MakeEvent) -> None:
    bus = Counting()

    async def talk() -> None:
        recorder = grouped(bus)
        gone, stays = (asyncio.create_task(recorder.accepted(event(number))) for number in (1, 2))
        await asyncio.sleep(0)
        gone.cancel()
        await stays
        with pytest.raises(asyncio.CancelledError):
            await gone

    asyncio.run(talk())
    assert bus.commits == [["call-1", "call-2"]]


def test_the_end_commits_what_waits(event: MakeEvent) -> None:
    bus = Counting()

    async def talk() -> None:
        recorder = grouped(bus)
        recorder.later(event(0))
        recorder.flush()
        recorder.flush()

    asyncio.run(talk())
    assert bus.commits == [["call-0"]]
