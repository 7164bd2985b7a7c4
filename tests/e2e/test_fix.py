"""Mends of the lab by the program itself: shown, applied, gone at the next scan, taken back, there again."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from bartizan.app.lab import build_lab


class Machine:
    """The lab's home and the program over it."""

    def __init__(self, folder: Path) -> None:
        self.home = build_lab(folder / "lab")
        self.environment = {**os.environ, "BARTIZAN_HOME": str(folder / "state")}

    def run(self, *words: str | Path) -> tuple[int, str]:
        done = subprocess.run(
            [sys.executable, "-m", "bartizan", *words],
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        return done.returncode, done.stdout + done.stderr

    def findings(self) -> dict[str, dict[str, str]]:
        _, told = self.run("scan", "--home", self.home, "--launch", "never", "--format", "json")
        return {f"{one['rule']} {one.get('place', {}).get('path', '')}": one for one in json.loads(told)["findings"]}

    def files(self) -> dict[Path, tuple[bytes, int]]:
        return {path: (path.read_bytes(), path.stat().st_mode) for path in self.home.rglob("*") if path.is_file()}


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


MENDS = {
    "unpinned_launch": (".cursor/mcp.json", ["--version", "2026.8.31"]),
    "secret_in_configuration": (".config/goose/config.yaml", []),
    "configuration_readable_by_others": (".config/Code/User/mcp.json", []),
}


@pytest.mark.parametrize("rule", MENDS)
def test_a_finding_of_the_lab_is_mended_and_comes_back_when_the_mend_is_taken_back(machine: Machine, rule: str):
    place, options = MENDS[rule]
    name = f"{rule} {machine.home / place}"
    files, finding = machine.files(), machine.findings()[name]
    code, shown = machine.run("fix", finding["id"][:10], *options)
    assert (code, machine.files()) == (0, files)
    assert f"--- {machine.home / place} (now)" in shown
    assert not re.search("gh" + "p_[A-Za-z0-9]{36}", shown)
    code, told = machine.run("fix", finding["id"], *options, "--apply")
    assert code == 0
    assert name not in machine.findings()
    (identity,) = re.findall(r"--undo (U-\w+)", told)
    assert machine.run("fix", "--undo", identity)[0] == 0
    assert machine.files() == files
    assert machine.findings()[name]["id"] == finding["id"]


def test_what_cannot_be_mended_exits_with_2_and_says_what_to_do(machine: Machine):
    finding = machine.findings()[f"plain_http_endpoint {machine.home / '.config/Claude/claude_desktop_config.json'}"]
    code, told = machine.run("fix", finding["id"])
    assert code == 2
    assert "TLS" in told
    assert "--disable" in told
    assert "Traceback" not in told
    assert machine.run("fix")[0] == machine.run("fix", "F-0000000")[0] == 2
