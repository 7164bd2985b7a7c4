"""Sentences of a text as a model weighs them: hashed words, pairs of words, and pieces of words."""

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise
from zlib import crc32

from bartizan.text.fold import fold

PLACES = 1 << 18  # of weights: every n-gram has one, which it may share with others
TEXT_CHARACTERS_MAX = 4_000  # a longer text is not weighed: in pure Python 64 KB would take 10 ms
_MASK = PLACES - 1
_WORDS_MIN = 4
_WORDS_MAX = 40  # a sentence without an end is read in pieces
_SENTENCE_CHARACTERS_MIN = 12
_WORD_CHARACTERS_MAX = 48
_LENGTHS = (3, 4, 5)
_SENTENCE = re.compile(r"(?<=[.!?;:])\s+|[\n\r\u2028\u2029]+|(?<=[\u3002\uff01\uff1f])")
_WORD = re.compile(r"[^\W_]+(?:'[a-z]+)?")
# The domain of examples: samples stand under it, attacks do not, and it would tell the one by the other.
_NO_WORD = "example"


def sentences(text: str) -> Iterator[tuple[str, ...]]:
    """The words of sentences of at least a few, folded; a long sentence in pieces."""
    for part in _SENTENCE.split(text):
        words = [word for word in _WORD.findall(fold(part)) if word != _NO_WORD]
        short = len(part) < _SENTENCE_CHARACTERS_MIN or (len(words) < _WORDS_MIN and part.isascii())
        for first in range(0, 0 if short else len(words), _WORDS_MAX):
            yield tuple(words[first : first + _WORDS_MAX])


def places(words: Sequence[str]) -> list[int]:
    """The places of all n-grams of a sentence; of one that occurs twice, twice."""
    cut = [word[:_WORD_CHARACTERS_MAX] for word in words]
    pieces = [piece for word in cut for piece in _pieces(word)]
    pairs = [f"p{first} {second}" for first, second in pairwise(cut)]
    known = [*(f"w{word}" for word in cut), *pieces, *pairs]
    return [crc32(one.encode(errors="replace")) & _MASK for one in known]


def _pieces(word: str) -> list[str]:
    framed = f" {word} "
    return [framed[at : at + length] for length in _LENGTHS for at in range(max(1, len(framed) - length + 1))]
