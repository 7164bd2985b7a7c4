"""The files of suppressions: found, read, every mistake with its line, and one entry added."""

import os
import stat
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any, get_type_hints

import msgspec
import yaml

from bartizan.app.config import Config
from bartizan.app.files import write_private
from bartizan.app.home import state_folder
from bartizan.app.yaml_file import Mistakes, line_of, parsed
from bartizan.model.conversion import MISTAKES_MAX
from bartizan.model.errors import ContentError, Place, UsageError
from bartizan.model.json import as_array, as_object
from bartizan.model.limits import DEFAULT
from bartizan.model.suppression import REQUIRED, Suppression, entry, mistakes_of

NAME = "suppressions.yml"
_TYPES: dict[str, Any] = get_type_hints(Suppression)
_HEAD = """\
# Findings that are accepted. An entry holds through its `until` day, and no longer than the finding stays what it is.
# Whoever may write to this file decides what a scan fails for: keep it under review.
"""


def suppression_files(config: Config, config_path: Path | None) -> list[Path]:
    """The files of the configuration; else `suppressions.yml` beside it, or in the state folder where there is none."""
    folder = config_path.absolute().parent if config_path else state_folder()
    named = [folder / Path(path).expanduser() for path in config.suppressions]
    return named or [folder / NAME]


def read_suppressions(config: Config, config_path: Path | None, today: date) -> list[Suppression]:
    """The entries of all files, in their order. Raises UsageError, ContentError with every mistake of every file."""
    files = suppression_files(config, config_path)
    for path in files if config.suppressions else ():
        if not path.exists():
            raise UsageError(
                "the file of suppressions that the configuration names is not there",
                where=Place(path=str(path)),
                remedy="make it with `bartizan suppress`, or take it out of `suppressions`",
            )
    return read_existing(files, today)


def read_existing(files: Iterable[Path], today: date) -> list[Suppression]:
    """The entries of those files that are there. Raises UsageError, ContentError with every mistake of every file."""
    found: list[Suppression] = []
    mistakes: Mistakes = []
    for path in files:
        try:
            found += parse_suppressions(read_trusted(path) or "", str(path), today)
        except ContentError as error:
            mistakes += error.mistakes
    if mistakes:
        raise ContentError(mistakes)
    return found


def parse_suppressions(text: str, path: str, today: date) -> list[Suppression]:
    """The entries of one file. Raises ContentError with every mistake and its line."""
    document, node = parsed(text, path)
    if document is None:
        return []
    if not isinstance(document, list) or not isinstance(node, yaml.SequenceNode):
        raise ContentError([(Place(path=path, line=line_of(node, [])), "a file of suppressions is a list of entries")])
    if len(node.value) > DEFAULT.suppressions_max:
        raise ContentError([(Place(path=path), f"more than {DEFAULT.suppressions_max} entries (suppressions_max)")])
    entries: list[Suppression] = []
    mistakes: Mistakes = []
    for raw, below in zip(as_array(document), node.value, strict=True):
        one, wrong = _entry(raw, below, path, today)
        mistakes += wrong
        if one:
            entries.append(one)
        if len(mistakes) >= MISTAKES_MAX:
            break
    if mistakes:
        raise ContentError(sorted(mistakes, key=lambda mistake: mistake[0].line or 0))
    return entries


def _entry(raw: object, node: yaml.Node, path: str, today: date) -> tuple[Suppression | None, Mistakes]:
    """One entry, or what is wrong with it."""

    def at(*keys: str) -> Place:
        return Place(path=path, line=line_of(node, list(keys)))

    if not isinstance(raw, dict):
        return None, [(at(), "an entry is a mapping of keys to values")]
    fields = as_object(raw)
    mistakes: Mistakes = [(at(key), f"an entry says `{key}`") for key in REQUIRED if fields.get(key) is None]
    # What is missing or wrong is stood in for, so that one run tells everything else that is wrong too.
    values: dict[str, Any] = {"reason": "-", "author": "-", "until": today}
    for key, value in fields.items():
        if key not in _TYPES:
            mistakes.append((at(key), f"unknown key `{key}`; there are {', '.join(_TYPES)}"))
        elif value is not None:
            try:
                values[key] = msgspec.convert(value, _TYPES[key])
            except msgspec.ValidationError as error:
                mistakes.append((at(key), f"{key}: {error}"))
    one = Suppression(**values)
    mistakes += [(at(key), what) for key, what in mistakes_of(one, today)]
    return (None if mistakes else one), mistakes


def add_suppression(path: Path, one: Suppression, today: date) -> tuple[str, int]:
    """Put an entry at the end of a file, which keeps its comments. Gives the entry's text and its first line.

    The file is replaced in one step, and stays as it was when the result would not be read back as meant. Raises
    UsageError, ContentError.
    """
    path = path.absolute()
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with _alone(path.parent):
            before = read_trusted(path)
            known = parse_suppressions(before or "", str(path), today)
            kept = _HEAD if before is None else before
            kept += "" if kept.endswith("\n") or not kept else "\n"
            text = entry(one)
            if _parsed_or_none(kept + text, today) != [*known, one]:
                raise UsageError(
                    "an entry cannot be added at the end of this file",
                    where=Place(path=str(path)),
                    remedy="write its entries at the margin, each beginning with `- `, and nothing after them",
                )
            mode = stat.S_IMODE(path.stat().st_mode) if before is not None else 0o600
            write_private(path, kept + text, mode)
    except OSError as error:
        raise UsageError(f"cannot write: {error.strerror}", where=Place(path=str(path))) from None
    return text, kept.count("\n") + 1


def _parsed_or_none(text: str, today: date) -> list[Suppression] | None:
    try:
        return parse_suppressions(text, "", today)
    except ContentError:
        return None


def read_trusted(path: Path) -> str | None:
    """The text of a file that nobody but this user, or root, can have written; None where there is none."""
    where = Place(path=str(path))
    _refuse_open_folder(path.parent, where)
    try:
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
    except FileNotFoundError:
        return None
    except OSError as error:
        raise UsageError(f"cannot read it: {error.strerror}", where=where, remedy=_FILE) from None
    with os.fdopen(handle, "rb") as file:
        found = os.fstat(handle)
        owners = {0, os.geteuid()} if hasattr(os, "geteuid") else {found.st_uid}
        if not stat.S_ISREG(found.st_mode) or found.st_uid not in owners:
            raise UsageError("not a file of this user: somebody else decides what is in it", where=where, remedy=_FILE)
        if os.name == "posix" and found.st_mode & stat.S_IWOTH:
            raise UsageError("everybody may write to it", where=where, remedy=f"look through it, then chmod o-w {path}")
        data = file.read(DEFAULT.document_bytes_max + 1)
    if len(data) > DEFAULT.document_bytes_max:
        raise UsageError(f"larger than {DEFAULT.document_bytes_max} bytes (document_bytes_max)", where=where)
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise ContentError([(Place(path=str(path), line=line), "not UTF-8")]) from None


_FILE = "name a regular file of this user's own, not a symbolic link"


def _refuse_open_folder(folder: Path, where: Place) -> None:
    if os.name == "posix" and folder.is_dir() and folder.stat().st_mode & stat.S_IWOTH:
        raise UsageError(
            "everybody may write to its folder", where=where, remedy=f"chmod o-w {folder}, or move the file"
        )


@contextmanager
def _alone(folder: Path) -> Generator[None]:
    """Two that add an entry do so one after the other, where the system has locks on folders."""
    try:
        import fcntl  # noqa: PLC0415 - POSIX only
    except ImportError:
        yield
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
