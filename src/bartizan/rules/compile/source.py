"""Conditions as Python expressions, in two forms: for events of which each field has one value, and for all others.

In the first form `x` is the value of a field as it is (None: absent), `f` its text in lower case ("" where absent) and
`c` its text; in the second `x` is the list of values, and `f` and `c` are lists of texts. Numbers behind the letters
count the fields; `k` with a number is a constant.
"""

from collections.abc import Callable, Iterable
from ipaddress import ip_network
from typing import Any

from bartizan.model.limits import DEFAULT
from bartizan.rules.compile.shape import TEXTUAL, literal, plain
from bartizan.rules.detection import All, AnyOf, Condition, Field, Not, Operator, Test
from bartizan.rules.expressions import literal_sets, literally, searcher
from bartizan.rules.reading import flat, lies_within, number_of, part_of, text_of

_ORDER = frozenset({Operator.LT, Operator.LTE, Operator.GT, Operator.GTE})
_SOUGHT_MIN = 12  # texts from which on one search for all is quicker than one for each
WORDS = Field(name="words")
"""Stands for all texts of an event, where keywords are sought."""


class Writer:
    """Expressions for some conditions, the constants in them, and the fields they read."""

    def __init__(self, *, many: bool) -> None:
        self.many = many
        self.constants: dict[str, Any] = {}
        self.fields: dict[Field, int] = {}
        self.cased: set[Field] = set()
        self.folded: set[Field] = set()
        self.touched: dict[Field, None] = {}
        self._known: dict[Any, str] = {}

    def constant(self, value: Any) -> str:
        """The name of a constant; equal texts share one."""
        key: Any = (type(value), value) if isinstance(value, str) else id(value)
        if key not in self._known:
            name = f"k{len(self.constants)}"
            self._known[key], self.constants[name] = name, value
        return self._known[key]

    def raw(self, field: Field) -> str:
        """The name of a field's value. Notes that it is read."""
        self.touched[field] = None
        return f"x{self.fields.setdefault(field, len(self.fields))}"

    def text(self, field: Field, *, cased: bool) -> str:
        """The name of a field's text."""
        (self.cased if cased else self.folded).add(field)
        return self.raw(field).replace("x", "c" if cased else "f")

    def expression(self, condition: Condition) -> str:
        """The condition as an expression."""
        if isinstance(condition, Not):
            return f"(not {self.expression(condition.part)})"
        if isinstance(condition, Test):
            return self._test(condition)
        every = isinstance(condition, All)
        joined = " and " if every else " or "
        parts = [self.expression(part) for part in condition.parts] if every else self._any(condition)
        if len(parts) == 1:
            return parts[0]
        return f"({joined.join(parts)})" if parts else str(every)

    def _any(self, condition: All | AnyOf) -> list[str]:
        """Alternatives, where those that compare one field in one way with several texts are asked together."""
        together: dict[tuple[Field, Operator, bool], list[str]] = {}
        rest: list[Condition] = []
        for part in condition.parts:
            if isinstance(part, Test) and plain(part) and literal(part) and part.field:
                together.setdefault((part.field, part.operator, part.cased), []).append(literal(part))
            else:
                rest.append(part)
        asked = [
            self._texts(field, told, some, cased=cased)
            for (field, told, cased), texts in together.items()
            for some in _asked_together(told, texts)
        ]
        return [*asked, *(self.expression(part) for part in rest)]

    def _test(self, test: Test) -> str:
        field = test.field or WORDS
        if test.other is not None:
            told = refers_by(test.operator, cased=test.cased)
            return f"{self.constant(told)}({self.raw(field)}, {self.raw(test.other)})"
        if test.operator is Operator.EXISTS:
            return self._there(field, there=test.value is not False)
        if test.operator is Operator.NULL:
            text = self.text(field, cased=False)
            return f"(not {text} or '' in {text})" if self.many else f"(not {text})"
        if test.operator in TEXTUAL and test.part is None:
            told = literal(test)
            return self._texts(field, test.operator, [told], cased=test.cased) if told else self._empty(field, test)
        return self._asked(field, test)

    def _asked(self, field: Field, test: Test) -> str:
        """What a function must tell."""
        if test.part is not None or test.operator in _ORDER:
            return self._each(self.raw(field), self.constant(compares_by(test)))
        text = self.text(field, cased=test.cased)
        if test.operator is Operator.CIDR:
            return self._each(text, self.constant(within_by(str(test.value))))
        search = searcher(str(test.value))
        told = self._each(text, self.constant(search))
        return f"({self._there(field, there=True)} and {told})" if search("") and not self.many else told

    def _there(self, field: Field, *, there: bool) -> str:
        raw = self.raw(field)
        if self.many:
            return f"({raw} != [])" if there else f"({raw} == [])"
        return f"({raw} is not None)" if there else f"({raw} is None)"

    def _empty(self, field: Field, test: Test) -> str:
        """Comparisons with no text at all: an equal one must be there, any text holds it."""
        if test.operator is not Operator.EQUALS:
            return self._there(field, there=True)
        text = self.text(field, cased=test.cased)
        return f"('' in {text})" if self.many else f"({text} == '' and {self.raw(field)} is not None)"

    def _each(self, value: str, function: str) -> str:
        return f"any(map({function}, {value}))" if self.many else f"{function}({value})"

    def _texts(self, field: Field, operator: Operator, texts: list[str], *, cased: bool) -> str:
        text = self.text(field, cased=cased)
        if operator is Operator.EQUALS:
            told = self.constant(frozenset(texts))
            if self.many:
                return f"(not {told}.isdisjoint({text}))"
            return f"({text} in {told})" if len(texts) > 1 else f"({text} == {self.constant(texts[0])})"
        if operator is Operator.CONTAINS and len(texts) > 1:
            return self._each(text, self.constant(holds_any(texts)))
        if operator is Operator.CONTAINS:
            told = self.constant(texts[0])
            return f"any([{told} in e for e in {text}])" if self.many else f"({told} in {text})"
        told = self.constant(tuple(texts) if len(texts) > 1 else texts[0])
        method = "startswith" if operator is Operator.STARTSWITH else "endswith"
        return f"any([e.{method}({told}) for e in {text}])" if self.many else f"{text}.{method}({told})"


def _asked_together(operator: Operator, texts: list[str]) -> list[list[str]]:
    if operator is Operator.CONTAINS and len(texts) < _SOUGHT_MIN:
        return [[text] for text in texts]
    return [texts]


def holds_any(texts: list[str]) -> Callable[[str], bool]:
    """Whether a text holds one of many, found in one pass."""
    sets = literal_sets([literally(text) for text in texts], texts)

    def found(text: str) -> bool:
        for literals, owners in sets:
            numbers = literals.matching(text)
            if any(owner in text for owner in (owners if numbers is None else map(owners.__getitem__, numbers))):
                return True
        return False

    return found


def compares_by(test: Test) -> Callable[[Any], bool]:
    """A value, or a part of the time that it says, against a number."""
    part, operator, wanted = test.part, test.operator, test.value
    least = number_of(wanted)
    if operator in _ORDER:
        return _ordered(operator, least, (lambda value: part_of(value, part)) if part else number_of)
    told = text_of(wanted).lower()
    return lambda value: part is not None and (found := part_of(value, part)) is not None and str(found) == told


def _ordered(operator: Operator, least: float | None, read: Callable[[Any], Any]) -> Callable[[Any], bool]:
    def less(value: Any) -> bool:
        number = read(value)
        return number is not None and least is not None and number < least

    def more(value: Any) -> bool:
        number = read(value)
        return number is not None and least is not None and number > least

    def at_most(value: Any) -> bool:
        number = read(value)
        return number is not None and least is not None and number <= least

    def at_least(value: Any) -> bool:
        number = read(value)
        return number is not None and least is not None and number >= least

    return {Operator.LT: less, Operator.GT: more, Operator.LTE: at_most, Operator.GTE: at_least}[operator]


def within_by(network: str) -> Callable[[str], bool]:
    """Whether a text is an address of a network."""
    told = ip_network(network)
    return lambda text: lies_within(text, told)


def refers_by(operator: Operator, *, cased: bool) -> Callable[[Any, Any], bool]:
    """Two fields compared: any value of the one with any of the other."""
    compare: dict[Operator, Callable[[str, str], bool]] = {
        Operator.CONTAINS: lambda text, other: other in text,
        Operator.STARTSWITH: str.startswith,
        Operator.ENDSWITH: str.endswith,
    }

    def refers(value: Any, other: Any) -> bool:
        texts, others = _compared(value, cased=cased), _compared(other, cased=cased)
        wanted = list(dict.fromkeys(others))[: DEFAULT.field_reference_values_max]
        if operator is Operator.EQUALS:
            return not set(wanted).isdisjoint(texts)
        told = compare[operator]
        return any(told(text, one) for text in texts for one in wanted)

    return refers


def _compared(value: Any, *, cased: bool) -> Iterable[str]:
    told = [text_of(one) for one in flat(value)]
    return told if cased else [one.lower() for one in told]
