"""Judge the fetched copies of a package by whether they are what their registry signed."""

from collections.abc import Iterator

from bartizan.model.asset import Asset
from bartizan.model.inventory import Inventory
from bartizan.model.json import as_array, as_object, as_text
from bartizan.rules.check import Sight


def check(subject: Asset, _inventory: Inventory) -> Iterator[Sight]:
    """One sight for each version."""
    copies = map(as_object, as_array(subject.attributes.get("copies")))
    for version in sorted({as_text(one.get("version")) for one in copies if one.get("signature") == "mismatch"}):
        yield Sight(
            message=f"{subject.name} {version} is not what its registry signed",
            detail=version,
            place=subject.places[0] if subject.places else None,
        )
