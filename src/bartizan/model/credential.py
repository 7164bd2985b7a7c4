"""FoundCredential: a secret that stands somewhere, as its kind, its place and its fingerprint."""

import msgspec

from bartizan.model.asset import Asset, AssetKind
from bartizan.model.errors import Place


class FoundCredential(msgspec.Struct, frozen=True, kw_only=True):
    """One credential in one place. `name` is that of the variable, argument or header that holds it.

    `backend` is scheme, host and port of the URL that a password stands in: what it unlocks.
    """

    kind: str
    fingerprint: str
    name: str
    place: Place
    backend: str = ""

    def mark(self) -> str:
        """What stands in a shown text instead of the secret: kind and the beginning of its fingerprint."""
        scheme, _, value = self.fingerprint.partition(":")
        return f"‹{self.kind} {scheme}:{value[:8]}›"

    def asset(self) -> Asset:
        """The credential as an asset; everywhere the same value stands it has the same id."""
        return Asset(
            id=f"credential:{self.fingerprint}",
            kind=AssetKind.CREDENTIAL,
            name=self.name or self.kind,
            keys=(self.fingerprint,),
            attributes={
                "kind": self.kind,
                "fingerprint": self.fingerprint,
                **({"backend": self.backend} if self.backend else {}),
            },
            places=(self.place,),
        )
