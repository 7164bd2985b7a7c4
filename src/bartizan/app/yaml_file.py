"""YAML files that people write for us: their values, and the lines on which these stand."""

import re
from typing import Any, TypeVar

import msgspec
import yaml

from bartizan.model.errors import ContentError, Place
from bartizan.model.yaml_mistakes import NOT_YAML, yaml_mistake

MISTAKES_MAX = 50
Mistakes = list[tuple[Place, str]]
KindT = TypeVar("KindT")


def parsed(text: str, path: str) -> tuple[Any, yaml.Node | None]:
    """The value, and the node that knows its lines. Raises ContentError, also for a key that is written twice."""
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        document: Any = yaml.safe_load(text)
    except NOT_YAML as error:
        raise ContentError([yaml_mistake(path, error)]) from None
    twice: Mistakes = []
    _find_doubles(node, path, twice, set())
    if twice:
        raise ContentError(twice)
    return document, node


def _find_doubles(node: yaml.Node | None, path: str, found: Mistakes, seen: set[int]) -> None:
    """A reader of YAML keeps the last of two equal keys in silence."""
    if node is None or id(node) in seen or len(found) >= MISTAKES_MAX:
        return
    seen.add(id(node))
    if isinstance(node, yaml.SequenceNode):
        for inner in node.value:
            _find_doubles(inner, path, found, seen)
    elif isinstance(node, yaml.MappingNode):
        names: set[str] = set()
        for name, inner in node.value:
            if isinstance(name, yaml.ScalarNode):
                if name.value in names:
                    found.append((Place(path=path, line=name.start_mark.line + 1), f"the key `{name.value}` twice"))
                names.add(name.value)
            _find_doubles(inner, path, found, seen)


def line_of(node: yaml.Node | None, names: list[str | int]) -> int | None:
    """The line on which a value stands, or the nearest above it that is there."""
    line = node.start_mark.line + 1 if node is not None else None
    for name in names:
        if isinstance(node, yaml.MappingNode):
            pair = next((pair for pair in node.value if name == pair[0].value), None)
            if pair is None:
                return line
            node = pair[1]
            line = pair[0].start_mark.line + 1
        elif isinstance(node, yaml.SequenceNode) and isinstance(name, int) and name < len(node.value):
            node = node.value[name]
            line = node.start_mark.line + 1 if node is not None else line
        else:
            return line
    return line


def converted(document: Any, node: yaml.Node | None, path: str, kind: type[KindT]) -> KindT:
    """The value as a type. Raises ContentError with every mistake and its line.

    What is wrong is taken out of `document` on the way.
    """
    mistakes: Mistakes = []
    while len(mistakes) < MISTAKES_MAX:
        try:
            value = msgspec.convert(document, kind)
        except msgspec.ValidationError as error:
            message, names = _located(str(error))
            names = _named(document, names, str(error), kind)
            place = Place(path=path, line=line_of(node, names))
            if all(place != other for other, _ in mistakes):  # what a removal left behind is no second mistake
                mistakes.append((place, message))
            if not _remove(document, names):  # take the mistake out, to find the next one
                break
        else:
            if not mistakes:
                return value
            break
    raise ContentError(mistakes)


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
