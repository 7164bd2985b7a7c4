"""Values that people wrote, as types: every mistake in them, with the way to it, not only the first."""

import re
from typing import Any, TypeVar

import msgspec

MISTAKES_MAX = 50
Names = list[str | int]
KindT = TypeVar("KindT")


def conversion(document: Any, kind: type[KindT]) -> tuple[KindT | None, list[tuple[Names, str]]]:
    """The value as a type, or None, and all mistakes, each with the keys that lead to it.

    What is wrong is taken out of `document` on the way, to find the next mistake.
    """
    mistakes: list[tuple[Names, str]] = []
    while len(mistakes) < MISTAKES_MAX:
        try:
            value = msgspec.convert(document, kind)
        except msgspec.ValidationError as error:
            message, names = _located(str(error))
            names = _named(document, names, str(error), kind)
            mistakes.append((names, message))
            if not _remove(document, names):
                break
        else:
            return (None if mistakes else value), mistakes
    return None, mistakes


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


def _named(document: Any, names: list[str | int], message: str, kind: Any) -> list[str | int]:
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
                msgspec.convert(document, kind)
            except msgspec.ValidationError as error:
                if str(error) == message:
                    return _named(document, [*names[:at], key, *names[at + 1 :]], message, kind)
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
