"""A small estate with everything in it that a report has to show, and one made by an attacker."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from bartizan.model.asset import Asset, AssetKind, Confidence, Edge, EdgeKind
from bartizan.model.coverage import Look, Outcome
from bartizan.model.errors import Place
from bartizan.model.finding import Finding, Severity, finding_id
from bartizan.model.inventory import Inventory
from bartizan.model.snapshot import Era, Snapshot, Transport

AT = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)
GITHUB, WEATHER, NOTES = "server:1111", "server:2222", "server:3333"
TOKEN = "credential:hmac-sha256:0123456789abcdef0123456789abcdef"


def an_asset(identity: str, sort: AssetKind, called: str, *places: Place, **attributes: Any) -> Asset:
    return Asset(id=identity, kind=sort, name=called, places=places, attributes=attributes, seen_by=("files",))


def an_edge(source: str, kind: EdgeKind, target: str, **attributes: Any) -> Edge:
    return Edge(source=source, target=target, kind=kind, attributes=attributes)


def a_finding(rule: str, subject: str, severity: Severity, message: str, **more: Any) -> Finding:
    return Finding(
        id=finding_id(rule, subject),
        rule=rule,
        title=rule.replace("_", " ").capitalize(),
        subject=subject,
        severity=severity,
        confidence=Confidence.HIGH,
        message=message,
        **more,
    )


def _assets() -> tuple[Asset, ...]:
    kind, cursor = AssetKind, Place(path="/home/ada/.cursor/mcp.json", line=12, pointer="/mcpServers/github")
    package = {
        "ecosystem": "npm",
        "name": "@example/server-github",
        "version": "1.2.3",
        "pinned": True,
        "runner": "npx",
        "purl": "pkg:npm/%40example/server-github@1.2.3",
    }
    return (
        an_asset("person:1", kind.PERSON, "ada", user="ada", uid=1000),
        an_asset("host:1", kind.HOST, "workbench", name="workbench"),
        an_asset("client:claude", kind.CLIENT, "Claude Desktop", client="claude_desktop", vendor="Anthropic"),
        an_asset("client:cursor", kind.CLIENT, "Cursor", client="cursor", vendor="Anysphere"),
        an_asset("agent:1", kind.AGENT, "reviewer", client="cursor", model="opus", sha256="a" * 64),
        an_asset("document:1", kind.DOCUMENT, "AGENTS.md", Place(path="/home/ada/AGENTS.md"), role="instruction",
                 client="cursor", sha256="b" * 64),
        an_asset(GITHUB, kind.SERVER, "github", cursor, transport="stdio", package=package, configured=True,
                 command=["npx", "-y", "@example/server-github@1.2.3"], behind_gateway=False, enabled=True,
                 environment={"GITHUB_TOKEN": "‹github-pat hmac-sha256:01234567›"}),
        an_asset(WEATHER, kind.SERVER, "weather", Place(path="/home/ada/.cursor/mcp.json", line=20), remote=True,
                 transport="streamable_http", url="http://weather.example/mcp", status="authentication_required"),
        an_asset(NOTES, kind.SERVER, "notes", transport="stdio", command=["/opt/notes/server"], configured=False,
                 package={"ecosystem": "local", "name": "server", "path": "/opt/notes/server", "sha256": "c" * 64}),
        an_asset("instance:1", kind.INSTANCE, "server", pid=4242),
        an_asset("tool:1", kind.TOOL, "create_issue", server=GITHUB, definition_sha256="d" * 64,
                 description_sha256="e" * 64, input_schema_sha256="f" * 64),
        an_asset("package:1", kind.PACKAGE, "@example/server-github", **package),
        an_asset(TOKEN, kind.CREDENTIAL, "GITHUB_TOKEN", cursor, kind="github-pat",
                 fingerprint=TOKEN.removeprefix("credential:")),
        an_asset("model:1", kind.MODEL, "opus", provider="anthropic", client="cursor"),
        an_asset("backend:1", kind.BACKEND, "http://127.0.0.1:11434", role="model_server",
                 url="http://127.0.0.1:11434"),
    )  # fmt: skip


def _edges() -> tuple[Edge, ...]:
    kind = EdgeKind
    return (
        an_edge("client:claude", kind.CONFIGURES, GITHUB, name="gh", enabled=False, path="/home/ada/claude.json"),
        an_edge("client:cursor", kind.CONFIGURES, GITHUB, name="github", enabled=True),
        an_edge("client:cursor", kind.CONFIGURES, WEATHER, name="weather", enabled=True),
        an_edge("client:cursor", kind.DEFINES, "agent:1"),
        an_edge("client:cursor", kind.READS, "document:1"),
        an_edge(GITHUB, kind.EXPOSES, "tool:1"),
        an_edge(GITHUB, kind.LOADS, "package:1"),
        an_edge(GITHUB, kind.HOLDS, TOKEN),
        an_edge(WEATHER, kind.HOLDS, TOKEN),
        an_edge(NOTES, kind.INSTANCE_OF, "instance:1"),
        an_edge("client:cursor", kind.USES, "model:1"),
        an_edge("model:1", kind.USES, "backend:1"),
    )


@pytest.fixture
def looks() -> tuple[Look, ...]:
    return (
        Look(part="configuration", outcome=Outcome.LOOKED),
        Look(part="processes", outcome=Outcome.LOOKED),
        Look(subject=GITHUB, part="start", outcome=Outcome.LOOKED),
        Look(subject=GITHUB, part="tools", outcome=Outcome.LOOKED),
        Look(subject=GITHUB, part="prompts", outcome=Outcome.ABSENT),
        Look(subject=WEATHER, part="tools", outcome=Outcome.SKIPPED, reason="the server wants a token"),
        Look(subject=NOTES, part="start", outcome=Outcome.SKIPPED, reason="starting it was not consented to"),
        Look(part="configuration", outcome=Outcome.FAILED, reason="permission denied",
             place=Place(path="/home/bob/.cursor/mcp.json")),
    )  # fmt: skip


@pytest.fixture
def inventory(looks: tuple[Look, ...]) -> Inventory:
    snapshot = Snapshot(
        server=GITHUB,
        taken_at=AT,
        transport=Transport.STDIO,
        era=Era.LEGACY,
        protocol_version="2025-11-25",
        discovered={"serverInfo": {"name": "github-mcp", "version": "1.2.3"}},
        tools=({"name": "create_issue", "description": "Open an issue.", "inputSchema": {"type": "object"}},),
    )
    return Inventory(taken_at=AT, assets=_assets(), edges=_edges(), snapshots=(snapshot,), looks=looks)


@pytest.fixture
def complete(inventory: Inventory) -> Inventory:
    """The same estate, fully looked at."""
    servers = [Look(subject=server, part="tools", outcome=Outcome.LOOKED) for server in (GITHUB, WEATHER, NOTES)]
    return Inventory(
        taken_at=AT, assets=inventory.assets, edges=inventory.edges, snapshots=inventory.snapshots, looks=tuple(servers)
    )


@pytest.fixture
def empty() -> Inventory:
    looks = (Look(part="configuration", outcome=Outcome.LOOKED), Look(part="processes", outcome=Outcome.LOOKED))
    return Inventory(taken_at=AT, looks=looks)


@pytest.fixture
def findings() -> list[Finding]:
    return [
        a_finding("secret_in_configuration", TOKEN, Severity.HIGH, "github-pat GITHUB_TOKEN stands in clear text",
                  place=Place(path="/home/ada/.cursor/mcp.json", line=12), evidence="hmac-sha256:01234567",
                  remedy="Move the value into a vault, then rotate it.", tags=("owasp-mcp.mcp01", "cwe.798")),
        a_finding("plain_http", WEATHER, Severity.MEDIUM, "weather is reached over http",
                  place=Place(url="http://weather.example/mcp"), remedy="Use https."),
        a_finding("broken_configuration", "", Severity.LOW, "a file could not be parsed",
                  place=Place(path="/home/ada/.vscode/mcp.json", line=3, column=7)),
    ]  # fmt: skip


HOSTILE = (
    "<script>alert(1)</script><img src=x onerror=alert(2)>\" onmouseover='alert(3)'"
    " javascript:alert(4) [red]markup[/red] :bomb: \u202eevil\u2066 \U000e0041\U000e0042 \x1b[31m\x1b]0;owned\x07\r\n\t"
    "\u200b\ufeff\x00 {{ 7*7 }} {% raw %} \udc80 ]]> </style> --> \u0640"
)


@pytest.fixture
def hostile() -> str:
    return HOSTILE


@pytest.fixture
def poisoned(inventory: Inventory) -> Callable[[str], tuple[Inventory, list[Finding]]]:
    """Put one text everywhere where an attacker may write: names, attributes, places, reasons, findings."""

    def poison(text: str) -> tuple[Inventory, list[Finding]]:
        place = Place(path=f"/{text}", line=1, pointer=f"/{text}")
        assets = tuple(
            Asset(id=a.id, kind=a.kind, name=text, places=(place,), attributes=_poison(a.attributes, text))
            for a in inventory.assets
        )
        edges = tuple(
            Edge(source=e.source, target=e.target, kind=e.kind, attributes=_poison(e.attributes, text))
            for e in inventory.edges
        )
        looks = tuple(
            Look(subject=k.subject, part=text, outcome=k.outcome, reason=text, place=place) for k in inventory.looks
        )
        snapshots = tuple(
            Snapshot(server=s.server, taken_at=AT, transport=s.transport, era=s.era, protocol_version=text,
                     tools=({"name": text, "description": text}, text, 7), stderr=text)
            for s in inventory.snapshots
        )  # fmt: skip
        raised = [
            Finding(id=finding_id(text, s, str(n)), rule=text, title=text, subject=s, severity=v, message=text,
                    confidence=Confidence.LOW, place=place, evidence=text, remedy=text, tags=(text, f"cwe.{text}"))
            for n, (s, v) in enumerate(zip((GITHUB, TOKEN, "", text), Severity, strict=False))
        ]  # fmt: skip
        return Inventory(taken_at=AT, assets=assets, edges=edges, snapshots=snapshots, looks=looks), raised

    return poison


def _poison(values: dict[str, Any], text: str) -> dict[str, Any]:
    """Every string replaced, and every type once wrong."""
    changed: dict[str, Any] = {}
    for key, value in values.items():
        if isinstance(value, str):
            changed[key] = text
        elif isinstance(value, dict):
            changed[key] = _poison(value, text)
        elif isinstance(value, list):
            changed[key] = [text, 7, None]
        else:
            changed[key] = value
    return changed | {"unexpected": [text], text: text}
