"""The probe ladder against servers that are hostile, odd, or no MCP at all."""

import asyncio
import json
import socket
import uuid
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress

import pytest

from bartizan.adapters.collectors.asking import Pace
from bartizan.adapters.collectors.ladder import FOREIGN_HOST, FOREIGN_ORIGIN
from bartizan.adapters.collectors.network import NetworkLadder, read_target
from bartizan.model.coverage import Outcome
from bartizan.model.errors import UsageError
from bartizan.model.limits import Limits
from bartizan.model.record import EndpointRecord

QUICK = Limits(connects_per_second_max=5_000, endpoint_request_seconds_max=5.0, probe_seconds_max=30.0)
IMPATIENT = Limits(
    connects_per_second_max=5_000, connect_seconds_max=0.5, endpoint_request_seconds_max=0.3, probe_seconds_max=3.0
)
Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
INFO = {"name": "old", "version": "1"}


class Seen:
    """One request as a server got it."""

    def __init__(self, head: bytes, body: bytes) -> None:
        self.line, *lines = head.decode("latin-1").split("\r\n")
        self.headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
        self.message = json.loads(body) if body else {}
        self.verb, self.path, _ = self.line.split(" ")
        self.method = self.message.get("method", "")


def server(answer: Callable[[Seen], bytes], log: list[Seen] | None = None) -> Handler:
    """A server that reads one request and sends the bytes that `answer` gives."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = next((line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")), b":0")
        seen = Seen(head, await reader.readexactly(int(length.partition(b":")[2])))
        if log is not None:
            log.append(seen)
        writer.write(answer(seen))
        await writer.drain()
        writer.close()

    return handle


def http(status: int, body: object = b"", **headers: str) -> bytes:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    kind = "text/html" if isinstance(body, bytes) else "application/json"
    lines = {"Content-Type": kind, "Content-Length": str(len(raw))}
    lines |= {name.replace("_", "-"): value for name, value in headers.items()}
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return f"HTTP/1.1 {status} X\r\n{head}\r\n".encode() + raw


def result(seen: Seen, **values: object) -> bytes:
    return http(200, {"jsonrpc": "2.0", "id": seen.message.get("id"), "result": values})


def scan(handler: Handler, target: str = "127.0.0.1:{port}", limits: Limits = QUICK) -> EndpointRecord:
    """The record of the one port where `handler` serves."""

    async def held(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        with suppress(OSError, asyncio.IncompleteReadError):
            await handler(reader, writer)

    async def go() -> EndpointRecord:
        listener = await asyncio.start_server(held, "127.0.0.1", 0)
        try:
            port = listener.sockets[0].getsockname()[1]
            found = await NetworkLadder(limits).collect([target.format(port=port)])
            return found.records[0]
        finally:
            listener.close()
            for writer in writers:
                writer.transport.abort()
            await asyncio.sleep(0)

    writers: list[asyncio.StreamWriter] = []
    return asyncio.run(go())


def modern(seen: Seen) -> bytes:
    if seen.method == "server/discover" and seen.path == "/mcp":
        assert seen.headers["mcp-method"] == "server/discover"
        assert seen.headers["mcp-protocol-version"] == "2026-07-28"
        return result(seen, supportedVersions=["2026-07-28"], capabilities={}, _meta={})
    return http(404)


def legacy(seen: Seen) -> bytes:
    if seen.path == "/mcp" and seen.method == "initialize":
        values = {"protocolVersion": "2025-06-18", "capabilities": {}, "serverInfo": INFO}
        return http(200, {"jsonrpc": "2.0", "id": seen.message["id"], "result": values}, Mcp_Session_Id="s1")
    if seen.method == "notifications/initialized" or seen.verb == "DELETE":
        return http(202)
    return http(404) if seen.path != "/mcp" else http(400, {"jsonrpc": "2.0", "id": None, "error": {"code": -32600}})


# ---- What is found


def test_a_modern_server_is_found_without_a_handshake():
    record = scan(server(modern))
    assert (record.status, record.era, record.evidence) == (
        "open",
        "modern",
        ("id", "supportedVersions", "capabilities"),
    )


def test_a_legacy_session_is_opened_acknowledged_and_deleted():
    log: list[Seen] = []
    record = scan(server(legacy, log))
    assert (record.status, record.era, record.protocol_version) == ("open", "legacy", "2025-06-18")
    after = [
        (seen.verb, seen.method, seen.headers.get("mcp-session-id")) for seen in log if "origin" not in seen.headers
    ]
    at = after.index(("POST", "initialize", None))
    assert after[at + 1 : at + 3] == [("POST", "notifications/initialized", "s1"), ("DELETE", "", "s1")]
    assert len([seen for seen in log if seen.verb == "DELETE"]) == 3  # those of the foreign origin and host as well


def test_only_openings_are_ever_sent_whatever_is_there():
    for answer in (modern, legacy, lambda _: http(404), lambda _: http(405), lambda seen: result(seen, tools=[])):
        log: list[Seen] = []
        scan(server(answer, log))
        assert {seen.method for seen in log} <= {"", "server/discover", "initialize", "notifications/initialized"}
        assert {seen.verb for seen in log} <= {"GET", "POST", "DELETE"}
        assert all("authorization" not in seen.headers and "cookie" not in seen.headers for seen in log)
        assert all(seen.headers["user-agent"].startswith("bartizan/") for seen in log)


def test_a_modern_server_of_another_version_is_still_a_server():
    def answer(seen: Seen) -> bytes:
        error = {"code": -32022, "message": "no", "data": {"supported": ["2027-01-01"]}}
        return http(400, {"jsonrpc": "2.0", "id": seen.message["id"], "error": error}) if seen.message else http(404)

    record = scan(server(answer))
    assert (record.status, record.era, record.protocol_version) == ("open", "modern", "2027-01-01")


def test_a_server_that_knows_nothing_without_a_session_is_still_asked_for_one():
    assert scan(server(lambda seen: http(404) if seen.method == "server/discover" else legacy(seen))).status == "open"


def test_a_foreign_origin_that_is_let_in_shows():
    def answer(seen: Seen) -> bytes:
        if seen.method != "server/discover":
            return http(404)
        values = {"supportedVersions": ["2026-07-28"], "capabilities": {}}
        body = {"jsonrpc": "2.0", "id": seen.message["id"], "result": values}
        return http(200, body, Access_Control_Allow_Origin=seen.headers.get("origin", ""))

    seen = ("plain_http", "accepts_foreign_origin", "cors_reflects_origin", "accepts_foreign_host")
    assert scan(server(answer)).exposure == seen

    def strict(seen: Seen) -> bytes:
        return http(403) if seen.headers.get("origin") == FOREIGN_ORIGIN else modern(seen)

    assert scan(server(strict)).exposure == ("plain_http", "refuses_foreign_origin", "accepts_foreign_host")


def test_the_name_is_asked_for_apart_from_the_origin():
    def careful(seen: Seen) -> bytes:
        return http(421) if FOREIGN_HOST in seen.headers["host"] else modern(seen)

    assert scan(server(careful)).exposure == ("plain_http", "accepts_foreign_origin", "checks_host")


def numbered(ids: Iterator[str]) -> Callable[[Seen], bytes]:
    def answer(seen: Seen) -> bytes:
        if seen.path != "/mcp" or seen.method != "initialize":
            return legacy(seen)
        values = {"protocolVersion": "2025-06-18", "capabilities": {}, "serverInfo": INFO}
        return http(200, {"jsonrpc": "2.0", "id": seen.message["id"], "result": values}, Mcp_Session_Id=next(ids))

    return answer


@pytest.mark.mission("K4.assess")
def test_session_ids_that_count_or_tell_the_time_can_be_guessed_and_random_ones_cannot():
    counting = (f"{number:032x}" for number in range(1000, 2000))
    clock = (str(uuid.UUID(fields=(0x3F2A0000 + n, 0x1234, 0x1111, 0x80, 0, 1))) for n in range(100))
    random = (str(uuid.uuid4()) for _ in range(100))
    assert "guessable_session" in scan(server(numbered(counting))).exposure
    assert "guessable_session" in scan(server(numbered(clock))).exposure
    assert "guessable_session" not in scan(server(numbered(random))).exposure


def test_a_server_that_checks_the_host_is_asked_as_localhost():
    def answer(seen: Seen) -> bytes:
        return modern(seen) if seen.headers["host"].startswith("localhost:") else http(421, b"Invalid Host header")

    record = scan(server(answer))
    assert record.status == "open"
    assert "checks_host" in record.exposure


def test_a_redirect_is_followed_behind_the_same_door_only():
    def near(seen: Seen) -> bytes:
        if seen.path == "/deep":
            seen.path = "/mcp"
            return modern(seen)
        return http(307, Location="/deep") if seen.message else http(404)

    assert scan(server(near)).url.endswith("/deep")
    log: list[Seen] = []
    far = scan(server(lambda _: http(307, Location="http://127.0.0.1:9/mcp"), log))
    assert far.status == "not_mcp"
    looping = scan(server(lambda seen: http(307, Location=seen.path + "x"), log))
    assert looping.status == "not_mcp"
    assert len(log) < 80


def test_a_named_url_is_asked_at_its_own_path():
    log: list[Seen] = []

    def answer(seen: Seen) -> bytes:
        if seen.path != "/team/mcp":
            return http(404)
        seen.path = "/mcp"
        return modern(seen)

    record = scan(server(answer, log), "http://127.0.0.1:{port}/team/mcp")
    assert record.status == "open"
    assert not [seen for seen in log if seen.message and seen.path == "/sse"]


# ---- What is not found


def not_found(answer: Callable[[Seen], bytes]) -> None:
    record = scan(server(answer))
    assert (record.status, record.evidence) == ("not_mcp", ())


def test_one_sign_is_no_server():
    not_found(lambda seen: result(seen, **seen.message.get("params", {})))  # an echo
    not_found(lambda seen: result(seen, capabilities={}, serverInfo=INFO))  # a language server
    not_found(lambda seen: result(seen, protocolVersion="2.0", capabilities={}, serverInfo=INFO))
    not_found(lambda seen: result(seen, supportedVersions=["2026-07-28"]))
    not_found(lambda seen: http(200, {"jsonrpc": "2.0", "id": seen.message.get("id"), "error": {"code": -32601}}))
    not_found(lambda _: http(200, b"<!doctype html><p>protocolVersion capabilities serverInfo"))


def test_an_answer_to_somebody_else_is_no_answer():
    values = {
        "supportedVersions": ["2026-07-28"],
        "capabilities": {},
        "protocolVersion": "2025-11-25",
        "serverInfo": INFO,
    }
    for identity in ("other", 1, None):
        not_found(lambda _, identity=identity: http(200, {"jsonrpc": "2.0", "id": identity, "result": values}))


def test_json_that_two_readers_read_differently_is_no_answer():
    def answer(seen: Seen) -> bytes:
        twice = '{"jsonrpc":"2.0","id":%s,"id":%s,"result":{"supportedVersions":["2026-07-28"],"capabilities":{}}}'
        identity = json.dumps(seen.message.get("id"))
        return http(200, (twice % (identity, identity)).encode(), Content_Language="en")

    not_found(answer)


@pytest.mark.parametrize(
    "raw",
    [
        b"SSH-2.0-OpenSSH_9\r\n",
        b"\x00\x00\x12\x04\x00\x00\x00\x00\x00\x00\x03\x00\x00\x00\x64",  # HTTP/2 settings, as gRPC begins
        b"-ERR unknown command\r\n",
    ],
)
def test_what_is_no_http_is_not_mcp(raw: bytes):
    record = scan(server(lambda _: raw), limits=IMPATIENT)
    assert record.status == "not_mcp"
    assert record.problem


def test_a_port_that_hangs_up_on_everything_is_not_mcp_and_broken_http_is_a_failure():
    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.close()

    assert scan(hang_up).status == "not_mcp"
    both = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n"
    assert scan(server(lambda _: both), limits=IMPATIENT).status == "failed"


def test_a_challenge_without_a_sign_of_mcp_says_only_that():
    record = scan(server(lambda _: http(401, WWW_Authenticate='Basic realm="router"')))
    assert (record.status, record.evidence) == ("authentication_required", ())
    assert scan(server(lambda _: http(403))).status == "forbidden"


def test_metadata_elsewhere_is_noted_and_never_fetched():
    log: list[Seen] = []

    def answer(seen: Seen) -> bytes:
        if not seen.message:
            return http(404)
        return http(401, WWW_Authenticate='Bearer resource_metadata="http://169.254.169.254/latest"')

    record = scan(server(answer, log))
    assert (record.status, record.evidence) == ("authentication_required", ("resource_metadata",))
    assert record.resource_metadata == "http://169.254.169.254/latest"
    assert all(seen.path != "/latest" for seen in log)


# ---- Hostile servers


def failing(handler: Handler) -> EndpointRecord:
    record = scan(handler, limits=IMPATIENT)
    assert record.status in {"failed", "not_mcp"}
    assert record.problem
    return record


def test_a_silent_server_is_a_failure_not_a_clean_answer():
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        await asyncio.Event().wait()

    assert failing(silent).status == "failed"


def test_a_server_that_resets_every_connection_ends_the_ladder():
    async def reset(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.transport.abort()

    failing(reset)


def test_floods_are_cut_and_the_ladder_gives_up_after_a_few():
    def flood(seen: Seen) -> bytes:
        return http(200, b"x" * 2_000_000) if seen.message else http(404)

    def endless(seen: Seen) -> bytes:
        return b"HTTP/1.1 200 OK\r\nA: " + b"x" * 100_000 if seen.message else http(404)

    def lying(seen: Seen) -> bytes:
        return b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{}" if seen.message else http(404)

    for answer in (flood, endless, lying):
        log: list[Seen] = []
        record = scan(server(answer, log))
        assert record.status == "failed"
        assert len([seen for seen in log if seen.message]) == QUICK.endpoint_faults_max


def test_a_stream_that_never_answers_ends():
    async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n")
        while True:
            writer.write(b": still here\n\n")
            await writer.drain()
            await asyncio.sleep(0.01)

    assert scan(drip, limits=IMPATIENT).status == "failed"


def test_an_event_stream_that_points_elsewhere_is_not_followed():
    def answer(seen: Seen) -> bytes:
        if seen.path != "/sse" or seen.verb != "GET":
            return http(405)
        body = b"event: endpoint\ndata: http://127.0.0.1:9/steal\n\n"
        return b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n" + body

    record = scan(server(answer))
    assert (record.status, record.evidence) == ("failed", ())
    assert "elsewhere" in record.problem


def test_a_server_that_is_slow_for_ever_is_left_at_the_limit():
    async def slow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        await asyncio.sleep(0.2)
        writer.write(http(404))
        await writer.drain()
        writer.close()

    record = scan(slow, limits=Limits(endpoint_request_seconds_max=1.0, probe_seconds_max=0.5))
    assert (record.status, record.problem) == ("failed", "not finished within probe_seconds_max")


# ---- Targets


@pytest.mark.parametrize("target", ["", "ftp://127.0.0.1/", "http://", "127.0.0.1/99", "a/b", "host:99999", "u@h:1"])
def test_what_is_no_target_is_refused(target: str):
    with pytest.raises(UsageError, match="no network target"):
        asyncio.run(NetworkLadder().collect([target]))


def test_nothing_is_scanned_without_an_explicit_list():
    with pytest.raises(UsageError, match="no network target"):
        asyncio.run(NetworkLadder().collect([]))


@pytest.mark.parametrize(
    "target", ["8.8.8.8", "8.8.8.0/30", "http://8.8.8.8/mcp", "169.254.169.254:80", "[2606::1]:80"]
)
def test_public_and_link_local_addresses_need_a_flag(target: str):
    with pytest.raises(UsageError, match="--public"):
        asyncio.run(NetworkLadder().collect([target]))


def test_targets_are_read():
    assert read_target("10.0.0.0/30")[0] == ["10.0.0.0", "10.0.0.1", "10.0.0.2", "10.0.0.3"]
    hosts, door, _ = read_target("https://mcp.example.test/team/mcp")
    assert (hosts, door.port, door.scheme, door.path) == (["mcp.example.test"], 443, "https", "/team/mcp")
    hosts, door, _ = read_target("[::1]:8000")
    assert (hosts, door.port) == (["::1"], 8000)
    assert read_target("::1")[0] == ["::1"]


def test_a_range_beyond_the_limit_is_cut_and_says_so():
    limits = Limits(addresses_max=2, connects_per_second_max=5_000)
    found = asyncio.run(NetworkLadder(limits, ports=[1]).collect(["127.0.0.0/8"]))
    assert found.records == ()
    assert found.looks[0].outcome is Outcome.TRUNCATED
    assert "addresses_max" in found.looks[0].reason


def test_a_closed_port_is_a_record_only_when_it_was_named():
    found = asyncio.run(NetworkLadder(QUICK, ports=[1]).collect(["127.0.0.1:1", "127.0.0.2"]))
    assert [(record.url, record.status) for record in found.records] == [("http://127.0.0.1:1/", "closed")]


def test_a_name_that_leads_nowhere_or_where_one_may_not_go_is_a_failure_once(monkeypatch: pytest.MonkeyPatch):
    async def collect(answer: object):
        async def resolve(*_: object, **__: object):
            if isinstance(answer, OSError):
                raise answer
            return [(2, 1, 6, "", (answer, 1))]

        monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", resolve)
        return await NetworkLadder(QUICK).collect(["mcp.example.test"])

    for answer, why in (("8.8.8.8", "may not go"), (socket.gaierror(-2, "unknown name"), "unknown name")):
        records = asyncio.run(collect(answer)).records
        assert [(record.url, record.status) for record in records] == [("http://mcp.example.test/", "failed")]
        assert why in records[0].problem


def test_a_server_that_is_too_busy_to_answer_is_a_failure():
    assert scan(server(lambda seen: http(429) if seen.message else http(404))).status == "failed"


def test_what_a_url_holds_of_secrets_is_in_no_look():
    found = asyncio.run(NetworkLadder(QUICK).collect(["http://user:pass@127.0.0.1:1/mcp?token=t"]))
    assert "pass" not in str(found)
    assert "token" not in str(found)


def test_connections_keep_their_pace():
    async def go() -> float:
        loop = asyncio.get_running_loop()
        pace, began = Pace(200), loop.time()
        await asyncio.gather(*(pace.take() for _ in range(21)))
        return loop.time() - began

    assert asyncio.run(go()) >= 0.09
