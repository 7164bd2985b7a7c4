"""The transport of 2024-11-05 towards clients: the official SDK's older client through the gateway to a real server."""

import asyncio
import warnings
from typing import Any

import httpx2
import pytest
from mcp import Client, MCPError
from mcp.client.sse import sse_client
from mcp.types import ElicitResult

from fixtures.running import allow_all, fronting, serving


@pytest.fixture(scope="module")
def server():
    with serving("one_era.py", "legacy") as url:
        yield url


@pytest.fixture(scope="module")
def gateway(tmp_path_factory, server):
    with fronting(tmp_path_factory.mktemp("sse"), {"old": server}) as running:
        yield running


def run(coroutine: Any) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return asyncio.run(asyncio.wait_for(coroutine, 60))


async def accept(context: Any, params: Any) -> ElicitResult:
    return ElicitResult(action="accept", content={"name": "x"})


def test_a_client_of_the_older_transport_lists_calls_hears_progress_and_is_asked(gateway):
    far: list[float] = []

    async def heard(progress: float, total: float | None, message: str | None) -> None:
        far.append(progress)

    async def told() -> Any:
        url = gateway.base + "/servers/old/sse"
        async with Client(sse_client(url), mode="legacy", elicitation_callback=accept) as client:
            tools = [tool.name for tool in (await client.list_tools()).tools]
            where: Any = await client.call_tool("where", {})
            await client.call_tool("count", {"to": 3}, progress_callback=heard)
            asked: Any = await client.call_tool("asks", {})
            return tools, where.content[0].text, asked.content[0].text

    assert run(told()) == (["where", "count", "link", "changed", "asks"], "legacy", "accept")
    assert far == [1, 2, 3]


def test_what_policy_refuses_is_told_on_the_stream(tmp_path, server):
    async def told(base: str) -> tuple[list[str], MCPError]:
        async with Client(sse_client(base + "/servers/old/sse"), mode="legacy") as client:
            tools = [tool.name for tool in (await client.list_tools()).tools]
            with pytest.raises(MCPError) as refused:
                await client.call_tool("count", {"to": 1})
            return tools, refused.value

    with fronting(tmp_path, {"old": server}, allow_all("old", tools=["where"])) as gateway:
        tools, refused = run(told(gateway.base))
    assert (tools, refused.code) == (["where"], -32602)


def test_a_session_that_there_is_not_is_not_found_and_a_stranger_opens_none(tmp_path, server, gateway):
    body = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
    assert httpx2.post(gateway.base + "/servers/old/sse/0123abc", json=body).status_code == 404
    with fronting(tmp_path, {"old": server}, {**allow_all("old"), "servers": {}}) as closed:
        refused = httpx2.get(closed.base + "/servers/old/sse", headers={"accept": "text/event-stream"})
    assert refused.status_code == 401
    assert "resource_metadata" in refused.headers["www-authenticate"]
