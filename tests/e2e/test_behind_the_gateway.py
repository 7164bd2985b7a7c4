"""A home is wrapped while the gateway runs: its clients reach their servers through it, and get their files back."""

import asyncio
import json
import os
import resource
import signal
import socket
import subprocess
import sys
import tomllib
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from mcp import Client, StdioServerParameters

from fixtures.running import ALLOW_ALL, SERVERS, serving

BARTIZAN = Path(sys.executable).with_name("bartizan")
SDK = [sys.executable, str(SERVERS / "sdk_server.py"), "stdio"]
TINY = [sys.executable, "-I", "-S", str(SERVERS / "tiny.py")]
SECRET = "canary-" + "s3cret" * 3
PING = {"jsonrpc": "2.0", "id": 1, "method": "ping", "params": {}}
JSON = {"accept": "application/json, text/event-stream"}
POLICY: dict[str, Any] = {
    "servers": {"*": {"anonymous": True}},
    "roles": {"me": [{"principal": "anonymous"}]},
    "allow": [{"role": "me", "server": "*", **ALLOW_ALL}],
}


class Machine:
    """A home with clients, a configuration, a gateway that runs, and the program's command line."""

    def __init__(self, folder: Path, url: str) -> None:
        self.folder, self.home = folder, folder / "home"
        self.files = {
            ".cursor/mcp.json": json.dumps(
                {
                    "mcpServers": {
                        "notes": {"command": SDK[0], "args": SDK[1:], "env": {"KEY": SECRET}},
                        "far": {"url": url, "headers": {"Authorization": f"Bearer {SECRET}"}},
                        "asked": {"command": "npx", "args": ["x"], "env": {"A": "${input:token}"}},
                    }
                },
                indent=3,
            ),
            ".codex/config.toml": f'# mine\n[mcp_servers.tiny]\ncommand = "{TINY[0]}"\nargs = {TINY[1:]!r}\n',
        }
        for place, text in self.files.items():
            path = self.home / place
            path.parent.mkdir(parents=True)
            path.write_text(text)
            path.chmod(0o640)
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        (folder / "policy.yml").write_text(json.dumps(POLICY))
        self.config = folder / "bartizan.yml"
        gateway = {"listen": f"127.0.0.1:{self.port}"}
        self.config.write_text(json.dumps({"gateway": gateway, "policy": ["policy.yml"]}))
        self.process: subprocess.Popen[str] | None = None

    @property
    def environment(self) -> dict[str, str]:
        return {**os.environ, "BARTIZAN_HOME": str(self.folder / "state"), "BARTIZAN_CONFIG": str(self.config)}

    def start(self) -> str:
        command = [BARTIZAN, "gateway"]
        self.process = subprocess.Popen(command, env=self.environment, stderr=subprocess.PIPE, text=True)
        assert self.process.stderr
        return self.process.stderr.readline().strip()

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [BARTIZAN, *words], env=self.environment, capture_output=True, text=True, timeout=60, check=False
        )

    def entry(self, name: str) -> dict[str, Any]:
        if name == "tiny":
            return tomllib.loads((self.home / ".codex/config.toml").read_text())["mcp_servers"][name]
        return json.loads((self.home / ".cursor/mcp.json").read_text())["mcpServers"][name]

    def accept(self, name: str) -> None:
        """Have policy front a server that asks for no credentials, and the gateway read it."""
        servers = {**POLICY["servers"], name: {"anonymous": True, "accepts": ["unauthenticated"]}}
        (self.folder / "policy.yml").write_text(json.dumps({**POLICY, "servers": servers}))
        assert self.process
        self.process.send_signal(signal.SIGHUP)
        url = f"http://127.0.0.1:{self.port}/servers/{name}/mcp"
        assert any(httpx2.post(url, json=PING, headers=JSON).status_code != 503 for _ in range(500))

    def unchanged(self) -> bool:
        """Whether every file is as it was, to the byte, mode included."""
        paths = {place: self.home / place for place in self.files}
        return all(path.read_bytes() == self.files[place].encode() for place, path in paths.items()) and all(
            path.stat().st_mode & 0o777 == 0o640 for path in paths.values()
        )


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    with serving("conformance.py") as url:
        made = Machine(tmp_path, url)
        yield made
        if made.process:
            made.process.terminate()
            made.process.communicate(timeout=30)


def client(machine: Machine, name: str) -> Any:
    """A server as its client's own configuration names it now."""
    entry = machine.entry(name)
    if "url" in entry:
        return entry["url"]
    environment = {**entry.get("env", {}), "BARTIZAN_HOME": str(machine.folder / "state")}
    return StdioServerParameters(command=entry["command"], args=entry["args"], env=environment)


def told(server: Any, mode: str) -> Any:
    async def ask() -> Any:
        async with Client(server, mode=mode) as talking:
            return talking.protocol_version, [one.model_dump() for one in (await talking.list_tools()).tools]

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return asyncio.run(ask())


def test_wrapped_clients_reach_their_servers_through_the_gateway_and_get_their_files_back(machine: Machine):
    ways = [("notes", "auto"), ("notes", "legacy"), ("far", "auto")]
    direct = {(name, mode): told(client(machine, name), mode) for name, mode in ways}
    refused = machine.run("wrap", "--home", str(machine.home))
    assert (refused.returncode, machine.unchanged()) == (2, True)
    assert f"no gateway answers at http://127.0.0.1:{machine.port}" in refused.stderr

    assert "fronts no server yet" in machine.start()
    wrapped = machine.run("wrap", "--home", str(machine.home))
    assert wrapped.returncode == 3, wrapped.stderr  # `asked` stays outside
    assert SECRET not in wrapped.stdout
    assert machine.entry("notes")["args"][:2] == ["connect", "notes"]
    assert machine.entry("far") == {"url": f"http://127.0.0.1:{machine.port}/servers/far/mcp"}
    assert machine.entry("asked")["command"] == "npx"

    machine.accept("far")  # it answers anybody, and what is known to be so is named
    for (name, mode), expected in direct.items():
        assert told(client(machine, name), mode) == expected, (name, mode)
    assert told(client(machine, "tiny"), "legacy")[1][0]["name"] == "echo"

    report = json.loads(machine.run("discover", "--home", str(machine.home), "--format", "json").stdout)
    servers = [one for one in report["inventory"]["assets"] if one["kind"] == "server"]
    behind = {one["name"]: one["attributes"]["behind_gateway"] for one in servers}
    assert behind == {"notes": True, "far": True, "tiny": True, "asked": False}

    again = machine.run("wrap", "--home", str(machine.home))
    assert "0 files changed" in again.stdout
    assert machine.run("unwrap").returncode == 0
    assert machine.unchanged()
    url = f"http://127.0.0.1:{machine.port}/servers/far/mcp"
    assert httpx2.post(url, content=b"{}").status_code == 404  # the gateway has heard of it


def test_a_wrapped_server_that_its_client_has_changed_since_is_started_as_it_stands_there_now(machine: Machine):
    machine.start()
    machine.run("wrap", "codex", "--home", str(machine.home))
    path = machine.home / ".codex/config.toml"
    before = path.read_text()
    assert told(client(machine, "tiny"), "legacy")
    path.write_text("")
    hello = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}}
    message = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": hello}
    headers = {"accept": "application/json, text/event-stream"}
    gone = httpx2.post(f"http://127.0.0.1:{machine.port}/servers/tiny/mcp", json=message, headers=headers)
    assert gone.status_code == 502
    path.write_text(before)
    assert told(client(machine, "tiny"), "legacy")


def test_enforce_admits_what_was_wrapped_and_nothing_else(machine: Machine):
    machine.run("wrap", "--yes", "--home", str(machine.home))
    emitted = machine.run("enforce", "--emit", "claude-code")
    assert emitted.returncode == 0
    listed = json.dumps(json.loads(emitted.stdout))
    assert f"http://127.0.0.1:{machine.port}/servers/far/mcp" in listed
    assert "npx" not in listed
    assert "Place: " in emitted.stderr


def test_connect_starts_in_less_than_0_4_seconds_of_processor_time(machine: Machine):
    """The whole program, from the start of Python to the first answer: others may be at work on this machine."""

    def once() -> float:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        done = subprocess.run(
            [BARTIZAN, "connect", "x", "--gateway", "http://127.0.0.1:9"],
            input=b'{"jsonrpc":"2.0","id":1,"method":"ping"}\n',
            env=machine.environment,
            capture_output=True,
            timeout=60,
            check=True,
        )
        assert b"does not answer" in done.stdout
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    taken = min(once() for _ in range(5))
    assert taken < 0.4
