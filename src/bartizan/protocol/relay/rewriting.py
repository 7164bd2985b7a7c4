"""Changing a message in its own text: hidden definitions cut out, values put in. Every byte that stays is as it came.

Each text was read strictly before (`protocol.jsonrpc.decode`), so that each key stands once.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, cast

from bartizan.model.errors import RemoteProtocolError
from bartizan.model.json import JsonObject
from bartizan.protocol.jsonrpc import encode

Span = tuple[int, int]
Edit = tuple[Span, str]
Path = tuple[str, ...]
EACH = "*"
"""In a path: every element of an array."""

_SPACE = " \t\r\n"
_whole = json.JSONDecoder().raw_decode


def cut(text: str, key: str, keep: Sequence[bool]) -> str:
    """A response without the entries of `result.KEY` that are not to be kept, and for one client's cache only.

    Raises RemoteProtocolError where the list is not there.
    """
    result = _members(text, skip(text, 0)).get("result")
    members = _members(text, result[0]) if result and text[result[0]] == "{" else {}
    array = members.get(key)
    if not array or text[array[0]] != "[":
        raise RemoteProtocolError(f"the result has no list {key}")
    edits = [(array, _kept(text, array, keep))]
    scope = members.get("cacheScope")
    if scope and text[slice(*scope)] != '"private"':
        edits.append((scope, '"private"'))  # Caching: a list that differs by principal must not be shared
    return edited(text, edits)


def edited(text: str, edits: Iterable[Edit]) -> str:
    """The text with other stretches in place of some; they do not overlap."""
    parts: list[str] = []
    at = 0
    for (begin, end), new in sorted(edits):
        parts += (text[at:begin], new)
        at = end
    return "".join([*parts, text[at:]]) if parts else text


def places(text: str, path: Path, at: int = 0) -> Iterator[Span]:
    """Where the values at a path stand, of the value that begins at `at`. Nothing where the path leads nowhere."""
    at = _skip(text, at)
    if not path:
        yield at, _value(text, at)
    elif path[0] == EACH and text[at] == "[":
        for begin, _ in _elements(text, at):
            yield from places(text, path[1:], begin)
    elif path[0] != EACH and text[at] == "{" and (found := _members(text, at).get(path[0])):
        yield from places(text, path[1:], found[0])


def changes(text: str, path: Path, change: Callable[[Any], Any]) -> list[Edit]:
    """The edits that put `change(value)` in place of each value at a path; None leaves it as it is."""
    edits: list[Edit] = []
    for span in places(text, path):
        new = change(json.loads(text[slice(*span)]))
        if new is not None:
            edits.append((span, encode(new).decode()))
    return edits


def with_members(text: str, path: Path, members: JsonObject) -> str:
    """The text with further members in the object at a path, before those that it has. They must be new to it.

    Raises RemoteProtocolError where there is no object.
    """
    if not members:
        return text
    added = encode(members).decode()[1:-1]
    span = next(places(text, path), None)
    if span is None or text[span[0]] != "{":
        raise RemoteProtocolError(f"no object at {'/'.join(path)}")
    begin = span[0] + 1
    comma = "" if text[_skip(text, begin)] == "}" else ","
    return text[:begin] + added + comma + text[begin:]


def elements(text: str) -> list[Span]:
    """Where the elements of an array stand: of a whole text that is one."""
    return elements_at(text, skip(text, 0))


def skip(text: str, at: int) -> int:
    """The first place from `at` that is no white space."""
    while text[at] in _SPACE:
        at += 1
    return at


def string_at(text: str, at: int) -> Span:
    """Where the string that begins at `at` stands, quotes included. Raises RemoteProtocolError for another value."""
    if text[at] != '"':
        raise RemoteProtocolError("no string where one is to be replaced")
    return at, _value(text, at)


def _kept(text: str, array: Span, keep: Sequence[bool]) -> str:
    spans = elements_at(text, array[0])
    if len(spans) != len(keep):
        raise RemoteProtocolError("the list has another length than was read")
    if all(keep):
        return text[slice(*array)]
    return "[" + ",".join(text[slice(*span)] for span, kept in zip(spans, keep, strict=True) if kept) + "]"


def elements_at(text: str, at: int) -> list[Span]:
    """Where the elements of the array that begins at `at` stand."""
    spans: list[Span] = []
    at = skip(text, at + 1)
    while text[at] != "]":
        end = _value(text, at)
        spans.append((at, end))
        at = skip(text, end)
        if text[at] == ",":
            at = skip(text, at + 1)
    return spans


def _members(text: str, at: int) -> dict[str, Span]:
    """Where the values of an object stand, by their keys as decoded."""
    return {name: (begin, end) for name, _, begin, end in members_at(text, at)}


def members_at(text: str, at: int) -> list[tuple[str, int, int, int]]:
    """Of the object that begins at `at`: each key as decoded, where it begins, where its value begins and ends."""
    found: list[tuple[str, int, int, int]] = []
    at = skip(text, at + 1)
    while text[at] != "}":
        name, end = cast("tuple[str, int]", _whole(text, at))
        begin = skip(text, skip(text, end) + 1)  # past the colon
        end = _value(text, begin)
        found.append((name, at, begin, end))
        at = skip(text, end)
        if text[at] == ",":
            at = skip(text, at + 1)
    return found


def _value(text: str, at: int) -> int:
    return cast("tuple[object, int]", _whole(text, at))[1]
