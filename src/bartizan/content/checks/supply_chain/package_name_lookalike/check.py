"""Judge the name of a server's package by the names of well-known ones."""

from collections.abc import Iterator

from bartizan.content.intel.lookalike import likeness
from bartizan.model.asset import Asset, Confidence
from bartizan.model.finding import Severity
from bartizan.model.inventory import Inventory
from bartizan.model.json import as_object, as_text
from bartizan.rules.check import Sight

_SEVERITY = {Confidence.MEDIUM: Severity.MEDIUM, Confidence.LOW: Severity.LOW}


def check(subject: Asset, _inventory: Inventory) -> Iterator[Sight]:
    """One sight with the nearest well-known name."""
    package = as_object(subject.attributes.get("package"))
    name = as_text(package.get("name"))
    found = likeness(as_text(package.get("ecosystem")), name)
    if found is not None:
        yield Sight(
            message=f"{name} can be taken for {found.known.name}: {found.why}",
            detail=name,
            place=subject.places[0] if subject.places else None,
            evidence=as_text(package.get("purl")),
            severity=_SEVERITY.get(found.confidence),
            confidence=found.confidence,
        )
