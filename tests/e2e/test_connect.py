"""`connect` as a client starts it: the official SDK's client over stdio, a real server over HTTP behind it."""

import asyncio
import json
import os
import resource
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from mcp import Client, StdioServerParameters

SERVER = Path(__file__).parents[1] / "fixtures/servers/gateway_path.py"
RUN = "import sys; sys.argv[0] = 'connect'; import typer; from bartizan.cli.connect import connect; typer.run(connect)"


@pytest.fixture(scope="module")
def gateway() -> Iterator[str]:
    """An address under which a real server stands as the gateway would have it."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(64)
        listener.set_inheritable(True)
        command = [sys.executable, str(SERVER), str(listener.fileno()), "peer"]
        with subprocess.Popen(command, pass_fds=[listener.fileno()], stdout=subprocess.DEVNULL) as server:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
            server.terminate()


def command(gateway: str, server: str = "peer") -> list[str]:
    return [sys.executable, "-c", RUN, server, "--gateway", gateway]


@pytest.mark.parametrize("mode", ["auto", "legacy"])
def test_a_client_of_the_official_sdk_works_through_it(gateway: str, mode: str, tmp_path: Path) -> None:
    program, *arguments = command(gateway)
    environment = {"BARTIZAN_HOME": str(tmp_path)}
    told: list[float] = []

    async def progress(progress: float, total: float | None, message: str | None) -> None:
        told.append(progress)

    parameters = StdioServerParameters(command=program, args=arguments, env=environment)

    async def talk() -> None:
        async with Client(parameters, mode=mode) as client:
            tools = await client.list_tools()
            assert [tool.name for tool in tools.tools] == ["echo", "count"]
            answer = await client.call_tool("echo", {"text": "line\nfeed \u2028 ä"})
            assert answer.structured_content == {"result": "line\nfeed \u2028 ä"}
            await client.call_tool("count", {"to": 3}, progress_callback=progress)
            assert told == [1, 2, 3]

    asyncio.run(talk())


def started(gateway: str, tmp_path: Path, server: str = "peer") -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        command(gateway, server),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "BARTIZAN_HOME": str(tmp_path)},
    )


HELLO = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}},
}


def test_what_comes_out_is_nothing_but_messages_and_it_ends_with_its_client(gateway: str, tmp_path: Path) -> None:
    with started(gateway, tmp_path) as process:
        out, _ = process.communicate(json.dumps(HELLO).encode() + b"\n", timeout=20)
    (message,) = [json.loads(line) for line in out.splitlines()]
    assert message["result"]["serverInfo"]["name"] == "behind"
    assert process.returncode == 0


def test_it_ends_at_once_when_it_is_told_to(gateway: str, tmp_path: Path) -> None:
    with started(gateway, tmp_path) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps(HELLO).encode() + b"\n")
        process.stdin.flush()
        assert process.stdout.readline()
        process.send_signal(signal.SIGTERM)
        assert process.wait(5) == 0


def test_a_server_that_the_gateway_does_not_know_is_an_error_of_the_request(gateway: str, tmp_path: Path) -> None:
    with started(gateway, tmp_path, "other") as process:
        out, _ = process.communicate(json.dumps(HELLO).encode() + b"\n", timeout=20)
    assert json.loads(out)["error"]["message"]


def test_it_starts_in_time(tmp_path: Path) -> None:
    def once() -> float:
        """Processor time, from the start of Python to the first answer: others may be at work on this machine."""
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        with started("http://127.0.0.1:9", tmp_path) as process:
            out, _ = process.communicate(b'{"jsonrpc":"2.0","id":1,"method":"ping"}\n', timeout=20)
        assert b"does not answer" in out
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    assert min(once() for _ in range(5)) < 0.4
