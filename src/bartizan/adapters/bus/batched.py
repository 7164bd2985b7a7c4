"""Batches before a bus: one commit for many events, for callers who wait for it and for callers who do not."""

import asyncio
import queue
import threading
import time
from concurrent.futures import Future

from bartizan.model.event import Event
from bartizan.model.limits import DEFAULT, Limits
from bartizan.ports import Bus, BusError

_Waiting = tuple[Event, "Future[int] | None"]


class Batches:
    """A thread that gives a bus what comes in while it commits what came before.

    `accepted` waits for the commit: nothing that it has returned for is lost. `offer` does not wait: a crash of this
    process loses what came within `bus_lost_seconds_max` (100 ms) before it, and never more than `bus_lost_events_max`
    (1,000) events. So `offer` is for calls that change nothing; the record of a write is waited for. It is the caller
    who knows which is which.
    """

    def __init__(self, bus: Bus, limits: Limits = DEFAULT) -> None:
        self._bus, self._limits = bus, limits
        self._waiting: queue.SimpleQueue[_Waiting | None] = queue.SimpleQueue()
        self._room = threading.BoundedSemaphore(limits.bus_lost_events_max)
        self._broken = ""
        self._closed = False
        self._thread = threading.Thread(target=self._work, name="bartizan-bus", daemon=True)
        self._thread.start()

    def offer(self, event: Event) -> None:
        """Take an event to be committed soon. Raises BusError when the bus took no more, or cannot keep up."""
        self._put(event, None)

    async def accepted(self, event: Event) -> int:
        """Commit an event, together with what others bring at the same time; its number. Raises BusError."""
        done: Future[int] = Future()
        self._put(event, done)
        return await asyncio.wrap_future(done)

    def close(self) -> None:
        """Commit what is left and end. The bus stays open. Raises BusError when what was offered could not be kept."""
        if not self._closed:
            self._closed = True
            self._waiting.put(None)
            self._thread.join()
        self._raise_broken()

    def _put(self, event: Event, done: "Future[int] | None") -> None:
        self._raise_broken()
        if self._closed:
            raise BusError("the bus is closed")
        if not self._room.acquire(timeout=self._limits.bus_lost_seconds_max):
            raise BusError(f"more than bus_lost_events_max ({self._limits.bus_lost_events_max}) events wait")
        self._waiting.put((event, done))

    def _raise_broken(self) -> None:
        """What was offered and could not be committed: the next caller hears of it, once."""
        if broken := self._broken:
            self._broken = ""
            raise BusError(broken)

    def _work(self) -> None:
        while True:
            batch, last = self._batch()
            if batch:
                self._commit(batch)
            if last:
                return

    def _batch(self) -> tuple[list[_Waiting], bool]:
        """What waits now. While nobody waits for the commit, more is let come: half of the time that may be lost."""
        first = self._waiting.get()
        if first is None:
            return [], True
        batch, until = [first], time.monotonic() + self._limits.bus_lost_seconds_max / 2
        while len(batch) < self._limits.bus_lost_events_max:
            patient = all(done is None for _, done in batch[-1:])
            try:
                left = until - time.monotonic()
                one = self._waiting.get(timeout=left) if patient and left > 0 else self._waiting.get_nowait()
            except queue.Empty:
                break
            if one is None:
                return batch, True
            batch.append(one)
        return batch, False

    def _commit(self, batch: list[_Waiting]) -> None:
        # Whoever stopped waiting is not told; the event is committed all the same.
        batch = [(event, done if done and done.set_running_or_notify_cancel() else None) for event, done in batch]
        try:
            last = self._bus.accept(*(event for event, _ in batch))
        except BusError as error:
            self._fail(batch, str(error))
        except BaseException as error:
            self._fail(batch, f"the bus failed: {type(error).__name__}")
        else:
            for number, (_, done) in enumerate(batch, last - len(batch) + 1):
                if done is not None:
                    done.set_result(number)
        self._room.release(len(batch))

    def _fail(self, batch: list[_Waiting], why: str) -> None:
        for _, done in batch:
            if done is None:
                self._broken = why
            else:
                done.set_exception(BusError(why))
