"""The inventory page lists what the program writes: every attribute of every kind, and nothing beside."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from estate import Estate  # pyright: ignore[reportMissingImports]

from bartizan.app.bootstrap import load_labeller
from bartizan.app.reference import Reference, mark_reference
from bartizan.assess.drift import with_drifts
from bartizan.assess.judge import Judge
from bartizan.assess.labels import labelled
from bartizan.content.intel.osv import read_advisories
from bartizan.discover.copies import mark_copies
from bartizan.discover.declared import mark_beyond
from bartizan.discover.definitions import read_definitions
from bartizan.discover.network import read_endpoints
from bartizan.discover.processes import read_processes
from bartizan.discover.reach import mark_shadows
from bartizan.discover.registry import Registered
from bartizan.model.asset import Asset, AssetKind, EdgeKind
from bartizan.model.change import Change
from bartizan.model.flow import Flow, FlowKind
from bartizan.model.inventory import Inventory, Observation
from bartizan.model.pin import Approval, Approved, Drift, DriftClass, FieldChange, PinKind, Review
from bartizan.model.record import EndpointRecord, Listening, PackageRecord, ProcessRecord
from bartizan.model.secret import Secret
from bartizan.model.snapshot import Era, Snapshot, Transport
from fixtures.examples import ROOT

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
KEY = Secret("key of a test")
PAGE = (ROOT / "docs" / "reference" / "inventory.md").read_text(encoding="utf-8")
Names = dict[str, set[str]]


def on_the_page() -> Names:
    """Attribute names by kind."""
    sections = re.split(r"^### `(\w+)`$", PAGE.partition("## Edges")[0], flags=re.MULTILINE)[1:]
    rows = (re.findall(r"^\| ((?:`\w+`(?:, )?)+) \|", body, re.MULTILINE) for body in sections[1::2])
    return {
        kind: {name for row in found for name in re.findall(r"`(\w+)`", row)}
        for kind, found in zip(sections[::2], rows, strict=True)
    }


def written(assets: Iterable[Asset]) -> Names:
    found: Names = {}
    for asset in assets:
        found.setdefault(asset.kind.value, set()).update(asset.attributes)
    return found


def unlisted(names: Names) -> Names:
    """What the page lacks."""
    listed = on_the_page()
    return {kind: told - listed[kind] for kind, told in names.items() if told - listed[kind]}


def process(pid: int, parent: int, *command: str, **more: Any) -> ProcessRecord:
    words = tuple(map(Secret, command))
    return ProcessRecord(pid=pid, parent_pid=parent, started=1.0, uid=1000, command=words, **more)


def processes() -> Observation:
    """A client that runs, the server that it started, and a server in a container that listens."""
    client = process(1, 0, "claude", pipes_read=frozenset({7}), pipes_written=frozenset({8}))
    variables = {"API_KEY": Secret("k3y" * 8)}
    mcp = {"executable": "/usr/bin/python3", "serves_mcp": True, "directory": "/srv", "environment": variables}
    joined = process(2, 1, "python3", "mcp_x.py", pipes_read=frozenset({8}), pipes_written=frozenset({7}), **mcp)
    listens = {"listening": (Listening(address="127.0.0.1", port=8000),), "container": "c0ffee", **mcp}
    return read_processes(
        [client, joined, process(3, 1, "python3", "mcp_y.py", **listens)],
        client_programs={"claude": "claude-code"},
        key=KEY,
        at=NOON,
        host="host:a",
    )


def endpoints() -> Observation:
    record = EndpointRecord(
        url="http://192.0.2.7:8000/mcp",
        status="open",
        transport="streamable_http",
        era="legacy",
        protocol_version="2025-11-25",
        server_info={"name": "x", "version": "1"},
        instructions_sha256="00",
        resource_metadata="https://example.org",
        well_known={"/.well-known/oauth-protected-resource": "00"},
        evidence=("id", "capabilities"),
        exposure=("plain_http",),
    )
    return read_endpoints([record], at=NOON)


def definitions() -> Snapshot:
    described = {"name": "x", "description": "d"}
    return Snapshot(
        server="server:a",
        taken_at=NOON,
        transport=Transport.STDIO,
        era=Era.LEGACY,
        protocol_version="2025-11-25",
        discovered={"serverInfo": {"name": "x", "version": "1"}, "instructions": "Be kind."},
        tools=({**described, "inputSchema": {}, "annotations": {"readOnlyHint": True}},),
        prompts=(described,),
        resources=({**described, "uri": "file:///x", "annotations": {}},),
        resource_templates=({**described, "uriTemplate": "file:///{x}"},),
    )


def estates(estate: Estate, folder: Path, *arguments: object) -> Inventory:
    """What `bartizan scan` writes of the estate of the tests."""
    environment = {**os.environ, "BARTIZAN_HOME": str(folder / "state")}
    command = [sys.executable, "-m", "bartizan", "scan", "--format", "json", *map(str, arguments)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 3, done.stderr
    return msgspec.convert(json.loads(done.stdout)["inventory"], Inventory)


def reviewed() -> Inventory:
    """An approved server."""
    approval = Approval(at=NOON, by="anna", reason="read")
    review = Review(server="server:a", name="a", kinds=(PinKind.TOOL,), approval=approval)
    server = Asset(id="server:a", kind=AssetKind.SERVER, name="a")
    return with_drifts(Inventory(taken_at=NOON, assets=(server,)), Approved(reviews=(review,)), Judge([]))


@pytest.fixture
def all_written(estate: Estate, tmp_path: Path) -> Names:
    project = tmp_path / "project"
    project.mkdir()
    (project / "server.py").write_text("")
    launch = {"command": "python3", "args": [str(project / "server.py")]}
    (project / ".mcp.json").write_text(json.dumps({"mcpServers": {"local": launch}}))
    scanned = estates(estate, tmp_path, "--home", estate.home, "--project", project)
    named = estates(estate, tmp_path, "pypi:mcp-server-time==2025.9.25")
    snapshot = definitions()
    seen = [asset for one in (processes(), endpoints(), *read_definitions([snapshot])) for asset in one.assets]
    told = Inventory(taken_at=NOON, assets=(*scanned.assets, *named.assets, *seen), snapshots=(snapshot,))
    copies = [PackageRecord(ecosystem="pypi", name="mcp-server-time", version="2025.9.25")]
    registry = Registered(name="com.example/time")
    affected = {"package": {"ecosystem": "PyPI", "name": "mcp-server-time"}, "versions": ["2025.9.25"]}
    advisories = read_advisories([{"id": "X-1", "affected": [affected]}])
    told = mark_reference(told, Reference(registered=(registry,), advisories=tuple(advisories)))
    beyond = mark_beyond(mark_copies(told, copies), ["10.0.0.0/8"], frozenset())
    marked = labelled(mark_shadows(beyond, None), load_labeller())
    return written([*marked.assets, *reviewed().assets])


def test_every_attribute_that_is_written_is_on_the_page(all_written: Names):
    assert unlisted(all_written) == {}


def test_the_page_lists_no_attribute_that_nothing_writes(all_written: Names):
    empty: set[str] = set()
    listed = on_the_page()
    assert {kind: told - all_written.get(kind, empty) for kind, told in listed.items()} == dict.fromkeys(listed, empty)


def test_every_kind_with_attributes_is_seen_by_this_test(all_written: Names):
    assert {kind for kind, names in on_the_page().items() if names} <= set(all_written)


def test_an_attribute_that_the_page_lacks_is_noticed():
    asset = Asset(id="server:a", kind=AssetKind.SERVER, name="a", attributes={"url": "", "no_such_thing": 1})
    assert unlisted(written([asset])) == {"server": {"no_such_thing"}}


def test_the_edges_that_the_page_says_are_drawn_are_those_of_the_code():
    code = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "src/bartizan/discover").glob("*.py"))
    drawn = {EdgeKind[name].value for name in re.findall(r"EdgeKind\.([A-Z_]+)", code)}
    sentence = re.search(r"^Which of these are drawn today: (.*?)\.", PAGE, re.MULTILINE | re.DOTALL)
    assert sentence
    assert set(re.findall(r"`(\w+)`", sentence[1])) == drawn


def test_the_members_of_a_drift_and_what_changes_can_do_are_on_the_page():
    body = PAGE.partition("## Drifts")[2].partition("## Changes")[0]
    named = set(re.findall(r"`(\w+)`", body))
    members = {*Drift.__struct_fields__, *FieldChange.__struct_fields__}
    assert members | {effect.value for effect in DriftClass} <= named


def members(heading: str) -> set[str]:
    """The names in the first column of the table below a heading."""
    section = PAGE.partition(f"## {heading}\n")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| ((?:`\w+`(?:, )?)+) \|", section, re.MULTILINE)
    return {name for row in rows for name in re.findall(r"`(\w+)`", row)}


@pytest.mark.parametrize(("heading", "kind"), [("Changes", Change), ("Flows", Flow)])
def test_the_members_of_what_follows_from_assets_are_on_the_page(heading: str, kind: type[msgspec.Struct]):
    assert members(heading) == set(kind.__struct_fields__)


def test_every_kind_of_flow_is_on_the_page():
    assert all(f"`{kind.value}`" in PAGE.partition("## Flows")[2] for kind in FlowKind)
