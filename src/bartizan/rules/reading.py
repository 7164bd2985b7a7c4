"""Reading a field of an OCSF object: its values, as text, number and time. The one meaning that all matching shares."""

import functools
import ipaddress
import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, cast

from bartizan.model.json import JsonObject
from bartizan.rules.detection import Field, TimePart

_NUMBER = re.compile(r"\s*[-+]?\d{1,30}(\.\d{1,30})?\s*", re.ASCII)
_INTEGER_BITS_MAX = 4_096
_WHOLE_MAX = 1e15
_ADDRESS_CHARACTERS_MAX = 64
_TIME_CHARACTERS_MAX = 40
_SECONDS_BELOW = 100_000_000_000  # a smaller timestamp counts seconds, a larger one milliseconds
# What we add to every record ourselves: a keyword that is found there was not said by the source.
_OURS = frozenset(
    "metadata observables enrichments activity_name category_name class_name type_name severity status".split()
)


def step(value: Any, key: str) -> Any:
    """One key further down: of an object its member, of a list the members of all its objects; None where none is."""
    if isinstance(value, dict):
        return cast("JsonObject", value).get(key)
    if isinstance(value, list):
        return _gathered(step(member, key) for member in cast("list[Any]", value))
    return None


def step_any_case(value: Any, key: str) -> Any:
    """The same where the letters of a key may be of either case; `key` is in lower case."""
    if isinstance(value, dict):
        named = cast("JsonObject", value)
        found = named.get(key)
        return found if found is not None else next((named[one] for one in named if one.lower() == key), None)
    if isinstance(value, list):
        return _gathered(step_any_case(member, key) for member in cast("list[Any]", value))
    return None


def _gathered(found: Iterator[Any]) -> list[Any] | None:
    flat: list[Any] = []
    for one in found:
        if isinstance(one, list):
            flat += cast("list[Any]", one)
        elif one is not None:
            flat.append(one)
    return flat or None


def raw(record: JsonObject, field: Field) -> Any:
    """What stands at the first path that has something, as it is; None where none has."""
    for path in field.paths:
        value: Any = record
        for key in path:
            value = step_any_case(value, key.lower()) if field.any_case else step(value, key)
            if value is None:
                break
        if value is not None and value != []:
            return value
    return None


def values(record: JsonObject, field: Field) -> list[Any]:
    """The values of a field: each member of a list, however deep, without null. An absent field has none."""
    return flat(raw(record, field))


def flat(value: Any) -> list[Any]:
    """The members of lists, however deep, without null; a single value alone."""
    if isinstance(value, list):
        return [inner for member in cast("list[Any]", value) for inner in flat(member)]
    return [] if value is None else [value]


def texts(record: JsonObject, field: Field) -> list[str]:
    """The values of a field as text."""
    return [text_of(value) for value in values(record, field)]


def text_of(value: Any) -> str:
    """A value as text: true and false as words, whole numbers without a point, an object as JSON without blanks."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer() and abs(value) < _WHOLE_MAX:
        return str(int(value))
    if isinstance(value, int) and value.bit_length() > _INTEGER_BITS_MAX:
        return hex(value)
    if isinstance(value, int | float):
        return str(value)
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=str)


def words(record: JsonObject) -> str:
    """Every text and number that the source said, each on a line of its own: where keywords are searched."""
    told = [value for key, value in record.items() if key not in _OURS]
    return "\n".join(_leaves(told))


def _leaves(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for inner in cast("JsonObject", value).values():
            yield from _leaves(inner)
    elif isinstance(value, list):
        for inner in cast("list[Any]", value):
            yield from _leaves(inner)
    elif value is not None:
        yield text_of(value)


def number_of(value: Any) -> int | float | None:
    """A number, or a text that is one; nothing else is."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return value
    if isinstance(value, str) and _NUMBER.fullmatch(value):
        return float(value) if "." in value else int(value)
    return None


def part_of(value: Any, part: TimePart) -> int | None:
    """A part of a point in time, in UTC: OCSF's milliseconds, seconds where the number is small, or ISO 8601."""
    when = _time_of(value)
    if when is None:
        return None
    return when.isocalendar().week if part is TimePart.WEEK else int(getattr(when, part.value))


def _time_of(value: Any) -> datetime | None:
    try:
        if isinstance(value, str) and len(value) <= _TIME_CHARACTERS_MAX and not _NUMBER.fullmatch(value):
            when = datetime.fromisoformat(value)
            return when.astimezone(UTC) if when.tzinfo else when.replace(tzinfo=UTC)
        number = number_of(value)
        if number is None:
            return None
        return datetime.fromtimestamp(number if abs(number) < _SECONDS_BELOW else number / 1000, UTC)
    except (ValueError, OverflowError, OSError):
        return None


Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def lies_within(text: str, network: Network) -> bool:
    """Whether a text is an address of a network. An IPv4 address in IPv6's clothes counts as what it is."""
    address = _address(text) if len(text) <= _ADDRESS_CHARACTERS_MAX else None
    return address is not None and address.version == network.version and address in network


@functools.lru_cache(maxsize=8_192)
def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        address = ipaddress.ip_address(text.strip())
    except ValueError:
        return None
    return (address.ipv4_mapped or address) if isinstance(address, ipaddress.IPv6Address) else address
