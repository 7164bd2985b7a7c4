"""Judge the fetched copies of a package by who vouches for them, as their index says."""

from collections.abc import Iterator

from bartizan.model.asset import Asset
from bartizan.model.finding import Severity
from bartizan.model.inventory import Inventory
from bartizan.model.json import as_array, as_object, as_text
from bartizan.rules.check import Sight


def check(subject: Asset, _inventory: Inventory) -> Iterator[Sight]:
    """One sight for each version without provenance; worse for one that its registry, which signs, has not signed."""
    told: set[str] = set()
    for copy in map(as_object, as_array(subject.attributes.get("copies"))):
        version = as_text(copy.get("version"))
        unsigned = copy.get("signature") == "none"
        if version in told or not (unsigned or copy.get("provenance") == "none"):
            continue
        told.add(version)
        lacks = (
            "has no signature of its registry, which signs others" if unsigned else "was published without provenance"
        )
        yield Sight(
            message=f"{subject.name} {version} {lacks}",
            detail=version,
            place=subject.places[0] if subject.places else None,
            severity=Severity.LOW if unsigned else None,
        )
