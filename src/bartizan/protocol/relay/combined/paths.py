"""Values at a path of a message, changed in the message's own text: every byte that stays is as it came.

Each text was read strictly before (`protocol.jsonrpc.decode`), so that each key stands once.
"""

import json
from collections.abc import Callable, Iterator
from typing import Any

from bartizan.model.errors import RemoteProtocolError
from bartizan.model.json import JsonObject
from bartizan.protocol.jsonrpc import encode
from bartizan.protocol.relay.rewriting import Span, Stretch, elements_at, members_at, skip, value_end

Path = tuple[str, ...]
EACH = "*"
"""In a path: every element of an array."""


def places(text: str, path: Path, at: int = 0) -> Iterator[Span]:
    """Where the values at a path stand, of the value that begins at `at`. Nothing where the path leads nowhere."""
    at = skip(text, at)
    if not path:
        yield at, value_end(text, at)
    elif path[0] == EACH and text[at] == "[":
        for begin, _ in elements_at(text, at):
            yield from places(text, path[1:], begin)
    elif path[0] != EACH and text[at] == "{":
        for name, _, begin, _ in members_at(text, at):
            if name == path[0]:
                yield from places(text, path[1:], begin)


def changes(text: str, path: Path, change: Callable[[Any], Any]) -> list[Stretch]:
    """What puts `change(value)` in place of each value at a path; where that is None, the value stays."""
    stretches: list[Stretch] = []
    for span in places(text, path):
        new = change(json.loads(text[slice(*span)]))
        if new is not None:
            stretches.append((span, encode(new).decode()))
    return stretches


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
    comma = "" if text[skip(text, begin)] == "}" else ","
    return text[:begin] + added + comma + text[begin:]
