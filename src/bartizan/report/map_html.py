"""The threat map as one HTML page: a picture drawn here, and the same in words."""

from collections import defaultdict
from functools import cache

import msgspec
from jinja2 import Template

from bartizan import __version__
from bartizan.graph.questions import MapAnswer, MapEdge, MapNode
from bartizan.model.asset import AssetId
from bartizan.model.inventory import Inventory
from bartizan.report.map_page import TEMPLATE
from bartizan.report.map_words import Names, backward, question
from bartizan.report.markup import compiled, label
from bartizan.report.moment import rfc3339
from bartizan.report.summary import Summary

# In pixels. A picture of more than this many boxes is a carpet.
BOXES_MAX = 120
_WIDTH, _HEIGHT, _ACROSS, _DOWN, _MARGIN = 178, 38, 258, 52, 20
_LABEL_MAX = 22


class Box(msgspec.Struct, frozen=True, kw_only=True):
    """A node with the place of its upper left corner."""

    node: MapNode
    label: str
    x: int
    y: int


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """An edge as an SVG path."""

    kind: str
    basis: str
    path: str


class Picture(msgspec.Struct, frozen=True, kw_only=True):
    """Boxes in columns by distance, and the lines between them. `omitted` counts nodes that found no room."""

    boxes: tuple[Box, ...]
    lines: tuple[Line, ...]
    width: int
    height: int
    omitted: int
    box_width: int = _WIDTH
    box_height: int = _HEIGHT


def render_map_html(answer: MapAnswer, inventory: Inventory) -> str:
    """One self-contained page."""
    names = Names(inventory)
    return _template().render(
        answer=answer,
        names=names,
        picture=draw(answer),
        question=question(answer, names),
        summary=Summary.of(inventory, []),
        taken_at=rfc3339(inventory.taken_at),
        version=__version__,
    )


@cache
def _template() -> Template:
    return compiled(TEMPLATE, {})


def draw(answer: MapAnswer) -> Picture:
    """Lay out: the direction of use runs from left to right, also for a question asked backward."""
    kept = answer.nodes[:BOXES_MAX]
    deepest = max((node.depth for node in kept), default=0)
    rows: dict[int, int] = defaultdict(int)
    boxes: dict[AssetId, Box] = {}
    for node in kept:
        column = deepest - node.depth if backward(answer) else node.depth
        x, y = _MARGIN + column * _ACROSS, _MARGIN + rows[column] * _DOWN
        rows[column] += 1
        boxes[node.id] = Box(node=node, label=_label(node.name), x=x, y=y)
    lines = [
        _line(edge, boxes[edge.source], boxes[edge.target])
        for edge in answer.edges
        if edge.source in boxes and edge.target in boxes
    ]
    return Picture(
        boxes=tuple(boxes.values()),
        lines=tuple(lines),
        width=2 * _MARGIN + deepest * _ACROSS + _WIDTH,
        height=2 * _MARGIN + max(rows.values(), default=0) * _DOWN,
        omitted=len(answer.nodes) - len(kept) + answer.omitted_nodes,
    )


def _line(edge: MapEdge, source: Box, target: Box) -> Line:
    """From the right side of the source to the left side of the target, in a soft S."""
    x1, y1, x2, y2 = source.x + _WIDTH, source.y + _HEIGHT // 2, target.x, target.y + _HEIGHT // 2
    bend = max(40, abs(x2 - x1) // 2)
    path = f"M{x1} {y1} C{x1 + bend} {y1} {x2 - bend} {y2} {x2} {y2}"
    return Line(kind=edge.kind, basis=edge.basis, path=path)


def _label(text: str) -> str:
    """What fits into a box; the whole name is its title."""
    shown = label(text, _LABEL_MAX)
    return shown if len(shown) <= _LABEL_MAX + 2 else shown[:_LABEL_MAX] + "…"
