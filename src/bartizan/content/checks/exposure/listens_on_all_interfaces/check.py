"""Judge a server's process by the addresses it is bound to."""

from collections.abc import Iterator

from bartizan.content.instance import lasting_name
from bartizan.model.asset import Asset
from bartizan.model.inventory import Inventory
from bartizan.model.json import as_array, as_object
from bartizan.rules.check import Sight

_EVERYWHERE = {"0.0.0.0", "::", "*", "::ffff:0.0.0.0"}  # noqa: S104 - what is looked for, not bound


def check(subject: Asset, inventory: Inventory) -> Iterator[Sight]:
    """One sight for each port that is bound to every interface."""
    sockets = [as_object(item) for item in as_array(subject.attributes.get("listening"))]
    for port in sorted({str(item.get("port")) for item in sockets if item.get("address") in _EVERYWHERE}):
        yield Sight(
            message=f"{subject.name} listens on port {port} of all interfaces",
            detail=f"{lasting_name(subject, inventory)} {port}",
            place_is_identity=True,
            place=subject.places[0] if subject.places else None,
        )
