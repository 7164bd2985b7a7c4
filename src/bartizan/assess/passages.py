"""Passages: a long text cut where its paragraphs end, so that what stands together is judged together."""

import re
from collections.abc import Iterator

import msgspec

_CHARACTERS_MIN = 250
# Paragraphs, headings and the items of lists each say something of their own.
_BETWEEN = re.compile(r"\n[ \t\r]*\n|\n(?=[ \t]{0,8}(?:[-*+]|#{1,6}|\d{1,3}[.)])[ \t])")
_COMMENT = re.compile(r"<!--(?:[^-]|-(?!->))*(?:-->|\Z)")


class Passage(msgspec.Struct, frozen=True, kw_only=True):
    """A part of a text and the code point at which it starts."""

    text: str
    start: int


def passages(text: str) -> Iterator[Passage]:
    """The text in order and whole. A comment is never parted; a paragraph without an end is one passage."""
    comments = [match.span() for match in _COMMENT.finditer(text)] if "<!--" in text else []
    start = number = 0
    for gap in _BETWEEN.finditer(text):
        while number < len(comments) and comments[number][1] <= gap.start():
            number += 1
        inside = number < len(comments) and comments[number][0] < gap.start()
        if not inside and gap.end() - start >= _CHARACTERS_MIN:
            yield Passage(text=text[start : gap.end()], start=start)
            start = gap.end()
    if start < len(text):
        yield Passage(text=text[start:], start=start)
