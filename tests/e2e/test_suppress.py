"""`bartizan suppress` on the lab's poisoned server: accepted, held, told; and not for longer than was meant."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bartizan.app.lab import build_lab
from fixtures.needs import needs

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """`bartizan ARGS` with a state folder of its own."""

    def run_it(*arguments: object) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, "BARTIZAN_HOME": str(tmp_path / "state"), "NO_COLOR": "1"}
        environment.pop("BARTIZAN_CONFIG", None)
        return subprocess.run(
            [sys.executable, "-m", "bartizan", *map(str, arguments)],
            env=environment,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
            stdin=subprocess.DEVNULL,
        )

    return run_it


def scan(run: Run, lab: Path, exit_code: int) -> dict[str, Any]:
    target = lab / "home" / "weather-app" / ".mcp.json"
    done = run("scan", target, "--launch", "sandbox", "--format", "json")
    assert done.returncode == exit_code, done.stderr
    return json.loads(done.stdout)


def ids(findings: list[dict[str, Any]]) -> list[str]:
    return [finding["id"] for finding in findings]


def today() -> datetime:
    return datetime.now(UTC)


@needs("bwrap")
@pytest.mark.mission("X4")
def test_an_accepted_definition_counts_again_when_it_changes_and_when_its_day_is_over(run: Run, tmp_path: Path):
    build_lab(lab := tmp_path / "lab")
    found = scan(run, lab, 1)["findings"]
    first, *others = found
    assert len(others) >= 3

    done = run("suppress", first["id"][:9], "--reason", "the lab", "--until", "30d", "--author", "ada")
    assert done.returncode == 0, done.stderr
    assert f"- finding: {first['id']}\n" in done.stdout
    report = scan(run, lab, 1)
    assert ids(report["findings"]) == ids(others)
    assert [(one["id"], one["suppression"]["author"]) for one in report["suppressed"]] == [(first["id"], "ada")]

    file = tmp_path / "state" / "suppressions.yml"
    until = str((today() + timedelta(days=30)).date())
    with file.open("a", encoding="utf-8") as more:  # the line that the report tells, filled in by a person
        for finding in others:
            line = finding["exception"].replace('reason: "", author: ""', "reason: the lab, author: ada")
            more.write(line.replace("until: }", f"until: {until}}}") + "\n")
    report = scan(run, lab, 0)
    assert report["findings"] == []
    assert ids(report["suppressed"]) == ids(found)

    file.write_text(file.read_text().replace(until, str((today() - timedelta(days=1)).date())))
    report = scan(run, lab, 1)
    assert ids(report["findings"]) == ids(found)
    assert sorted(ids(found)) == sorted(one for past in report["expired"] for one in past["findings"])
    file.write_text(re.sub(r"until: [0-9-]+", f"until: {until}", file.read_text()))

    server = lab / "poisoned_server.py"
    server.write_text(server.read_text().replace("Gives the weather", "Gives the  weather"))
    report = scan(run, lab, 1)
    assert len(report["findings"]) == len(found)
    assert not set(ids(report["findings"])) & set(ids(found))
    assert len(report["unused"]) == len(found)


@needs("bwrap")
def test_what_is_accepted_is_told_in_the_table_and_left_out_of_sarif(run: Run, tmp_path: Path):
    lab = build_lab(tmp_path / "lab") / "weather-app" / ".mcp.json"
    found = json.loads(run("scan", lab, "--launch", "sandbox", "--format", "json").stdout)["findings"]
    run("suppress", found[0]["id"], "--reason", "the lab", "--until", "1d")
    saved = tmp_path / "saved.json"
    table = run("scan", lab, "--launch", "sandbox", "--snapshot", saved).stdout
    assert re.search(rf"^Suppressed  1 \(expires [0-9-]+\): {found[0]['id']}$", table, re.MULTILINE)
    sarif = json.loads(run("scan", "--from-snapshot", saved, "--format", "sarif").stdout)
    told = [result["partialFingerprints"]["bartizan/v1"] for result in sarif["runs"][0]["results"]]
    assert told == ids(found[1:])


def test_what_cannot_be_accepted_is_said_with_its_remedy(run: Run, tmp_path: Path):
    home = tmp_path / "home"
    (home / ".cursor").mkdir(parents=True)
    servers = {"wiki": {"url": "http://wiki.example.org/mcp"}, "files": {"command": "npx", "args": ["x-files"]}}
    (home / ".cursor" / "mcp.json").write_text(json.dumps({"mcpServers": servers}))
    assert "no kept scan has a finding" in run("suppress", "F-1", "--reason", "x", "--until", "1d").stderr
    report = json.loads(run("scan", "--home", home, "--launch", "never", "--format", "json").stdout)
    one = report["findings"][0]["id"]

    def refused(*arguments: str) -> str:
        done = run("suppress", *arguments)
        assert (done.returncode, done.stdout) == (2, "")
        assert "Traceback" not in done.stderr
        assert "To mend it" in done.stderr
        return done.stderr

    assert "no kept scan has a finding F-0000000000000000" in refused(
        "F-0000000000000000", "--reason", "x", "--until", "1d"
    )
    assert "is over" in refused(one, "--reason", "x", "--until", "2020-01-31")
    assert run("suppress", one, "--reason", "x", "--until", "1d").returncode == 0
    assert "already accepted" in refused(one, "--reason", "x", "--until", "1d")
    (tmp_path / "state" / "suppressions.yml").write_text("- finding: F-1\n  why: not\n")
    scan_again = run("scan", "--home", home, "--launch", "never")
    assert scan_again.returncode == 2
    assert re.search(r"suppressions\.yml:2: unknown key `why`", scan_again.stderr)
