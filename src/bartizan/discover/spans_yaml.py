"""Where the members of a YAML document stand in its text."""

from typing import Any

import yaml

from bartizan.discover.spans import Member, Node

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def locate_yaml(text: str) -> Node:
    """The spans of the first document of a text that `read_yaml` has read. Raises yaml.YAMLError, ValueError."""
    root: Any = next(iter(yaml.compose_all(text, Loader=_LOADER)), None)
    if root is None:
        raise ValueError("an empty document")
    return _node(root)


def _node(node: Any) -> Node:
    start, end = node.start_mark.index, node.end_mark.index
    if isinstance(node, yaml.ScalarNode):
        return Node(kind="scalar", start=start, end=end)
    if isinstance(node, yaml.SequenceNode):
        found = [(number, inner.start_mark.index, inner) for number, inner in enumerate(node.value)]
        kind = "list"
    else:
        found = [(str(name.value), name.start_mark.index, inner) for name, inner in node.value]
        kind = "map"
    members = [Member(step=step, start=at, node=_node(inner)) for step, at, inner in found]
    flow = bool(node.flow_style)
    if members and not flow:
        end = members[-1].node.end  # the parser counts blank lines and comments behind a block to it
    return Node(kind=kind, start=start, end=end, flow=flow, members=members)
