"""Which processes are MCP servers: real servers started by real clients, and a zoo of processes that are none."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bartizan.adapters.collectors.processes import process_collector
from bartizan.discover.identify import identify_command
from bartizan.discover.merge import merge
from bartizan.discover.processes import read_processes
from bartizan.model.asset import Asset, AssetKind, EdgeKind
from bartizan.model.inventory import Observation
from bartizan.model.record import Listening, ProcessRecord
from bartizan.model.secret import Secret

AT = datetime(2026, 11, 20, tzinfo=UTC)
KEY = Secret("a key for tests")
CLIENTS = {"claude": "claude-code", "cursor": "cursor"}
SERVER = """
from mcp.server import MCPServer
server = MCPServer("weather")
@server.tool()
def forecast(city: str) -> str:
    return city
server.run("stdio")
"""
INITIALIZE = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {
        "protocolVersion": "2025-11-25",
        "capabilities": {},
        "clientInfo": {"name": "test", "version": "1"},
    },
}
on_linux = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc, which only Linux has")
with_node = pytest.mark.skipif(shutil.which("node") is None, reason="needs node")


def read(records: tuple[ProcessRecord, ...], **options: object) -> Observation:
    return read_processes(records, client_programs=CLIENTS, key=KEY, at=AT, **options)  # pyright: ignore[reportArgumentType]


def instances(observation: Observation) -> dict[int, Asset]:
    return {asset.attributes["pid"]: asset for asset in observation.assets if asset.kind is AssetKind.INSTANCE}


def servers(observation: Observation) -> list[Asset]:
    return [asset for asset in observation.assets if asset.kind is AssetKind.SERVER]


# The table of processes, in memory


def process(pid: int, parent: int, *command: str, **options: object) -> ProcessRecord:
    program = command[0].partition(":")[0].rpartition("/")[2]
    told = {"started": float(pid), "uid": 1000, "executable": f"/usr/bin/{program}", **options}
    return ProcessRecord(pid=pid, parent_pid=parent, command=tuple(map(Secret, command)), **told)  # pyright: ignore[reportArgumentType]


def joined(client: ProcessRecord, *chain: ProcessRecord) -> tuple[ProcessRecord, ...]:
    """The client holds one end of two pipes, every process of the chain the other."""
    inside = frozenset({client.pid * 100}), frozenset({client.pid * 100 + 1})
    held = [(record, inside) for record in chain] + [(client, inside[::-1])]
    return tuple(
        ProcessRecord(**{**_fields(record), "pipes_read": ends[0], "pipes_written": ends[1]}) for record, ends in held
    )


def _fields(record: ProcessRecord) -> dict[str, object]:
    return {name: getattr(record, name) for name in record.__struct_fields__}


CLAUDE = process(10, 1, "claude")


def test_a_runner_chain_gives_one_server_the_innermost_process() -> None:
    script = "/home/u/.npm/_npx/1f/node_modules/@scope/mcp-weather/dist/index.js"
    found = read(
        joined(
            CLAUDE,
            process(11, 10, "npm exec @scope/mcp-weather@1.2.3 --city Oslo", executable="/usr/bin/node"),
            process(12, 11, "sh", "-c", "'mcp-weather' --city Oslo"),
            process(
                13, 12, "node", "/home/u/.npm/_npx/1f/node_modules/.bin/mcp-weather", "--city", "Oslo", script=script
            ),
        )
    )
    assert list(instances(found)) == [13]
    (server,) = servers(found)
    assert server.keys == identify_command(["npx", "-y", "@scope/mcp-weather@latest", "--city", "Oslo"]).keys
    assert server.attributes["package"]["version"] == "1.2.3"
    assert server.attributes["package"]["path"] == script
    assert "parent_is_client" in instances(found)[13].attributes["signals"]


def test_the_server_is_known_when_its_runner_has_gone() -> None:
    script = "/home/u/.npm/_npx/1f/node_modules/@scope/mcp-weather/dist/index.js"
    found = read(
        joined(
            CLAUDE,
            process(
                13, 1, "node", "/home/u/.npm/_npx/1f/node_modules/.bin/mcp-weather", "--city", "Oslo", script=script
            ),
        )
    )
    (server,) = servers(found)
    assert server.keys == identify_command(["npx", "-y", "@scope/mcp-weather", "--city", "Oslo"]).keys


def test_uvx_and_its_server_are_one_with_the_configured_command() -> None:
    found = read(
        joined(
            CLAUDE,
            process(
                11, 10, "/home/u/.local/bin/uv", "tool", "uvx", "mcp-server-time@2026.10.19", "--local-timezone=UTC"
            ),
            process(12, 11, "/c/uv/a/bin/python", "/c/uv/a/bin/mcp-server-time", "--local-timezone=UTC"),
        )
    )
    assert list(instances(found)) == [12]
    assert servers(found)[0].keys == identify_command(["uvx", "mcp-server-time", "--local-timezone=UTC"]).keys


def test_secrets_of_a_process_leave_only_their_names_and_fingerprints() -> None:
    token = "ghp_" + "A1b2" * 9
    server = process(
        11, 10, "npx", "-y", "mcp-x", "--api-key", token, environment={"GITHUB_TOKEN": Secret(token + "x")},
        environment_names=("GITHUB_TOKEN", "HOME"),
    )  # fmt: skip
    found = read(joined(CLAUDE, server))
    (instance,) = instances(found).values()
    assert token not in repr(found)
    assert instance.attributes["environment_names"] == ["GITHUB_TOKEN"]
    held = {edge.target for edge in found.edges if edge.kind is EdgeKind.HOLDS and edge.source == instance.id}
    credentials = {asset.id for asset in found.assets if asset.kind is AssetKind.CREDENTIAL}
    assert held == credentials
    assert len(held) == 2


@pytest.mark.parametrize(
    "title", ["mcp-x --token {}", "mcp-x-{}", "/opt/{}/mcp-x", "mcp-x: {}", "npm exec mcp-x --key={}"]
)
def test_a_title_does_not_show_a_secret(title: str) -> None:
    token = "ghp_" + "A1b2" * 9
    found = read(joined(CLAUDE, process(11, 10, title.format(token), executable="/usr/bin/node")))
    assert instances(found)
    assert token not in repr(found)


def test_the_same_server_with_another_secret_is_the_same_server() -> None:
    one, other = ("ghp_" + letters * 9 for letters in ("A1b2", "C3d4"))
    keys = {
        servers(read(joined(CLAUDE, process(11, 10, "npx", "mcp-x", f"--token={token}"))))[0].keys
        for token in (one, other)
    }
    assert len(keys) == 1


def test_a_configured_launch_is_a_server_whatever_it_is_called() -> None:
    records = joined(CLAUDE, process(11, 10, "node", "dist/weather.js", directory="/src"))
    assert not instances(read(records))
    keys = identify_command(["node", "dist/weather.js"]).keys
    (server,) = servers(read(records, configured=keys))
    assert set(keys) <= set(server.keys)


def test_a_server_behind_the_gateway_says_so() -> None:
    client, entry = joined(CLAUDE, process(11, 10, "bartizan", "connect", "s1", "--", "npx", "mcp-x"))[::-1]
    behind = joined(process(11, 10, "bartizan", "connect"), process(12, 11, "npx", "mcp-x"))
    entry = ProcessRecord(**{
        **_fields(entry),
        "pipes_read": entry.pipes_read | behind[1].pipes_read,
        "pipes_written": entry.pipes_written | behind[1].pipes_written,
    })  # fmt: skip
    found = read((client, entry, behind[0]))
    assert list(instances(found)) == [12]
    assert servers(found)[0].attributes["behind_gateway"] is True


def test_a_server_started_by_the_gateway_itself_is_behind_it() -> None:
    gateway = process(10, 1, "/v/bin/python", "-m", "bartizan", "gateway", executable="/usr/bin/python3.11")
    found = read(joined(gateway, process(11, 10, "npx", "mcp-x")))
    assert servers(found)[0].attributes["behind_gateway"] is True


def test_a_configured_server_and_its_process_merge_into_one() -> None:
    identity = identify_command(["npx", "-y", "mcp-x@1.0.0", "--city", "Oslo"])
    configured = Asset(
        id=identity.id, kind=AssetKind.SERVER, name="x", keys=identity.keys, attributes={"configured": True}
    )
    running = read(joined(CLAUDE, process(11, 10, "npx", "mcp-x", "--city", "Oslo")))
    inventory = merge([Observation(seen_by="clients", at=AT, assets=(configured,)), running], at=AT).inventory
    (server,) = inventory.of_kind(AssetKind.SERVER)
    assert server.attributes["configured"] is True
    assert [edge.source for edge in inventory.edges if edge.kind is EdgeKind.INSTANCE_OF] == [server.id]


def test_the_package_is_the_one_that_runs_not_the_one_that_was_asked_for() -> None:
    script = "/p/node_modules/@evil/pkg/cli.js"
    found = read(
        joined(
            CLAUDE,
            process(11, 10, "npm exec mcp-x", executable="/usr/bin/node"),
            process(12, 11, "node", "/p/node_modules/.bin/mcp-x", script=script),
        )
    )
    assert servers(found)[0].attributes["package"]["name"] == "@evil/pkg"
    assert servers(found)[0].keys == identify_command(["npx", "mcp-x"]).keys


def test_a_listening_server_is_an_instance_with_its_port() -> None:
    listening = (Listening(address="127.0.0.1", port=8000),)
    found = read((process(20, 1, "python3", "-m", "mcp_weather", listening=listening),))
    assert instances(found)[20].attributes["listening"] == [{"address": "127.0.0.1", "port": 8000}]
    assert servers(found)[0].attributes["transport"] == "streamable_http"
    assert "behind_gateway" not in servers(found)[0].attributes


def test_a_port_of_a_container_is_not_one_of_this_machine() -> None:
    listening = (Listening(address="0.0.0.0", port=8000),)
    record = process(20, 1, "mcp-weather", listening=listening, own_network=False, container="ab" * 32)
    (instance,) = instances(read((record,))).values()
    assert "listening" not in instance.attributes
    assert instance.attributes["container"] == "ab" * 32


@pytest.mark.parametrize(
    "command",
    [
        ["bash"],
        ["bash", "-c", "npx prettier --check ."],
        ["git", "status"],
        ["rg", "mcp", "src"],
        ["vim", "mcp_server.py"],
        ["tail", "-f", "/var/log/mcp.log"],
        ["less", "mcp-server.md"],
        ["ssh", "mcp-host"],
        ["node", "/home/u/.vscode/extensions/x/pyright-langserver.js", "--stdio"],
        ["gopls", "serve"],
        ["rust-analyzer"],
        ["/usr/bin/python3", "-m", "pytest", "tests/mcp"],
        ["node", "/home/u/mcp-thing/node_modules/typescript/lib/tsserver.js"],
        ["/home/u/mcp-thing/.venv/bin/pytest"],
        ["postgres: mcp mcp [local] idle"],
        ["npx", "prettier", "--stdin"],
        ["cargo", "build"],
    ],
)
def test_what_a_client_also_starts_is_no_server(command: list[str]) -> None:
    assert not instances(read(joined(CLAUDE, process(11, 10, *command))))


def test_a_port_beside_a_channel_makes_no_server_of_what_does_not_look_like_one() -> None:
    listening = (Listening(address="127.0.0.1", port=5173),)
    assert not instances(read(joined(CLAUDE, process(11, 10, "vite", listening=listening))))
    assert not instances(read((process(12, 1, "python3", "-m", "http.server", listening=listening),)))


def test_a_running_client_is_an_asset_of_its_user() -> None:
    found = read((CLAUDE,), users={1000: "ada"})
    (client,) = (asset for asset in found.assets if asset.kind is AssetKind.CLIENT)
    assert client.keys == ("client:claude-code:ada",)
    assert client.attributes["running"] is True


def test_equal_tables_give_equal_results_in_any_order() -> None:
    records = joined(CLAUDE, process(11, 10, "npx", "mcp-x"), process(12, 11, "node", "/x/node_modules/mcp-x/i.js"))
    assert read(records) == read(records[::-1])


_numbers = st.integers(0, 6)
_inodes = st.frozensets(st.integers(1, 5), max_size=3)
_records = st.builds(
    ProcessRecord,
    pid=_numbers,
    parent_pid=_numbers,
    started=st.floats(0, 9e9),
    uid=_numbers,
    command=st.lists(
        st.sampled_from(["npm exec mcp", "sh", "-c", "node", "mcp.js", "bartizan", "connect", "", "--", "python", "-m"])
        | st.text(max_size=8),
        max_size=5,
    ).map(lambda words: tuple(map(Secret, words))),
    executable=st.sampled_from(["", "/usr/bin/node", "/bin/sh"]),
    pipes_read=_inodes,
    pipes_written=_inodes,
    sockets=_inodes,
    socket_peers=_inodes,
    listening=st.sampled_from([(), (Listening(address="::1", port=1),)]),
)


@given(st.lists(_records, max_size=7))
def test_no_table_of_processes_raises_or_loops(records: list[ProcessRecord]) -> None:
    for instance in instances(read(tuple(records))).values():
        assert 0.6 <= instance.attributes["score"] <= 1.0


# Real processes

Start = Callable[..., subprocess.Popen[bytes]]


@pytest.fixture
def start() -> Iterator[Start]:
    """Start a program with pipes, in a group of its own that is ended whatever happens."""
    started: list[subprocess.Popen[bytes]] = []

    def start_one(
        *command: str, environment: Mapping[str, str] | None = None, cwd: Path | None = None
    ) -> subprocess.Popen[bytes]:
        one = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment, cwd=cwd,
            start_new_session=True,
        )  # fmt: skip
        started.append(one)
        return one

    yield start_one
    for one in started:
        subprocess.run(["kill", "-KILL", "--", f"-{one.pid}"], check=False, capture_output=True)
        one.communicate()


def below(pid: int) -> dict[int, Asset]:
    """The instances found among a process of this test and what it started."""
    collected = process_collector().collect()
    parents = {record.pid: record.parent_pid for record in collected.records}
    found = instances(read(collected.records))
    return {
        one: asset for one, asset in found.items() if pid in (one, parents.get(one), parents.get(parents.get(one, 0)))
    }


@on_linux
@pytest.mark.mission("P1", "D10")
def test_a_python_server_that_moved_its_pipes_is_found(start: Start, tmp_path: Path) -> None:
    (tmp_path / "weather.py").write_text(SERVER)
    server = start(sys.executable, "weather.py", cwd=tmp_path, environment={"WEATHER_API_KEY": "k3y" * 8})
    assert server.stdin
    assert server.stdout
    server.stdin.write(json.dumps(INITIALIZE).encode() + b"\n")
    server.stdin.flush()
    assert b"weather" in server.stdout.readline()
    found = below(server.pid)[server.pid]
    assert {"pipes", "mcp_sdk", "credentials_given"} <= set(found.attributes["signals"])


@on_linux
@with_node
def test_a_server_that_node_joined_by_sockets_is_found(start: Start, tmp_path: Path) -> None:
    (tmp_path / "weather.py").write_text(SERVER)
    script = (
        "const [program, line] = process.argv.slice(1);"
        "const child = require('child_process').spawn(program, ['weather.py'], {stdio: ['pipe', 'pipe', 'ignore']});"
        "child.stdout.once('data', () => console.log(child.pid)); child.stdin.write(line + '\\n');"
        "process.stdin.resume()"
    )
    client = start("node", "-e", script, sys.executable, json.dumps(INITIALIZE), cwd=tmp_path)
    assert client.stdout
    pid = int(client.stdout.readline())
    assert "unix_socket" in below(client.pid)[pid].attributes["signals"]


CAT = "import sys; print('ready', flush=True); sys.stdin.read()"
FAKE_LSP = "import sys\nprint('Content-Length: 2\\r\\n\\r\\n{}', flush=True)\nsys.stdin.read()\n"
ZOO = {
    "a shell with a pipeline": ["sh", "-c", "echo ready; cat | cat | cat"],
    "an interactive shell": ["bash", "--norc", "-c", "echo ready; read line"],
    "a Python worker": [sys.executable, "-c", CAT],
    "a Python worker with workers": [
        sys.executable, "-c", "import subprocess, sys; subprocess.Popen([sys.executable, '-c', sys.argv[1]], "
        "stdin=subprocess.PIPE, stdout=sys.stdout); sys.stdin.read()", CAT,
    ],
    "a follower of a log": ["sh", "-c", "echo ready; touch mcp.log; exec tail -f mcp.log"],
    "a pager": ["sh", "-c", "echo ready; exec less mcp.log"],
    "a language server": [sys.executable, "language_server.py", "--stdio"],
    "awk": ["awk", "BEGIN { print \"ready\"; fflush() } { print }"],
    "a forked worker": [
        sys.executable, "-W", "ignore", "-c", "import os, sys; a = os.pipe(); b = os.pipe(); os.fork(); "
        "print('ready', flush=True); sys.stdin.read()",
    ],
}  # fmt: skip
NODE_ZOO = {
    "a node child with a message channel": [
        "node", "-e", "if (process.send) { console.log('ready'); process.on('message', () => 0) } else "
        "{ require('child_process').fork(process.argv[1], [], {stdio: ['pipe', 'inherit', 'inherit', 'ipc']}); "
        "process.stdin.resume() }", "child.js",
    ],
}  # fmt: skip


@on_linux
@pytest.mark.parametrize("name", [*ZOO, *(pytest.param(name, marks=with_node) for name in NODE_ZOO)])
@pytest.mark.mission("P1")
def test_the_zoo_holds_no_server(name: str, start: Start, tmp_path: Path) -> None:
    (tmp_path / "language_server.py").write_text(FAKE_LSP)
    (tmp_path / "mcp.log").write_text("mcp\n" * 1000)
    (tmp_path / "child.js").write_text("console.log('ready'); process.on('message', () => 0)")
    command = (ZOO | NODE_ZOO)[name]
    if shutil.which(command[0]) is None:
        pytest.skip(f"needs {command[0]}")
    animal = start(*command, cwd=tmp_path)
    assert animal.stdout
    assert animal.stdout.readline()
    assert not below(animal.pid)


@pytest.fixture
def database() -> Iterator[subprocess.Popen[bytes]]:
    """A PostgreSQL of its own, not as root, without a port."""
    programs = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    if not programs:
        pytest.skip("needs PostgreSQL in /usr/lib/postgresql")
    user = 65534 if os.geteuid() == 0 else None
    with tempfile.TemporaryDirectory() as folder:
        if user:
            os.chown(folder, user, -1)
        data = Path(folder, "data")
        subprocess.run(
            [programs[-1] / "initdb", "-D", data, "-A", "trust", "-N"],
            check=True,
            capture_output=True,
            user=user,
            cwd="/",
        )
        server = subprocess.Popen(
            [programs[-1] / "postgres", "-D", data, "-F", "-k", folder, "-c", "listen_addresses="],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, user=user, cwd="/",
        )  # fmt: skip
        try:
            assert server.stdout
            assert any(b"ready to accept connections" in line for line in server.stdout)
            yield server
        finally:
            server.send_signal(signal.SIGQUIT)
            server.communicate()


@on_linux
def test_database_workers_are_no_servers(database: subprocess.Popen[bytes]) -> None:
    collected = process_collector().collect()
    assert sum(record.parent_pid == database.pid for record in collected.records) >= 3
    assert not below(database.pid)
