"""Mends of findings: shown without a secret, applied whole, taken back byte for byte, gone at the next scan."""

import asyncio
import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bartizan.app.bootstrap import real_parts
from bartizan.app.config import Config
from bartizan.app.fix import Proposal, Wish, apply, propose, shelf
from bartizan.app.parts import Parts
from bartizan.app.probing import Launching
from bartizan.app.scan import scan
from bartizan.app.scope import Asked, scope_of
from bartizan.model.asset import Asset, AssetKind, Edge, EdgeKind
from bartizan.model.errors import UsageError
from bartizan.model.finding import Finding

TOKEN = "ghp_" + "A1b2" * 9  # put together here, so that no scanner takes it for a real one
PASSWORD = "kX9" + "-vQ2m" * 3


class Estate:
    """A home with files, scanned for real."""

    def __init__(self, home: Path, parts: Parts) -> None:
        self.home, self.parts = home, parts

    def write(self, place: str, text: str, mode: int = 0o600) -> Path:
        path = self.home / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode())
        path.chmod(mode)
        return path

    def scan(self, rule: str = "") -> list[Finding]:
        scope = scope_of(Config(), Asked(home=self.home))
        result = asyncio.run(scan(scope, Launching.NEVER, Config(), self.parts, lambda _text: None))
        return [finding for finding in result.findings if rule in {"", finding.rule}]

    def mend(self, rule: str, **wish: Any) -> Proposal:
        (finding,) = self.scan(rule)
        return propose(finding.id, Wish(**wish), self.parts)


@pytest.fixture
def estate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Estate]:
    monkeypatch.setenv("BARTIZAN_HOME", str(tmp_path / "state"))
    home = tmp_path / "home"
    home.mkdir()
    parts = real_parts(Config())
    yield Estate(home, parts)
    parts.store.close()


CURSOR = """{
  // mine
  "mcpServers": {
    "hub": {"command": "npx", "args": ["-y", "example-mcp@1.2.3"], "env": {"HUB_TOKEN": "@@"}},
  }
}
"""
WAYS = {  # where, what stands there, what the difference must say
    "cursor env": (".cursor/mcp.json", CURSOR, '"${env:HUB_TOKEN}"'),
    "cursor header": (
        ".cursor/mcp.json",
        '{"mcpServers": {"hub": {"url": "https://a.example/mcp", "headers": {"Authorization": "Bearer @@"}}}}',
        '"Bearer ${env:HUB_TOKEN}"',
    ),
    "cursor argument": (
        ".cursor/mcp.json",
        '{"mcpServers": {"hub": {"command": "npx", "args": ["example-mcp@1.2.3", "--api-key", "@@"]}}}',
        '"${env:HUB_API_KEY}"',
    ),
    "vscode": (
        ".config/Code/User/mcp.json",
        '{"servers": {"hub": {"command": "npx", "args": ["x@1.0.0"], "env": {"HUB_TOKEN": "@@"}}}}',
        '"${input:hub-token}"',
    ),
    "windsurf": (
        ".codeium/windsurf/mcp_config.json",
        '{"mcpServers": {"hub": {"serverUrl": "https://a.example/mcp", "headers": {"X-Api-Key": "@@"}}}}',
        '"${env:HUB_X_API_KEY}"',
    ),
    "codex env": (
        ".codex/config.toml",
        '[mcp_servers.hub]\ncommand = "npx"\nargs = ["x@1.0.0"]\n\n[mcp_servers.hub.env]\nHUB_TOKEN = "@@"\nB = "c"\n',
        'env_vars = ["HUB_TOKEN"]',
    ),
    "codex bearer": (
        ".codex/config.toml",
        '[mcp_servers.hub]\nurl = "https://a.example/mcp"\nhttp_headers = { Authorization = "Bearer @@" }\n',
        'bearer_token_env_var = "HUB_TOKEN"',
    ),
    "codex header": (
        ".codex/config.toml",
        '[mcp_servers.hub]\nurl = "https://a.example/mcp"\n[mcp_servers.hub.http_headers]\nX-Token = "@@"\n',
        'env_http_headers = { "X-Token" = "HUB_X_TOKEN" }',
    ),
    "goose": (
        ".config/goose/config.yaml",
        'extensions:\n  hub: # mine\n    cmd: uvx\n    args: [x==1.0]\n    envs:\n      HUB_TOKEN: "@@"\n      B: c\n',
        'env_keys: ["HUB_TOKEN"]',
    ),
    "gemini": (
        ".gemini/settings.json",
        '{"mcpServers": {"hub": {"command": "npx", "args": ["x@1.0.0"], "env": {"HUB_TOKEN": "@@"}}}}',
        '"${HUB_TOKEN}"',
    ),
    "kiro": (
        ".kiro/settings/mcp.json",
        '{"mcpServers": {"hub": {"command": "npx", "args": ["x@1.0.0"], "env": {"HUB_TOKEN": "@@"}}}}',
        '"${HUB_TOKEN}"',
    ),
    "opencode": (
        ".config/opencode/opencode.json",
        '{"mcp": {"hub": {"type": "local", "command": ["npx", "x@1.0.0"], "environment": {"HUB_TOKEN": "@@"}}}}',
        '"{env:HUB_TOKEN}"',
    ),
    "continue": (
        ".continue/config.yaml",
        'mcpServers:\n  - name: hub\n    command: npx\n    args: ["x@1.0.0"]\n    env:\n      HUB_TOKEN: "@@"\n',
        "${{ secrets.HUB_TOKEN }}",
    ),
}


@pytest.mark.parametrize("way", WAYS)
def test_a_secret_becomes_the_reference_that_its_client_fills_in_and_is_gone_at_the_next_scan(estate: Estate, way: str):
    place, text, told = WAYS[way]
    path = estate.write(place, text.replace("@@", TOKEN))
    before = path.read_bytes()
    proposal = estate.mend("secret_in_configuration")
    shown = "\n".join([*proposal.differences, *proposal.besides, repr(proposal)])
    assert told in shown
    assert TOKEN not in shown
    assert any("rotate" in one for one in proposal.besides)
    assert path.read_bytes() == before
    record = apply(proposal, estate.parts)
    assert TOKEN not in path.read_text()
    assert estate.scan("secret_in_configuration") == []
    shelf().undo(record.id)
    assert path.read_bytes() == before
    assert len(estate.scan("secret_in_configuration")) == 1


def test_a_project_file_of_claude_code_gets_its_syntax(estate: Estate):
    estate.write(".claude.json", f'{{"projects": {{"{estate.home}/p": {{}}}}}}')
    text = '{"mcpServers": {"hub": {"command": "x", "env": {"HUB_TOKEN": "@@"}}}}'
    path = estate.write("p/.mcp.json", text.replace("@@", TOKEN))
    apply(estate.mend("secret_in_configuration"), estate.parts)
    assert path.read_text() == text.replace("@@", "${HUB_TOKEN}")


@pytest.mark.parametrize(
    ("place", "text"),
    [
        (
            ".config/Claude/claude_desktop_config.json",
            '{"mcpServers": {"hub": {"command": "x", "env": {"HUB_TOKEN": "@@"}}}}',
        ),
        (".claude.json", '{"projects": {"/p": {"mcpServers": {"hub": {"command": "x", "env": {"T_TOKEN": "@@"}}}}}}'),
        (".codex/config.toml", '[mcp_servers.hub]\ncommand = "x"\nargs = ["--token", "@@"]\n'),
    ],
)
def test_where_the_client_fills_in_nothing_no_reference_is_offered(estate: Estate, place: str, text: str):
    path = estate.write(place, text.replace("@@", TOKEN))
    with pytest.raises(UsageError, match="not known to fill in variables") as told:
        estate.mend("secret_in_configuration")
    assert TOKEN not in str(told.value)
    assert TOKEN in path.read_text()


def test_other_secrets_around_the_change_are_not_shown(estate: Estate):
    estate.write(
        ".cursor/mcp.json",
        '{"mcpServers": {"hub": {\n"command": "x", // was ' + TOKEN + "\n"
        f'"args": ["--password", "{PASSWORD}", "postgresql://ada:{PASSWORD}@db.example/x"],\n'
        f'"env": {{"HUB_TOKEN": "{TOKEN}"}}\n}}}}}}',
    )
    (finding,) = (one for one in estate.scan("secret_in_configuration") if "HUB_TOKEN" in one.message)
    proposal = propose(finding.id, Wish(), estate.parts)
    shown = "\n".join([*proposal.differences, *proposal.besides])
    assert "${env:HUB_TOKEN}" in shown
    assert PASSWORD not in shown
    assert TOKEN not in shown
    assert any("line 2" in one for one in proposal.besides)  # the comment still holds it


PINS = {
    "npx": (".cursor/mcp.json", '{"mcpServers": {"a": {"command": "npx", "args": ["-y", "@x/y"]}}}', "@x/y@1.2.3"),
    "a tag": (".cursor/mcp.json", '{"mcpServers": {"a": {"command": "npx", "args": ["@x/y@latest"]}}}', "@x/y@1.2.3"),
    "one line": (
        ".cursor/mcp.json",
        '{"mcpServers": {"a": {"command": "npx -y a-mcp"}}}',
        "npx -y a-mcp@1.2.3",
    ),
    "uvx": (".codex/config.toml", "[mcp_servers.a]\ncommand = 'uvx'\nargs = ['Some_mcp']\n", "Some_mcp==1.2.3"),
    "from": (
        ".config/goose/config.yaml",
        "extensions:\n  a:\n    cmd: uvx\n    args: [--from, 'some-mcp[cli]>=1', some]\n",
        "'some-mcp[cli]==1.2.3'",
    ),
    "array": (
        ".config/opencode/opencode.json",
        '{"mcp": {"a": {"type": "local", "command": ["npx", "-y", "a-mcp"]}}}',
        "a-mcp@1.2.3",
    ),
}


@pytest.mark.parametrize("way", PINS)
def test_a_launch_is_pinned_where_its_package_is_named(estate: Estate, way: str):
    place, text, told = PINS[way]
    path = estate.write(place, text)
    record = apply(estate.mend("unpinned_launch", version="1.2.3"), estate.parts)
    assert told in path.read_text()
    assert estate.scan("unpinned_launch") == []
    shelf().undo(record.id)
    assert path.read_text() == text


def test_an_image_is_pinned_to_a_digest(estate: Estate):
    path = estate.write(
        ".cursor/mcp.json", '{"mcpServers": {"a": {"command": "docker", "args": ["run", "-i", "ghcr.io/x/y:latest"]}}}'
    )
    with pytest.raises(UsageError, match="no exact version"):
        estate.mend("unpinned_launch", version="1.2.3")
    apply(estate.mend("unpinned_launch", version="sha256:" + "ab" * 32), estate.parts)
    assert "ghcr.io/x/y@sha256:abab" in path.read_text()


def test_a_server_of_two_clients_is_pinned_in_both(estate: Estate):
    entry = '{"mcpServers": {"a": {"command": "npx", "args": ["-y", "a-mcp"]}}}'
    paths = [estate.write(place, entry) for place in (".cursor/mcp.json", ".codeium/windsurf/mcp_config.json")]
    record = apply(estate.mend("unpinned_launch", version="2.0.0"), estate.parts)
    assert all("a-mcp@2.0.0" in path.read_text() for path in paths)
    paths[0].write_text("{}")
    with pytest.raises(UsageError, match="changed since the mend"):
        shelf().undo(record.id)
    assert "a-mcp@2.0.0" in paths[1].read_text()  # none is put back where one cannot be


@pytest.mark.parametrize("version", ["", "latest", "^1.2", '1.2.3", "evil', "1.2.3 evil"])
def test_without_an_exact_version_nothing_is_pinned(estate: Estate, version: str):
    estate.write(".cursor/mcp.json", '{"mcpServers": {"a": {"command": "npx", "args": ["-y", "a-mcp"]}}}')
    with pytest.raises(UsageError, match=r"--version|no exact version"):
        estate.mend("unpinned_launch", version=version)


def test_a_package_in_a_line_of_a_shell_is_left_to_a_person(estate: Estate):
    estate.write(".cursor/mcp.json", '{"mcpServers": {"a": {"command": "sh", "args": ["-c", "npx -y a-mcp"]}}}')
    with pytest.raises(UsageError, match="in no one place"):
        estate.mend("unpinned_launch", version="1.2.3")


def test_a_mode_is_tightened_and_put_back(estate: Estate):
    path = estate.write(".cursor/mcp.json", CURSOR.replace("@@", TOKEN), 0o664)
    proposal = estate.mend("configuration_readable_by_others")
    assert "-mode 0664\n+mode 0600" in proposal.differences[0]
    record = apply(proposal, estate.parts)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert estate.scan("configuration_readable_by_others") == []
    shelf().undo(record.id)
    assert stat.S_IMODE(path.stat().st_mode) == 0o664


SWITCHES = {
    "windsurf": (".codeium/windsurf/mcp_config.json", '{"mcpServers": {"a": {"command": "x"}}}', '"disabled": true'),
    "codex": (".codex/config.toml", '[mcp_servers.a]\ncommand = "x"\n', "enabled = false"),
    "goose": (".config/goose/config.yaml", "extensions:\n  a:\n    enabled: true\n    cmd: x\n", "enabled: false"),
}


@pytest.mark.parametrize("client", SWITCHES)
def test_a_server_is_turned_off_by_its_clients_own_switch(estate: Estate, client: str):
    place, text, told = SWITCHES[client]
    path = estate.write(place, text)
    apply(estate.mend("server_not_looked_at", disable=True), estate.parts)
    assert told in path.read_text()


def test_where_the_client_has_no_switch_the_entry_is_taken_out(estate: Estate):
    text = (
        '{"projects": {"/p": {"mcpServers": {\n  "a": {"command": "x"},\n  "b": {"url": "https://b.example/mcp"}\n}}}}'
    )
    path = estate.write(".claude.json", text)
    (finding,) = (one for one in estate.scan("server_not_looked_at") if one.message.startswith("a "))
    apply(propose(finding.id, Wish(disable=True), estate.parts), estate.parts)
    assert path.read_text() == text.replace('  "a": {"command": "x"},\n', "")


def test_a_finding_without_a_mend_says_what_its_remedy_is(estate: Estate):
    estate.write(".cursor/mcp.json", '{"mcpServers": {"a": {"url": "http://a.example/mcp"}}}')
    with pytest.raises(UsageError, match=r"over TLS.*--disable"):
        estate.mend("plain_http_endpoint")


def test_a_file_that_changed_since_the_scan_is_refused(estate: Estate):
    path = estate.write(".cursor/mcp.json", CURSOR.replace("@@", TOKEN))
    (finding,) = estate.scan("secret_in_configuration")
    path.write_text(CURSOR.replace("@@", TOKEN) + "\n")
    with pytest.raises(UsageError, match="changed since the scan"):
        propose(finding.id, Wish(), estate.parts)


def test_a_file_that_changes_between_the_difference_and_the_deed_is_refused(estate: Estate):
    path = estate.write(".cursor/mcp.json", CURSOR.replace("@@", TOKEN))
    proposal = estate.mend("secret_in_configuration")
    path.write_text("{}")
    with pytest.raises(UsageError, match="changed in between"):
        apply(proposal, estate.parts)
    assert path.read_text() == "{}"
    assert shelf().records() == []


def _link(path: Path) -> None:
    path.rename(path.with_suffix(".real"))
    path.symlink_to(path.with_suffix(".real"))


def _second_name(path: Path) -> None:
    os.link(path, path.with_suffix(".second"))


@pytest.mark.parametrize(("spoil", "told"), [(_link, "symbolic link"), (_second_name, "hard link")])
def test_links_are_not_written_through(estate: Estate, spoil: Callable[[Path], None], told: str):
    path = estate.write(".cursor/mcp.json", CURSOR.replace("@@", TOKEN))
    proposal = estate.mend("secret_in_configuration")
    spoil(path)
    with pytest.raises(UsageError, match=told):
        apply(proposal, estate.parts)
    assert TOKEN in path.read_text()


def test_several_mends_of_one_file_need_no_scan_between_them(estate: Estate):
    path = estate.write(".cursor/mcp.json", CURSOR.replace("@@", TOKEN).replace("@1.2.3", ""), 0o644)
    before = path.read_bytes()
    findings = {finding.rule: finding.id for finding in estate.scan()}
    records = [
        apply(propose(findings[rule], Wish(version="1.2.3"), estate.parts), estate.parts)
        for rule in ("secret_in_configuration", "unpinned_launch", "configuration_readable_by_others")
    ]
    assert not {"secret_in_configuration", "unpinned_launch"} & {finding.rule for finding in estate.scan()}
    for record in reversed(records):
        shelf().undo(record.id)
    assert (path.read_bytes(), stat.S_IMODE(path.stat().st_mode)) == (before, 0o644)


def test_the_undo_copy_is_for_its_owner_alone_and_can_be_forgotten(estate: Estate, tmp_path: Path):
    estate.write(".cursor/mcp.json", CURSOR.replace("@@", TOKEN))
    record = apply(estate.mend("secret_in_configuration"), estate.parts)
    assert record.holds_secret
    copies = tmp_path / "state" / "undo"
    assert {stat.S_IMODE(path.stat().st_mode) & 0o077 for path in [copies, *copies.rglob("*")]} == {0}
    assert TOKEN not in (copies / record.id / "record.json").read_text()
    shelf().forget(record.id)
    assert list(copies.iterdir()) == []
    with pytest.raises(UsageError, match="no undo record"):
        shelf().undo(record.id)


@pytest.mark.parametrize("identity", ["../x", "", "U-", "U-zzzzzzzz", "U-00000000/../.."])
def test_an_undo_id_is_no_path(estate: Estate, identity: str):
    with pytest.raises(UsageError):
        shelf().forget(identity)


def test_a_secret_of_a_dotenv_file_has_nothing_to_refer_to(estate: Estate):
    entry = '{"mcpServers": {"a": {"command": "x", "envFile": "@HOME@/a.env"}}}'
    estate.write(".cursor/mcp.json", entry.replace("@HOME@", str(estate.home)))
    estate.write("a.env", f"HUB_TOKEN={TOKEN}\n", 0o644)
    with pytest.raises(UsageError, match="dotenv"):
        estate.mend("secret_in_configuration")
    apply(estate.mend("configuration_readable_by_others"), estate.parts)
    assert stat.S_IMODE((estate.home / "a.env").stat().st_mode) == 0o600


def test_a_number_that_is_a_secret_is_replaced_too(estate: Estate):
    path = estate.write(
        ".cursor/mcp.json", '{"mcpServers": {"a": {"command": "x", "env": {"DB_PASSWORD": 9182736455}}}}'
    )
    proposal = estate.mend("secret_in_configuration")
    assert "9182736455" not in "".join(proposal.differences)
    apply(proposal, estate.parts)
    assert '"DB_PASSWORD": "${env:DB_PASSWORD}"' in path.read_text()


def test_the_other_files_with_the_same_credential_are_told(estate: Estate):
    for place in (".cursor/mcp.json", ".codeium/windsurf/mcp_config.json"):
        estate.write(place, CURSOR.replace("@@", TOKEN))
    finding = estate.scan("secret_in_configuration")[0]
    besides = propose(finding.id, Wish(), estate.parts).besides
    assert any("also stands in" in one and "mcp" in one for one in besides)


def test_hostile_names_steer_no_terminal(estate: Estate):
    name = "a\u001b[2J\u202eb"
    estate.write(
        ".config/Claude/claude_desktop_config.json",
        '{"mcpServers": {"' + name.encode("unicode_escape").decode().replace("\\x1b", "\\u001b") + '": '
        '{"command": "x", "env": {"HUB_TOKEN": "' + TOKEN + '"}}}}',
    )
    with pytest.raises(UsageError) as told:
        estate.mend("secret_in_configuration")
    assert not {"\x1b", "\u202e"} & set(str(told.value))


def test_one_of_several_entries_in_an_array_is_taken_out(estate: Estate):
    text = "mcpServers:\n  # first\n  - name: a\n    command: x\n  - name: b\n    url: https://b.example/mcp\n"
    path = estate.write(".continue/config.yaml", text)
    (finding,) = (one for one in estate.scan("server_not_looked_at") if one.message.startswith("a "))
    apply(propose(finding.id, Wish(disable=True), estate.parts), estate.parts)
    assert path.read_text() == text.replace("  - name: a\n    command: x\n", "")
    with pytest.raises(UsageError, match="run `bartizan scan` again"):  # the other one has another number now
        propose(finding.id, Wish(disable=True), estate.parts)


def test_a_file_that_clients_with_different_ways_read_is_left_to_a_person(estate: Estate):
    estate.write(".claude.json", f'{{"projects": {{"{estate.home}/p": {{}}}}}}')
    estate.write(".cursor/mcp.json", '{"mcpServers": {}}')
    estate.write("p/.mcp.json", '{"mcpServers": {"hub": {"command": "x", "env": {"HUB_TOKEN": "' + TOKEN + '"}}}}')
    with pytest.raises(UsageError, match="Claude Code, Cursor read this file"):
        estate.mend("secret_in_configuration")


def test_the_server_of_a_poisoned_tool_is_turned_off(estate: Estate):
    path = estate.write(".codex/config.toml", '[mcp_servers.a]\ncommand = "x"\n')
    scope = scope_of(Config(), Asked(home=estate.home)).name
    (seen,) = estate.scan("server_not_looked_at")
    inventory = estate.parts.store.latest(scope=scope)
    assert inventory is not None
    tool = Asset(id="tool:t", kind=AssetKind.TOOL, name="t")
    edge = Edge(source=seen.subject, target=tool.id, kind=EdgeKind.EXPOSES)
    poisoned = msgspec.structs.replace(seen, id="F-feed", rule="hidden_text", subject=tool.id, place=None)
    inventory = msgspec.structs.replace(
        inventory, assets=(*inventory.assets, tool), edges=(*inventory.edges, edge), taken_at=estate.parts.clock.now()
    )
    estate.parts.store.save(inventory, [poisoned], scope=scope)
    with pytest.raises(UsageError, match="--disable"):
        propose("F-feed", Wish(), estate.parts)
    apply(propose("F-feed", Wish(disable=True), estate.parts), estate.parts)
    assert path.read_text() == '[mcp_servers.a]\nenabled = false\ncommand = "x"\n'


def test_a_record_that_was_cut_short_stops_nothing_and_can_be_forgotten(estate: Estate, tmp_path: Path):
    (tmp_path / "state" / "undo" / "U-00000000").mkdir(parents=True)
    assert shelf().records() == []
    assert shelf().broken() == ["U-00000000"]
    estate.write(".cursor/mcp.json", CURSOR.replace("@@", TOKEN))
    apply(estate.mend("secret_in_configuration"), estate.parts)
    shelf().forget("U-00000000")
    assert shelf().broken() == []


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    comment=st.text(st.characters(exclude_characters="\r\n", exclude_categories=["Cs"]), max_size=30),
    ends=st.sampled_from(["\n", "\r\n"]),
    bom=st.sampled_from(["", "\ufeff"]),
    prefix=st.sampled_from(["", "Bearer "]),
)
def test_a_mend_taken_back_leaves_the_same_bytes(estate: Estate, comment: str, ends: str, bom: str, prefix: str):
    text = bom + CURSOR.replace("@@", prefix + TOKEN).replace("// mine", "//" + comment).replace("\n", ends)
    path = estate.write(".cursor/mcp.json", text)
    record = apply(estate.mend("secret_in_configuration"), estate.parts)
    assert path.read_bytes() == text.replace(TOKEN, "${env:HUB_TOKEN}").encode()
    shelf().undo(record.id)
    assert path.read_bytes() == text.encode()
