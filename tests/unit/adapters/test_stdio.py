"""Server processes: what they say is bounded, and nothing of them is left, wherever it hid."""

import asyncio
import contextlib
import sys
import uuid
from pathlib import Path

import pytest

from bartizan.adapters.transports.stdio import Ends, StdioTransport
from bartizan.model.errors import LimitExceededError
from bartizan.model.limits import Limits
from bartizan.ports import Message

LIMITS = Limits(stop_seconds_max=1.5, message_bytes_max=1000, stderr_bytes_max=100, probe_bytes_max=200_000)
linux = pytest.mark.skipif(sys.platform != "linux", reason="a child subreaper is Linux's")


def message(body: bytes) -> Message:
    return Message(body=body, method="ping")


async def talk(command, *sent: bytes, environment=None, limits=LIMITS, answers: int = 1, **more):
    """Start it, send lines, receive answers; gives them, and the closed transport."""
    transport = StdioTransport(command, environment or {}, limits=limits, **more)
    try:
        await transport.open()
        for body in sent:
            await transport.send(message(body))
        async with asyncio.timeout(20):
            return [await transport.receive() for _ in range(answers)], transport
    finally:
        await transport.close()


def shell(script: str) -> list[str]:
    return ["/bin/sh", "-c", script]


def marked(marker: str) -> list[str]:
    found = []
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            if entry.name.isdigit() and marker.encode() in entry.joinpath("environ").read_bytes():
                found.append(entry.joinpath("cmdline").read_text())
    return found


def test_messages_go_both_ways_as_lines():
    answers, _ = asyncio.run(talk(shell("exec cat"), b'{"a":1}', b'{"b":2}', answers=2))
    assert answers == [b'{"a":1}', b'{"b":2}']


def test_server_gets_the_environment_that_it_was_given_and_little_else(monkeypatch):
    monkeypatch.setenv("CANARY_TOKEN", "not for servers")
    answers, _ = asyncio.run(talk(shell("env | sort | tr '\\n' ' '; echo"), environment={"GIVEN": "yes"}))
    names = {word.partition("=")[0] for word in answers[0].decode().split()}
    assert "GIVEN" in names
    assert names <= {"GIVEN", "PATH", "HOME", "LANG", "TMPDIR", "SYSTEMROOT", "PWD", "OLDPWD", "SHLVL", "_"}


def test_confined_server_gets_nothing_else():
    answers, _ = asyncio.run(talk(["/usr/bin/env"], environment={"ONLY": "this"}, bare=True))
    assert answers == [b"ONLY=this"]


def test_server_starts_in_its_directory(tmp_path):
    answers, _ = asyncio.run(talk(shell("pwd"), directory=str(tmp_path)))
    assert answers == [str(tmp_path).encode()]


def test_command_that_does_not_exist_is_an_os_error():
    with pytest.raises(OSError, match="cannot be started: No such file"):
        asyncio.run(talk(["/no/such/program"]))


def test_secrets_of_the_environment_do_not_stand_on_the_supervisors_command_line():
    secret = uuid.uuid4().hex

    async def look() -> str:
        transport = StdioTransport(shell("exec cat"), {"TOKEN": secret}, limits=LIMITS)
        await transport.open()
        assert transport._process
        supervisor = Path(f"/proc/{transport._process.pid}")
        seen = supervisor.joinpath("cmdline").read_text() + supervisor.joinpath("environ").read_text()
        await transport.close()
        return seen

    if Path("/proc/self/environ").exists():
        assert secret not in asyncio.run(look())


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("exit 3", "ended with exit code 3"),
        ("kill -9 $$", "ended by signal 9"),
        ("printf half; exit 0", "ended with exit code 0 in the middle of a message"),
        ("exec 1>&-; sleep 60", "closed its output"),
        ("(sleep 60 &) ; exit 4", "ended with exit code 4"),
    ],
)
def test_end_of_a_server_says_how(script, reason):
    with pytest.raises(EOFError, match=f"^{reason}$"):
        asyncio.run(talk(shell(script)))


def test_output_before_the_end_is_not_lost():
    answers, _ = asyncio.run(talk(shell("echo one; echo two; exit 1"), answers=2))
    assert answers == [b"one", b"two"]


@pytest.mark.parametrize(
    ("script", "limit"),
    [("while :; do printf aaaaaaaaaa; done", "message_bytes_max"), ("while :; do echo; done", "probe_bytes_max")],
)
def test_flood_is_ended_by_its_limit(script, limit):
    with pytest.raises(LimitExceededError, match=limit):
        asyncio.run(talk(shell(script)))


def test_giving_up_a_wait_loses_no_message():
    async def impatient() -> bytes:
        transport = StdioTransport(shell("read line; echo $line"), {}, limits=LIMITS)
        await transport.open()
        try:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(0.05):
                    await transport.receive()
            await transport.send(message(b"hello"))
            async with asyncio.timeout(20):
                return await transport.receive()
        finally:
            await transport.close()

    assert asyncio.run(impatient()) == b"hello"


def test_standard_error_is_kept():
    _, transport = asyncio.run(talk(shell("printf first >&2; echo ok")))
    assert transport.diagnostics() == "first"


def test_of_a_flood_both_ends_are_kept_up_to_a_whole_word():
    ends = Ends(20)
    for piece in (b"one ", b"two three", b"x" * 1000, b"y eight nine"):
        ends.add(piece)
    assert ends.text() == "one two \n… 1012 bytes left out …\n nine"


def test_of_a_flood_in_one_word_no_part_is_kept_that_a_secret_may_end_in():
    ends = Ends(20_000)
    ends.add(b"a" * 100_000)
    kept = ends.text()
    assert kept.count("a") == 20_000 - 2 * 4096
    assert f"{100_000 - 20_000 + 2 * 4096} bytes left out" in kept


@linux
@pytest.mark.parametrize(
    "script",
    [
        "sleep 300 & exec cat",
        "setsid sleep 300 & exec cat",
        "(setsid sh -c 'sleep 300 & sleep 300' >/dev/null 2>&1 </dev/null &) ; exec cat",
        "trap '' TERM INT HUP; (trap '' TERM; sleep 300) & cat; sleep 300",
        "for i in 1 2 3 4 5 6 7 8 9 10; do setsid sh -c 'sleep 300 & wait' & done; exec cat",
        "kill -STOP $$ & exec cat",
    ],
)
def test_nothing_is_left_after_closing(script):
    marker = f"bartizan-{uuid.uuid4().hex}"
    asyncio.run(talk(shell(script), b"x", environment={"MARKER": marker}, answers=0))
    assert marked(marker) == []


@linux
def test_nothing_is_left_when_the_server_ended_before_its_children():
    marker = f"bartizan-{uuid.uuid4().hex}"
    with pytest.raises(EOFError):
        asyncio.run(talk(shell("setsid sleep 300 & exit 0"), environment={"MARKER": marker}))
    assert marked(marker) == []


@linux
def test_nothing_is_left_when_this_program_is_killed():
    """The supervisor sees its control socket close, whatever closed it."""
    marker = f"bartizan-{uuid.uuid4().hex}"
    program = f"""
import asyncio, os
from bartizan.adapters.transports.stdio import StdioTransport
async def main():
    transport = StdioTransport(["/bin/sh", "-c", "setsid sleep 300 & echo up; sleep 300"], {{"MARKER": "{marker}"}})
    await transport.open()
    await transport.receive()
    os.kill(os.getpid(), 9)
asyncio.run(main())
"""

    async def run_it() -> int:
        process = await asyncio.create_subprocess_exec(sys.executable, "-c", program)
        code = await process.wait()
        async with asyncio.timeout(20):
            while marked(marker):  # noqa: ASYNC110 - processes of others give no event
                await asyncio.sleep(0.02)
        return code

    assert asyncio.run(run_it()) == -9


@linux
@pytest.mark.mission("M17")
def test_server_writes_no_core_file():
    answers, _ = asyncio.run(talk(shell("ulimit -c")))
    assert answers == [b"0"]


@linux
def test_supervisor_that_was_killed_is_told():
    async def kill_it() -> str:
        transport = StdioTransport(shell("read line; kill -9 $PPID; sleep 300"), {}, limits=LIMITS)
        await transport.open()
        await transport.send(message(b"go"))
        with pytest.raises(EOFError, match="supervisor was ended"):
            async with asyncio.timeout(20):
                await transport.receive()
        await transport.close()
        return transport.left_behind

    assert "a process of it may be left" in asyncio.run(kill_it())


def test_closing_twice_and_closing_what_was_never_open_is_harmless():
    async def twice() -> None:
        transport = StdioTransport(shell("exec cat"), {}, limits=LIMITS)
        await transport.close()
        await transport.open()
        await transport.close()
        await transport.close()

    asyncio.run(twice())
