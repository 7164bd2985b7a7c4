"""The plain reading of a Condition: slow, and the judge of the generated matcher."""

import functools
import ipaddress
import operator
from collections.abc import Callable
from typing import Any

from bartizan.model.json import JsonObject
from bartizan.model.limits import DEFAULT
from bartizan.rules.detection import All, AnyOf, Condition, Not, Operator, Test
from bartizan.rules.expressions import searcher
from bartizan.rules.reading import lies_within, number_of, part_of, text_of, values, words

_ORDER: dict[Operator, Callable[[Any, Any], bool]] = {
    Operator.LT: operator.lt,
    Operator.LTE: operator.le,
    Operator.GT: operator.gt,
    Operator.GTE: operator.ge,
}
_TEXT: dict[Operator, Callable[[str, str], bool]] = {
    Operator.EQUALS: operator.eq,
    Operator.CONTAINS: operator.contains,
    Operator.STARTSWITH: str.startswith,
    Operator.ENDSWITH: str.endswith,
}

_searcher = functools.lru_cache(maxsize=1_024)(searcher)
_network = functools.lru_cache(maxsize=1_024)(ipaddress.ip_network)


def holds(condition: Condition, record: JsonObject) -> bool:
    """Whether a condition holds of an OCSF object."""
    match condition:
        case All(parts=parts):
            return all(holds(part, record) for part in parts)
        case AnyOf(parts=parts):
            return any(holds(part, record) for part in parts)
        case Not(part=part):
            return not holds(part, record)
        case Test():
            return _passes(condition, record)


def _passes(test: Test, record: JsonObject) -> bool:
    found = [words(record)] if test.field is None else values(record, test.field)
    if test.operator is Operator.EXISTS:
        return bool(found) is (test.value is not False)
    if test.operator is Operator.NULL:
        return not found or any(text_of(value) == "" for value in found)
    if test.other is not None:
        others = dict.fromkeys(as_compared(value, cased=test.cased) for value in values(record, test.other))
        wanted = list(others)[: DEFAULT.field_reference_values_max]
    else:
        wanted = [test.value]
    return any(_compares(test, value, other) for value in found for other in wanted)


def as_compared(value: Any, *, cased: bool) -> str:
    """A value as the text that comparisons read."""
    return text_of(value) if cased else text_of(value).lower()


def _compares(test: Test, value: Any, wanted: Any) -> bool:
    if test.part is not None:
        value = part_of(value, test.part)
    if test.operator in _ORDER:
        number, least = number_of(value), number_of(wanted)
        return number is not None and least is not None and _ORDER[test.operator](number, least)
    if value is None:
        return False
    text = as_compared(value, cased=test.cased)
    if test.operator is Operator.REGEX:
        return _searcher(str(wanted))(text)
    if test.operator is Operator.CIDR:
        return lies_within(text, _network(str(wanted)))
    return _TEXT[test.operator](text, as_compared(wanted, cased=test.cased))
