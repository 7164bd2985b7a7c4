"""Signed tokens (RFC 7519, RFC 9068) by the keys of their issuer, which may change at any time."""

import asyncio
import time
import warnings
from collections.abc import Mapping
from datetime import datetime
from typing import Any, cast

import msgspec
from joserfc import jws
from joserfc.errors import JoseError, SecurityWarning
from joserfc.jwk import import_key

from bartizan.adapters.tokens.claims import Fingerprint, verified
from bartizan.adapters.tokens.fetch import Fetch
from bartizan.model.errors import RemoteProtocolError
from bartizan.model.identity import Issuer
from bartizan.model.json import JsonObject, as_array, as_object, as_text
from bartizan.model.limits import DEFAULT, Limits
from bartizan.model.need import Verified
from bartizan.model.secret import Secret

_TYPES = frozenset({"", "at+jwt", "application/at+jwt", "jwt"})
_KINDS = {"RS": "RSA", "PS": "RSA", "ES": "EC", "Ed": "OKP"}
_CURVES = {"ES256": "P-256", "ES384": "P-384", "ES512": "P-521", "EdDSA": "Ed25519", "Ed25519": "Ed25519"}
_RSA_BITS_MIN = 2048


class SigningKeys:
    """The keys of one issuer, fetched when they are needed.

    A key that is not known is looked for again, no more often than `signing_keys_refresh_seconds_min`. All are fetched
    again at half of `signing_keys_seconds_max`; while the issuer cannot be reached they hold on up to that age.
    """

    def __init__(self, issuer: Issuer, fetch: Fetch, limits: Limits = DEFAULT) -> None:
        self._issuer, self._fetch, self._limits = issuer, fetch, limits
        self._keys: list[JsonObject] = []
        self._fetched = self._tried = float("-inf")
        self._lock = asyncio.Lock()

    async def of(self, header: Mapping[str, Any]) -> list[JsonObject]:
        """The keys that may have signed what has this header. Raises OSError and RemoteProtocolError."""
        found, fresh = self._held(header)
        if found and fresh:
            return found
        async with self._lock:
            found, fresh = self._held(header)
            since = time.monotonic() - self._tried
            if (found and fresh) or since < self._limits.signing_keys_refresh_seconds_min:
                return found
            self._tried = time.monotonic()
            try:
                await self._renew()
            except (OSError, RemoteProtocolError):
                if not found:
                    raise
        return self._held(header)[0]

    async def _renew(self) -> None:
        place = self._issuer.jwks_uri or await self._fetch.jwks_uri(self._issuer.issuer)
        document = await self._fetch.json(place)
        self._keys = [as_object(one) for one in as_array(document.get("keys"))[: self._limits.signing_keys_max]]
        self._fetched = time.monotonic()

    def _held(self, header: Mapping[str, Any]) -> tuple[list[JsonObject], bool]:
        """The keys that fit, and whether they are in the first half of their life."""
        age, most = time.monotonic() - self._fetched, self._limits.signing_keys_seconds_max
        return (self._fitting(header) if age < most else []), age < most / 2

    def _fitting(self, header: Mapping[str, Any]) -> list[JsonObject]:
        algorithm, name = as_text(header.get("alg")), header.get("kid")
        return [
            key
            for key in self._keys
            if key.get("kty") == _KINDS.get(algorithm[:2])
            and key.get("crv") == _CURVES.get(algorithm)
            and key.get("use") in {None, "sig"}
            and key.get("alg") in {None, algorithm}
            and (name is None or key.get("kid") == name)
        ]


class JwtVerifier:
    """Verifies the signed tokens of one issuer."""

    def __init__(self, issuer: Issuer, keys: SigningKeys, fingerprint: Fingerprint) -> None:
        self.issuer, self._keys, self._fingerprint = issuer, keys, fingerprint

    async def verify(self, token: Secret, header: Mapping[str, Any], audience: str, at: datetime) -> Verified:
        """The principal, or why not. Raises what the fetch of keys raises."""
        if reason := self._odd(header):
            return Verified(reason=reason)
        for raw in await self._keys.of(header):
            payload = _payload(token, raw, as_text(header["alg"]))
            if payload is not None:
                return verified(payload, self.issuer, audience, at, token=token, fingerprint=self._fingerprint)
        return Verified(reason="no key of the issuer signed the token")

    def _odd(self, header: Mapping[str, Any]) -> str:
        if header.get("alg") not in self.issuer.algorithms:
            return "the token is signed in a way that is not permitted"
        if "crit" in header or "b64" in header:
            return "the token needs an extension that is not known"
        if as_text(header.get("typ")).lower() not in _TYPES or not isinstance(header.get("typ", ""), str):
            return "what was shown is no access token (typ)"
        return ""


def _payload(token: Secret, raw: JsonObject, algorithm: str) -> JsonObject | None:
    """The claims, where this key signed them."""
    if raw.get("kty") == "RSA" and len(as_text(raw.get("n"))) * 6 < _RSA_BITS_MIN:  # base64url: 6 bits a sign
        return None
    try:
        public = {name: value for name, value in raw.items() if name in {"kty", "n", "e", "crv", "x", "y"}}
        key = import_key(public)
        with warnings.catch_warnings():  # `EdDSA` is an old name of Ed25519 (RFC 9864) that most issuers still use
            warnings.simplefilter("ignore", SecurityWarning)
            signed = jws.deserialize_compact(token.reveal().encode(), cast("Any", key), algorithms=[algorithm])
        payload = msgspec.json.decode(signed.payload)
    except (JoseError, ValueError, TypeError, KeyError, msgspec.DecodeError):
        return None
    return cast("JsonObject", payload) if isinstance(payload, dict) else None
