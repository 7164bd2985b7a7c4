"""All servers as one endpoint: the official SDK's client, in both eras, before servers of both eras."""

import asyncio
import contextlib
import warnings
from typing import Any

import httpx2
import pytest
from mcp import Client, MCPError
from mcp.types import ElicitResult

from fixtures.gateway import sdk_server
from fixtures.running import Gateway, allow_all, fronting, serving

MODES = ["auto", "legacy"]
DOWN = "http://127.0.0.1:9/mcp"  # the port of `discard`: nobody listens


@pytest.fixture(scope="module")
def servers():
    with sdk_server() as notes, serving("one_era.py", "legacy") as old, serving("one_era.py", "modern") as new:
        yield {"notes": notes, "old": old, "new": new}


@pytest.fixture(scope="module")
def gateway(tmp_path_factory, servers):
    with fronting(tmp_path_factory.mktemp("combined"), servers, combined={}) as running:
        yield running


def run(coroutine: Any) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return asyncio.run(asyncio.wait_for(coroutine, 60))


@contextlib.asynccontextmanager
async def client(gateway: Gateway, mode: Any, **more: Any):
    async with Client(gateway.base + "/mcp", mode=mode, **more) as connected:
        yield connected


@pytest.mark.parametrize(("mode", "version"), [("auto", "2026-07-28"), ("legacy", "2025-11-25")])
def test_a_client_of_either_era_sees_what_servers_of_both_have_under_their_configured_ids(gateway, mode, version):
    async def told() -> Any:
        async with client(gateway, mode) as one:
            tools = [tool.name for tool in (await one.list_tools()).tools]
            prompts = [prompt.name for prompt in (await one.list_prompts()).prompts]
            resources = [resource.uri for resource in (await one.list_resources()).resources]
            templates = [template.uri_template for template in (await one.list_resource_templates()).resource_templates]
            return one.protocol_version, one.instructions, tools, prompts, resources, templates

    spoken, instructions, tools, prompts, resources, templates = run(told())
    own = ["where", "count", "link", "changed", "asks"]
    assert spoken == version
    assert instructions.splitlines()[-2:] == ["[old] legacy only", "[new] modern only"]
    assert tools == ["notes__search", "notes__fetch", *(f"{name}__{one}" for name in ("old", "new") for one in own)]
    assert prompts == ["notes__summarise", "old__greet", "new__greet"]
    assert resources == [f"bartizan:{name}/note://today" for name in ("notes", "old", "new")]
    assert templates[1:] == ["bartizan:old/note://{day}/text", "bartizan:new/note://{day}/text"]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(("server", "era"), [("old", "legacy"), ("new", "modern")])
def test_each_thing_is_reached_at_its_own_server_whatever_its_era(gateway, mode, server, era):
    async def told() -> Any:
        far: list[float] = []

        async def heard(progress: float, total: float | None, message: str | None) -> None:
            far.append(progress)

        async with client(gateway, mode) as one:
            where = await one.call_tool(f"{server}__where", {})
            await one.call_tool(f"{server}__count", {"to": 3}, progress_callback=heard)
            link: Any = (await one.call_tool(f"{server}__link", {})).content[0]
            read = await one.read_resource(link.uri)
            filled = await one.read_resource(f"bartizan:{server}/note://monday/text")
            greeting: Any = (await one.get_prompt(f"{server}__greet", {"name": "you"})).messages[0].content
            return where.content, far, read.contents, filled.contents, greeting.text

    where, progress, read, filled, greeting = run(told())
    assert where[0].text == era
    assert progress == [1, 2, 3]
    assert (read[0].uri, read[0].text) == (f"bartizan:{server}/note://today", f"{era} note")
    assert filled[0].text == f"{era} monday"
    assert greeting == f"hello you from {era}"


async def accept(_context: Any, _params: Any) -> ElicitResult:
    return ElicitResult(action="accept", content={"name": "x"})


def test_a_servers_question_reaches_the_client_and_its_answer_that_server(gateway):
    async def told() -> Any:
        async with client(gateway, "legacy", elicitation_callback=accept) as one:
            with pytest.raises(MCPError, match="as the protocol asks"):
                await one.call_tool("new__asks", {})  # nothing was declared that it may ask for
            return (await one.call_tool("old__asks", {})).content[0]

    assert run(told()).text == "accept"


def test_a_question_of_the_new_era_is_asked_and_answered_in_the_request(gateway):
    async def told() -> Any:
        async with client(gateway, "auto", elicitation_callback=accept) as one:
            return (await one.call_tool("new__asks", {})).content[0]

    assert run(told()).text == "accept x"


@pytest.mark.parametrize("mode", MODES)
def test_what_names_no_server_is_unknown(gateway, mode):
    async def told() -> MCPError:
        async with client(gateway, mode) as one:
            with pytest.raises(MCPError) as refused:
                await one.call_tool("nobody__where", {})
            return refused.value

    assert run(told()).code == -32602


@pytest.mark.parametrize("mode", MODES)
def test_what_policy_hides_at_a_server_is_hidden_here(tmp_path, servers, mode):
    policy = allow_all(*servers)
    line = {"role": "anyone", "may": "write", "tools": ["where", "fetch"]}
    policy["allow"] = [{**line, "server": name} for name in ("notes", "old")]

    async def told(gateway: Gateway) -> Any:
        async with client(gateway, mode) as one:
            tools = await one.list_tools()
            with pytest.raises(MCPError) as hidden:
                await one.call_tool("old__count", {"to": 1})
            with pytest.raises(MCPError) as forbidden:
                await one.call_tool("new__where", {})
            return [tool.name for tool in tools.tools], tools.meta, hidden.value.code, forbidden.value.code

    with fronting(tmp_path, servers, policy, combined={}) as gateway:
        names, meta, hidden, forbidden = run(told(gateway))
    assert names == ["notes__fetch", "old__where"]
    assert (meta, hidden, forbidden) == (None, -32602, -32602)


@pytest.mark.parametrize("mode", MODES)
def test_a_server_that_does_not_answer_is_named_and_the_others_serve(tmp_path, servers, mode):
    async def told(gateway: Gateway) -> Any:
        async with client(gateway, mode) as one:
            tools = await one.list_tools()
            with pytest.raises(MCPError):
                await one.call_tool("down__where", {})
            return [tool.name for tool in tools.tools], tools.meta, await one.call_tool("new__where", {})

    named = {"new": servers["new"], "down": DOWN}
    with fronting(tmp_path, named, combined={}) as gateway:
        names, meta, called = run(told(gateway))
    assert names[0] == "new__where"
    assert meta["bartizan/leftOut"] == [{"server": "down", "reason": "did not answer as the protocol asks"}]
    assert called.content[0].text == "modern"


def test_a_subset_is_served_where_the_configuration_names_one(tmp_path, servers):
    async def told(gateway: Gateway) -> Any:
        async with client(gateway, "auto") as one:
            return [prompt.name for prompt in (await one.list_prompts()).prompts]

    with fronting(tmp_path, servers, combined={"servers": ["new"]}) as gateway:
        assert run(told(gateway)) == ["new__greet"]


def test_without_configuration_there_is_no_such_endpoint(tmp_path, servers):
    with fronting(tmp_path, servers) as gateway:
        for path in ("/mcp", "/.well-known/oauth-protected-resource/mcp"):
            assert httpx2.get(gateway.base + path).status_code == 404


def test_I1_a_client_without_credentials_learns_where_to_get_a_token_for_this_endpoint(tmp_path, servers):
    policy = {**allow_all(*servers), "servers": {}}
    body = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {"protocolVersion": "2025-11-25"}}
    with fronting(tmp_path, servers, policy, combined={}) as gateway:
        refused = httpx2.post(gateway.base + "/mcp", json=body, headers={"accept": "application/json"})
        where = refused.headers["www-authenticate"].partition('resource_metadata="')[2].partition('"')[0]
        metadata = httpx2.get(where).json()
    assert (refused.status_code, refused.json()["id"]) == (401, 1)
    assert metadata["resource"] == gateway.base + "/mcp"


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("server", ["old", "new"])
def test_changes_of_every_server_come_on_one_stream(gateway, mode, server):
    async def told() -> bool:
        heard = asyncio.Event()

        async def message(one: Any) -> None:
            if "list_changed" in str(getattr(one, "method", "")):
                heard.set()

        async with client(gateway, mode, message_handler=message) as one:
            if mode == "auto":
                async with one.listen(tools_list_changed=True) as stream:
                    await one.call_tool(f"{server}__changed", {})
                    async for event in stream:
                        return "tool" in str(event).lower()
            while not heard.is_set():  # when its stream is open the client does not say
                await one.call_tool(f"{server}__changed", {})
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(heard.wait(), 0.2)
            return True

    assert run(told())
