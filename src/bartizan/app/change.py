"""Changing somebody's file: whole or not at all, only what was looked at, with its owner, mode and attributes kept."""

import hashlib
import os
import secrets
import stat
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path

import msgspec

from bartizan.model.errors import Place, UsageError
from bartizan.model.limits import DEFAULT
from bartizan.model.secret import Secret


class FileNow(msgspec.Struct, frozen=True, kw_only=True):
    """A file as it is. `text` may hold secrets; its UTF-8 is the file, byte for byte."""

    path: str
    text: Secret
    sha256: str
    mode: int


def read_now(path: str) -> FileNow:
    """Read a regular file of UTF-8 text. Raises UsageError, for a link, a shared file or one that is too large too."""
    with _folder(path) as folder:
        body, told = _read(folder, path)
    try:
        text = body.decode()
    except UnicodeDecodeError:
        raise UsageError("not UTF-8 text, so it is changed by hand", where=Place(path=path)) from None
    return FileNow(path=path, text=Secret(text), sha256=sha256(body), mode=stat.S_IMODE(told.st_mode))


def replace(now: FileNow, text: Secret) -> None:
    """Write a new text in one step, if the file is still what `now` says. Raises UsageError.

    Owner, mode and extended attributes (and so access lists) stay. A crash leaves the old file or the new one.
    """
    with _folder(now.path) as folder:
        _still(folder, now)
        name, draft = Path(now.path).name, f".{Path(now.path).name[:100]}.{secrets.token_hex(6)}"
        target = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600, dir_fd=folder)
        try:
            with os.fdopen(target, "wb") as file:
                file.write(text.reveal().encode())
                file.flush()
                _dress(file.fileno(), folder, name)
                os.fsync(file.fileno())
            _still(folder, now)
            os.rename(draft, name, src_dir_fd=folder, dst_dir_fd=folder)
        except BaseException:
            with suppress(OSError):
                os.unlink(draft, dir_fd=folder)
            raise
        os.fsync(folder)


def set_mode(now: FileNow, mode: int) -> None:
    """Change the mode, if the file is still what `now` says. Raises UsageError."""
    with _folder(now.path) as folder:
        _still(folder, now)
        file = os.open(Path(now.path).name, os.O_RDONLY | os.O_NOFOLLOW, dir_fd=folder)
        try:
            os.fchmod(file, mode)
        finally:
            os.close(file)


def sha256(body: bytes) -> str:
    """Hexadecimal digest."""
    return hashlib.sha256(body).hexdigest()


def _still(folder: int, now: FileNow) -> None:
    body, told = _read(folder, now.path)
    if sha256(body) != now.sha256 or stat.S_IMODE(told.st_mode) != now.mode:
        raise UsageError("the file was changed in between", where=Place(path=now.path), remedy="look at it again")


def _read(folder: int, path: str) -> tuple[bytes, os.stat_result]:
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK
    file = os.open(Path(path).name, flags, dir_fd=folder)
    with os.fdopen(file, "rb") as opened:
        told = os.fstat(opened.fileno())
        if not stat.S_ISREG(told.st_mode):
            raise UsageError("not a regular file", where=Place(path=path))
        if told.st_nlink > 1:
            raise UsageError(
                "the file has a second name (a hard link), which an edit would part from it",
                where=Place(path=path),
                remedy="edit it by hand",
            )
        body = opened.read(DEFAULT.file_bytes_max + 1)
    if len(body) > DEFAULT.file_bytes_max:
        raise UsageError(f"larger than file_bytes_max ({DEFAULT.file_bytes_max})", where=Place(path=path))
    return body, told


def _dress(draft: int, folder: int, name: str) -> None:
    """Give the draft the owner, the mode and the extended attributes of the file."""
    old = os.open(name, os.O_RDONLY | os.O_NOFOLLOW, dir_fd=folder)
    try:
        told, own = os.fstat(old), os.fstat(draft)
        if (told.st_uid, told.st_gid) != (own.st_uid, own.st_gid):
            os.fchown(draft, told.st_uid, told.st_gid)
        os.fchmod(draft, stat.S_IMODE(told.st_mode))
        for attribute in os.listxattr(old) if hasattr(os, "listxattr") else ():
            with suppress(OSError):  # such as security labels, which only the system sets
                os.setxattr(draft, attribute, os.getxattr(old, attribute))
    finally:
        os.close(old)


@contextmanager
def _folder(path: str) -> Generator[int]:
    """The file's folder, held open so that nobody puts another one in its place. OSError becomes UsageError."""
    if not hasattr(os, "O_NOFOLLOW"):
        raise UsageError("files are mended by hand on this system: it cannot be kept from following links")
    try:
        folder = os.open(Path(path).parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            yield folder
        finally:
            os.close(folder)
    except IsADirectoryError:
        raise UsageError("not a regular file", where=Place(path=path)) from None
    except OSError as error:
        link = Path(path).is_symlink()
        what = "a symbolic link, and links are not followed to write" if link else error.strerror or "cannot be changed"
        remedy = "edit the file that it leads to" if link else ""
        raise UsageError(what, where=Place(path=path), remedy=remedy) from None
