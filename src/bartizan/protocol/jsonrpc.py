"""Reading JSON strictly, and the JSON-RPC envelope.

Two parsers must never read one message differently, so what they are known to disagree on is refused: duplicate keys at
any depth, invalid UTF-8, lone surrogates, NaN and infinities, trailing bytes, excess depth or size.
"""

import json
import math
import re
from collections.abc import Callable
from typing import Any, Literal, cast

import msgspec

from bartizan.model.errors import LimitExceededError, LocalProtocolError, RemoteProtocolError
from bartizan.model.limits import DEFAULT, Limits

_SURROGATE = re.compile("[\ud800-\udfff]")
_ESCAPED_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")


def decode(body: bytes, limits: Limits = DEFAULT) -> Any:
    """Decode one JSON text (RFC 8259), strictly. Raises RemoteProtocolError, or LimitExceededError."""
    if len(body) > limits.message_bytes_max:
        raise LimitExceededError("message_bytes_max", limits.message_bytes_max)
    if len(body) <= limits.json_values_max and limits.json_integer_digits_max >= _DIGITS_SEEN:
        value = _quickly(body, limits.json_depth_max)
        if value is not _UNSURE:
            return value
    return _thoroughly(body, limits)


def _quickly(body: bytes, depth_max: int) -> Any:
    """What `_thoroughly` gives, in a tenth of the time, or that this reader cannot be sure of it.

    msgspec reads as RFC 8259 has it, but keeps the last of two equal keys. Each member of an object has one colon
    outside strings, so a key stood twice unless there are as many of those as members in what was read.
    """
    try:
        value = msgspec.json.decode(body)
        members = _members(value, depth_max)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return _UNSURE
    colons = len(body) - len(body.replace(b":", b""))  # three times as fast as `count`
    if colons != members:
        if b"\\" in body and b"\\u" in body:  # it may spell a colon
            return _UNSURE
        colons -= _colons(value)
    return value if colons == members and not _NUMERIC.search(body[::_STEP]) else _UNSURE


_UNSURE: Any = object()
# A number of `_DIGITS_SEEN` characters or more, such as one that no double holds, covers eight of every `_STEP`th one.
_STEP, _DIGITS_SEEN = 32, 256
_NUMERIC = re.compile(rb"[0-9.eE+-]{8}")


def _members(value: Any, depth_max: int) -> int:
    """How many members all objects of a value have. Raises RecursionError for one that is too deep."""
    if value.__class__ is dict:
        count, inner = len(value), value.values()
    elif value.__class__ is list:
        count, inner = 0, value
    else:
        return 0
    if depth_max < 1:
        raise RecursionError
    for one in inner:
        if one.__class__ is dict or one.__class__ is list:
            count += _members(one, depth_max - 1)
    return count


def _colons(value: Any) -> int:
    """How many colons all strings of a value hold, keys among them."""
    if value.__class__ is str:
        return value.count(":") if ":" in value else 0
    if value.__class__ is dict:
        return sum([_colons(key) + _colons(one) for key, one in value.items()])
    return sum([_colons(one) for one in value]) if value.__class__ is list else 0


def _thoroughly(body: bytes, limits: Limits) -> Any:
    """Read with the standard library's decoder, which says what is wrong and where."""
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise RemoteProtocolError(f"not UTF-8 at byte {error.start}") from None
    if text.startswith("\ufeff"):
        raise RemoteProtocolError("begins with a byte order mark")
    _check_values(text, limits)
    _check_depth(text, limits)
    decoder = json.JSONDecoder(
        object_pairs_hook=_unique,
        parse_constant=_refuse_constant,
        parse_float=_float(limits),
        parse_int=_integer(limits),
    )
    try:
        value = decoder.decode(text)
    except json.JSONDecodeError as error:
        raise RemoteProtocolError(f"not JSON: {error.msg} at character {error.pos}") from None
    if _ESCAPED_SURROGATE.search(text):
        _check_surrogates(value)
    return value


def _check_values(text: str, limits: Limits) -> None:
    """Bound what a small message may cost in time and memory: `[],[],[]` takes twenty times its size."""
    values = text.count(",") + text.count("[") + text.count("{") + text.count('"') // 2
    if values > limits.json_values_max:
        raise LimitExceededError("json_values_max", limits.json_values_max)


def _check_depth(text: str, limits: Limits) -> None:
    """Count brackets outside strings, before a recursive decoder sees them."""
    if text.count("[") + text.count("{") <= limits.json_depth_max:
        return  # nearly every message: too few brackets to be deep, wherever they stand
    depth = 0
    for token in _BRACKETS.finditer(text):
        first = token[0][0]
        if first in "[{":
            depth += 1
            if depth > limits.json_depth_max:
                raise LimitExceededError("json_depth_max", limits.json_depth_max)
        elif first in "]}":
            depth -= 1


# A string, whole or unfinished, or one bracket. Each alternative begins differently, so it runs in linear time.
_BRACKETS = re.compile(r'"(?:[^"\\]|\\.)*+"?|[\[\]{}]', re.DOTALL)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise RemoteProtocolError("the same key twice in one object")
    return value


def _refuse_constant(name: str) -> Any:
    raise RemoteProtocolError(f"{name} is not JSON")


def _float(limits: Limits) -> Callable[[str], float]:
    def parse(digits: str) -> float:
        _check_digits(digits, limits)
        return float(digits)

    return parse


def _integer(limits: Limits) -> Callable[[str], int]:
    """Integers stay exact. Readers that have only doubles round one beyond 2**53, as they round any other number."""

    def parse(digits: str) -> int:
        _check_digits(digits, limits)
        return int(digits)

    return parse


def _check_digits(digits: str, limits: Limits) -> None:
    if len(digits) > limits.json_integer_digits_max:
        raise LimitExceededError("json_integer_digits_max", limits.json_integer_digits_max)
    if math.isinf(float(digits)):
        raise RemoteProtocolError("a number too large for any reader")


def _check_surrogates(value: Any) -> None:
    stack = [value]
    while stack:
        item = stack.pop()
        if isinstance(item, str):
            if _SURROGATE.search(item):
                raise RemoteProtocolError("a lone surrogate in a string")
        elif isinstance(item, dict):
            stack += item.keys()  # pyright: ignore[reportUnknownMemberType]
            stack += item.values()  # pyright: ignore[reportUnknownMemberType]
        elif isinstance(item, list):
            stack += item


RequestId = str | int


class Envelope(msgspec.Struct, frozen=True, kw_only=True):
    """One JSON-RPC 2.0 message, classified. `params`, `result` and `error` are as they came."""

    kind: Literal["request", "notification", "result", "error"]
    id: RequestId | None = None
    method: str = ""
    params: dict[str, Any] = {}
    result: dict[str, Any] = {}
    error: dict[str, Any] = {}


_IDENTITIES = frozenset({str, int, type(None)})


def envelope(value: Any) -> Envelope:
    """Classify a decoded message (JSON-RPC 2.0 section 4 and 5, as MCP narrows it). Raises RemoteProtocolError."""
    message = cast("dict[str, Any]", value) if isinstance(value, dict) else {}
    if message.get("jsonrpc") != "2.0":
        raise RemoteProtocolError("not a JSON-RPC 2.0 object")
    identity = message.get("id")
    if identity.__class__ not in _IDENTITIES:  # a Boolean is an int elsewhere, and none here
        raise RemoteProtocolError("an id that is neither string nor integer")
    if "method" in message:
        return _call(message, identity)
    if ("result" in message) == ("error" in message):
        raise RemoteProtocolError("neither request nor response, or both")
    part = "result" if "result" in message else "error"
    body = message[part]
    if not isinstance(body, dict):
        raise RemoteProtocolError(f"{part} is not an object")
    if part == "result":
        if identity is None:
            raise RemoteProtocolError("a result without an id")
        return Envelope(kind="result", id=identity, result=body)  # pyright: ignore[reportUnknownArgumentType]
    return Envelope(kind="error", id=identity, error=body)  # pyright: ignore[reportUnknownArgumentType]


def _call(message: dict[str, Any], identity: RequestId | None) -> Envelope:
    method, params = message["method"], message.get("params", {})
    if not isinstance(method, str):
        raise RemoteProtocolError("a method that is not a string")
    if not isinstance(params, dict):
        raise RemoteProtocolError("params is not an object")
    if "result" in message or "error" in message:
        raise RemoteProtocolError("neither request nor response, or both")
    kind = "request" if "id" in message else "notification"
    if kind == "request" and identity is None:
        raise RemoteProtocolError("a request whose id is null")
    return Envelope(kind=kind, id=identity, method=method, params=params)  # pyright: ignore[reportUnknownArgumentType]


def encode(value: Any) -> bytes:
    """Encode one message as compact JSON. Raises LocalProtocolError for what JSON cannot say."""
    try:
        return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
    except ValueError:  # not finite, or (UnicodeEncodeError) a lone surrogate
        raise LocalProtocolError("a value that JSON cannot say") from None
