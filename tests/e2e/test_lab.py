"""The lab: what it is laid out as, and that its poisoned server is caught."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from bartizan.app.lab import build_lab
from fixtures.needs import needs


def test_the_lab_has_clients_of_every_format_and_its_secrets_are_new_each_time(tmp_path: Path):
    homes = [build_lab(tmp_path / name) for name in ("one", "two")]
    files = sorted(path.relative_to(homes[0]).as_posix() for path in homes[0].rglob("*") if path.is_file())
    assert ".cursor/mcp.json" in files
    assert ".codex/config.toml" in files
    texts = [(home / ".config/goose/config.yaml").read_text() for home in homes]
    assert texts[0] != texts[1]
    assert "@@" not in "".join(texts)


@needs("bwrap")
@pytest.mark.mission("P2")
def test_the_poisoned_server_of_the_lab_is_malicious(tmp_path: Path):
    home = build_lab(tmp_path / "lab")
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "bartizan",
            "scan",
            home / "weather-app" / ".mcp.json",
            "--launch",
            "sandbox",
            "--format",
            "json",
        ],
        env={**os.environ, "BARTIZAN_HOME": str(tmp_path / "state")},
        capture_output=True,
        timeout=120,
        check=False,
    )
    report = json.loads(done.stdout)
    told = {finding["rule"] for finding in report["findings"] if "get_forecast is malicious" in finding["message"]}
    assert told >= {"hidden_text", "concealment", "covert_transfer", "sensitive_place"}
    assert done.returncode == 1
