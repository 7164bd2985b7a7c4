"""Client configurations: which servers, with which secrets, in which state, and what is told of broken ones."""

import json
import time
from datetime import UTC, datetime

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bartizan.discover.clients import projects_named, read_clients
from bartizan.model.asset import AssetKind, EdgeKind
from bartizan.model.coverage import Outcome
from bartizan.model.limits import Limits
from bartizan.model.record import FileRecord, NamedFile
from bartizan.model.secret import Secret
from bartizan.model.snapshot import Transport

AT = datetime(2026, 11, 20, tzinfo=UTC)
KEY = Secret("key of this test")
TOKEN = "ghp_" + "A1b2" * 9


@pytest.fixture
def read(catalogue):
    return lambda *records, **more: read_clients(records, catalogue, key=KEY, at=AT, **more)


def of(read_, kind):
    return [asset for asset in read_.observation.assets if asset.kind is kind]


def edges(read_, kind):
    return [edge for edge in read_.observation.edges if edge.kind is kind]


def servers(read_):
    return {asset.name: asset for asset in of(read_, AssetKind.SERVER)}


def claude(configuration, entries, **more):
    return configuration(
        "claude-desktop", "{APP}/Claude/claude_desktop_config.json", json.dumps({"mcpServers": entries}), **more
    )


def test_a_server_is_told_with_its_package_its_place_and_its_client(read, configuration):
    text = '{"mcpServers": {\n  "git": {"command": "uvx", "args": ["mcp-server-git==2025.9.25"]}}}'
    found = read(configuration("cursor", "~/.cursor/mcp.json", text, mode=0o100644, uid=1000))
    server = servers(found)["git"]
    assert server.attributes["package"] == {
        "ecosystem": "pypi",
        "name": "mcp-server-git",
        "version": "2025.9.25",
        "pinned": True,
        "runner": "uvx",
        "purl": "pkg:pypi/mcp-server-git@2025.9.25",
    }
    assert str(server.places[0]) == "/home/alice/.cursor/mcp.json:2 at /mcpServers/git"
    (configures,) = edges(found, EdgeKind.CONFIGURES)
    assert configures.attributes == {
        "name": "git",
        "enabled": True,
        "scope": "user",
        "path": "/home/alice/.cursor/mcp.json",
    }
    (document,) = of(found, AssetKind.DOCUMENT)
    assert (document.attributes["mode"], document.attributes["uid"]) == ("0644", 1000)
    assert [edge.kind for edge in edges(found, EdgeKind.OPERATES)] == [EdgeKind.OPERATES]


def test_one_launch_in_two_clients_is_one_server_with_two_places(read, configuration):
    entry = {"command": "npx", "args": ["-y", "thing-mcp"]}
    cursor = configuration("cursor", "~/.cursor/mcp.json", json.dumps({"mcpServers": {"other name": entry}}))
    found = read(claude(configuration, {"thing": entry}), cursor)
    (server,) = of(found, AssetKind.SERVER)
    assert len(server.places) == 2
    assert [edge.attributes["name"] for edge in edges(found, EdgeKind.CONFIGURES)] == ["other name", "thing"] or [
        edge.attributes["name"] for edge in edges(found, EdgeKind.CONFIGURES)
    ] == ["thing", "other name"]


def test_secrets_leave_as_fingerprints_with_the_line_and_pointer_of_each(read, configuration):
    text = json.dumps(
        {
            "mcpServers": {
                "x": {
                    "command": "npx",
                    "args": ["x-mcp", "--api-key", "k3yK3yk3yK3y9"],
                    "env": {"GITHUB_TOKEN": TOKEN, "REGION": "eu"},
                }
            }
        },
        indent=1,
    )
    found = read(configuration("cursor", "~/.cursor/mcp.json", text))
    credentials = {asset.name: asset for asset in of(found, AssetKind.CREDENTIAL)}
    assert credentials["GITHUB_TOKEN"].attributes["kind"] == "github-token"
    assert credentials["GITHUB_TOKEN"].places[0].pointer == "/mcpServers/x/env/GITHUB_TOKEN"
    assert credentials["GITHUB_TOKEN"].places[0].line == 1 + text[: text.index("GITHUB_TOKEN")].count("\n")
    assert credentials["api-key"].places[0].pointer == "/mcpServers/x/args/2"
    assert servers(found)["x"].attributes["environment"]["REGION"] == "eu"
    assert len(edges(found, EdgeKind.HOLDS)) == len(edges(found, EdgeKind.STORES)) == 2
    for secret in (TOKEN, "k3yK3yk3yK3y9"):
        assert secret not in repr(found)
        assert secret.encode() not in msgspec.json.encode(found.observation)
    (launch,) = found.launches.values()
    assert [word.reveal() for word in launch.command] == ["npx", "x-mcp", "--api-key", "k3yK3yk3yK3y9"]
    assert launch.environment["GITHUB_TOKEN"].reveal() == TOKEN
    assert "k3yK3yk3yK3y9" not in launch.shown


def test_a_secret_elsewhere_in_a_settings_file_is_stored_by_the_file(read, configuration):
    found = read(configuration("claude-code", "~/.claude.json", json.dumps({"primaryApiKey": "sk-ant-" + "a1B2" * 10})))
    (credential,) = of(found, AssetKind.CREDENTIAL)
    assert credential.places[0].pointer == "/primaryApiKey"
    assert [edge.target for edge in edges(found, EdgeKind.STORES)] == [credential.id]


def test_names_of_variables_and_plain_words_are_no_secrets(read, configuration):
    toml = '[mcp_servers.x]\nurl = "https://x.example.com"\nbearer_token_env_var = "X_TOKEN_NAME"\n'
    found = read(
        configuration("codex", "~/.codex/config.toml", toml),
        configuration("claude-code", "~/.claude.json", '{"authorization": "required", "apiKey": "${input:key}"}'),
    )
    assert not of(found, AssetKind.CREDENTIAL)


@pytest.mark.parametrize(
    ("client", "pattern", "text", "enabled"),
    [
        (
            "windsurf",
            "~/.codeium/windsurf/mcp_config.json",
            '{"mcpServers": {"s": {"serverUrl": "https://e.com/s", "disabled": true}}}',
            False,
        ),
        (
            "opencode",
            "~/.config/opencode/opencode.json",
            '{"mcp": {"s": {"type": "remote", "url": "https://e.com/s", "enabled": false}}}',
            False,
        ),
        (
            "goose",
            "~/.config/goose/config.yaml",
            "extensions:\n  s: {type: sse, uri: 'https://e.com/s', enabled: true}\n",
            True,
        ),
        (
            "gemini-cli",
            "~/.gemini/settings.json",
            '{"mcpServers": {"s": {"httpUrl": "https://e.com/s"}}, "mcp": {"excluded": ["s"]}}',
            False,
        ),
        (
            "claude-code",
            "~/.claude.json",
            '{"projects": {"/a": {"mcpServers": {"s": {"url": "https://e.com/s"}}, "disabledMcpServers": ["s"]}}}',
            False,
        ),
        (
            "claude-code",
            "~/.claude.json",
            '{"projects": {"/a": {"mcpServers": {"s": {"url": "https://e.com/s"}}},'
            ' "/b": {"disabledMcpServers": ["s"]}}}',
            True,
        ),
        ("amp", "~/.config/amp/settings.json", '{"amp.mcpServers": {"s": {"url": "https://e.com/s"}}}', True),
    ],
)
def test_each_clients_way_to_switch_a_server_off_is_understood(read, configuration, client, pattern, text, enabled):
    found = read(configuration(client, pattern, text))
    assert servers(found)["s"].attributes["enabled"] is enabled
    assert servers(found)["s"].attributes["url"] == "https://e.com/s"


@pytest.mark.parametrize(
    ("entry", "transport"),
    [
        ({"command": "x"}, Transport.STDIO),
        ({"type": "sse", "url": "https://e.com/x"}, Transport.SSE),
        ({"url": "https://e.com/sse"}, Transport.SSE),
        ({"type": "http", "url": "https://e.com/sse"}, Transport.STREAMABLE_HTTP),
        ({"url": "https://e.com/mcp"}, Transport.STREAMABLE_HTTP),
        ({"command": "npx", "args": ["mcp-remote", "https://e.com/mcp"]}, Transport.STREAMABLE_HTTP),
    ],
)
def test_the_transport_follows_what_the_entry_says(read, configuration, entry, transport):
    found = read(claude(configuration, {"s": entry}))
    assert servers(found)["s"].attributes["transport"] == transport.value
    assert next(iter(found.launches.values())).transport is transport


def test_a_bridge_is_the_server_behind_it(read, configuration):
    bridge = {
        "command": "npx",
        "args": ["-y", "mcp-remote", "https://e.com/mcp", "--header", f"Authorization: Bearer {TOKEN}"],
    }
    found = read(
        claude(configuration, {"far": bridge}),
        configuration("cursor", "~/.cursor/mcp.json", '{"mcpServers": {"direct": {"url": "https://e.com/mcp"}}}'),
    )
    (server,) = of(found, AssetKind.SERVER)
    assert server.attributes["remote"]
    launch = found.launches[server.id]
    assert launch.url is not None
    assert launch.url.reveal() == "https://e.com/mcp"


def test_an_entry_behind_the_gateway_is_the_server_that_it_stands_for(read, configuration):
    inner = {"command": "npx", "args": ["-y", "thing-mcp"]}
    wrapped = {"command": "bartizan", "args": ["connect", "thing", "--", "npx", "-y", "thing-mcp"]}
    alone, both = read(claude(configuration, {"a": wrapped})), read(claude(configuration, {"a": wrapped, "b": inner}))
    assert servers(alone)["a"].attributes["behind_gateway"] is True
    assert [word.reveal() for word in next(iter(alone.launches.values())).command] == ["npx", "-y", "thing-mcp"]
    (server,) = of(both, AssetKind.SERVER)
    assert server.attributes["behind_gateway"] is False


def test_a_wrong_part_is_told_with_its_line_and_the_rest_goes_on(read, configuration):
    text = """{"mcpServers": {
        "text": "npx",
        "empty": {},
        "odd": {"command": "a", "env": 3},
        "twice": {"command": "b"},
        "twice": {"command": "c"},
        "good": {"command": "d"}}}"""
    found = read(configuration("cursor", "~/.cursor/mcp.json", text))
    assert set(servers(found)) == {"odd", "twice", "good"}
    looks = {look.place.line: look for look in found.observation.looks if look.place}
    assert set(looks) == {2, 3, 4, 6}
    assert {look.outcome for look in looks.values()} == {Outcome.FAILED}
    assert looks[4].place is not None
    assert looks[4].place.pointer == "/mcpServers/odd/env"


@pytest.mark.parametrize(
    ("client", "pattern", "text"),
    [
        ("cursor", "~/.cursor/mcp.json", '{\n"mcpServers": {'),
        ("goose", "~/.config/goose/config.yaml", "a: 1\nextensions: [\n"),
        ("codex", "~/.codex/config.toml", "a = 1\n[mcp_servers\n"),
    ],
)
def test_a_broken_file_is_a_look_with_line_and_column_and_the_file_is_still_known(
    read, configuration, client, pattern, text
):
    found = read(configuration(client, pattern, text), claude(configuration, {"s": {"command": "x"}}))
    (look,) = found.observation.looks
    assert (look.part, look.outcome) == ("configuration", Outcome.FAILED)
    assert look.place is not None
    assert look.place.line
    assert look.place.column
    assert set(servers(found)) == {"s"}
    assert len(of(found, AssetKind.DOCUMENT)) == 2


def test_too_many_servers_are_cut_and_told(read, configuration):
    entries = {f"s{number}": {"command": f"c{number}"} for number in range(9)}
    found = read(claude(configuration, entries), limits=Limits(config_servers_max=5))
    assert len(servers(found)) == 5
    assert [look.outcome for look in found.observation.looks] == [Outcome.TRUNCATED]


def test_a_file_of_an_unknown_client_is_reported_only_if_it_holds_servers(read, configuration):
    holds = configuration(
        "unknown", "~/.*/*mcp*.json", '{"mcpServers": {"s": {"command": "x"}}}', path="/home/alice/.acme/mcp.json"
    )
    other = configuration("unknown", "~/.*/*mcp*.json", '{"name": "x"}', path="/home/alice/.other/mcp.json")
    found = read(holds, other)
    (client,) = of(found, AssetKind.CLIENT)
    assert (client.name, client.attributes["unknown"]) == ("acme", True)
    assert set(servers(found)) == {"s"}


def test_environment_files_are_named_and_their_secrets_belong_to_the_server(read, configuration):
    entries = {
        "s": {"command": "node", "args": ["--env-file=.env", "s.js"], "cwd": "/srv/s", "envFile": "${userHome}/x.env"}
    }
    record = claude(configuration, entries)
    first = read(record)
    assert first.named_files == (
        NamedFile(path="/home/alice/x.env", home="/home/alice"),
        NamedFile(path="/srv/s/.env", home="/home/alice"),
    )
    assert first.local_programs == ("/srv/s/s.js",)
    dotenv = FileRecord(
        path="/srv/s/.env", client="", role="dotenv", text=Secret(f"# x\nexport TOKEN='{TOKEN}'\nA=b\n")
    )
    second = read(record, dotenv, digests={"/srv/s/s.js": "ab" * 32})
    (credential,) = of(second, AssetKind.CREDENTIAL)
    assert str(credential.places[0]) == "/srv/s/.env:2"
    (server,) = of(second, AssetKind.SERVER)
    assert [edge.source for edge in edges(second, EdgeKind.HOLDS)] == [server.id]
    assert server.attributes["package"]["sha256"] == "ab" * 32


def test_models_servers_of_models_and_vector_stores_are_told(read, configuration):
    yaml = "models:\n  - {name: Local, provider: ollama, model: qwen, apiBase: 'http://localhost:11434'}\n"
    store = {"command": "uvx", "args": ["mcp-server-qdrant"], "env": {"QDRANT_URL": "http://localhost:6333"}}
    found = read(configuration("continue", "~/.continue/config.yaml", yaml), claude(configuration, {"q": store}))
    assert [(one.name, one.attributes["provider"]) for one in of(found, AssetKind.MODEL)] == [("qwen", "ollama")]
    assert {(one.name, one.attributes["role"], one.attributes["url"]) for one in of(found, AssetKind.BACKEND)} == {
        ("ollama", "model_server", "http://localhost:11434"),
        ("qdrant", "vector_store", "http://localhost:6333"),
    }


def test_projects_are_those_that_files_of_clients_name(catalogue, configuration):
    found = projects_named(
        [
            configuration("claude-code", "~/.claude.json", '{"projects": {"/a": {}, "relative": {}, "/b": {}}}'),
            configuration("vscode", "{APP}/Code/User/workspaceStorage/*/workspace.json", '{"folder": "file:///c%20d"}'),
            configuration(
                "cursor", "{APP}/Cursor/User/workspaceStorage/*/workspace.json", '{"folder": "vscode-remote://x/e"}'
            ),
            configuration("codex", "~/.codex/config.toml", '[projects."/f"]\ntrust_level = "trusted"\n'),
        ],
        catalogue,
    )
    assert [folder for _, folder in found] == ["/a", "/b", "/c d", "/f"]


PLACES = [
    ("cursor", "~/.cursor/mcp.json"),
    ("goose", "~/.config/goose/config.yaml"),
    ("codex", "~/.codex/config.toml"),
    ("opencode", "~/.config/opencode/opencode.json"),
    ("zed", "~/.config/zed/settings.json"),
    ("continue", "~/.continue/config.yaml"),
    ("unknown", "~/.*/*mcp*.json"),
]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=300), st.sampled_from(PLACES))
def test_any_bytes_as_any_configuration_never_raise(catalogue, configuration, body, place):
    text = body.decode("utf-8", "surrogateescape")
    found = read_clients([configuration(*place, text)], catalogue, key=KEY, at=AT)
    msgspec.json.encode(found.observation)


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-5, 5)
    | st.text(max_size=5)
    | st.sampled_from([TOKEN, "npx", f"--token={TOKEN}"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                "command args env url headers type enabled disabled cwd envFile name path token model".split()
            ),
            inner,
            max_size=5,
        )
    ),
    max_leaves=20,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(JSON, JSON, st.sampled_from(PLACES))
def test_any_entries_are_read_and_a_known_secret_never_shows(catalogue, configuration, one, other, place):
    tables = {"one": one, "other": other}
    names = ("mcpServers", "extensions", "mcp_servers", "mcp", "context_servers", "models", "model", "agent")
    text = json.dumps(dict.fromkeys(names, tables))  # JSON is YAML too; TOML refuses it, which is as well
    found = read_clients([configuration(*place, text)], catalogue, key=KEY, at=AT)
    assert TOKEN not in repr(found)
    assert TOKEN.encode() not in msgspec.json.encode(found.observation)


def test_a_secret_in_place_of_a_name_does_not_show(read, configuration):
    found = read(
        claude(configuration, {TOKEN: {"command": TOKEN, "cwd": f"/{TOKEN}", "env": {"A": "b"}, "x": {TOKEN: TOKEN}}})
    )
    assert of(found, AssetKind.SERVER)
    assert TOKEN.encode() not in msgspec.json.encode(found.observation)


def test_two_hundred_servers_are_read_in_well_under_a_second(read, configuration):
    entries = {
        f"server-{number}": {
            "command": "npx",
            "args": ["-y", f"@scope/server-{number}@1.{number}.0", "--root", f"/data/{number}"],
            "env": {"API_TOKEN": f"{number:04}" + "x7Qk" * 8, "LOG_LEVEL": "info"},
        }
        for number in range(200)
    }
    record = configuration("cursor", "~/.cursor/mcp.json", json.dumps({"mcpServers": entries}, indent=2))
    started = time.process_time()
    found = read(record)
    assert len(servers(found)) == 200
    assert time.process_time() - started < 1


def entries_of(number, one):
    return {f"s{index}": one for index in range(number)}


@pytest.mark.parametrize(
    "value",
    [
        {"mcpServers": entries_of(100_000, 1)},
        {"mcpServers": entries_of(20_000, {"command": "x"})},
        {"mcpServers": {"s": {"command": "x", "args": ["a"] * 300_000}}},
        {"mcpServers": {"s": {"command": "x", "env": entries_of(50_000, "v")}}},
        {"projects": entries_of(3_000, {"mcpServers": {"s": {"command": "x"}}, "disabledMcpServers": ["s"]})},
    ],
    ids=["entries that are none", "too many servers", "too many arguments", "too many variables", "many projects"],
)
def test_a_huge_configuration_is_cut_in_seconds_and_told(read, configuration, value):
    record = configuration("claude-code", "~/.claude.json", json.dumps(value))
    started = time.process_time()
    found = read(record)
    assert time.process_time() - started < 5
    assert any("_max" in look.reason for look in found.observation.looks)
