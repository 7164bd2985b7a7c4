"""Lines of generated source that read fields: each key on the way once, each text in lower case once.

What is read within a block is known to that block alone; `inner` makes the reader of one.
"""

from bartizan.rules.compile.source import WORDS, Writer
from bartizan.rules.detection import Field, Path

Keys = tuple[bool, Path]


class Reader:
    """Lines for the fields of one function, as they come to be needed."""

    def __init__(self, writer: Writer, outer: "Reader | None" = None) -> None:
        self._writer = writer
        self.nodes: dict[Keys, str] = dict(outer.nodes) if outer else {}
        self.counter = outer.counter if outer else [0]
        self.known: set[Field] = set(outer.known) if outer else set()

    def inner(self) -> "Reader":
        """A reader for a block within, which knows what is known here."""
        return Reader(self._writer, self)

    def lines(self, field: Field) -> list[str]:
        """Lines that read a field; none where it is known."""
        if field in self.known:
            return []
        self.known.add(field)
        name = self._writer.raw(field)
        if field is WORDS:
            return [f"{name} = words(r)", *self._texts(field)]
        first, *others = field.paths or ((),)
        lines = self.value(name, first, any_case=field.any_case)
        if self._writer.many:
            return [*lines, *self._otherwise(field, others), *self._texts(field)]
        quick = self._as_text(field, name)
        rest = [*self._otherwise(field, others), *self._texts(field)]
        return [*lines, f"if type({name}) is str: {quick}", "else:", *(f" {line}" for line in rest)]

    def _otherwise(self, field: Field, others: list[Path]) -> list[str]:
        """The further paths of a field, each for where those before it have nothing."""
        name, lines = self._writer.raw(field), list[str]()
        for path in others:
            inside = self.inner().value(name, path, any_case=field.any_case)
            lines += [f"if {name} is None or {name} == []:", *(f" {line}" for line in inside)]
        return lines

    def value(self, name: str, path: Path, *, any_case: bool) -> list[str]:
        """Lines that read what stands at one path."""
        lines: list[str] = []
        told = self._node(path, lines, any_case=any_case) if path else "None"
        return [*lines, f"{name} = {told}"]

    def _node(self, path: Path, lines: list[str], *, any_case: bool) -> str:
        if not path:
            return "r"
        key = (any_case, path)
        if key not in self.nodes:
            above = self._node(path[:-1], lines, any_case=any_case)
            self.counter[0] += 1
            name = f"n{self.counter[0]}"
            told = self._writer.constant(path[-1].lower() if any_case else path[-1])
            if any_case:
                lines.append(f"{name} = step_any_case({above}, {told})")
            elif above == "r":
                lines.append(f"{name} = r.get({told})")
            else:
                found = f"{above}.get({told}) if type({above}) is dict"
                lines.append(f"{name} = {found} else None if {above} is None else step({above}, {told})")
            self.nodes[key] = name
        return self.nodes[key]

    def _as_text(self, field: Field, text: str) -> str:
        cased, folded = self._names(field)
        lines = [f"{name} = {text}" for name in cased] + [f"{name} = {text}.lower()" for name in folded]
        return "; ".join(lines) or "pass"

    def _names(self, field: Field) -> tuple[list[str], list[str]]:
        writer, number = self._writer, self._writer.raw(field)[1:]
        return [f"c{number}"] * (field in writer.cased), [f"f{number}"] * (field in writer.folded)

    def _texts(self, field: Field) -> list[str]:
        """The texts of a value that is no text, or is one that only a further path had."""
        name = self._writer.raw(field)
        cased, folded = self._names(field)
        if self._writer.many:
            return [
                f"{name} = flat({name})",
                *(f"{one} = [text_of(e) for e in {name}]" for one in cased),
                *(f"{one} = [text_of(e).lower() for e in {name}]" for one in folded),
            ]
        nothing = "; ".join(f"{one} = ''" for one in (*cased, *folded)) or "pass"
        return [
            f"if {name} is None: {nothing}",
            f"elif type({name}) is str: {self._as_text(field, name)}",
            "else:",
            f" {name}, s = single({name})",
            " if s is None: return many(r)",
            f" {self._as_text(field, 's')}",
        ]
