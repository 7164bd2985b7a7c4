"""Real servers of npm and PyPI, fetched and started in the sandbox, and asked for their definitions."""

import asyncio
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bartizan.adapters.probers.mcp import McpProber
from bartizan.adapters.sandbox import fetch
from bartizan.adapters.sandbox.bubblewrap import BubblewrapSandbox
from bartizan.model.launch import Launch
from bartizan.model.secret import Secret
from bartizan.model.snapshot import Transport
from bartizan.ports import SandboxError, Wanted
from fixtures.needs import needs

pytestmark = needs("bwrap", "node", "npm")


KEY = Secret("k" * 64)


class Now:
    def now(self) -> datetime:
        return datetime.now(UTC)


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory):
    return BubblewrapSandbox(tmp_path_factory.mktemp("packages") / "cache")


def probe(sandbox, runner: str, wanted: Wanted):
    words = (runner, wanted.name, *wanted.arguments)
    launch = Launch(transport=Transport.STDIO, command=tuple(map(Secret, words)), shown=" ".join(words))

    async def both():
        confined = await sandbox.confine(launch, wanted)
        return confined, await McpProber(clock=Now(), key=KEY).probe(f"server:{wanted.name}", launch, confined)

    return asyncio.run(both())


NPM = "@modelcontextprotocol/server-"
slow = pytest.mark.slow
SERVERS = [
    pytest.param("npm", f"{NPM}memory", (), (), "read_graph"),
    pytest.param("pypi", "mcp-server-time", ("--local-timezone", "Europe/Berlin"), (), "get_current_time"),
    pytest.param("npm", f"{NPM}filesystem", ("/data", "/home/alice/notes"), (), "read_text_file", marks=slow),
    pytest.param("npm", f"{NPM}sequential-thinking", (), (), "sequentialthinking", marks=slow),
    pytest.param("npm", f"{NPM}everything", (), (), "echo", marks=slow),
    pytest.param("pypi", "mcp-server-git", (), (), "git_status", marks=slow),
    pytest.param("pypi", "mcp-server-fetch", (), (), "fetch", marks=slow),
    pytest.param("pypi", "mcp-server-sqlite", ("--db-path", "/data/x.db"), ("mcp<2",), "read_query", marks=slow),
]


@pytest.mark.parametrize(("ecosystem", "name", "arguments", "constraints", "tool"), SERVERS)
@pytest.mark.mission("X5", "P2")
def test_a_real_server_lists_its_tools_in_the_sandbox(sandbox, ecosystem, name, arguments, constraints, tool):
    wanted = Wanted(ecosystem=ecosystem, name=name, arguments=arguments, constraints=constraints)
    confined, probed = probe(sandbox, {"npm": "npx", "pypi": "uvx"}[ecosystem], wanted)
    assert confined.version
    assert len(confined.sha256) == 64
    assert probed.snapshot is not None, probed.looks
    assert tool in {entry["name"] for entry in probed.snapshot.tools}


def test_a_pinned_package_is_the_pinned_version(sandbox):
    confined, probed = probe(sandbox, "npx", Wanted(ecosystem="npm", name=f"{NPM}memory", version="2025.4.25"))
    assert confined.version == "2025.4.25"
    assert probed.snapshot is not None, probed.looks


def test_a_name_that_the_index_does_not_have_is_said(sandbox):
    with pytest.raises(SandboxError, match="the index answered 404"):
        probe(sandbox, "npx", Wanted(ecosystem="npm", name="@bartizan-no-such-scope/no-such-package"))


def test_no_address_of_an_index_is_written_in_the_sandbox():
    folder = Path(fetch.__file__).parent
    text = "\n".join(file.read_text() for file in folder.rglob("*.py"))
    hosts = set(re.findall(r"https?://([\w.\-]+)", text))
    assert hosts == {"127.0.0.1", "bartizan-dummy.invalid"}
