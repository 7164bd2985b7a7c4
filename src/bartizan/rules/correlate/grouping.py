"""Groups: by which values of an event a rule keeps its matches apart."""

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import islice, product
from typing import Any

import msgspec

from bartizan.model.json import JsonObject
from bartizan.model.limits import DEFAULT
from bartizan.rules.detection import Field
from bartizan.rules.reading import text_of, values

Key = tuple[str, ...]
"""The tenant, then the values of a group in the order in which the rule names them."""

Reader = Callable[[JsonObject], Sequence[str]]

_CHARACTERS_MAX = DEFAULT.group_value_characters_max
_COMBINATIONS_MAX = DEFAULT.event_groups_max


def canonical(value: Any) -> str:
    """A value as the text by which groups are told apart: 7 and "7" are one, a long text is cut and ends in its hash.

    What cannot be written as UTF-8 (half a surrogate pair) is written as an escape.
    """
    text = value if isinstance(value, str) else text_of(value)
    if not text.isascii():
        text = text.encode("utf-8", "backslashreplace").decode()
    if len(text) <= _CHARACTERS_MAX:
        return text
    digest = hashlib.sha256(text.encode()).hexdigest()
    return f"{text[:_CHARACTERS_MAX]}[sha256:{digest}]"


def reader(field: Field) -> Reader:
    """A function that reads the distinct values of a field; the usual field, one path to one text, is read quickly."""

    def every(record: JsonObject) -> Sequence[str]:
        return tuple(dict.fromkeys(canonical(value) for value in values(record, field)))

    if len(field.paths) != 1 or field.any_case:
        return every
    (path,) = field.paths

    def quick(record: JsonObject) -> Sequence[str]:
        value: Any = record
        try:
            for key in path:
                value = value[key]
        except KeyError:
            return ()
        except TypeError:  # a list on the way, or nothing that has members
            return every(record)
        if type(value) is str and value.isascii() and len(value) <= _CHARACTERS_MAX:
            return (value,)
        return () if value is None else every(record)

    return quick


def named(name: str) -> Callable[[Mapping[str, str]], Sequence[str]]:
    """A function that reads a value of the group of another correlation's finding."""

    def read(group: Mapping[str, str]) -> Sequence[str]:
        return (group[name],) if name in group else ()

    return read


def keys(tenant: str, told: Iterable[Sequence[str]]) -> list[Key]:
    """All groups that an event counts in: each combination of the values that it has. None where a value is missing."""
    return [(tenant, *chosen) for chosen in islice(product(*told), _COMBINATIONS_MAX)]


def encoded(key: Sequence[str]) -> str:
    """A key as one text that no other key shares."""
    return msgspec.json.encode(key).decode()
