"""`bartizan.yml`: read, validated, every mistake with its line."""

import ipaddress
import re
from pathlib import Path
from typing import Any

import msgspec

from bartizan.app.yaml_file import MISTAKES_MAX, line_of, parsed
from bartizan.model.errors import ContentError, Place, UsageError
from bartizan.model.limits import DEFAULT


class ServerEntry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A server of the configuration of record: by URL, or by command."""

    url: str = ""
    command: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if bool(self.url) == bool(self.command):
            raise ValueError("a server has either a url or a command")


class Gateway(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The servers of record."""

    servers: dict[str, ServerEntry] = {}


class Discover(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where to look beside this user's home."""

    homes: tuple[str, ...] = ()
    projects: tuple[str, ...] = ()
    targets: tuple[str, ...] = ()


class Network(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """From where servers are meant to be reached."""

    declared: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for one in self.declared:
            try:
                ipaddress.ip_network(one, strict=False)
            except ValueError:
                raise ValueError(f"{one[:80]!r} is no address and no CIDR") from None


class Config(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The whole file. Without one, the defaults hold."""

    store: str = "sqlite"
    gateway: Gateway | None = None
    discover: Discover = Discover()
    network: Network = Network()
    suppressions: tuple[str, ...] = ()
    registry: tuple[str, ...] = ()
    advisories: tuple[str, ...] = ()


def read_config(path: Path | None) -> Config:
    """Read a configuration file; None gives the defaults. Raises UsageError, ContentError with every mistake."""
    if path is None:
        return Config()
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UsageError(
            f"cannot read the configuration: {error.strerror}",
            where=Place(path=str(path)),
            remedy="name a file that exists with --config or BARTIZAN_CONFIG",
        ) from None
    if len(data) > DEFAULT.document_bytes_max:
        raise UsageError(f"larger than {DEFAULT.document_bytes_max} bytes", where=Place(path=str(path)))
    return parse_config(data.decode("utf-8", "replace"), str(path))


def parse_config(text: str, path: str) -> Config:
    """Parse a configuration. Raises ContentError with every mistake and its line."""
    document, node = parsed(text, path)
    mistakes: list[tuple[Place, str]] = []
    while len(mistakes) < MISTAKES_MAX:
        try:
            config = msgspec.convert(document if document is not None else {}, Config)
        except msgspec.ValidationError as error:
            message, names = _located(str(error))
            names = _named(document, names, str(error))
            place = Place(path=path, line=line_of(node, names))
            if all(place != other for other, _ in mistakes):  # what a removal left behind is no second mistake
                mistakes.append((place, message))
            if not _remove(document, names):  # take the mistake out, to find the next one
                break
        else:
            break
    if mistakes:
        raise ContentError(mistakes)
    return config  # pyright: ignore[reportPossiblyUnboundVariable] - no mistake: it was bound


_PATH = re.compile(r"(.*?) - at `(key in )?\$(.*)`\Z", re.DOTALL)
_UNKNOWN = re.compile(r"unknown field `([^`]*)`")


def _located(message: str) -> tuple[str, list[str | int]]:
    """Part msgspec's message into what is wrong and the path to it."""
    names: list[str | int] = []
    if match := _PATH.fullmatch(message):
        message = match[1]
        for name, index in re.findall(r"\.([^.\[\]]+)|\[(\d+|\.\.\.)\]", match[3]):
            names.append(name or (int(index) if index.isdigit() else "..."))
    if unknown := _UNKNOWN.search(message):
        names.append(unknown[1])
    return message, names


def _named(document: Any, names: list[str | int], message: str) -> list[str | int]:
    """The library says `[...]` for a key of a map: find which key it was, by trying each alone."""
    if "..." not in names:
        return names
    at = names.index("...")
    parent = document
    for name in names[:at]:
        parent = parent[name]
    entries = dict(parent)
    try:
        for key, value in entries.items():
            parent.clear()
            parent[key] = value
            try:
                msgspec.convert(document, Config)
            except msgspec.ValidationError as error:
                if str(error) == message:
                    return _named(document, [*names[:at], key, *names[at + 1 :]], message)
    finally:
        parent.clear()
        parent.update(entries)
    return names[:at]


def _remove(document: Any, names: list[str | int]) -> bool:
    try:
        for name in names[:-1]:
            document = document[name]
        del document[names[-1]]
    except (KeyError, IndexError, TypeError):
        return False
    return True
