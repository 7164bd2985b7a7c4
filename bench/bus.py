"""How many events the journal takes in a second, one by one, in batches and waited for, and how long a check takes.

python bench/bus.py
"""

import asyncio
import tempfile
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from bartizan.adapters.bus.batched import Batches
from bartizan.adapters.bus.sqlite import Journal
from bartizan.model.event import API_ACTIVITY, Event
from bartizan.model.secret import Secret

EVENTS = 20_000
SESSIONS = 16


def now() -> datetime:
    return datetime.now(UTC)


def events() -> list[Event]:
    """Records of tool calls, about 450 bytes each."""
    mcp = {"server": "github", "method": "tools/call", "tool": "create_issue", "revision": "2025-11-25"}
    more = {"principal": "ada@example.com", "decision": "allow", "guards": ["limits", "identity", "access", "rate"]}
    return [
        Event(
            uid=f"{number:032x}",
            time=now(),
            class_uid=API_ACTIVITY,
            activity_name="tools/call",
            message="allowed",
            mcp={**mcp, "transport": "streamable_http", "session": "0123456789abcdef"},
            unmapped={**more, "duration_ms": 3.25},
        )
        for number in range(EVENTS)
    ]


def timed(what: str, number: int, deed: Callable[[], object]) -> None:
    start, used = time.perf_counter(), time.process_time()
    deed()
    wall, cpu = time.perf_counter() - start, time.process_time() - used
    print(f"{what:<52} {number / wall:9,.0f} /s   {cpu / number * 1e6:7.1f} us of CPU each")


def one_by_one(journal: Journal, some: Sequence[Event]) -> None:
    for event in some:
        journal.accept(event)


def offered(journal: Journal, some: Sequence[Event]) -> None:
    batches = Batches(journal)
    for number, event in enumerate(some):
        batches.offer(event)
        if number % 500 == 0:
            time.sleep(0)
    batches.close()


def waited_for(journal: Journal, some: Sequence[Event]) -> None:
    batches = Batches(journal)

    async def session(part: Sequence[Event]) -> None:
        for event in part:
            await batches.accepted(event)

    async def all_sessions() -> None:
        await asyncio.gather(*(session(some[number::SESSIONS]) for number in range(SESSIONS)))

    asyncio.run(all_sessions())
    batches.close()


def main() -> None:
    some = events()
    with tempfile.TemporaryDirectory() as folder:
        journal = Journal(Path(folder) / "events.db", Secret("key"), now)
        timed("accepted one by one, each committed", EVENTS, lambda: one_by_one(journal, some))
        timed("offered in batches", EVENTS, lambda: offered(journal, some))
        timed(f"waited for by {SESSIONS} sessions", EVENTS, lambda: waited_for(journal, some))
        timed("chain and signatures verified", 3 * EVENTS, journal.verify)
        journal.close()
        safe = Journal(Path(folder) / "safe.db", Secret("key"), now, power_safe=True)
        timed("accepted one by one, safe from loss of power", 2_000, lambda: one_by_one(safe, some[:2_000]))
        timed(f"the same, waited for by {SESSIONS} sessions", EVENTS, lambda: waited_for(safe, some))
        safe.close()


if __name__ == "__main__":
    main()
