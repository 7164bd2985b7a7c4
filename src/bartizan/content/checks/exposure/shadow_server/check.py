"""Judge a server by what discovery said of its place in the estate (`attributes.shadow`)."""

from collections.abc import Iterator

from bartizan.model.asset import Asset
from bartizan.model.inventory import Inventory
from bartizan.model.json import as_array
from bartizan.rules.check import Sight


def check(subject: Asset, _inventory: Inventory) -> Iterator[Sight]:
    """One sight with every reason."""
    reasons = [str(reason) for reason in as_array(subject.attributes.get("shadow"))]
    if reasons:
        yield Sight(
            message=f"{subject.name} " + "; it ".join(reasons),
            detail=" ".join(sorted(reasons)),
            place=subject.places[0] if subject.places else None,
            evidence=", ".join(subject.seen_by),
        )
