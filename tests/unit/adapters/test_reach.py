"""How a server is reached by who goes around the gateway, learnt from real listeners."""

import asyncio
import json
import socket

import pytest

from bartizan.adapters.collectors.host import this_host
from bartizan.adapters.probers.reach import ReachProber
from bartizan.adapters.transports.listener import Answer, Listener
from bartizan.model.limits import Limits
from bartizan.model.policy import Exposure

LIMITS = Limits(stop_seconds_max=1, connect_seconds_max=2, reach_seconds_max=20)
JSON = (("content-type", "application/json"),)
INFO = {"protocolVersion": "2025-11-25", "capabilities": {}, "serverInfo": {"name": "s", "version": "1"}}


async def open_to_all(request) -> Answer:
    """A server of the legacy era without any authentication."""
    message = json.loads(request.body or b"{}")
    if request.method != "POST" or message.get("method") != "initialize":
        return Answer(status=404)
    answer = {"jsonrpc": "2.0", "id": message["id"], "result": INFO}
    return Answer(status=200, headers=JSON, body=json.dumps(answer).encode())


async def wants_a_token(_request) -> Answer:
    return Answer(status=401, headers=(("www-authenticate", "Bearer"),))


async def broken(_request) -> Answer:
    return Answer(status=503)


def look(handler, *, host="127.0.0.1", name="", own=(), declared=()):
    async def run():
        listener = Listener(host, 0, handler, LIMITS)
        await listener.start()
        prober = ReachProber(own=own, declared=declared, limits=LIMITS)
        try:
            async with asyncio.timeout(30):
                return (await prober.look(f"http://{name or host}:{listener.port}/mcp")).found
        finally:
            await listener.stop(0)

    return asyncio.run(run())


@pytest.fixture
def elsewhere() -> str:
    """An address of this machine that is not loopback."""
    found = [one for one in sorted(this_host().addresses) if "." in one]
    if not found:
        pytest.skip("this machine has loopback only")
    return found[0]


def test_who_answers_without_credentials_is_told():
    assert look(open_to_all) == {Exposure.UNAUTHENTICATED: "it answers without credentials"}


def test_who_wants_a_token_on_this_machine_is_as_it_should_be():
    assert look(wants_a_token) == {}


def test_a_server_of_this_machine_that_listens_beyond_it_is_exposed_unless_that_is_declared(elsewhere):
    found = look(wants_a_token, host="0.0.0.0", name="127.0.0.1", own=[elsewhere])
    assert found == {
        Exposure.EXPOSED: f"it listens beyond this machine too, at {elsewhere}, which network.declared lacks"
    }
    assert look(wants_a_token, host="0.0.0.0", name="127.0.0.1", own=[elsewhere], declared=[elsewhere]) == {}
    assert look(wants_a_token, own=[elsewhere]) == {}


def test_what_crosses_a_network_in_the_clear_is_exposed(elsewhere):
    assert look(wants_a_token, host=elsewhere) == {Exposure.EXPOSED: f"it is reached at {elsewhere} in the clear"}


@pytest.mark.parametrize("handler", [broken])
def test_what_does_not_answer_as_a_server_is_no_clean_answer(handler):
    with pytest.raises(ConnectionError):
        look(handler)


def test_nobody_there_is_no_clean_answer():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(OSError, match=r"."):
        asyncio.run(ReachProber(own=(), declared=(), limits=LIMITS).look(f"http://127.0.0.1:{port}/mcp"))
