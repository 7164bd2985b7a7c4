"""Reading attributes: plain JSON of unknown shape, from a file that anybody may have written."""

from typing import Any, cast

from bartizan.model.asset import Asset
from bartizan.model.json import JsonObject


def text_of(values: JsonObject, key: str) -> str:
    """A string, or nothing. A number or a list under this name is not one."""
    value: Any = values.get(key)
    return value if isinstance(value, str) else ""


def flag_of(values: JsonObject, key: str) -> bool | None:
    """A boolean, or None where it is not known."""
    value: Any = values.get(key)
    return value if isinstance(value, bool) else None


def number_of(values: JsonObject, key: str) -> int | None:
    """A whole number, or None."""
    value: Any = values.get(key)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def words_of(values: JsonObject, key: str) -> list[str]:
    """The strings of a list."""
    value: Any = values.get(key)
    items = cast("list[Any]", value) if isinstance(value, list | tuple) else []
    return [item for item in items if isinstance(item, str)]


def mapping_of(values: JsonObject, key: str) -> JsonObject:
    """An object, or an empty one."""
    value: Any = values.get(key)
    return cast("JsonObject", value) if isinstance(value, dict) else {}


def mappings_of(values: JsonObject, key: str) -> list[JsonObject]:
    """The objects of a list."""
    value: Any = values.get(key)
    items = cast("list[Any]", value) if isinstance(value, list | tuple) else []
    return [cast("JsonObject", item) for item in items if isinstance(item, dict)]


def launch_of(server: Asset) -> str:
    """How a server is started or reached, as a person reads it."""
    return text_of(server.attributes, "url") or " ".join(words_of(server.attributes, "command"))


def package_of(server: Asset) -> str:
    """The package of a server as `ecosystem name version`."""
    package = mapping_of(server.attributes, "package")
    ecosystem, version = text_of(package, "ecosystem"), text_of(package, "version")
    name = text_of(package, "name") or text_of(package, "path")
    if ecosystem == "local":
        return text_of(package, "path") or name
    label = f"{name}@{version}" if name and version else name
    return f"{ecosystem} {label}" if label and ecosystem not in {"", "unknown"} else label


def variables_of(server: Asset) -> list[str]:
    """The names of the environment variables and headers that a client gives to a server."""
    return [*mapping_of(server.attributes, "environment"), *mapping_of(server.attributes, "headers")]


def short_fingerprint(fingerprint: str) -> str:
    """The scheme and the first eight characters: enough to tell apart, and equal to the mark in a shown command."""
    scheme, _, value = fingerprint.partition(":")
    return f"{scheme}:{value[:8]}"
