"""Judge a server by the sites that its answers let browsers read for, and by whether it asks for a credential."""

from collections.abc import Iterator

from bartizan.content.address import Reach, reach_of
from bartizan.model.asset import Asset
from bartizan.model.finding import Severity
from bartizan.model.inventory import Inventory
from bartizan.model.json import as_array
from bartizan.rules.check import Sight


def check(subject: Asset, _inventory: Inventory) -> Iterator[Sight]:
    """One sight: worst where a page gets past a border, least where a credential is needed that no page has."""
    exposure = as_array(subject.attributes.get("exposure"))
    reflects = "cors_reflects_origin" in exposure
    if not reflects and "cors_any_origin" not in exposure:
        return
    url = str(subject.attributes.get("url", ""))
    severity = Severity.LOW if reach_of(url) is Reach.ANYWHERE else None
    if subject.attributes.get("status") != "open":
        severity = Severity.LOW if reflects else Severity.INFORMATIONAL
    how = "repeats whatever Origin asks" if reflects else "allows every Origin"
    yield Sight(
        message=f"{url} {how} in its CORS header: pages of any site may read its answers",
        place=subject.places[0] if subject.places else None,
        severity=severity,
    )
