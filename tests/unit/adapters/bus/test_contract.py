"""What every bus keeps, whichever adapter it is."""

from collections.abc import Callable
from threading import Thread
from typing import Any

import msgspec
import pytest

from bartizan.model.event import Event
from bartizan.model.secret import Secret
from bartizan.ports import Bus, BusError

MakeEvent = Callable[[int], Event]
OpenBus = Callable[[], Bus]


def test_accepted_events_come_back_in_their_order_and_unaltered(open_bus: OpenBus, event: MakeEvent) -> None:
    bus = open_bus()
    sent = [event(number) for number in range(7)]
    assert [bus.accept(one) for one in sent[:3]] == [1, 2, 3]
    assert bus.accept(*sent[3:]) == 7
    portion = bus.read(0, 100)
    assert [kept.event for kept in portion.events] == sent
    assert [kept.sequence for kept in portion.events] == [1, 2, 3, 4, 5, 6, 7]
    assert portion.lost == 0


def test_a_reader_goes_on_after_its_cursor(open_bus: OpenBus, event: MakeEvent) -> None:
    bus = open_bus()
    bus.accept(*(event(number) for number in range(5)))
    first = bus.read(0, 2)
    assert first.cursor == 2
    second = bus.read(first.cursor, 2)
    assert [kept.event.uid for kept in second.events] == ["call-2", "call-3"]
    assert bus.read(5, 2).cursor is None


def test_another_reader_sees_what_was_accepted_at_once(open_bus: OpenBus, event: MakeEvent) -> None:
    writer, reader = open_bus(), open_bus()
    writer.accept(event(1))
    assert len(reader.read(0, 10).events) == 1


def test_events_outlive_the_bus_that_took_them(open_bus: OpenBus, event: MakeEvent) -> None:
    bus = open_bus()
    bus.accept(event(1))
    bus.close()
    again = open_bus()
    assert again.accept(event(2)) == 2
    assert again.verify().events == 2


def test_several_writers_make_one_order_without_gaps(open_bus: OpenBus, event: MakeEvent) -> None:
    buses = [open_bus(), open_bus()]

    def write(bus: Bus) -> None:
        for number in range(20):
            bus.accept(event(number))

    threads = [Thread(target=write, args=(bus,)) for bus in buses for _ in range(1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [kept.sequence for kept in buses[0].read(0, 100).events] == list(range(1, 41))
    assert buses[0].verify().broken == ""


def test_a_batch_with_an_event_that_cannot_be_written_leaves_nothing(open_bus: OpenBus, event: MakeEvent) -> None:
    bus = open_bus()
    huge = msgspec.structs.replace(event(2), message="x" * 5_000)
    with pytest.raises(BusError, match="bus_event_bytes_max"):
        bus.accept(event(1), huge)
    assert bus.read(0, 10).events == ()


def test_a_secret_never_gets_onto_the_bus(open_bus: OpenBus, event: MakeEvent) -> None:
    bus = open_bus()
    hidden: Any = {"token": Secret("do not keep me")}
    with pytest.raises(BusError) as told:
        bus.accept(msgspec.structs.replace(event(1), unmapped=hidden))
    assert "do not keep me" not in str(told.value)
    assert bus.read(0, 10).events == ()


def test_what_is_kept_is_bounded_and_a_reader_hears_what_it_missed(open_bus: OpenBus, event: MakeEvent) -> None:
    bus = open_bus()
    for number in range(200):
        bus.accept(event(number))
    verified = bus.verify()
    assert verified.broken == ""
    assert verified.last == 200
    assert verified.events <= 60
    portion = bus.read(5, 10)
    assert portion.lost == verified.first - 6
    assert portion.events[0].sequence == verified.first


def test_an_empty_bus_is_in_order(open_bus: OpenBus) -> None:
    assert open_bus().verify().broken == ""
