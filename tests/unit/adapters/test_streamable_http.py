"""Streamable HTTP: the headers of each era, JSON and event streams, and servers that lie about everything."""

import asyncio
import json
import time
from datetime import UTC, datetime

import pytest

from bartizan.adapters.probers.mcp import McpProber
from bartizan.model.coverage import Outcome
from bartizan.model.launch import Launch
from bartizan.model.limits import Limits
from bartizan.model.secret import Secret
from bartizan.model.snapshot import Era, Transport

KEY = Secret("k" * 64)
LIMITS = Limits(
    probe_seconds_max=10,
    discover_seconds_max=2,
    start_seconds_max=2,
    request_seconds_max=2,
    unreadable_seconds_max=0.3,
    stop_seconds_max=1,
    message_bytes_max=100_000,
    sse_event_bytes_max=100_000,
    probe_bytes_max=1_000_000,
    metadata_seconds_max=1,
)
PATIENT = Limits()
INITIALIZED = {"protocolVersion": "2025-06-18", "capabilities": {"tools": {}}, "serverInfo": {"name": "s"}}
TOOLS = {"tools": [{"name": "t"}]}


class Clock:
    def now(self) -> datetime:
        return datetime(2026, 1, 1, tzinfo=UTC)


def probe(raw_http, script, *, limits=LIMITS, headers=None):
    """Probe a scripted server; gives what was probed, the requests that came, and the seconds it took."""
    return asyncio.run(probing(raw_http, script, limits, headers))


async def probing(raw_http, script, limits=LIMITS, headers=None):
    async with raw_http(script) as (base, requests):
        launch = Launch(
            transport=Transport.STREAMABLE_HTTP,
            url=Secret(f"{base}/mcp"),
            headers={name: Secret(value) for name, value in (headers or {}).items()},
        )
        began = time.monotonic()
        probed = await McpProber(limits, clock=Clock(), key=KEY).probe("server:s", launch)
        return probed, requests, time.monotonic() - began


def result(request, value) -> bytes:
    return json.dumps({"jsonrpc": "2.0", "id": json.loads(request.body)["id"], "result": value}).encode()


def looks(probed) -> dict:
    return {look.part: (look.outcome, look.reason) for look in probed.looks}


def test_modern_server_is_spoken_to_in_the_modern_way(raw_http, http_answer):
    async def modern(request, writer):
        discovered = {"supportedVersions": ["2026-07-28"], "capabilities": {"tools": {}}}
        body = result(request, discovered if b"server/discover" in request.body else TOOLS)
        writer.write(http_answer("200 OK", body, mcp_session_id="never-kept"))

    probed, requests, _ = probe(raw_http, modern, limits=PATIENT, headers={"Authorization": "Bearer x" + "y" * 20})
    assert [request.headers["mcp-method"] for request in requests] == ["server/discover", "tools/list"]
    for request in requests:
        assert (request.method, request.path) == ("POST", "/mcp")
        assert request.headers["accept"] == "application/json, text/event-stream"
        assert request.headers["content-type"] == "application/json"
        meta = json.loads(request.body)["params"]["_meta"]
        assert request.headers["mcp-protocol-version"] == meta["io.modelcontextprotocol/protocolVersion"]
        assert request.headers["authorization"].startswith("Bearer x")
        assert "mcp-session-id" not in request.headers
        assert "mcp-name" not in request.headers
    assert probed.snapshot
    assert probed.snapshot.tools == ({"name": "t"},)
    assert [look for look in probed.looks if not look.complete] == []


def legacy(http_answer, list_answer):
    """A server of the legacy era with a session. `list_answer(request, writer)` answers `tools/list`."""

    async def script(request, writer):
        if request.method == "DELETE":
            writer.write(http_answer("200 OK"))
        elif b'"server/discover"' in request.body:
            writer.write(
                http_answer("400 Bad Request", b'{"jsonrpc":"2.0","id":"server-error","error":{"code":-32600}}')
            )
        elif b'"initialize"' in request.body:
            writer.write(http_answer("200 OK", result(request, INITIALIZED), mcp_session_id="abc.123"))
        elif b'"tools/list"' in request.body:
            await list_answer(request, writer)
        else:
            writer.write(http_answer("202 Accepted"))

    return script


def test_legacy_session_is_kept_and_ended(raw_http, http_answer):
    async def list_answer(request, writer):
        writer.write(http_answer("200 OK", result(request, TOOLS)))

    probed, requests, _ = probe(raw_http, legacy(http_answer, list_answer), limits=PATIENT)
    assert [json.loads(request.body or b"{}").get("method") for request in requests] == [
        "server/discover",
        "initialize",
        "notifications/initialized",
        "tools/list",
        None,
    ]
    assert requests[-1].method == "DELETE"
    assert "mcp-protocol-version" not in requests[1].headers
    assert {request.headers["mcp-session-id"] for request in requests[2:]} == {"abc.123"}
    assert {request.headers["mcp-protocol-version"] for request in requests[2:]} == {"2025-06-18"}
    assert all("mcp-method" not in request.headers for request in requests[1:])
    assert probed.snapshot
    assert (probed.snapshot.era, probed.snapshot.protocol_version) == (Era.LEGACY, "2025-06-18")


def test_stream_brings_requests_notifications_and_the_answer(raw_http, http_answer):
    async def list_answer(request, writer):
        messages = [
            b'{"jsonrpc":"2.0","id":"s1","method":"ping"}',
            b'{"jsonrpc":"2.0","method":"notifications/message","params":{}}',
            result(request, TOOLS),
        ]
        body = b"".join(b": keep-alive\r\nevent: message\r\ndata: " + message + b"\r\n\r\n" for message in messages)
        writer.write(http_answer("200 OK", body, "text/event-stream; charset=utf-8"))

    probed, requests, _ = probe(raw_http, legacy(http_answer, list_answer), limits=PATIENT)
    assert {"jsonrpc": "2.0", "id": "s1", "result": {}} in [json.loads(request.body or b"{}") for request in requests]
    assert probed.snapshot
    assert probed.snapshot.tools == ({"name": "t"},)
    assert [look for look in probed.looks if not look.complete] == []


def test_redirect_on_the_same_origin_is_followed_with_its_method(raw_http, http_answer):
    async def slash(request, writer):
        if request.path == "/mcp":
            writer.write(http_answer("307 Temporary Redirect", location="/mcp/"))
        else:
            discovered = {"supportedVersions": ["2026-07-28"], "capabilities": {}}
            writer.write(http_answer("200 OK", result(request, discovered)))

    probed, requests, _ = probe(raw_http, slash, limits=PATIENT)
    assert [request.method for request in requests] == ["POST", "POST"]
    assert probed.snapshot is not None


def test_redirect_to_another_origin_takes_no_credential_along(raw_http, http_answer):
    async def away(request, writer):
        writer.write(http_answer("307 Temporary Redirect", location="http://localhost:9/mcp"))

    probed, _, _ = probe(raw_http, away, headers={"Authorization": "Bearer " + "z" * 20})
    assert looks(probed)["discover"] == (Outcome.FAILED, "redirects to another origin")


# Servers that lie, as they answer `tools/list`.


def events(*chunks: bytes, then: bytes = b""):
    async def script(_request, writer):
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n")
        for chunk in chunks:
            writer.write(chunk)
        await writer.drain()
        while then:
            writer.write(then)
            await writer.drain()
        await asyncio.sleep(60)

    return script


def bytes_of(data: bytes, *, stay: bool = True):
    async def script(_request, writer):
        writer.write(data)
        await writer.drain()
        await asyncio.sleep(60 if stay else 0)

    return script


def endless(head: bytes, piece: bytes, seconds: float = 0):
    async def script(_request, writer):
        writer.write(head)
        while True:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(seconds)

    return script


OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
BODY = b'{"jsonrpc":"2.0","id":3,"result":{"tools":[]}}'
LIARS = {
    "length too long": bytes_of(OK + b"Content-Length: 9999\r\n\r\n" + BODY),
    "length too long, then gone": bytes_of(OK + b"Content-Length: 9999\r\n\r\n" + BODY, stay=False),
    "length too short": bytes_of(OK + b"Content-Length: 10\r\n\r\n" + BODY),
    "length twice": bytes_of(OK + b"Content-Length: 1\r\nContent-Length: 46\r\n\r\n" + BODY),
    "length no number": bytes_of(OK + b"Content-Length: many\r\n\r\n" + BODY),
    "length negative": bytes_of(OK + b"Content-Length: -1\r\n\r\n" + BODY),
    "length enormous": bytes_of(OK + b"Content-Length: 99999999999999999999\r\n\r\n" + BODY),
    "length and chunks": bytes_of(OK + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    "chunk size a lie": bytes_of(OK + b"Transfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFFF\r\n{}"),
    "chunks without end": endless(OK + b"Transfer-Encoding: chunked\r\n\r\n", b"400\r\n" + b"x" * 1024 + b"\r\n"),
    "body without end": endless(OK + b"\r\n", b" " * 65536),
    "header without end": endless(b"HTTP/1.1 200 OK\r\nX: ", b"x" * 65536),
    "headers without end": endless(b"HTTP/1.1 200 OK\r\n", b"X-A: b\r\n" * 1000),
    "status line of another protocol": bytes_of(b"SSH-2.0-OpenSSH_9.2\r\n"),
    "no answer": bytes_of(b""),
    "gone at once": bytes_of(b"", stay=False),
    "drip": endless(b"HTTP/1.1 200 OK\r\n", b"X", 0.05),
    "informational for ever": endless(b"", b"HTTP/1.1 100 Continue\r\n\r\n", 0.01),
    "not JSON": bytes_of(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 6\r\n\r\n<html>"),
    "empty": bytes_of(OK + b"Content-Length: 0\r\n\r\n"),
    "accepted": bytes_of(b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n"),
    "session is gone": bytes_of(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"),
    "forbidden": bytes_of(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n"),
    "types twice": bytes_of(OK + b"Content-Type: text/event-stream\r\nContent-Length: 2\r\n\r\n{}"),
    "stream that says nothing": events(),
    "stream of comments": events(then=b":" + b"x" * 60000 + b"\n"),
    "stream of one huge event": events(b"data: ", then=b"x" * 65536),
    "stream of empty data lines": events(then=b"data\n" * 1000),
    "stream of notifications": events(then=b'data: {"jsonrpc":"2.0","method":"notifications/x"}\n\n' * 100),
    "stream of pings": events(then=b'data: {"jsonrpc":"2.0","id":1,"method":"ping"}\n\n' * 100),
    "stream of blank lines": events(then=b"\n" * 65536),
    "answer to another request": events(b'data: {"jsonrpc":"2.0","id":77,"result":{"tools":[]}}\n\n'),
    "duplicate keys in an event": events(b'data: {"jsonrpc":"2.0","id":3,"id":3,"result":{"tools":[]}}\n\n'),
    "event that never ends": events(b"data: " + BODY + b"\n"),
}


@pytest.fixture(scope="module")
def lies(raw_http, http_answer):
    """All of them at once, by name and by whether they lie from the beginning."""

    async def run():
        later = (probing(raw_http, legacy(http_answer, liar)) for liar in LIARS.values())
        at_once = (probing(raw_http, liar) for liar in LIARS.values())
        ended = await asyncio.gather(*later, *at_once)
        names = [(name, False) for name in LIARS] + [(name, True) for name in LIARS]
        return dict(zip(names, ended, strict=True))

    return asyncio.run(run())


@pytest.mark.parametrize("liar", LIARS)
def test_liar_is_bounded_and_never_reads_as_clean(lies, liar):
    probed, _, seconds = lies[liar, False]
    assert seconds < LIMITS.probe_seconds_max + 10
    outcome, reason = looks(probed)["tools"]
    assert outcome in {Outcome.FAILED, Outcome.TRUNCATED}
    assert reason
    assert probed.snapshot is None or probed.snapshot.tools == ()


@pytest.mark.parametrize("liar", LIARS)
def test_liar_from_the_beginning_is_bounded_and_gives_no_snapshot(lies, liar):
    probed, _, seconds = lies[liar, True]
    assert seconds < LIMITS.probe_seconds_max + 10
    assert probed.snapshot is None
    assert looks(probed)["tools"][0] is Outcome.FAILED


@pytest.mark.parametrize("session", ["with space", "x" * 2000, "caf\u00e9"])
def test_session_id_that_is_not_visible_ascii_is_refused(raw_http, http_answer, session):
    async def odd(request, writer):
        if b"initialize" in request.body:
            writer.write(http_answer("200 OK", result(request, INITIALIZED), mcp_session_id=session))
        else:
            writer.write(http_answer("404 Not Found"))

    probed, requests, _ = probe(raw_http, odd)
    assert probed.snapshot is None
    assert all("mcp-session-id" not in request.headers for request in requests)


def test_late_end_of_an_unanswered_request_does_not_end_the_session(raw_http, http_answer):
    """The modern opening hangs, the handshake goes on; then the first request's connection breaks."""
    silent: list[asyncio.StreamWriter] = []

    async def hangs_on_what_it_does_not_know(request, writer):
        if b"server/discover" in request.body:
            silent.append(writer)
            await asyncio.sleep(60)
        elif b'"initialize"' in request.body:
            silent[0].transport.abort()
            await asyncio.sleep(0.1)
            writer.write(http_answer("200 OK", result(request, INITIALIZED)))
        else:
            writer.write(http_answer("200 OK", result(request, TOOLS)) if b"list" in request.body else b"")

    probed, _, _ = probe(raw_http, hangs_on_what_it_does_not_know)
    assert probed.snapshot
    assert probed.snapshot.tools == ({"name": "t"},)


def test_nothing_listening_is_said():
    async def run():
        launch = Launch(transport=Transport.STREAMABLE_HTTP, url=Secret("http://127.0.0.1:1/mcp"))
        return await McpProber(LIMITS, clock=Clock(), key=KEY).probe("server:s", launch)

    probed = asyncio.run(run())
    assert probed.snapshot is None
    assert looks(probed)["discover"][0] is Outcome.FAILED
