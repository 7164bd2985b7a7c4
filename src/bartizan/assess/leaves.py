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
_POINTER_CHARACTERS_MAX = 2_000


class Leaf(msgspec.Struct, frozen=True):
    """A text and the JSON Pointer (RFC 6901) to it."""

    pointer: str
    text: str


def leaves(definition: JsonObject) -> tuple[list[Leaf], str | None]:
    """Texts in the order in which they stand, at most `_LEAVES_MAX`, down to `_DEPTH_MAX`; and where it was cut, if so.

    A pointer of more than `_POINTER_CHARACTERS_MAX` names the place above: every text below a long name would hold it.
    """
    found: list[Leaf] = []
    cut: list[str] = []
    for name in _READ:
        if name in definition:
            _walk(definition[name], f"/{name}", 0, found, cut)
    if len(found) > _LEAVES_MAX:
        cut.append(found[_LEAVES_MAX].pointer)
    return found[:_LEAVES_MAX], cut[0] if cut else None


def _below(pointer: str, name: str) -> str:
    if "/" in name or "~" in name:
        name = name.replace("~", "~0").replace("/", "~1")
    return f"{pointer}/{name}" if len(pointer) + len(name) < _POINTER_CHARACTERS_MAX else pointer


def _walk(value: Any, pointer: str, depth: int, found: list[Leaf], cut: list[str]) -> None:
    if isinstance(value, str):
        found.append(Leaf(pointer, value))
        return
    if isinstance(value, dict | list) and (depth >= _DEPTH_MAX or len(found) >= _LEAVES_MAX):
        cut.append(pointer)
    elif isinstance(value, dict):
        for name, inner in as_object(value).items():
            if len(found) >= _LEAVES_MAX:
                cut.append(pointer)
                return
            here = _below(pointer, name)
            found.append(Leaf(here, name))
            if isinstance(inner, str):  # nearly always
                found.append(Leaf(here, inner))
            elif isinstance(inner, dict | list):
                _walk(inner, here, depth + 1, found, cut)
    elif isinstance(value, list):
        for number, inner in enumerate(as_array(value)):
            _walk(inner, f"{pointer}/{number}", depth + 1, found, cut)
