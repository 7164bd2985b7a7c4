"""The older HTTP transport: the endpoint must be the server's own, and the stream is bounded."""

import asyncio
import json
from datetime import UTC, datetime

import pytest

from bartizan.adapters.probers.mcp import McpProber
from bartizan.model.coverage import Outcome
from bartizan.model.launch import Launch
from bartizan.model.limits import Limits
from bartizan.model.secret import Secret
from bartizan.model.snapshot import Transport

KEY = Secret("k" * 64)
LIMITS = Limits(
    probe_seconds_max=6,
    start_seconds_max=1,
    request_seconds_max=1,
    stop_seconds_max=1,
    sse_event_bytes_max=100_000,
    probe_bytes_max=1_000_000,
)
RESULTS = {
    "initialize": {"protocolVersion": "2024-11-05", "capabilities": {"tools": {}}},
    "tools/list": {"tools": [{"name": "t"}]},
}


class Clock:
    def now(self) -> datetime:
        return datetime(2026, 1, 1, tzinfo=UTC)


def probe(raw_http, script, limits=LIMITS):
    async def run():
        async with raw_http(script) as (base, requests):
            launch = Launch(
                transport=Transport.SSE, url=Secret(f"{base}/sse?a=1"), headers={"X-Api-Key": Secret("k" * 20)}
            )
            return await McpProber(limits, clock=Clock(), key=KEY).probe("server:s", launch), requests

    probed, requests = asyncio.run(run())
    return probed, requests, {look.part: (look.outcome, look.reason) for look in probed.looks}


def streaming(http_answer, endpoint: bytes):
    """A server of 2024-11-05: answers come on the stream that the GET opened."""
    streams: list[asyncio.StreamWriter] = []

    async def script(request, writer):
        if request.method == "GET":
            streams.append(writer)
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n")
            writer.write(b"event: endpoint\ndata: " + endpoint + b"\n\n")
            await writer.drain()
            await asyncio.sleep(60)
            return
        message = json.loads(request.body)
        if "id" in message:
            answer = {"jsonrpc": "2.0", "id": message["id"], "result": RESULTS[message["method"]]}
            streams[0].write(b"event: message\ndata: " + json.dumps(answer).encode() + b"\n\n")
        writer.write(http_answer("202 Accepted"))

    return script


def test_answers_come_on_the_stream(raw_http, http_answer):
    probed, requests, looks = probe(raw_http, streaming(http_answer, b"/messages?session=7"), Limits())
    assert [(request.method, request.path) for request in requests] == [
        ("GET", "/sse?a=1"),
        *[("POST", "/messages?session=7")] * 3,
    ]
    assert all(request.headers["x-api-key"] == "k" * 20 for request in requests)
    assert probed.snapshot
    assert (probed.snapshot.transport, probed.snapshot.tools) == (Transport.SSE, ({"name": "t"},))
    assert probed.snapshot.protocol_version == "2024-11-05"
    assert looks["tools"][0] is Outcome.LOOKED


@pytest.mark.parametrize(
    "endpoint",
    [b"http://127.0.0.1:9/x", b"https://evil.example/x", b"//evil.example/x", b"file:///etc/passwd", b"http://[::1"],
)
def test_endpoint_on_another_origin_is_refused_and_gets_nothing(raw_http, http_answer, endpoint):
    probed, requests, looks = probe(raw_http, streaming(http_answer, endpoint))
    assert [request.method for request in requests] == ["GET"]
    assert probed.snapshot is None
    assert looks["start"][0] is Outcome.FAILED


def raw(head: bytes, piece: bytes = b""):
    async def script(_request, writer):
        writer.write(head)
        await writer.drain()
        while piece:
            writer.write(piece)
            await writer.drain()
        await asyncio.sleep(60)

    return script


STREAM = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n"


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        (raw(STREAM), "in time"),
        (raw(STREAM, b"data: " + b"x" * 60000), "sse_event_bytes_max"),
        (raw(STREAM, b":\n" * 1000), "probe_bytes_max"),
        (raw(STREAM, b"data: not an endpoint\n\n" * 1000), ""),
        (raw(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"), "HTTP status 404"),
        (raw(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 0\r\n\r\n"), "not a stream"),
        (raw(STREAM + b"event: endpoint\ndata: /m\n\n"), "in time"),
    ],
)
def test_server_that_is_no_such_server_is_bounded_and_said(raw_http, script, reason):
    probed, _, looks = probe(raw_http, script)
    assert probed.snapshot is None
    failed = {part: text for part, (outcome, text) in looks.items() if outcome is not Outcome.LOOKED}
    assert reason in failed.get("start", "") + failed["discover"]
    assert looks["tools"][0] is Outcome.FAILED


def test_stream_that_ends_is_said(raw_http):
    async def ends(request, writer):
        writer.write(STREAM + b"event: endpoint\ndata: /m\n\n" if request.method == "GET" else b"")

    probed, _, looks = probe(raw_http, ends)
    assert probed.snapshot is None
    assert looks["discover"][0] is Outcome.FAILED
