"""The bridge of a stdio client, against a scripted HTTP peer: transcripts."""

import io
import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from bartizan.adapters.transports.bridge import Bridge
from bartizan.adapters.transports.bridge_http import Endpoint
from bartizan.model.limits import Limits
from bartizan.model.secret import Secret

HELLO = {"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": {"protocolVersion": "2025-11-25"}}
READY = {"jsonrpc": "2.0", "method": "notifications/initialized"}
LIMITS = Limits(message_bytes_max=10_000, stop_seconds_max=5.0)
Script = Callable[["Peer", "Handler", dict[str, Any]], None]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: "Peer"  # pyright: ignore[reportIncompatibleVariableOverride]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.server.seen.append((dict(self.headers.items()), body))
        try:
            self.server.script(self.server, self, json.loads(body))
        except ValueError:
            self.answer(400, b'{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"not JSON"}}')

    def do_GET(self) -> None:
        self.answer(405)

    def do_DELETE(self) -> None:
        self.server.deleted.append(self.headers.get("mcp-session-id", ""))
        self.answer(200)

    def answer(self, status: int, body: bytes = b"", kind: str = "application/json", **headers: str) -> None:
        self.send_response(status)
        for name, value in {"Content-Type": kind, "Content-Length": str(len(body)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def result(self, message: dict[str, Any], result: Any = None, **headers: str) -> None:
        body = json.dumps({"jsonrpc": "2.0", "id": message["id"], "result": result or {}})
        self.answer(200, body.encode(), **headers)

    def log_message(self, format: str, *args: Any) -> None: ...  # noqa: A002 - the name is the base class's


class Peer(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, script: Script) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.script = script
        self.seen: list[tuple[dict[str, str], bytes]] = []
        self.deleted: list[str] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/servers/x/mcp"


@pytest.fixture
def peer() -> Iterator[Callable[[Script], Peer]]:
    peers: list[Peer] = []

    def start(script: Script) -> Peer:
        peers.append(Peer(script))
        threading.Thread(target=peers[-1].serve_forever, args=(0.01,), daemon=True).start()
        return peers[-1]

    yield start
    for one in peers:
        one.shutdown()
        one.server_close()


def talk(url: str, *lines: Any, token: Secret | None = None) -> list[Any]:
    """What the client hears for what it says, in order; each line has to be a message."""
    said = b"".join(line if isinstance(line, bytes) else json.dumps(line).encode() + b"\n" for line in lines)
    heard = io.BytesIO()
    Bridge(Endpoint(url, LIMITS), io.BytesIO(said), heard, token=token, limits=LIMITS).run()
    return [json.loads(line) for line in heard.getvalue().splitlines()]


def call(number: int, method: str = "tools/list", **params: Any) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": number, "method": method, "params": params}


def legacy(_peer: Peer, handler: Handler, message: dict[str, Any]) -> None:
    if message["method"] == "initialize":
        handler.result(message, {"protocolVersion": "2025-11-25"}, Mcp_Session_Id="s-1")
    elif "id" in message:
        handler.result(message, {"tools": []})
    else:
        handler.answer(202)


def test_a_handshake_settles_session_and_version_of_what_follows(peer: Callable[[Script], Peer]) -> None:
    one = peer(legacy)
    heard = talk(one.url, HELLO, READY, call(1))
    assert [message["id"] for message in heard] == [0, 1]
    (hello, _), (ready, _), (listing, _) = one.seen
    assert "Mcp-Session-Id" not in hello
    assert ready["Mcp-Session-Id"] == listing["Mcp-Session-Id"] == "s-1"
    assert listing["MCP-Protocol-Version"] == "2025-11-25"
    assert one.deleted == ["s-1"]


def test_messages_go_on_byte_for_byte(peer: Callable[[Script], Peer]) -> None:
    one = peer(legacy)
    line = b'{"jsonrpc": "2.0",  "id":1, "method":"tools\\/list", "params":{"x":1.0, "y":"\\u00e4"}}'
    talk(one.url, HELLO, line + b"\n")
    assert one.seen[-1][1] == line


def test_the_modern_era_says_in_headers_what_the_body_says(peer: Callable[[Script], Peer]) -> None:
    one = peer(lambda _peer, handler, message: handler.result(message))
    meta = {"io.modelcontextprotocol/protocolVersion": "2026-07-28"}
    talk(one.url, call(1, "tools/call", name="grüßen", _meta=meta), call(2, "resources/read", uri="a:b", _meta=meta))
    headers = {seen["Mcp-Method"]: seen for seen, _ in one.seen}
    assert headers["tools/call"]["Mcp-Name"] == "=?base64?Z3LDvMOfZW4=?="
    assert headers["resources/read"]["Mcp-Name"] == "a:b"
    assert headers["tools/call"]["MCP-Protocol-Version"] == "2026-07-28"


def test_the_token_goes_to_the_gateway_with_every_message(peer: Callable[[Script], Peer]) -> None:
    one = peer(legacy)
    talk(one.url, HELLO, READY, call(1), token=Secret("of this user"))
    assert {headers["Authorization"] for headers, _ in one.seen} == {"Bearer of this user"}


def test_an_answer_over_several_lines_becomes_one(peer: Callable[[Script], Peer]) -> None:
    body = b'{\r\n "jsonrpc": "2.0",\n "id": 1,\n "result": {"a": "b\\n"}\n}\n'
    one = peer(lambda _peer, handler, _message: handler.answer(200, body))
    assert talk(one.url, call(1)) == [{"jsonrpc": "2.0", "id": 1, "result": {"a": "b\n"}}]


def test_the_messages_of_a_stream_come_one_by_one(peer: Callable[[Script], Peer]) -> None:
    events = (
        b'id: 1\ndata: {"jsonrpc":"2.0","method":"notifications/progress","params":{}}\n\n'
        b': keep-alive\n\ndata: {"jsonrpc":"2.0",\ndata: "id":1,"result":{}}\n\n'
    )
    one = peer(lambda _peer, handler, _message: handler.answer(200, events, "text/event-stream"))
    heard = talk(one.url, call(1))
    assert [message.get("method", "answer") for message in heard] == ["notifications/progress", "answer"]


@pytest.mark.parametrize(
    ("status", "body", "told"),
    [
        (200, b"<html>hello</html>", "ended before the message"),
        (401, b"", "asks for a credential"),
        (403, b"no", "may not"),
        (429, b"{}", "too many"),
        (500, b'{"error": "x"}', "HTTP status 500"),
        (404, b"", "no such server"),
    ],
)
def test_what_is_no_message_never_gets_to_the_client(
    peer: Callable[[Script], Peer], status: int, body: bytes, told: str
) -> None:
    one = peer(lambda _peer, handler, _message: handler.answer(status, body))
    (heard,) = talk(one.url, call(7))
    assert heard["id"] == 7
    assert told in heard["error"]["message"]


def test_a_refusal_without_an_id_answers_the_request_that_met_it(peer: Callable[[Script], Peer]) -> None:
    body = b'{"jsonrpc":"2.0","id":null,"error":{"code":-32020,"message":"header mismatch"}}'
    one = peer(lambda _peer, handler, _message: handler.answer(400, body))
    (heard,) = talk(one.url, call(7))
    assert heard == {"jsonrpc": "2.0", "id": 7, "error": {"code": -32020, "message": "header mismatch"}}


def test_a_line_that_is_no_json_is_refused_by_the_gateway(peer: Callable[[Script], Peer]) -> None:
    one = peer(legacy)
    (heard,) = talk(one.url, b"{nonsense\n")
    assert heard["error"]["code"] == -32700


def test_a_line_beyond_the_limit_is_refused_and_the_next_one_is_read(peer: Callable[[Script], Peer]) -> None:
    one = peer(legacy)
    heard = talk(one.url, b'{"x":"' + b"y" * 50_000 + b'"}\n', call(1))
    assert [message.get("id") for message in heard] == [None, 1]
    assert len(one.seen) == 1


def test_a_session_that_the_gateway_lost_is_begun_anew_without_the_client(peer: Callable[[Script], Peer]) -> None:
    sessions = iter(["s-1", "s-2"])

    def restarted(one: Peer, handler: Handler, message: dict[str, Any]) -> None:
        if message["method"] == "initialize":
            handler.result(message, {"protocolVersion": "2025-11-25"}, Mcp_Session_Id=next(sessions))
        elif handler.headers.get("mcp-session-id") == "s-1" and "id" in message:
            handler.answer(404)
        else:
            legacy(one, handler, message)

    one = peer(restarted)
    heard = talk(one.url, HELLO, READY, call(1))
    assert [message["id"] for message in heard] == [0, 1]
    assert "result" in heard[1]
    assert [json.loads(body)["method"] for _, body in one.seen] == [
        "initialize",
        "notifications/initialized",
        "tools/list",
        "initialize",
        "notifications/initialized",
        "tools/list",
    ]


def test_a_cancelled_request_of_the_modern_era_ends_its_connection_and_gets_no_answer(
    peer: Callable[[Script], Peer],
) -> None:
    reached, ended = threading.Event(), threading.Event()

    def slow(_peer: Peer, handler: Handler, message: dict[str, Any]) -> None:
        assert message["method"] == "tools/call"
        reached.set()
        assert handler.connection.recv(1) == b""
        ended.set()

    class Client(io.BytesIO):
        def readline(self, size: int | None = -1, /) -> bytes:
            if self.tell():
                reached.wait(10)
            return super().readline(size)

    one = peer(slow)
    cancel = {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 1}}
    meta = {"io.modelcontextprotocol/protocolVersion": "2026-07-28"}
    lines = [call(1, "tools/call", name="wait", _meta=meta), cancel]
    source = Client(b"".join(json.dumps(line).encode() + b"\n" for line in lines))
    heard = io.BytesIO()
    Bridge(Endpoint(one.url, LIMITS), source, heard, token=None, limits=LIMITS).run()
    assert ended.wait(10)
    assert heard.getvalue() == b""


def test_a_gateway_that_does_not_answer_is_told_for_each_request() -> None:
    heard = talk("http://127.0.0.1:9/servers/x/mcp", HELLO, READY, call(1))
    assert [message["id"] for message in heard] == [0, 1]
    assert all("does not answer" in message["error"]["message"] for message in heard)


@pytest.mark.parametrize("url", ["http://192.0.2.1/x", "ftp://127.0.0.1/", "http://user@127.0.0.1/", "nonsense"])
def test_an_address_that_would_be_unsafe_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match=r"https|address"):
        Endpoint(url)
