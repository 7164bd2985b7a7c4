"""`wrap`, `unwrap` and `enforce` at the command line: said before it is done, and what stays is told."""

import json
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from bartizan.cli.enforce import enforce
from bartizan.cli.wrap import unwrap, wrap
from bartizan.model.errors import UsageError

NOBODY = "http://127.0.0.1:9"
app = typer.Typer()
app.command()(wrap)
app.command()(unwrap)
app.command()(enforce)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("BARTIZAN_HOME", str(tmp_path / "state"))
    program = tmp_path / "bin/bartizan"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent))
    folder = tmp_path / "home"
    (folder / ".cursor").mkdir(parents=True)
    servers = {"git": {"command": "uvx", "args": ["git-mcp"]}, "ask": {"command": "x", "args": ["${input:a}"]}}
    (folder / ".cursor/mcp.json").write_text(json.dumps({"mcpServers": servers}))
    return folder


def run(*arguments: str) -> Any:
    return CliRunner().invoke(app, arguments)


def test_without_a_gateway_nothing_is_written_unless_it_is_asked_for(home: Path) -> None:
    before = (home / ".cursor/mcp.json").read_bytes()
    refused = run("wrap", "--home", str(home), "--gateway", NOBODY)
    assert isinstance(refused.exception, UsageError)
    assert "no gateway answers" in str(refused.exception)
    assert (home / ".cursor/mcp.json").read_bytes() == before


def test_a_dry_run_tells_what_would_change_and_changes_nothing(home: Path) -> None:
    before = (home / ".cursor/mcp.json").read_bytes()
    told = run("wrap", "--home", str(home), "--gateway", NOBODY, "--dry-run").stdout
    assert "git  as git (was uvx git-mcp)" in told
    assert "1 file would change." in told
    assert (home / ".cursor/mcp.json").read_bytes() == before


def test_what_stays_outside_is_told_and_makes_the_result_incomplete(home: Path) -> None:
    done = run("wrap", "--home", str(home), "--gateway", NOBODY, "--yes")
    assert done.exit_code == 3
    assert "Left as they are:" in done.stdout
    assert "ask  holds a reference that only its client fills in" in done.stdout


def test_there_and_back(home: Path) -> None:
    before = (home / ".cursor/mcp.json").read_bytes()
    run("wrap", "cursor", "--home", str(home), "--gateway", NOBODY, "--yes")
    assert (home / ".cursor/mcp.json").read_bytes() != before
    allowed = json.loads(run("enforce", "--emit", "claude-code").stdout)["allowedMcpServers"]
    assert [one["serverCommand"][1:] for one in allowed] == [["connect", "git", "--gateway", NOBODY]]
    back = run("unwrap")
    assert back.exit_code == 0
    assert (home / ".cursor/mcp.json").read_bytes() == before


def test_a_client_that_is_not_known_is_refused_with_those_there_are(home: Path) -> None:
    assert "one of" in str(run("wrap", "nonsense", "--home", str(home)).exception)
