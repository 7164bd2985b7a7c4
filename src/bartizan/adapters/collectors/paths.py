"""Paths that match a pattern, found within a budget of names looked at."""

import os
from collections.abc import Iterator
from fnmatch import fnmatchcase


class Budget:
    """How many names may still be looked at, how deep, and what went wrong."""

    def __init__(self, entries: int, depth: int) -> None:
        self._most = self.entries = entries
        self.depth = depth
        self.problems: list[tuple[str, str]] = []

    def spend(self, folder: str) -> bool:
        """Take one name. False once there are none left; the first time it is told."""
        self.entries -= 1
        if self.entries == -1:
            self.problems.append((folder, f"more names than directory_entries_max ({self._most})"))
        return self.entries >= 0


def matches(pattern: str, budget: Budget, *, uid: int | None) -> Iterator[str]:
    """Paths that match, sorted within each folder. `*` is any part of one name, `**` up to `budget.depth` folders.

    A pattern without wildcards is given as it is, whether or not there is such a file.
    """
    parts = pattern.split("/")
    fixed = next((number for number, part in enumerate(parts) if "*" in part), len(parts))
    yield from _below("/".join(parts[:fixed]), parts[fixed:], budget, uid)


def _below(folder: str, parts: list[str], budget: Budget, uid: int | None) -> Iterator[str]:
    if not parts:
        yield folder
    elif "*" not in parts[0]:
        yield from _below(f"{folder}/{parts[0]}", parts[1:], budget, uid)
    elif parts[0] == "**":
        for inner in _folders(folder, budget, budget.depth):
            yield from _below(inner, parts[1:], budget, uid)
    else:
        for entry in _entries(folder, budget):
            if fnmatchcase(entry.name, parts[0]) and (len(parts) == 1 or _may_enter(entry, uid)):
                yield from _below(entry.path, parts[1:], budget, uid)


def _folders(folder: str, budget: Budget, depth: int) -> Iterator[str]:
    """The folder and those below it; links are not followed."""
    yield folder
    if depth > 0:
        for entry in _entries(folder, budget):
            if _is_folder(entry) and entry.name not in {"node_modules", ".git"}:
                yield from _folders(entry.path, budget, depth - 1)


def _entries(folder: str, budget: Budget) -> list["os.DirEntry[str]"]:
    found: list[os.DirEntry[str]] = []
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if not budget.spend(folder):
                    break
                found.append(entry)
    except (FileNotFoundError, NotADirectoryError):
        return []
    except (OSError, ValueError) as error:
        budget.problems.append((folder, f"cannot be listed: {getattr(error, 'strerror', None) or 'not a path'}"))
    return sorted(found, key=lambda entry: entry.name)


def _is_folder(entry: "os.DirEntry[str]") -> bool:
    try:
        return entry.is_dir(follow_symlinks=False)
    except OSError:
        return False


def _may_enter(entry: "os.DirEntry[str]", uid: int | None) -> bool:
    """A folder, or a link to a folder of the same owner."""
    try:
        return entry.is_dir() and (not entry.is_symlink() or uid is None or entry.stat().st_uid == uid)
    except OSError:
        return False
