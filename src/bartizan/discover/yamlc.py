"""YAML with bounds and lines. Parsing is watched event by event: the library's own composer can be made to crash."""

from collections.abc import Sequence
from typing import Any

import yaml

from bartizan.model.limits import Limits

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_PLAIN = yaml.SafeLoader("")


def read_yaml(text: str, limits: Limits) -> tuple[Any, "YamlPositions"]:
    """Value and positions of the first document. Raises yaml.YAMLError, ValueError where a bound is hit."""
    _watch(text, limits)
    root: Any = next(iter(yaml.compose_all(text, Loader=_LOADER)), None)
    if root is None:
        return {}, YamlPositions(None)
    return _Building(limits.yaml_nodes_max).value(root), YamlPositions(root)


def _watch(text: str, limits: Limits) -> None:
    """Refuse too many nodes and too much depth before anything recurses over them."""
    depth = 0
    for nodes, event in enumerate(yaml.parse(text, Loader=_LOADER)):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > limits.json_depth_max:
            raise ValueError(f"nested deeper than json_depth_max {limits.json_depth_max}")
        if nodes > limits.yaml_nodes_max:
            raise ValueError(f"more nodes than yaml_nodes_max {limits.yaml_nodes_max}")


class _Building:
    """Nodes to plain values. Every visit counts, so an alias costs what it stands for."""

    def __init__(self, most: int) -> None:
        self._most, self._left, self._depth = most, most, 0

    def value(self, node: yaml.Node) -> Any:
        self._left -= 1
        self._depth += 1
        if self._left < 0 or self._depth > 100:
            raise ValueError(f"aliases unfold to more than yaml_nodes_max {self._most}")
        try:
            if isinstance(node, yaml.ScalarNode):
                return _scalar(node)
            if isinstance(node, yaml.SequenceNode):
                return [self.value(inner) for inner in node.value]
            return self._mapping(node)
        finally:
            self._depth -= 1

    def _mapping(self, node: yaml.Node) -> dict[str, Any]:
        own, merged = dict[str, Any](), dict[str, Any]()
        for name, inner in node.value:
            if name.tag == "tag:yaml.org,2002:merge":
                value = self.value(inner)
                for source in value if isinstance(value, list) else [value]:  # pyright: ignore[reportUnknownVariableType]
                    merged |= source if isinstance(source, dict) else {}  # pyright: ignore[reportUnknownArgumentType]
            else:
                own[_name(name)] = self.value(inner)
        return merged | own


def _name(node: yaml.Node) -> str:
    return str(node.value) if isinstance(node, yaml.ScalarNode) else "?"


def _scalar(node: yaml.ScalarNode) -> Any:
    """Booleans, numbers and null as such, all else as text (dates too, and tags that would make objects)."""
    kind = node.tag.rpartition(":")[2]
    try:
        if kind == "null":
            return None
        if kind == "bool":
            return _PLAIN.construct_yaml_bool(node)  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
        if kind == "int" and len(node.value) < 100:
            return _PLAIN.construct_yaml_int(node)  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
        if kind == "float" and len(node.value) < 100:
            return _PLAIN.construct_yaml_float(node)  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
    except (ValueError, KeyError, OverflowError):
        return str(node.value)
    return str(node.value)


class YamlPositions:
    """Where things stand in a composed document."""

    def __init__(self, root: Any) -> None:
        self._root = root

    def line(self, path: Sequence[str | int]) -> int | None:
        """The line of the name or element at `path`, or of the nearest container that is there."""
        if self._root is None:
            return None
        line, node = self._root.start_mark.line + 1, self._root
        for step in path:
            found = _member(node, step)
            if found is None:
                break
            line, node = found
        return line

    def repeated(self, path: Sequence[str | int]) -> list[tuple[str, int]]:
        """Names that stand twice in the mapping at `path`."""
        node = self._root
        for step in path:
            found = _member(node, step) if node is not None else None
            if found is None:
                return []
            node = found[1]
        if not isinstance(node, yaml.MappingNode):
            return []
        seen, twice = set[str](), list[tuple[str, int]]()
        for name, _ in node.value:
            if _name(name) in seen:
                twice.append((_name(name), name.start_mark.line + 1))
            seen.add(_name(name))
        return twice


def _member(node: Any, step: str | int) -> tuple[int, Any] | None:
    """The line and the node of one member."""
    if isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
        inner = node.value[step]
        return inner.start_mark.line + 1, inner
    if isinstance(node, yaml.MappingNode):
        for name, inner in reversed(node.value):
            if _name(name) == step:
                return name.start_mark.line + 1, inner
    return None
