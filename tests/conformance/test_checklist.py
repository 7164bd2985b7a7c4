"""Rows of the checklist that only a whole gateway shows: a real process, a server whose answers the test writes."""

import json
import socket
import threading
from collections.abc import Callable
from http.client import HTTPConnection
from typing import Any

import pytest

from bartizan.adapters.tokens.api_keys import make_key
from fixtures.running import ALLOW_ALL, Gateway, fronting
from fixtures.scripted import Said, Seen, scripted

VERSION = "2026-07-28"
META = {"io.modelcontextprotocol/protocolVersion": VERSION, "io.modelcontextprotocol/clientCapabilities": {}}
JSON = {"content-type": "application/json", "accept": "application/json, text/event-stream"}
MAYA, BEN = make_key("maya"), make_key("ben")
POLICY = {
    "roles": {"reader": [{"principal": "key:maya"}], "writer": [{"principal": "key:ben"}]},
    "allow": [
        {"role": "reader", "server": "*", **ALLOW_ALL, "tools": ["read"]},
        {"role": "writer", "server": "*", **ALLOW_ALL, "tools": ["read", "write"]},
    ],
}
TOOLS = '{"tools":[{"name":"read"},{"name":"write"}],"resultType":"complete","ttlMs":60000,"cacheScope":"public"}'


class Peer:
    """A server; `answer` may be put in place by a test."""

    def __init__(self) -> None:
        self.seen: list[Seen] = []
        self.answer: Callable[[Seen], Said] = self.usual

    def __call__(self, seen: Seen) -> Said:
        self.seen.append(seen)
        return self.answer(seen)

    def usual(self, seen: Seen) -> Said:
        message = json.loads(seen.body or b"{}")
        if message.get("method") == "tools/list":
            return Said(f'{{"jsonrpc":"2.0","id":{message["id"]},"result":{TOOLS}}}'.encode())
        return self.result(seen, {"content": [], "resultType": "complete"})

    @staticmethod
    def result(seen: Seen, result: dict[str, Any]) -> Said:
        return Said(json.dumps({"jsonrpc": "2.0", "id": json.loads(seen.body)["id"], "result": result}).encode())


@pytest.fixture(scope="module")
def behind():
    peer = Peer()
    with scripted(peer) as server:
        yield peer, server


@pytest.fixture
def peer(behind) -> Peer:
    peer, _ = behind
    peer.seen.clear()
    peer.answer = peer.usual
    return peer


@pytest.fixture(scope="module")
def gateway(behind, tmp_path_factory):
    identity = {"api_keys": {"maya": {"hash": MAYA[1]}, "ben": {"hash": BEN[1]}}}
    folder = tmp_path_factory.mktemp("gateway")
    with fronting(folder, {"peer": behind[1].url}, POLICY, identity=identity) as running:
        yield running


def message(method: str, number: int = 1, **params: Any) -> bytes:
    return json.dumps({"jsonrpc": "2.0", "id": number, "method": method, "params": {**params, "_meta": META}}).encode()


def mirrored(body: bytes) -> dict[str, str]:
    said = json.loads(body)
    name = said["params"].get("name", said["params"].get("uri", ""))
    return {"mcp-protocol-version": VERSION, "mcp-method": said["method"], **({"mcp-name": name} if name else {})}


def ask(connection: HTTPConnection, body: bytes, key=MAYA, **headers: str) -> tuple[int, dict[str, str], bytes]:
    """One modern request on a connection that stays open; names of headers with `_` for `-`."""
    shown = {"authorization": f"Bearer {key[0].reveal()}"} if key else {}
    more = {name.replace("_", "-"): value for name, value in headers.items()}
    connection.request("POST", "/servers/peer/mcp", body, {**JSON, **mirrored(body), **shown, **more})
    answer = connection.getresponse()
    return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()


@pytest.fixture
def connection(gateway: Gateway):
    one = HTTPConnection("127.0.0.1", gateway.port, timeout=20)
    yield one
    one.close()


def names(body: bytes) -> list[str]:
    return [tool["name"] for tool in json.loads(body)["result"]["tools"]]


def test_C1_each_request_of_a_connection_is_judged_by_whoever_shows_himself_in_it(connection, peer):
    listed = [ask(connection, message("tools/list"), key)[2] for key in (BEN, MAYA, BEN)]
    assert [names(one) for one in listed] == [["read", "write"], ["read"], ["read", "write"]]
    write = message("tools/call", name="write", arguments={})
    statuses = [ask(connection, write, key)[2] for key in (BEN, MAYA)]
    assert b"result" in statuses[0]
    assert b"Unknown tool" in statuses[1]
    status, _, _ = ask(connection, message("tools/list"), None)
    assert status == 401
    assert [json.loads(seen.body)["method"] for seen in peer.seen] == ["tools/list"] * 3 + ["tools/call"]


def test_C4_a_list_does_not_vary_by_connection(gateway, peer):
    lists = []
    for _ in range(3):
        one = HTTPConnection("127.0.0.1", gateway.port, timeout=20)
        lists.append(ask(one, message("tools/list"))[2])
        one.close()
    assert len(set(lists)) == 1


def test_G1_G3_nothing_is_cached_and_a_list_that_was_cut_is_for_nobody_else(connection, peer):
    """Each list is asked of the server anew, whatever it says of its life, and says itself that it is private."""
    for _ in range(2):
        _, _, body = ask(connection, message("tools/list"))
        assert json.loads(body)["result"]["cacheScope"] == "private"
    assert len(peer.seen) == 2


@pytest.mark.parametrize("cursor", ["", "a", "\\u0000 é ⓘ {}", "=?base64?YQ==?="])
def test_G2_a_cursor_is_passed_on_as_it_is(connection, peer, cursor):
    peer.answer = lambda seen: Said(
        b'{"jsonrpc":"2.0","id":1,"result":{"tools":[],"nextCursor":' + json.dumps(cursor).encode() + b"}}"
    )
    _, _, body = ask(connection, message("tools/list", cursor=cursor))
    assert json.loads(peer.seen[0].body)["params"]["cursor"] == cursor
    assert json.loads(body)["result"]["nextCursor"] == cursor


@pytest.mark.parametrize("state", ["", "ey.J9", "\\u0000\\ud83d\\ude00 \\/ é", "=" * 5000])
def test_D2_a_request_state_goes_back_and_forth_bit_by_bit(connection, peer, state):
    written = (
        b'{"jsonrpc":"2.0","id":1,"result":{"resultType":"input_required","requestState": "%b" }}' % state.encode()
    )
    peer.answer = lambda seen: Said(written)
    call = message("tools/call", name="read", arguments={})
    _, _, body = ask(connection, call)
    assert body == written
    again = (
        call[:-1]
        .replace(b'"id": 1', b'"id": 2')
        .replace(b'"params": {', b'"params": {"requestState": "%b", ' % state.encode())
        + b"}"
    )
    peer.answer = peer.usual
    status, _, _ = ask(connection, again)
    assert (status, peer.seen[-1].body) == (200, again)


def test_B7_the_modern_era_has_no_session_and_no_resuming_on_either_side(connection, peer):
    peer.answer = lambda seen: Said(peer.usual(seen).body, headers=(("mcp-session-id", "theirs"),))
    status, headers, _ = ask(connection, message("tools/list"), mcp_session_id="mine", last_event_id="7")
    assert status == 200
    assert "mcp-session-id" not in headers
    passed = {name.lower() for name, _ in peer.seen[0].headers}
    assert not passed & {"mcp-session-id", "last-event-id"}


def test_H3_a_header_of_a_parameter_that_is_not_known_here_is_passed_on_untouched(connection, peer):
    value = "=?base64?SMOpbGxv?="
    ask(connection, message("tools/call", name="read", arguments={}), mcp_param_region=value, mcp_param_x_y="1")
    passed = {name.lower(): value for name, value in peer.seen[0].headers}
    assert (passed["mcp-param-region"], passed["mcp-param-x-y"]) == (value, "1")


def test_F8_errors_of_a_tool_and_of_the_protocol_stay_what_they_are(connection, peer):
    for said in (
        b'{"jsonrpc":"2.0","id":1,"result":{"isError":true,"content":[{"type":"text","text":"no"}],"resultType":"complete"}}',
        b'{"jsonrpc":"2.0","id":1,"error":{"code":-32602,"message":"no","data":{"a":[1.0]}}}',
    ):
        peer.answer = lambda _, said=said: Said(said)
        assert ask(connection, message("tools/call", name="read", arguments={}))[2] == said


class Held:
    """A server of one connection that streams an event when told, and notices when its client goes."""

    def __init__(self) -> None:
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listening.getsockname()[1]}/mcp"
        self.more, self.gone = threading.Event(), threading.Event()
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        with self.listening, self.listening.accept()[0] as one:
            self._answer(one)

    def _answer(self, one: socket.socket) -> None:
        while b"\r\n\r\n" not in one.recv(65536):
            pass
        head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nx-accel-buffering: no\r\n"
        one.sendall(head + b"transfer-encoding: chunked\r\n\r\n" + chunk(PROGRESS))
        self.more.wait(20)
        one.sendall(chunk(PROGRESS))
        one.settimeout(20)
        if one.recv(1) == b"":
            self.gone.set()


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


PROGRESS = (
    b'data: {"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":1,"progress":1}}\r\n\r\n'
)


def test_B5_B6_events_come_at_once_and_a_client_that_goes_cancels_at_the_server(tmp_path):
    held = Held()
    policy = {**POLICY, "servers": {"peer": {"anonymous": True}}, "roles": {"writer": [{"principal": "anonymous"}]}}
    policy["allow"] = POLICY["allow"][1:]
    with fronting(tmp_path, {"peer": held.url}, policy) as gateway:
        body = message("tools/call", name="write", arguments={})
        head = "".join(f"{name}: {value}\r\n" for name, value in {**JSON, **mirrored(body)}.items())
        with socket.create_connection(("127.0.0.1", gateway.port), 20) as client:
            line = (
                f"POST /servers/peer/mcp HTTP/1.1\r\nhost: 127.0.0.1:{gateway.port}\r\ncontent-length: {len(body)}\r\n"
            )
            client.sendall(f"{line}{head}\r\n".encode() + body)
            first = client.recv(65536)
            while PROGRESS not in first:  # it is here, and the server has not sent its second one
                first += client.recv(65536)
            assert b"x-accel-buffering: no" in first.lower()
            held.more.set()
            while first.count(PROGRESS) < 2:
                first += client.recv(65536)
        assert held.gone.wait(10)


def test_D3_F3_nothing_of_a_definition_or_a_question_is_fetched_by_the_gateway(connection, peer, behind):
    """The only requests that a server sees are those of the client."""
    canary = behind[1].url.replace("/mcp", "/canary")
    schema = f'{{"type":"object","properties":{{"a":{{"$ref":"{canary}"}}}}}}'
    tool = f'{{"name":"read","icons":[{{"src":"{canary}"}}],"inputSchema":{schema}}}'
    peer.answer = lambda seen: Said(f'{{"jsonrpc":"2.0","id":1,"result":{{"tools":[{tool}]}}}}'.encode())
    _, _, body = ask(connection, message("tools/list"))
    assert schema.encode() in body
    assert [seen.path for seen in peer.seen] == ["/mcp"]
