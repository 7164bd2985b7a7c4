"""What was applied, so that it can be undone: one folder for each, readable by its owner alone."""

import re
import secrets
import shutil
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import msgspec

from bartizan.app.change import FileNow, read_now, replace, set_mode, sha256
from bartizan.app.files import write_private
from bartizan.model.errors import Place, UsageError
from bartizan.model.secret import Secret
from bartizan.text.normalise import show

_ID = re.compile(r"U-[0-9a-f]{8}")
_FORMAT = "bartizan-undo/1"


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """One file before and after. `copy` names the file that holds its old bytes; empty where only the mode changed."""

    path: str
    before_sha256: str
    after_sha256: str
    before_mode: int
    after_mode: int
    copy: str = ""


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """One mend that was applied. `holds_secret`: its copies hold credentials."""

    format: str = _FORMAT
    id: str
    finding: str
    rule: str
    title: str
    at: datetime
    files: tuple[Kept, ...]
    holds_secret: bool = False


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """What is to become of one file: another text, another mode, or both."""

    now: FileNow
    text: Secret | None = None
    mode: int | None = None


class UndoShelf:
    """The records below one folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def apply(
        self, changes: Sequence[Change], *, finding: str, rule: str, title: str, at: datetime, holds_secret: bool
    ) -> Record:
        """Make the changes, all or none, and keep what is needed to undo them. Raises UsageError."""
        identity = f"U-{secrets.token_hex(4)}"
        record = Record(
            id=identity,
            finding=finding,
            rule=rule,
            title=title,
            at=at,
            files=tuple(_kept(number, change) for number, change in enumerate(changes)),
            holds_secret=holds_secret,
        )
        self._keep(record, changes)  # first the way back
        done: list[Kept] = []
        try:
            for change, kept in zip(changes, record.files, strict=True):
                _make(change)
                done.append(kept)
        except UsageError:
            for kept in reversed(done):
                self._restore(record, kept)
            self._drop(identity)
            raise
        return record

    def undo(self, identity: str) -> Record:
        """Put every file back, byte for byte, and drop the record. Raises UsageError for one that changed since."""
        record = self._read(identity)
        for kept in record.files:
            self._check(kept)
        for kept in record.files:
            self._restore(record, kept)
        self._drop(record.id)
        return record

    def forget(self, identity: str) -> None:
        """Delete a record with its copies: the mend stays, and can no more be undone. A broken record goes too."""
        if identity not in self._names():
            raise UsageError(f"no undo record {show(identity)}", remedy="`bartizan fix --list` shows them")
        self._drop(identity)

    def records(self) -> list[Record]:
        """All records that can be read, oldest first."""
        return sorted((one for name in self._names() if (one := self._readable(name))), key=lambda one: one.at)

    def broken(self) -> list[str]:
        """The ids of those that cannot be read, such as one whose writing was cut short. They may hold copies."""
        return [name for name in self._names() if self._readable(name) is None]

    def _names(self) -> list[str]:
        found = self._folder.glob("U-*") if self._folder.is_dir() else ()
        return sorted(path.name for path in found if _ID.fullmatch(path.name))

    def _readable(self, identity: str) -> Record | None:
        try:
            return self._read(identity)
        except UsageError:
            return None

    def _keep(self, record: Record, changes: Sequence[Change]) -> None:
        try:
            self._folder.mkdir(parents=True, mode=0o700, exist_ok=True)
            place = self._folder / record.id
            place.mkdir(mode=0o700)
            for change, kept in zip(changes, record.files, strict=True):
                if kept.copy:
                    write_private(place / kept.copy, change.now.text.reveal())
            write_private(place / "record.json", msgspec.json.encode(record).decode())
        except OSError as error:
            told = error.strerror or "cannot be written"
            raise UsageError(f"no undo copy could be kept: {told}", where=Place(path=str(self._folder))) from None

    def _read(self, identity: str) -> Record:
        if not _ID.fullmatch(identity):
            raise UsageError("an undo id is U- and eight characters", remedy="`bartizan fix --list` shows them")
        path = self._folder / identity / "record.json"
        try:
            return msgspec.json.decode(path.read_bytes(), type=Record)
        except FileNotFoundError:
            raise UsageError(f"no undo record {identity}", remedy="`bartizan fix --list` shows them") from None
        except (OSError, msgspec.MsgspecError) as error:
            raise UsageError(f"cannot be read: {error}", where=Place(path=str(path))) from None

    def _check(self, kept: Kept) -> FileNow:
        now = read_now(kept.path)
        states = {(kept.after_sha256, kept.after_mode), (kept.before_sha256, kept.before_mode)}
        if (now.sha256, now.mode) not in states:
            raise UsageError(
                "the file was changed since the mend, so it is not put back",
                where=Place(path=kept.path),
                remedy="take back later mends of it first (`bartizan fix --list`), or this one by hand; "
                "`bartizan fix --forget ID` deletes the copy",
            )
        return now

    def _restore(self, record: Record, kept: Kept) -> None:
        now = self._check(kept)
        if kept.copy and now.sha256 != kept.before_sha256:
            path = self._folder / record.id / kept.copy
            try:
                body = path.read_bytes()
            except OSError as error:
                raise UsageError(f"cannot be read: {error.strerror}", where=Place(path=str(path))) from None
            if sha256(body) != kept.before_sha256:
                raise UsageError("the undo copy was changed, so it is not used", where=Place(path=str(path)))
            replace(now, Secret(body.decode()))
            now = msgspec.structs.replace(now, sha256=kept.before_sha256)
        if now.mode != kept.before_mode:
            set_mode(now, kept.before_mode)

    def _drop(self, identity: str) -> None:
        try:
            shutil.rmtree(self._folder / identity)
        except OSError as error:
            where = Place(path=str(self._folder / identity))
            raise UsageError(f"cannot be deleted: {error.strerror}", where=where) from None


def _kept(number: int, change: Change) -> Kept:
    text = change.text
    return Kept(
        path=change.now.path,
        before_sha256=change.now.sha256,
        after_sha256=change.now.sha256 if text is None else sha256(text.reveal().encode()),
        before_mode=change.now.mode,
        after_mode=change.now.mode if change.mode is None else change.mode,
        copy="" if text is None else str(number),
    )


def _make(change: Change) -> None:
    now = change.now
    if change.text is not None:
        replace(now, change.text)
        now = msgspec.structs.replace(now, sha256=sha256(change.text.reveal().encode()))
    if change.mode is not None:
        set_mode(now, change.mode)


def undo_shelf(state: Path) -> UndoShelf:
    """The shelf of this deployment."""
    return UndoShelf(state / "undo")
