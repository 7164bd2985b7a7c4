"""What if: the same question with some assets or edges gone."""

from collections.abc import Collection, Sequence

import msgspec

from bartizan.graph.build import Graph
from bartizan.graph.controls import Control, Link
from bartizan.graph.paths import reach
from bartizan.graph.totals import Totals
from bartizan.model.asset import AssetId


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """What can no longer be reached, and how much could be before and still can."""

    lost: tuple[AssetId, ...]
    before: Totals
    after: Totals


def without(graph: Graph, *, assets: Collection[AssetId] = (), links: Collection[Link] = ()) -> Graph:
    """The graph with these assets, their edges, and these edges gone."""
    gone, cut = set(assets), set(links)
    return Graph(
        (asset for asset in graph.assets if asset.id not in gone),
        (
            edge
            for edge in graph.edges
            if edge.source not in gone and edge.target not in gone and (edge.source, edge.target, edge.kind) not in cut
        ),
    )


def after_controls(graph: Graph, controls: Collection[Control]) -> Graph:
    """The graph once these controls are applied."""
    assets = [control.asset for control in controls if control.asset]
    return without(graph, assets=assets, links=[control.link for control in controls if control.link])


def compare(graph: Graph, starts: Sequence[AssetId], changed: Graph) -> Difference:
    """What the starts reach before and after. A start that is gone reaches nothing. Raises UsageError if unknown."""
    before = reach(graph, *starts)
    after = reach(changed, *(start for start in starts if start in changed.number))
    left = {one.asset for one in after.reached}
    lost = tuple(one.asset for one in before.reached if one.asset not in left)
    return Difference(lost=lost, before=before.totals, after=after.totals)
