"""Judge a server by tools that run what they are given."""

from collections.abc import Iterator

from bartizan.content.tools import tools_of
from bartizan.model.asset import Asset, Confidence
from bartizan.model.inventory import Inventory
from bartizan.model.label import Ability, labels_of
from bartizan.rules.check import Sight

_SHOWN_MAX = 8


def check(subject: Asset, inventory: Inventory) -> Iterator[Sight]:
    """One sight for all such tools of the server together."""
    told = [(tool, labels_of(tool).get(Ability.EXECUTES)) for tool in tools_of(subject, inventory)]
    sure = [(tool, label) for tool, label in told if label and label.confidence is Confidence.HIGH]
    if not sure:
        return
    names = [tool.name for tool, _ in sure]
    more = f" and {len(names) - _SHOWN_MAX} more" if len(names) > _SHOWN_MAX else ""
    yield Sight(
        message=f"{subject.name} runs what it is given: {', '.join(names[:_SHOWN_MAX])}{more}",
        place=subject.places[0] if subject.places else None,
        evidence=sure[0][1].evidence,
    )
