"""Whoever installs a distribution with an entry point adds checks and formats, as the built-ins do."""

import subprocess
import sys
from pathlib import Path

PLUGIN = """
from bartizan.plugins import hookimpl

@hookimpl
def bartizan_renderers():
    return {"count": lambda inventory, findings, _: f"{len(inventory.assets)} assets, {len(findings)} findings"}

@hookimpl
def bartizan_content():
    return ["acme_content"]
"""
RULE = """
title: Every server is named
id: 11111111-2222-4333-8444-555555555555
name: acme_named
status: test
description: A check of somebody else.
author: Acme
date: 2026-11-20
tags: [cwe.1]
level: low
falsepositives: [none known]
check: {judges: server, confidence: high, remedy: Name it.}
"""
CHECK = """
from bartizan.rules.check import Sight

def check(subject, inventory):
    yield Sight(message=f"{subject.name} is named")
"""
SNAPSHOT = (
    '{"taken_at": "2026-11-20T12:00:00Z", "assets": [{"id": "server:a", "kind": "server", "name": "a"}],'
    ' "looks": [{"part": "x", "outcome": "looked"}]}'
)


def test_an_installed_plugin_adds_a_format_and_a_check(tmp_path: Path):
    site = tmp_path / "site"
    rule = site / "acme_content" / "checks" / "naming" / "acme_named"
    rule.mkdir(parents=True)
    (site / "acme_content" / "__init__.py").touch()
    (rule / "rule.yml").write_text(RULE)
    (rule / "check.py").write_text(CHECK)
    (site / "acme_plugin.py").write_text(PLUGIN)
    info = site / "acme-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: acme\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[bartizan]\nacme = acme_plugin\n")
    (tmp_path / "saved.json").write_text(SNAPSHOT)
    done = subprocess.run(
        [sys.executable, "-m", "bartizan", "scan", "--from-snapshot", tmp_path / "saved.json", "--format", "count"],
        env={"PYTHONPATH": str(site), "BARTIZAN_HOME": str(tmp_path / "state"), "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stdout == "1 assets, 1 findings\n", done.stderr
    assert done.returncode == 0
