"""Judge a server by its answer to a foreign Origin, and by who can be led to it."""

from collections.abc import Iterator

from bartizan.content.address import Reach, reach_of
from bartizan.model.asset import Asset
from bartizan.model.finding import Severity
from bartizan.model.inventory import Inventory
from bartizan.model.json import as_array
from bartizan.rules.check import Sight

_WHO = {
    Reach.MACHINE: "a web page that is open on this machine",
    Reach.NETWORK: "a web page that is open anywhere in its network",
    Reach.ANYWHERE: "a web page of anybody",
}


def check(subject: Asset, _inventory: Inventory) -> Iterator[Sight]:
    """One sight; less bad where no rebinding is needed to reach it, or where the Host is checked and ends one."""
    exposure = as_array(subject.attributes.get("exposure"))
    if "accepts_foreign_origin" not in exposure:
        return
    url = str(subject.attributes.get("url", ""))
    reach = reach_of(url)
    severity = Severity.MEDIUM if reach is Reach.ANYWHERE else None
    yield Sight(
        message=f"{url} answers requests of a foreign Origin: {_WHO[reach]} can speak with it",
        place=subject.places[0] if subject.places else None,
        severity=Severity.LOW if "checks_host" in exposure else severity,
    )
