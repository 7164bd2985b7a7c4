"""Judge a package by the advisories that our user gave."""

from collections.abc import Iterator

from bartizan.model.asset import Asset
from bartizan.model.finding import Severity
from bartizan.model.inventory import Inventory
from bartizan.model.json import as_array, as_object, as_text
from bartizan.rules.check import Sight


def check(subject: Asset, _inventory: Inventory) -> Iterator[Sight]:
    """One sight for each advisory on each version."""
    for advisory in map(as_object, as_array(subject.attributes.get("advisories"))):
        ids = [str(one) for one in as_array(advisory.get("ids"))]
        version = as_text(advisory.get("version"))
        if not ids:
            continue
        summary = as_text(advisory.get("summary"))
        yield Sight(
            message=f"{subject.name} {version}: {summary or 'named by an advisory'} ({', '.join(ids)})",
            detail=f"{version} {ids[0]}",
            place=subject.places[0] if subject.places else None,
            evidence=as_text(subject.attributes.get("purl")),
            severity=Severity.CRITICAL if advisory.get("malicious") else None,
        )
