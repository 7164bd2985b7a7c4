"""Reading decoded JSON of unknown shape without trusting it."""

from typing import Any, cast

JsonObject = dict[str, Any]


def as_object(value: Any) -> JsonObject:
    """The value if it is an object, otherwise an empty one."""
    return cast("JsonObject", value) if isinstance(value, dict) else {}


def as_array(value: Any) -> list[Any]:
    """The value's items if it is an array, otherwise none."""
    return list(cast("list[Any]", value)) if isinstance(value, list | tuple) else []


def as_text(value: Any) -> str:
    """The value if it is a string, otherwise an empty one."""
    return value if isinstance(value, str) else ""
