"""Judge a server's address by its scheme and by whether it leaves this machine."""

from collections.abc import Iterator
from urllib.parse import urlsplit

from bartizan.model.asset import Asset
from bartizan.model.inventory import Inventory
from bartizan.rules.check import Sight

_LOOPBACK = ("127.", "localhost", "::1")


def check(subject: Asset, _inventory: Inventory) -> Iterator[Sight]:
    """One sight for an http address that leaves this machine."""
    url = str(subject.attributes.get("url", ""))
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        return
    if parts.scheme != "http" or not host or host.startswith(_LOOPBACK) or host.endswith(".localhost"):
        return
    yield Sight(
        message=f"{url} carries tokens, arguments and definitions in clear text",
        place=subject.places[0] if subject.places else None,
    )
