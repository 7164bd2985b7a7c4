"""Allow-lists of vendors: what `wrap` wrote is admitted, by address and command, and nothing else."""

import json
import tomllib
from pathlib import Path

import pytest

from bartizan.app.enforce import enforce
from bartizan.app.wrapped import WrappedShelf
from bartizan.model.errors import UsageError
from bartizan.model.wrapped import WrappedEntry, WrappedFile

CONNECT = ("/usr/local/bin/bartizan", ["connect", "git"])


@pytest.fixture
def state(tmp_path: Path) -> Path:
    command = {"command": CONNECT[0], "args": CONNECT[1]}
    address = {"url": "http://127.0.0.1:8700/servers/wiki/mcp"}
    entries = (
        WrappedEntry(id="git", name="git", client="codex", path=("mcp_servers", "git"), written=command),
        WrappedEntry(id="wiki", name="wi ki", client="codex", path=("mcp_servers", "wi ki"), written=address),
        WrappedEntry(id="git", name="other", client="cursor", path=("mcpServers", "other"), written=command),
    )
    record = WrappedFile(path="/x", form="toml", before_sha256="", after_sha256="", hunks=(), entries=entries)
    WrappedShelf(tmp_path).keep(record)
    return tmp_path


@pytest.mark.parametrize("vendor", ["claude-code", "copilot"])
def test_entries_are_admitted_by_address_and_whole_command_once(state: Path, vendor: str) -> None:
    told = json.loads(enforce(vendor, state=state).text)
    assert told["allowedMcpServers"] == [
        {"serverUrl": "http://127.0.0.1:8700/servers/wiki/mcp"},
        {"serverCommand": ["/usr/local/bin/bartizan", "connect", "git"]},
    ]
    assert told.get("allowManagedMcpServersOnly") is (True if vendor == "claude-code" else None)


def test_codex_gets_its_own_names_with_program_or_address(state: Path) -> None:
    told = enforce("codex", state=state)
    assert tomllib.loads(told.text)["mcp_servers"] == {
        "git": {"identity": {"command": "/usr/local/bin/bartizan"}},
        "wi ki": {"identity": {"url": "http://127.0.0.1:8700/servers/wiki/mcp"}},
    }
    assert "not its arguments" in told.note


def test_cline_blocks_everything_but_the_addresses(state: Path) -> None:
    told = json.loads(enforce("cline", state=state).text)
    assert told["blockPersonalRemoteMCPServers"] is True
    assert told["allowedMCPServers"] == []
    assert told["remoteMCPServers"] == [{"name": "wi ki", "url": "http://127.0.0.1:8700/servers/wiki/mcp"}]


def test_a_list_that_would_block_everything_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="nothing is behind the gateway"):
        enforce("copilot", state=tmp_path)


def test_an_unknown_vendor_is_told_which_there_are(state: Path) -> None:
    with pytest.raises(UsageError, match="claude-code, copilot, codex, cline"):
        enforce("cursor", state=state)
