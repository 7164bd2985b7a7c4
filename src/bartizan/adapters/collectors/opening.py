"""Opening files of other people: links, pipes, devices, and files that are changed while one looks."""

import hashlib
import os
import stat
from collections.abc import Mapping
from pathlib import Path

import msgspec

from bartizan.adapters.collectors.homes import Home
from bartizan.model.secret import Secret

_FLAGS = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOCTTY", 0)


class Content(msgspec.Struct, frozen=True, kw_only=True):
    """What opening a file gave."""

    body: bytes | None = None
    problem: str = ""
    missing: bool = False
    uid: int | None = None
    mode: int | None = None
    size: int = 0

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.body).hexdigest() if self.body is not None else ""

    def text(self) -> tuple[Secret | None, str]:
        """The text, or what is the matter with it."""
        if self.body is None:
            return None, self.problem
        try:
            encoding = "utf-16" if self.body[:2] in {b"\xff\xfe", b"\xfe\xff"} else "utf-8-sig"
            return Secret(self.body.decode(encoding)), ""
        except UnicodeDecodeError as error:
            return None, f"not UTF-8 (byte {error.start})"


def printable(path: str) -> str:
    """A path that can be encoded: bytes that are no UTF-8 become replacement characters."""
    return os.fsencode(path).decode("utf-8", "replace")


def read_file(path: str, home: Home | None, most: int) -> Content:
    """Read a regular file of at most `most` bytes. A link is followed to a file of the home's owner only."""
    descriptor, told = open_file(path, home)
    if descriptor is None:
        return told
    with os.fdopen(descriptor, "rb", buffering=0) as file:
        return _read_opened(file.fileno(), told, most)


def open_file(path: str, home: Home | None) -> tuple[int | None, Content]:
    """Open a regular file: its descriptor, which the caller closes, and what it is; or None, and what is the matter."""
    try:
        before = Path(path).stat()  # before opening: to open a pipe can block, to open a device can do anything
        if not stat.S_ISREG(before.st_mode):
            return None, Content(problem=f"not a regular file but {_kind(before.st_mode)}", uid=before.st_uid)
        descriptor = os.open(path, _FLAGS)
    except (FileNotFoundError, NotADirectoryError):
        return None, _dangling(path)
    except (OSError, ValueError) as error:
        return None, Content(problem=f"cannot be read: {getattr(error, 'strerror', None) or 'not a path'}")
    told = _told(descriptor, path, home)
    if told.problem:
        os.close(descriptor)
        return None, told
    return descriptor, told


def _told(descriptor: int, path: str, home: Home | None) -> Content:
    """Judge what was really opened: between the look and the opening somebody may have put another file there."""
    status = os.fstat(descriptor)
    posix = os.name == "posix"
    told = Content(uid=status.st_uid if posix else None, mode=status.st_mode if posix else None, size=status.st_size)
    if not stat.S_ISREG(status.st_mode):
        return msgspec.structs.replace(told, problem="not a regular file")
    owner = home.uid if home else 0
    if owner is not None and status.st_uid != owner and _linked(descriptor, path, home):
        return msgspec.structs.replace(told, problem="a symbolic link to a file of another owner")
    return told


def _read_opened(descriptor: int, told: Content, most: int) -> Content:
    if told.size > most:
        return msgspec.structs.replace(told, problem=f"larger than {most} bytes")
    body = b""
    try:
        while len(body) <= most and (chunk := os.read(descriptor, 1 << 20)):
            body += chunk
    except OSError as error:
        return msgspec.structs.replace(told, problem=f"cannot be read: {error.strerror}")
    if len(body) > most:
        return msgspec.structs.replace(told, problem=f"larger than {most} bytes")
    return msgspec.structs.replace(told, body=body)


def _linked(descriptor: int, path: str, home: Home | None) -> bool:
    """Whether a link led to what was opened: below the home, or anywhere on a path outside of it.

    Where the kernel tells (Linux), it is asked what the descriptor really is, so nobody can put the link away in time.
    """
    start = home.path.rstrip("/") if home and path.startswith(home.path.rstrip("/") + "/") else ""
    try:
        opened = os.readlink(f"/proc/self/fd/{descriptor}")  # noqa: PTH115 - a plain text is what there is
    except OSError:
        return _link_on_the_way(path, start)
    return opened != os.path.realpath(start or "/").rstrip("/") + path[len(start) :]


def _link_on_the_way(path: str, start: str) -> bool:
    here = start
    for name in path[len(start) :].strip("/").split("/"):
        here = f"{here}/{name}"
        if os.path.islink(here):  # noqa: PTH114 - a plain text is what there is
            return True
    return False


def _dangling(path: str) -> Content:
    if os.path.islink(path):  # noqa: PTH114 - as above
        return Content(problem="a symbolic link to nothing")
    return Content(missing=True)


def _kind(mode: int) -> str:
    kinds: Mapping[int, str] = {
        stat.S_IFDIR: "a folder",
        stat.S_IFIFO: "a pipe",
        stat.S_IFSOCK: "a socket",
        stat.S_IFCHR: "a device",
        stat.S_IFBLK: "a device",
    }
    return kinds.get(stat.S_IFMT(mode), "something else")
