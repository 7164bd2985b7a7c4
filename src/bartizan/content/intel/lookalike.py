"""Package names that can be taken for well-known ones. Both registries take ASCII names only, and so do we."""

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache

import msgspec

from bartizan.content.intel.known_servers import KNOWN, KnownServer
from bartizan.model.asset import Confidence

_NAME_CHARACTERS_MAX = 214  # npm's own limit
_CACHED_MAX = 2_048  # several times the table
_SEPARATORS = re.compile(r"[-_.]+")
# Words that half of all servers have in their names: a slip in them is no name of its own.
_COMMON = frozenset("mcp server servers protocol context model filesystem github gitlab".split())
_BAIT = frozenset("official original verified genuine".split())
_LOOKS_LIKE = (("rn", "m"), ("vv", "w"), ("cl", "d"), ("0", "o"), ("1", "l"), ("i", "l"), ("5", "s"))
_OWN_SCOPE = "@modelcontextprotocol"  # what the protocol's own project publishes under
_ECOSYSTEMS = {"npm": "npm", "pypi": "PyPI"}


class Likeness(msgspec.Struct, frozen=True, kw_only=True):
    """That a name can be taken for `known`, and by what."""

    known: KnownServer
    why: str
    confidence: Confidence = Confidence.MEDIUM


def likeness(ecosystem: str, name: str, known: Iterable[KnownServer] = KNOWN) -> Likeness | None:
    """The well-known package that a name of npm or PyPI can be taken for; None for one of them, and for other names."""
    known = tuple(known)
    name = name.lower()
    if ecosystem not in _ECOSYSTEMS or len(name) > _NAME_CHARACTERS_MAX:
        return None
    own = [one for one in known if one.ecosystem == ecosystem]
    scope = name.partition("/")[0] if name.startswith("@") else ""
    if any(one.name == name or (scope and one.publisher == scope) for one in own):
        return None  # nobody but the publisher writes to a scope
    order = {Confidence.HIGH: 0, Confidence.MEDIUM: 1, Confidence.LOW: 2}
    found = [*_scoped(scope, name, own)] if scope else [*_plain(ecosystem, name, known, own)]
    return min(found, key=lambda one: (order[one.confidence], one.known.name), default=None)


def _scoped(scope: str, name: str, known: Iterable[KnownServer]) -> Iterator[Likeness]:
    """A scope that imitates a publisher's, before a name of that publisher's. The name alone is free to anybody."""
    base = name.partition("/")[2]
    for one in known:
        if not one.publisher:
            continue
        near = _near(scope[1:], one.publisher[1:])
        grown = _grown(scope[1:], one.publisher[1:])
        if (near or grown) and (base == one.base or _near(base, one.base)):
            why = f"the scope {scope} {near or grown} {one.publisher}"
            sure = near or one.publisher == _OWN_SCOPE
            yield Likeness(known=one, why=why, confidence=Confidence.HIGH if sure else Confidence.LOW)


def _plain(ecosystem: str, name: str, known: Iterable[KnownServer], own: Iterable[KnownServer]) -> Iterator[Likeness]:
    for one in own:
        if not one.publisher and (why := _near(name, one.name)):
            yield Likeness(known=one, why=f"the name {why} {one.name}", confidence=Confidence.HIGH)
        elif not one.publisher and (bait := _baited(name, one.name)):
            yield Likeness(known=one, why=f"the name is {one.name} with {bait!r}", confidence=Confidence.LOW)
        elif one.publisher and name == f"{one.publisher[1:]}-{one.base}":
            why = f"the name has the scope of {one.name} as a word"
            sure = one.publisher == _OWN_SCOPE
            yield Likeness(known=one, why=why, confidence=Confidence.HIGH if sure else Confidence.LOW)
    for one in known:
        if one.ecosystem != ecosystem and one.name == name and len(name) > len("mcp"):
            why = (
                f"a package of this name is well known on {_ECOSYSTEMS[one.ecosystem]}, not on {_ECOSYSTEMS[ecosystem]}"
            )
            yield Likeness(known=one, why=why, confidence=Confidence.LOW)


def _near(name: str, known: str) -> str:
    """How a name can be misread or mistyped for another; empty where it cannot, or is the same."""
    if name == known:
        return ""
    words, others = _words(name), _words(known)
    if "".join(words) == "".join(others):
        return "differs only in separators from"
    if _skeleton(name) == _skeleton(known):
        return "looks like"
    if len(words) != len(others):
        return ""
    changed = [(one, other) for one, other in zip(words, others, strict=True) if one != other]
    if len(changed) == 1 and _mistyped(*changed[0]):
        return "is a slip away from"
    return ""


def _mistyped(word: str, known: str) -> bool:
    """Whether one word is a slip of another. Short words are near many others, so they may only be mixed up."""
    if word in _COMMON or word.isdigit():
        return False  # another common word makes another name
    if sorted(word) == sorted(known) and distance(word, known, 1) == 1:
        return len(known) >= 3
    if len(known) >= 10:
        return distance(word, known, 2) <= 2
    if len(known) >= 6 and not (word == known + "s" or known == word + "s"):
        return distance(word, known, 1) <= 1
    return known in _COMMON and _doubled(word, known)


def _doubled(word: str, known: str) -> bool:
    """One letter written twice: `mccp`."""
    return any(word == known[: at + 1] + known[at:] for at in range(len(known)))


def _grown(scope: str, known: str) -> str:
    """A publisher's scope with a word added: `modelcontextprotocol-tools`."""
    words = _words(scope)
    if len(words) > 1 and len(known) >= 5 and known in {words[0], words[-1]}:
        return "adds a word to"
    return ""


def _baited(name: str, known: str) -> str:
    words = _words(name)
    bait = next((word for word in (words[0], words[-1]) if word in _BAIT), "")
    rest = tuple(word for word in words if word != bait)
    return bait if bait and rest == _words(known) else ""


@lru_cache(maxsize=_CACHED_MAX)
def _words(name: str) -> tuple[str, ...]:
    return tuple(_SEPARATORS.split(name))


@lru_cache(maxsize=_CACHED_MAX)
def _skeleton(name: str) -> str:
    """A name with the characters that look alike as one, and without separators."""
    name = "".join(_words(name))
    for shape, seen in _LOOKS_LIKE:
        name = name.replace(shape, seen)
    return name


def distance(one: str, other: str, most: int) -> int:
    """Insertions, deletions, changes and swaps of neighbours (optimal string alignment); `most` + 1 where more."""
    if abs(len(one) - len(other)) > most:
        return most + 1
    before: list[int] = []
    row = list(range(len(other) + 1))
    for i, letter in enumerate(one, 1):
        older, before, row = before, row, [i]
        for j, seen in enumerate(other, 1):
            cost = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (letter != seen))
            if i > 1 and j > 1 and letter == other[j - 2] and one[i - 2] == seen:
                cost = min(cost, older[j - 2] + 1)
            row.append(cost)
        if min(row) > most:
            return most + 1
    return min(row[-1], most + 1)
