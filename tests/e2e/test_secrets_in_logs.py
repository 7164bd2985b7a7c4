"""`bartizan scan` on a home whose logs hold what its servers were given: a finding, joined, and never the secret."""

import json
import os
import subprocess
import sys
from pathlib import Path

TOKEN = "ghp_" + "A1b2" * 9
LOST = "npm_" + "C3d4" * 9


def scan(home: Path, state: Path, format_: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "bartizan", "scan", "--home", str(home), "--format", format_],
        env={**os.environ, "BARTIZAN_HOME": str(state), "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    assert done.returncode in {1, 3}, done.stderr
    return done.stdout


def test_a_log_that_holds_a_servers_token_is_worse_than_one_that_holds_another(tmp_path: Path):
    home = tmp_path / "ada"
    logs, npm = home / ".config/Claude/logs", home / ".npm/_logs"
    logs.mkdir(parents=True)
    npm.mkdir(parents=True)
    server = {"command": "/opt/github-mcp", "env": {"GITHUB_TOKEN": TOKEN}}
    (home / ".config/Claude/claude_desktop_config.json").write_text(json.dumps({"mcpServers": {"github": server}}))
    (logs / "mcp-server-github.log").write_text(f"starting\nAuthorization: Bearer {TOKEN}\n")
    (npm / "2026-11-20-debug-0.log").write_text(f"npm config //registry.example/:_authToken={LOST}\n")

    report = json.loads(scan(home, tmp_path / "state", "json"))
    found = {
        Path(one["place"]["path"]).name: (one["severity"], one["place"].get("line"))
        for one in report["findings"]
        if one["rule"] == "secret_in_log"
    }
    assert found == {"mcp-server-github.log": ("high", 2), "2026-11-20-debug-0.log": ("medium", 1)}
    configured = [one for one in report["findings"] if one["rule"] == "secret_in_configuration"]
    assert {Path(one["place"]["path"]).name for one in configured} == {"claude_desktop_config.json"}
    credentials = [one for one in report["inventory"]["assets"] if one["kind"] == "credential"]
    assert len(credentials) == 2
    for format_ in ("json", "table", "html", "sarif", "cyclonedx"):
        shown = scan(home, tmp_path / "state", format_)
        assert TOKEN not in shown
        assert LOST not in shown
    kept = [path.read_bytes() for path in (tmp_path / "state").rglob("*") if path.is_file()]
    assert not any(secret.encode() in body for body in kept for secret in (TOKEN, LOST))
