"""Values of a Sigma detection as comparisons: strings with wildcards, numbers, expressions, and what modifiers made."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import cast

from sigma.types import (
    CompareOperators,
    Placeholder,
    SigmaBool,
    SigmaCasedString,
    SigmaCIDRExpression,
    SigmaCompareExpression,
    SigmaExists,
    SigmaExpansion,
    SigmaFieldReference,
    SigmaNull,
    SigmaNumber,
    SigmaRegularExpression,
    SigmaString,
    SigmaTimestampPart,
    SigmaType,
    SpecialChars,
)

from bartizan.rules.detection import All, AnyOf, Condition, Field, Not, Operator, Test, TimePart
from bartizan.rules.expressions import literally, searcher
from bartizan.rules.reading import text_of

_MANY, _ONE = SpecialChars.WILDCARD_MULTI, SpecialChars.WILDCARD_SINGLE
_ORDER = {
    CompareOperators.LT: Operator.LT,
    CompareOperators.LTE: Operator.LTE,
    CompareOperators.GT: Operator.GT,
    CompareOperators.GTE: Operator.GTE,
}
Parts = list[str | SpecialChars]
Placeholders = Mapping[str, tuple[str, ...]]


class RefusedError(Exception):
    """What a rule asks for cannot be honoured. Says why."""


class Values:
    """Comparisons of one rule's values with the fields of its log source. Counts them against `tests_max`."""

    def __init__(self, field_of: Callable[[str], Field], placeholders: Placeholders, tests_max: int) -> None:
        self._field_of, self._placeholders = field_of, placeholders
        self._left, self._most = tests_max, tests_max

    def condition(self, name: str | None, value: SigmaType) -> Condition:
        """What a field (None: a keyword) and a value say. Raises RefusedError."""
        field = None if name is None else self._field_of(name)
        return self._of(field, value)

    def _of(self, field: Field | None, value: SigmaType) -> Condition:
        if isinstance(value, SigmaExpansion):
            return AnyOf(parts=tuple(self._of(field, one) for one in value.values))
        if isinstance(value, SigmaString | SigmaRegularExpression) and value.contains_placeholder():
            return self._expanded(field, value)
        self._left -= 1
        if self._left < 0:
            raise RefusedError(f"more tests than rule_tests_max {self._most}")
        if field is None:
            return _keyword(value)
        if isinstance(value, SigmaFieldReference):
            return Test(operator=_of_reference(value), field=field, other=self._field_of(value.field))
        return _comparison(field, value)

    def _expanded(self, field: Field | None, value: SigmaString | SigmaRegularExpression) -> Condition:
        def told(placeholder: Placeholder) -> Iterator[SigmaString]:
            if placeholder.name not in self._placeholders:
                raise RefusedError(f"no values are given for the placeholder %{placeholder.name[:80]}%")
            yield from map(SigmaString, self._placeholders[placeholder.name])

        found = cast("Iterable[SigmaType]", value.replace_placeholders(told))  # pyright: ignore[reportArgumentType]
        return AnyOf(parts=tuple(self._of(field, _cased_as(value, one)) for one in found))


def _cased_as(value: SigmaType, one: SigmaType) -> SigmaType:
    if isinstance(value, SigmaCasedString) and isinstance(one, SigmaString):
        return SigmaCasedString.from_sigma_string(one)
    return one


def _keyword(value: SigmaType) -> Condition:
    """A keyword stands anywhere in the texts of an event."""
    if isinstance(value, SigmaString):
        return _sought(_parts(value), cased=isinstance(value, SigmaCasedString))
    if isinstance(value, SigmaNumber | SigmaBool):
        return Test(operator=Operator.CONTAINS, value=text_of(_plain(value)))
    if isinstance(value, SigmaRegularExpression):
        return Test(operator=Operator.REGEX, value=_expression(value), cased=True)
    raise RefusedError(f"a value of this kind needs a field: {type(value).__name__.removeprefix('Sigma')}")


def _comparison(field: Field, value: SigmaType) -> Condition:
    if isinstance(value, SigmaString):
        return _string(field, _parts(value), cased=isinstance(value, SigmaCasedString))
    if isinstance(value, SigmaExists):
        found = Test(operator=Operator.EXISTS, field=field)
        return found if value.exists else Not(part=found)
    return _test(field, value)


def _test(field: Field, value: SigmaType) -> Test:
    match value:
        case SigmaTimestampPart() | SigmaNumber() | SigmaBool():
            operator, told, part = Operator.EQUALS, _plain(value), _part(value)
        case SigmaCompareExpression() if value.op in _ORDER:
            operator, told, part = _ORDER[value.op], value.number.number, _part(value.number)
        case SigmaNull():
            operator, told, part = Operator.NULL, None, None
        case SigmaRegularExpression():
            operator, told, part = Operator.REGEX, _expression(value), None
        case SigmaCIDRExpression():
            operator, told, part = Operator.CIDR, str(value.network), None
        case _:
            raise RefusedError(f"a value of this kind is not known: {type(value).__name__.removeprefix('Sigma')}")
    return Test(operator=operator, field=field, value=told, part=part, cased=operator is Operator.REGEX)


def _plain(value: SigmaNumber | SigmaBool) -> int | float | bool:
    return value.boolean if isinstance(value, SigmaBool) else value.number


def _part(value: SigmaType) -> TimePart | None:
    return TimePart(value.timestamp_part.name.lower()) if isinstance(value, SigmaTimestampPart) else None


def _of_reference(value: SigmaFieldReference) -> Operator:
    if value.starts_with and value.ends_with:
        return Operator.CONTAINS
    if value.starts_with:
        return Operator.STARTSWITH
    return Operator.ENDSWITH if value.ends_with else Operator.EQUALS


def _expression(value: SigmaRegularExpression) -> str:
    flags = "".join(sorted(value.sigma_to_re_flag[flag] for flag in value.flags))
    told = (f"(?{flags})" if flags else "") + str(value.regexp)
    try:
        searcher(told)
    except ValueError as error:
        raise RefusedError(f"no expression of RE2: {error}") from None
    return told


def _parts(value: SigmaString) -> Parts:
    """Texts and wildcards by turns; of several `*` in a row one is left."""
    parts: Parts = []
    for part in value.s:
        if isinstance(part, str) and parts and isinstance(parts[-1], str):
            parts[-1] += part
        elif isinstance(part, str | SpecialChars) and not (part is _MANY and parts and parts[-1] is _MANY):
            parts.append(part)
    for part in parts:
        if isinstance(part, str) and any("\ud800" <= one <= "\udfff" for one in part):
            raise RefusedError("a value holds half a character (a lone surrogate)")
    return parts


def _string(field: Field, parts: Parts, *, cased: bool) -> Condition:
    """A string with wildcards at its ends is a simple comparison; with others it is an expression of its own."""
    if parts == [_MANY]:
        return Test(operator=Operator.EXISTS, field=field)
    lead, trail = bool(parts) and parts[0] is _MANY, bool(parts) and parts[-1] is _MANY
    core = parts[lead : len(parts) - trail]
    if all(isinstance(part, str) for part in core):
        operator = {
            (False, False): Operator.EQUALS,
            (True, False): Operator.ENDSWITH,
            (False, True): Operator.STARTSWITH,
        }
        text = _folded("".join(cast("list[str]", core)), cased=cased)
        return Test(operator=operator.get((lead, trail), Operator.CONTAINS), field=field, value=text, cased=cased)
    ends = ("" if lead else r"\A", "" if trail else r"\z")
    return _pattern(field, core, ends, cased=cased)


def _sought(parts: Parts, *, cased: bool) -> Condition:
    lead, trail = bool(parts) and parts[0] is _MANY, bool(parts) and parts[-1] is _MANY
    core = parts[lead : max(len(parts) - trail, lead)]
    if not core:
        return All(parts=())
    if all(isinstance(part, str) for part in core):
        text = _folded("".join(cast("list[str]", core)), cased=cased)
        return Test(operator=Operator.CONTAINS, value=text, cased=cased)
    return _pattern(None, core, ("", ""), cased=cased)


def _pattern(field: Field | None, parts: Parts, ends: tuple[str, str], *, cased: bool) -> Condition:
    """The expression, behind the longest text of it: where that is not, the expression need not be searched."""
    texts = [_folded(part, cased=cased) for part in parts if isinstance(part, str)]
    told = "".join(
        ".*?" if part is _MANY else "." if part is _ONE else literally(_folded(str(part), cased=cased))
        for part in parts
    )
    regex = Test(operator=Operator.REGEX, field=field, value=f"(?s){ends[0]}{told}{ends[1]}", cased=cased)
    try:
        searcher(str(regex.value))
    except ValueError as error:
        raise RefusedError(f"the value with its wildcards is too large: {error}") from None
    longest = max(texts, key=len, default="")
    if not longest:
        return regex
    return All(parts=(Test(operator=Operator.CONTAINS, field=field, value=longest, cased=cased), regex))


def _folded(text: str, *, cased: bool) -> str:
    return text if cased else text.lower()
