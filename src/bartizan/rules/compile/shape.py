"""What can be said of a Condition without an event: simpler forms, what it needs, how dear it is to ask."""

from collections.abc import Iterable, Mapping

from bartizan.rules.compile.needed import needed
from bartizan.rules.detection import All, AnyOf, Condition, Field, Not, Operator, Test
from bartizan.rules.reading import text_of

_COSTS = {
    Operator.NULL: 1,
    Operator.EXISTS: 1,
    Operator.EQUALS: 1,
    Operator.STARTSWITH: 2,
    Operator.ENDSWITH: 2,
    Operator.CONTAINS: 3,
    Operator.REGEX: 40,
    Operator.CIDR: 30,
}
_REFERENCE_COST, _NUMBER_COST = 30, 15
_NEEDED_CHARACTERS_MIN = 3
TEXTUAL = frozenset({Operator.EQUALS, Operator.CONTAINS, Operator.STARTSWITH, Operator.ENDSWITH})
Literal = tuple[Field, Operator, str]


def simpler(condition: Condition) -> Condition:
    """The same condition, with parts of parts drawn together and the cheap ones first."""
    if isinstance(condition, Not):
        inner = simpler(condition.part)
        return inner.part if isinstance(inner, Not) else Not(part=inner)
    if isinstance(condition, Test):
        return _behind_its_text(condition)
    kind = type(condition)
    parts: list[Condition] = []
    for part in map(simpler, condition.parts):
        parts += part.parts if isinstance(part, kind) else (part,)
    ordered = tuple(sorted(parts, key=cost))
    return ordered[0] if len(ordered) == 1 else kind(parts=ordered)


def _behind_its_text(test: Test) -> Condition:
    """An expression, to be searched only where the text is that it needs."""
    if test.operator is not Operator.REGEX or test.other is not None:
        return test
    text, cased = needed(str(test.value))
    if not test.cased and cased:
        return test  # over a text in lower case: who wrote it put its text before it
    if len(text) < _NEEDED_CHARACTERS_MIN:
        return test
    return All(parts=(Test(operator=Operator.CONTAINS, field=test.field, value=text, cased=cased), test))


def cost(condition: Condition) -> int:
    """How dear it is to ask, in tests of equality."""
    if isinstance(condition, Not):
        return cost(condition.part)
    if isinstance(condition, Test):
        if condition.other is not None:
            return _REFERENCE_COST
        return _COSTS.get(condition.operator, _NUMBER_COST) + (_NUMBER_COST if condition.part else 0)
    return sum(map(cost, condition.parts))


def plain(test: Test) -> bool:
    """Whether the test compares the text of a field with a text."""
    return test.field is not None and test.other is None and test.part is None and test.operator in TEXTUAL


def literal(test: Test) -> str:
    """The text that a plain test compares with."""
    return text_of(test.value) if test.cased else text_of(test.value).lower()


def must_equal(condition: Condition) -> list[tuple[Field, frozenset[str]]]:
    """Fields of which one of some values must be there, in lower case, or the condition cannot hold."""
    if isinstance(condition, Test):
        if plain(condition) and condition.operator is Operator.EQUALS and not condition.cased and literal(condition):
            return [(condition.field, frozenset({literal(condition)}))]  # pyright: ignore[reportReturnType] - plain
        return []
    if isinstance(condition, All):
        return [one for part in condition.parts for one in must_equal(part)]
    if isinstance(condition, AnyOf) and condition.parts:
        return _common([must_equal(part) for part in condition.parts])
    return []


def _common(told: list[list[tuple[Field, frozenset[str]]]]) -> list[tuple[Field, frozenset[str]]]:
    """The fields that every alternative needs, with the values of all."""
    first, *others = (dict(one) for one in told)
    return [
        (field, frozenset(first[field].union(*(other[field] for other in others))))
        for field in first
        if all(field in other for other in others)
    ]


def literals(condition: Condition) -> frozenset[Literal]:
    """All texts that a condition looks for, as it can be waited for."""
    if isinstance(condition, Test):
        if not plain(condition) or condition.field is None:
            return frozenset()
        text = literal(condition)
        if condition.cased and not text.isascii():
            return frozenset()  # its lower case may hang on what stands beside it
        text = text.lower()
        return frozenset({(condition.field, condition.operator, text)} if text else ())
    if isinstance(condition, Not):
        return frozenset()
    return frozenset[Literal]().union(*map(literals, condition.parts))


def witnesses(condition: Condition, common: Mapping[Literal, int]) -> frozenset[Literal] | None:
    """Texts of which one must be there, or the condition cannot hold: the rarest; None where none tell enough.

    `common` says how many rules look for each: what many look for is likely to be there.
    """
    if isinstance(condition, Test):
        return literals(condition) or None
    if isinstance(condition, All):
        found = [one for part in condition.parts if (one := witnesses(part, common)) is not None]
        return min(found, key=lambda one: _likely(one, common), default=None)
    if isinstance(condition, AnyOf) and condition.parts:
        every = [witnesses(part, common) for part in condition.parts]
        return frozenset[Literal]().union(*(one or () for one in every)) if None not in every else None
    return None


def _likely(found: Iterable[Literal], common: Mapping[Literal, int]) -> tuple[int, int]:
    return max(common.get(one, 1) for one in found), -min(len(text) for _, _, text in found)
