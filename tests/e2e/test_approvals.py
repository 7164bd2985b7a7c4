"""A destructive call waits for a person that the agent cannot play: `bartizan gateway` and `bartizan approvals`."""

import asyncio
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import warnings
from base64 import b32decode
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest
from mcp import Client

from bartizan.adapters.approvers.codes import Codes
from bartizan.model.secret import Secret

SERVER = Path(__file__).parents[1] / "fixtures/servers/sdk_server.py"
META = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientCapabilities": {},
}
POLICY = {
    "servers": {"notes": {"anonymous": True, "accepts": ["unauthenticated"]}},
    "roles": {"anyone": [{"principal": "anonymous"}]},
    "allow": [{"role": "anyone", "server": "*", "may": "write", "tools": ["*"]}],
    "confirm": [{"server": "notes", "tools": ["fetch"], "why": "fetching costs", "wait": "1s"}],
}


class Running:
    """A gateway in front of a real server, and the commands of its user."""

    def __init__(self, folder: Path, upstream: str) -> None:
        (folder / "policy.yml").write_text(json.dumps(POLICY))
        config = {
            "gateway": {"listen": "127.0.0.1:0", "servers": {"notes": {"url": upstream}}},
            "policy": ["policy.yml"],
        }
        (folder / "bartizan.yml").write_text(json.dumps(config))
        self.config = str(folder / "bartizan.yml")
        self.env = {**os.environ, "BARTIZAN_HOME": str(folder / "state")}
        enrolled = self.command("enroll", "maya")
        assert enrolled.returncode == 0, enrolled.stderr
        self.key = parse_qs(urlsplit(enrolled.stdout.strip()).query)["secret"][0]
        self.start()

    def start(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "bartizan", "gateway", "--config", self.config],
            env=self.env,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self.process.stderr is not None
        self.url = self.process.stderr.readline().strip()

    def stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        self.process.communicate(timeout=20)

    def command(self, *words: str, group: str = "approvals") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "bartizan", group, *words, "--config", self.config],
            env=self.env,
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            check=False,
        )

    def code(self) -> str:
        """The code that the person's authenticator shows, in a step that was not used yet."""
        codes = Codes(Secret(b32decode(self.key).hex()))
        return codes.now(datetime.now(UTC)).reveal()

    def wait_for_a_new_code(self) -> None:
        """A code proves once: until the authenticator shows the next one."""
        time.sleep(30.5 - datetime.now(UTC).timestamp() % 30)

    def searched(self) -> bool:
        """Whether a call that nobody has to confirm is refused."""
        body = {"jsonrpc": "2.0", "id": 1, "method": "tools/call"}
        body["params"] = {"name": "search", "arguments": {"query": {"text": "x"}}, "_meta": META}
        head = {"mcp-protocol-version": "2026-07-28", "mcp-method": "tools/call", "mcp-name": "search"}
        answer = httpx2.post(self.url, json=body, headers={**head, "accept": "application/json, text/event-stream"})
        return "refused by policy" in answer.text

    def call(self, **arguments: Any) -> tuple[bool, str]:
        async def made():
            async with Client(self.url) as client:
                result = await client.call_tool("fetch", arguments)
                return bool(result.is_error), result.content[0].model_dump()["text"]

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return asyncio.run(made())


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory):
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        server = subprocess.Popen(
            [sys.executable, str(SERVER), "streamable-http", str(listening.fileno())], pass_fds=[listening.fileno()]
        )
        url = f"http://127.0.0.1:{listening.getsockname()[1]}/mcp"
    started = Running(tmp_path_factory.mktemp("approvals"), url)
    yield started
    started.stop()
    server.send_signal(signal.SIGTERM)
    server.communicate(timeout=20)


@pytest.mark.mission("M8")
def test_a_call_waits_for_a_person_and_an_agent_with_a_shell_cannot_be_that_person(running: Running):
    refused, told = running.call(identity="abc")
    assert refused
    ticket = re.search(r"ticket (T-[A-Z0-9]{12})", told)
    assert ticket, told

    # The agent asks for what it can: no code, a guess, itself as an approver, the same call again.
    assert running.command("allow", ticket[1]).returncode == 2
    guess = running.command("allow", ticket[1], "--code", "000000")
    assert (guess.returncode, "wrong" in guess.stderr) == (2, True)
    assert running.command("enroll", "agent", "--code", "000000").returncode == 2
    assert running.call(identity="abc")[0]

    # The person sees the call whole, and says yes with what only they have.
    shown = running.command("show", ticket[1]).stdout
    assert '"identity": "abc"' in shown
    assert "fetching costs" in shown
    allowed = running.command("allow", ticket[1], "--code", running.code())
    assert (allowed.returncode, allowed.stderr) == (0, f"{ticket[1]} is approved.\n")

    # The approval is for this call alone, and once.
    assert running.call(identity="other")[0]
    assert running.call(identity="abc") == (False, "abc False")
    assert running.call(identity="abc")[0]


def test_what_policy_does_not_name_does_not_wait(running: Running):
    listed = running.command("list", "--format", "json")
    assert listed.returncode == 0
    assert all(one["target"] == "fetch" for one in json.loads(listed.stdout)["tickets"])


def until(running: Running, refused: bool) -> bool:
    """Whether a plain call is soon answered so."""
    return any(running.searched() == refused for _ in range(50))


def test_what_was_stopped_stays_stopped_over_a_restart_and_an_agent_cannot_lift_it(running: Running):
    assert not running.searched()
    slip = running.command("on", "--server", "note", "--reason", "breach", group="halt")
    assert (slip.returncode, "there are notes" in slip.stderr) == (2, True)
    stopped = running.command("on", "--server", "notes", "--reason", "breach", group="halt")
    assert stopped.returncode == 0, stopped.stderr
    identity = stopped.stderr.partition(":")[0]
    assert until(running, refused=True)
    running.stop()
    running.start()
    assert running.searched()
    assert running.command("lift", identity, group="halt").returncode == 2
    assert running.command("lift", identity, "--code", "000000", group="halt").returncode == 2
    listed = running.command("list", group="halt")
    assert (listed.returncode, "deny of server notes" in listed.stdout) == (1, True)


@pytest.mark.slow
def test_an_approver_lifts_it_and_file_and_signal_stop_everything_again(running: Running):
    for one in json.loads(running.command("list", "--format", "json", group="halt").stdout)["restrictions"]:
        running.wait_for_a_new_code()
        assert running.command("lift", one["id"], "--code", running.code(), group="halt").returncode == 0
    assert until(running, refused=False)
    (Path(running.env["BARTIZAN_HOME"]) / "HALT").touch()
    assert until(running, refused=True)
    running.process.send_signal(signal.SIGUSR1)
    (Path(running.env["BARTIZAN_HOME"]) / "HALT").unlink()
    assert not until(running, refused=False)
