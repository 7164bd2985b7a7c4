"""A hundred hostile starts: each ends in bounded time, leaves no process, and says in its looks what happened."""

import asyncio
import contextlib
import sys
import time
import uuid
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from bartizan.adapters.probers.mcp import McpProber
from bartizan.model.coverage import Outcome
from bartizan.model.launch import Launch
from bartizan.model.limits import Limits
from bartizan.model.secret import Secret
from bartizan.model.snapshot import Transport
from bartizan.ports import Probed

KEY = Secret("k" * 64)
SCRIPT = Path(__file__).parents[1] / "fixtures/servers/hostile.py"
PROC = Path("/proc")
pytestmark = pytest.mark.skipif(not PROC.joinpath("self/environ").exists(), reason="processes are found by /proc")

LIMITS = Limits(
    probe_seconds_max=8,
    discover_seconds_max=1.5,
    start_seconds_max=2.5,
    request_seconds_max=2,
    unreadable_seconds_max=0.5,
    stop_seconds_max=1.5,
    message_bytes_max=1024 * 1024,
    sse_event_bytes_max=1024 * 1024,
    probe_bytes_max=4 * 1024 * 1024,
    messages_max=500,
    pages_max=20,
    definitions_max=12_000,
    stderr_bytes_max=16 * 1024,
)
PATIENT = msgspec.structs.replace(
    LIMITS, discover_seconds_max=20, start_seconds_max=30, request_seconds_max=30, probe_seconds_max=60
)
# The opening's and the list's time, a second attempt, and what it takes to end the processes on a busy machine.
SECONDS_MAX = LIMITS.probe_seconds_max + 4 * LIMITS.stop_seconds_max + 10
PARALLEL = 12

# Behaviour: the stages in which it shows, and a word that the reason must hold (in each stage, or in all).
ANYWHERE = ("start", "opening", "modern", "legacy")
LATER = ("modern", "legacy")
HOSTILE: dict[str, tuple[tuple[str, ...], str]] = {
    "hang": (ANYWHERE, "in time"),
    "flood_notifications": (ANYWHERE, "messages_max"),
    "flood_line": (ANYWHERE, "message_bytes_max"),
    "flood_blank": (ANYWHERE, "probe_bytes_max"),
    "flood_stderr": (ANYWHERE, "in time"),
    "flood_requests": (ANYWHERE, ""),
    "flood_pings_unread": (LATER, ""),
    "fork_bomb": (ANYWHERE, "in time"),
    "respawning": (ANYWHERE, "ended with exit code 0"),
    "escape": (ANYWHERE, "ended with exit code 0"),
    "escape_with_output": (ANYWHERE, "ended with exit code 0"),
    "garbage": (ANYWHERE, ""),
    "text": (("start", "modern"), "in time"),
    "wrong_id": (ANYWHERE, "never made"),
    "string_id": (("start", *LATER), "never made"),
    "null_id": (LATER, "refused"),
    "crash": (ANYWHERE, "signal 11"),
    "leave": (ANYWHERE, "ended with exit code 7"),
    "half_line": (("start", *LATER), "in time"),
    "half_line_then_leave": (("start", *LATER), "in the middle of a message"),
    "deep_json": (LATER, "json_depth_max"),
    "duplicate_keys": (LATER, "same key twice"),
    "escaped_duplicate": (LATER, "same key twice"),
    "surrogate": (LATER, "surrogate"),
    "invalid_utf8": (LATER, "UTF-8"),
    "not_a_number": (LATER, "NaN"),
    "huge_number": (LATER, "json_integer_digits_max"),
    "batch": (LATER, "not a JSON-RPC"),
    "both": (LATER, "or both"),
    "huge_line": (LATER, "message_bytes_max"),
    "not_a_list": (LATER, "no list"),
    "input_required": (("modern",), "complete"),
    "number_cursor": (LATER, "not a string"),
    "endless_cursor": (LATER, "pages_max"),
    "circle": (LATER, "circle"),
    "empty_circle": (LATER, "circle"),
    "refuse": (("opening", *LATER), "error -32603"),
    "unknown_version": (("opening",), "version"),
    "answers_twice": (("opening",), "second answer"),
    "ignore_term": (("start", *LATER), "in time"),
    "stop_itself": (("start", *LATER), "in time"),
    "close_stdout": (("start", *LATER), "closed its output"),
    "close_stdin": (("start",), "in time"),
    "close_all": (("start",), "closed its output"),
    "drip": (("start", *LATER), "in time"),
    "drip_messages": (("start", *LATER), "in time"),
    "kill_supervisor": (("start", "modern"), "supervisor"),
    "term_supervisor": (("start", "modern"), ""),
}
CASES = [(behaviour, stage) for behaviour, (stages, _) in HOSTILE.items() for stage in stages]
WELL_FORMED = [(behaviour, stage) for behaviour in ("remote_reference", "many_tools", "schema_bomb") for stage in LATER]


class Clock:
    def now(self) -> datetime:
        return datetime(2026, 1, 1, tzinfo=UTC)


class Ended(msgspec.Struct):
    probed: Probed
    seconds: float
    left: list[int]


def processes_with(marker: str) -> list[int]:
    """Processes with the marker in environment or command line: zombies have neither."""
    found = []
    for entry in PROC.iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                if marker.encode() in entry.joinpath("environ").read_bytes() + entry.joinpath("cmdline").read_bytes():
                    found.append(int(entry.name))
    return found


async def start(behaviour: str, stage: str, argument: str, limits: Limits) -> Ended:
    marker = f"bartizan-hostile-{uuid.uuid4().hex}"
    command = (sys.executable, "-I", "-S", str(SCRIPT), behaviour, stage, argument, marker)
    launch = Launch(
        transport=Transport.STDIO,
        command=tuple(Secret(word) for word in command),
        environment={"BARTIZAN_TEST_MARKER": Secret(marker)},
    )
    began = time.monotonic()
    probed = await McpProber(limits, clock=Clock(), key=KEY).probe(f"server:{behaviour}", launch)
    return Ended(probed=probed, seconds=time.monotonic() - began, left=processes_with(marker))


async def start_all() -> tuple[dict[tuple[str, str], Ended], int]:
    """All of them, a dozen at a time, and how many connections came to the address that schemas refer to."""
    fetched = 0

    def count(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal fetched
        fetched += 1
        writer.close()

    room = asyncio.Semaphore(PARALLEL)
    listener = await asyncio.start_server(count, "127.0.0.1", 0)
    reference = f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}/schema.json"

    async def one(behaviour: str, stage: str) -> tuple[tuple[str, str], Ended]:
        async with room:
            limits = PATIENT if (behaviour, stage) in WELL_FORMED else LIMITS
            argument = reference if behaviour == "remote_reference" else "7"
            return (behaviour, stage), await start(behaviour, stage, argument, limits)

    async with listener:
        ended = dict(await asyncio.gather(*(one(*case) for case in (*CASES, *WELL_FORMED))))
    return ended, fetched


@pytest.fixture(scope="module")
def starts():
    return asyncio.run(start_all())


def test_there_are_a_hundred_of_them():
    assert len(CASES) + len(WELL_FORMED) >= 100


@pytest.mark.slow
@pytest.mark.parametrize(("behaviour", "stage"), CASES)
@pytest.mark.mission("X2")
def test_hostile_start_is_bounded_leaves_nothing_and_never_reads_as_clean(starts, behaviour, stage):
    ended = starts[0][behaviour, stage]
    incomplete = [look for look in ended.probed.looks if not look.complete]
    assert ended.left == []
    assert ended.seconds < SECONDS_MAX
    assert incomplete
    assert all(look.reason for look in incomplete)
    assert HOSTILE[behaviour][1] in " | ".join(look.reason for look in incomplete)
    assert {look.part for look in ended.probed.looks} >= {"start", "discover", "tools", "prompts", "resources"}


@pytest.mark.slow
@pytest.mark.parametrize(("behaviour", "stage"), WELL_FORMED)
def test_hostile_definitions_are_kept_as_they_are(starts, behaviour, stage):
    ended = starts[0][behaviour, stage]
    assert ended.left == []
    assert [look for look in ended.probed.looks if not look.complete] == []
    assert ended.probed.snapshot is not None
    assert len(ended.probed.snapshot.tools) == (10_000 if behaviour == "many_tools" else 1)
    assert {look.part: look.outcome for look in ended.probed.looks}["prompts"] is Outcome.ABSENT


@pytest.mark.slow
def test_no_reference_of_a_schema_is_ever_fetched(starts):
    assert starts[1] == 0
