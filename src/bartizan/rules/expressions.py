"""Regular expressions of rules: RE2, so that no text that is judged can make a search long."""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar, cast

import re2  # pyright: ignore[reportMissingTypeStubs]

_re2 = cast("Any", re2)  # the library has no types at all
_SHOWN_MAX = 200
OwnerT = TypeVar("OwnerT")


def searcher(expression: str) -> Callable[[str], bool]:
    """Whether an expression matches somewhere in a text. Raises ValueError if it is malformed or too large."""
    options = _re2.Options()
    options.never_capture = True  # so the place is found by automata alone, ten times as fast
    options.log_errors = False
    try:
        search: Callable[[bytes], object] = _re2.compile(expression.encode(errors="replace"), options).search
    except _re2.error as error:
        raise ValueError(_reason(error)) from None

    def found(text: str) -> bool:
        return search(text.encode(errors="replace")) is not None

    return found


def literally(text: str) -> str:
    """The expression that matches this text and no other; half a character counts as "?", as in what is searched."""
    return str(_re2.escape(text.encode(errors="replace").decode()))


class LiteralSet:
    """Many expressions searched in one pass. Raises OverflowError where the automaton would have no room."""

    def __init__(self, expressions: Sequence[str]) -> None:
        self._set = _re2.Set.SearchSet()
        for expression in (*expressions, _ALWAYS):
            self._set.Add(expression.encode(errors="replace"))
        try:
            self._set.Compile()
        except _re2.error:
            raise OverflowError(_NO_ROOM) from None
        self._always = len(expressions)
        if self.matching("") is None:
            raise OverflowError(_NO_ROOM)

    def matching(self, text: str) -> list[int] | None:
        """Numbers of the expressions that match somewhere, in no order; None where the search had no room."""
        found: list[int] = self._set.Match(text.encode(errors="replace")) or []
        if self._always not in found:  # an automaton without room finds nothing, and says nothing
            return None
        return [one for one in found if one != self._always]


def literal_sets(expressions: Sequence[str], owners: Sequence[OwnerT]) -> list[tuple[LiteralSet, Sequence[OwnerT]]]:
    """Sets of expressions, each with those that they belong to: one, or more where one would have no room."""
    try:
        return [(LiteralSet(expressions), owners)]
    except OverflowError:
        half = len(expressions) // 2
        if not half:
            raise
        return literal_sets(expressions[:half], owners[:half]) + literal_sets(expressions[half:], owners[half:])


_ALWAYS = r"\z"
_NO_ROOM = "too many expressions for one automaton"


def _reason(error: object) -> str:
    told = error.args[0] if isinstance(error, Exception) and error.args else error
    return (told.decode(errors="replace") if isinstance(told, bytes) else str(told))[:_SHOWN_MAX]
