"""Children of the gateway: one for each session, bounded, and nothing of them outlives it, however it ends."""

import asyncio
import contextlib
import signal
import subprocess
import sys
import textwrap
import uuid
from pathlib import Path

import pytest

from bartizan.adapters.transports.children import Child, ChildPool, ChildRefusedError, Command
from bartizan.model.errors import LimitExceededError, LocalProtocolError
from bartizan.model.limits import Limits
from bartizan.model.secret import MARK, Secret

LIMITS = Limits(
    children_max=3,
    child_back_off_seconds_max=6.4,
    stop_seconds_max=1.5,
    message_bytes_max=1000,
)
ECHO = Command(server="echo", command=("/bin/cat",))
linux = pytest.mark.skipif(sys.platform != "linux", reason="a child subreaper is Linux's")


def shell(script: str, server: str = "shell", **environment: str) -> Command:
    secret = {name: Secret(value) for name, value in environment.items()}
    return Command(server=server, command=("/bin/sh", "-c", script), environment=secret)


def marked(mark: str) -> list[int]:
    """Processes that hold `mark` in their environment."""
    found = list[int]()
    for folder in Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            if folder.name.isdigit() and mark.encode() in folder.joinpath("environ").read_bytes():
                found.append(int(folder.name))
    return found


def run(work, limits: Limits = LIMITS, redact=lambda text: text, **more):
    async def whole():
        pool = ChildPool(limits, redact, **more)
        try:
            async with asyncio.timeout(200):
                return await work(pool)
        finally:
            await pool.close()
            assert pool.running == 0

    return asyncio.run(whole())


async def said(child: Child, message: bytes) -> bytes:
    await child.send(message)
    return await child.receive()


def test_a_session_has_one_child_of_a_server_and_another_session_another_one():
    async def work(pool: ChildPool):
        one, same = await asyncio.gather(pool.open(ECHO, "a"), pool.open(ECHO, "a"))
        other = await pool.open(ECHO, "b")
        assert one is same
        assert one is await pool.open(ECHO, "a")
        assert other is not one
        return await said(one, b"1"), await said(other, b"2"), await said(one, b"3")

    assert run(work) == (b"1", b"2", b"3")


def test_a_child_gets_its_environment_and_nothing_of_ours(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("OURS", "leaked")

    async def work(pool: ChildPool):
        child = await pool.open(shell('echo "$THEIRS $OURS"', THEIRS="given"), "a")
        return await child.receive()

    assert run(work).strip() == b"given"


def test_one_child_too_many_is_refused_until_another_is_gone():
    async def work(pool: ChildPool):
        children = [await pool.open(ECHO, session) for session in "abc"]
        with pytest.raises(ChildRefusedError, match="children_max"):
            await pool.open(ECHO, "d")
        await children[0].close()
        return await said(await pool.open(ECHO, "d"), b"x")

    assert run(work) == b"x"


def test_the_more_children_end_at_once_the_longer_none_is_started():
    async def work(pool: ChildPool):
        async def ends_at_once(session: str) -> None:
            child = await pool.open(shell("exit 7"), session)
            with pytest.raises(EOFError, match="exit code 7"):
                await child.receive()

        async def refused() -> float:
            with pytest.raises(ChildRefusedError) as caught:
                await pool.open(shell("exit 7"), "b")
            return caught.value.retry_seconds

        await ends_at_once("a")
        once = await refused()
        assert await said(await pool.open(ECHO, "a"), b"x") == b"x"  # of another server
        pool.forgive("shell")
        await asyncio.gather(*(ends_at_once(session) for session in "bcd"))
        return once, await refused()

    once, thrice = run(work, Limits(child_back_off_seconds_max=640, stop_seconds_max=1.5))
    assert 0 < once <= 10
    assert 20 < thrice <= 40


def test_after_its_wait_a_server_is_started_again():
    async def work(pool: ChildPool):
        with pytest.raises(OSError, match="cannot be started"):
            await pool.open(Command(server="echo", command=("/nowhere",)), "a")
        while True:
            with contextlib.suppress(ChildRefusedError):
                return await said(await pool.open(ECHO, "a"), b"x")
            await asyncio.sleep(0)

    assert run(work, Limits(child_back_off_seconds_max=6.4, stop_seconds_max=1.5)) == b"x"


def test_a_child_that_has_answered_may_be_started_again_at_once():
    async def work(pool: ChildPool):
        for _ in range(3):
            child = await pool.open(shell("read line; echo $line"), "a")
            assert await said(child, b"x") == b"x"
            with pytest.raises(EOFError, match="exit code 0"):
                await child.receive()

    run(work)


def test_a_command_that_is_not_there_is_an_error_and_holds_nothing():
    async def work(pool: ChildPool):
        with pytest.raises(OSError, match="cannot be started"):
            await pool.open(Command(server="x", command=("/nowhere",)), "a")
        with pytest.raises(ChildRefusedError):
            await pool.open(Command(server="x", command=("/nowhere",)), "a")
        return pool.running

    assert run(work) == 0


def test_what_it_writes_to_standard_error_is_kept_without_secrets():
    async def work(pool: ChildPool):
        child = await pool.open(shell("echo key=$KEY >&2; echo ready", KEY="hush"), "a")
        await child.receive()
        with pytest.raises(EOFError):
            await child.receive()
        return child.diagnostics()

    assert run(work, redact=lambda text: text.replace("key", "word")) == f"word={MARK}\n"


def test_a_message_beyond_the_limit_ends_the_child():
    async def work(pool: ChildPool):
        child = await pool.open(shell("head -c 5000 /dev/zero | tr '\\0' x; echo; cat"), "a")
        with pytest.raises(LimitExceededError):
            await child.receive()
        return child.ended != ""

    assert run(work)


@pytest.mark.parametrize("message", [b"a\nb", b"a\r"])
def test_a_message_that_would_be_two_lines_is_not_sent(message: bytes):
    async def work(pool: ChildPool):
        with pytest.raises(LocalProtocolError):
            await (await pool.open(ECHO, "a")).send(message)

    run(work)


def test_starts_and_ends_are_told():
    told = list[tuple[str, str, str]]()

    async def work(pool: ChildPool):
        await (await pool.open(ECHO, "a")).close()

    def note(child: Child) -> None:
        told.append((child.server, child.session, child.ended))

    run(work, on_started=note, on_ended=note)
    assert told == [("echo", "a", ""), ("echo", "a", "its session was closed")]


def test_a_closed_session_takes_the_child_that_is_being_started_with_it():
    async def work(pool: ChildPool):
        opening = asyncio.create_task(pool.open(ECHO, "a"))
        other = await pool.open(ECHO, "b")
        again = asyncio.create_task(pool.open(shell("cat"), "a"))
        await asyncio.sleep(0)
        await pool.close_session("a")
        await asyncio.gather(opening, again, return_exceptions=True)
        return pool.running, await said(other, b"x")

    assert run(work) == (1, b"x")


HIDES = "setsid sh -c 'trap \"\" TERM HUP; echo ready; exec sleep 300 >/dev/null 2>&1' & cat"


def opens_and_closes(count: int) -> None:
    mark = uuid.uuid4().hex

    async def work(pool: ChildPool):
        async def one(number: int) -> None:
            child = await pool.open(shell("cat", MARK=mark), str(number))
            assert await said(child, b"%d" % number) == b"%d" % number
            await child.close()

        for start in range(0, count, 20):
            await asyncio.gather(*(one(start + number) for number in range(20)))

    run(work, Limits(children_max=20, stop_seconds_max=3))
    assert marked(mark) == []


@linux
def test_of_200_children_none_is_left():
    opens_and_closes(200)


@linux
@pytest.mark.slow
def test_of_1000_children_none_is_left():
    opens_and_closes(1000)


@linux
def test_a_grandchild_that_hides_in_a_session_of_its_own_goes_with_its_session():
    mark = uuid.uuid4().hex

    async def work(pool: ChildPool):
        await (await pool.open(shell(HIDES, MARK=mark), "a")).receive()
        assert len(marked(mark)) >= 2
        await pool.close_session("a")
        return marked(mark)

    assert run(work, Limits(stop_seconds_max=0.6)) == []


GATEWAY = """
    import asyncio, sys
    from bartizan.adapters.transports.children import ChildPool, Command
    from bartizan.model.limits import Limits
    from bartizan.model.secret import Secret

    async def main():
        pool = ChildPool(Limits(stop_seconds_max=0.6), str)
        for session in "abc":
            shell = ("/bin/sh", "-c", sys.argv[1])
            command = Command(server="x", command=shell, environment={"MARK": Secret(sys.argv[2])})
            await (await pool.open(command, session)).receive()
        print("ready", flush=True)
        await asyncio.Event().wait()

    asyncio.run(main())
"""


@linux
def test_a_gateway_that_is_killed_leaves_no_child():
    mark = uuid.uuid4().hex
    command = [sys.executable, "-c", textwrap.dedent(GATEWAY), HIDES, mark]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as gateway:
        assert gateway.stdout is not None
        assert gateway.stdout.readline() == "ready\n"
        assert len(marked(mark)) >= 6
        gateway.send_signal(signal.SIGKILL)

    async def ended() -> None:
        while marked(mark):  # noqa: ASYNC110 - nobody tells: they are no children of ours
            await asyncio.sleep(0)

    asyncio.run(asyncio.wait_for(ended(), 30))
