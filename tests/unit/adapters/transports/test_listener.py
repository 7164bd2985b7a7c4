"""The gateway's listener over real sockets: hostile and slow clients are bounded, the others are answered in order."""

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator

import pytest

from bartizan.adapters.transports.listener import Answer, Listener, RefusedError, Request
from bartizan.model.limits import Limits

LIMITS = Limits(
    message_bytes_max=200_000,
    connections_max=3,
    requests_held_bytes_max=300_000,
    request_head_seconds_max=0.08,
    request_body_seconds_max=0.08,
    keep_alive_seconds_max=5,
    write_stall_seconds_max=0.08,
    linger_seconds_max=0.2,
    stop_seconds_max=1,
)
PATIENT = Limits(stop_seconds_max=1)
GET = b"GET /a HTTP/1.1\r\nHost: a\r\n\r\n"
LAST = b"GET /last HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"


def post(body: bytes, target: bytes = b"/") -> bytes:
    return b"POST %b HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n%b" % (target, len(body), body)


async def echo(request: Request) -> Answer:
    return Answer(status=200, body=f"{request.method} {request.target} ".encode() + request.body)


class Served:
    """A listener that is up, and what it told."""

    def __init__(self, listener: Listener, refused: list[RefusedError], failed: list[Exception]) -> None:
        self.listener, self.refused, self.failed = listener, refused, failed

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection("127.0.0.1", self.listener.port)

    async def holds(self, count: int) -> None:
        """Until the listener holds that many bytes."""
        while self.listener.held_bytes < count:  # noqa: ASYNC110 - it tells nobody
            await asyncio.sleep(0)

    async def say(self, *pieces: bytes) -> bytes:
        """Everything that comes until the connection ends."""
        reader, writer = await self.connect()
        for piece in pieces:
            writer.write(piece)
            with contextlib.suppress(ConnectionError):
                await writer.drain()
        heard = await reader.read()
        writer.close()
        return heard


def serve(client, handler=echo, limits: Limits = LIMITS):
    """Run `client` against a listener on loopback."""

    async def run():
        refused, failed = list[RefusedError](), list[Exception]()
        listener = Listener(
            "127.0.0.1",
            0,
            handler,
            limits,
            on_refused=lambda refusal, peer: refused.append(refusal),
            on_failed=failed.append,
        )
        await listener.start()
        try:
            async with asyncio.timeout(20):
                return await client(Served(listener, refused, failed))
        finally:
            await listener.stop(0)
            assert (listener.connections, listener.held_bytes) == (0, 0)

    return asyncio.run(run())


def status(heard: bytes) -> int:
    return int(heard.split(b" ", 2)[1])


def test_requests_on_one_connection_are_answered_in_order():
    heard = serve(lambda served: served.say(post(b"one", b"/1") + post(b"two", b"/2"), LAST))
    bodies = [part.split(b"HTTP/1.1")[0] for part in heard.split(b"\r\n\r\n")[1:]]
    assert bodies == [b"POST /1 one", b"POST /2 two", b"GET /last "]
    assert heard.count(b"connection: close") == 1


def test_the_order_holds_when_the_first_answer_is_late():
    async def client(served: Served):
        asyncio.get_running_loop().call_later(0.01, first.set)
        return await served.say(GET + LAST)

    async def handler(request: Request) -> Answer:
        if request.target == "/a":
            await first.wait()
        return await echo(request)

    first = asyncio.Event()
    heard = serve(client, handler)
    assert heard.index(b"GET /a") < heard.index(b"GET /last")


def test_a_request_smuggled_behind_a_contradiction_is_never_handled():
    seen: list[str] = []

    async def handler(request: Request) -> Answer:
        seen.append(request.target)
        return await echo(request)

    smuggled = b"GET /admin HTTP/1.1\r\nHost: a\r\n\r\n"
    for framing in (
        b"Content-Length: %d\r\nTransfer-Encoding: chunked" % (len(smuggled) + 5),
        b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity",
        b"Transfer-Encoding: xchunked",
        b"Content-Length: 0\r\nContent-Length: %d" % len(smuggled),
        b"Content-Length:\r\n 0",
        b"X: y\nContent-Length: 0",
    ):
        sent = b"POST / HTTP/1.1\r\nHost: a\r\n" + framing + b"\r\n\r\n0\r\n\r\n" + smuggled
        heard = serve(lambda served, sent=sent: served.say(sent), handler)
        assert status(heard) in {400, 501}
        assert heard.count(b"date: ") == 1
    assert seen == []


def test_a_refusal_is_answered_after_the_good_requests_before_it_and_told():
    async def client(served: Served):
        return await served.say(GET + b"GET / HTTP/1.1\r\n\r\n" + GET), [error.reason for error in served.refused]

    heard, reasons = serve(client)
    assert [int(part[:3]) for part in heard.split(b"HTTP/1.1 ")[1:]] == [200, 400]
    assert reasons == ["no Host header, or not a host"]


def test_a_head_that_comes_by_drops_ends_in_time():
    async def client(served: Served):
        reader, writer = await served.connect()
        heard = asyncio.create_task(reader.read())
        for byte in GET[:-1]:
            writer.write(bytes([byte]))
            await asyncio.wait((heard,), timeout=0.005)
        writer.close()
        return await heard

    assert status(serve(client)) == 408


def test_a_body_that_comes_by_drops_ends_in_time():
    async def client(served: Served):
        reader, writer = await served.connect()
        heard = asyncio.create_task(reader.read())
        writer.write(post(b"x" * 1000)[:-999])
        while not heard.done():
            writer.write(b"x")
            await asyncio.wait((heard,), timeout=0.005)
        writer.close()
        return await heard

    assert status(serve(client)) == 408


def test_a_client_that_says_nothing_is_let_go():
    assert serve(lambda served: served.say()) == b""


def test_a_client_that_does_not_read_is_let_go_and_its_answer_closed():
    async def client(served: Served):
        _, writer = await served.connect()
        writer.write(GET)
        await asyncio.wait_for(closed.wait(), 5)
        writer.close()

    async def handler(request: Request) -> Answer:
        return Answer(status=200, body=endless())

    async def endless() -> AsyncIterator[bytes]:
        try:
            while True:
                written[0] += 1
                yield b"x" * 65536
        finally:
            closed.set()

    closed, written = asyncio.Event(), [0]
    serve(client, handler)
    assert written[0] < 400  # what the system's buffers hold, and no more


def test_a_stream_goes_on_when_the_client_reads_again():
    pieces = 300

    async def handler(request: Request) -> Answer:
        async def body() -> AsyncIterator[bytes]:
            for number in range(pieces):
                produced[0] = number
                yield b"%05d" % number * 4000

        return Answer(status=200, body=body())

    async def client(served: Served):
        reader, writer = await served.connect()
        writer.write(LAST)
        await reader.readuntil(b"\r\n\r\n")
        held_back = produced[0]
        body = await reader.read()
        writer.close()
        return held_back, body

    produced = [0]
    held_back, body = serve(client, handler, PATIENT)
    assert held_back < pieces - 1
    assert body.count(b"4e20\r\n") == pieces
    assert body.endswith(b"00299\r\n0\r\n\r\n")


@pytest.mark.parametrize(("kind", "commented"), [("text/event-stream", True), ("application/json", False)])
def test_B5_a_quiet_stream_of_events_is_kept_open_by_comments_and_nothing_else_is(kind, commented):
    async def handler(request: Request) -> Answer:
        async def body() -> AsyncIterator[bytes]:
            yield b"data: 1\n\n"
            await quiet.wait()
            yield b"data: 2\n\n"

        return Answer(status=200, headers=(("content-type", kind),), body=body())

    async def client(served: Served):
        reader, writer = await served.connect()
        writer.write(LAST)
        await reader.readuntil(b"data: 1\n\n\r\n")
        between = b""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(2 if commented else 0.1):
                between = await reader.readexactly(len(b"3\r\n:\n\n\r\n") * 2)
        quiet.set()
        rest = await reader.read()
        writer.close()
        return between, rest

    quiet = asyncio.Event()
    between, rest = serve(client, handler, Limits(stop_seconds_max=1, stream_comment_seconds=0.02))
    assert between == (b"3\r\n:\n\n\r\n" * 2 if commented else b"")
    assert rest.endswith(b"9\r\ndata: 2\n\n\r\n0\r\n\r\n")


def test_disconnect_cancels_the_handler():
    async def handler(request: Request) -> Answer:
        started.set()
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()
        raise AssertionError

    async def client(served: Served):
        _, writer = await served.connect()
        writer.write(post(b"x" * 1000))
        await started.wait()
        held = served.listener.held_bytes
        writer.transport.abort()
        await cancelled.wait()
        return held

    started, cancelled = asyncio.Event(), asyncio.Event()
    assert serve(client, handler) > 1000


def test_a_client_that_closes_only_its_side_is_gone_too():
    async def handler(request: Request) -> Answer:
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()
        raise AssertionError

    async def client(served: Served):
        reader, writer = await served.connect()
        writer.write(GET)
        writer.write_eof()
        await cancelled.wait()
        heard = await reader.read()
        writer.close()
        return heard

    cancelled = asyncio.Event()
    assert serve(client, handler) == b""


def test_disconnect_closes_a_stream():
    async def handler(request: Request) -> Answer:
        async def body() -> AsyncIterator[bytes]:
            try:
                yield b"first"
                await asyncio.Event().wait()
            finally:
                closed.set()

        return Answer(status=200, body=body())

    async def client(served: Served):
        reader, writer = await served.connect()
        writer.write(GET)
        await reader.readuntil(b"first")
        writer.transport.abort()
        await closed.wait()

    closed = asyncio.Event()
    serve(client, handler)


def test_a_stream_that_fails_does_not_look_whole():
    async def handler(request: Request) -> Answer:
        async def body() -> AsyncIterator[bytes]:
            yield b"first"
            raise OSError("upstream is gone")

        return Answer(status=200, body=body())

    async def client(served: Served):
        heard = await served.say(LAST)
        return heard, [str(error) for error in served.failed]

    heard, failed = serve(client, handler)
    assert not heard.endswith(b"0\r\n\r\n")
    assert failed == ["upstream is gone"]


def test_a_handler_that_raises_is_told_and_its_client_learns_nothing():
    async def handler(request: Request) -> Answer:
        raise ValueError("the inside")

    async def client(served: Served):
        return await served.say(LAST), [str(error) for error in served.failed]

    heard, failed = serve(client, handler)
    assert status(heard) == 500
    assert b"inside" not in heard
    assert failed == ["the inside"]


@pytest.mark.parametrize("value", ["a\r\nset-cookie: b", "a\nb", "a\0b", "\u2603"])
def test_a_header_that_would_be_two_is_not_sent(value: str):
    async def handler(request: Request) -> Answer:
        return Answer(status=200, headers=(("x", value),), body=b"secret")

    heard = serve(lambda served: served.say(LAST), handler)
    assert status(heard) == 500
    assert b"secret" not in heard
    assert b"set-cookie" not in heard


def test_one_connection_too_many_is_refused():
    async def client(served: Served):
        open_ones = [await served.connect() for _ in range(3)]
        for reader, writer in open_ones:
            writer.write(GET)
            await reader.readuntil(b"GET /a ")
        heard = await served.say()
        for _, writer in open_ones:
            writer.close()
        return heard

    assert status(serve(client)) == 503


def test_bodies_together_are_bounded():
    async def handler(request: Request) -> Answer:
        await asyncio.Event().wait()
        raise AssertionError

    async def client(served: Served):
        _, writer = await served.connect()
        writer.write(post(b"x" * 190_000))
        await served.holds(190_000)
        heard = await served.say(post(b"x" * 190_000))
        writer.close()
        return heard

    assert status(serve(client, handler)) == 503


def test_a_client_that_sends_ahead_without_end_is_not_read():
    async def handler(request: Request) -> Answer:
        await go.wait()
        return await echo(request)

    async def client(served: Served):
        reader, writer = await served.connect()
        writer.write(GET * 20_000)
        await served.holds(64 * 1024 + 1)
        for _ in range(50):
            await asyncio.sleep(0)
        held = served.listener.held_bytes
        go.set()
        answered = 0
        while answered < 20_000:
            answered += (await reader.readuntil(b"GET /a ")).count(b"GET /a ")
        writer.close()
        return held

    go = asyncio.Event()
    assert serve(client, handler, PATIENT) < 600_000


def test_the_reason_arrives_although_the_client_is_still_sending():
    async def client(served: Served):
        return await served.say(
            b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9999999\r\n\r\n", *([b"x" * 65536] * 40)
        )

    assert status(serve(client)) == 413


def test_a_client_is_told_to_go_on_with_its_body():
    async def client(served: Served):
        reader, writer = await served.connect()
        writer.write(b"POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n")
        told = await reader.readuntil(b"\r\n\r\n")
        writer.write(b"hi")
        heard = await reader.readuntil(b"hi")
        writer.close()
        return told, heard

    told, heard = serve(client)
    assert told == b"HTTP/1.1 100 Continue\r\n\r\n"
    assert status(heard) == 200


def test_head_and_no_content_have_no_body():
    async def handler(request: Request) -> Answer:
        return Answer(status=204 if request.target == "/none" else 200, body=b"" if request.target == "/none" else b"x")

    heard = serve(
        lambda served: served.say(
            b"HEAD / HTTP/1.1\r\nHost: a\r\n\r\n", b"GET /none HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
        ),
        handler,
    )
    first, second, rest = heard.split(b"\r\n\r\n")
    assert b"content-length: 1" in first
    assert b"content-length" not in second
    assert rest == b""


def test_stopping_lets_the_answer_under_way_out_and_closes_the_idle():
    async def handler(request: Request) -> Answer:
        started.set()
        await go.wait()
        return await echo(request)

    async def client(served: Served):
        idle, idle_writer = await served.connect()
        reader, writer = await served.connect()
        writer.write(GET)
        await started.wait()
        stopping = asyncio.create_task(served.listener.stop(5))
        assert await idle.read() == b""
        with pytest.raises(ConnectionRefusedError):
            await served.connect()
        go.set()
        heard = await reader.read()
        await stopping
        writer.close()
        idle_writer.close()
        return heard

    started, go = asyncio.Event(), asyncio.Event()
    heard = serve(client, handler, PATIENT)
    assert status(heard) == 200
    assert b"connection: close" in heard


def test_stopping_cancels_what_outlasts_the_drain():
    async def handler(request: Request) -> Answer:
        started.set()
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()
        raise AssertionError

    async def client(served: Served):
        _, writer = await served.connect()
        writer.write(GET)
        await started.wait()
        await served.listener.stop(0.02)
        assert cancelled.is_set()
        writer.close()

    started, cancelled = asyncio.Event(), asyncio.Event()
    serve(client, handler, PATIENT)


def test_noise_never_brings_the_listener_down():
    chance = random.Random(4)
    whole = (
        post(b'{"jsonrpc":"2.0"}')
        + b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"
    )

    async def client(served: Served):
        for _ in range(150):
            data = bytearray(whole)
            for _ in range(chance.randint(1, 6)):
                data[chance.randrange(len(data))] = chance.choice(b"\r\n\0 :;,0aZ\xff")
            reader, writer = await served.connect()
            writer.write(bytes(data))
            writer.write_eof()
            with contextlib.suppress(ConnectionError):
                await reader.read()
            writer.close()
        assert served.failed == []
        return await served.say(LAST)

    assert status(serve(client)) == 200


@pytest.mark.slow
def test_ten_thousand_connections_are_bounded_and_let_go():
    async def client(served: Served):
        async def one() -> None:
            with contextlib.suppress(OSError):
                await served.say(GET[:10])

        for _ in range(20):
            await asyncio.gather(*(one() for _ in range(500)))
        return await served.say(LAST)

    assert status(serve(client)) == 200
