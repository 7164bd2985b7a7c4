"""The peers: each installed from its registry into a virtual environment of its own, with its defaults but for logs."""

import json
import os
import secrets
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from targets import HERE, NotMeasuredError, Place, Running, Target, end, free_port, installed, spawn, wait_for_port

SDK = "mcp>=2,<3 uvicorn uvloop httptools"
FASTMCP = "fastmcp uvloop httptools"
MCP_PROXY = "mcp-proxy uvloop"
CONTEXTFORGE = "mcp-contextforge-gateway"
START_SECONDS = 60.0
SLOW_START_SECONDS = 180.0


def _sdk(place: Place) -> Running:
    programs, port = installed("sdk", SDK, place.cache), free_port()
    return _answering(place, [programs / "python", HERE / "peers/sdk_server.py", str(port)], port)


def _fastmcp(place: Place) -> Running:
    programs, port = installed("fastmcp", FASTMCP, place.cache), free_port()
    script = HERE / "peers/fastmcp_proxy.py"
    return _answering(place, [programs / "python", script, str(port), place.upstream], port)


def _mcp_proxy(place: Place) -> Running:
    """It turns stdio into HTTP, so its upstream is a child of its own, whose CPU and memory count too."""
    programs, port = installed("mcp-proxy", MCP_PROXY, place.cache), free_port()
    child = [sys.executable, HERE / "upstream.py", "--stdio"]
    command = [programs / "mcp-proxy", "--port", str(port), "--log-level", "ERROR", "--", *child]
    return _answering(place, command, port)


def _answering(place: Place, command: list[Any], port: int) -> Running:
    log = place.folder / "peer.log"
    process = spawn(command, cpu=0, env=_environment(place), log=log)
    wait_for_port(process, port, START_SECONDS, log)
    return Running(process=process, url=f"http://127.0.0.1:{port}/mcp")


def _environment(place: Place, **more: str) -> dict[str, str]:
    """A bare one: nothing of this process's own."""
    return {"HOME": str(place.folder), "PATH": os.environ.get("PATH", os.defpath), **more}


def _contextforge(place: Place) -> Running:
    programs, port = installed("contextforge", CONTEXTFORGE, place.cache), free_port()
    secret, password, log = secrets.token_hex(32), secrets.token_urlsafe(18), place.folder / "peer.log"
    account = {"PLATFORM_ADMIN_EMAIL": "admin@example.com", "PLATFORM_ADMIN_PASSWORD": f"{password}aA1!"}
    quiet = {"LOG_LEVEL": "ERROR", "DISABLE_ACCESS_LOG": "true", "MCPGATEWAY_UI_ENABLED": "false"}
    opened = {"SSRF_ALLOW_LOCALHOST": "true", "SSRF_ALLOW_PRIVATE_NETWORKS": "true"}
    unlimited = {"RATE_LIMITING_ENABLED": "false", "TOOL_RATE_LIMIT": "1000000000"}
    keys = {"JWT_SECRET_KEY": secret, "AUTH_ENCRYPTION_SECRET": secret, "BASIC_AUTH_PASSWORD": f"{password}aA1!"}
    database = {"DATABASE_URL": f"sqlite:///{place.folder}/mcp.db"}
    env = _environment(place, **account, **quiet, **opened, **unlimited, **keys, **database)
    process = spawn([programs / "mcpgateway", "--host", "127.0.0.1", "--port", str(port)], cpu=0, env=env, log=log)
    wait_for_port(process, port, SLOW_START_SECONDS, log)
    try:
        return _registered(process, programs, env, f"http://127.0.0.1:{port}", place.upstream)
    except (OSError, LookupError, ValueError) as error:
        end(process)
        raise NotMeasuredError(f"does not take the upstream: {error}") from None


def _registered(
    process: subprocess.Popen[str], programs: Path, env: dict[str, str], base: str, upstream: str
) -> Running:
    """The upstream made known to ContextForge, and a virtual server that has its tool."""
    command = [programs / "python", "-m", "mcpgateway.utils.create_jwt_token", "--username", "admin@example.com"]
    made = subprocess.run(
        [*command, "--exp", "600", "--secret", env["JWT_SECRET_KEY"]], capture_output=True, text=True, env=env,
        check=False, timeout=START_SECONDS,
    )  # fmt: skip
    bearer = f"Authorization: Bearer {made.stdout.strip().splitlines()[-1]}"
    _json(f"{base}/gateways", bearer, {"name": "up", "url": upstream, "transport": "STREAMABLEHTTP"})
    until, tools = time.monotonic() + START_SECONDS, []
    while not tools and time.monotonic() < until:
        tools = _json(f"{base}/tools", bearer)
        time.sleep(0.5)
    server = {"server": {"name": "bench", "associated_tools": [tools[0]["id"]]}}
    identity = _json(f"{base}/servers", bearer, server)["id"]
    return Running(process=process, url=f"{base}/servers/{identity}/mcp", headers=(bearer,))


def _json(url: str, bearer: str, body: dict[str, Any] | None = None) -> Any:
    name, _, value = bearer.partition(": ")
    data = json.dumps(body).encode() if body is not None else None
    request = urllib.request.Request(url, data, {name: value, "Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=START_SECONDS) as answer:
        return json.load(answer)


PEERS = (
    Target(
        name="official SDK's echo server", package="mcp", guards="none, and no gateway: the server alone",
        start=_sdk, eras=("legacy", "modern"),
    ),
    Target(name="FastMCP proxy", package="fastmcp", guards="none; one upstream client for all", start=_fastmcp),
    Target(name="mcp-proxy", package="mcp-proxy", guards="none; the upstream is its stdio child", start=_mcp_proxy),
    Target(
        name="ContextForge", package="mcp-contextforge-gateway",
        guards="signed token, its own accounts; rate limit off; SQLite", start=_contextforge,
    ),
)  # fmt: skip
ENVIRONMENTS = {"mcp": "sdk", "fastmcp": "fastmcp", "mcp-proxy": "mcp-proxy", CONTEXTFORGE: "contextforge"}
