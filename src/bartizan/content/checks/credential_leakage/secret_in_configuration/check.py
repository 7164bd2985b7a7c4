"""Judge a credential by where it stands: every configuration place is one sight."""

from collections.abc import Iterator

from bartizan.model.asset import Asset, Confidence
from bartizan.model.finding import Severity
from bartizan.model.inventory import Inventory
from bartizan.rules.check import Sight

# A name alone made it a credential: it may be a password of nothing.
_GENERIC = "generic"
_PUBLIC = {"aws-access-key-id"}  # an identifier; its secret half is a sight of its own


def check(subject: Asset, _inventory: Inventory) -> Iterator[Sight]:
    """One sight for each file in which the credential stands."""
    kind = subject.attributes.get("kind", _GENERIC)
    for path in sorted({place.path for place in subject.places if place.path}):
        place = next(place for place in subject.places if place.path == path)
        yield Sight(
            message=f"{kind} credential {subject.name} stands in clear text in {path}",
            detail=f"{path}{place.pointer}",
            place_is_identity=True,
            place=place,
            evidence=subject.attributes.get("fingerprint", ""),
            severity=Severity.LOW if kind in _PUBLIC else None,
            confidence=Confidence.MEDIUM if kind == _GENERIC else None,
        )
