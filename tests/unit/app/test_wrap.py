"""Wrap and unwrap: every client's format goes behind the gateway and comes back byte for byte."""

import asyncio
import json
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bartizan.app.bootstrap import load_clients, real_parts
from bartizan.app.config import Config
from bartizan.app.gather import Scope
from bartizan.app.parts import Parts
from bartizan.app.scan import discover
from bartizan.app.wrap import Plan, carry_out, gateway_of, plan_unwrap, plan_wrap
from bartizan.app.wrapped import WrappedShelf, wrapped_launches
from bartizan.discover.formats import read_document
from bartizan.discover.wrap import entries_of, gateway_id
from bartizan.model.asset import AssetKind
from bartizan.model.client import ClientSpec, ConfigPath, Roots, expand
from bartizan.model.inventory import Inventory

TOKEN = "ghp_" + "A1b2" * 9  # put together here, so that no scanner takes it for a real one
GATEWAY = gateway_of("http://127.0.0.1:8700", "/usr/local/bin/bartizan")


class Estate:
    """A home with configurations, and a state folder."""

    def __init__(self, folder: Path, parts: Parts) -> None:
        self.home, self.parts, self.state = folder / "home", parts, folder / "state"
        self.home.mkdir()

    def write(self, place: str, text: str | Any, mode: int = 0o600) -> Path:
        path = self.home / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes((text if isinstance(text, str) else json.dumps(text, indent=2)).encode())
        path.chmod(mode)
        return path

    def plan(self, *clients: str, **more: Any) -> Plan:
        return plan_wrap(self.parts, GATEWAY, home=self.home, clients=clients, state=self.state, **more)

    def wrap(self, *clients: str, **more: Any) -> Plan:
        done, failed = carry_out(self.plan(*clients, **more), state=self.state)
        assert failed == ()
        return done

    def unwrap(self) -> Plan:
        done, failed = carry_out(plan_unwrap(self.parts, state=self.state), state=self.state)
        assert failed == ()
        return done


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Parts]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BARTIZAN_HOME", str(tmp_path_factory.mktemp("state")))
        made = real_parts(Config())
    yield made
    made.store.close()


@pytest.fixture
def estate(tmp_path: Path, parts: Parts) -> Estate:
    return Estate(tmp_path, parts)


CURSOR = """{
  // my servers
  "mcpServers": {
    "git": {"command": "npx", "args": ["-y", "git-mcp@1.0.0"], "env": {"GITHUB_TOKEN": "TOKEN"}},
    "off": {"command": "uvx", "args": ["thing"], "disabled": true},
    "wiki": {
      "url": "https://wiki.example.org/mcp", // the wiki
      "headers": {"Authorization": "Bearer TOKEN"},
    },
  },
}
""".replace('"TOKEN', f'"{TOKEN}').replace("Bearer TOKEN", f"Bearer {TOKEN}")


def test_entries_lead_to_the_gateway_and_all_else_stays(estate: Estate) -> None:
    path = estate.write(".cursor/mcp.json", CURSOR, 0o640)
    done = estate.wrap()
    text = path.read_text()
    value = read_document(text, "jsonc").value["mcpServers"]
    assert value["git"] == {
        "command": "/usr/local/bin/bartizan",
        "args": ["connect", "git"],
        "env": {"GITHUB_TOKEN": TOKEN},
    }
    assert value["off"]["disabled"] is True
    assert value["off"]["args"] == ["connect", "off"]
    assert value["wiki"] == {"url": "http://127.0.0.1:8700/servers/wiki/mcp"}
    assert "// my servers" in text
    assert "// the wiki" in text
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    was = [row.was for row in done.steps[0].rows]
    assert was == [
        "npx -y git-mcp@1.0.0",
        "uvx thing",
        "https://wiki.example.org/mcp",
    ]


def test_a_second_time_changes_nothing(estate: Estate) -> None:
    path = estate.write(".cursor/mcp.json", CURSOR)
    estate.wrap()
    once = path.read_bytes()
    assert estate.wrap().changes == 0
    assert path.read_bytes() == once


def test_unwrap_gives_the_same_bytes_and_leaves_no_record(estate: Estate) -> None:
    path = estate.write(".cursor/mcp.json", CURSOR.replace("\n", "\r\n"))
    before = path.read_bytes()
    estate.wrap()
    assert path.read_bytes() != before
    estate.unwrap()
    assert path.read_bytes() == before
    assert list((estate.state / "wrapped").iterdir()) == []


def test_a_secret_stands_once_where_it_stood_or_in_the_private_record(estate: Estate) -> None:
    path = estate.write(".cursor/mcp.json", CURSOR)
    estate.wrap()
    (record,) = (estate.state / "wrapped").iterdir()
    assert stat.S_IMODE(record.stat().st_mode) == 0o600
    assert stat.S_IMODE(record.parent.stat().st_mode) == 0o700
    assert path.read_text().count(TOKEN) == 1  # the environment's, which stayed
    moved = msgspec.json.decode(record.read_bytes())["entries"]
    assert [TOKEN in json.dumps(entry) for entry in moved] == [False, False, True]  # the header's, which moved


def test_the_gateway_learns_how_to_start_and_reach_what_is_behind(estate: Estate) -> None:
    estate.write(".cursor/mcp.json", CURSOR)
    estate.wrap()
    clients = {one.id: one for one in estate.parts.catalogue}
    launches = wrapped_launches(WrappedShelf(estate.state).all(), clients)
    assert [word.reveal() for word in launches["git"].command] == ["npx", "-y", "git-mcp@1.0.0"]
    assert launches["git"].environment["GITHUB_TOKEN"].reveal() == TOKEN
    assert launches["wiki"].url is not None
    assert launches["wiki"].url.reveal() == "https://wiki.example.org/mcp"
    assert launches["wiki"].headers["Authorization"].reveal() == f"Bearer {TOKEN}"


def test_a_variable_that_was_put_in_later_does_not_reach_the_server(estate: Estate) -> None:
    path = estate.write(".cursor/mcp.json", CURSOR)
    estate.wrap()
    path.write_text(path.read_text().replace('"GITHUB_TOKEN"', '"LD_PRELOAD": "/tmp/x.so", "GITHUB_TOKEN"'))
    clients = {one.id: one for one in estate.parts.catalogue}
    assert set(wrapped_launches(WrappedShelf(estate.state).all(), clients)["git"].environment) == {"GITHUB_TOKEN"}


def test_a_file_that_changed_since_it_was_read_is_not_written(estate: Estate) -> None:
    path = estate.write(".cursor/mcp.json", CURSOR)
    plan = estate.plan()
    path.write_text(CURSOR + "\n")
    _, failed = carry_out(plan, state=estate.state)
    assert {row.left for row in failed} == {"the file was changed in between"}
    assert path.read_text() == CURSOR + "\n"


def test_servers_that_a_person_added_since_go_behind_too_and_all_come_back(estate: Estate) -> None:
    path = estate.write(".cursor/mcp.json", CURSOR)
    estate.wrap()
    added = '"mcpServers": {\n    "new": {"command": "uvx", "args": ["new-mcp"]},'
    path.write_text(path.read_text().replace('"mcpServers": {', added))
    estate.wrap()
    value = read_document(path.read_text(), "jsonc").value["mcpServers"]
    assert [value[name]["args"] for name in ("new", "git")] == [["connect", "new"], ["connect", "git"]]
    estate.unwrap()
    expected = read_document(CURSOR.replace('"mcpServers": {', added), "jsonc").value
    assert read_document(path.read_text(), "jsonc").value == expected
    assert "// my servers" in path.read_text()


def test_unwrap_of_a_file_that_changed_keeps_the_change(estate: Estate) -> None:
    path = estate.write(".cursor/mcp.json", CURSOR)
    estate.wrap()
    path.write_text(path.read_text().replace('"disabled": true', '"disabled": false'))
    estate.unwrap()
    expected = read_document(CURSOR.replace('"disabled": true', '"disabled": false'), "jsonc").value
    assert read_document(path.read_text(), "jsonc").value == expected


def test_ids_are_unique_over_clients_and_projects_and_stay(estate: Estate) -> None:
    entry = {"command": "npx", "args": ["-y", "x"]}
    estate.write(".cursor/mcp.json", {"mcpServers": {"git": entry}})
    estate.write(
        ".claude.json",
        {"mcpServers": {"git": entry}, "projects": {"/src/a": {"mcpServers": {"Git!": entry, "git": entry}}}},
    )
    first = {(row.path, row.name, row.id) for step in estate.wrap().steps for row in step.rows}
    assert len({identity for _, _, identity in first}) == 4
    assert all(identity.startswith("git") for _, _, identity in first)
    again = {(row.path, row.name, row.id) for step in estate.wrap().steps for row in step.rows}
    assert again == first


def test_an_id_of_the_configuration_of_record_is_not_taken(estate: Estate) -> None:
    estate.write(".cursor/mcp.json", {"mcpServers": {"git": {"command": "git-mcp"}}})
    (step,) = estate.wrap(reserved=["git"]).steps
    assert step.rows[0].id == "git-cursor"


@pytest.mark.parametrize(
    ("entry", "why"),
    [
        ({"command": "npx", "args": ["x", "${env:TOKEN}"]}, "only its client fills in"),
        ({"command": "npx", "env": {"TOKEN": "${input:token}"}}, "only its client fills in"),
        ({"command": "npx", "envFile": ".env"}, "environment file"),
        ({"command": "npx", "url": "https://x.example"}, "both a command and an address"),
        ({"command": 7}, "form that is not known"),
    ],
)
def test_what_cannot_go_through_the_gateway_stays_and_is_told(estate: Estate, entry: Any, why: str) -> None:
    path = estate.write(".cursor/mcp.json", {"mcpServers": {"x": entry}})
    before = path.read_bytes()
    (row,) = estate.wrap().steps[0].rows
    assert why in row.left
    assert path.read_bytes() == before


def test_files_in_projects_stay_unless_they_are_asked_for(estate: Estate) -> None:
    project = estate.home / "src/shop"
    shared = estate.write("src/shop/.mcp.json", {"mcpServers": {"db": {"command": "db-mcp"}}})
    estate.write(".claude.json", {"projects": {str(project): {}}})
    before = shared.read_bytes()
    assert [(row.name, row.left) for row in estate.wrap().left] == [("db", "lies in a project: --projects")]
    assert shared.read_bytes() == before
    estate.wrap(projects=True)
    assert read_document(shared.read_text(), "json").value["mcpServers"]["db"]["args"] == ["connect", "db"]


def test_a_link_is_left_and_told(estate: Estate) -> None:
    real = estate.write("dotfiles/mcp.json", CURSOR)
    (estate.home / ".cursor").mkdir()
    (estate.home / ".cursor/mcp.json").symlink_to(real)
    plan = estate.wrap()
    assert plan.changes == 0
    assert real.read_text() == CURSOR


def test_another_gateway_is_named_in_the_entry(estate: Estate) -> None:
    path = estate.write(".cursor/mcp.json", CURSOR)
    other = gateway_of("http://127.0.0.1:9000/", "/opt/bartizan")
    carry_out(plan_wrap(estate.parts, other, home=estate.home, state=estate.state), state=estate.state)
    value = read_document(path.read_text(), "jsonc").value["mcpServers"]
    assert value["git"]["args"] == ["connect", "git", "--gateway", "http://127.0.0.1:9000"]
    assert value["wiki"]["url"] == "http://127.0.0.1:9000/servers/wiki/mcp"


def inventory(estate: Estate, patch: pytest.MonkeyPatch) -> Inventory:
    patch.setenv("BARTIZAN_HOME", str(estate.state))
    scope = Scope(homes=(str(estate.home),))
    return asyncio.run(discover(scope, Config(), estate.parts, lambda _text: None))


def test_a_scan_sees_the_real_servers_and_that_they_are_behind_the_gateway(
    estate: Estate, monkeypatch: pytest.MonkeyPatch
) -> None:
    estate.write(".cursor/mcp.json", CURSOR)
    before = inventory(estate, monkeypatch)
    estate.wrap()
    after = inventory(estate, monkeypatch)

    def told(one: Inventory) -> dict[str, tuple[Any, ...]]:
        servers = one.of_kind(AssetKind.SERVER)
        return {a.id: (a.name, a.attributes.get("command"), a.attributes.get("url")) for a in servers}

    assert told(after) == told(before)
    assert {a.attributes["behind_gateway"] for a in before.of_kind(AssetKind.SERVER)} == {False}
    assert {a.attributes["behind_gateway"] for a in after.of_kind(AssetKind.SERVER)} == {True}
    assert {a.attributes["enabled"] for a in after.of_kind(AssetKind.SERVER)} == {True, False}


def test_a_scan_says_where_a_moved_secret_stands_now(estate: Estate, monkeypatch: pytest.MonkeyPatch) -> None:
    path = estate.write(".cursor/mcp.json", CURSOR)
    estate.wrap()
    (credential,) = inventory(estate, monkeypatch).of_kind(AssetKind.CREDENTIAL)
    (record,) = (estate.state / "wrapped").iterdir()
    assert {place.path for place in credential.places} == {str(path), str(record)}


def test_an_entry_that_only_says_it_leads_to_the_gateway_is_not_taken_for_the_server(
    estate: Estate, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = estate.write(".cursor/mcp.json", {"mcpServers": {"wiki": {"url": "https://wiki.example.org/mcp"}}})
    estate.wrap()
    path.write_text(path.read_text().replace("http://127.0.0.1:8700", "https://evil.example"))
    (server,) = inventory(estate, monkeypatch).of_kind(AssetKind.SERVER)
    assert server.attributes["behind_gateway"] is False
    assert server.attributes["url"] == "https://evil.example/servers/wiki/mcp"
    before = path.read_bytes()
    estate.unwrap()
    assert path.read_bytes() == before


SAMPLES = {
    "json": '{{"{key}": {{\n\t"one": {{"command": "npx", "args": ["-y", "one-mcp"], "env": {{"A": "b"}}}},\n'
    '\t"two": {{"type": "http", "{url}": "https://two.example/mcp"}}}}, "other": [1, 2.0]}}',
    "toml": '# mine\nmodel = "x"\n\n[{key}.one]\ncommand = "npx"  # runs it\nargs = [\n  "-y",\n  "one-mcp",\n]\n\n'
    '[{key}.one.env]\nA = "b"\n\n[{key}.two]\nurl = "https://two.example/mcp"\n',
    "yaml": "# mine\n{key}:\n  one:\n    type: stdio\n    {command}: npx\n    args:\n      - -y\n      - one-mcp\n"
    "      - x\n    {env}:\n      A: b\n  two:\n    type: streamable_http\n"
    "    {url}: https://two.example/mcp\nother: 1\n",
}


def by_format() -> list[tuple[ClientSpec, ConfigPath]]:
    """Every user's file of every client in which servers stand in one map of a name."""
    return [
        (client, path)
        for client in load_clients()
        for path in client.paths
        if path.keys and path.role == "servers" and path.scope == "user" and path.path.startswith(("~", "{CONFIG}"))
        if "linux" in path.systems and "*" not in path.path and path.keys[0] and "*" not in path.keys[0]
    ]


@pytest.mark.parametrize(
    ("client", "config"), by_format(), ids=lambda one: getattr(one, "id", getattr(one, "path", ""))
)
def test_every_clients_format_comes_back_byte_for_byte(estate: Estate, client: ClientSpec, config: ConfigPath) -> None:
    place = expand(config.path, Roots(system="linux", home=str(estate.home)))
    assert place is not None
    form = {"jsonc": "json"}.get(config.format, config.format)
    names = {name: client.fields.get(name, usual).split()[0] for name, usual in _NAMES.items()}
    parts = config.keys[0].split("/")
    sample = SAMPLES[form].format(key=".".join(parts) if form == "toml" else parts[-1], **names)
    for above in reversed(parts[:-1]) if form == "json" else []:
        sample = json.dumps({above: 0}).replace("0", sample)
    path = estate.write(str(Path(place).relative_to(estate.home)), sample)
    before = path.read_bytes()
    estate.wrap()
    found = entries_of(read_document(path.read_text(), config.format).value, client, config)
    assert [gateway_id(one.entry) for one in found] == ["one", "two"]
    estate.unwrap()
    assert path.read_bytes() == before


_NAMES = {"command": "command", "url": "url", "env": "env"}

NAME = st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), min_size=1, max_size=12)
WORDS = st.lists(st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=12), max_size=4)
ENTRY = st.fixed_dictionaries(
    {"command": NAME},
    optional={"args": WORDS, "env": st.dictionaries(NAME, NAME, max_size=2), "disabled": st.booleans(), "note": WORDS},
) | st.fixed_dictionaries(
    {"url": st.just("https://a.example/mcp")}, optional={"headers": st.dictionaries(NAME, NAME, max_size=2)}
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    servers=st.dictionaries(NAME, ENTRY, max_size=4),
    indent=st.sampled_from([None, 2, "\t"]),
    newline=st.sampled_from(["\n", "\r\n"]),
    bom=st.booleans(),
)
def test_whatever_stands_there_comes_back(
    estate: Estate, servers: dict[str, Any], indent: Any, newline: str, bom: bool
) -> None:
    text = json.dumps({"a": 1, "mcpServers": servers, "z": {"mcpServers": {}}}, indent=indent, ensure_ascii=False)
    path = estate.write(".cursor/mcp.json", ("\ufeff" if bom else "") + text.replace("\n", newline))
    before = path.read_bytes()
    estate.wrap()
    once = path.read_bytes()
    estate.wrap()
    assert path.read_bytes() == once
    estate.unwrap()
    assert path.read_bytes() == before
