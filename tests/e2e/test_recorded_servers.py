"""Saved inventories of real servers, recorded with `tools/record_snapshot.py`: judged, reported, listed in a BOM."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from bartizan.app.scan import read_inventory
from bartizan.model.digest import digest

FOLDER = Path(__file__).parents[1] / "fixtures/snapshots"
# By file: package, protocol version, tools, tools with annotations, tools with an output schema.
RECORDED = {
    "motherduck": ("pkg:pypi/mcp-server-motherduck@1.1.0", "2026-07-28", 4, 4, 4),
    "playwright": ("pkg:npm/%40playwright/mcp@0.0.83", "2025-11-25", 25, 25, 0),
    "workspace": ("pkg:pypi/workspace-mcp@2.2.1", "2026-07-28", 119, 119, 119),
}
recorded = pytest.mark.parametrize("name", RECORDED)


def scan(tmp_path: Path, name: str, format_: str, *more: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "BARTIZAN_HOME": str(tmp_path / "state"), "NO_COLOR": "1"}
    environment.pop("BARTIZAN_CONFIG", None)
    words = ["scan", "--from-snapshot", str(FOLDER / f"{name}.json"), "--format", format_, *more]
    command = [sys.executable, "-m", "bartizan", *words]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)


def test_every_recording_is_tested():
    assert {path.stem for path in FOLDER.glob("*.json")} == set(RECORDED)


@recorded
def test_a_recording_holds_what_the_server_is_known_for(name: str):
    purl, version, tools, annotated, with_output = RECORDED[name]
    inventory = read_inventory(FOLDER / f"{name}.json")
    (snapshot,) = inventory.snapshots
    assert (snapshot.protocol_version, len(snapshot.tools)) == (version, tools)
    assert sum("annotations" in tool for tool in snapshot.tools) == annotated
    assert sum("outputSchema" in tool for tool in snapshot.tools) == with_output
    assert purl in {asset.attributes.get("purl") for asset in inventory.assets}
    assert all(look.complete for look in inventory.looks)


@recorded
def test_its_hashes_are_those_of_the_definitions_in_it(name: str):
    inventory = read_inventory(FOLDER / f"{name}.json")
    (snapshot,) = inventory.snapshots
    listed = {asset.name: asset.attributes["definition_sha256"] for asset in inventory.assets if asset.kind == "tool"}
    assert listed == {tool["name"]: digest(tool) for tool in snapshot.tools}


@recorded
def test_nothing_of_the_machine_that_recorded_it_is_in_it(name: str):
    text = (FOLDER / f"{name}.json").read_text(encoding="utf-8")
    saved = json.loads(text)
    places = [place["path"] for asset in saved["assets"] for place in asset.get("places", [])]
    assert places
    assert all(path.startswith("/home/alice/.cursor/") for path in places)
    assert not any("stderr" in snapshot for snapshot in saved["snapshots"])
    assert not re.search(r"/tmp/|/root\b|/var/folders|[A-Z]:\\\\Users", text)


@recorded
def test_a_complete_recording_is_clean_at_the_default_severity(tmp_path: Path, name: str):
    done = scan(tmp_path, name, "json")
    assert done.returncode == 0, done.stderr
    report: dict[str, Any] = json.loads(done.stdout)
    assert report["summary"]["complete"] is True
    assert "unpinned_launch" not in {finding["rule"] for finding in report["findings"]}


@recorded
def test_the_same_server_unpinned_is_a_finding(tmp_path: Path, name: str):
    saved = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    server = next(asset for asset in saved["assets"] if asset["kind"] == "server")
    server["attributes"]["package"]["pinned"] = False
    changed = tmp_path / "changed.json"
    changed.write_text(json.dumps(saved))
    report = json.loads(scan(tmp_path, str(changed.with_suffix("")), "json").stdout)
    assert "unpinned_launch" in {finding["rule"] for finding in report["findings"]}


@recorded
def test_one_missing_look_makes_it_incomplete(tmp_path: Path, name: str):
    saved = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    next(look for look in saved["looks"] if look["part"] == "tools")["outcome"] = "truncated"
    cut = tmp_path / "cut.json"
    cut.write_text(json.dumps(saved))
    assert scan(tmp_path, str(cut.with_suffix("")), "json").returncode == 3


@recorded
@pytest.mark.parametrize(
    ("format_", "version"), [("cyclonedx", SchemaVersion.V1_7), ("cyclonedx-1.6", SchemaVersion.V1_6)]
)
def test_its_bom_is_strictly_valid_and_lists_every_tool(
    tmp_path: Path, name: str, format_: str, version: SchemaVersion
):
    done = scan(tmp_path, name, format_)
    assert JsonStrictValidator(version).validate_str(done.stdout) is None
    bom = json.loads(done.stdout)
    purl, _, tools, *_ = RECORDED[name]
    assert purl in {part.get("purl") for part in bom["components"]}
    assert sum(len(service.get("services", [])) for service in bom["services"]) == tools


@recorded
@pytest.mark.parametrize("format_", ["table", "html"])
def test_a_person_reads_how_many_tools_there_are(tmp_path: Path, name: str, format_: str):
    done = scan(tmp_path, name, format_)
    assert done.returncode == 0
    assert f"{RECORDED[name][2]} tools" in re.sub(r"<[^>]+>", "", done.stdout)
