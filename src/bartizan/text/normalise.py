"""Show hostile text as what it is: invisible and steering characters as code points, bounded in length."""

import unicodedata

from bartizan.model.limits import DEFAULT

_INVISIBLE_CATEGORIES = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
# Drawn as nothing or as blank, though their category says letter, mark or symbol (Unicode UTS 55, section 3).
_BLANK = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180e\u180f\u2800\u3164\uffa0") | {
    chr(code) for code in (*range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0))
}
_SPACES = {"Zs"}


def is_invisible(character: str) -> bool:
    """Whether a reader would not see this character, or it would steer the terminal or the reading order."""
    return character in _BLANK or unicodedata.category(character) in _INVISIBLE_CATEGORIES


def show(text: str, *, most: int = DEFAULT.shown_characters_max, lines: bool = False) -> str:
    """Text that is safe to print: `U+200B` and the like in guillemets, at most `most` characters of input.

    Line feeds and tabs stay when `lines` is true; otherwise they are shown as `⏎` and `⇥`, so one value is one line.
    """
    kept = text[:most]
    shown = "".join(_shown(character, lines=lines) for character in kept)
    return shown if len(text) <= most else f"{shown}… ({len(text) - most} more characters)"


def _shown(character: str, *, lines: bool) -> str:
    if " " <= character <= "~":
        return character
    if character in "\n\t":
        return character if lines else {"\n": "⏎", "\t": "⇥"}[character]
    if is_invisible(character) or unicodedata.category(character) in _SPACES:
        return f"‹U+{ord(character):04X}›"
    return character
