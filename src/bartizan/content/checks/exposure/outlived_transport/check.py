"""Judge a server by the transport and the revision of the protocol that it was found to speak."""

from collections.abc import Iterator

from bartizan.model.asset import Asset
from bartizan.model.inventory import Inventory
from bartizan.model.snapshot import Transport
from bartizan.rules.check import Sight

_FIRST_REVISION = "2024-11-05"


def check(subject: Asset, _inventory: Inventory) -> Iterator[Sight]:
    """One sight for each of the two."""
    place = subject.places[0] if subject.places else None
    if subject.attributes.get("transport") == Transport.SSE:
        told = f"{subject.name} is reached over HTTP with server-sent events"
        yield Sight(message=told, detail="transport", place=place)
    if subject.attributes.get("protocol_version") == _FIRST_REVISION:
        yield Sight(message=f"{subject.name} speaks the revision {_FIRST_REVISION}", detail="revision", place=place)
