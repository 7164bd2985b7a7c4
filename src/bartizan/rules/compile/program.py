"""Functions that say which of some rules an event meets, made from generated source.

Nothing of a rule stands in the source: names and values are constants, and what is written are our own identifiers.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from bartizan.model.json import JsonObject
from bartizan.rules.compile.gate import Gate
from bartizan.rules.compile.shape import must_equal, simpler, witnesses
from bartizan.rules.compile.source import WORDS, Writer
from bartizan.rules.detection import Condition, Field
from bartizan.rules.reading import flat, step, step_any_case, text_of, words

Numbered = tuple[int, Condition]
Match = Callable[[JsonObject], list[int] | None]
_GATED_MIN = 100  # rules below which each is asked; from there on, those whose texts occur
_INDEXED_MIN = 2


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
    choices = {number: must_equal(condition) for number, condition in rules}
    loads = Counter((field, value) for told in choices.values() for field, values in told for value in values)
    chosen: dict[int, tuple[Field, frozenset[str]]] = {}
    for number, told in choices.items():
        if told:
            chosen[number] = min(told, key=lambda one: (sum(loads[one[0], value] for value in one[1]), one[0].name))
    uses = Counter(field for field, _ in chosen.values())
    kept = {number: one for number, one in chosen.items() if uses[one[0]] >= _INDEXED_MIN}
    buckets: dict[Field, dict[str, list[Numbered]]] = {}
    for number, condition in rules:
        if number in kept:
            field, values = kept[number]
            for value in values:
                buckets.setdefault(field, {}).setdefault(value, []).append((number, condition))
    made: dict[tuple[int, ...], Match] = {}
    tables = {
        field: {value: made.setdefault(tuple(n for n, _ in told), _lazy(told)) for value, told in by_value.items()}
        for field, by_value in buckets.items()
    }
    return tables, [one for one in rules if one[0] not in kept]


def _gated(rules: Sequence[Numbered]) -> tuple[list[Gate], list[Numbered]]:
    told = {number: witnesses(condition) for number, condition in rules}
    by_field: dict[Field, list[tuple[int, Any]]] = {}
    for number, found in told.items():
        for one in sorted(found or (), key=lambda one: (one[0].name, one[1], one[2])):
            by_field.setdefault(one[0], []).append((number, one))
    asked = {number: _lazy([(number, condition)]) for number, condition in rules if told[number] is not None}
    gates = [Gate(field, several, asked) for field, several in by_field.items()]
    return gates, [one for one in rules if told[one[0]] is None]


def _lazy(rules: Sequence[Numbered]) -> Match:
    """A function that is made when it is first asked: of thousands of rules most never are."""
    made: list[Match] = []

    def match(record: JsonObject) -> list[int] | None:
        if not made:
            made.append(_Function(rules, {}, []).match)
        return made[0](record)

    return match


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
        body: list[str] = []
        for field, table in self._tables.items():
            body += _asked_by_value(writer, writer.text(field, cased=False), table)
        for gate in self._gates:
            body += _asked_by_text(writer, writer.text(gate.field, cased=False), gate)
        for number, condition in self._rules:
            body += [f"if {writer.expression(condition)}:", f" h = [{number:d}] if h is None else [*h, {number:d}]"]
        lines = ["h = None", *_Reading(writer).lines(), *body, "return h"]
        source = "def match(r):\n" + "".join(f" {line}\n" for line in lines)
        names = {**_HELPERS, "many": self.many, **writer.constants}
        exec(compile(source, "<rules>", "exec"), names)  # noqa: S102 - our own identifiers alone
        return names["match"]


def _asked_by_value(writer: Writer, text: str, table: Mapping[str, Match]) -> list[str]:
    get = writer.constant(table.get)
    if writer.many:
        return [f"for e in {text}:", f" t = {get}(e)", " if t is not None: h = joined(h, t(r))"]
    return [f"t = {get}({text})", "if t is not None: h = joined(h, t(r))"]


def _asked_by_text(writer: Writer, text: str, gate: Gate) -> list[str]:
    asked = writer.constant(gate.asked)
    if writer.many:
        return [f"for e in {text}:", f" for t in {asked}(e): h = joined(h, t(r))"]
    return [f"for t in {asked}({text}): h = joined(h, t(r))"]


class _Reading:
    """Lines that read the fields of a function: each key on the way once, each text in lower case once."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer
        self._nodes: dict[tuple[bool, tuple[str, ...]], str] = {}
        self._lines: list[str] = []
        self._named = 0

    def lines(self) -> list[str]:
        """All of them."""
        for field, number in self._writer.fields.items():
            if field is WORDS:
                self._lines.append(f"x{number} = words(r)")
            else:
                self._value(field, f"x{number}")
            self._texts(field, number)
        return self._lines

    def _value(self, field: Field, name: str) -> None:
        for at, path in enumerate(field.paths):
            if at:
                self._lines.append(f"if {name} is None or {name} == []:")
                before, self._lines = self._lines, []
                known = dict(self._nodes)  # what is read only here is not there for others
                self._lines.append(f"{name} = {self._node(path, any_case=field.any_case)}")
                self._lines = [*before, *(f" {line}" for line in self._lines)]
                self._nodes = known
            else:
                self._lines.append(f"{name} = {self._node(path, any_case=field.any_case)}")
        if not field.paths:
            self._lines.append(f"{name} = None")

    def _node(self, path: tuple[str, ...], *, any_case: bool) -> str:
        if not path:
            return "r"
        key = (any_case, path)
        if key not in self._nodes:
            above = self._node(path[:-1], any_case=any_case)
            self._named += 1
            name = f"n{self._named}"
            told = self._writer.constant(path[-1].lower() if any_case else path[-1])
            if any_case:
                self._lines.append(f"{name} = step_any_case({above}, {told})")
            elif above == "r":
                self._lines.append(f"{name} = r.get({told})")
            else:
                self._lines.append(f"{name} = {above}.get({told}) if type({above}) is dict else step({above}, {told})")
            self._nodes[key] = name
        return self._nodes[key]

    def _texts(self, field: Field, number: int) -> None:
        writer = self._writer
        cased, folded = field in writer.cased, field in writer.folded
        if writer.many:
            self._lines.append(f"x{number} = flat(x{number})")
            self._lines += [f"c{number} = [text_of(e) for e in x{number}]"] if cased else []
            self._lines += [f"f{number} = [text_of(e).lower() for e in x{number}]"] if folded else []
            return
        both = [f"c{number} = {{}}"] * cased + [f"f{number} = {{}}.lower()"] * folded
        none = [f"c{number} = ''"] * cased + [f"f{number} = ''"] * folded
        self._lines += [
            f"if type(x{number}) is str: " + ("; ".join(both).replace("{}", f"x{number}") or "pass"),
            f"elif x{number} is None: " + ("; ".join(none) or "pass"),
            "else:",
            f" x{number}, s = single(x{number})",
            " if s is None: return many(r)",
            *(f" {line.replace('{}', 's')}" for line in both),
        ]


def _single(value: Any) -> tuple[Any, str | None]:
    """The one value that stands there and its text; None for the text where there are several."""
    if not isinstance(value, list):
        return value, text_of(value)
    found = flat(value)  # pyright: ignore[reportUnknownArgumentType]
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
