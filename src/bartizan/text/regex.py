"""The one typed door to RE2: linear time on any text, no backtracking."""

import re
from collections.abc import Iterable, Sequence
from typing import Any

import re2  # pyright: ignore[reportMissingTypeStubs]

from bartizan.text.cores import core

Span = tuple[int, int]
_SHOWN_MAX = 200
_LONE = re.compile("[\ud800-\udfff]")


def _encodable(text: str) -> str:
    """The text with a replacement character for each lone surrogate, which JSON can hold and UTF-8 cannot."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return _LONE.sub("\ufffd", text)
    return text


class Pattern:
    """One expression in RE2 syntax whose first group is what is looked for. Raises ValueError if it is malformed."""

    def __init__(self, expression: str) -> None:
        try:
            self._compiled = re2.compile(expression)  # pyright: ignore[reportUnknownMemberType]
        except re2.error as error:  # pyright: ignore
            raise ValueError(f"{expression[:_SHOWN_MAX]!r}: {error}"[: 2 * _SHOWN_MAX]) from None  # pyright: ignore

    def groups(self, text: str) -> list[tuple[int, int]]:
        """Start and end, in code points, of the first group of every match."""
        return [match.span(1) for match in self._compiled.finditer(_encodable(text))]  # pyright: ignore

    def first(self, text: str) -> tuple[int, int] | None:
        """Start and end of the first group where it matches first."""
        match = self._compiled.search(_encodable(text))  # pyright: ignore
        return match.span(1) if match else None  # pyright: ignore

    def pairs(self, text: str) -> list[tuple[tuple[int, int], tuple[int, int]]]:
        """Start and end of the first and of the second group of every match."""
        found = self._compiled.finditer(_encodable(text))  # pyright: ignore
        return [(match.span(1), match.span(2)) for match in found]  # pyright: ignore


def _compiled(expression: str | bytes) -> Any:
    """Groups are not captured: so RE2 finds the place with its automata alone, ten times as fast."""
    options = re2.Options()  # pyright: ignore
    options.never_capture = True  # pyright: ignore
    options.log_errors = False  # pyright: ignore
    try:
        return re2.compile(expression, options)  # pyright: ignore[reportUnknownMemberType]
    except re2.error as error:  # pyright: ignore
        raise ValueError(f"{expression[:_SHOWN_MAX]!r}: {error}"[: 2 * _SHOWN_MAX]) from None  # pyright: ignore


class Finder:
    """One expression in RE2 syntax, and where it matches first. Raises ValueError if it is malformed."""

    def __init__(self, expression: str) -> None:
        self._compiled = _compiled(expression)

    def first(self, text: str) -> Span | None:
        """Start and end, in code points, of the first match."""
        match = self._compiled.search(_encodable(text))
        return match.span() if match else None


class PatternSet:
    """Many expressions searched together. Raises ValueError if one is malformed.

    First the core of each (`cores`) is looked for, many in one pass; then only the expressions whose cores are there
    are searched, each by itself. The passes are few, not one: what an automaton has seen multiplies its states, and
    four small ones are quicker than a large one, also than the library's own filter by ten times.
    """

    def __init__(self, expressions: Iterable[str]) -> None:
        told = list(expressions)
        self._searched = [_compiled(expression.encode()) for expression in told]
        passes = min(_PASSES, -(-len(told) // _PASS_MIN))
        self._passes = [one for number in range(passes) for one in _passes(told, range(number, len(told), passes))]

    def matching(self, text: str) -> list[int]:
        """Numbers of the expressions that match somewhere, in order."""
        encoded = text.encode(errors="replace")
        return [number for number in self._possible(encoded) if self._searched[number].search(encoded)]

    def any_in(self, text: str) -> bool:
        """Whether one of them matches somewhere."""
        encoded = text.encode(errors="replace")
        return any(self._searched[number].search(encoded) for number in self._possible(encoded))

    def possible(self, text: str) -> list[int]:
        """Numbers of the expressions whose cores are there, in order: no other can match."""
        return self._possible(text.encode(errors="replace"))

    def places(self, text: str) -> list[tuple[int, Span]]:
        """Number, and the first place in code points, of each expression that matches, in order."""
        encoded = text.encode(errors="replace")
        found: list[tuple[int, Span]] = []
        for number in self._possible(encoded):
            if match := self._searched[number].search(encoded):
                start, end = match.span()
                if len(encoded) != len(text):
                    start, end = (len(encoded[:at].decode()) for at in (start, end))
                found.append((number, (start, end)))
        return found

    def _possible(self, encoded: bytes) -> list[int]:
        return sorted(numbers[one] for numbers, found in self._passes for one in found.matching_bytes(encoded))


_PASSES, _PASS_MIN = 4, 16


def _passes(expressions: Sequence[str], numbers: Sequence[int]) -> "list[tuple[Sequence[int], OnePassSet]]":
    """The passes for these expressions: one, or more where one automaton would have no room for its states."""
    try:
        return [(numbers, OnePassSet(core(expressions[number]) for number in numbers))]
    except OverflowError:
        if len(numbers) == 1:  # too large even alone: always possible
            return [(numbers, OnePassSet([""]))]
        half = len(numbers) // 2
        return _passes(expressions, numbers[:half]) + _passes(expressions, numbers[half:])


class OnePassSet:
    """A few expressions without long gaps, searched in one pass by one automaton: 64 KB take 0.1 ms.

    Raises ValueError if one is malformed, OverflowError if the automaton has no room: it would find nothing and
    say nothing.
    """

    def __init__(self, expressions: Iterable[str]) -> None:
        self._set = re2.Set.SearchSet()  # pyright: ignore
        try:
            for expression in (*expressions, _ALWAYS):
                last = self._set.Add(expression)  # pyright: ignore
        except re2.error as error:  # pyright: ignore
            raise ValueError(str(error)[: 2 * _SHOWN_MAX]) from None  # pyright: ignore
        try:
            self._set.Compile()  # pyright: ignore
        except re2.error:  # pyright: ignore
            raise OverflowError("too many expressions for one automaton") from None
        self._last: int = last  # pyright: ignore
        if last not in (self._set.Match(_ALWAYS_FOUND) or ()):  # pyright: ignore
            raise OverflowError("too many expressions for one automaton")

    def matching(self, text: str) -> list[int]:
        """Numbers of the expressions that match somewhere, in order."""
        return self.matching_bytes(text.encode(errors="replace"))

    def matching_bytes(self, encoded: bytes) -> list[int]:
        """The same of a text that is encoded already."""
        found: list[int] = self._set.Match(encoded) or []  # pyright: ignore
        return sorted(number for number in found if number != self._last)  # pyright: ignore


_ALWAYS, _ALWAYS_FOUND = r"\x00\x01\x02\z", b"\x00\x01\x02"
