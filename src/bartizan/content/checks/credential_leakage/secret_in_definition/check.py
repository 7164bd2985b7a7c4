"""Judge a credential by the part of a server's own words that it stands in."""

from collections.abc import Iterator

from bartizan.model.asset import Asset, AssetKind, EdgeKind
from bartizan.model.errors import Place
from bartizan.model.finding import Severity
from bartizan.model.inventory import Inventory
from bartizan.rules.check import Sight

_PARTS = {
    "tools": "tools",
    "prompts": "prompts",
    "resources": "resources",
    "resource_templates": "resource templates",
    "discovered": "instructions and capabilities",
    "authorization": "authorization metadata",
    "stderr": "log",
}


def check(subject: Asset, inventory: Inventory) -> Iterator[Sight]:
    """One sight for each part. Places in files have a path and are another check's."""
    found: dict[str, Place] = {}
    for place in subject.places:
        part = place.pointer.split("/")[1] if place.pointer.startswith("/") else ""
        if part in _PARTS and not place.path and not place.url and place.pid is None:
            found.setdefault(part, place)
    servers = _holders(subject, inventory) if found else []
    names = ", ".join(sorted({server.name for server in servers})) or "a server"
    for part, place in found.items():
        yield Sight(
            message=f"{subject.attributes.get('kind', 'generic')} credential stands in the {_PARTS[part]} of {names}",
            detail=" ".join((*(server.id for server in servers), place.pointer)),
            place_is_identity=True,
            place=place,
            evidence=str(subject.attributes.get("fingerprint", "")),
            severity=Severity.MEDIUM if part == "stderr" else None,
        )


def _holders(subject: Asset, inventory: Inventory) -> list[Asset]:
    """Servers that are known to hold it, in the order of their ids."""
    sources = {edge.source for edge in inventory.edges if edge.target == subject.id and edge.kind is EdgeKind.HOLDS}
    return [server for server in inventory.of_kind(AssetKind.SERVER) if server.id in sources]
