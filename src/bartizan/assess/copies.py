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
_PROPERTIES_MIN = 2  # schemas of one parameter are alike by chance
_DESCRIPTION_CHARACTERS_MAX = 1_000  # so many tell
_WORDS_MIN = 4  # shorter descriptions are alike by chance
_WORDS_SHARE_MIN = 0.8
_GROUP_MAX = 100
_CONTAINED_MIN = 5
_RATIO_MIN = 0.85


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """A tool in its client: the client and server as they are told apart, and what a copy would take of it."""

    index: int
    client: str
    server: str
    name: str
    words: frozenset[str]
    schema: str


def _words(definition: JsonObject) -> frozenset[str]:
    """The words of its description without order, number and the smallest: what a touched-up copy keeps."""
    return frozenset(_stems(as_text(definition.get("description"))[:_DESCRIPTION_CHARACTERS_MAX]))


def _schema(definition: JsonObject) -> str:
    """The digest of its schema, where that has enough parameters to tell."""
    schema = as_object(definition.get("inputSchema"))
    return digest(schema) if len(as_object(schema.get("properties"))) >= _PROPERTIES_MIN else ""


def _stems(text: str) -> list[str]:
    return [_stem(word) for word in re.findall(r"[^\W_]{3,}", fold(text))]


def _stem(word: str) -> str:
    """Without the ending of a plural: `query` and `queries` are one."""
    return word[:-3] + "y" if word.endswith("ies") and len(word) > 4 else word.removesuffix("s")


class Copy(msgspec.Struct, frozen=True, kw_only=True):
    """That `index` looks like `original` of another server, and what it shares with it."""

    index: int
    original: int
    shared: str


def entry(index: int, client: str, server: str, definition: JsonObject) -> Entry:
    """A definition to be compared."""
    return Entry(
        index=index,
        client=client,
        server=server,
        name=as_text(definition.get("name")),
        words=_words(definition),
        schema=_schema(definition),
    )


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
    yield from _pairs(
        _buckets(ordered, lambda one: [_drawn(one.name)]),
        lambda one, other: "letters that look the same" if _plain(one.name) != _plain(other.name) else "",
    )
    yield from _pairs(_buckets(ordered, _likenesses), _taken)


def _likenesses(one: Entry) -> Iterator[str]:
    """What two tools must share to be compared at all: the schema, the description, or the words of the name."""
    if one.schema:
        yield f"schema {one.schema}"
    if len(one.words) >= _WORDS_MIN:
        yield f"description {' '.join(sorted(one.words))}"
    yield f"name {' '.join(_name_words(one.name))}"


def _buckets(ordered: Iterable[Entry], keys: Callable[[Entry], Iterable[str]]) -> Iterable[list[Entry]]:
    found: defaultdict[str, list[Entry]] = defaultdict(list)
    for one in ordered:
        for key in keys(one):
            found[key].append(one)
    return found.values()


def _pairs(buckets: Iterable[list[Entry]], shared: Callable[[Entry, Entry], str]) -> Iterator[Copy]:
    for same in buckets:
        for number, one in enumerate(same[:_GROUP_MAX]):
            for other in same[:number]:
                if other.server != one.server and other.name != one.name and (what := shared(one, other)):
                    yield Copy(index=one.index, original=other.index, shared=what)
                    break


def _taken(one: Entry, other: Entry) -> str:
    """What a tool with a name like another's has of it."""
    if not _resembles(one.name, other.name):
        return ""
    if one.schema and one.schema == other.schema:
        return "its schema"
    smaller, larger = sorted((one.words, other.words), key=len)
    alike = len(smaller) >= _WORDS_MIN and len(smaller & larger) >= _WORDS_SHARE_MIN * len(smaller)
    return "its description" if alike else ""


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


def _name_words(name: str) -> list[str]:
    """The words of a name, each once, without those that a copy adds."""
    plain = re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", name)
    kept = _SUFFIX.sub("", fold(plain)) or fold(plain)
    return sorted({_stem(word) for word in re.findall(r"[^\W_]+", kept)})


def _resembles(name: str, other: str) -> bool:
    """One is the other in another order or number, with a suffix, a prefix, or a letter or two of difference."""
    if _name_words(name) == _name_words(other):
        return True
    shorter, longer = sorted((_skeleton(name), _skeleton(other)), key=len)
    if len(shorter) >= _CONTAINED_MIN and shorter in longer:
        return True
    return difflib.SequenceMatcher(None, shorter, longer).ratio() >= _RATIO_MIN


def _skeleton(name: str) -> str:
    """What a hasty reader keeps of a name."""
    plain = re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", name)
    kept = _SUFFIX.sub("", fold(plain)) or fold(plain)
    return re.sub(r"[^\w]|_", "", kept)


def _strangeness(one: Entry) -> tuple[bool, bool, int, int]:
    return not one.name.isascii(), any(letter.isdigit() for letter in one.name), len(_plain(one.name)), one.index
