"""Copies: a tool that looks like another server's. A model that means the one may call the other.

A name that merely occurs on two servers is none: two servers for files both have `read_file`. A copy has a name that
looks like the other's and is not it (another letter of the same shape, case, separator or a suffix), and what the other
says of itself: its description or its schema.
"""

import difflib
import re
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence

import msgspec

from bartizan.model.digest import digest
from bartizan.model.json import JsonObject, as_object, as_text
from bartizan.text.fold import fold

_SUFFIX = re.compile(
    r"(?:[_\-. ]*(?:v?\d{1,3}|new|old|pro|plus|fast|safe|secure|official|original|real|copy|fixed|updated|latest|beta|"
    r"alt|enhanced|improved|extended|ex|internal|admin|tool|mcp))+\Z"
)
_DESCRIPTION_CHARACTERS_MIN = 20  # shorter ones are alike by chance
_PROPERTIES_MIN = 2  # so are schemas of one parameter
_GROUP_MAX = 50
_CONTAINED_MIN = 5
_RATIO_MIN = 0.85


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """A tool in its client: the client and server as they are told apart, and its definition."""

    index: int
    client: str
    server: str
    name: str
    definition: JsonObject

    def marks(self) -> list[tuple[str, str]]:
        """What a copy takes of it: digests of its description and its schema, where they are long enough to tell."""
        words = _content_words(as_text(self.definition.get("description")))
        schema = as_object(self.definition.get("inputSchema"))
        told = [("description", digest(words))] if sum(map(len, words)) >= _DESCRIPTION_CHARACTERS_MIN else []
        return told + (
            [("schema", digest(schema))] if len(as_object(schema.get("properties"))) >= _PROPERTIES_MIN else []
        )


def _content_words(text: str) -> list[str]:
    """The words of a description without order, number and the smallest ones: what a touched-up copy keeps."""
    return sorted({word.rstrip("s") for word in re.findall(r"\w{3,}", fold(text))})


class Copy(msgspec.Struct, frozen=True, kw_only=True):
    """That `index` looks like `original` of another server, and what it shares with it."""

    index: int
    original: int
    shared: str


def entry(index: int, client: str, server: str, definition: JsonObject) -> Entry:
    """A definition to be compared."""
    return Entry(index=index, client=client, server=server, name=as_text(definition.get("name")), definition=definition)


def copies(entries: Iterable[Entry]) -> list[Copy]:
    """Each copy once, with the tool that it looks like. Of a pair the one with the stranger, longer or later name.

    A name of other letters that look the same is a copy by itself: nobody names a tool `send_maiI` by chance. Any other
    likeness (a suffix, a prefix, a separator) needs the description or the schema too.
    """
    found: dict[int, Copy] = {}
    clients: defaultdict[str, list[Entry]] = defaultdict(list)
    for one in entries:
        clients[one.client].append(one)
    for group in clients.values():
        if len({one.server for one in group}) > 1:  # nearly never, where each server is a client of its own
            for copy in _alike(group):
                found.setdefault(copy.index, copy)
    return [found[index] for index in sorted(found)]


def _alike(group: Sequence[Entry]) -> Iterator[Copy]:
    ordered = sorted(group, key=_strangeness)
    drawn: defaultdict[str, list[Entry]] = defaultdict(list)
    marked: defaultdict[tuple[str, str], list[Entry]] = defaultdict(list)
    for one in ordered:
        drawn[_drawn(one.name)].append(one)
        for mark in one.marks():
            marked[mark].append(one)
    for same in drawn.values():
        yield from _pairs(same, lambda one, other: _plain(one.name) != _plain(other.name), "letters that look the same")
    for (what, _), same in marked.items():
        yield from _pairs(same, lambda one, other: _resembles(one.name, other.name), f"its {what}")


def _pairs(same: Sequence[Entry], alike: Callable[[Entry, Entry], bool], shared: str) -> Iterator[Copy]:
    for number, one in enumerate(same[:_GROUP_MAX]):
        for other in same[:number]:
            if other.server != one.server and other.name != one.name and alike(one, other):
                yield Copy(index=one.index, original=other.index, shared=shared)
                break


_DRAWN = str.maketrans("01358|", "olesbl")
_DRAWN_PAIRS = (("rn", "m"), ("vv", "w"), ("cl", "d"))


def _plain(name: str) -> str:
    """A name without what people vary honestly: case and separators."""
    return re.sub(r"[\W_]", "", name).lower()


def _drawn(name: str) -> str:
    """How a name looks: letters and digits of one shape are one, accents and separators are dropped."""
    bare = "".join(one for one in unicodedata.normalize("NFD", fold(name)) if not unicodedata.combining(one))
    shape = re.sub(r"[\W_]", "", bare).translate(_DRAWN).replace("i", "l")
    for pair, one in _DRAWN_PAIRS:
        shape = shape.replace(pair, one)
    return shape


def _resembles(name: str, other: str) -> bool:
    """One is the other with a suffix, a prefix, other separators, or a letter or two of difference."""
    one, two = _skeleton(name), _skeleton(other)
    if one == two:
        return True
    shorter, longer = sorted((one, two), key=len)
    if len(shorter) >= _CONTAINED_MIN and shorter in longer:
        return True
    return difflib.SequenceMatcher(None, one, two).ratio() >= _RATIO_MIN


def _skeleton(name: str) -> str:
    """What a hasty reader keeps of a name."""
    plain = re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", name)
    kept = _SUFFIX.sub("", fold(plain)) or fold(plain)
    return re.sub(r"[^\w]|_", "", kept)


def _strangeness(one: Entry) -> tuple[bool, bool, int, int]:
    return not one.name.isascii(), any(letter.isdigit() for letter in one.name), len(one.name), one.index
