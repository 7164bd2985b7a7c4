"""What was put behind the gateway: one private file for each configuration, below the state folder."""

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from bartizan.app.change import read_now
from bartizan.app.files import write_private
from bartizan.app.home import state_folder
from bartizan.discover.edit import value_at
from bartizan.discover.entries import read_entry
from bartizan.discover.formats import BrokenError, read_document
from bartizan.discover.wrap import find_entry, restored_entry
from bartizan.model.client import ClientSpec
from bartizan.model.errors import Place, UsageError
from bartizan.model.launch import Launch
from bartizan.model.secret import Secret
from bartizan.model.wrapped import WrappedEntry, WrappedFile


class WrappedShelf:
    """The records below one folder. They hold the old values, so that a secret in one has moved there with it."""

    def __init__(self, state: Path) -> None:
        self._folder = state / "wrapped"

    @property
    def stamp(self) -> int:
        """Changes whenever a record is kept or dropped."""
        try:
            return self._folder.stat().st_mtime_ns
        except OSError:
            return 0

    def all(self) -> list[WrappedFile]:
        """Every record, by path. Raises UsageError for one that cannot be read."""
        found = self._folder.glob("*.json") if self._folder.is_dir() else ()
        return sorted((self._read(path) for path in found), key=lambda one: one.path)

    def of(self, path: str) -> WrappedFile | None:
        """The record of one configuration. Raises UsageError."""
        place = self._place(path)
        return self._read(place) if place.exists() else None

    def keep(self, record: WrappedFile) -> None:
        """Keep a record. Raises UsageError."""
        place = self._place(record.path)
        record = msgspec.structs.replace(record, kept_in=str(place))
        try:
            self._folder.mkdir(parents=True, mode=0o700, exist_ok=True)
            write_private(place, msgspec.json.format(msgspec.json.encode(record), indent=1).decode())
        except OSError as error:
            raise UsageError(f"cannot be written: {error.strerror}", where=Place(path=str(place))) from None

    def drop(self, path: str) -> None:
        """Delete the record of one configuration."""
        self._place(path).unlink(missing_ok=True)

    def _place(self, path: str) -> Path:
        return self._folder / f"{hashlib.sha256(path.encode('utf-8', 'surrogatepass')).hexdigest()[:20]}.json"

    def _read(self, place: Path) -> WrappedFile:
        try:
            return msgspec.json.decode(place.read_bytes(), type=WrappedFile)
        except OSError as error:
            raise UsageError(f"cannot be read: {error.strerror}", where=Place(path=str(place))) from None
        except (msgspec.MsgspecError, UnicodeDecodeError):
            raise UsageError("is no record of `bartizan wrap`", where=Place(path=str(place))) from None


def wrapped_ids(state: Path | None = None) -> frozenset[str]:
    """The ids of all wrapped servers. Raises UsageError."""
    return frozenset(entry.id for file in WrappedShelf(state or state_folder()).all() for entry in file.entries)


def wrapped_launches(files: Iterable[WrappedFile], clients: Mapping[str, ClientSpec]) -> dict[str, Launch]:
    """How the gateway starts or reaches each wrapped server, by id, read from the configuration as it is now.

    The values of an environment stand in the client's file alone and are read there; only variables that stood there
    when it was wrapped are taken. A server whose file or entry is gone has no launch.
    """
    found: dict[str, Launch] = {}
    for file in files:
        try:
            value = read_document(read_now(file.path).text.reveal(), file.form).value
        except (UsageError, BrokenError):
            continue
        for entry in file.entries:
            path = find_entry(value, entry)
            if path is not None:
                found[entry.id] = _launch(file, entry, value_at(value, path), clients)
    return found


def _launch(file: WrappedFile, entry: WrappedEntry, value: Any, clients: Mapping[str, ClientSpec]) -> Launch:
    fields = clients[entry.client].fields if entry.client in clients else {}
    read = read_entry(entry.name, restored_entry(value, entry), entry.path, fields)
    kept = {name: Secret(text) for name, text in read.environment.items() if name in entry.environment}
    return Launch(
        transport=read.transport,
        command=tuple(Secret(word.text) for word in read.command),
        environment=kept,
        directory=read.directory or file.workspace or file.home or None,
        url=Secret(read.url) if read.url and not read.command else None,
        headers={name: Secret(text) for name, text in read.headers.items()},
        shown=entry.id,
    )
