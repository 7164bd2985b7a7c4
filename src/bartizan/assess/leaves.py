"""Leaves: every text of a definition that a model reads, with its place. Names of parameters are texts too."""

from collections.abc import Iterator
from typing import Any

import msgspec

from bartizan.model.json import JsonObject, as_array, as_object

# What of an MCP definition reaches a model or a person (Tool, Prompt, Resource, ResourceTemplate of the specification).
_READ = (
    "name",
    "title",
    "description",
    "inputSchema",
    "outputSchema",
    "annotations",
    "arguments",
    "uri",
    "uriTemplate",
    "icons",
    "_meta",
)
_DEPTH_MAX = 64
_LEAVES_MAX = 20_000


class Leaf(msgspec.Struct, frozen=True):
    """A text and the JSON Pointer (RFC 6901) to it."""

    pointer: str
    text: str


def leaves(definition: JsonObject) -> list[Leaf]:
    """Texts in the order in which they stand, at most `_LEAVES_MAX`, down to `_DEPTH_MAX`."""
    found: list[Leaf] = []
    for name in _READ:
        if name in definition:
            for leaf in _walk(definition[name], f"/{name}", 0):
                found.append(leaf)
                if len(found) >= _LEAVES_MAX:
                    return found
    return found


def _walk(value: Any, pointer: str, depth: int) -> Iterator[Leaf]:
    if isinstance(value, str):
        yield Leaf(pointer, value)
    elif depth >= _DEPTH_MAX:
        return
    elif isinstance(value, dict):
        for name, inner in as_object(value).items():
            here = f"{pointer}/{name.replace('~', '~0').replace('/', '~1')}"
            yield Leaf(here, name)
            yield from _walk(inner, here, depth + 1)
    elif isinstance(value, list):
        for number, inner in enumerate(as_array(value)):
            yield from _walk(inner, f"{pointer}/{number}", depth + 1)
