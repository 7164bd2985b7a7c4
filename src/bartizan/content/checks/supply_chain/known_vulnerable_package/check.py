"""Judge the version of a server's package by the list of known faults."""

from collections.abc import Iterator

from bartizan.content.intel.versions import is_exact
from bartizan.content.intel.vulnerable_packages import VULNERABLE, Vulnerable
from bartizan.model.asset import Asset, Confidence
from bartizan.model.finding import Severity
from bartizan.model.inventory import Inventory
from bartizan.model.json import as_object, as_text
from bartizan.rules.check import Sight


def check(subject: Asset, _inventory: Inventory) -> Iterator[Sight]:
    """One sight for each entry of the list that holds the version."""
    package = as_object(subject.attributes.get("package"))
    ecosystem, name = package.get("ecosystem"), as_text(package.get("name")).lower()
    version = as_text(package.get("version"))
    for entry in VULNERABLE:
        if (entry.ecosystem, entry.name) != (ecosystem, name):
            continue
        exact = is_exact(version, entry.ecosystem)
        if not (entry.holds(version) if exact else _newest(entry)):
            continue
        yield Sight(
            message=f"{name} {version if exact else 'in its newest version'}: {entry.summary} ({', '.join(entry.ids)})",
            detail=f"{entry.ids[0]} {version}",
            place=subject.places[0] if subject.places else None,
            evidence=entry.source,
            severity=Severity.CRITICAL if entry.malicious else None,
            confidence=None if exact else Confidence.MEDIUM,
        )


def _newest(entry: Vulnerable) -> bool:
    """Whether every later version is malicious too, so that it matters little which one runs."""
    return entry.malicious and any(not one.fixed for one in entry.ranges)
