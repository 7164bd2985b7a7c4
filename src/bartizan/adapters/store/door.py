"""The door between our objects and a database's text: lossless for any text, closed to secrets.

PostgreSQL refuses NUL in text, and neither database takes half of a surrogate pair. Hostile servers send both. So each
of them is written as U+241B (the picture of ESC) and four hexadecimal digits, as is U+241B itself; reading undoes it.
"""

import hashlib
import re
from typing import Any, NoReturn, TypeVar

import msgspec

from bartizan.model.json import JsonObject

ESCAPE = "\u241b"
_UNSAFE = re.compile("[\x00\ud800-\udfff\u241b]")
_ESCAPED = re.compile(ESCAPE + "([0-9a-f]{4})")
_UNSAFE_IN_JSON = (b"\\u0000", ESCAPE.encode())

T = TypeVar("T")


def text_in(text: str) -> str:
    """The form of `text` that any database keeps."""
    return _UNSAFE.sub(lambda found: f"{ESCAPE}{ord(found[0]):04x}", text)


def text_out(stored: str) -> str:
    """Undo `text_in`."""
    return _ESCAPED.sub(lambda found: chr(int(found[1], 16)), stored)


def document_in(value: object) -> str:
    """The JSON text of a struct, keys in order, every text in it fit for a database.

    Raises TypeError for a Secret. Numbers that JSON does not have (NaN, infinity) become null.
    """
    try:
        encoded = msgspec.json.encode(value, enc_hook=_refuse, order="sorted")
    except UnicodeEncodeError:
        encoded = b""
    if encoded and not any(mark in encoded for mark in _UNSAFE_IN_JSON):
        return encoded.decode()
    plain = msgspec.to_builtins(value, enc_hook=_refuse, order="sorted")
    return msgspec.json.encode(_walk(plain, text_in), order="sorted").decode()


def document_out(stored: str, kind: type[T]) -> T:
    """Undo `document_in`."""
    if ESCAPE not in stored:
        return msgspec.json.decode(stored, type=kind)
    return msgspec.convert(_walk(msgspec.json.decode(stored), text_out), kind)


def key(*parts: str) -> str:
    """A row's key: SHA-256 over the parts. An index takes it however long and odd the parts are."""
    joined = "".join(f"{len(part)}:{part}" for part in parts)
    return hashlib.sha256(joined.encode("utf-8", "surrogatepass")).hexdigest()


def _walk(value: Any, change: Any) -> Any:
    if isinstance(value, str):
        return change(value)
    if isinstance(value, list | tuple):
        return [_walk(item, change) for item in value]  # pyright: ignore[reportUnknownVariableType]
    if isinstance(value, dict):
        items: JsonObject = value  # pyright: ignore[reportUnknownVariableType]
        return {change(name): _walk(item, change) for name, item in items.items()}
    return value


def _refuse(value: object) -> NoReturn:
    raise TypeError(f"a {type(value).__name__} is not stored")
