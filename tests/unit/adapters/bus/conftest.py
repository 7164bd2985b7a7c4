"""Buses under the contract: one entry for each adapter of the port, each opened anew on the same state."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bartizan.adapters.bus.sqlite import Journal
from bartizan.model.event import API_ACTIVITY, Event
from bartizan.model.limits import Limits
from bartizan.model.secret import Secret
from bartizan.ports import Bus

KEY = "key of a deployment"
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
# Small, so that signatures and cuts come into play.
LIMITS = Limits(bus_signed_events=10, bus_events_max=50, bus_read_events_max=100, bus_event_bytes_max=2_000)
OpenBus = Callable[[], Bus]


class Clock:
    """A time that stands until a test moves it."""

    def __init__(self) -> None:
        self.at = NOON

    def now(self) -> datetime:
        return self.at

    def advance(self, **by: float) -> None:
        self.at += timedelta(**by)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def event() -> Callable[[int], Event]:
    def made(number: int, at: datetime = NOON) -> Event:
        return Event(uid=f"call-{number}", time=at, class_uid=API_ACTIVITY, activity_name="tools/call", message="ä" * 9)

    return made


@pytest.fixture(params=["sqlite"])
def open_bus(request: pytest.FixtureRequest, tmp_path: Path, clock: Clock) -> Iterator[OpenBus]:
    """Opens a bus of the adapter; a second call opens a second one on the same events."""
    opened: list[Bus] = []

    def sqlite() -> Bus:
        opened.append(Journal(tmp_path / "state" / "events.db", Secret(KEY), clock.now, limits=LIMITS))
        return opened[-1]

    yield {"sqlite": sqlite}[request.param]
    for bus in opened:
        bus.close()
