"""Leaves: every text of a definition that a model reads, with its place. Names of parameters are texts too."""

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
            _walk(definition[name], f"/{name}", 0, found)
    return found[:_LEAVES_MAX]


def _walk(value: Any, pointer: str, depth: int, found: list[Leaf]) -> None:
    if isinstance(value, str):
        found.append(Leaf(pointer, value))
    elif depth >= _DEPTH_MAX or len(found) >= _LEAVES_MAX:
        return
    elif isinstance(value, dict):
        for name, inner in as_object(value).items():
            here = (
                f"{pointer}/{name.replace('~', '~0').replace('/', '~1')}"
                if "/" in name or "~" in name
                else f"{pointer}/{name}"
            )
            found.append(Leaf(here, name))
            if isinstance(inner, str):  # nearly always
                found.append(Leaf(here, inner))
            elif isinstance(inner, dict | list):
                _walk(inner, here, depth + 1, found)
    elif isinstance(value, list):
        for number, inner in enumerate(as_array(value)):
            _walk(inner, f"{pointer}/{number}", depth + 1, found)
