"""Deadlines by one timer: what is in time goes on, what is late ends, and whoever cancels is obeyed."""

import asyncio

import pytest

from bartizan.adapters.transports.deadlines import Deadlines


def test_what_is_in_time_goes_on():
    async def talk():
        deadlines = Deadlines(0.05)
        with deadlines.within(60):
            await asyncio.sleep(0)
        assert not deadlines.watched
        deadlines.stop()
        return "done"

    assert asyncio.run(talk()) == "done"


def test_what_waits_too_long_hears_that_it_is_late():
    async def talk():
        deadlines = Deadlines(0.02)
        with pytest.raises(TimeoutError), deadlines.within(0.02):
            await asyncio.Event().wait()
        assert asyncio.current_task().cancelling() == 0  # pyright: ignore[reportOptionalMemberAccess]
        await asyncio.sleep(0)
        deadlines.stop()

    asyncio.run(talk())


def test_who_is_cancelled_while_waiting_is_cancelled():
    async def waits(deadlines):
        with deadlines.within(60):
            await asyncio.Event().wait()

    async def talk():
        deadlines = Deadlines(0.02)
        task = asyncio.create_task(waits(deadlines))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        deadlines.stop()

    asyncio.run(talk())


def test_an_error_passes_as_it_is():
    async def talk():
        deadlines = Deadlines(0.02)
        with pytest.raises(OSError, match="gone"), deadlines.within(60):
            raise OSError("gone")
        deadlines.stop()

    asyncio.run(talk())
