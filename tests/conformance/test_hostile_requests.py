"""Requests that two readers could take differently, against the real listener: refused, told, recorded, never sent on.

The server behind keeps every request that reached it, as Python's own HTTP server read it: it is the oracle.
"""

import json
import random
import re
import socket
import sqlite3
from pathlib import Path

import pytest

from fixtures.running import Gateway, fronting
from fixtures.scripted import Said, Scripted, Seen, scripted

pytestmark = pytest.mark.slow
CANARY = b"smuggled-canary"
META = {"io.modelcontextprotocol/protocolVersion": "2026-07-28", "io.modelcontextprotocol/clientCapabilities": {}}
PING = b'{"jsonrpc":"2.0","id":1,"method":"ping"}'
HIDDEN = b'{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"' + CANARY + b'"}}'


def echo(seen: Seen) -> Said:
    identity = json.loads(seen.body).get("id") if seen.body else None
    return Said(json.dumps({"jsonrpc": "2.0", "id": identity, "result": {}}).encode())


@pytest.fixture(scope="module")
def server():
    with scripted(echo) as running:
        yield running


@pytest.fixture(scope="module")
def gateway(server: Scripted, tmp_path_factory):
    with fronting(tmp_path_factory.mktemp("gateway"), {"peer": server.url}) as running:
        yield running


def head(gateway: Gateway, *lines: bytes, line: bytes = b"POST /servers/peer/mcp HTTP/1.1") -> bytes:
    host = b"host: 127.0.0.1:%d" % gateway.port
    return b"\r\n".join([line, host, b"content-type: application/json", *lines, b"", b""])


def plain(gateway: Gateway, body: bytes = PING) -> bytes:
    return head(gateway, b"content-length: %d" % len(body)) + body


def talk(gateway: Gateway, *pieces: bytes, seconds: float = 5) -> bytes:
    """Send, and read until the gateway closes or says no more."""
    said = b""
    with socket.create_connection(("127.0.0.1", gateway.port), seconds) as one:
        for piece in pieces:
            one.sendall(piece)
        one.settimeout(1)
        try:
            while data := one.recv(65536):
                said += data
        except (TimeoutError, ConnectionResetError):
            pass
    return said


def statuses(said: bytes) -> list[int]:
    return [int(found) for found in re.findall(rb"HTTP/1\.1 (\d{3}) ", said)]


def journal(gateway: Gateway, needle: str) -> list[dict]:
    """Events that hold a text."""
    file: Path = gateway.folder / "state" / "events.db"
    with sqlite3.connect(f"file:{file}?mode=ro", uri=True) as reader:
        bodies = [json.loads(row[0]) for row in reader.execute("select body from events")]
    reader.close()
    return [one for one in bodies if needle in json.dumps(one)]


LENGTH = b"content-length: %d"
CHUNKED = b"transfer-encoding: chunked"
DONE = b"0\r\n\r\n"

# What stands after the request line and Host, and what stands as the body before the request that is to be smuggled.
FRAMING: dict[str, tuple[list[bytes], bytes]] = {
    "length and chunks": ([LENGTH % 5, CHUNKED], DONE),
    "chunks and length": ([CHUNKED, LENGTH % 5], DONE),
    "two lengths": ([LENGTH % 0, LENGTH % 40], b""),
    "two equal lengths": ([LENGTH % 0, LENGTH % 0], b""),
    "a list of lengths": ([b"content-length: 0, 0"], b""),
    "a length with a sign": ([b"content-length: +0"], b""),
    "a length below nothing": ([b"content-length: -1"], b""),
    "a length in hex": ([b"content-length: 0x0"], b""),
    "a length with an exponent": ([b"content-length: 0e0"], b""),
    "no length": ([b"content-length:"], b""),
    "a length in other digits": (["content-length: ٠".encode()], b""),
    "a space before the colon": ([b"content-length : 0"], b""),
    "chunks with a space before the colon": ([LENGTH % 5, b"transfer-encoding : chunked"], DONE),
    "chunks twice": ([b"transfer-encoding: chunked, chunked"], DONE),
    "chunks in two headers": ([CHUNKED, CHUNKED], DONE),
    "another coding": ([b"transfer-encoding: xchunked"], DONE),
    "identity": ([b"transfer-encoding: identity", LENGTH % 0], b""),
    "a coding before chunks": ([b"transfer-encoding: gzip, chunked"], DONE),
    "chunks with a vertical tab": ([b"transfer-encoding: \x0bchunked"], DONE),
    "a folded line": ([b"x-a: 1\r\n content-length: 0"], b""),
    "a folded coding": ([b"transfer-encoding:\r\n chunked", LENGTH % 0], b""),
    "a bare line feed": ([b"x-a: 1\ncontent-length: 0"], b""),
    "a bare carriage return": ([b"x-a: 1\rtransfer-encoding: chunked"], b""),
    "nothing in a value": ([b"x-a: \x00", LENGTH % 0], b""),
    "a colon as a name": ([b": x", LENGTH % 0], b""),
    "a line without a colon": ([b"x", LENGTH % 0], b""),
    "bytes beyond ASCII": ([b"x-a: \xff", LENGTH % 0], b""),
    "a chunk extension": ([CHUNKED], b"0;a=b\r\n\r\n"),
    "an empty chunk extension": ([CHUNKED], b"0;\r\n\r\n"),
    "an extension with a line feed": ([CHUNKED], b"0;\n\r\n\r\n"),
    "chunks with bare line feeds": ([CHUNKED], b"0\n\n"),
    "a trailer": ([CHUNKED], b"0\r\nhost: evil.example\r\n\r\n"),
    "a chunk size of many digits": ([CHUNKED], b"0000000000000000\r\n\r\n"),
    "a chunk size below nothing": ([CHUNKED], b"-0\r\n\r\n"),
    "a chunk size in hex": ([CHUNKED], b"0x0\r\n\r\n"),
    "a chunk size with a space": ([CHUNKED], b"0 \r\n\r\n"),
    "a chunk beyond its size": ([CHUNKED], b"1\r\nab\r\n0\r\n\r\n"),
    "a chunk without its end": ([CHUNKED], b"1\r\na0\r\n\r\n"),
    "two hosts": ([b"host: evil.example", LENGTH % 0], b""),
    "an expectation": ([b"expect: 200-maybe", LENGTH % 0], b""),
}
LINES = [
    b"POST http://evil.example/servers/peer/mcp HTTP/1.1",
    b"POST //evil.example/servers/peer/mcp HTTP/1.1",
    b"POST /servers/peer/mcp HTTP/1.0",
    b"POST /servers/peer/mcp HTTP/2.0",
    b"POST /servers/peer/mcp",
    b"POST  /servers/peer/mcp HTTP/1.1",
    b"post /servers/peer/mcp HTTP/1.1",
    b"POST /servers/peer/mcp HTTP/1.1 HTTP/1.1",
    b"POST /servers/../servers/peer/mcp HTTP/1.1",
    b"POST /servers/peer%2fmcp HTTP/1.1",
    b"POST /servers/peer/mcp?a HTTP/1.1",
    b"POST /servers/peer/mcp#a HTTP/1.1",
    b"POST /servers/peer/mcp\x00 HTTP/1.1",
    b"CONNECT evil.example:80 HTTP/1.1",
    b"PRI * HTTP/2.0",
    b"\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03",
]


def smuggling(gateway: Gateway) -> dict[str, bytes]:
    inner = plain(gateway, HIDDEN)
    framing = {name: head(gateway, *lines) + body + inner for name, (lines, body) in FRAMING.items()}
    lines = {ascii(line): head(gateway, LENGTH % len(PING), line=line) + PING for line in LINES}
    return framing | lines


def test_no_form_of_smuggling_reaches_the_server_and_each_is_an_event(server, tmp_path):
    server.seen.clear()
    with fronting(tmp_path, {"peer": server.url}) as gateway:
        forms = smuggling(gateway)
        for name, form in forms.items():
            for pieces in ([form], [form[: len(form) // 2], form[len(form) // 2 :]], [form[:-1], form[-1:]]):
                said = talk(gateway, *pieces)
                assert all(status >= 400 for status in statuses(said)), (name, said)
                assert len(statuses(said)) == 1, (name, said)
        assert statuses(talk(gateway, plain(gateway))) == [200]
    assert [seen.body for seen in server.seen] == [PING]
    told = journal(gateway, "refused connection")
    assert sum(1 + event["unmapped"]["more"] for event in told) >= 3 * len(FRAMING)
    assert CANARY.decode() not in json.dumps(told)


def test_requests_sent_ahead_are_two_calls_and_each_is_judged(gateway, server):
    """What is a whole request by itself is no smuggling: it is read, judged and recorded like any other."""
    server.seen.clear()
    assert statuses(talk(gateway, plain(gateway) + plain(gateway))) == [200, 200]
    assert [seen.body for seen in server.seen] == [PING, PING]


DEEP = b'{"a":' * 40
BODIES: dict[str, tuple[bytes, int, int]] = {
    "a key twice": (b'{"jsonrpc":"2.0","id":1,"method":"ping","method":"tools/list"}', 400, -32700),
    "a key twice deep inside": (DEEP + b'{"b":1,"b":1}' + b"}" * 40, 400, -32700),
    "a key twice by an escape": (b'{"jsonrpc":"2.0","id":1,"method":"ping","m\\u0065thod":"tools/list"}', 400, -32700),
    "a lone surrogate": (b'{"jsonrpc":"2.0","id":1,"method":"ping","params":{"a":"\\ud800"}}', 400, -32700),
    "a lone surrogate as a key": (b'{"jsonrpc":"2.0","id":1,"method":"ping","params":{"\\udfff":1}}', 400, -32700),
    "bad UTF-8": (b'{"jsonrpc":"2.0","id":1,"method":"ping","params":{"a":"\xff"}}', 400, -32700),
    "a surrogate in UTF-8": (b'{"jsonrpc":"2.0","id":1,"method":"ping","params":{"a":"\xed\xa0\x80"}}', 400, -32700),
    "a byte order mark": (b"\xef\xbb\xbf" + PING, 400, -32700),
    "not a number": (b'{"jsonrpc":"2.0","id":1,"method":"ping","params":{"a":NaN}}', 400, -32700),
    "infinity": (b'{"jsonrpc":"2.0","id":1,"method":"ping","params":{"a":-Infinity}}', 400, -32700),
    "beyond any double": (b'{"jsonrpc":"2.0","id":1,"method":"ping","params":{"a":1e999}}', 400, -32700),
    "trailing bytes": (PING + b"x", 400, -32700),
    "two messages": (PING + b"\n" + PING, 400, -32700),
    "nothing": (b" ", 400, -32700),
    "too deep": (
        b'{"jsonrpc":"2.0","id":1,"method":"ping","params":{"a":' + b"[" * 100 + b"]" * 100 + b"}}",
        413,
        -32600,
    ),
    "too many digits": (b'{"jsonrpc":"2.0","id":1,"method":"ping","params":{"a":' + b"1" * 500 + b"}}", 413, -32600),
    "no object": (b'"ping"', 400, -32600),
    "no version": (b'{"id":1,"method":"ping"}', 400, -32600),
    "an id that is a fraction": (b'{"jsonrpc":"2.0","id":1.5,"method":"ping"}', 400, -32600),
    "an id that is an object": (b'{"jsonrpc":"2.0","id":{},"method":"ping"}', 400, -32600),
    "a request and a result": (b'{"jsonrpc":"2.0","id":1,"method":"ping","result":{}}', 400, -32600),
}


@pytest.mark.parametrize("name", BODIES)
def test_a_body_that_could_be_read_in_two_ways_is_refused_with_its_error_and_an_event(gateway, server, name):
    body, status, code = BODIES[name]
    server.seen.clear()
    said = talk_once(gateway, plain(gateway, body))
    assert statuses(said) == [status]
    assert json.loads(said.partition(b"\r\n\r\n")[2])["error"]["code"] == code
    assert server.seen == []
    event = journal(gateway, "refused request")[-1]
    assert event["status"] == "Failure"
    assert event["unmapped"]["bytes"] == len(body)


def test_a_body_beyond_the_limit_is_refused_by_its_length_alone(gateway, server):
    server.seen.clear()
    assert statuses(talk(gateway, head(gateway, LENGTH % (17 * 1024 * 1024)))) == [413]
    assert server.seen == []


def test_of_many_broken_bodies_only_those_that_were_understood_go_on_and_as_they_are(gateway, server):
    """Bodies cut, doubled and overwritten at random: whatever the server got is what was sent, and reads in one way."""
    chance, sent = random.Random(7), set()
    server.seen.clear()
    message = (
        b'{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"a","arguments":{"x":[1,2.5,"\\u00e9"]}}}'
    )
    for _ in range(1500):
        body = bytearray(message)
        for _ in range(chance.randint(1, 3)):
            at = chance.randrange(len(body))
            put = chance.choice([b"", b'"', b"{", b"}", b",", b":", b'"a":1,', b"\xff", b" ", bytes(body[:at])])
            body[at : at + chance.randint(0, 4)] = put
        sent.add(bytes(body))
    for body in sent:
        said = talk_once(gateway, plain(gateway, body))
        assert statuses(said)[0] in {200, 202, 400, 404, 413, 502}, (body, said)
    assert server.seen
    assert {seen.body for seen in server.seen} <= sent
    for seen in server.seen:
        value = json.loads(seen.body, object_pairs_hook=once)
        assert value["jsonrpc"] == "2.0"


def once(pairs: list) -> dict:
    """An object whose keys stand once."""
    assert len(dict(pairs)) == len(pairs)
    return dict(pairs)


def talk_once(gateway: Gateway, request: bytes) -> bytes:
    """One request and its answer's head."""
    with socket.create_connection(("127.0.0.1", gateway.port), 5) as one:
        one.sendall(request)
        return one.recv(65536)
