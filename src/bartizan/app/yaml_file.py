"""YAML files that people write for us: their values, and the lines on which these stand."""

from typing import Any, TypeVar

import yaml

from bartizan.model.conversion import MISTAKES_MAX, conversion
from bartizan.model.errors import ContentError, Place
from bartizan.model.yaml_mistakes import NOT_YAML, yaml_mistake

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
    value, found = conversion(document, kind)
    for names, message in found:
        place = Place(path=path, line=line_of(node, names))
        if all(place != other for other, _ in mistakes):  # what a removal left behind is no second mistake
            mistakes.append((place, message))
    if value is None or mistakes:
        raise ContentError(mistakes)
    return value
