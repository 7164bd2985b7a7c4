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


_INT64 = 1 << 63
