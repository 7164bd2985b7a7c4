"""Commits that are shared by those who wait at the same moment, on the event loop's own thread."""

import asyncio
from collections.abc import Callable
from typing import Protocol

from bartizan.model.event import Event
from bartizan.model.limits import DEFAULT, Limits
from bartizan.ports import Bus, BusError

_Waiting = tuple[tuple[Event, ...], "asyncio.Future[None] | None"]


class Recorder(Protocol):
    """Records what happens while messages pass."""

    async def accepted(self, *events: Event) -> None:
        """Commit events: what this has returned for is not lost. Raises BusError."""
        ...

    def later(self, *events: Event) -> None:
        """Commit events soon; nobody waits for it. Never raises: what cannot be kept is told elsewhere."""
        ...


class Direct:
    """Each in a commit of its own, at once."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus

    async def accepted(self, *events: Event) -> None:
        """Commit. Raises BusError."""
        self._bus.accept(*events)

    def later(self, *events: Event) -> None:
        """Commit, if it can be."""
        try:
            self._bus.accept(*events)
        except BusError:
            return


class Grouped:
    """One commit for all that come in one turn of the loop, and for what was to be committed later.

    A crash of this process loses of what was given to `later` at most what came in the last `bus_lost_seconds_max`
    (100 ms), and never more than `bus_lost_events_max` (1,000) events. `told` hears of what could not be kept.
    """

    def __init__(self, bus: Bus, told: Callable[[str], None], limits: Limits = DEFAULT) -> None:
        self._bus, self._told, self._limits = bus, told, limits
        self._loop = asyncio.get_running_loop()
        self._waiting: list[_Waiting] = []
        self._timer: asyncio.Handle | None = None
        self._due = False

    async def accepted(self, *events: Event) -> None:
        """Commit with the others of this turn. Raises BusError."""
        done = self._loop.create_future()
        self._waiting.append((events, done))
        if not self._due:
            self._due = True
            self._loop.call_soon(self.flush)
        await done

    def later(self, *events: Event) -> None:
        """Commit with the next who wait, or within half of the time that may be lost."""
        self._waiting.append((events, None))
        if len(self._waiting) >= self._limits.bus_lost_events_max:
            self.flush()
        elif self._timer is None and not self._due:
            self._timer = self._loop.call_later(self._limits.bus_lost_seconds_max / 2, self.flush)

    def flush(self) -> None:
        """Commit what waits, now."""
        self._due = False
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        group, self._waiting = self._waiting, []
        if not group:
            return
        try:
            self._bus.accept(*[event for events, _ in group for event in events])
        except BusError:
            for one in group:  # what spoils it for all may be one of them: then the others are not refused for it
                self._alone(one)
            return
        for _, done in group:
            if done is not None and not done.done():
                done.set_result(None)

    def _alone(self, one: _Waiting) -> None:
        events, done = one
        try:
            self._bus.accept(*events)
        except BusError as error:
            if done is None:
                self._told(f"events are lost: {error}")
            elif not done.done():
                done.set_exception(BusError(str(error)))
        else:
            if done is not None and not done.done():
                done.set_result(None)
