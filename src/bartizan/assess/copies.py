"""Copies: a tool that looks like another server's. A model that means the one may call the other.

A name that merely occurs on two servers is none: two servers for files both have `read_file`. A copy has a name that
looks like the other's and is not it (another letter of the same shape, case, separator or a suffix), and what the other
says of itself: its description or its schema.
"""

import re
from collections import defaultdict
from collections.abc import Iterable

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


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """A tool in its client: the client and server as they are told apart, and its definition."""

    index: int
    client: str
    server: str
    name: str
    definition: JsonObject

    def marks(self) -> list[tuple[str, str]]:
        """What a copy takes of it: digests of its description and its schema, where they are long enough to tell."""
        description = fold(as_text(self.definition.get("description"))).strip()
        schema = as_object(self.definition.get("inputSchema"))
        told = [("description", digest(description))] if len(description) >= _DESCRIPTION_CHARACTERS_MIN else []
        return told + (
            [("schema", digest(schema))] if len(as_object(schema.get("properties"))) >= _PROPERTIES_MIN else []
        )


class Copy(msgspec.Struct, frozen=True, kw_only=True):
    """That `index` looks like `original` of another server, and what it shares with it."""

    index: int
    original: int
    shared: str


def entry(index: int, client: str, server: str, definition: JsonObject) -> Entry:
    """A definition to be compared."""
    return Entry(index=index, client=client, server=server, name=as_text(definition.get("name")), definition=definition)


def copies(entries: Iterable[Entry]) -> list[Copy]:
    """Each copy once, with the tool that it looks like. Of a pair the one with the stranger, longer or later name."""
    alike: defaultdict[tuple[str, str], list[Entry]] = defaultdict(list)
    skeletons: dict[str, str] = {}
    for one in entries:
        if one.name not in skeletons:
            skeletons[one.name] = _skeleton(one.name)
        alike[one.client, skeletons[one.name]].append(one)
    found: dict[int, Copy] = {}
    for group in alike.values():
        if len({one.name for one in group}) < 2 or len({one.server for one in group}) < 2:
            continue  # nearly every name: nothing else looks like it
        first: dict[tuple[str, str], Entry] = {}
        for one in sorted(group, key=_strangeness):
            for mark in one.marks():
                original = first.setdefault(mark, one)
                if original.server != one.server and original.name != one.name:
                    found.setdefault(one.index, Copy(index=one.index, original=original.index, shared=mark[0]))
    return [found[index] for index in sorted(found)]


def _skeleton(name: str) -> str:
    """What a hasty reader keeps of a name."""
    plain = re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", name)
    kept = _SUFFIX.sub("", fold(plain)) or fold(plain)
    return re.sub(r"[^\w]|_", "", kept)


def _strangeness(one: Entry) -> tuple[bool, int, int]:
    return not one.name.isascii(), len(one.name), one.index
