"""Judge a server by its answer under a name that is not its own, and by who can be led to it."""

from collections.abc import Iterator

from bartizan.content.address import Reach, reach_of
from bartizan.model.asset import Asset
from bartizan.model.finding import Severity
from bartizan.model.inventory import Inventory
from bartizan.model.json import as_array, as_text
from bartizan.rules.check import Sight


def check(subject: Asset, _inventory: Inventory) -> Iterator[Sight]:
    """One sight where a border keeps pages out; less bad where a foreign Origin is refused, which pages must send."""
    exposure = as_array(subject.attributes.get("exposure"))
    url = as_text(subject.attributes.get("url"))
    if "accepts_foreign_host" not in exposure or reach_of(url) is Reach.ANYWHERE:
        return
    guarded = "refuses_foreign_origin" in exposure
    yield Sight(
        message=f"{url} answers under any name: by DNS rebinding, the page of a stranger becomes its own page",
        place=subject.places[0] if subject.places else None,
        severity=Severity.LOW if guarded else None,
    )
