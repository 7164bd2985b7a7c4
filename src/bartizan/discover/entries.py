"""One configured server, whatever its client calls command, environment and address."""

import re
import shlex
from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, TypeVar, cast

import msgspec

from bartizan.discover.formats import Step, pointer
from bartizan.discover.unwrap import SCRIPT_CHARACTERS_MAX
from bartizan.model.json import as_object
from bartizan.model.limits import DEFAULT
from bartizan.model.snapshot import Transport

ItemT = TypeVar("ItemT")

# Where a client's catalogue entry says nothing else.
USUAL_FIELDS: Mapping[str, str] = {
    "command": "command cmd",
    "args": "args arguments",
    "env": "env envs environment",
    "url": "url serverUrl httpUrl uri",
    "url_sse": "",
    "headers": "headers http_headers",
    "directory": "cwd workingDirectory working_directory",
    "type": "type transport transportType",
    "enabled": "enabled isActive",
    "disabled": "disabled",
    "env_file": "envFile env_file",
}
_BUILT_IN = frozenset({"builtin", "platform", "frontend", "inline_python"})  # parts of the client, started by nothing
_SSE = frozenset({"sse"})
_STDIO = frozenset({"stdio", "local", "command"})


class Word(msgspec.Struct, frozen=True):
    """One word of a command line and where it stands."""

    text: str
    path: tuple[Step, ...]


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """A server as it is configured. It may hold secrets and never leaves this room.

    `problems` are parts of a wrong type, each with its path. `rest` is what the fields do not cover. `gateway` is the
    id under which it goes through the gateway, where it was put behind it: all else is then as it was before, and
    what stood at the paths `moved` stands in the file `moved_to` now.
    """

    name: str
    path: tuple[Step, ...]
    command: tuple[Word, ...] = ()
    environment: Mapping[str, str] = {}
    environment_path: tuple[Step, ...] = ()
    url: str = ""
    url_path: tuple[Step, ...] = ()
    headers: Mapping[str, str] = {}
    headers_path: tuple[Step, ...] = ()
    directory: str = ""
    transport: Transport = Transport.STDIO
    enabled: bool = True
    built_in: bool = False
    environment_files: tuple[str, ...] = ()
    rest: Mapping[str, Any] = {}
    problems: tuple[tuple[tuple[Step, ...], str], ...] = ()
    gateway: str = ""
    moved: tuple[tuple[Step, ...], ...] = ()
    moved_to: str = ""

    @property
    def pointer(self) -> str:
        """Where the entry stands in its document."""
        return pointer(self.path)


class _Reading:
    """One entry while it is read: fields are taken by their names here, mistakes are kept."""

    def __init__(self, value: Mapping[str, Any], path: tuple[Step, ...], fields: Mapping[str, str]) -> None:
        self._value, self._path = value, path
        self._fields = {**USUAL_FIELDS, **fields}
        self.problems: list[tuple[tuple[Step, ...], str]] = []

    def take(self, field: str) -> tuple[Any, tuple[Step, ...]]:
        """Value and path of a field; None where it is not there."""
        for key in self._fields[field].split():
            if self._value.get(key) is not None:
                return self._value[key], (*self._path, key)
        return None, self._path

    def text(self, field: str) -> tuple[str, tuple[Step, ...]]:
        value, path = self.take(field)
        if value is not None and not isinstance(value, str):
            self.problems.append((path, "is not a text"))
        return (value if isinstance(value, str) else ""), path

    def mapping(self, field: str) -> tuple[dict[str, str], tuple[Step, ...]]:
        """A map of texts; numbers and booleans count as texts, as they do for the clients."""
        value, path = self.take(field)
        if value is not None and not isinstance(value, dict):
            self.problems.append((path, "is not an object"))
        found: dict[str, str] = {}
        for name, inner in self._cut(as_object(value).items(), path):
            if isinstance(inner, str | int | float):
                found[name] = str(inner).lower() if isinstance(inner, bool) else str(inner)
            elif inner is not None:
                self.problems.append(((*path, name), "is not a text"))
        return found, path

    def _cut(self, values: Collection[ItemT], path: tuple[Step, ...]) -> Iterator[ItemT]:
        """Not more values than anybody means to give."""
        if len(values) > DEFAULT.config_words_max:
            self.problems.append((path, f"holds more than config_words_max ({DEFAULT.config_words_max})"))
        return islice(values, DEFAULT.config_words_max)

    def words(self, field: str) -> list[Word]:
        """An array of words."""
        value, path = self.take(field)
        if value is None:
            return []
        if isinstance(value, str):
            return [Word(text, path) for text in split(value)]
        if not isinstance(value, list):
            self.problems.append((path, "is not an array"))
            return []
        found: list[Word] = []
        for number, inner in enumerate(self._cut(cast("list[Any]", value), path)):
            if isinstance(inner, str | int | float):
                found.append(Word(str(inner), (*path, number)))
            else:
                self.problems.append(((*path, number), "is not a text"))
        return found

    def rest(self) -> dict[str, Any]:
        """Everything that no field covers."""
        covered = {key for names in self._fields.values() for key in names.split()}
        return {key: value for key, value in self._value.items() if key not in covered}


def split(line: str) -> list[str]:
    """The words of a command line, as a shell would part them."""
    if len(line) > SCRIPT_CHARACTERS_MAX:  # longer than anybody writes; the parser takes its time
        return line.split()
    try:
        return shlex.split(line)
    except ValueError:
        return line.split()


def read_entry(name: str, value: Mapping[str, Any], path: tuple[Step, ...], fields: Mapping[str, str]) -> Entry:
    """Read one entry of a server map. Wrong types are told in `problems`; what is left is read."""
    reading = _Reading(value, path, fields)
    nested, nested_path = reading.take("command")
    if isinstance(nested, dict):  # an older form: the command is an object of its own
        reading = _Reading({**value, **as_object(nested), "command": as_object(nested).get("path")}, path, fields)
        reading.problems += [(nested_path, "has no path")] if not isinstance(as_object(nested).get("path"), str) else []
    kind, _ = reading.text("type")
    url, url_path = reading.text("url")
    sse, sse_path = reading.text("url_sse")
    environment, environment_path = reading.mapping("env")
    headers, headers_path = reading.mapping("headers")
    command = _command(reading)
    built_in = kind.lower() in _BUILT_IN and not command and not url
    if not command and not url and not sse and not built_in:
        reading.problems.append((path, "names neither a command nor an address"))
    return Entry(
        name=name,
        path=path,
        command=tuple(command),
        environment=environment,
        environment_path=environment_path,
        url=url or sse,
        url_path=url_path if url else sse_path,
        headers=headers,
        headers_path=headers_path,
        directory=reading.text("directory")[0],
        transport=_transport(kind.lower(), url or sse, sse=bool(sse and not url), command=bool(command)),
        enabled=_enabled(reading),
        built_in=built_in,
        environment_files=tuple(dict.fromkeys(_environment_files(reading, command))),
        rest=reading.rest(),
        problems=tuple(dict.fromkeys(reading.problems)),
    )


def _command(reading: _Reading) -> list[Word]:
    value, path = reading.take("command")
    arguments = reading.words("args")
    if value is None:
        return []
    if not isinstance(value, str):
        return reading.words("command") + arguments
    parts = split(value) if " " in value.strip() and not arguments else []
    if parts and not re.search(r"[/\\]", parts[0]):  # a path may hold blanks, a bare name may not
        return [Word(part, path) for part in parts]
    return [Word(value, path), *arguments] if value.strip() else []


def _transport(kind: str, url: str, *, sse: bool, command: bool) -> Transport:
    if kind in _SSE or (sse and kind not in {"http", "streamable-http"}):
        return Transport.SSE
    if kind in _STDIO or (command and not url):
        return Transport.STDIO if command or not url else Transport.STREAMABLE_HTTP
    if not kind and url.partition("?")[0].rstrip("/").endswith("/sse"):
        return Transport.SSE
    return Transport.STREAMABLE_HTTP if url else Transport.STDIO


def _enabled(reading: _Reading) -> bool:
    enabled, disabled = reading.take("enabled")[0], reading.take("disabled")[0]
    return enabled is not False and disabled is not True


def _environment_files(reading: _Reading, command: Sequence[Word]) -> Iterator[str]:
    value, path = reading.take("env_file")
    for one in value if isinstance(value, list) else [value]:  # pyright: ignore[reportUnknownVariableType]
        if isinstance(one, str):
            yield one
        elif one is not None:
            reading.problems.append((path, "is not a text"))
    words = [word.text for word in command]
    for number, word in enumerate(words):
        name, equals, inner = word.partition("=")
        if name in {"--env-file", "--env-file-if-exists"} and (equals or number + 1 < len(words)):
            yield inner if equals else words[number + 1]
