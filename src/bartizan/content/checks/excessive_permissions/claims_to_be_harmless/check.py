"""Judge a tool by what its annotations claim and its definition says."""

from collections.abc import Iterator

from bartizan.model.asset import Asset, Confidence
from bartizan.model.inventory import Inventory
from bartizan.model.json import as_object
from bartizan.model.label import Ability, labels_of, sure
from bartizan.rules.check import Sight

_NOT_READING = (Ability.DESTROYS, Ability.EXECUTES)


def check(subject: Asset, _inventory: Inventory) -> Iterator[Sight]:
    """One sight for each claim that the labels contradict."""
    annotations, labels = as_object(subject.attributes.get("annotations")), labels_of(subject)
    claims = (("readOnlyHint", True, _NOT_READING), ("destructiveHint", False, (Ability.DESTROYS,)))
    for claim, value, abilities in claims:
        against = [labels[one] for one in abilities if one in labels and sure(labels[one], Confidence.HIGH)]
        if annotations.get(claim) is value and against:
            yield Sight(
                message=f"{subject.name} claims {claim} {str(value).lower()}, and it {against[0].ability.value}",
                detail=claim,
                evidence=against[0].evidence,
            )
