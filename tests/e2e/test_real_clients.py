"""Real clients and real servers through the gateway: the official Python SDK, and the TypeScript one as the inspector.

The clients read their own configuration, once as it was and once wrapped; what they see is the same.
"""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import time
import warnings
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx2
import msgspec
import pytest
from mcp import Client, StdioServerParameters

from fixtures.needs import needs
from fixtures.running import ALLOW_ALL
from fixtures.suite import installed

pytestmark = [pytest.mark.slow, needs("npm", "git")]
INSPECTOR = "@modelcontextprotocol/inspector@2.12.0"
EVERYTHING = "@modelcontextprotocol/server-everything@2026.8.31"
FILESYSTEM = "@modelcontextprotocol/server-filesystem@2026.8.31"
PYTHON_SERVERS = ("mcp-server-time==2026.10.19", "mcp-server-git==2026.10.19")
BARTIZAN = Path(sys.executable).with_name("bartizan")
PING = {"jsonrpc": "2.0", "id": 1, "method": "ping", "params": {}}
JSON = {"accept": "application/json, text/event-stream"}
POLICY: dict[str, Any] = {
    "servers": {"*": {"anonymous": True}},
    "roles": {"me": [{"principal": "anonymous"}]},
    "allow": [{"role": "me", "server": "*", **ALLOW_ALL}],
}
CONVERT = {"source_timezone": "UTC", "target_timezone": "Asia/Tokyo", "time": "12:00"}


class Programs(msgspec.Struct, frozen=True):
    """Where the clients and servers are."""

    node: str
    modules: Path
    python: Path

    def module(self, package: str, file: str) -> str:
        return str(self.modules / package.rpartition("@")[0] / file)


@pytest.fixture(scope="session")
def programs(request: pytest.FixtureRequest) -> Programs:
    assert request.config.cache
    cache = request.config.cache.mkdir("real-clients")
    folder = installed(cache, INSPECTOR, EVERYTHING, FILESYSTEM)
    python = cache / "-".join(PYTHON_SERVERS).replace("=", "")
    if not python.exists():
        new = cache / f".python.{os.getpid()}"
        for command in (
            ["-m", "venv", str(new)],
            ["-m", "pip", "--python", str(new), "install", "-q", *PYTHON_SERVERS],
        ):
            done = subprocess.run([sys.executable, *command], capture_output=True, text=True, timeout=300, check=False)
            if done.returncode:
                pytest.skip(f"needs {PYTHON_SERVERS}, which cannot be installed here: {done.stderr.strip()[-300:]}")
        new.rename(python)
    return Programs(str(folder / "node"), folder / "node_modules", python)


class Machine:
    """A home whose client names real servers, over stdio and HTTP; a repository and a folder for them to work on."""

    def __init__(self, folder: Path, programs: Programs, url: str) -> None:
        self.folder, self.programs = folder, programs
        self.repository, self.files = folder / "repository", folder / "files"
        self.files.mkdir()
        (self.files / "note.txt").write_text("grüße\n", encoding="utf-8")
        subprocess.run(["git", "init", "-q", str(self.repository)], check=True)
        python = programs.python / "bin" / "python"
        self.config = folder / "home/.cursor/mcp.json"
        self.config.parent.mkdir(parents=True)
        servers = {
            "everything": {"command": programs.node, "args": [programs.module(EVERYTHING, "dist/index.js")]},
            "files": {
                "command": programs.node,
                "args": [programs.module(FILESYSTEM, "dist/index.js"), str(self.files)],
            },
            "time": {"command": str(python), "args": ["-m", "mcp_server_time", "--local-timezone", "UTC"]},
            "git": {"command": str(python), "args": ["-m", "mcp_server_git", "--repository", str(self.repository)]},
            "remote": {"type": "streamable-http", "url": url},
        }
        self.before = json.dumps({"mcpServers": servers}, indent=4).encode()
        self.config.write_bytes(self.before)
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        (folder / "policy.yml").write_text(json.dumps(POLICY))
        gateway = {"listen": f"127.0.0.1:{port}"}
        (folder / "bartizan.yml").write_text(json.dumps({"gateway": gateway, "policy": ["policy.yml"]}))

    def accept(self, name: str) -> None:
        """Have policy front a server that asks for no credentials, on any interface."""
        accepts = ["unauthenticated", "exposed"]  # it listens on all interfaces
        servers = {**POLICY["servers"], name: {"anonymous": True, "accepts": accepts}}
        (self.folder / "policy.yml").write_text(json.dumps({**POLICY, "servers": servers}))

    @property
    def environment(self) -> dict[str, str]:
        told = {"BARTIZAN_HOME": "state", "BARTIZAN_CONFIG": "bartizan.yml", "HOME": "home"}
        return {**os.environ, **{name: str(self.folder / place) for name, place in told.items()}}

    def bartizan(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [BARTIZAN, *words], env=self.environment, capture_output=True, text=True, timeout=120, check=False
        )

    def inspect(self, server: str, *words: str) -> Any:
        """What the inspector prints of a server of its configuration."""
        command = [self.programs.node, self.programs.module(INSPECTOR, "clients/launcher/build/index.js"), "--cli"]
        command += ["--config", str(self.config), "--server", server, *words]
        environment = {**self.environment, "MCP_INSPECTOR_SECRET_STORE": "memory"}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 0, done.stderr[-2000:]
        return json.loads(done.stdout)

    def server(self, name: str) -> Any:
        """The same server as the Python SDK takes it."""
        entry = json.loads(self.config.read_text())["mcpServers"][name]
        if "url" in entry:
            return entry["url"]
        return StdioServerParameters(command=entry["command"], args=entry["args"], env=self.environment)

    def seen(self) -> dict[str, Any]:
        """Everything that both clients see and do."""
        calls = {
            "everything": ("get-sum", {"a": 2, "b": 3}),
            "files": ("read_text_file", {"path": str(self.files / "note.txt")}),
            "time": ("convert_time", CONVERT),
            "git": ("git_status", {"repo_path": str(self.repository)}),
            "remote": ("echo", {"message": "ä\u2028"}),
        }
        found: dict[str, Any] = {}
        for name, (tool, arguments) in calls.items():
            words = [word for key, value in arguments.items() for word in ("--tool-arg", f"{key}={value}")]
            found[f"{name}: inspector lists"] = self.inspect(name, "--method", "tools/list")
            found[f"{name}: inspector calls"] = self.inspect(
                name, "--method", "tools/call", "--tool-name", tool, *words
            )
            for mode in ("auto", "legacy"):
                found[f"{name}: Python SDK, {mode}"] = asyncio.run(self.used(name, mode, tool, arguments))
        return found

    async def used(self, name: str, mode: str, tool: str, arguments: dict[str, Any]) -> Any:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            async with Client(self.server(name), mode=mode) as client:
                tools = await client.list_tools()
                done = await client.call_tool(tool, arguments)
                assert not done.is_error, done
                return client.protocol_version, [one.model_dump() for one in tools.tools], done.model_dump()

    async def progress(self) -> list[float]:
        """What a long call tells on its way."""
        told: list[float] = []

        async def note(progress: float, total: float | None, message: str | None) -> None:
            told.append(progress)

        async with Client(self.server("everything"), mode="legacy") as client:
            arguments = {"duration": 2, "steps": 4}
            await client.call_tool("trigger-long-running-operation", arguments, progress_callback=note)
        return told


@pytest.fixture
def machine(tmp_path: Path, programs: Programs) -> Iterator[Machine]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [programs.node, programs.module(EVERYTHING, "dist/index.js"), "streamableHttp"]
    process = subprocess.Popen(
        command, env={**os.environ, "PORT": str(port)}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        answers(port)
        yield Machine(tmp_path, programs, f"http://127.0.0.1:{port}/mcp")
    finally:
        process.kill()
        process.wait(10)


def answers(port: int) -> None:
    """Wait until somebody listens there."""
    ends = time.monotonic() + 60
    while time.monotonic() < ends:
        with closing(socket.socket()) as trying:
            if trying.connect_ex(("127.0.0.1", port)) == 0:
                return
        os.sched_yield()
    pytest.fail("the server does not listen")


@pytest.mark.mission("X6")
def test_both_official_clients_see_and_do_through_the_gateway_what_they_see_and_do_direct(machine: Machine):
    direct = machine.seen()
    assert {version for what, (version, *_) in direct.items() if "Python" in what} == {"2025-11-25", "2026-07-28"}
    gateway = subprocess.Popen([BARTIZAN, "gateway"], env=machine.environment, stderr=subprocess.PIPE, text=True)
    assert gateway.stderr
    try:
        assert "fronts no server yet" in gateway.stderr.readline()
        wrapped = machine.bartizan("wrap")
        assert wrapped.returncode == 0, wrapped.stdout + wrapped.stderr
        assert machine.config.read_bytes() != machine.before
        machine.accept("remote")
        gateway.send_signal(signal.SIGHUP)
        url = machine.server("remote")
        assert any(httpx2.post(url, json=PING, headers=JSON).status_code != 503 for _ in range(500))
        through = machine.seen()
        assert {what: seen for what, seen in through.items() if seen != direct[what]} == {}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            assert asyncio.run(machine.progress()) == [1, 2, 3, 4]
        assert machine.bartizan("unwrap").returncode == 0
        assert machine.config.read_bytes() == machine.before
    finally:
        gateway.terminate()
        gateway.communicate(timeout=30)
