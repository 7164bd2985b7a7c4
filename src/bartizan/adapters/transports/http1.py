"""HTTP/1.1 without I/O: a URL to a target, a request to bytes, bytes to one answer.

What two readers may read differently is refused.
"""

import base64
import re
from collections.abc import Mapping
from urllib.parse import quote, unquote, urlsplit

import httptools
import msgspec

from bartizan.model.errors import LimitExceededError, LocalProtocolError, RemoteProtocolError
from bartizan.model.limits import Limits

METHODS = frozenset({"GET", "POST", "DELETE", "OPTIONS"})
_OURS = frozenset(
    "accept-encoding connection content-length expect keep-alive te trailer transfer-encoding upgrade".split()
)
_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_VALUE = re.compile(r"[\t\x20-\x7e]*")
_UNSAFE_IN_URL = re.compile(r"[\x00-\x20\x7f]")
_KEPT = "/%:@!$&'()*+,;=~-._?"  # neither encoded nor decoded: a path goes out as it stands
_INTERIM_ANSWERS_MAX = 4


class AddressRefusedError(OSError):
    """This client does not go there: not an http(s) URL, or an address that its policy forbids."""


class NoAnswerError(RemoteProtocolError):
    """The server closed the connection without a byte of an answer."""


class NotHttpError(RemoteProtocolError):
    """What came does not even begin as HTTP/1: another protocol is spoken there."""


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """Where a URL leads. `shown` has neither query nor user information; `authority` is the Host header."""

    secure: bool
    host: str
    port: int
    authority: str
    path: str
    shown: str
    basic: str = ""


def parse_target(url: str) -> Target:
    """Read an http(s) URL (RFC 3986). Raises AddressRefusedError, without echoing what may be secret."""
    if _UNSAFE_IN_URL.search(url) or "\\" in url:
        raise AddressRefusedError("the URL holds a space, a control character or a backslash")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
        if not host.isascii():
            host = host.encode("idna").decode("ascii")
    except ValueError:
        raise AddressRefusedError("not a URL") from None
    if parts.scheme not in {"http", "https"}:
        raise AddressRefusedError(f"scheme {parts.scheme[:20]!r} is neither http nor https")
    if not re.fullmatch(r"[0-9A-Za-z._:\-]{1,255}", host):
        raise AddressRefusedError("the URL has no plain host name")
    standard = 443 if parts.scheme == "https" else 80
    authority = (f"[{host}]" if ":" in host else host) + (f":{port}" if port and port != standard else "")
    path = quote(parts.path or "/", safe=_KEPT.replace("?", ""))
    query = f"?{quote(parts.query, safe=_KEPT)}" if parts.query else ""
    basic = ""
    if parts.username is not None:
        pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        basic = "Basic " + base64.b64encode(pair.encode("utf-8", "replace")).decode()
    return Target(
        secure=parts.scheme == "https",
        host=host,
        port=port or standard,
        authority=authority,
        path=path + query,
        shown=f"{parts.scheme}://{authority}{path}",
        basic=basic,
    )


def compose(method: str, target: Target, user_agent: str, headers: Mapping[str, str], body: bytes) -> bytes:
    """The bytes of a request. Raises LocalProtocolError for what would not be one line, or is not the caller's."""
    if method not in METHODS:
        raise LocalProtocolError(f"method {method[:20]!r} is not one that this client sends")
    lines = {"host": target.authority, "user-agent": user_agent, "accept": "*/*"}
    if target.basic:
        lines["authorization"] = target.basic
    for name, value in headers.items():
        if not _TOKEN.fullmatch(name) or not _VALUE.fullmatch(value):
            raise LocalProtocolError(f"header {name[:40]!r} cannot be sent: not one line of visible ASCII")
        if name.lower() in _OURS:
            raise LocalProtocolError(f"header {name[:40]!r} is set by the client alone")
        lines[name.lower()] = value
    lines |= {"accept-encoding": "identity", "connection": "close"}
    if body or method == "POST":
        lines["content-length"] = str(len(body))
    head = f"{method} {target.path} HTTP/1.1\r\n" + "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return head.encode("ascii") + b"\r\n" + body


class Reading:
    """Parser of one response: bytes in, head and body out."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._parser = httptools.HttpResponseParser(self)
        self._fault: RemoteProtocolError | None = None
        self._interim = 0
        self._silent = 0  # bytes since the last byte of body: headers, chunk lines, trailers
        self._begun = b""
        self._more = self._persists = False  # something follows the answer; the server keeps the connection
        self.status = 0
        self.headers: list[tuple[str, str]] = []
        self.head_done = self.done = self.until_close = False
        self.body: list[bytes] = []

    def again(self) -> None:
        """Read the next answer of a connection that is `reusable`. The lists of the last one stay with their holder."""
        self._interim = self._silent = self.status = 0
        self.headers, self.body = [], []
        self.head_done = self.done = self.until_close = self._persists = False

    def feed(self, data: bytes) -> None:
        """Take bytes; an empty one is the end of the connection."""
        if not data:
            return self._end()
        self._silent += len(data)
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            if self._fault:
                raise self._fault from None
            self._more = True
            if not self.done:
                kind = RemoteProtocolError if (self._begun + data).startswith(b"HTTP/") else NotHttpError
                raise kind(f"not HTTP/1.1: {str(error)[:200]}") from None
        if len(self._begun) < 5:
            self._begun = (self._begun + data[:5])[:5]
        if not self.done and self._silent > self._limits.header_bytes_max:
            raise LimitExceededError("header_bytes_max", self._limits.header_bytes_max)
        return None

    def _end(self) -> None:
        if not self.head_done:
            kind = RemoteProtocolError if self._silent else NoAnswerError
            raise kind("closed the connection before a whole answer")
        if not self.until_close:
            raise RemoteProtocolError("the body is shorter than announced")
        self.done = True

    @property
    def reusable(self) -> bool:
        """Whether the connection may serve another request: the answer is whole, nothing follows it."""
        return self.done and not self._more and self._persists and not self.until_close

    def on_message_begin(self) -> None:
        """Another answer, which nobody asked for, or the one after an interim one."""
        self._more = self.done

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a header; trailers, and what follows the answer, are not looked at."""
        if self.head_done:
            return
        self.headers.append((name.decode("latin-1").lower(), value.decode("latin-1").strip()))
        if len(self.headers) > self._limits.headers_max:
            self._refuse(LimitExceededError("headers_max", self._limits.headers_max))

    def on_headers_complete(self) -> None:
        """Judge the head: one framing, no encoding."""
        status = self._parser.get_status_code()
        if self.head_done:
            return
        if status < 200:
            self._interim += 1
            if status == 101 or self._interim > _INTERIM_ANSWERS_MAX:
                self._refuse(RemoteProtocolError("an upgrade, or too many interim answers"))
            self.headers.clear()
            return
        self.status, self.head_done = status, True
        named = dict(self.headers)
        lengths = {value for name, value in self.headers if name == "content-length"}
        if len(lengths) > 1 or ("content-length" in named and "transfer-encoding" in named):
            self._refuse(RemoteProtocolError("two contradicting lengths"))
        if named.get("transfer-encoding", "chunked").lower() != "chunked":
            self._refuse(RemoteProtocolError("a transfer encoding other than chunked"))
        if named.get("content-encoding", "identity").lower() != "identity":
            self._refuse(RemoteProtocolError("a content encoding that was not asked for"))
        self.until_close = not lengths and "transfer-encoding" not in named

    def on_body(self, data: bytes) -> None:
        """Keep a piece of the body."""
        if not self.done:
            self._silent = 0
            self.body.append(data)

    def on_message_complete(self) -> None:
        """The answer is whole, unless it was an interim one."""
        if self.head_done and not self.done:
            self.done, self._persists = True, bool(self._parser.should_keep_alive())

    def _refuse(self, error: RemoteProtocolError) -> None:
        self._fault = error
        raise error
