"""Cutting hidden definitions out of a list, in the server's own text: every byte that stays is the server's."""

import json
from collections.abc import Sequence
from typing import cast

from bartizan.model.errors import RemoteProtocolError

Span = tuple[int, int]
_SPACE = " \t\r\n"
_whole = json.JSONDecoder().raw_decode


def cut(text: str, key: str, keep: Sequence[bool]) -> str:
    """A response without the entries of `result.KEY` that are not to be kept, and for one client's cache only.

    `text` was read strictly before (`protocol.jsonrpc.decode`), so that each key stands once.
    Raises RemoteProtocolError where the list is not there.
    """
    result = _members(text, _start(text)).get("result")
    members = _members(text, result[0]) if result and text[result[0]] == "{" else {}
    array = members.get(key)
    if not array or text[array[0]] != "[":
        raise RemoteProtocolError(f"the result has no list {key}")
    edits = [(array, _kept(text, array, keep))]
    scope = members.get("cacheScope")
    if scope and text[slice(*scope)] != '"private"':
        edits.append((scope, '"private"'))  # Caching: a list that differs by principal must not be shared
    for (begin, end), new in sorted(edits, reverse=True):
        text = text[:begin] + new + text[end:]
    return text


def elements(text: str) -> list[Span]:
    """Where the elements of an array stand: of a whole text that is one."""
    return _elements(text, _start(text))


def _start(text: str) -> int:
    return _skip(text, 0)


def _skip(text: str, at: int) -> int:
    while text[at] in _SPACE:
        at += 1
    return at


def _kept(text: str, array: Span, keep: Sequence[bool]) -> str:
    spans = _elements(text, array[0])
    if len(spans) != len(keep):
        raise RemoteProtocolError("the list has another length than was read")
    if all(keep):
        return text[slice(*array)]
    return "[" + ",".join(text[slice(*span)] for span, kept in zip(spans, keep, strict=True) if kept) + "]"


def _elements(text: str, at: int) -> list[Span]:
    spans: list[Span] = []
    at = _skip(text, at + 1)
    while text[at] != "]":
        end = _value(text, at)
        spans.append((at, end))
        at = _skip(text, end)
        if text[at] == ",":
            at = _skip(text, at + 1)
    return spans


def _members(text: str, at: int) -> dict[str, Span]:
    """Where the values of an object stand, by their keys as decoded."""
    found: dict[str, Span] = {}
    at = _skip(text, at + 1)
    while text[at] != "}":
        name, end = cast("tuple[str, int]", _whole(text, at))
        at = _skip(text, _skip(text, end) + 1)  # past the colon
        end = _value(text, at)
        found[name] = (at, end)
        at = _skip(text, end)
        if text[at] == ",":
            at = _skip(text, at + 1)
    return found


def _value(text: str, at: int) -> int:
    return cast("tuple[object, int]", _whole(text, at))[1]
