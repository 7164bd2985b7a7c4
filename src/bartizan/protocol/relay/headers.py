"""Headers of a client's request: which may stand once only, what they must agree with, and which go on."""

import base64
import binascii
import re
from collections.abc import Iterable, Mapping

from bartizan.protocol.relay.methods import NAMED_IN_HEADER
from bartizan.protocol.relay.refusals import Headers

# What goes on to a server. Everything else stays here: credentials of the client above all (token passthrough).
_FORWARDED = frozenset("accept accept-language content-type last-event-id traceparent tracestate".split())
_MCP = "mcp-"
_RETURNED = frozenset("allow cache-control content-type retry-after x-accel-buffering".split())
_KEPT_HERE = frozenset({"mcp-session-id"})  # sealed here, opened here

_SENTINEL = re.compile(r"=\?base64\?([A-Za-z0-9+/]*={0,2})\?=")
_VALUE = re.compile(r"[\t\x20-\x7e]*")


class HeaderError(Exception):
    """Headers that contradict each other or the body. The text goes to the client."""


def single(headers: Iterable[tuple[str, str]]) -> Mapping[str, str]:
    """Headers by name. Raises HeaderError for one that stands twice: two readers may each take another."""
    found: dict[str, str] = {}
    for name, value in headers:
        if name in found and name not in {"accept", "accept-language", "tracestate"}:
            raise HeaderError(f"header {name[:60]} stands twice")
        if name.startswith(_MCP) and not _VALUE.fullmatch(value):
            raise HeaderError(f"header {name[:60]} holds characters that a header cannot have")
        found[name] = f"{found[name]}, {value}" if name in found else value
    return found


def decoded(value: str) -> str:
    """A value of `Mcp-Name` or `Mcp-Param-*` (Streamable HTTP, "Value Encoding"). Raises HeaderError."""
    if not (value.startswith("=?base64?") and value.endswith("?=")):
        return value
    match = _SENTINEL.fullmatch(value)
    try:
        return base64.b64decode(match[1], validate=True).decode("utf-8") if match else _malformed()
    except (binascii.Error, UnicodeDecodeError):
        return _malformed()


def encoded(value: str) -> str:
    """A value for `Mcp-Name` or `Mcp-Param-*` (Streamable HTTP, "Value Encoding")."""
    plain = _VALUE.fullmatch(value) and value == value.strip(" \t") and value
    if plain and not (value.startswith("=?base64?") and value.endswith("?=")):
        return value
    return f"=?base64?{base64.b64encode(value.encode()).decode()}?="


def _malformed() -> str:
    raise HeaderError("a header value that is not well-formed Base64 of UTF-8")


def agree(headers: Mapping[str, str], method: str, name: str) -> None:
    """Whether the mirrored headers say what the body says (Streamable HTTP, "Server Validation").

    `name` is the tool's or prompt's name or the resource's URI of the body. Raises HeaderError.
    """
    if "mcp-method" not in headers:
        raise HeaderError("header Mcp-Method is missing")
    if headers["mcp-method"] != method:
        raise HeaderError("header Mcp-Method and the body's method differ")
    if method in NAMED_IN_HEADER and "mcp-name" not in headers:
        raise HeaderError("header Mcp-Name is missing")
    if method in NAMED_IN_HEADER and decoded(headers["mcp-name"]) != name:
        raise HeaderError("header Mcp-Name and the body's name differ")
    for header, value in headers.items():
        if header.startswith("mcp-param-"):
            decoded(value)  # what it must equal only the server knows, by its own definition of the tool


def forwarded(headers: Iterable[tuple[str, str]], session: str, *, resumes: bool) -> Headers:
    """What goes on to the server, with the server's own id of the session. `resumes` is whether a stream may be."""
    passed = [(name, value) for name, value in headers if name in _FORWARDED or _passes(name)]
    if not resumes:
        passed = [one for one in passed if one[0] != "last-event-id"]
    if session:
        passed.append(("mcp-session-id", session))
    return tuple(passed)


def returned(headers: Iterable[tuple[str, str]], session: str) -> Headers:
    """What goes back to the client: no cookie, no challenge of another resource, and our own id of the session."""
    passed = [(name, value) for name, value in headers if name in _RETURNED or _passes(name)]
    if session:
        passed.append(("mcp-session-id", session))
    return tuple(passed)


def _passes(name: str) -> bool:
    return name.startswith(_MCP) and name not in _KEPT_HERE
