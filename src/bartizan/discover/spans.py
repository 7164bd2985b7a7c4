"""Where the members of a document stand in its text, and JSON's of them: the ground that edits stand on."""

import re
from collections.abc import Callable
from json import decoder
from typing import Literal

import msgspec

Step = str | int
Kind = Literal["scalar", "map", "list"]


class Member(msgspec.Struct, kw_only=True):
    """A member of a container. `start` is where its name begins; for an element, where the element does."""

    step: Step
    start: int
    node: "Node"


class Node(msgspec.Struct, kw_only=True):
    """A value and its span, in code points. `flow`: in brackets, its members parted by commas.

    `statements` are the spans of the lines that make a TOML table; `own` is where a new key of it goes.
    """

    kind: Kind
    start: int
    end: int
    flow: bool = True
    members: list[Member] = []
    statements: list[tuple[int, int]] = []
    own: int | None = None

    def member(self, step: Step) -> Member | None:
        """The member of this name; the later one where a name stands twice, as parsers read it."""
        return next((one for one in reversed(self.members) if one.step == step), None)


_COMMENT = re.compile(r'"(?:[^"\\]|\\[\s\S])*+"?|//[^\n]*+|/\*(?:[^*]|\*(?!/))*+(?:\*/)?')
_BLANK = re.compile(r"[^\n]")
_SPACE = re.compile(r"[ \t\r\n]*+")
_BARE = re.compile(r"[^\s,\]}\[{:\"]++")
_scan_string: Callable[[str, int, bool], tuple[str, int]] = decoder.scanstring  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType, reportUnknownVariableType]


def without_comments(text: str) -> str:
    """JSON with blanks for its comments: every offset stays, and so do trailing commas."""
    return _COMMENT.sub(lambda match: match[0] if match[0].startswith('"') else _BLANK.sub(" ", match[0]), text)


def locate_json(text: str) -> Node:
    """The spans of a text that is known to be JSON, with comments or without. Raises ValueError, IndexError."""
    bare = without_comments(text)
    return _json(bare, _skip(bare, 0))


def _json(text: str, at: int) -> Node:
    if text[at] in "{[":
        return _container(text, at)
    if text[at] == '"':
        return Node(kind="scalar", start=at, end=_scan_string(text, at + 1, False)[1])  # noqa: FBT003 - its signature
    match = _BARE.match(text, at)
    if match is None:
        raise ValueError("no value where one should be")
    return Node(kind="scalar", start=at, end=match.end())


def _container(text: str, start: int) -> Node:
    named = text[start] == "{"
    members: list[Member] = []
    at = _skip(text, start + 1)
    while text[at] not in "}]":
        step, begin = len(members), at
        if named:
            step, at = _scan_string(text, at + 1, False)  # noqa: FBT003 - its signature
            at = _skip(text, _skip(text, at) + 1)
        node = _json(text, at)
        members.append(Member(step=step, start=begin, node=node))
        at = _skip(text, node.end)
        if text[at] == ",":
            at = _skip(text, at + 1)
    return Node(kind="map" if named else "list", start=start, end=at + 1, members=members)


def _skip(text: str, at: int) -> int:
    match = _SPACE.match(text, at)
    return match.end() if match else at
