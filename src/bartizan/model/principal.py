"""Principal: on whose behalf a call is made, and how that is known."""

from datetime import datetime
from enum import StrEnum

import msgspec

from bartizan.model.json import JsonObject


class Proof(StrEnum):
    """What a principal was recognised by. Only what `proven` says may be relied on beyond loopback."""

    TOKEN = "token"  # noqa: S105 - a JWT, or an opaque token that the authorization server vouched for
    API_KEY = "api_key"
    CERTIFICATE = "certificate"
    SYSTEM_USER = "system_user"  # of a stdio client: whoever runs as that user can claim it
    NONE = "none"


class Principal(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Who asks. `id` is unique over all ways: `issuer|subject`, `key:NAME`, `cert:SUBJECT`, `os:UID`, `anonymous`.

    `claims` are those of the token that policy may read; never the token. `credential` is the fingerprint of what was
    shown. `methods` and `authenticated_at` are `amr` and `auth_time` (OpenID Connect Core 1.0, section 2).
    """

    id: str
    proof: Proof
    name: str = ""
    groups: frozenset[str] = frozenset()
    scopes: frozenset[str] = frozenset()
    claims: JsonObject = {}
    credential: str = ""
    context: str = ""
    methods: frozenset[str] = frozenset()
    authenticated_at: datetime | None = None
    expires: datetime | None = None

    @property
    def proven(self) -> bool:
        """Whether it took more than to run as a user of this machine."""
        return self.proof in {Proof.TOKEN, Proof.API_KEY, Proof.CERTIFICATE}


ANONYMOUS = Principal(id="anonymous", proof=Proof.NONE)
