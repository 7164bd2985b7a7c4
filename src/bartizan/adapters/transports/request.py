"""Requests of HTTP/1.1 without I/O: bytes in, whole requests out. What two readers may read differently is refused.

Stricter than RFC 9112 where it leaves room: origin-form targets, CRLF and visible ASCII alone; no folded lines, chunk
extensions, no trailers, one framing, and no header twice but the few that are lists.
"""

import re
from typing import NamedTuple, cast

import msgspec

from bartizan.model.json import JsonObject
from bartizan.model.limits import Limits

Headers = tuple[tuple[str, str], ...]

_NAME = r"[!#$%&'*+\-.^_`|~0-9A-Za-z]"
_HEAD = re.compile(
    r"([A-Z]{3,16}+) (\*|/[!$%&'()*+,\-./0-9:;=?@A-Z_a-z~]*+) HTTP/1\.1\r\n"
    rf"((?:{_NAME}++:[\t\x20-\x7e]*+\r\n)*+)\r\n"
)
_VERSION = re.compile(r"[A-Z]{3,16}+ [\x21-\x7e]++ HTTP/[0-9]\.[0-9]\r\n")
_HOST = re.compile(r"(?:[0-9A-Za-z._~\-]{1,255}|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?")
_LENGTH = re.compile(r"[0-9]{1,18}")
_LENGTH_LINE = re.compile(rb"\r\ncontent-length:[\t ]*+([0-9]{1,18}+)[\t ]*+\r\n", re.IGNORECASE)
_CHUNK_SIZE = re.compile(rb"[0-9A-Fa-f]{1,8}")
_CHUNK_LINE_MAX = 10  # eight digits and the end of the line

REPEATABLE = frozenset(
    "accept accept-charset accept-encoding accept-language baggage cache-control forwarded pragma tracestate via "
    "x-forwarded-for x-forwarded-host x-forwarded-proto".split()
)
"""Headers that are lists by their definition. Any other one that comes twice is refused, whatever its values."""


class RepeatedHeaders(tuple[tuple[str, str], ...]):
    """Headers, and what a handler worked out from them: kept while a client repeats them all but for Content-Length.

    Nothing in `memo` may depend on that one. Headers that are made from others have none of it.
    """

    memo: dict[str, object]

    @staticmethod
    def of(headers: Headers, memo: dict[str, object]) -> "RepeatedHeaders":
        """Headers with a memo."""
        found = RepeatedHeaders(headers)
        found.memo = memo
        return found


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """One whole request. Names of headers are in lower case, their order is kept; `peer` is `address:port`.

    `certificate` is what the client proved by TLS, in the form of Python's `ssl`: `subject` (relative names of pairs),
    `subjectAltName` (pairs of kind and value), `issuer`, `serialNumber`; and `x5t#S256` (RFC 8705). {} without one.
    """

    method: str
    target: str
    headers: Headers
    body: bytes
    peer: str = ""
    certificate: JsonObject = {}

    def header(self, name: str) -> str:
        """A header's value, those of a list joined by commas; "" when absent. `name` in lower case."""
        return ", ".join([value for key, value in self.headers if key == name])


class RefusedError(Exception):
    """What came is not a request that this reader passes on: the HTTP status for it, and why."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status, self.reason = status, reason


class _Head(NamedTuple):
    method: str
    target: str
    headers: Headers
    length: int  # -1 for chunked
    closes: bool
    expects: bool


class RequestReader:
    """Reads the requests of one connection, one after the other.

    `feed` takes bytes, `take` gives the next whole request. After a refusal nothing of the connection is readable.
    """

    __slots__ = ("_buffer", "_certificate", "_chunks", "_head", "_last", "_limits", "_missing", "_peer", "_pieces")

    def __init__(self, limits: Limits, *, peer: str = "", certificate: JsonObject | None = None) -> None:
        self._limits, self._peer, self._certificate = limits, peer, certificate or {}
        self._buffer: bytes = b""
        self._head: _Head | None = None
        self._last: tuple[bytes, bytes, _Head] | None = None
        self._pieces: list[bytes] = []
        self._missing = 0
        self._chunks: _Chunks | None = None

    @property
    def waiting(self) -> int:
        """Bytes that came after the request taken last."""
        return len(self._buffer)

    @property
    def in_body(self) -> bool:
        """Whether a head has been read whose body is not whole."""
        return self._head is not None

    def take_continue(self) -> bool:
        """Whether the client waits for `100 Continue` before it sends its body. True once for each request."""
        if self._head is None or not self._head.expects:
            return False
        self._head = self._head._replace(expects=False)
        return True

    def feed(self, data: bytes) -> None:
        """Take bytes of the connection."""
        if self._chunks is not None:
            self._chunks.buffer += data
        elif self._missing > 0:
            self._pieces.append(data)
            self._missing -= len(data)
        else:
            self._buffer = self._buffer + data if self._buffer else data

    def clear(self) -> None:
        """Let go of all that came: nothing is read here any more."""
        self._buffer, self._missing, self._chunks = b"", 0, None
        self._pieces.clear()

    def take(self) -> tuple[Request, bool] | None:
        """The next request, and whether the connection ends after it; None when it is not whole yet.

        Raises RefusedError.
        """
        head = self._head
        if head is None:
            head = self._begin()
            if head is None:
                return None
        body = self._body(head)
        if body is None:
            return None
        self._head = None
        request = Request(
            method=head.method,
            target=head.target,
            headers=head.headers,
            body=body,
            peer=self._peer,
            certificate=self._certificate,
        )
        return request, head.closes

    def _begin(self) -> _Head | None:
        """Read a head, and start on its body."""
        buffer = self._buffer
        end = buffer.find(b"\r\n\r\n")
        if end < 0:
            self._judge_unfinished(buffer)
            return None
        raw = buffer[: end + 4]
        head = self._last[2] if self._last is not None and self._last[0] == raw else self._read_head(raw)
        self._head, rest = head, buffer[end + 4 :]
        if head.length < 0:
            self._chunks, self._buffer = _Chunks(rest, self._limits), b""
        elif len(rest) < head.length:
            self._missing, self._buffer = head.length - len(rest), b""
            self._pieces.append(rest)
        else:
            self._buffer = rest
        return head

    def _read_head(self, raw: bytes) -> _Head:
        """Read a head, or take the one before it where they differ in the length alone: clients repeat themselves."""
        length = _LENGTH_LINE.search(raw)
        rest = raw[: length.start(1)] + raw[length.end(1) :] if length else raw
        last = self._last
        if last is not None and length and last[1] == rest and not last[2].expects:
            head = _of_length(last[2], length[1].decode("ascii"), self._limits)
        else:
            head = read_head(raw, self._limits)
        self._last = raw, rest, head
        return head

    def _judge_unfinished(self, buffer: bytes) -> None:
        if len(buffer) > self._limits.header_bytes_max:
            raise RefusedError(431, "the head of the request is too long")
        if buffer.count(b"\n") != buffer.count(b"\r\n"):
            raise RefusedError(400, "a line ends without carriage return and line feed")

    def _body(self, head: _Head) -> bytes | None:
        if self._chunks is not None:
            return self._chunked(self._chunks)
        if self._missing > 0:
            return None
        if self._pieces:
            self._buffer, self._missing = b"".join(self._pieces), 0
            self._pieces.clear()
        length = head.length
        if len(self._buffer) == length:
            body, self._buffer = self._buffer, b""
        else:
            body, self._buffer = self._buffer[:length], self._buffer[length:]
        return body

    def _chunked(self, chunks: "_Chunks") -> bytes | None:
        if not chunks.advance():
            return None
        self._buffer, self._chunks = bytes(chunks.buffer), None
        return b"".join(chunks.pieces)


def read_head(raw: bytes, limits: Limits) -> _Head:
    """Read a request's head, its empty line included. Raises RefusedError."""
    if len(raw) > limits.header_bytes_max:
        raise RefusedError(431, "the head of the request is too long")
    text = raw.decode("latin-1")
    match = _HEAD.fullmatch(text)
    if match is None:
        if (version := _VERSION.match(text)) and not version.group().endswith("HTTP/1.1\r\n"):
            raise RefusedError(505, "a version of HTTP other than 1.1")
        raise RefusedError(400, "not a request of HTTP/1.1 with an origin-form target")
    method, target, block = match.groups()
    lines = [line.partition(":") for line in block.split("\r\n")[:-1]]
    if len(lines) > limits.headers_max:
        raise RefusedError(431, "too many headers")
    headers = tuple([(name.lower(), value.strip(" \t")) for name, _, value in lines])
    named = dict(headers)
    if len(named) != len(headers):
        _judge_repeated(headers)
    if target == "*" and method != "OPTIONS":
        raise RefusedError(400, "a target that is not a path")
    if not _HOST.fullmatch(named.get("host", "")):
        raise RefusedError(400, "no Host header, or not a host")
    expects = named.get("expect", "").lower()
    if expects not in {"", "100-continue"}:
        raise RefusedError(417, "an expectation other than 100-continue")
    length = _framing(named, limits)
    closes = "close" in [option.strip().lower() for option in named.get("connection", "").split(",")]
    return _Head(method, target, RepeatedHeaders.of(headers, {}), length, closes, bool(expects) and length != 0)


def _of_length(head: _Head, digits: str, limits: Limits) -> _Head:
    """A head with another Content-Length, which it has once."""
    headers = [(name, digits if name == "content-length" else value) for name, value in head.headers]
    known = RepeatedHeaders.of(tuple(headers), cast("RepeatedHeaders", head.headers).memo)
    return head._replace(headers=known, length=_framing({"content-length": digits}, limits))


def _judge_repeated(headers: Headers) -> None:
    seen: set[str] = set()
    for name, _ in headers:
        if name in seen and name not in REPEATABLE:
            raise RefusedError(400, f"header {name[:40]} comes twice")
        seen.add(name)


def _framing(named: dict[str, str], limits: Limits) -> int:
    """The length of the body; -1 for a chunked one."""
    announced, coding = named.get("content-length"), named.get("transfer-encoding")
    if coding is not None:
        if announced is not None:
            raise RefusedError(400, "both Content-Length and Transfer-Encoding")
        if coding.lower() != "chunked":
            raise RefusedError(501, "a transfer encoding other than chunked")
        return -1
    if announced is None:
        return 0
    if not _LENGTH.fullmatch(announced):
        raise RefusedError(400, "a Content-Length that is not a number")
    if int(announced) > limits.message_bytes_max:
        raise RefusedError(413, "the body is too long")
    return int(announced)


class _Chunks:
    """A chunked body, read as it comes."""

    __slots__ = ("_limits", "_missing", "_size", "buffer", "pieces")

    def __init__(self, data: bytes, limits: Limits) -> None:
        self.buffer, self.pieces = bytearray(data), list[bytes]()
        self._limits, self._missing, self._size = limits, -1, 0  # -1: a line with a size comes next

    def advance(self) -> bool:
        """Read what is there; whether the body is whole. `buffer` then holds what follows it."""
        while self._missing:
            if self._missing < 0:
                if not self._next_size():
                    return False
            elif len(self.buffer) < self._missing + 2:
                return False
            else:
                self._piece()
        if len(self.buffer) < 2:
            return False
        self._end_of_line(0)
        return True

    def _next_size(self) -> bool:
        end = self.buffer.find(b"\r\n", 0, _CHUNK_LINE_MAX)
        if end < 0:
            if len(self.buffer) >= _CHUNK_LINE_MAX or b"\n" in self.buffer:
                raise RefusedError(400, "a chunk whose size is not a plain number")
            return False
        digits = bytes(self.buffer[:end])
        if not _CHUNK_SIZE.fullmatch(digits):
            raise RefusedError(400, "a chunk whose size is not a plain number")
        self._missing = int(digits, 16)
        self._size += self._missing
        if self._size > self._limits.message_bytes_max:
            raise RefusedError(413, "the body is too long")
        del self.buffer[: end + 2]
        return True

    def _piece(self) -> None:
        self.pieces.append(bytes(self.buffer[: self._missing]))
        self._end_of_line(self._missing)
        self._missing = -1

    def _end_of_line(self, at: int) -> None:
        if not self.buffer.startswith(b"\r\n", at):
            raise RefusedError(400, "a chunk that is longer than its size, or a trailer")
        del self.buffer[: at + 2]
