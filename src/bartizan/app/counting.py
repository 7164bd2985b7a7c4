"""Counting for all gateways that share a store. A store that does not answer in time is no: the caller denies."""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import TypeVar

import msgspec

from bartizan.model.limits import Limits
from bartizan.model.need import Count, Counted, Take
from bartizan.ports import Counters

T = TypeVar("T")


class SharedCounting:
    """Asks the store in threads of its own, so that one that hangs holds no other call.

    What answers took is owed to the store until it is told; while more is owed than `counters_owed_max` budgets, every
    question is refused, for the store would answer too mildly.
    """

    def __init__(self, store: Counters, limits: Limits, now: Callable[[], datetime]) -> None:
        self._store, self._limits, self._now = store, limits, now
        self._threads = ThreadPoolExecutor(limits.counters_parallel_max, thread_name_prefix="counters")
        self._owed: dict[str, Take] = {}
        self._telling: asyncio.Task[None] | None = None

    async def count(self, question: Count) -> Counted:
        """Take from shared budgets. Raises LookupError, and what the store raises."""
        if len(self._owed) > self._limits.counters_owed_max:
            raise LookupError("the store was not told what answers took")
        return await self._run(self._store.take, question.takes)

    def spend(self, takes: Sequence[Take]) -> None:
        """Tell the store, soon, what answers took."""
        for one in takes:
            owed = self._owed.get(one.key)
            amount = one.amount + (owed.amount if owed else 0)
            self._owed[one.key] = msgspec.structs.replace(one, amount=amount)
        if self._telling is None:
            self._telling = asyncio.get_running_loop().create_task(self._tell())
            self._telling.add_done_callback(self._told)

    async def close(self) -> None:
        """Tell what is owed, within the time that a question has, and let go of the store."""
        if self._owed and self._telling is None:
            self.spend(())
        if self._telling is not None:
            await asyncio.wait([self._telling], timeout=self._limits.need_seconds_max)
        self._threads.shutdown(wait=False, cancel_futures=True)
        self._store.close()

    async def _tell(self) -> None:
        owed, self._owed = list(self._owed.values()), {}
        try:
            async with asyncio.timeout(self._limits.need_seconds_max):
                await self._run(self._store.add, owed)
        except Exception:  # whatever it was, the store was not told, and it stays owed
            for one in owed:
                later = self._owed.get(one.key)
                self._owed[one.key] = msgspec.structs.replace(one, amount=one.amount + (later.amount if later else 0))

    def _told(self, _task: asyncio.Task[None]) -> None:
        self._telling = None  # what is still owed is told with the next answer

    async def _run(self, call: Callable[[Sequence[Take], datetime], T], takes: Sequence[Take]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, call, takes, self._now())
