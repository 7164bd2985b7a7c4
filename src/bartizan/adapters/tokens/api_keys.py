"""API keys: `bzk_NAME_` and 256 random bits. Kept is a salted hash; a key is shown once, when it is made."""

import hashlib
import hmac
import re
import secrets
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, time

from bartizan.model.identity import ApiKey
from bartizan.model.need import Verified
from bartizan.model.principal import Principal, Proof
from bartizan.model.secret import Secret

PREFIX = "bzk_"
NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?")
_KEY = re.compile(rf"{PREFIX}({NAME.pattern})_([A-Za-z0-9_-]{{43}})")


def make_key(name: str) -> tuple[Secret, str]:
    """A new key and its hash. Raises ValueError for a name of other letters than a to z, 0 to 9 and `-`."""
    if not NAME.fullmatch(name):
        raise ValueError("a name is made of a to z, 0 to 9 and `-`, at most 40 signs")
    key = Secret(f"{PREFIX}{name}_{secrets.token_urlsafe(32)}")
    salt = secrets.token_hex(16)
    return key, f"sha256:{salt}:{_digest(salt, key)}"


class ApiKeys:
    """The keys of the configuration. The hash need not be slow: nobody guesses 256 bits."""

    def __init__(self, keys: Mapping[str, ApiKey], fingerprint: Callable[[Secret], str]) -> None:
        self._keys, self._fingerprint = keys, fingerprint

    def verify(self, token: Secret, at: datetime) -> Verified:
        """Whose key it is. Every way to be wrong takes one hash and tells the same."""
        match = _KEY.fullmatch(token.reveal())
        name = match[1] if match else ""
        entry = self._keys.get(name)
        _, salt, digest = (entry.hash if entry else "sha256:" + "0" * 32 + ":" + "0" * 64).split(":")
        right = hmac.compare_digest(_digest(salt, token), digest)
        if entry is None or not right:
            return Verified(reason="no such API key")
        expires = datetime.combine(entry.until, time.max, UTC) if entry.until else None
        if expires is not None and expires <= at:
            return Verified(reason=f"the API key {name} was good until {entry.until}")
        return Verified(
            principal=Principal(
                id=f"key:{name}",
                proof=Proof.API_KEY,
                name=name,
                groups=frozenset(entry.groups),
                scopes=frozenset(entry.scopes),
                credential=self._fingerprint(token),
                expires=expires,
            )
        )


def _digest(salt: str, key: Secret) -> str:
    return hashlib.sha256(f"{salt}:{key.reveal()}".encode("utf-8", "surrogatepass")).hexdigest()
