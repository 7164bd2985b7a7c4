"""Opaque tokens: their issuer is asked (RFC 7662)."""

import asyncio
import base64
from datetime import datetime
from urllib.parse import quote, quote_plus

from bartizan.adapters.tokens.claims import Fingerprint, verified
from bartizan.adapters.tokens.fetch import Fetch, decoded
from bartizan.model.identity import Introspection, Issuer
from bartizan.model.json import JsonObject
from bartizan.model.limits import DEFAULT, Limits
from bartizan.model.need import Verified
from bartizan.model.secret import Secret


class Introspector:
    """Asks one issuer, a few questions at a time."""

    def __init__(
        self, issuer: Issuer, at: Introspection, secret: Secret, fetch: Fetch, *, fingerprint: Fingerprint,
        limits: Limits = DEFAULT,
    ) -> None:  # fmt: skip
        self.issuer, self._fingerprint, self._fetch, self._limits = issuer, fingerprint, fetch, limits
        self._endpoint, self._client = at.endpoint, at.client_id
        self._secret = secret
        self._turn = asyncio.Semaphore(limits.introspections_parallel_max)

    async def verify(self, token: Secret, audience: str, at: datetime) -> Verified:
        """The principal, or why not. An answer without an audience is no answer about this gateway. Raises as fetch."""
        async with self._turn:
            answer = await self._ask(token)
        if answer.get("active") is not True:
            return Verified(reason="the issuer says that the token is not active")
        # RFC 7662, section 2.2: `iss` is optional, and so is `sub`, which the token of a client of its own lacks.
        claims = {"iss": self.issuer.issuer, **answer}
        if "sub" not in claims and isinstance(claims.get("client_id"), str):
            claims["sub"] = f"client:{claims['client_id']}"
        return verified(claims, self.issuer, audience, at, token=token, fingerprint=self._fingerprint)

    async def _ask(self, token: Secret) -> JsonObject:
        # RFC 6749, section 2.3.1: both are form-encoded before they are joined.
        pair = f"{quote_plus(self._client)}:{quote_plus(self._secret.reveal())}"
        headers = {
            "authorization": "Basic " + base64.b64encode(pair.encode()).decode(),
            "content-type": "application/x-www-form-urlencoded",
            "accept": "application/json",
        }
        body = f"token={quote(token.reveal(), safe='')}&token_type_hint=access_token".encode()
        response = await self._fetch.client.request(
            "POST", self._endpoint, headers=headers, body=body, deadline_seconds=self._limits.metadata_seconds_max
        )
        async with response:
            return decoded(response.status, await response.read(self._limits.introspection_bytes_max))
