"""A server that is written byte by byte, on loopback."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest


class Request:
    """One request as it came. `headers` have lower-case names."""

    def __init__(self, head: bytes, body: bytes) -> None:
        first, *lines = head.decode("latin-1").split("\r\n")
        self.method, self.path, _ = first.split(" ", 2)
        self.headers = {
            name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines if line)
        }
        self.body = body


Script = Callable[[Request, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def serve(script: Script) -> AsyncIterator[tuple[str, list[Request]]]:
    """Answer every request with `script`; gives the base URL and the list of requests that came."""
    requests: list[Request] = []
    handling: set[asyncio.Task[None] | None] = set()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        handling.add(asyncio.current_task())
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            request = Request(head, b"")
            request.body = await reader.readexactly(int(request.headers.get("content-length", "0")))
            requests.append(request)
            await script(request, writer)
            await writer.drain()
        except (OSError, EOFError, asyncio.CancelledError):
            pass
        finally:
            writer.transport.abort()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", requests
    finally:
        server.close()
        for task in handling:
            if task is not None:
                task.cancel()
        await asyncio.gather(*(task for task in handling if task is not None), return_exceptions=True)


@pytest.fixture(scope="session")
def raw_http():
    """`async with raw_http(script) as (base, requests)`; a script writes the bytes of the answer, however wrong."""
    return serve


def answer(status: str, body: bytes = b"", kind: str = "application/json", **headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Type: {kind}", f"Content-Length: {len(body)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + body


@pytest.fixture(scope="session")
def http_answer():
    """Bytes of a well-formed answer."""
    return answer
