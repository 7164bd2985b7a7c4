"""Mend: what is to be changed so that a finding is true no more, as data. Edit: one change inside a document."""

from typing import Any, Literal

import msgspec

Step = str | int


class Edit(msgspec.Struct, frozen=True, kw_only=True):
    """One change of a parsed document.

    `set` puts `value` at `path`, and makes what is missing above it. `remove` takes the member away. `prepend` puts
    `value` first in the array at `path`, which is made where it is missing.
    """

    action: Literal["set", "remove", "prepend"] = "set"
    path: tuple[Step, ...]
    value: Any = None


class FileMend(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be changed in one file: its document, its mode, or both."""

    path: str
    edits: tuple[Edit, ...] = ()
    mode: int | None = None


class Mend(msgspec.Struct, frozen=True, kw_only=True):
    """A mend of one finding. `besides` is what the person has to do that no edit can do. None of it holds a secret."""

    title: str
    files: tuple[FileMend, ...]
    besides: tuple[str, ...] = ()


class NoMendError(Exception):
    """There is no mend that could be offered honestly. The message says why, and what the person can do."""
