"""Gates: of many rules, those of which a text occurs in a field. All texts of a field are sought in one pass."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from bartizan.rules.compile.shape import Literal
from bartizan.rules.detection import Field, Operator
from bartizan.rules.expressions import literal_sets, literally

_ENDS = {
    Operator.EQUALS: (r"\A", r"\z"),
    Operator.STARTSWITH: (r"\A", ""),
    Operator.ENDSWITH: ("", r"\z"),
    Operator.CONTAINS: ("", ""),
}
_REMEMBERED_MAX, _REMEMBERED_CHARACTERS_MAX = 4_096, 200
Asked = tuple[Callable[[Any], list[int] | None], ...]


class Gate:
    """The rules that a text of one field lets through. What short texts let through is remembered for a while."""

    def __init__(
        self,
        field: Field,
        told: Sequence[tuple[int, Literal]],
        rules: Mapping[int, Callable[[Any], list[int] | None]],
    ) -> None:
        self.field = field
        self._rules = rules
        self._sets = literal_sets([_expression(literal) for _, literal in told], [number for number, _ in told])
        self._all = tuple(rules[number] for number in sorted({number for number, _ in told}))
        self._remembered: dict[str, Asked] = {}

    def asked(self, text: str) -> Asked:
        """The rules to ask about an event with this text, in lower case."""
        if not text:
            return ()
        found = self._remembered.get(text)
        if found is None:
            found = self._found(text)
            if len(text) <= _REMEMBERED_CHARACTERS_MAX:
                if len(self._remembered) >= _REMEMBERED_MAX:
                    self._remembered.clear()
                self._remembered[text] = found
        return found

    def _found(self, text: str) -> Asked:
        numbers: set[int] = set()
        for literals, owners in self._sets:
            found = literals.matching(text)
            if found is None:
                return self._all
            numbers.update(owners[one] for one in found)
        return tuple(self._rules[number] for number in sorted(numbers))


def _expression(literal: Literal) -> str:
    before, behind = _ENDS[literal[1]]
    return before + literally(literal[2]) + behind
