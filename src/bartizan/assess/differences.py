"""Differences of two JSON values, named by their places. Keys have no order, numbers no spelling."""

from collections.abc import Iterable, Iterator, Sequence
from enum import Enum
from typing import Any, Final

import msgspec

from bartizan.model.json import JsonObject, as_array, as_object


class Missing(Enum):
    """What stands for a field that is not there; null is something else."""

    MISSING = "missing"


MISSING: Final = Missing.MISSING
Step = str | int
# Lists whose order says nothing (JSON Schema 2020-12, MCP annotations): compared as sets, in one piece.
_SETS = frozenset({"required", "enum", "type", "audience"})
# Where one of these comes whole, each thing in it is a difference of its own.
_CONTAINERS = frozenset({"inputSchema", "properties", "patternProperties", "annotations", "arguments"})
_DEPTH_MAX = 64


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """One place where two values differ, with both sides; one of them may be MISSING."""

    path: tuple[Step, ...]
    old: Any
    new: Any


def differences(old: Any, new: Any) -> Iterator[Difference]:
    """Every difference, at the deepest place that names it. Equal values give none."""
    return _walk((), old, new)


def pointer(path: Iterable[Step]) -> str:
    """The JSON Pointer (RFC 6901) of a place."""
    return "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in path)


def _walk(path: tuple[Step, ...], old: Any, new: Any) -> Iterator[Difference]:
    if path and path[-1] in _CONTAINERS and new and type(old) is not type(new):
        old = {} if isinstance(new, dict) else () if _is_list(new) else old
    if isinstance(old, dict) and isinstance(new, dict) and len(path) < _DEPTH_MAX:
        yield from _objects(path, as_object(old), as_object(new))
    elif _is_list(old) and _is_list(new) and len(path) < _DEPTH_MAX and not (path and path[-1] in _SETS):
        yield from _lists(path, as_array(old), as_array(new))
    elif not same(old, new):
        yield Difference(path=path, old=old, new=new)


def _objects(path: tuple[Step, ...], old: JsonObject, new: JsonObject) -> Iterator[Difference]:
    for name in dict.fromkeys((*old, *new)):
        yield from _walk((*path, name), old.get(name, MISSING), new.get(name, MISSING))


def _lists(path: tuple[Step, ...], old: Sequence[Any], new: Sequence[Any]) -> Iterator[Difference]:
    """Item by item; arguments of prompts by their names, since they are called by them."""
    by_name = _by_name(old), _by_name(new)
    if path and path[-1] == "arguments" and by_name[0] is not None and by_name[1] is not None:
        if list(by_name[0]) != list(by_name[1]) and set(by_name[0]) == set(by_name[1]):
            yield Difference(path=path, old=list(by_name[0]), new=list(by_name[1]))
        yield from _objects(path, by_name[0], by_name[1])
        return
    for number in range(max(len(old), len(new))):
        before = old[number] if number < len(old) else MISSING
        yield from _walk((*path, number), before, new[number] if number < len(new) else MISSING)


def _by_name(items: Sequence[Any]) -> JsonObject | None:
    named = {name: item for item in items if isinstance(name := as_object(item).get("name"), str)}
    return named if len(named) == len(items) else None


def same(old: Any, new: Any) -> bool:
    """Equality of JSON values: 1 and 1.0 are one number, true is not 1."""
    if isinstance(old, bool) or isinstance(new, bool) or old is MISSING or new is MISSING:
        return old is new
    if isinstance(old, dict) and isinstance(new, dict):
        one, other = as_object(old), as_object(new)
        return one.keys() == other.keys() and all(same(one[name], other[name]) for name in one)
    if _is_list(old) and _is_list(new):
        one, other = as_array(old), as_array(new)
        return len(one) == len(other) and all(map(same, one, other))
    return bool(old == new)


def _is_list(value: Any) -> bool:
    return isinstance(value, list | tuple)
