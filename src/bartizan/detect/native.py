"""Taking values out of a decoded record: what is taken is mapped, what is left is `unmapped`.

A value of an unexpected type is not taken, so nothing is lost, and no record is refused for it.
"""

from typing import cast

from bartizan.model.json import JsonObject


def part(native: JsonObject, name: str) -> JsonObject:
    """The object under a name, to take values out of; a new empty one where there is none."""
    value = native.get(name)
    return cast("JsonObject", value) if isinstance(value, dict) else {}


def text(native: JsonObject, name: str) -> str | None:
    """Take a text that is not empty."""
    value = native.get(name)
    if isinstance(value, str) and value:
        del native[name]
        return value
    return None


def number(native: JsonObject, name: str) -> int | None:
    """Take a whole number that fits 64 bits."""
    value = native.get(name)
    if isinstance(value, int) and not isinstance(value, bool) and -_INT64 <= value < _INT64:
        del native[name]
        return value
    return None


def port(native: JsonObject, name: str) -> int | None:
    """Take a number that is a port."""
    value = native.get(name)
    return number(native, name) if isinstance(value, int) and 0 <= value <= 65535 else None


def seen(native: JsonObject, name: str) -> str | None:
    """Look at a text that is not empty, without taking it: what is derived from it is not the same value."""
    value = native.get(name)
    return value if isinstance(value, str) and value else None


def rest(native: JsonObject, *parts: str) -> JsonObject | None:
    """What is left, without those of the named parts that are empty now; None for nothing."""
    for name in parts:
        if native.get(name) == {}:
            del native[name]
    return native or None


def nested(flat: JsonObject) -> JsonObject:
    """The object with names such as `id.orig_h` as objects within objects, so that a path leads to each value.

    A name that does not fit, because another value stands where an object must, stays as it is.
    """
    if not any("." in name for name in flat):
        return flat
    found: JsonObject = {}
    for name, value in flat.items():
        place, parts = found, name.split(".")
        while len(parts) > 1 and isinstance(inner := place.setdefault(parts[0], {}), dict):
            place, parts = cast("JsonObject", inner), parts[1:]
        if len(parts) == 1 and parts[0] not in place:
            place[parts[0]] = value
        else:
            found[name] = value
    return found


_INT64 = 1 << 63
