"""The one typed door to RE2: linear time on any text, no backtracking."""

import re
from collections.abc import Iterable

import re2  # pyright: ignore[reportMissingTypeStubs]

_LONE = re.compile("[\ud800-\udfff]")


def _encodable(text: str) -> str:
    """The text with a replacement character for each lone surrogate, which JSON can hold and UTF-8 cannot."""
    return text if text.isascii() else _LONE.sub("\ufffd", text)


# For the states that a set makes while it searches; the library's own 8 MiB are thrown away and made again too often.
_MEMORY_BYTES_MAX = 10 * 1024 * 1024


class Pattern:
    """One expression in RE2 syntax whose first group is what is looked for. Raises ValueError if it is malformed."""

    def __init__(self, expression: str) -> None:
        try:
            self._compiled = re2.compile(expression)  # pyright: ignore[reportUnknownMemberType]
        except re2.error as error:  # pyright: ignore
            raise ValueError(f"{expression!r}: {error}") from None  # pyright: ignore

    def groups(self, text: str) -> list[tuple[int, int]]:
        """Start and end, in code points, of the first group of every match."""
        return [match.span(1) for match in self._compiled.finditer(_encodable(text))]  # pyright: ignore

    def pairs(self, text: str) -> list[tuple[tuple[int, int], tuple[int, int]]]:
        """Start and end of the first and of the second group of every match."""
        found = self._compiled.finditer(_encodable(text))  # pyright: ignore
        return [(match.span(1), match.span(2)) for match in found]  # pyright: ignore

    def first(self, text: str) -> tuple[int, int] | None:
        """Start and end of the first group where it matches first."""
        match = self._compiled.search(text)  # pyright: ignore
        return match.span(1) if match else None  # pyright: ignore


class PatternSet:
    """Many expressions searched in one pass."""

    def __init__(self, expressions: Iterable[str]) -> None:
        options = re2.Options()  # pyright: ignore
        options.max_mem = _MEMORY_BYTES_MAX  # pyright: ignore
        self._set = re2.Set.SearchSet(options)  # pyright: ignore
        for expression in expressions:
            self._set.Add(expression)  # pyright: ignore
        self._set.Compile()  # pyright: ignore

    def matching(self, text: str) -> list[int]:
        """Numbers of the expressions that match somewhere, in order."""
        return sorted(self._set.Match(_encodable(text)) or ())  # pyright: ignore
