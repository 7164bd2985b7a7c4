"""YAML documents of rules: values with the lines on which they stand, within bounds.

Built from the parser's events, because the library's own composer recurses and can be made to crash.
"""

from collections.abc import Iterator
from typing import Any, cast

import msgspec
import yaml

from bartizan.model.conversion import Names
from bartizan.model.errors import Place
from bartizan.model.json import as_array
from bartizan.model.limits import DEFAULT, Limits
from bartizan.model.yaml_mistakes import NOT_YAML, yaml_mistake

Mistakes = list[tuple[Place, str]]
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_PLAIN = yaml.SafeLoader("")
_RESOLVED = cast("Any", yaml.resolver.Resolver()).resolve
_NUMBER_CHARACTERS_MAX = 100
_MERGE = "<<"


class Mark(msgspec.Struct, kw_only=True):
    """Where a value stands, and its members."""

    line: int
    members: "dict[str | int, Mark]" = {}


class Document(msgspec.Struct, frozen=True, kw_only=True):
    """One document of a file: its value, dates as text, and where everything in it stands."""

    path: str
    value: Any
    mark: Mark

    def place(self, *names: str | int) -> Place:
        """Where the value stands that these keys lead to, or the nearest above it."""
        mark = self.mark
        for name in names:
            if name not in mark.members:
                break
            mark = mark.members[name]
        return Place(path=self.path, line=mark.line)

    def located(self, found: list[tuple[Names, str]], *above: str | int) -> Mistakes:
        """Mistakes with their places, from the keys that lead to them."""
        places = {(self.place(*above, *names), what): None for names, what in found}
        return list(places)


class _Node(msgspec.Struct):
    value: Any
    mark: Mark
    size: int = 1
    plain: bool = False


class _Frame(msgspec.Struct):
    """A collection that is being read."""

    mapping: bool
    mark: Mark
    anchor: str | None
    value: Any
    size: int = 1
    key: str | None = None
    merged: list[Any] = []


def read_documents(path: str, text: str, limits: Limits = DEFAULT) -> tuple[list[Document], Mistakes]:
    """The documents of a file, empty ones left out, and the mistakes in it."""
    mistakes: Mistakes = []
    if len(text.encode(errors="replace")) > limits.rule_file_bytes_max:
        return [], [(Place(path=path), f"larger than rule_file_bytes_max {limits.rule_file_bytes_max}")]
    try:
        found = [node for node in _documents(path, text, limits, mistakes) if node.value is not None]
    except NOT_YAML as error:
        return [], [*mistakes, yaml_mistake(path, error)]
    return [Document(path=path, value=node.value, mark=node.mark) for node in found], mistakes


def _documents(path: str, text: str, limits: Limits, mistakes: Mistakes) -> Iterator[_Node]:
    reader = _Reader(path, limits, mistakes)
    for event in yaml.parse(text, Loader=_LOADER):
        node = reader.take(event)
        if node is not None:
            yield node


class _Reader:
    """Events in, documents out."""

    def __init__(self, path: str, limits: Limits, mistakes: Mistakes) -> None:
        self._path, self._limits, self._mistakes = path, limits, mistakes
        self._frames: list[_Frame] = []
        self._anchors: dict[str, _Node] = {}
        self._left = limits.yaml_nodes_max

    def take(self, event: Any) -> _Node | None:
        """The document that this event completes, if it does."""
        line = event.start_mark.line + 1
        if isinstance(event, yaml.DocumentStartEvent):
            self._anchors.clear()
        elif isinstance(event, yaml.CollectionStartEvent):
            self._open(event, line)
        elif isinstance(event, yaml.CollectionEndEvent):
            return self._close()
        elif isinstance(event, yaml.AliasEvent):
            return self._placed(self._alias(str(event.anchor), line))
        elif isinstance(event, yaml.ScalarEvent):
            plain = bool(event.implicit[0]) and event.style is None
            node = _Node(value=_scalar(event), mark=Mark(line=line), plain=plain)
            return self._placed(self._named(event.anchor, node))
        return None

    def _open(self, event: Any, line: int) -> None:
        if len(self._frames) >= self._limits.rule_depth_max:
            raise ValueError(f"nested deeper than rule_depth_max {self._limits.rule_depth_max}")
        mapping = isinstance(event, yaml.MappingStartEvent)
        self._frames.append(
            _Frame(mapping=mapping, mark=Mark(line=line), anchor=event.anchor, value={} if mapping else [])
        )

    def _close(self) -> _Node | None:
        frame = self._frames.pop()
        for source in frame.merged:
            frame.value = {**source, **frame.value}
        node = _Node(value=frame.value, mark=frame.mark, size=frame.size)
        return self._placed(self._named(frame.anchor, node))

    def _named(self, anchor: str | None, node: _Node) -> _Node:
        if anchor:
            self._anchors[anchor] = node
        return node

    def _alias(self, anchor: str, line: int) -> _Node:
        if anchor not in self._anchors:
            raise ValueError(f"line {line}: no anchor {anchor[:60]!r} before it")
        return self._anchors[anchor]

    def _placed(self, node: _Node) -> _Node | None:
        """Put a node into the collection that is open; without one it is the document."""
        self._left -= node.size
        if self._left < 0:
            raise ValueError(f"more nodes than yaml_nodes_max {self._limits.yaml_nodes_max}")
        if not self._frames:
            return node
        frame = self._frames[-1]
        frame.size += node.size
        if not frame.mapping:
            frame.mark.members[len(frame.value)] = node.mark
            frame.value.append(node.value)
        elif frame.key is None:
            self._key(frame, node)
        else:
            self._member(frame, node)
        return None

    def _key(self, frame: _Frame, node: _Node) -> None:
        if isinstance(node.value, dict | list):
            raise ValueError(f"line {node.mark.line}: a key is a list or a map")  # noqa: TRY004 - one of NOT_YAML
        frame.key = _MERGE if node.plain and node.value == _MERGE else str(node.value)
        if frame.key in frame.value:
            place = Place(path=self._path, line=node.mark.line)
            self._mistakes.append((place, f"the key `{frame.key[:80]}` twice"))
        frame.mark.members[frame.key] = Mark(line=node.mark.line)

    def _member(self, frame: _Frame, node: _Node) -> None:
        key, frame.key = cast("str", frame.key), None
        if key == _MERGE:
            sources: list[Any] = as_array(node.value) or [node.value]
            frame.merged += [one for one in sources if isinstance(one, dict)]
            del frame.mark.members[key]
            return
        frame.mark.members[key] = Mark(line=frame.mark.members[key].line, members=node.mark.members)
        frame.value[key] = node.value


def _scalar(event: Any) -> Any:
    """Booleans, numbers and null as such, all else as text: dates too, and tags that would make objects."""
    text = str(event.value)
    if not event.implicit[0] and event.tag is None:
        return text
    tag = event.tag or _RESOLVED(yaml.ScalarNode, text, (True, False))
    kind = str(tag).rpartition(":")[2]
    try:
        if kind == "null":
            return None
        if kind in {"bool", "int", "float"} and len(text) < _NUMBER_CHARACTERS_MAX:
            return getattr(_PLAIN, f"construct_yaml_{kind}")(yaml.ScalarNode(f"tag:yaml.org,2002:{kind}", text))
    except (ValueError, KeyError, OverflowError):
        pass
    return text
