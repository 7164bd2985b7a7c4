"""Judge a server's address by its scheme and by whether it leaves this machine."""

from collections.abc import Iterator

from bartizan.content.address import Reach, host_of, reach_of
from bartizan.model.asset import Asset
from bartizan.model.inventory import Inventory
from bartizan.rules.check import Sight


def check(subject: Asset, _inventory: Inventory) -> Iterator[Sight]:
    """One sight for an http address that leaves this machine."""
    url = str(subject.attributes.get("url", ""))
    if not url.lower().startswith("http://") or not host_of(url) or reach_of(url) is Reach.MACHINE:
        return
    yield Sight(
        message=f"{url} carries tokens, arguments and definitions in clear text",
        place=subject.places[0] if subject.places else None,
    )
