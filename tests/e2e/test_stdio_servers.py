"""Servers that the gateway starts itself, or reaches by the older SSE transport: real clients, real processes."""

import asyncio
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
import uuid
import warnings
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx2
import pytest
from mcp import Client, StdioServerParameters

from bartizan.adapters.bus.sqlite import Journal
from bartizan.app.bus import open_bus
from fixtures.running import SERVERS, Gateway, allow_all, fronting

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="a child subreaper is Linux's")
SDK = [sys.executable, str(SERVERS / "sdk_server.py"), "stdio"]
TINY = [sys.executable, "-I", "-S", str(SERVERS / "tiny.py")]
HEADERS = {"content-type": "application/json", "accept": "application/json, text/event-stream"}
INITIALIZE = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}},
}
MODES = [("auto", "2026-07-28"), ("legacy", "2025-11-25")]


def run(coroutine: Any) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return asyncio.run(coroutine)


async def told(server: Any, mode: str) -> dict[str, Any]:
    """What a client sees of a server: its lists and one call."""
    async with Client(server, mode=mode) as client:
        result = await client.call_tool("fetch", {"identity": "abc"})
        return {
            "version": client.protocol_version,
            "tools": [one.model_dump() for one in (await client.list_tools()).tools],
            "prompts": [one.model_dump() for one in (await client.list_prompts()).prompts],
            "resources": [one.model_dump() for one in (await client.list_resources()).resources],
            "note": [one.model_dump() for one in (await client.read_resource("note://today")).contents],
            "result": result.model_dump(exclude={"meta"}),
        }


def post(url: str, message: Any, session: str = "", **headers: str) -> httpx2.Response:
    named = {"mcp-session-id": session} if session else {}
    return httpx2.post(url, content=json.dumps(message), headers={**HEADERS, **named, **headers}, timeout=60)


def begin(url: str) -> str:
    answer = post(url, INITIALIZE)
    assert answer.status_code == 200, answer.text
    return answer.headers["mcp-session-id"]


def call(url: str, session: str, tool: str, identity: int = 2) -> httpx2.Response:
    return post(
        url, {"jsonrpc": "2.0", "id": identity, "method": "tools/call", "params": {"name": tool}}, session=session
    )


def marked(mark: str) -> list[int]:
    """Processes that hold `mark` in their environment."""
    found = list[int]()
    for folder in Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            if folder.name.isdigit() and mark.encode() in folder.joinpath("environ").read_bytes():
                found.append(int(folder.name))
    return found


def gone(mark: str, seconds: float = 30) -> bool:
    """Whether no such process is left, within a while: nobody tells, for they are no children of ours."""
    ends = time.monotonic() + seconds
    while marked(mark) and time.monotonic() < ends:
        os.sched_yield()
    return not marked(mark)


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    with fronting(tmp_path_factory.mktemp("stdio"), {"sdk": {"command": SDK}, "tiny": {"command": TINY}}) as running:
        yield running


@pytest.mark.mission("X6")
@pytest.mark.parametrize(("mode", "version"), MODES)
def test_a_client_sees_of_a_command_what_it_sees_direct(gateway: Gateway, mode: str, version: str):
    direct = run(told(StdioServerParameters(command=SDK[0], args=SDK[1:]), mode))
    assert run(told(gateway.url("sdk"), mode)) == direct
    assert direct["version"] == version


def test_a_session_is_one_process_and_another_session_is_another(gateway: Gateway):
    url = gateway.url("tiny")
    one, two = begin(url), begin(url)
    pids = [call(url, session, "pid").json()["result"]["content"][0]["text"] for session in (one, two, one)]
    assert pids[0] == pids[2] != pids[1]
    assert httpx2.delete(url, headers={"mcp-session-id": one}).status_code == 200
    assert not Path("/proc", pids[0]).exists()
    assert call(url, one, "pid").status_code == 404
    assert call(url, two, "pid").status_code == 200


def test_C2_a_session_that_somebody_else_was_given_or_nobody_opens_nothing(gateway: Gateway):
    url = gateway.url("tiny")
    session = begin(url)
    assert call(gateway.url("sdk"), session, "pid").status_code == 404
    assert call(url, session[:-1] + ("A" if session[-1] != "A" else "B"), "pid").status_code == 404
    assert all("!" <= letter <= "~" for letter in session)


def test_what_a_server_asks_is_answered_by_its_client(gateway: Gateway):
    url = gateway.url("tiny")
    session = begin(url)
    message = {"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": {"name": "ask"}}
    with httpx2.stream(
        "POST", url, content=json.dumps(message), headers={**HEADERS, "mcp-session-id": session}
    ) as stream:
        events = (json.loads(line[6:]) for line in stream.iter_lines() if line.startswith("data: "))
        assert next(events)["method"] == "roots/list"
        roots = {"roots": [{"uri": "file:///a"}]}
        assert post(url, {"jsonrpc": "2.0", "id": "roots", "result": roots}, session=session).status_code == 202
        assert json.loads(next(events)["result"]["content"][0]["text"]) == roots


def test_a_server_that_crashes_is_an_error_of_its_request_and_the_end_of_its_session(gateway: Gateway):
    url = gateway.url("tiny")
    session = begin(url)
    assert call(url, session, "crash").status_code == 502
    assert call(url, session, "pid").status_code == 404
    assert call(url, begin(url), "pid").status_code == 200


def test_a_modern_client_of_a_legacy_command_is_told_what_is_served(gateway: Gateway):
    meta = {"io.modelcontextprotocol/protocolVersion": "2026-07-28", "io.modelcontextprotocol/clientCapabilities": {}}
    message = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {"_meta": meta}}
    answer = post(gateway.url("tiny"), message, **{"mcp-method": "tools/list", "mcp-protocol-version": "2026-07-28"})
    error = answer.json()["error"]
    assert (answer.status_code, error["code"], error["data"]["supported"][0]) == (400, -32022, "2025-11-25")


def events_of(gateway: Gateway) -> list[Any]:
    bus = open_bus(gateway.folder / "state")
    assert isinstance(bus, Journal)
    try:
        return [one.event for one in bus.read(0, 1_000).events]
    finally:
        bus.close()


def test_starts_and_ends_are_events_and_what_a_server_wrote_holds_no_secret(tmp_path, monkeypatch):
    secret = "canary-" + "k3y" * 5
    monkeypatch.setenv("TINY_KEY", secret)
    entry = {"command": [*TINY, "--token", secret], "env": {"KEY": "env:TINY_KEY"}}
    with fronting(tmp_path, {"tiny": entry}) as gateway:
        session = begin(gateway.url("tiny"))
        httpx2.delete(gateway.url("tiny"), headers={"mcp-session-id": session})
    events = events_of(gateway)
    (launch,) = [one for one in events if one.activity_name == "launch"]
    (ended,) = [one for one in events if one.activity_name == "terminate"]
    assert launch.class_uid == 1007
    assert (launch.mcp["server"], launch.mcp["principal"]) == ("tiny", "anonymous")
    assert str(SERVERS / "tiny.py") in launch.unmapped["command"]
    assert ended.unmapped["pid"] == launch.unmapped["pid"]
    assert "started with key=" in ended.unmapped["stderr"]
    assert secret not in repr(events)
    assert secret.encode() not in b"".join(one.read_bytes() for one in gateway.folder.rglob("*.db*"))


@contextlib.contextmanager
def sse_server() -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        command = [sys.executable, str(SERVERS / "sdk_server.py"), "sse", str(listener.fileno())]
        process = subprocess.Popen(command, pass_fds=(listener.fileno(),), stdout=subprocess.DEVNULL)
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}/sse"
        finally:
            process.kill()
            process.wait(10)


def test_a_server_of_the_older_sse_transport_is_reached_named_so_or_not(tmp_path):
    with (
        sse_server() as url,
        fronting(tmp_path, {"named": {"url": url, "transport": "sse"}, "found": {"url": url}}) as gateway,
    ):
        named, found = (run(told(gateway.url(one), "legacy")) for one in ("named", "found"))
        assert named == found
        assert named["version"] == "2025-11-25"
        assert named["result"]["content"][0]["text"] == "abc False"
        refused = post(
            gateway.url("found"), {"jsonrpc": "2.0", "id": 1, "method": "ping"}, session=begin(url_of(gateway))
        )
        assert refused.status_code == 404  # a session of another server


def url_of(gateway: Gateway) -> str:
    return gateway.url("named")


# ---------------------------------------------------------------------------------------------------- nothing survives


MARKED = {"command": TINY, "env": {"MARK": "env:MARK_OF_TEST"}}


def test_a_gateway_that_is_killed_leaves_no_server(tmp_path, monkeypatch):
    mark = uuid.uuid4().hex
    monkeypatch.setenv("MARK_OF_TEST", mark)
    with fronting(tmp_path, {"tiny": MARKED}) as gateway:
        for _ in range(3):
            begin(gateway.url("tiny"))
        assert len(marked(f"MARK={mark}")) >= 3
        gateway.process.send_signal(signal.SIGKILL)
        gateway.process.wait(10)
    assert gone(f"MARK={mark}")


def test_a_gateway_that_is_told_to_end_ends_its_servers_and_streams(tmp_path, monkeypatch):
    mark = uuid.uuid4().hex
    monkeypatch.setenv("MARK_OF_TEST", mark)
    with fronting(tmp_path, {"tiny": MARKED}) as gateway:
        session = {"mcp-session-id": begin(gateway.url("tiny"))}
        with httpx2.stream("GET", gateway.url("tiny"), headers={**HEADERS, **session}) as stream:
            begun = time.monotonic()
            assert gateway.stop() == 0
            assert stream.read() == b""
        assert time.monotonic() - begun < 8  # less than what a request under way is waited for
    assert marked(f"MARK={mark}") == []


RUN = """
import sys
from pathlib import Path
from bartizan.app.config import read_config
from bartizan.app.serving import run_gateway
from bartizan.model.limits import Limits
config = Path(sys.argv[1])
run_gateway(read_config(config), config, lambda line: print(line, flush=True), limits=Limits(%s))
"""


def test_the_server_of_a_client_that_is_killed_goes_with_it(tmp_path, monkeypatch):
    """It is gone a minute after its client's stream has broken: here, after a tenth of a second."""
    mark = uuid.uuid4().hex
    monkeypatch.setenv("MARK_OF_TEST", mark)
    monkeypatch.setenv("BARTIZAN_HOME", str(tmp_path / "state"))
    (tmp_path / "policy.yml").write_text(json.dumps(allow_all("tiny")))
    config = tmp_path / "bartizan.yml"
    config.write_text(
        json.dumps({"gateway": {"listen": "127.0.0.1:0", "servers": {"tiny": MARKED}}, "policy": ["policy.yml"]})
    )
    command = [sys.executable, "-c", RUN % "conversation_left_seconds_max=0.1", str(config)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        base = process.stdout.readline().partition("/servers/")[0]
        gateway = Gateway(tmp_path, process, base)
        words = [str(Path(sys.executable).with_name("bartizan")), "connect", "tiny", "--gateway", base]
        with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as client:
            assert client.stdin
            assert client.stdout
            for message in (INITIALIZE, {"jsonrpc": "2.0", "method": "notifications/initialized"}):
                client.stdin.write(json.dumps(message).encode() + b"\n")
                client.stdin.flush()
            assert json.loads(client.stdout.readline())["id"] == 1
            while not any(one.activity_name == "GET" for one in events_of(gateway)):
                os.sched_yield()
            assert marked(f"MARK={mark}")
            client.kill()
        assert gone(f"MARK={mark}")
        process.terminate()
        assert process.wait(20) == 0


def opens_and_closes(gateway: Gateway, count: int) -> None:
    url = gateway.url("tiny")

    def one(_number: int) -> None:
        session = begin(url)
        assert call(url, session, "pid").status_code == 200
        assert httpx2.delete(url, headers={"mcp-session-id": session}, timeout=60).status_code == 200

    with ThreadPoolExecutor(16) as threads:
        list(threads.map(one, range(count)))


@pytest.mark.parametrize("count", [40, pytest.param(1000, marks=pytest.mark.slow)])
def test_of_many_sessions_no_server_is_left(tmp_path, monkeypatch, count: int):
    mark = uuid.uuid4().hex
    monkeypatch.setenv("MARK_OF_TEST", mark)
    with fronting(tmp_path, {"tiny": MARKED}) as gateway:
        left = begin(gateway.url("tiny"))
        opens_and_closes(gateway, count)
        assert len(marked(f"MARK={mark}")) == 1
        httpx2.delete(gateway.url("tiny"), headers={"mcp-session-id": left})
        assert marked(f"MARK={mark}") == []
