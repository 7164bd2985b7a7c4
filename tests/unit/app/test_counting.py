"""Counting for all gateways: replicas share what policy limits, and a store that does not answer is no."""

import asyncio
import threading
from datetime import timedelta
from typing import Any

import pytest

from bartizan.adapters.store.counting import SqlCounters
from bartizan.app.counting import SharedCounting
from bartizan.model.call import Verb
from bartizan.model.decision import Effect, Refusal
from bartizan.model.limits import Limits
from bartizan.model.need import Count, Counted, Need, Take
from bartizan.prevent.gate import Gate
from bartizan.prevent.guards.rate import Rate
from fixtures.calls import AT, a_call, rules

POLICY = "limits: [{per: [principal], calls: 3, window: 1h}, {per: [principal], bytes: 1000, window: 1h}]"
TAKE = Take(key="k", window_seconds=60, most=5)


class Replica:
    """A gateway's guard, and how it counts."""

    def __init__(self, url, policy=POLICY):
        self.guard = Rate(rules(policy), shared=True)
        self.counting = SharedCounting(SqlCounters(url), Limits(need_seconds_max=20), lambda: AT)
        self.number = 0

    async def call(self, **facts) -> Any:
        self.number += 1
        self.last = a_call(uid=f"{id(self)}.{self.number}", arguments={"n": self.number}, **facts)
        judged = self.guard.judge(self.last, ())
        if isinstance(judged, Need):
            assert isinstance(judged.question, Count)
            judged = self.guard.judge(self.last, [await self.counting.count(judged.question)])
        assert not isinstance(judged, Need)
        return judged[1]


def test_replicas_share_what_policy_limits(tmp_path):
    async def run():
        url = f"sqlite:///{tmp_path}/s/b.db"
        one, other = Replica(url), Replica(url)
        decisions = [await (one, other)[number % 2].call() for number in range(4)]
        assert [decision.effect for decision in decisions] == [Effect.ALLOW] * 3 + [Effect.DENY]
        refused = decisions[3]
        assert (refused.refusal, refused.exception) == (Refusal.TOO_MANY, "p.yml:1: `calls`")
        assert refused.retry_after_seconds > 3000
        await one.counting.close()
        await other.counting.close()

    asyncio.run(run())


def test_bytes_of_answers_count_for_all(tmp_path):
    async def run():
        url = f"sqlite:///{tmp_path}/s/b.db"
        one, other = Replica(url), Replica(url)
        assert (await one.call()).effect is Effect.ALLOW
        one.counting.spend(Gate([one.guard]).spent(one.last, 2000))
        await one.counting.close()
        refused = await other.call()
        assert (refused.effect, refused.exception) == (Effect.DENY, "p.yml:1: `bytes`")
        await other.counting.close()

    asyncio.run(run())


def test_nothing_is_asked_where_nothing_is_limited():
    guard = Rate(rules("roles: {}"), shared=True)
    assert not isinstance(guard.judge(a_call(), ()), Need)
    alone = Rate(rules(POLICY))
    assert not isinstance(alone.judge(a_call(verb=Verb.LIST), ()), Need)
    assert alone.spent(a_call(), 10) == ()


class Hung:
    """A store that does not answer."""

    def __init__(self):
        self.free, self.added = threading.Event(), []

    def take(self, takes, at):
        self.free.wait(20)
        return Counted(granted=True)

    def add(self, takes, at):
        if not self.free.is_set():
            raise OSError("down")
        self.added += takes

    def close(self):
        pass


def test_a_store_that_hangs_answers_nobody_and_holds_nobody_up():
    async def run():
        store = Hung()
        counting = SharedCounting(store, Limits(need_seconds_max=0.05), lambda: AT)
        for _ in range(3):
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.02):
                    await counting.count(Count(takes=(TAKE,)))
        store.free.set()
        await counting.close()

    asyncio.run(run())


def test_what_the_store_was_not_told_stays_owed_and_too_much_of_it_refuses():
    async def run():
        store = Hung()
        counting = SharedCounting(store, Limits(need_seconds_max=0.5, counters_owed_max=0), lambda: AT)
        counting.spend([TAKE])
        await asyncio.sleep(0.05)
        with pytest.raises(LookupError, match="not told"):
            await counting.count(Count(takes=(TAKE,)))
        store.free.set()
        counting.spend([TAKE])
        await asyncio.sleep(0.05)
        assert [(one.key, one.amount) for one in store.added] == [("k", 2)]
        assert (await counting.count(Count(takes=(TAKE,)))).granted
        await counting.close()

    asyncio.run(run())


def test_the_window_of_another_day_is_another_budget(tmp_path):
    async def run():
        replica = Replica(f"sqlite:///{tmp_path}/s/b.db")
        for _ in range(3):
            assert (await replica.call()).effect is Effect.ALLOW
        later = AT + timedelta(hours=2)
        replica.counting._now = lambda: later
        assert (await replica.call(at=later)).effect is Effect.ALLOW
        await replica.counting.close()

    asyncio.run(run())
