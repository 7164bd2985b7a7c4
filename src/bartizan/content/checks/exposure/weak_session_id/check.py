"""Judge a server by the session ids that it gave us: how far they can be guessed, and where they stand."""

from collections.abc import Iterator

from bartizan.model.asset import Asset
from bartizan.model.finding import Severity
from bartizan.model.inventory import Inventory
from bartizan.model.json import as_array, as_text
from bartizan.rules.check import Sight


def check(subject: Asset, _inventory: Inventory) -> Iterator[Sight]:
    """A sight for ids that can be guessed, and one, less bad, for ids in addresses, which are written to logs."""
    exposure = as_array(subject.attributes.get("exposure"))
    url = as_text(subject.attributes.get("url"))
    place = subject.places[0] if subject.places else None
    if "guessable_session" in exposure:
        message = f"the session ids of {url} are short, or hardly differ from one to the next"
        yield Sight(message=message, detail="guessable", place=place)
    if "session_in_address" in exposure:
        message = f"{url} puts the session id into the address that its client posts to"
        yield Sight(message=message, detail="address", place=place, severity=Severity.LOW)
