"""The threat map as a terminal shows it, as JSON and as Graphviz DOT; `MAP_FORMATS` has all but the terminal's."""

from collections import defaultdict
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Literal

import msgspec
from rich.console import RenderableType
from rich.padding import Padding
from rich.text import Text

from bartizan.graph.controls import Control
from bartizan.graph.cuts import Cut
from bartizan.graph.paths import Path
from bartizan.graph.questions import MapAnswer
from bartizan.model.asset import AssetKind, Basis
from bartizan.model.inventory import Inventory
from bartizan.report.json import dump
from bartizan.report.map_html import render_map_html
from bartizan.report.map_words import Names, question
from bartizan.report.moment import rfc3339
from bartizan.report.summary import Summary
from bartizan.report.table import coverage_line
from bartizan.report.terminal import (
    BAD,
    GOOD,
    ROWS_MAX,
    STRONG,
    WEAK,
    capped,
    heading,
    hostile,
    name,
    pairs,
    to_text,
)
from bartizan.report.words import counted
from bartizan.text.normalise import show

FORMAT = "bartizan-map/1"
_WAYS_MAX = 25
_PER_STEP_MAX = 12


class MapReport(msgspec.Struct, frozen=True, kw_only=True):
    """The answer as JSON. `complete` is that of the inventory: a way that nobody looked for is not excluded."""

    format: Literal["bartizan-map/1"] = FORMAT
    taken_at: datetime
    complete: bool
    answer: MapAnswer


def render_map(answer: MapAnswer, inventory: Inventory, *, width: int, colour: bool) -> str:
    """The answer at `width` columns (80 and more), with ANSI colours when `colour`."""
    names = Names(inventory)
    parts = [
        *_head(answer, inventory, names),
        *_cuts(answer, names, width),
        *_ways(answer, names, width),
        *_steps(answer, width),
    ]
    return to_text(parts, width=width, colour=colour)


def _head(answer: MapAnswer, inventory: Inventory, names: Names) -> Iterable[RenderableType]:
    yield Text.assemble(("Bartizan map", STRONG), (f"  {rfc3339(inventory.taken_at)}", WEAK))
    yield ""
    totals = answer.totals
    kinds = ", ".join(counted(count, kind) for kind, count in totals.by_kind.items()) or "nothing"
    yield pairs(
        [
            ("Question", hostile(question(answer, names), STRONG)),
            ("Answer", Text(kinds)),
            ("Known by", Text(f"{totals.observed} observed in use, {totals.potential} only possible")),
            ("Coverage", coverage_line(Summary.of(inventory, []), listed=False)),
        ],
        indent=0,
    )


def _cuts(answer: MapAnswer, names: Names, width: int) -> Iterable[RenderableType]:
    if answer.cuts:
        yield heading("Single controls, the best first", width)
        yield pairs([(f"{cut.cut} of {cut.reachable}", _control(cut, names)) for cut in answer.cuts])
    if answer.minimum is None:
        return
    yield heading("The fewest controls that close every way", width)
    if answer.minimum.problem:
        yield Padding(hostile(answer.minimum.problem, BAD), (0, 0, 0, 2))
    for control in answer.minimum.controls:
        yield Padding(_deed(control, names), (0, 0, 0, 2))


def _control(cut: Cut, names: Names) -> Text:
    return Text.assemble(_deed(cut.control, names), (" (an end itself)", WEAK) if cut.at_end else "")


def _deed(control: Control, names: Names) -> Text:
    deed, subject = names.control(control)
    return Text.assemble((deed, STRONG), ": ", hostile(subject))


def _ways(answer: MapAnswer, names: Names, width: int) -> Iterable[RenderableType]:
    total = len(answer.paths) + answer.omitted_paths
    yield heading(f"Ways ({total})", width)
    if not answer.paths:
        yield Padding(Text("none that is known"), (0, 0, 0, 2))
    for path in answer.paths[:_WAYS_MAX]:
        yield Padding(_way(path, names), (0, 0, 0, 2))
    if total > _WAYS_MAX:
        yield Text(f"  and {total - min(_WAYS_MAX, len(answer.paths))} more; the JSON format has them", BAD)


def _way(path: Path, names: Names) -> Text:
    parts: list[Text | tuple[str, str]] = [name(names.name(path.assets[0]))]
    for kind, target in zip(path.edges, path.assets[1:], strict=True):
        parts += [(f" ─{kind.replace('_', ' ')}→ ", WEAK), name(names.name(target))]
    known = (" observed", GOOD) if path.basis is Basis.OBSERVED else (" possible", WEAK)
    return Text.assemble(*parts, known, overflow="fold")


def _steps(answer: MapAnswer, width: int) -> Iterable[RenderableType]:
    yield heading("By distance", width)
    steps: dict[int, list[Text]] = defaultdict(list)
    for node in answer.nodes:
        steps[node.depth].append(Text.assemble((f"{node.kind} ", WEAK), name(node.name)))
    rows = [
        ("start" if step == 0 else counted(step, "step"), capped(nodes, _PER_STEP_MAX))
        for step, nodes in sorted(steps.items())
    ]
    yield pairs(rows[:ROWS_MAX])
    if answer.omitted_nodes:
        yield Text(f"  and {answer.omitted_nodes} more assets, left out by a limit", BAD)


def render_map_json(answer: MapAnswer, inventory: Inventory) -> str:
    """The answer as ASCII JSON."""
    complete = Summary.of(inventory, []).complete
    report = MapReport(taken_at=inventory.taken_at, complete=complete, answer=answer)
    return dump(msgspec.to_builtins(report, order="deterministic"))


_SHAPES = {
    AssetKind.PERSON: "egg",
    AssetKind.CLIENT: "component",
    AssetKind.SERVER: "box3d",
    AssetKind.CREDENTIAL: "note",
    AssetKind.BACKEND: "cylinder",
}


def render_map_dot(answer: MapAnswer, inventory: Inventory) -> str:
    """Graphviz DOT: observed edges solid, possible ones dashed, incomplete knowledge in the title."""
    numbers = {node.id: f"n{number}" for number, node in enumerate(answer.nodes)}
    title = question(answer, Names(inventory))
    if not Summary.of(inventory, []).complete:
        title += " INCOMPLETE: not everything was looked at."
    lines = [
        f"  label={quoted(title)}; labelloc=t; rankdir=LR;",
        "  node [shape=box, fontname=sans]; edge [fontname=sans, fontsize=10];",
    ]
    for node in answer.nodes:
        label = quoted(f"{node.kind}\n{node.name}")
        lines.append(f"  {numbers[node.id]} [label={label}, shape={_SHAPES.get(node.kind, 'box')}];")
    for edge in answer.edges:
        style = "solid" if edge.basis is Basis.OBSERVED else "dashed"
        ends = f"{numbers[edge.source]} -> {numbers[edge.target]}"
        lines.append(f"  {ends} [label={quoted(edge.kind.replace('_', ' '))}, style={style}];")
    return "\n".join(["digraph bartizan {", *lines, "}"]) + "\n"


def quoted(text: str) -> str:
    """A DOT string. Graphviz reads backslashes and HTML entities inside one, so neither may come from a name."""
    lines = (show(line, most=200) for line in text.split("\n", 1))
    escaped = [line.replace("&", "&amp;").replace("\\", "\\\\").replace('"', '\\"') for line in lines]
    return '"' + "\\n".join(escaped) + '"'


MAP_FORMATS: dict[str, Callable[[MapAnswer, Inventory], str]] = {
    "json": render_map_json,
    "dot": render_map_dot,
    "html": render_map_html,
}
