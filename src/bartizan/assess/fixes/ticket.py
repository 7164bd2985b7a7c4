"""Ticket: all that a mend of one finding may rest on, with the places of everything in the files concerned."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from bartizan.model.asset import Asset
from bartizan.model.client import ClientSpec
from bartizan.model.finding import Finding
from bartizan.model.inventory import Inventory
from bartizan.model.mend import Edit, FileMend, NoMendError, Step

Path = tuple[Step, ...]


class Sight(msgspec.Struct, frozen=True, kw_only=True):
    """One entry of a server in one file. It may hold secrets and stays in memory. `readers`: clients of the file.

    `words` are program and arguments, each with its path: several words of one text have the same.
    """

    file: str
    readers: tuple[ClientSpec, ...]
    document: Any
    name: str
    path: Path
    words: Sequence[tuple[str, Path]] = ()
    environment: Mapping[str, str] = {}
    environment_path: Path = ()


class Spot(msgspec.Struct, frozen=True, kw_only=True):
    """One place of a credential: the characters from `start` to `end` of the text `value` at `path`.

    `field` says of which part of a server: env, args, url, headers; empty for what stands outside of servers.
    """

    file: str
    readers: tuple[ClientSpec, ...]
    path: Path
    value: str
    start: int
    end: int
    field: str = ""
    name: str = ""
    kind: str = ""
    sight: Sight | None = None


class Ticket(msgspec.Struct, frozen=True, kw_only=True):
    """A finding, the estate, and what the person asked for. `server` is the configured one that it is about."""

    finding: Finding
    inventory: Inventory
    server: Asset | None = None
    sights: tuple[Sight, ...] = ()
    spots: tuple[Spot, ...] = ()
    version: str = ""
    variable: str = ""


def one_reader(readers: Sequence[ClientSpec], what: str) -> ClientSpec:
    """The client whose rules hold for a file. Raises NoMendError where several clients read it by different ones."""
    rules = {(one.reference, one.reference_fields, one.reference_files, one.turns_off) for one in readers}
    if not readers or len(rules) > 1:
        names = ", ".join(sorted(one.name for one in readers)) or "no client that is known"
        raise NoMendError(f"{names} read this file, and each has its own way to {what}: do it by hand")
    return readers[0]


def by_file(edits: Sequence[tuple[str, Edit]]) -> tuple[FileMend, ...]:
    """Edits gathered by file. Later elements of an array are removed first, so that the places of others stay."""
    files: dict[str, list[Edit]] = {}
    for file, edit in edits:
        known = files.setdefault(file, [])
        if edit not in known:
            known.append(edit)
    return tuple(FileMend(path=file, edits=tuple(sorted(known, key=_order))) for file, known in files.items())


def _order(edit: Edit) -> tuple[bool, tuple[int, ...]]:
    return edit.action == "remove", tuple(-step for step in edit.path if isinstance(step, int))
