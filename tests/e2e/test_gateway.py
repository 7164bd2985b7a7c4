"""The official SDK's client through `bartizan gateway` to a real server, in both eras."""

import asyncio
import json
import socket
import warnings
from typing import Any

import httpx2
import pytest
from mcp import Client, MCPError
from typer.testing import CliRunner

from bartizan.app.bus import open_bus
from bartizan.cli.main import app
from fixtures.gateway import Started, permitting, sdk_server

HEADERS = {"content-type": "application/json", "accept": "application/json, text/event-stream"}


@pytest.fixture(scope="module")
def upstream():
    with sdk_server() as url:
        yield url


@pytest.fixture(scope="module")
def gateway(tmp_path_factory, upstream):
    everything = permitting(tools=["*"], resources=["*"], prompts=["*"])
    started = Started(tmp_path_factory.mktemp("gateway"), {"notes": {"url": upstream}}, everything)
    assert started.url.startswith("http://127.0.0.1:"), started.stop()
    yield started
    assert started.stop() == (0, "")


def run(coroutine):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return asyncio.run(coroutine)


async def told(url: str, mode: str) -> dict:
    """What a client sees of a server: its lists and one call."""
    async with Client(url, mode=mode) as client:
        tools = await client.list_tools()
        prompts = await client.list_prompts()
        resources = await client.list_resources()
        note = await client.read_resource("note://today")
        result = await client.call_tool("fetch", {"identity": "abc"})
        return {
            "version": client.protocol_version,
            "tools": [one.model_dump() for one in tools.tools],
            "prompts": [one.model_dump() for one in prompts.prompts],
            "resources": [one.model_dump() for one in resources.resources],
            "note": [one.model_dump() for one in note.contents],
            "result": result.model_dump(exclude={"meta"}),
        }


@pytest.mark.parametrize(("mode", "version"), [("auto", "2026-07-28"), ("legacy", "2025-11-25")])
def test_a_client_sees_through_the_gateway_what_it_sees_direct(gateway, upstream, mode, version):
    through = run(told(gateway.url, mode))
    assert through == run(told(upstream, mode))
    assert through["version"] == version
    assert through["result"]["content"][0]["text"] == "abc False"


def post(url: str, message: dict | bytes, **headers):
    body = message if isinstance(message, bytes) else json.dumps(message).encode()
    return httpx2.post(url, content=body, headers={**HEADERS, **headers})


def initialize(url: str, **headers):
    params = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}}
    return post(url, {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": params}, **headers)


PING = {"jsonrpc": "2.0", "id": 2, "method": "ping"}


def test_C2_only_a_session_that_the_gateway_sealed_opens(gateway, upstream):
    theirs = initialize(upstream).headers["mcp-session-id"]
    ours = initialize(gateway.url).headers["mcp-session-id"]
    assert post(gateway.url, PING, **{"mcp-session-id": ours}).status_code == 200
    for foreign in (theirs, ours[:-1] + ("A" if ours[-1] != "A" else "B"), "x"):
        refused = post(gateway.url, PING, **{"mcp-session-id": foreign})
        assert refused.status_code == 404
    ended = httpx2.delete(gateway.url, headers={"mcp-session-id": ours})
    assert ended.status_code == 200
    assert post(gateway.url, PING, **{"mcp-session-id": ours}).status_code == 404


@pytest.mark.parametrize(
    ("name", "value", "status"),
    [
        ("origin", "http://evil.example", 403),
        ("origin", "null", 403),
        ("host", "evil.example", 403),
        ("origin", "same", 200),
        ("content-type", "text/plain", 415),
    ],
)
def test_B1_a_foreign_origin_or_host_is_refused(gateway, name, value, status):
    value = gateway.url.partition("/servers")[0] if value == "same" else value
    assert initialize(gateway.url, **{name: value}).status_code == status


def test_what_two_readers_may_read_differently_does_not_reach_the_server(gateway):
    twice = b'{"jsonrpc":"2.0","id":1,"method":"ping","method":"tools/list"}'
    answer = post(gateway.url, twice)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, -32700)


def test_health_is_told_and_nothing_else(gateway):
    base = gateway.url.partition("/servers")[0]
    assert httpx2.get(base + "/healthz").status_code == 200
    assert httpx2.get(base + "/readyz").status_code == 200
    for path in ("/", "/servers/other/mcp", "/servers/notes/mcp/", "/servers/notes/mcp?x=1"):
        assert httpx2.get(base + path).status_code == 404


@pytest.mark.mission("K3.prevent", "C2")
@pytest.mark.parametrize("mode", ["auto", "legacy"])
def test_the_list_that_a_principal_sees_is_the_list_that_it_may_call(tmp_path, upstream, mode):
    started = Started(tmp_path, {"notes": {"url": upstream}}, permitting(tools=["fetch"]))

    async def tried() -> tuple[list[str], MCPError, Any]:
        async with Client(started.url, mode=mode) as client:
            tools = await client.list_tools()
            with pytest.raises(MCPError) as refused:
                await client.call_tool("search", {"query": {"text": "x"}})
            allowed = await client.call_tool("fetch", {"identity": "abc"})
            return [one.name for one in tools.tools], refused.value, allowed

    try:
        names, refused, allowed = run(tried())
    finally:
        code, _ = started.stop()
    assert code == 0
    assert names == ["fetch"]
    assert refused.code == -32602
    assert "search" not in refused.message
    assert allowed.content[0].text == "abc False"


def test_without_policy_nobody_gets_in(tmp_path, upstream):
    fronted = {"servers": {"notes": {"accepts": ["unauthenticated"]}}}
    started = Started(tmp_path, {"notes": {"url": upstream}}, fronted)
    try:
        answer = initialize(started.url)
        metadata = httpx2.get(answer.headers["www-authenticate"].partition('resource_metadata="')[2].partition('"')[0])
    finally:
        started.stop()
    assert answer.status_code == 401
    assert metadata.json()["resource"] == started.url


@pytest.mark.mission("K4.prevent")
def test_a_server_that_answers_anybody_is_fronted_only_where_policy_names_it(tmp_path, upstream):
    policy = permitting(tools=["*"])
    policy["servers"]["notes"].pop("accepts")
    started = Started(tmp_path, {"notes": {"url": upstream}}, policy)
    said = f"{started.url}\n{started.rest()}"
    assert started.process.wait(20) == 2
    assert "notes is reached around the gateway: it answers without credentials" in said
    assert "policy.yml:1: `accepts: [unauthenticated]`" in said


def test_a_server_that_is_down_at_the_start_is_looked_at_before_its_first_call(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    policy = permitting(tools=["*"])
    policy["servers"]["notes"].pop("accepts")
    started = Started(tmp_path, {"notes": {"url": f"http://127.0.0.1:{port}/mcp"}}, policy)
    try:
        assert "notes is not fronted until it answers" in started.line()
        refused = initialize(started.url)
        assert (refused.status_code, "result" in refused.text) == (503, False)
    finally:
        assert started.stop()[0] == 0


def test_in_a_dry_run_what_would_be_denied_goes_through_and_is_noted(tmp_path, upstream):
    policy = permitting(tools=["fetch"])
    policy["servers"]["notes"]["dry_run"] = True
    started = Started(tmp_path, {"notes": {"url": upstream}}, policy)

    async def tried() -> tuple[list[str], Any]:
        async with Client(started.url) as client:
            tools = await client.list_tools()
            return [one.name for one in tools.tools], await client.call_tool("search", {"query": {"text": "x"}})

    try:
        names, found = run(tried())
    finally:
        assert started.stop()[0] == 0
    assert (names, found.is_error) == (["search", "fetch"], False)
    bus = open_bus(started.state)
    events = [kept.event for kept in bus.read(0, 100).events]
    bus.close()
    (call,) = [event for event in events if event.mcp.get("target") == "search"]
    (noted,) = call.unmapped["noted"]
    assert (call.status, call.unmapped["decision"]["effect"]) == ("Success", "allow")
    assert (noted["effect"], noted["guard"]) == ("deny", "access")
    assert "tools: [search]" in noted["exception"]
    words = ["policy", "explain", str(tmp_path / "policy.yml"), "--server", "notes", "--tool", "search"]
    told = CliRunner().invoke(app, [*words, "--principal", "anonymous"]).stdout
    assert told.startswith("deny (dry run: it is noted and goes through)")
    assert f"policy: {call.unmapped['policy']}" in told


def test_replicas_with_shared_counters_have_one_budget_together(tmp_path, upstream):
    policy = permitting(tools=["*"])
    policy["limits"] = [{"per": ["principal"], "calls": 3, "window": "1h"}]
    first = Started(tmp_path, {"notes": {"url": upstream}}, policy, counters="shared")
    second = Started(tmp_path, {"notes": {"url": upstream}}, policy, counters="shared")
    try:
        statuses = [initialize((first, second)[number % 2].url).status_code for number in range(5)]
    finally:
        assert [first.stop()[0], second.stop()[0]] == [0, 0]
    assert statuses == [200, 200, 200, 429, 429]
