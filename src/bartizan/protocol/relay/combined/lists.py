"""Lists of several servers as one: each definition as its server wrote it, but for the name that it has here."""

import json
from collections.abc import Collection, Mapping, Sequence

import msgspec

from bartizan.model.errors import RemoteProtocolError
from bartizan.model.json import JsonObject, as_object
from bartizan.model.limits import DEFAULT, Limits
from bartizan.model.secret import Secret
from bartizan.model.snapshot import Era
from bartizan.protocol.jsonrpc import RequestId, encode
from bartizan.protocol.relay.combined.names import TOOL_NAME_CHARACTERS_MAX, joined, joined_uri
from bartizan.protocol.relay.combined.paths import changes, places
from bartizan.protocol.relay.rewriting import elements, replaced
from bartizan.protocol.relay.sessions import seal, unseal

LEFT_OUT = "bartizan/leftOut"
"""The key of `_meta` that says what is missing from a merged answer, and why: a list of `server` and `reason`."""

# The key of a definition that names it, by the key of its list.
_NAMES = {"tools": "name", "prompts": "name", "resources": "uri", "resourceTemplates": "uriTemplate"}

Pending = Mapping[str, str | None]
"""The servers whose definitions are still to come, each with its own cursor; None for its first page."""


class Missing(msgspec.Struct, frozen=True, kw_only=True):
    """What is not in a merged answer. `reason` is ours: nothing that a server wrote is in it."""

    server: str
    reason: str


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """One server's page under the names of the combined endpoint. `cursor` leads to its next page."""

    server: str
    definitions: tuple[str, ...]
    cursor: str | None = None
    ttl_ms: int = 0
    missing: tuple[Missing, ...] = ()


def page(server: str, key: str, text: str) -> Page:
    """The page in a server's answer, which was read and filtered before. Raises RemoteProtocolError."""
    result = as_object(as_object(json.loads(text)).get("result"))
    span = next(places(text, ("result", key)), None)
    if span is None or text[span[0]] != "[":
        raise RemoteProtocolError(f"the result has no list {key}")
    if result.get("resultType", "complete") != "complete":
        raise RemoteProtocolError("a list that is not complete")
    array = text[slice(*span)]
    kept: list[str] = []
    unnamed = 0
    for definition in (array[slice(*one)] for one in elements(array)):
        named = _named(server, key, definition)
        kept += [named] if named else []
        unnamed += not named
    cursor, ttl = result.get("nextCursor"), result.get("ttlMs")
    reason = f"{unnamed} of its {key} have no name that they could have here: none, or one that is too long with its id"
    return Page(
        server=server,
        definitions=tuple(kept),
        cursor=cursor if isinstance(cursor, str) else None,
        ttl_ms=ttl if isinstance(ttl, int) and ttl > 0 else 0,
        missing=(Missing(server=server, reason=reason),) if unnamed else (),
    )


def _named(server: str, key: str, definition: str) -> str:
    """A definition under its name here; empty where it can have none.

    A tool's name has at most 128 characters. It is not cut: two that are cut alike could not be told apart.
    """
    name = _NAMES[key]
    old = as_object(json.loads(definition)).get(name)
    if not isinstance(old, str) or not old:
        return ""
    new = joined(server, old) if name == "name" else joined_uri(server, old)
    if key == "tools" and len(new) > TOOL_NAME_CHARACTERS_MAX:
        return ""
    return replaced(definition, changes(definition, (name,), lambda _: new))


class Merged(msgspec.Struct, frozen=True, kw_only=True):
    """What one answer holds: the pages, what is missing, and our own cursor where there is more."""

    pages: Sequence[Page]
    missing: Sequence[Missing] = ()
    cursor: str | None = None


def answer(identity: RequestId, key: str, era: Era, merged: Merged) -> bytes:
    """The answer to a client. It is for one principal's cache: what policy hides differs by principal."""
    members: JsonObject = {"nextCursor": merged.cursor} if merged.cursor is not None else {}
    if era is Era.MODERN:
        ttl = 0 if merged.missing else min((one.ttl_ms for one in merged.pages), default=0)
        members |= {"resultType": "complete", "ttlMs": ttl, "cacheScope": "private"}
    if told := left_out(merged.missing):
        members["_meta"] = told
    rest = "," + encode(members).decode()[1:-1] if members else ""
    definitions = ",".join(one for one_page in merged.pages for one in one_page.definitions)
    said = encode(identity).decode()
    return f'{{"jsonrpc":"2.0","id":{said},"result":{{"{key}":[{definitions}]{rest}}}}}'.encode()


def left_out(missing: Sequence[Missing]) -> JsonObject:
    """What an answer's `_meta` says of what is not in it; nothing where all is in it."""
    return {LEFT_OUT: [{"server": one.server, "reason": one.reason} for one in missing]} if missing else {}


def chosen(pages: Sequence[Page], asked: Pending, limits: Limits = DEFAULT) -> tuple[list[Page], dict[str, str | None]]:
    """The pages that one answer has room for, and what is then still to come. The first always has room."""
    room = limits.message_bytes_max
    taken: list[Page] = []
    pending: dict[str, str | None] = {}
    for one in pages:
        size = sum(len(text.encode()) for text in one.definitions)
        if taken and size > room:
            pending[one.server] = asked[one.server]
            continue
        room -= size
        taken.append(one)
        if one.cursor is not None:
            pending[one.server] = one.cursor
    return taken, pending


def sealed_cursor(key: Secret, method: str, pending: Pending, limits: Limits = DEFAULT) -> tuple[str | None, list[str]]:
    """A cursor for what is still to come, None for nothing, and the servers whose own cursors are too long for it."""
    held: dict[str, str | None] = {}
    too_long: list[str] = []
    size = 0
    for server, cursor in pending.items():
        size += len(server) + len(cursor or "") * 2
        if size > limits.combined_cursor_bytes_max:
            too_long.append(server)
        else:
            held[server] = cursor
    return (seal(key, _label(method), "", encode(held).decode()) if held else None), too_long


def opened_cursor(
    key: Secret, method: str, cursor: str, servers: Collection[str], limits: Limits = DEFAULT
) -> Pending | None:
    """What a cursor of ours stands for; None for any other text, or one of another list."""
    said = unseal(key, _label(method), "", cursor, most=limits.combined_cursor_bytes_max * 4)
    if said is None:
        return None
    return {server: at for server, at in json.loads(said).items() if server in servers}


def _label(method: str) -> str:
    return f"cursor of {method}"  # no server has an id with a space
