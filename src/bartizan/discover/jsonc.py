"""JSON as people write it: comments and trailing commas are blanked in place, so every offset stays what it was."""

import json
import re
from bisect import bisect_right
from collections.abc import Callable, Sequence
from json import decoder
from typing import Any

# Each alternative takes what it begins, closed or not, so one pass is linear on any text.
_COMMENT = re.compile(r'"(?:[^"\\]|\\[\s\S])*+"?|//[^\n]*+|/\*(?:[^*]|\*(?!/))*+(?:\*/)?')
_COMMA = re.compile(r'"(?:[^"\\]|\\[\s\S])*+"?|,(?=[ \t\r\n]*+[}\]])')
_BLANK = re.compile(r"[^\n]")
_SPACE = re.compile(r"[ \t\r\n]*+")
_DECODER = json.JSONDecoder(strict=False)
_scan_string: Callable[[str, int, bool], tuple[str, int]] = decoder.scanstring  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType, reportUnknownVariableType]


def read_jsonc(text: str) -> tuple[Any, "JsoncPositions"]:
    """Value and positions. Raises json.JSONDecodeError, ValueError for an endless number, RecursionError."""
    try:
        return _DECODER.decode(text), JsoncPositions(text)
    except json.JSONDecodeError:
        bare = _COMMENT.sub(_without_comment, text)
        bare = _COMMA.sub(lambda match: " " if match[0] == "," else match[0], bare)
        return _DECODER.decode(bare), JsoncPositions(bare)


def _without_comment(match: re.Match[str]) -> str:
    return match[0] if match[0].startswith('"') else _BLANK.sub(" ", match[0])


class JsoncPositions:
    """Where things stand in a JSON text that is known to be well formed. Containers are scanned when asked for."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._starts: list[int] = []
        self._members: dict[int, list[tuple[str | int, int, int]]] = {}
        self._latest: dict[int, dict[str | int, tuple[int, int]]] = {}

    def line(self, path: Sequence[str | int]) -> int | None:
        """The line of the name or element at `path`, or of the nearest container that is there."""
        offset = at = _skip(self._text, 0)
        for step in path:
            member = self._find(at, step)
            if member is None:
                break
            offset, at = member
        return self._line_of(offset)

    def repeated(self, path: Sequence[str | int]) -> list[tuple[str, int]]:
        """Names that stand twice in the object at `path`."""
        at = _skip(self._text, 0)
        for step in path:
            member = self._find(at, step)
            if member is None:
                return []
            at = member[1]
        seen, found = set[str | int](), list[tuple[str, int]]()
        for name, offset, _ in self._scan(at):
            if name in seen:
                found.append((str(name), self._line_of(offset)))
            seen.add(name)
        return found

    def _line_of(self, offset: int) -> int:
        if not self._starts:
            self._starts = [0, *(match.end() for match in re.finditer("\n", self._text))]
        return bisect_right(self._starts, offset)

    def _find(self, start: int, step: str | int) -> tuple[int, int] | None:
        """Offsets of the name and of the value of one member; of the later one where a name stands twice."""
        if start not in self._latest:
            self._latest[start] = {name: (offset, at) for name, offset, at in self._scan(start)}
        return self._latest[start].get(step)

    def _scan(self, start: int) -> list[tuple[str | int, int, int]]:
        """The members of the container at `start`: name, offset of the name, offset of the value."""
        if start not in self._members:
            opening = self._text[start : start + 1]
            self._members[start] = self._walk(start + 1, named=opening == "{") if opening in {"{", "["} else []
        return self._members[start]

    def _walk(self, at: int, *, named: bool) -> list[tuple[str | int, int, int]]:
        text, found = self._text, list[tuple[str | int, int, int]]()
        at = _skip(text, at)
        while text[at] not in "}]":
            name, begin = len(found), at
            if named:
                name, at = _scan_string(text, at + 1, False)  # noqa: FBT003 - the standard library's signature
                at = _skip(text, _skip(text, at) + 1)
            found.append((name, begin, at))
            _, at = _DECODER.raw_decode(text, at)
            at = _skip(text, at)
            if text[at] == ",":
                at = _skip(text, at + 1)
        return found


def _skip(text: str, at: int) -> int:
    match = _SPACE.match(text, at)
    return match.end() if match else at
