"""One server, seen three ways: in a client's configuration, as a process and on a port."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

SERVER = """
import sys
from mcp.server import MCPServer
server = MCPServer("weather")

@server.tool()
def forecast(city: str) -> str:
    return city

server.run("streamable-http", port=int(sys.argv[1]))
"""


@pytest.fixture
def port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return free.getsockname()[1]


@pytest.fixture
def mcp_server(tmp_path: Path, port: int):
    """A real server of the official SDK, ended whatever the test does."""
    script = tmp_path / "mcp_weather_server.py"
    script.write_text(SERVER)
    process = subprocess.Popen([sys.executable, script, str(port)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert process.stdout is not None
    try:
        for line in process.stdout:
            if b"running on" in line:
                break
        yield script
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


@pytest.mark.skipif(sys.platform != "linux", reason="the process table is read on Linux")
@pytest.mark.mission("P1", "P7")
def test_a_server_in_a_configuration_as_a_process_and_on_a_port_is_one(tmp_path: Path, port: int, mcp_server: Path):
    home = tmp_path / "home"
    (home / ".cursor").mkdir(parents=True)
    url = f"http://localhost:{port}/mcp"
    (home / ".cursor" / "mcp.json").write_text(json.dumps({"mcpServers": {"weather": {"url": url}}}))
    words = ["discover", "--home", str(home), "--processes", "--target", f"127.0.0.1:{port}", "--format", "json"]
    done = subprocess.run(
        [sys.executable, "-m", "bartizan", *words],
        env={**os.environ, "BARTIZAN_HOME": str(tmp_path / "state")},
        capture_output=True,
        timeout=60,
        check=False,
    )
    inventory = json.loads(done.stdout)["inventory"]
    process = next(
        asset
        for asset in inventory["assets"]
        if asset["kind"] == "instance" and str(mcp_server) in " ".join(asset["attributes"].get("command", []))
    )
    servers = {
        edge["source"]
        for edge in inventory["edges"]
        if edge["target"] == process["id"] and edge["kind"] == "instance_of"
    }
    assert len(servers) == 1
    one = next(asset for asset in inventory["assets"] if asset["id"] in servers)
    assert {"configurations", "processes", "network"} <= set(one["seen_by"])
    assert one["attributes"]["shadow"] == []
    assert process["attributes"]["status"] == "open"
    named_so = [
        asset
        for asset in inventory["assets"]
        if asset["kind"] == "server" and asset["attributes"].get("url", "").endswith(f":{port}/mcp")
    ]
    assert len(named_so) == 1
