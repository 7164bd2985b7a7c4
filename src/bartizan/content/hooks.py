"""Code that runs for an agent, as several checks read it: commands of hooks, and the scripts of hooks and skills."""

import re
from bisect import bisect_left
from collections.abc import Iterator
from itertools import islice

import msgspec

from bartizan.content.address import Reach, reach_of
from bartizan.model.asset import Asset
from bartizan.model.document import DocumentText
from bartizan.model.errors import Place
from bartizan.model.inventory import Inventory
from bartizan.model.origin import Origin
from bartizan.text import regex

_SIGHTS_MAX = 20


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """One place in code that runs: what matched, the line of code around it, and where it stands."""

    matched: str
    code: str
    place: Place | None


def code_of(subject: Asset, inventory: Inventory) -> Iterator[DocumentText]:
    """The texts of a document that run, by its id: documents of an inventory are in the order of their assets."""
    start = bisect_left(inventory.documents, subject.id, key=lambda text: text.asset)
    for text in islice(inventory.documents, start, None):
        if text.asset != subject.id:
            return
        if text.origin is Origin.HOOK:
            yield text


def lines_with(pattern: regex.Pattern, subject: Asset, inventory: Inventory) -> Iterator[Line]:
    """Every place in the code of a document that the pattern finds, comments left out, at most so many."""
    yield from islice(_lines(pattern, subject, inventory), _SIGHTS_MAX)


def _lines(pattern: regex.Pattern, subject: Asset, inventory: Inventory) -> Iterator[Line]:
    for text in code_of(subject, inventory):
        for start, end in pattern.groups(text.text):
            first, last = text.text.rfind("\n", 0, start) + 1, text.text.find("\n", end)
            code = text.text[first : last if last >= 0 else None]
            if not _COMMENT.match(code):
                yield Line(matched=text.text[start:end], code=code, place=_place(subject, text, start))


_COMMENT = re.compile(r"[ \t]*(?:#|//|\*|rem )", re.IGNORECASE)


def _place(subject: Asset, text: DocumentText, start: int) -> Place | None:
    place = subject.places[0] if subject.places else None
    if place is None or text.line is None:
        return place
    return msgspec.structs.replace(place, line=text.line + text.text.count("\n", 0, start))


def told(subject: Asset) -> str:
    """What a message calls the document: whose hook it is, or the name of the script."""
    kind = "hook" if subject.attributes.get("role") == "hook" else "script"
    return f"a {kind} of {subject.attributes.get('client', 'an agent')} in {subject.name}"


_URL = re.compile(r"https?://[^\s\"'`<>|;)]{1,300}", re.IGNORECASE)


def stays_here(code: str) -> bool:
    """Whether every address that the code names is this machine; code that names none says nothing about it."""
    found = _URL.findall(code)
    return bool(found) and all(reach_of(url) is Reach.MACHINE for url in found)
