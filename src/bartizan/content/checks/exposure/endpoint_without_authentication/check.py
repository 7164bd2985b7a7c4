"""Judge an endpoint by its answer to a request without credentials, and by who can reach it."""

from collections.abc import Iterator

from bartizan.content.address import Reach, reach_of
from bartizan.content.instance import lasting_name
from bartizan.model.asset import Asset
from bartizan.model.finding import Severity
from bartizan.model.inventory import Inventory
from bartizan.rules.check import Sight


def check(subject: Asset, inventory: Inventory) -> Iterator[Sight]:
    """One sight for an open endpoint: less bad when only this machine reaches it."""
    url = str(subject.attributes.get("url", ""))
    if subject.attributes.get("status") != "open" or not url:
        return
    local = reach_of(url) is Reach.MACHINE
    reach = "any program and web page on this machine" if local else "anybody who reaches its network"
    yield Sight(
        message=f"{url} answered MCP without a credential: {reach} can use it",
        detail=f"{lasting_name(subject, inventory)} {url}",
        place_is_identity=True,
        place=subject.places[0] if subject.places else None,
        severity=Severity.MEDIUM if local else None,
    )
