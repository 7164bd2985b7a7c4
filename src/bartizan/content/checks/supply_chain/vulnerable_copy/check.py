"""Judge the copies of a package that is launched without a version by the list of known faults."""

from collections.abc import Iterator

from bartizan.content.intel.vulnerable_packages import faults_of
from bartizan.model.asset import Asset
from bartizan.model.errors import Place
from bartizan.model.finding import Severity
from bartizan.model.inventory import Inventory
from bartizan.model.json import as_array, as_object, as_text
from bartizan.rules.check import Sight


def check(subject: Asset, _inventory: Inventory) -> Iterator[Sight]:
    """One sight for each faulty version; a pinned launch is judged by its server already."""
    if subject.attributes.get("pinned"):
        return
    ecosystem, told = as_text(subject.attributes.get("ecosystem")), set[tuple[str, str]]()
    for copy in map(as_object, as_array(subject.attributes.get("copies"))):
        version, path = as_text(copy.get("version")), as_text(copy.get("path"))
        for fault in faults_of(ecosystem, subject.name, version):
            if (version, fault.ids[0]) in told:
                continue
            told.add((version, fault.ids[0]))
            yield Sight(
                message=f"{subject.name} {version}, which lies here: {fault.summary} ({', '.join(fault.ids)})",
                detail=f"{version} {fault.ids[0]}",
                place=Place(path=path) if path else None,
                evidence=fault.source,
                severity=Severity.CRITICAL if fault.malicious else None,
            )
