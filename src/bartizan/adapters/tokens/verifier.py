"""The port TokenVerifier: a token goes to who can vouch for it, and what is found out is kept for a while."""

import base64
import binascii
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, cast

import msgspec

from bartizan.adapters.tokens.api_keys import PREFIX, ApiKeys
from bartizan.adapters.tokens.known import KnownTokens
from bartizan.model.errors import RemoteProtocolError, reason_of
from bartizan.model.limits import DEFAULT, Limits
from bartizan.model.need import Verified
from bartizan.model.secret import Secret
from bartizan.ports import Clock

if TYPE_CHECKING:  # what verifies signatures is loaded only where an issuer is configured
    from bartizan.adapters.tokens.introspection import Introspector
    from bartizan.adapters.tokens.jwt import JwtVerifier


class Tokens:
    """Keys by their prefix, signed tokens by their issuer, everything else by introspection."""

    def __init__(
        self,
        *,
        clock: Clock,
        keys: ApiKeys,
        signed: Sequence["JwtVerifier"] = (),
        opaque: "Introspector | None" = None,
        limits: Limits = DEFAULT,
    ) -> None:
        self._clock, self._keys, self._opaque, self._limits = clock, keys, opaque, limits
        self._signed = {one.issuer.issuer: one for one in signed}
        self._known = KnownTokens(limits)

    def known(self, token: Secret, audience: str, at: datetime) -> Verified | None:
        """What was found out before and still holds."""
        return self._known.get(token, audience, at)

    def forget(self, principal: str = "") -> None:
        """Ask again from now on."""
        self._known.forget(principal)

    async def verify(self, token: Secret, audience: str) -> Verified:
        """The principal, or why there is none. What an issuer does never lets anybody in."""
        if len(token.reveal()) > self._limits.token_bytes_max or not token.reveal().isascii():
            return Verified(reason="the token is too long, or has other signs than a token may")
        generation, at = self._known.generation, self._clock.now()
        try:
            found = await self._ask(token, audience, at)
        except (OSError, RemoteProtocolError) as error:
            return Verified(reason=f"the issuer could not be asked: {reason_of(error)}")
        self._known.put(token, audience, found, at, generation)
        return found

    async def _ask(self, token: Secret, audience: str, at: datetime) -> Verified:
        if token.reveal().startswith(PREFIX):
            return self._keys.verify(token, at)
        parts = _parts(token)
        if parts is not None:
            verifier = self._signed.get(str(parts[1].get("iss")))
            if verifier is None:
                return Verified(reason="the token is of an issuer that is not configured")
            return await verifier.verify(token, parts[0], audience, at)
        if self._opaque is not None:
            return await self._opaque.verify(token, audience, at)
        return Verified(reason="the token is neither a key nor signed, and no issuer is asked about others")


def _parts(token: Secret) -> tuple[Mapping[str, Any], Mapping[str, Any]] | None:
    """Header and claims of what looks like a signed token; the claims only tell whom to ask."""
    pieces = token.reveal().split(".")
    if len(pieces) != 3:
        return None
    found: list[Mapping[str, Any]] = []
    for piece in pieces[:2]:
        try:
            value: Any = msgspec.json.decode(base64.urlsafe_b64decode(piece + "=" * (-len(piece) % 4)))
        except (binascii.Error, ValueError, msgspec.DecodeError):
            return None
        if not isinstance(value, dict):
            return None
        found.append(cast("Mapping[str, Any]", value))
    return found[0], found[1]
