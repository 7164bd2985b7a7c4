"""Folding: hostile text as a judge reads it, so that spelling tricks change nothing, with the way back to the original.

Compatibility forms are resolved (NFKC), what cannot be seen is dropped, look-alike letters of other scripts become
Latin ones in words that mix scripts, case and white space are levelled, marks of emphasis are dropped.
"""

import re
import unicodedata
from itertools import groupby

import msgspec

from bartizan.text.normalise import is_invisible

# Letters drawn like Latin ones (Unicode UTS 39, the single-letter confusables of Cyrillic, Greek and Armenian).
_LOOKALIKES = str.maketrans(
    "аеорсухіјѕԁһӏкмтвнгпԛԝѵαοερτυνικжαβγδηωχσѡАВЕЅІЈКМНОРСТУХΑΒΕΖΗΙΚΜΝΟΡΤΥΧ",
    "aeopcyxijsdhlkmtbhrnqwvaoeptuvikxabyonwxowabesijkmhopctyxabezhikmnoptyx",
)
_ASCII_PLAIN = re.compile(r"[ -~\n\t\r]*")
_DROPPED = re.compile(r"[`*\"“”„«»]+")
_SPACES = re.compile(r"\s+")
_WORD = re.compile(r"\w+")


class Folded(msgspec.Struct, frozen=True):
    """A folded text; `places[i]` is the code point of the original that the i-th folded character stands for."""

    text: str
    places: tuple[int, ...]


def fold(text: str) -> str:
    """The folded text alone."""
    if _ASCII_PLAIN.fullmatch(text):
        return _level(text)
    return _level(_latin(unicodedata.normalize("NFKC", text.translate(_VISIBLE))))


def fold_with_places(text: str) -> Folded:
    """The same, character by character, for a text in which something was found."""
    parts: list[tuple[str, int]] = []
    for place, character in enumerate(text):
        if not _dropped(character):
            parts += [(one, place) for one in unicodedata.normalize("NFKC", character)]
    latin = _latin("".join(one for one, _ in parts))
    levelled = [
        (one.lower()[:1], place) for one, (_, place) in zip(latin, parts, strict=True) if not _DROPPED.match(one)
    ]
    folded: list[tuple[str, int]] = []
    for blank, group in groupby(levelled, key=lambda pair: pair[0].isspace()):
        run = list(group)
        folded += [(" ", run[0][1])] if blank else run
    return Folded("".join(one for one, _ in folded), tuple(place for _, place in folded))


def _level(text: str) -> str:
    return _SPACES.sub(" ", _DROPPED.sub("", text)).lower()


class _Visible(dict[int, int | None]):
    """For `str.translate`: each code point is judged once, then remembered."""

    def __missing__(self, code: int) -> int | None:
        self[code] = None if _dropped(chr(code)) else code
        return self[code]


def _dropped(character: str) -> bool:
    return character not in "\n\t\r" and is_invisible(character)


def _latin(text: str) -> str:
    """Look-alikes in words that hold Latin letters too; a word all of another script is that script's."""
    if text.isascii():
        return text
    return _WORD.sub(lambda match: _word(match[0]), text)


def _word(word: str) -> str:
    translated = word.translate(_LOOKALIKES)
    mixed = translated != word and any("a" <= letter.lower() <= "z" for letter in word)
    return translated if mixed else word


_VISIBLE = _Visible()
