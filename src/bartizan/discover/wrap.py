"""Putting the entries of a configuration behind the gateway, and taking them back: texts in, texts out."""

import copy
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any, cast
from urllib.parse import unquote

import msgspec

from bartizan.discover.edit import EditError, rewrite, value_at
from bartizan.discover.entries import USUAL_FIELDS, Entry, read_entry
from bartizan.discover.formats import BrokenError, read_document
from bartizan.discover.packages import package_of
from bartizan.discover.walk import Path, at
from bartizan.model.client import ClientSpec, ConfigPath, Format
from bartizan.model.json import as_object
from bartizan.model.mend import Edit, Step
from bartizan.model.snapshot import Transport
from bartizan.model.wrapped import Hunk, WrappedEntry

_URL = re.compile(r"https?://[^/?#]+(?:/[^?#]*)?/servers/([^/?#]+)/mcp/?")
_FILLED_IN = re.compile(r"\$\{|\{\{|\$[A-Za-z_]|%[A-Za-z_]\w*%")
# Keys by which a client takes values from its own environment or store, which nobody else can.
_FROM_CLIENT = ("env_vars", "env_keys", "bearer_token_env_var", "env_http_headers", "headersHelper", "oauth")
_HTTP_WORDS = {
    "claude-code": "http",
    "cursor": "http",
    "vscode": "http",
    "cline": "streamableHttp",
    "roo-code": "streamable-http",
    "goose": "streamable_http",
}


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """The gateway as a client reaches it: its address, and the words that start `connect` with an id in `{}`."""

    url: str
    connect: tuple[str, ...]

    def words(self, identity: str) -> list[str]:
        """The command of an entry."""
        return [word.replace("{}", identity) for word in self.connect]

    def address(self, identity: str) -> str:
        """The address of an entry."""
        return f"{self.url.rstrip('/')}/servers/{identity}/mcp"


Reader = tuple[Format, ClientSpec]


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """An entry of a configuration. `left` says why it is not put behind the gateway; empty where it can be."""

    entry: Entry
    value: dict[str, Any]
    left: str = ""


class Wrapped(msgspec.Struct, frozen=True, kw_only=True):
    """The text with its entries behind the gateway, and the way back. `left`: names with why they stay as they are."""

    text: str
    hunks: tuple[Hunk, ...]
    entries: tuple[WrappedEntry, ...]
    left: tuple[tuple[str, str], ...]


def gateway_id(entry: Entry) -> str:
    """The id under which an entry reaches the gateway; empty for one that does not."""
    if entry.command:
        return package_of([word.text for word in entry.command]).gateway
    match = _URL.fullmatch(entry.url)
    return unquote(match[1]) if match else ""


def entries_of(value: Any, spec: ClientSpec, config: ConfigPath) -> list[Found]:
    """The entries of a document that a client's own catalogue entry names."""
    return [
        _found(name, inner, path, spec)
        for key in config.keys
        for where, table in at(value, key)
        for name, inner, path in _members(table, where)
    ]


def _members(table: Any, where: Path) -> Iterator[tuple[str, dict[str, Any], Path]]:
    if isinstance(table, dict):
        pairs: list[tuple[Step, Any]] = list(cast("dict[str, Any]", table).items())
    else:
        pairs = list(enumerate(cast("list[Any]", table))) if isinstance(table, list) else []
    for step, inner in pairs:
        if isinstance(inner, dict):
            entry = cast("dict[str, Any]", inner)
            name = entry.get("name") if isinstance(step, int) else step
            yield (name if isinstance(name, str) else str(step)), entry, (*where, step)


def _found(name: str, value: dict[str, Any], path: Path, spec: ClientSpec) -> Found:
    entry = read_entry(name, value, path, spec.fields)
    return Found(entry=entry, value=value, left=_why_left(entry, value, spec))


def _why_left(entry: Entry, value: Mapping[str, Any], spec: ClientSpec) -> str:
    if entry.built_in or entry.problems or not (entry.command or entry.url):
        return "is a part of the client" if entry.built_in else "has a form that is not known"
    if entry.command and entry.url:
        return "names both a command and an address"
    held = [word.text for word in entry.command] + [entry.url, entry.directory]
    held += [*entry.environment.values(), *entry.headers.values()]
    if any(_FILLED_IN.search(text) for text in held) or any(value.get(key) for key in _FROM_CLIENT):
        return "holds a reference that only its client fills in: name the server in bartizan.yml instead"
    if entry.environment_files:
        return "names an environment file: name the server in bartizan.yml instead"
    if entry.transport is Transport.SSE and not _sse_edits(entry, value, spec):
        return "speaks the older SSE transport, and how its client calls the newer one is not known"
    return ""


def wrap_text(text: str, reader: Reader, found: Sequence[Found], ids: Mapping[Path, str], gateway: Place) -> Wrapped:
    """Put every entry that has an id behind the gateway; no other entry changes. One that cannot be edited is left."""
    form, spec = reader
    hunks: list[Hunk] = []
    entries: list[WrappedEntry] = []
    left = [(one.entry.name, one.left) for one in found if one.left and not gateway_id(one.entry)]
    for one in found:
        identity = ids.get(one.entry.path, "")
        if one.left or not identity:
            continue
        inner, wanted, removed = _changes(one, spec, gateway, identity)
        here = as_object(value_at(one.value, inner))
        try:
            draft, made = _written(text, form, (*one.entry.path, *inner), here=here, wanted=wanted, removed=removed)
        except EditError as error:
            left.append((one.entry.name, f"stands in a form that cannot be edited ({error})"))
            continue
        text = draft
        hunks += made
        entries.append(
            WrappedEntry(
                id=identity,
                name=one.entry.name,
                client=spec.id,
                path=one.entry.path,
                inner=inner,
                replaced={key: here[key] for key in (*wanted, *removed) if key in here},
                added=tuple(key for key in wanted if key not in here),
                written=wanted,
                environment=tuple(one.entry.environment),
            )
        )
    return Wrapped(text=text, hunks=tuple(hunks), entries=tuple(entries), left=tuple(left))


def _changes(one: Found, spec: ClientSpec, gateway: Place, identity: str) -> tuple[Path, dict[str, Any], list[str]]:
    """Where in an entry keys change, what they become, and which go."""
    fields = {**USUAL_FIELDS, **spec.fields}
    if one.entry.url:
        removed = [key for key in fields["headers"].split() if key in one.value]
        if one.entry.transport is Transport.SSE:
            wanted, gone = _sse_edits(one.entry, one.value, spec) or ({}, [])
            return (), {key: word or gateway.address(identity) for key, word in wanted.items()}, [*gone, *removed]
        return (), {str(one.entry.url_path[-1]): gateway.address(identity)}, removed
    words = gateway.words(identity)
    key = next(key for key in fields["command"].split() if one.value.get(key) is not None)
    if isinstance(one.value[key], list):
        return (), {key: words}, []
    inner: Path = (key,) if isinstance(one.value[key], dict) else ()
    here = as_object(value_at(one.value, inner))
    names = fields["args"].split()
    args = next((name for name in names if name in here), names[0])
    return inner, {"path" if inner else key: words[0], args: words[1:]}, []


def _sse_edits(entry: Entry, value: Mapping[str, Any], spec: ClientSpec) -> tuple[dict[str, str], list[str]] | None:
    """Keys with their values (empty for the address) that turn an SSE entry into one of streamable HTTP."""
    fields = {**USUAL_FIELDS, **spec.fields}
    used = str(entry.url_path[-1])
    if used in fields["url_sse"].split():
        return {fields["url"].split()[0]: ""}, [used]
    kind = next((key for key in fields["type"].split() if key in value), "")
    word = _HTTP_WORDS.get(spec.id, "")
    if kind and not word:
        return None
    return ({used: "", kind: word} if kind else {used: ""}), []


def _written(
    text: str, form: Format, path: Path, *, here: Mapping[str, Any], wanted: Mapping[str, Any], removed: Sequence[str]
) -> tuple[str, list[Hunk]]:
    hunks: list[Hunk] = []
    for key, value in wanted.items():
        text, made = _first_way(text, form, _ways(path, key, value, here.get(key)))
        hunks += made
    for key in removed:
        text, made = _edited(text, form, [Edit(action="remove", path=(*path, key))])
        hunks += made
    return text, hunks


def _first_way(text: str, form: Format, ways: Sequence[list[Edit]]) -> tuple[str, list[Hunk]]:
    for edits in ways[:-1]:
        with suppress(EditError):
            return _edited(text, form, edits)
    return _edited(text, form, ways[-1])


def _ways(path: Path, key: str, value: Any, old: Any) -> list[list[Edit]]:
    """Edits that set a value: at once, or element by element where a list stands in a block."""
    ways = [[Edit(path=(*path, key), value=value)]]
    if isinstance(value, list) and isinstance(old, list) and old:
        new, length = cast("list[Any]", value), len(cast("list[Any]", old))
        put = [Edit(action="prepend", path=(*path, key), value="") for _ in range(max(0, len(new) - length))]
        put += [Edit(path=(*path, key, number), value=word) for number, word in enumerate(new)]
        last = range(length - 1, len(new) - 1, -1)
        ways.append(put + [Edit(action="remove", path=(*path, key, number)) for number in last])
    return ways


def _edited(text: str, form: Format, edits: Sequence[Edit]) -> tuple[str, list[Hunk]]:
    """One after the other, each with the stretch that it changed."""
    hunks: list[Hunk] = []
    for edit in edits:
        after = rewrite(text, form, [edit])
        hunks.append(_hunk(text, after))
        text = after
    return text, hunks


def _hunk(before: str, after: str) -> Hunk:
    shortest = min(len(before), len(after))
    start = _common(before, after, shortest)
    end = _common(before[::-1], after[::-1], shortest - start)
    return Hunk(at=start, length=len(after) - start - end, old=before[start : len(before) - end])


def _common(one: str, other: str, most: int) -> int:
    """How many characters two texts begin with together."""
    low, high = 0, most
    while low < high:
        middle = (low + high + 1) // 2
        if one[low:middle] == other[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low


def undone(text: str, hunks: Sequence[Hunk]) -> str:
    """The text as it was, character for character, if `text` is the one that the hunks made."""
    for hunk in reversed(hunks):
        text = text[: hunk.at] + hunk.old + text[hunk.at + hunk.length :]
    return text


def restored_entry(value: Mapping[str, Any], entry: WrappedEntry) -> dict[str, Any]:
    """An entry as it would stand there without the gateway; what else was changed in it since stays."""
    whole = copy.deepcopy(dict(value))
    here = as_object(value_at(whole, entry.inner))
    for key in entry.added:
        here.pop(key, None)
    here.update(copy.deepcopy(entry.replaced))
    return whole


def restored(text: str, form: Format, entries: Sequence[WrappedEntry]) -> str:
    """A text that changed since, with every entry that still leads to the gateway put back. Raises EditError."""
    for entry in entries:
        try:
            value = read_document(text, form).value
        except BrokenError as error:
            raise EditError(error.reason) from None
        path = find_entry(value, entry)
        if path is None:
            continue
        where = (*path, *entry.inner)
        here = as_object(value_at(value, where))
        text, _ = _written(
            text,
            form,
            where,
            here=here,
            wanted=entry.replaced,
            removed=[key for key in entry.added if key in here],
        )
    return text


def find_entry(value: Any, entry: WrappedEntry) -> Path | None:
    """Where an entry of ours stands now: elements of an array move. None where it leads to the gateway no more."""
    above, step = entry.path[:-1], entry.path[-1]
    try:
        table: Any = value_at(value, above)
    except LookupError:
        return None
    for _, inner, path in _members(table, above):
        if is_ours(inner, entry) and (path[-1] == step or isinstance(step, int)):
            return path
    return None


def is_ours(value: Mapping[str, Any], entry: WrappedEntry) -> bool:
    """Whether an entry is still what we wrote: one that names another address, or another program, is not."""
    try:
        here = as_object(value_at(value, entry.inner))
    except LookupError:
        return False
    return all(here.get(key) == word for key, word in entry.written.items())
