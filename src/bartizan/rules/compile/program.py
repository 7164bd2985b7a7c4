"""Functions that say which of some rules an event meets, made from generated source.

Nothing of a rule stands in the source: names and values are constants, and what is written are our own identifiers.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

from bartizan.model.json import JsonObject
from bartizan.rules.compile.gate import Gate
from bartizan.rules.compile.reads import Reader
from bartizan.rules.compile.shape import Literal, literals, must_equal, simpler, witnesses
from bartizan.rules.compile.source import Writer
from bartizan.rules.detection import All, Condition, Field
from bartizan.rules.reading import flat, step, step_any_case, text_of, words

Numbered = tuple[int, Condition]
Match = Callable[[JsonObject], list[int] | None]
_GATED_MIN = 40  # rules below which each is asked; from there on, those whose texts occur
_INDEXED_MIN = 2
_SHARED_MIN = 3  # a field that so many rules need is read before them all
_BLOCKS_MAX = 8


def program(rules: Sequence[Numbered], *, gated_min: int = _GATED_MIN) -> Match:
    """The numbers of the rules that a record meets, in no order and perhaps twice; None where it meets none.

    Rules that need a field to have one of some values wait in a table under these values. Of many others, those are
    asked of which a text occurs (`Gate`). The rest is asked one by one.
    """
    ready = [(number, simpler(condition)) for number, condition in rules]
    tables, rest = _indexed(ready)
    gates: list[Gate] = []
    if len(rest) >= gated_min:
        gates, rest = _gated(rest)
    return _Function(rest, tables, gates).match


def _indexed(rules: Sequence[Numbered]) -> tuple[dict[Field, dict[str, Match]], list[Numbered]]:
    """Tables of rules by the value that each needs, for fields that several need; and the rules without."""
    needs = {number: told for number, condition in rules if (told := must_equal(condition))}
    chosen = _chosen(needs)
    uses = Counter(field for field, _ in chosen.values())
    kept = {field for field, count in uses.items() if count >= _INDEXED_MIN}
    kept_needs = {number: [one for one in told if one[0] in kept] for number, told in needs.items()}
    chosen = _chosen({number: told for number, told in kept_needs.items() if told})
    buckets: dict[Field, dict[str, list[Numbered]]] = {}
    for number, condition in rules:
        if number in chosen:
            field, values = chosen[number]
            for value in values:
                buckets.setdefault(field, {}).setdefault(value, []).append((number, condition))
    tables = {field: _table(by_value) for field, by_value in buckets.items()}
    return tables, [one for one in rules if one[0] not in chosen]


def _chosen(needs: Mapping[int, list[tuple[Field, frozenset[str]]]]) -> dict[int, tuple[Field, frozenset[str]]]:
    """For each rule the field under whose values the fewest rules wait."""
    loads = Counter((field, value) for told in needs.values() for field, values in told for value in values)

    def load(one: tuple[Field, frozenset[str]]) -> tuple[int, str]:
        return sum(loads[one[0], value] for value in one[1]), one[0].name

    return {number: min(told, key=load) for number, told in needs.items()}


def _table(by_value: Mapping[str, list[Numbered]]) -> dict[str, Match]:
    """Functions by value; each is made when its value first comes: of thousands of rules most are never asked."""
    table: dict[str, Match] = {}
    for value, told in by_value.items():
        table[value] = _lazy(told, lambda made, value=value: table.__setitem__(value, made))
    return table


def _lazy(rules: Sequence[Numbered], keep: Callable[[Match], None] | None = None) -> Match:
    """A function that is made when it is first asked, and then given to `keep`."""
    made: list[Match] = []

    def match(record: JsonObject) -> list[int] | None:
        if not made:
            made.append(_Function(rules, {}, []).match)
            if keep is not None:
                keep(made[0])
        return made[0](record)

    return match


def _gated(rules: Sequence[Numbered]) -> tuple[list[Gate], list[Numbered]]:
    """Gates by field. What many rules look for is likely to occur: each rule waits for the rarest that it needs."""
    common = Counter(one for _, condition in rules for one in literals(condition))
    told = {number: witnesses(condition, common) for number, condition in rules}
    by_field: dict[Field, list[tuple[int, Literal]]] = {}
    for number, found in told.items():
        for one in sorted(found or (), key=lambda one: (one[0].name, one[1], one[2])):
            by_field.setdefault(one[0], []).append((number, one))
    asked = {number: _lazy([(number, condition)]) for number, condition in rules if told[number] is not None}
    gates = [Gate(field, several, asked) for field, several in by_field.items()]
    return gates, [one for one in rules if told[one[0]] is None]


class _Part:
    """A condition that must hold, as an expression, and the fields that it reads."""

    def __init__(self, writer: Writer, condition: Condition) -> None:
        writer.touched.clear()
        self.expression = writer.expression(condition)
        self.fields = tuple(writer.touched)


class _Function:
    """One generated function, and its second form for events whose fields have several values."""

    def __init__(
        self, rules: Sequence[Numbered], tables: Mapping[Field, Mapping[str, Match]], gates: Sequence[Gate]
    ) -> None:
        self._rules, self._tables, self._gates = rules, tables, gates
        self._many: Match | None = None
        self.match = self._made(many=False)

    def many(self, record: JsonObject) -> list[int] | None:
        """The second form, made when it is first needed."""
        if self._many is None:
            self._many = self._made(many=True)
        return self._many(record)

    def _made(self, *, many: bool) -> Match:
        writer = Writer(many=many)
        asked = [line for field, table in self._tables.items() for line in _by_value(writer, field, table)]
        asked += [line for gate in self._gates for line in _by_text(writer, gate)]
        rules = [(number, _parts(writer, condition)) for number, condition in self._rules]
        uses = Counter(field for _, parts in rules for field in {field for part in parts for field in part.fields})
        first = [field for field in writer.fields if uses[field] >= _SHARED_MIN]
        reader = Reader(writer)
        fields = (*self._tables, *(gate.field for gate in self._gates), *first)
        lines = ["h = None", *(line for field in fields for line in reader.lines(field)), *asked]
        for number, parts in rules:
            lines += _block(reader, parts, number)
        source = "def match(r):\n" + "".join(f" {line}\n" for line in (*lines, "return h"))
        names = {**_HELPERS, "many": self.many, **writer.constants}
        exec(compile(source, "<rules>", "exec"), names)  # noqa: S102 - our own identifiers alone
        return cast("Match", names["match"])


def _parts(writer: Writer, condition: Condition) -> list[_Part]:
    return [_Part(writer, part) for part in (condition.parts if isinstance(condition, All) else (condition,))]


def _block(reader: Reader, parts: list[_Part], number: int, depth: int = 0) -> list[str]:
    """The question whether a rule holds: first what is known, then fields are read as they are needed."""
    if not parts:
        return [f"h = [{number:d}] if h is None else [*h, {number:d}]"]
    known = [part for part in parts if reader.known.issuperset(part.fields)]
    if not known:
        wanted = parts[0].fields if depth < _BLOCKS_MAX else tuple(field for part in parts for field in part.fields)
        lines = [line for field in wanted for line in reader.lines(field)]
        return [*lines, *_block(reader, parts, number, depth)]
    rest = [part for part in parts if part not in known]
    inside = _block(reader.inner(), rest, number, depth + 1)
    return [f"if {' and '.join(part.expression for part in known)}:", *(f" {line}" for line in inside)]


def _by_value(writer: Writer, field: Field, table: Mapping[str, Match]) -> list[str]:
    text, get = writer.text(field, cased=False), writer.constant(table.get)
    if writer.many:
        return [f"for e in {text}:", f" t = {get}(e)", " if t is not None: h = joined(h, t(r))"]
    return [f"t = {get}({text})", "if t is not None: h = joined(h, t(r))"]


def _by_text(writer: Writer, gate: Gate) -> list[str]:
    text, asked = writer.text(gate.field, cased=False), writer.constant(gate.asked)
    if writer.many:
        return [f"for e in {text}:", f" for t in {asked}(e): h = joined(h, t(r))"]
    return [f"if {text}:", f" for t in {asked}({text}): h = joined(h, t(r))"]


def _single(value: Any) -> tuple[Any, str | None]:
    """The one value that stands there and its text; None for the text where there are several."""
    if not isinstance(value, list):
        return value, text_of(value)
    found = flat(cast("list[Any]", value))
    if len(found) > 1:
        return None, None
    return (found[0], text_of(found[0])) if found else (None, "")


def _joined(found: list[int] | None, more: list[int] | None) -> list[int] | None:
    return more if found is None else found if more is None else found + more


_HELPERS: dict[str, Any] = {
    "flat": flat,
    "joined": _joined,
    "single": _single,
    "step": step,
    "step_any_case": step_any_case,
    "text_of": text_of,
    "words": words,
}
