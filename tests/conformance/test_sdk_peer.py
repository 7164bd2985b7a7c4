"""The official SDK as the peer: the same real server gives us and its own client the same definitions, as raw JSON."""

import asyncio
import contextlib
import json
import socket
import subprocess
import sys
import warnings
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import anyio
import pytest
from mcp import Client, StdioServerParameters
from mcp.client.sse import sse_client
from mcp.client.stdio import stdio_client
from mcp.client.streamable_http import streamable_http_client

from bartizan.adapters.probers.mcp import McpProber
from bartizan.model.launch import Launch
from bartizan.model.secret import Secret
from bartizan.model.snapshot import Era, Transport

KEY = Secret("k" * 64)
SERVER = Path(__file__).parents[1] / "fixtures/servers/sdk_server.py"
LISTS = {"tools": "tools", "prompts": "prompts", "resources": "resources", "resourceTemplates": "resource_templates"}


class Clock:
    def now(self) -> datetime:
        return datetime(2026, 1, 1, tzinfo=UTC)


@asynccontextmanager
async def tapped(inner, seen: list):
    """The SDK's transport, with every message that came in kept as the SDK's reader had it, before its types."""
    async with inner as (read, write, *_):
        sending, receiving = anyio.create_memory_object_stream(100)

        async def pump() -> None:
            async with sending:
                async for item in read:
                    seen.append(getattr(getattr(item, "message", None), "result", None))
                    await sending.send(item)

        async with anyio.create_task_group() as group:
            group.start_soon(pump)
            yield receiving, write
            group.cancel_scope.cancel()


async def definitions_of_the_sdk(transport, mode: str) -> dict:
    seen: list = []
    async with Client(tapped(transport, seen), mode=mode) as client:
        await client.list_tools()
        await client.list_prompts()
        await client.list_resources()
        await client.list_resource_templates()
        version = client.protocol_version
    found = {ours: [] for ours in LISTS.values()}
    for result in seen:
        for theirs, ours in LISTS.items():
            found[ours] += (result or {}).get(theirs, [])
    return {**found, "version": version}


async def definitions_of_ours(launch: Launch, first: Era) -> dict:
    probed = await McpProber(clock=Clock(), key=KEY, first=first).probe("server:peer", launch)
    assert [look for look in probed.looks if not look.complete] == []
    snapshot = probed.snapshot
    assert snapshot is not None
    assert (snapshot.server_info["name"], snapshot.server_info["version"]) == ("peer", "1.2.3")
    assert snapshot.instructions == "Use `search` first.\nThen `fetch`."
    lists = {name: list(getattr(snapshot, name)) for name in LISTS.values()}
    return {**lists, "version": snapshot.protocol_version}


def run(coroutine):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the peer's own deprecations
        return asyncio.run(coroutine)


@contextlib.contextmanager
def listening(kind: str):
    """It listens from the beginning, so nobody has to wait for it, and nobody can take its port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        process = subprocess.Popen(
            [sys.executable, SERVER, kind, str(listener.fileno())],
            pass_fds=(listener.fileno(),),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            process.terminate()
            process.wait(10)


@pytest.fixture(scope="module")
def streamable_url():
    with listening("streamable-http") as base:
        yield f"{base}/mcp"


@pytest.fixture(scope="module")
def sse_url():
    with listening("sse") as base:
        yield f"{base}/sse"


def assert_same(ours: dict, theirs: dict) -> None:
    assert json.dumps(ours, sort_keys=True) == json.dumps(theirs, sort_keys=True)  # 1 is not true here
    assert [tool["name"] for tool in ours["tools"]] == ["search", "fetch"]
    assert all(ours[name] for name in LISTS.values())


@pytest.mark.parametrize(("first", "mode"), [(Era.MODERN, "auto"), (Era.LEGACY, "legacy")])
def test_over_stdio_both_clients_read_the_same_definitions(first, mode):
    command = [sys.executable, str(SERVER), "stdio"]
    launch = Launch(transport=Transport.STDIO, command=tuple(Secret(word) for word in command))
    ours = run(definitions_of_ours(launch, first))
    parameters = StdioServerParameters(command=command[0], args=command[1:])
    theirs = run(definitions_of_the_sdk(stdio_client(parameters), mode))
    assert_same(ours, theirs)
    assert ours["version"] == ("2026-07-28" if first is Era.MODERN else "2025-11-25")


@pytest.mark.parametrize(("first", "mode"), [(Era.MODERN, "auto"), (Era.LEGACY, "legacy")])
def test_over_streamable_http_both_clients_read_the_same_definitions(streamable_url, first, mode):
    launch = Launch(transport=Transport.STREAMABLE_HTTP, url=Secret(streamable_url))
    theirs = run(definitions_of_the_sdk(streamable_http_client(streamable_url), mode))
    assert_same(run(definitions_of_ours(launch, first)), theirs)


@pytest.mark.parametrize("transport", [Transport.SSE, Transport.STREAMABLE_HTTP])
def test_over_the_older_transport_both_clients_read_the_same_definitions(sse_url, transport):
    """A launch that names the newer transport falls back to the older one, as the specification has it."""
    launch = Launch(transport=transport, url=Secret(sse_url))
    theirs = run(definitions_of_the_sdk(sse_client(sse_url), "legacy"))
    assert_same(run(definitions_of_ours(launch, Era.MODERN)), theirs)
