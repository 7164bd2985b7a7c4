"""Definitions of real servers through the gateway: byte for byte, and with hidden tools all others byte for byte."""

import json
import re
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest

from fixtures.running import Gateway, allow_all, fronting
from fixtures.scripted import Said, Scripted, Seen, scripted

SNAPSHOTS = Path(__file__).parents[1] / "fixtures/snapshots"
RECORDED = {"motherduck": 4, "playwright": 25, "workspace": 119}
MODERN = {
    "mcp-protocol-version": "2026-07-28",
    "mcp-method": "tools/list",
    "accept": "application/json, text/event-stream",
}
LEGACY = {"mcp-protocol-version": "2025-11-25", "accept": "application/json, text/event-stream"}
META = {"io.modelcontextprotocol/protocolVersion": "2026-07-28", "io.modelcontextprotocol/clientCapabilities": {}}


def tools_of(server: str) -> list[dict[str, Any]]:
    return json.loads((SNAPSHOTS / f"{server}.json").read_text())["snapshots"][0]["tools"]


# How servers write JSON: in every way that a reader which writes it anew would change.
STYLES = {
    "compact": lambda tool: json.dumps(tool, separators=(",", ":"), ensure_ascii=False),
    "spaced and escaped": lambda tool: json.dumps(tool, indent=3, ensure_ascii=True).replace("/", "\\/"),
    "keys turned round": lambda tool: json.dumps(dict(reversed(tool.items())), separators=(" ,\t", "  : ")),
    "letters as escapes": lambda tool: (
        json.dumps({**tool, "x": 1}).replace('"name"', '"n\\u0061me"')[:-2] + "1.00e+0 }"
    ),
}


class Written:
    """A server's list as it wrote it: `texts` are the definitions, `body` the whole answer."""

    def __init__(self, server: str, style: str) -> None:
        self.tools = tools_of(server)
        self.texts = [STYLES[style](tool) for tool in self.tools]
        self.head = (
            ' {"jsonrpc" : "2.0","id":7,"result":{ "resultType":"complete","ttlMs":5,"cacheScope":"private","tools": '
        )
        self.tail = ', "_meta":{"z":[1.50,1e2,-0.0,12345678901234567890],"a":null} } }\n'
        self.body = (self.head + "[ " + " ,\n ".join(self.texts) + " ]" + self.tail).encode()

    def without(self, hidden: set[str]) -> bytes:
        kept = [text for tool, text in zip(self.tools, self.texts, strict=True) if tool["name"] not in hidden]
        return (self.head + "[" + ",".join(kept) + "]" + self.tail).encode()


def as_events(body: bytes) -> bytes:
    lines = b"".join(b"data: " + line + b"\n" for line in body.strip().split(b"\n"))
    return b": hello\n\nid: 1\nretry: 10\ndata: \n\nevent: message\nid: 2\n" + lines + b"\n"


def without_ids(events: bytes) -> bytes:
    """Events but for their ids: those lead back to one principal's stream, and are the gateway's own (B7)."""
    return re.sub(rb"(?m)^id: \S+\n", b"", events)


class Peer:
    """A server that says what the test put into `said`."""

    said = Said(b"")

    def answer(self, _seen: Seen) -> Said:
        return self.said


@pytest.fixture(scope="module")
def peer():
    return Peer()


@pytest.fixture(scope="module")
def server(peer):
    with scripted(peer.answer) as running:
        yield running


@pytest.fixture(scope="module")
def gateway(server: Scripted, tmp_path_factory):
    with fronting(tmp_path_factory.mktemp("all"), {"peer": server.url}) as running:
        yield running


def listed(gateway: Gateway, headers: dict[str, str]) -> bytes:
    connection = HTTPConnection("127.0.0.1", gateway.port, timeout=20)
    params = {"_meta": META} if headers is MODERN else {}
    body = json.dumps({"jsonrpc": "2.0", "id": 7, "method": "tools/list", "params": params})
    connection.request("POST", "/servers/peer/mcp", body, {"content-type": "application/json", **headers})
    answer = connection.getresponse()
    data = answer.read()
    assert answer.status == 200, data
    connection.close()
    return data


@pytest.mark.parametrize("headers", [pytest.param(MODERN, id="modern"), pytest.param(LEGACY, id="legacy")])
@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("name", RECORDED)
def test_definitions_of_real_servers_pass_byte_for_byte(gateway, peer, name, style, headers):
    written = Written(name, style)
    assert len(written.texts) == RECORDED[name]
    assert len(json.loads(written.body)["result"]["tools"]) == RECORDED[name]
    peer.said = Said(written.body)
    assert listed(gateway, headers) == written.body
    peer.said = Said(as_events(written.body), "text/event-stream")
    assert without_ids(listed(gateway, headers)) == without_ids(as_events(written.body))


@pytest.fixture(scope="module")
def hiding(server: Scripted, tmp_path_factory):
    """A gateway whose policy permits every other tool."""
    permitted = [tool["name"] for name in RECORDED for tool in tools_of(name)[::2]]
    policy = allow_all("peer", tools=permitted)
    with fronting(tmp_path_factory.mktemp("some"), {"peer": server.url}, policy) as running:
        yield running


@pytest.mark.parametrize("headers", [pytest.param(MODERN, id="modern"), pytest.param(LEGACY, id="legacy")])
@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("name", RECORDED)
def test_where_policy_hides_tools_all_others_pass_byte_for_byte(hiding, peer, name, style, headers):
    written = Written(name, style)
    hidden = {tool["name"] for tool in written.tools[1::2]}
    peer.said = Said(written.body)
    assert listed(hiding, headers) == written.without(hidden)
    peer.said = Said(as_events(written.body), "text/event-stream")
    events = without_ids(listed(hiding, headers)).split(b"\n\n")
    assert events[:2] == without_ids(as_events(b"")).split(b"\n\n")[:2]
    lines = [line.removeprefix(b"data: ") for line in events[2].split(b"\n") if line.startswith(b"data: ")]
    assert b"\n".join(lines) == written.without(hidden).strip()
