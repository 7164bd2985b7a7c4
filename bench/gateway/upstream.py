"""The server behind every gateway of this bench: one tool, `echo`, both eras, over HTTP or stdio, as cheap as may be.

    python bench/gateway/upstream.py [--stdio] [--jwks FILE]

Over HTTP it prints its port. GET /jwks gives FILE, so that a gateway finds the keys of the bench's issuer here.
"""

import argparse
import asyncio
import importlib
import importlib.util
import itertools
import sys
from pathlib import Path
from typing import Any

import httptools
import msgspec

MODERN = "2026-07-28"
LEGACY = ("2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05")
INFO = {"name": "echo", "version": "1"}
SCHEMA = {"type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"]}
TOOLS = [{"name": "echo", "description": "Gives back the text.", "inputSchema": SCHEMA}]
CACHED = {"ttlMs": 60_000, "cacheScope": "public"}
encode = msgspec.json.Encoder().encode
numbers = itertools.count(1)


class Message(msgspec.Struct):
    """What of a message matters here."""

    method: str = ""
    id: int | str | None = None
    params: dict[str, Any] = {}


decode = msgspec.json.Decoder(Message).decode


def result_of(message: Message) -> dict[str, Any] | None:
    """The result of a request; None for a method that is not here."""
    params, more = message.params, {}
    if "io.modelcontextprotocol/protocolVersion" in params.get("_meta", {}):
        more = {"resultType": "complete", "_meta": {"io.modelcontextprotocol/serverInfo": INFO}}
    match message.method:
        case "tools/call":
            text = params.get("arguments", {}).get("text", "")
            return {"content": [{"type": "text", "text": text}], "isError": False, **more}
        case "tools/list":
            return {"tools": TOOLS, **more, **(CACHED if more else {})}
        case "initialize":
            asked = params.get("protocolVersion")
            version = asked if asked in LEGACY else LEGACY[0]
            return {"protocolVersion": version, "capabilities": {"tools": {}}, "serverInfo": INFO}
        case "server/discover":
            supported = {"supportedVersions": [MODERN, *LEGACY], "capabilities": {"tools": {}}, "serverInfo": INFO}
            return {**supported, **CACHED, **more}
        case "ping":
            return {}
        case _:
            return None


def answer_to(message: Message) -> bytes:
    result = result_of(message)
    if result is None:
        return encode({"jsonrpc": "2.0", "id": message.id, "error": {"code": -32601, "message": "Method not found"}})
    return encode({"jsonrpc": "2.0", "id": message.id, "result": result})


class Http(asyncio.Protocol):
    """One connection. Bodies are read by msgspec alone: what comes here was read before, or is our own."""

    jwks = b"{}"

    def connection_made(self, transport: Any) -> None:
        self.transport, self.pieces, self.url = transport, list[bytes](), b""
        self.parser = httptools.HttpRequestParser(self)

    def data_received(self, data: bytes) -> None:
        self.parser.feed_data(data)

    def on_url(self, url: bytes) -> None:
        self.url = url

    def on_body(self, data: bytes) -> None:
        self.pieces.append(data)

    def on_message_complete(self) -> None:
        body, self.pieces = b"".join(self.pieces), []
        verb = self.parser.get_method()
        if verb == b"GET" and self.url == b"/jwks":
            return self.reply(b"200 OK", self.jwks)
        if verb != b"POST":
            return self.reply(b"200 OK" if verb == b"DELETE" else b"405 Method Not Allowed", b"")
        message = decode(body)
        if message.id is None:
            return self.reply(b"202 Accepted", b"")
        opened = b"Mcp-Session-Id: s%08d\r\n" % next(numbers) if message.method == "initialize" else b""
        return self.reply(b"200 OK", answer_to(message), opened)

    def reply(self, status: bytes, body: bytes, more: bytes = b"") -> None:
        kind = b"Content-Type: application/json\r\n" if body else b""
        head = b"HTTP/1.1 %s\r\n%s%sContent-Length: %d\r\n\r\n" % (status, kind, more, len(body))
        self.transport.write(head + body)


async def over_http() -> None:
    server = await asyncio.get_running_loop().create_server(Http, "127.0.0.1", 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


def over_stdio() -> None:
    for line in sys.stdin.buffer:
        message = decode(line)
        if message.id is not None:
            sys.stdout.buffer.write(answer_to(message) + b"\n")
            sys.stdout.buffer.flush()


def runner() -> asyncio.Runner:
    """The fastest loop that is installed."""
    if importlib.util.find_spec("uvloop"):
        return asyncio.Runner(loop_factory=importlib.import_module("uvloop").new_event_loop)
    return asyncio.Runner()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--stdio", action="store_true")
    parser.add_argument("--jwks", type=Path)
    given = parser.parse_args()
    if given.stdio:
        return over_stdio()
    if given.jwks:
        Http.jwks = given.jwks.read_bytes()
    with runner() as loop:
        loop.run(over_http())
    return None


if __name__ == "__main__":
    main()
