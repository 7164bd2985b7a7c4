"""Real servers of npm and PyPI, end to end: a home with every format, one scan, and the official SDKs as peers."""

import asyncio
import json
import os
import subprocess
import sys
import warnings
from collections.abc import Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from mcp import Client, MCPError, StdioServerParameters
from mcp.client.stdio import stdio_client
from mcp_types import Tool

from bartizan.app.bootstrap import real_parts
from bartizan.app.config import Config
from bartizan.app.gather import Scope, gather
from bartizan.app.lab import build_lab
from bartizan.app.probing import wanted
from bartizan.app.scan import read_inventory
from bartizan.discover.packages import package_of
from bartizan.model.inventory import Inventory
from bartizan.model.snapshot import Era, Snapshot
from bartizan.ports import Confined
from bartizan.report import cyclonedx
from fixtures.needs import needs
from fixtures.real.estate import SERVERS, Estate, build_real_home

pytestmark = [needs("bwrap", "node", "npm"), pytest.mark.slow]

PEER = Path(__file__).parents[1] / "fixtures/real/peer.mjs"
TYPESCRIPT_SDK = "@modelcontextprotocol/sdk@1.32.2"
LISTS = {"tools": "tools", "prompts": "prompts", "resources": "resources", "resourceTemplates": "resource_templates"}
NOT_PROBED = {"events", "image", "elsewhere"}


class Scanned:
    """One scan of the home: what it printed, what it saved, and how the same servers are started again."""

    def __init__(self, folder: Path) -> None:
        self.estate: Estate = build_real_home(folder / "machine")
        self.state = folder / "state"
        saved = folder / "saved.json"
        words = ["scan", "--home", self.estate.home, "--launch", "sandbox", "--format", "json", "--snapshot", saved]
        environment = {**os.environ, "BARTIZAN_HOME": str(self.state)}
        environment.pop("BARTIZAN_CONFIG", None)
        self.done = subprocess.run(
            [sys.executable, "-m", "bartizan", *map(str, words)],
            env=environment,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=1500,
            check=False,
        )
        assert saved.exists(), self.done.stderr
        self.saved = saved.read_text(encoding="utf-8")
        self.report: dict[str, Any] = json.loads(self.done.stdout)
        self.inventory: Inventory = read_inventory(saved)
        self.ids = {one.name: one.id for one in self.inventory.assets if one.kind == "server"}
        self.snapshots = {one.server: one for one in self.inventory.snapshots}

    def snapshot(self, name: str) -> Snapshot:
        assert self.ids[name] in self.snapshots, self.looks(name)
        return self.snapshots[self.ids[name]]

    def looks(self, name: str) -> dict[str, str]:
        return {one.part: one.outcome for one in self.inventory.looks if one.subject == self.ids[name]}

    def attributes(self, name: str) -> dict[str, Any]:
        return dict(self.inventory.by_id()[self.ids[name]].attributes)

    def confined(self) -> dict[str, Confined]:
        """Commands of all live servers, as the scan started them, from the packages that it fetched."""
        parts = real_parts(Config())
        try:
            return asyncio.run(self._confined(parts))
        finally:
            parts.store.close()

    async def _confined(self, parts: Any) -> dict[str, Confined]:
        gathered = await gather(Scope(homes=(str(self.estate.home),)), parts, lambda _: None)
        names = {self.ids[name]: name for name in SERVERS}
        return {
            names[server]: await parts.sandbox.confine(launch, wanted(package_of([w.reveal() for w in launch.command])))
            for server, launch in gathered.launches.items()
            if server in names
        }


@pytest.fixture(scope="module")
def scanned(tmp_path_factory: pytest.TempPathFactory) -> Scanned:
    return Scanned(tmp_path_factory.mktemp("real"))


@pytest.fixture(scope="module")
def confined(scanned: Scanned) -> Iterator[dict[str, Confined]]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BARTIZAN_HOME", str(scanned.state))
        yield scanned.confined()


@pytest.mark.mission("P2")
def test_no_real_server_says_anything_malicious(scanned: Scanned):
    told = {finding["rule"] for finding in scanned.report["findings"] if " is malicious" in finding["message"]}
    assert told == set()


@pytest.mark.mission("P2")
def test_whatever_is_suspicious_of_a_real_server_says_why_and_what_to_do(scanned: Scanned):
    suspicious = [one for one in scanned.report["findings"] if " is suspicious" in one["message"]]
    assert all(one["evidence"] and one["remedy"] and one["place"] for one in suspicious)
    definitions = sum(len(one.tools) + len(one.prompts) + len(one.resources) for one in scanned.snapshots.values())
    assert len({one["subject"] for one in suspicious}) <= definitions * 0.02


@pytest.mark.mission("P2", "K2.assess")
def test_real_servers_pass_where_the_poisoned_and_the_drifting_server_of_the_lab_are_caught(
    scanned: Scanned, tmp_path: Path
):
    def lab(*words: object) -> dict[str, Any]:
        done = subprocess.run(
            [sys.executable, "-m", "bartizan", *map(str, words)],
            env={**os.environ, "BARTIZAN_HOME": str(tmp_path / "state")},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert done.returncode in {0, 1}, done.stderr
        return json.loads(done.stdout) if "json" in words else {}

    scan = ("scan", build_lab(tmp_path / "lab") / "weather-app/.mcp.json", "--launch", "sandbox", "--format", "json")
    first = lab(*scan, "--snapshot", tmp_path / "first.json")
    approve = ("pin", "approve", "mail", "--from-snapshot", tmp_path / "first.json", "--reason", "read it all", "--yes")
    lab(*approve)
    build_lab(tmp_path / "lab")  # its publisher brings out the next release
    second = lab(*scan)

    def malicious(report: dict[str, Any]) -> set[str]:
        return {one["message"].split(" is ")[0] for one in report["findings"] if " is malicious" in one["message"]}

    def drifted(report: dict[str, Any]) -> set[str]:
        return {one["message"].split(" was ")[0] for one in report["findings"] if one["rule"] == "definition_drift"}

    assert malicious(scanned.report) == set()
    assert any("get_forecast" in one for one in malicious(first))
    assert not drifted(first)
    assert "tool send_mail" in drifted(second)


@pytest.mark.parametrize("name", SERVERS)
def test_a_real_server_is_live_and_lists_what_it_is_known_for(scanned: Scanned, name: str):
    snapshot = scanned.snapshot(name)
    counts = (len(snapshot.tools), len(snapshot.prompts), len(snapshot.resources))
    assert (snapshot.protocol_version, *counts) == SERVERS[name]


@pytest.mark.mission("P1")
def test_servers_of_every_revision_are_read_in_one_scan(scanned: Scanned):
    assert len(scanned.snapshots) >= 8
    assert {one.protocol_version for one in scanned.snapshots.values()} == {"2024-11-05", "2025-11-25", "2026-07-28"}
    assert {one.era for one in scanned.snapshots.values()} == {Era.LEGACY, Era.MODERN}


@pytest.mark.mission("P1")
def test_the_servers_come_from_clients_of_every_format(scanned: Scanned):
    clients = [one for one in scanned.inventory.assets if one.kind == "client"]
    assert len({one.attributes["client"] for one in clients}) >= 10
    suffixes = {Path(place.path).suffix for one in clients for place in one.places}
    assert {".json", ".jsonc", ".toml", ".yaml"} <= suffixes


def test_a_disabled_server_is_known_and_marked_so(scanned: Scanned):
    assert scanned.attributes("calendar")["enabled"] is False
    assert scanned.attributes("old-fetch")["enabled"] is False
    assert scanned.attributes("fetch")["enabled"] is True


def test_a_wrapped_server_is_the_server_within_and_behind_the_gateway_only_if_every_client_goes_there(scanned: Scanned):
    assert scanned.attributes("sequential-thinking")["behind_gateway"] is True
    assert scanned.attributes("sequential-thinking")["package"]["version"] == "2026.8.31"
    assert scanned.attributes("memory")["behind_gateway"] is False  # wrapped in one client, bare in another
    configured = [one for one in scanned.inventory.edges if one.target == scanned.ids["memory"]]
    assert len({one.source for one in configured if one.kind == "configures"}) == 2


@pytest.mark.mission("X2")
def test_every_server_has_its_coverage_and_what_was_skipped_makes_the_scan_incomplete(scanned: Scanned):
    assert scanned.done.returncode == 3
    assert scanned.report["summary"]["complete"] is False
    for name in scanned.ids:
        assert "start" in scanned.looks(name), name
    assert {name for name in scanned.ids if scanned.ids[name] not in scanned.snapshots} == NOT_PROBED
    assert scanned.looks("image")["start"] == "skipped"
    assert scanned.looks("elsewhere")["start"] == "skipped"
    assert scanned.looks("events")["discover"] == "failed"
    assert scanned.looks("postgres")["resources"] == "failed"  # it asks its database, which is not there
    told = {one["subject"] for one in scanned.report["findings"] if one["rule"] == "server_not_looked_at"}
    assert told == {scanned.ids[name] for name in {*NOT_PROBED, "postgres"}}
    assert any(one["rule"] == "broken_configuration" for one in scanned.report["findings"])


@pytest.mark.mission("K5.assess")
def test_no_secret_of_the_home_stands_in_any_output_or_in_the_state(scanned: Scanned):
    assert len(scanned.estate.canaries) >= 6
    told = [scanned.done.stdout, scanned.done.stderr, scanned.saved]
    kept = [path for path in scanned.state.iterdir() if path.name != "packages"]
    kept_files = [file for path in kept for file in [path, *path.rglob("*")] if file.is_file()]
    assert kept_files
    texts = [text.encode() for text in told] + [file.read_bytes() for file in kept_files]
    assert [leak for text in texts for leak in scanned.estate.leaks(text)] == []
    found = {one["subject"] for one in scanned.report["findings"] if one["rule"] == "secret_in_configuration"}
    assert len(found) >= 6


@pytest.mark.parametrize(
    ("render", "version"), [(cyclonedx.render, SchemaVersion.V1_7), (cyclonedx.render_1_6, SchemaVersion.V1_6)]
)
def test_the_bom_of_it_is_strictly_valid_and_names_each_package(scanned: Scanned, render: Any, version: SchemaVersion):
    text = render(scanned.inventory, [])
    assert JsonStrictValidator(version).validate_str(text) is None
    bom = json.loads(text)
    assert {"pkg:npm/%40modelcontextprotocol/server-filesystem@2026.8.31", "pkg:pypi/mcp-server-git@2026.10.19"} <= {
        part.get("purl") for part in bom["components"]
    }


# ------------------------------------------------------------------------------------------------------------- peers


@asynccontextmanager
async def tapped(inner: Any, seen: list[Any]):
    """The SDK's transport, with every result kept as the SDK's reader had it, before its types."""
    async with inner as (read, write, *_):
        sending, receiving = anyio.create_memory_object_stream[Any](1000)

        async def pump() -> None:
            async with sending:
                async for item in read:
                    seen.append(getattr(getattr(item, "message", None), "result", None))
                    await sending.send(item)

        async with anyio.create_task_group() as group:
            group.start_soon(pump)
            yield receiving, write
            group.cancel_scope.cancel()


async def read_by_the_sdk(confined: Confined) -> tuple[str, dict[str, Any], dict[str, Any]]:
    """Protocol version, lists as they came, and lists as the SDK's types have them (None: refused or not offered)."""
    command = StdioServerParameters(
        command=confined.command[0], args=list(confined.command[1:]), env=dict(confined.environment)
    )
    seen: list[Any] = []
    typed: dict[str, Any] = {}
    with open(os.devnull, "w") as nowhere:  # noqa: ASYNC230, PTH123  opened once, before anything runs
        transport = tapped(stdio_client(command, errlog=nowhere), seen)
        async with Client(transport, mode="auto") as client:
            for theirs, ours, ask in (
                ("tools", "tools", client.list_tools),
                ("prompts", "prompts", client.list_prompts),
                ("resources", "resources", client.list_resources),
                ("resourceTemplates", "resource_templates", client.list_resource_templates),
            ):
                typed[ours] = await every_page(ask, theirs)
            version = str(client.protocol_version)
    raw = {ours: [one for got in seen for one in (got or {}).get(name, [])] for name, ours in LISTS.items()}
    return version, raw, typed


async def every_page(ask: Any, name: str) -> list[Any] | None:
    found: list[Any] = []
    cursor = None
    while True:
        try:
            page = await ask(cursor=cursor)
        except MCPError:
            return None
        found += page.model_dump(mode="json", by_alias=True, exclude_none=True)[name]
        cursor = page.next_cursor
        if cursor is None:
            return found


def differences(ours: Any, theirs: Any, at: str = "") -> set[str]:
    """Where two JSON values differ, as pointers (`*`: any index): `-` they dropped, `+` added, `~` changed."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        gone = {f"- {at}/{key}" for key in ours.keys() - theirs.keys()}
        new = {f"+ {at}/{key}" for key in theirs.keys() - ours.keys()}
        both = (differences(ours[key], theirs[key], f"{at}/{key}") for key in ours.keys() & theirs.keys())
        return gone | new | set().union(*both)
    if isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        return set().union(*(differences(one, other, f"{at}/*") for one, other in zip(ours, theirs, strict=True)))
    return set() if type(ours) is type(theirs) and ours == theirs else {f"~ {at}"}


def test_what_the_types_of_the_sdk_drop_is_known_and_the_comparison_would_show_it():
    tool = {"name": "a", "inputSchema": {"default": None}, "annotations": {"readOnlyHint": True, "own": 1}}
    raw = {**tool, "title": None, "own": 1, "_meta": {"nothing": None}}
    typed = Tool.model_validate(raw).model_dump(mode="json", by_alias=True, exclude_none=True)
    assert differences([raw], [typed], "/tools") == {"- /tools/*/own", "- /tools/*/annotations/own", "- /tools/*/title"}
    assert differences({"a": 1}, {"a": True, "b": 1}) == {"~ /a", "+ /b"}
    assert differences([1], []) == {"~ "}


# The servers at these versions send nothing that the SDKs' types drop or add, so no difference is permitted.


@pytest.mark.parametrize("name", SERVERS)
def test_the_official_python_sdk_reads_the_same(scanned: Scanned, confined: dict[str, Confined], name: str):
    snapshot = scanned.snapshot(name)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the peer's own deprecations
        version, raw, typed = asyncio.run(read_by_the_sdk(confined[name]))
    assert version == snapshot.protocol_version
    looks, told = scanned.looks(name), set[str]()
    for part in LISTS.values():
        ours = list(getattr(snapshot, part))
        assert json.dumps(raw[part], sort_keys=True) == json.dumps(ours, sort_keys=True), part
        assert (typed[part] is not None) is (looks[part] == "looked"), part
        told |= differences(ours, typed[part] or [], f"/{part}")
    assert told == set()


@pytest.fixture(scope="module")
def typescript(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the TypeScript SDK and our program that uses it."""
    folder = tmp_path_factory.mktemp("typescript")
    (folder / "package.json").write_text('{"private": true, "type": "module"}')
    (folder / "peer.mjs").write_text(PEER.read_text(encoding="utf-8"))
    words = ["npm", "install", "--ignore-scripts", "--no-audit", "--no-fund", TYPESCRIPT_SDK]
    done = subprocess.run(words, cwd=folder, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr[-500:]
    return folder / "peer.mjs"


@pytest.mark.parametrize("name", ["everything", "github"])
def test_the_official_typescript_sdk_reads_the_same(
    scanned: Scanned, confined: dict[str, Confined], typescript: Path, name: str
):
    words = ["node", str(typescript), *confined[name].command]
    done = subprocess.run(words, capture_output=True, text=True, timeout=120, check=True)
    read = json.loads(done.stdout)
    snapshot, told = scanned.snapshot(name), set[str]()
    for part in ("tools", "prompts", "resources"):
        ours = list(getattr(snapshot, part))
        assert json.dumps(read["untyped"][part], sort_keys=True) == json.dumps(ours, sort_keys=True), part
        told |= differences(ours, read["typed"][part], f"/{part}")
    assert told == set()
