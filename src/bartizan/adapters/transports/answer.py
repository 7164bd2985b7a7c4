"""Answers of HTTP/1.1 without I/O: what a handler gives, and the bytes of it."""

from collections.abc import AsyncIterator
from http import HTTPStatus

import msgspec

from bartizan.adapters.transports.request import Headers
from bartizan.model.errors import LocalProtocolError

OURS = frozenset(
    "connection content-length date keep-alive proxy-connection te trailer transfer-encoding upgrade".split()
)
"""Headers of one hop: the listener sets them; what a handler gives of them is left out."""

_LINES = {status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n" for status in HTTPStatus}
_BODILESS = frozenset({204, 304})
END = b"0\r\n\r\n"


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """An answer. An iterator as its body goes out as it comes; it is closed (`aclose`) when the client goes away."""

    status: int
    headers: Headers = ()
    body: bytes | AsyncIterator[bytes] = b""


Blocks = dict[Headers, str]
"""Lines of answers that were judged, by their headers: servers repeat themselves."""

_BLOCKS_MAX = 256


def head_of(answer: Answer, blocks: Blocks, *, date: str, closes: bool) -> bytes:
    """The head of an answer, its empty line included. Raises LocalProtocolError for what would not be its lines."""
    status, body = answer.status, answer.body
    headers = tuple(answer.headers)
    block = blocks.get(headers)
    if block is None:
        if len(blocks) >= _BLOCKS_MAX:
            blocks.clear()
        block = blocks[headers] = _block(headers)
    if isinstance(body, bytes):
        framing = "" if status in _BODILESS else f"content-length: {len(body)}\r\n"
    else:
        framing = "transfer-encoding: chunked\r\n"
    ending = "connection: close\r\n\r\n" if closes else "\r\n"
    start = _LINES.get(status) or f"HTTP/1.1 {status:d} Status\r\n"
    return f"{start}{block}{framing}date: {date}\r\n{ending}".encode("latin-1")


def _block(headers: Headers) -> str:
    lines = [f"{name}: {value}\r\n" for name, value in headers if name.lower() not in OURS]
    block = "".join(lines)
    if block.count("\r") != len(lines) or block.count("\n") != len(lines) or "\0" in block:
        raise LocalProtocolError("a header of the answer is not one line")
    return block


def chunk(piece: bytes) -> bytes:
    """A piece of a body as a chunk; an empty one, which would end the body, as nothing."""
    return b"%x\r\n%b\r\n" % (len(piece), piece) if piece else b""
