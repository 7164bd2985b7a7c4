"""Changing a message in the text of whoever wrote it: every byte that stays is theirs."""

import json
from collections.abc import Iterable, Sequence
from typing import cast

from bartizan.model.errors import RemoteProtocolError

Span = tuple[int, int]
Stretch = tuple[Span, str]
"""A stretch of a text, and what is to stand there."""
_SPACE = " \t\r\n"
_whole = json.JSONDecoder().raw_decode


def cut(text: str, key: str, keep: Sequence[bool]) -> str:
    """A response without the entries of `result.KEY` that are not to be kept, and for one client's cache only.

    `text` was read strictly before (`protocol.jsonrpc.decode`), so that each key stands once.
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
    return replaced(text, edits)


def span(text: str, *keys: str) -> Span | None:
    """Where a value stands, by the keys that lead to it through objects. `text` was read strictly before."""
    found: Span | None = None
    at = skip(text, 0)
    for key in keys:
        found = _members(text, at).get(key) if text[at] == "{" else None
        if found is None:
            return None
        at = found[0]
    return found


def replaced(text: str, edits: Iterable[Stretch]) -> str:
    """The text with others in place of these stretches, which do not overlap. The time is linear, however many."""
    parts: list[str] = []
    at = 0
    for (begin, end), new in sorted(edits):
        parts += (text[at:begin], new)
        at = end
    return "".join([*parts, text[at:]]) if parts else text


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
    return at, value_end(text, at)


def _kept(text: str, array: Span, keep: Sequence[bool]) -> str:
    spans = elements_at(text, array[0])
    if len(spans) != len(keep):
        raise RemoteProtocolError("the list has another length than was read")
    if all(keep):
        return text[slice(*array)]
    return "[" + ",".join(text[slice(*one)] for one, kept in zip(spans, keep, strict=True) if kept) + "]"


def elements_at(text: str, at: int) -> list[Span]:
    """Where the elements of the array that begins at `at` stand."""
    spans: list[Span] = []
    at = skip(text, at + 1)
    while text[at] != "]":
        end = value_end(text, at)
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
        end = value_end(text, begin)
        found.append((name, at, begin, end))
        at = skip(text, end)
        if text[at] == ",":
            at = skip(text, at + 1)
    return found


def value_end(text: str, at: int) -> int:
    """Where the value that begins at `at` ends."""
    return cast("tuple[object, int]", _whole(text, at))[1]
