"""Replacing single strings in a message's own text: every byte that is not replaced stays."""

from collections.abc import Iterable, Iterator
from json.encoder import encode_basestring
from typing import Any, cast

import msgspec

from bartizan.model.decision import Edit
from bartizan.model.errors import RemoteProtocolError
from bartizan.model.json import JsonObject
from bartizan.protocol.relay.rewriting import Stretch, elements_at, members_at, skip, string_at
from bartizan.protocol.relay.rewriting import replaced as stretched


class _Node:
    """What is to be replaced at one place and below it."""

    __slots__ = ("below", "key", "value")

    def __init__(self) -> None:
        self.below: dict[str, _Node] = {}
        self.key: str | None = None
        self.value: str | None = None


def edited(text: str, edits: Iterable[Edit]) -> str:
    """A JSON text with these strings replaced. It was read strictly before, so that each key stands once.

    Who replaces keys reads the outcome again. Raises RemoteProtocolError where there is nothing, or no string.
    """
    return stretched(text, _replacements(text, skip(text, 0), _tree(edits)))


def replaced(message: JsonObject, edits: Iterable[Edit]) -> JsonObject:
    """The same on the decoded message; what does not change is shared. Raises RemoteProtocolError."""
    return cast("JsonObject", _replaced(message, _tree(edits)))


def _replaced(value: Any, node: _Node) -> Any:
    if node.value is not None:
        if not isinstance(value, str):
            raise RemoteProtocolError("no string where one is to be replaced")
        return node.value
    if isinstance(value, dict):
        members = cast("dict[str, Any]", value)
        if missing := node.below.keys() - members.keys():
            raise RemoteProtocolError(f"there is nothing at {min(missing)[:60]!r}")
        return dict(_member(name, inner, node.below.get(name)) for name, inner in members.items())
    if isinstance(value, list):
        items = cast("list[Any]", value)
        return [_member(str(number), inner, node.below.get(str(number)))[1] for number, inner in enumerate(items)]
    raise RemoteProtocolError("there is nothing to replace below a plain value")


def _member(name: str, value: Any, node: _Node | None) -> tuple[str, Any]:
    if node is None:
        return name, value
    new = _replaced(value, node) if node.below or node.value is not None else value
    return (name if node.key is None else node.key), new


def _tree(edits: Iterable[Edit]) -> _Node:
    root = _Node()
    for edit in edits:
        node = root
        for token in edit.pointer.split("/")[1:]:
            node = node.below.setdefault(token.replace("~1", "/").replace("~0", "~"), _Node())
        if edit.key:
            node.key = edit.text
        else:
            node.value = edit.text
    return root


def _replacements(text: str, at: int, node: _Node) -> Iterator[Stretch]:
    if node.value is not None:
        yield string_at(text, at), encode_basestring(node.value)
    if not node.below:
        return
    places = _places(text, at)
    for name, inner in node.below.items():
        if name not in places:
            raise RemoteProtocolError(f"there is nothing at {name[:60]!r}")
        key, value = places[name]
        if inner.key is not None:
            yield string_at(text, key), encode_basestring(inner.key)
        yield from _replacements(text, value, inner)


def _places(text: str, at: int) -> dict[str, tuple[int, int]]:
    """Where the key and the value begin, by name; in an array by number, and there is no key to replace."""
    if text[at] == "{":
        return {name: (key, value) for name, key, value, _ in members_at(text, at)}
    if text[at] == "[":
        return {str(number): (begin, begin) for number, (begin, _) in enumerate(elements_at(text, at))}
    return {}


def pointer(*names: str | int) -> str:
    """The JSON Pointer to a place."""
    return "".join(f"/{str(name).replace('~', '~0').replace('/', '~1')}" for name in names)


def with_front(text: str, way: tuple[str, ...], element: Any) -> str:
    """The text with one more element at the front of the array at the end of `way`. Raises RemoteProtocolError."""
    at = skip(text, 0)
    for name in way:
        found = [value for key, _, value, _ in members_at(text, at) if key == name] if text[at] == "{" else []
        if not found:
            raise RemoteProtocolError(f"there is nothing at {name!r}")
        at = found[0]
    if text[at] != "[":
        raise RemoteProtocolError("there is no array")
    empty = text[skip(text, at + 1)] == "]"
    new = msgspec.json.encode(element).decode() + ("" if empty else ",")
    return text[: at + 1] + new + text[at + 1 :]
