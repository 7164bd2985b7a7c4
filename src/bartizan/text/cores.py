"""Cores: the part of an expression that is rarest in ordinary text, without the gaps around it.

Whatever an expression matches holds a match of its core, at the same place of the same text, so a text without the core
needs no search for the whole. Gaps such as `[^.]{0,80}` are what makes one automaton of many expressions explode: it
would need a state for every combination of half-seen sentences. Cores have none.
"""

import re
from collections.abc import Sequence

import msgspec

_QUANTIFIER = re.compile(r"(?:[*+?]|\{(\d+)(,?)(\d*)\})\??")
_FLAGS = re.compile(r"\(\?[a-zA-Z]+\)")
_GROUP = re.compile(r"\((?:\?(?:[a-zA-Z]*:|P?<\w+>))?")
_CLASS = re.compile(r"\[\^?\]?(?:\\.|\[:\w+:\]|[^\]\\])*\]", re.DOTALL)
_ESCAPE = re.compile(r"\\(?:[pP](?:\{[^}]*\}|.)|x(?:\{[0-9a-fA-F]+\}|[0-9a-fA-F]{2})|.)", re.DOTALL)
_NOTHING = frozenset({r"\b", r"\B", r"\A", r"\z", "^", "$"})
_LETTER, _BROAD, _ANY = 1 / 12, 0.3, 0.9  # about how often a letter, a broad class, any character stands at a place
_SHORT_REPEATS_MAX = 5
_LONG = 1_000_000


class _Item(msgspec.Struct, frozen=True, kw_only=True):
    """A piece of a sequence. `rate`: about how often it begins at a place; `wide`: it holds a gap."""

    text: str
    rate: float
    wide: bool = False
    branches: "tuple[tuple[_Item, ...], ...]" = ()


class _UnknownError(Exception):
    """Syntax that is not taken apart."""


def core(expression: str) -> str:
    """The core, in the same syntax; the expression itself where it cannot be taken apart."""
    flags = _FLAGS.match(expression)
    at = flags.end() if flags else 0
    try:
        branches, end = _branches(expression, at)
    except _UnknownError:
        return expression
    if end != len(expression):
        return expression
    return (flags[0] if flags else "") + _either(branches)[0]


def _either(branches: Sequence[Sequence[_Item]]) -> tuple[str, float]:
    """Of alternatives, each one's core: one of them must be there."""
    told = [_rarest(branch) for branch in branches]
    return "|".join(text for text, _ in told), sum(rate for _, rate in told)


def _rarest(branch: Sequence[_Item]) -> tuple[str, float]:
    """The run of items between two gaps, or the inside of an item with gaps, that is met least often."""
    found: list[tuple[str, float]] = []
    run: list[_Item] = []
    for item in branch:
        if not item.wide:
            run.append(item)
            continue
        found.append(_joined(run))
        run = []
        if item.branches:
            text, rate = _either(item.branches)
            found.append((f"(?:{text})", rate))
    found.append(_joined(run))
    return min(found, key=lambda one: one[1])


def _joined(items: Sequence[_Item]) -> tuple[str, float]:
    return "".join(item.text for item in items), _product(items)


def _product(items: Sequence[_Item]) -> float:
    rate = 1.0
    for item in items:
        rate *= item.rate
    return rate


def _branches(text: str, at: int) -> tuple[tuple[tuple[_Item, ...], ...], int]:
    """The alternatives from a place to the end of the group or of the expression."""
    branches: list[tuple[_Item, ...]] = []
    items: list[_Item] = []
    while at < len(text) and text[at] != ")":
        if text[at] == "|":
            branches.append(tuple(items))
            items, at = [], at + 1
            continue
        item, at = _item(text, at)
        quantifier = _QUANTIFIER.match(text, at)
        if quantifier:
            item, at = _repeated(item, quantifier), quantifier.end()
        items.append(item)
    return (*branches, tuple(items)), at


def _item(text: str, at: int) -> tuple[_Item, int]:
    if text[at] == "(":
        return _group(text, at)
    if text[at] == "[":
        match = _CLASS.match(text, at)
        if not match:
            raise _UnknownError
        return _Item(text=match[0], rate=_class_rate(match[0])), match.end()
    if text[at] == "\\":
        match = _ESCAPE.match(text, at)
        if not match or match[0] in {r"\Q", r"\E", r"\C"}:
            raise _UnknownError
        return _Item(text=match[0], rate=_escape_rate(match[0])), match.end()
    if text[at] in "*+?":
        raise _UnknownError
    rate = 1.0 if text[at] in _NOTHING else _ANY if text[at] == "." else _LETTER
    return _Item(text=text[at], rate=rate), at + 1


def _group(text: str, at: int) -> tuple[_Item, int]:
    opened = _GROUP.match(text, at)
    if not opened or (text.startswith("(?", at) and len(opened[0]) == 1):
        raise _UnknownError
    branches, end = _branches(text, opened.end())
    if end >= len(text):
        raise _UnknownError
    wide = any(item.wide for branch in branches for item in branch)
    scoped = opened[0] not in {"(", "(?:"} and not opened[0].startswith(("(?P<", "(?<"))  # its flags hold inside only
    rate = sum(_product(branch) for branch in branches)
    kept = () if scoped else branches
    return _Item(text=text[at : end + 1], rate=rate, wide=wide, branches=kept), end + 1


def _repeated(item: _Item, quantifier: re.Match[str]) -> _Item:
    sign = quantifier[0][0]
    least, most = {"*": (0, _LONG), "+": (1, _LONG), "?": (0, 1)}.get(sign, (0, 0))
    if sign == "{":
        least = int(quantifier[1])
        most = int(quantifier[3]) if quantifier[3] else _LONG if quantifier[2] else least
    return _Item(
        text=item.text + quantifier[0],
        rate=item.rate**least,
        wide=item.wide or (most > _SHORT_REPEATS_MAX and item.rate >= _BROAD),
        branches=item.branches if least else (),
    )


def _escape_rate(escape: str) -> float:
    if escape in _NOTHING:
        return 1.0
    if escape[1] in "wWSDPsB":
        return 0.2 if escape[1] == "s" else _ANY
    return {"d": 0.1, "p": _BROAD}.get(escape[1], _LETTER)


def _class_rate(text: str) -> float:
    if text.startswith("[^") or re.search(r"\\[wWSD]|\[:", text):
        return _ANY
    ranges = sum(ord(last) - ord(first) for first, last in re.findall(r"([^\\\[])-([^\]])", text))
    return min(_ANY, (ranges + len(text) - 2) / 40)
