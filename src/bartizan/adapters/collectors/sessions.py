"""Session ids of an endpoint: whether whoever has seen one, or none, can guess those of others."""

import itertools
import math
import re
from collections.abc import Sequence

# OWASP asks for 64 bits in a session id. Of two ids taken one after the other, random ones differ nearly everywhere.
_BITS_MIN = 64
_BITS_DIFFERENT_MIN = 40
_PARAMETER = re.compile(r"[?&](?:mcp[-_]?)?session[-_]?(?:id)?=([^&#]{1,500})", re.IGNORECASE)


def in_address(endpoint: str) -> str:
    """The session id in the query of an endpoint; empty where there is none."""
    match = _PARAMETER.search(endpoint)
    return match[1] if match else ""


def guessable(sessions: Sequence[str]) -> bool:
    """Whether ids that one server gave us are too short, or too alike, to be unguessable."""
    given = [one for one in sessions if one]
    if not given:
        return False
    if min(len(one) * _bits_of_character(one) for one in given) < _BITS_MIN:
        return True
    return any(_difference(one, other) < _BITS_DIFFERENT_MIN for one, other in itertools.pairwise(given))


def _difference(one: str, other: str) -> float:
    """Bits of the places at which two ids differ: a counter or a clock moves few."""
    if len(one) != len(other):
        return _BITS_DIFFERENT_MIN
    return sum(a != b for a, b in zip(one, other, strict=True)) * _bits_of_character(one + other)


def _bits_of_character(text: str) -> float:
    """Bits that one character can hold, by the smallest usual alphabet that has them all; dashes hold nothing new."""
    bare = text.replace("-", "")
    for alphabet, size in ((r"[0-9]*", 10), (r"[0-9a-f]*|[0-9A-F]*", 16), (r"[0-9a-z]*|[0-9A-Z]*", 36)):
        if re.fullmatch(alphabet, bare):
            return math.log2(size)
    return 6.0
