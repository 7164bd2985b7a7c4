"""Secret: a value that cannot print. Fingerprint: what stands for it everywhere else."""

import base64
import hashlib
import hmac
import re
from typing import NoReturn

MARK = "‹secret›"


class Secret:
    """A credential's value, or text that may hold one. It never prints, serialises, pickles or formats itself.

    `reveal()` is the only way to the value; a search for that word finds every use.
    """

    __slots__ = ("_value",)
    __hash__ = None  # type: ignore[assignment]  # a hash would be a fingerprint without a key

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """Give the value to code that must use it: a parser, a fingerprint, an outgoing request."""
        return self._value

    def __repr__(self) -> str:
        return MARK

    def __str__(self) -> str:
        return MARK

    def __format__(self, _spec: str) -> str:
        return MARK

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and hmac.compare_digest(self._value.encode(), other._value.encode())

    def __reduce__(self) -> NoReturn:
        raise TypeError("a Secret is not serialised")


_GITHUB = re.compile(r"gh[pousr]_[A-Za-z0-9]{36,251}|github_pat_[A-Za-z0-9_]{22,251}")
_AWS_KEY_ID = re.compile(r"(?:AKIA|ASIA)[A-Z2-7]{16}")


def fingerprint(secret: Secret, key: Secret) -> str:
    """Name a secret by a value that is safe to print and to join on: `scheme:value`.

    - `github-sha256`: base64 of SHA-256, equal to `hashed_token` in GitHub's audit log;
    - `aws-key-id`: the access key id, equal to `accessKeyId` in CloudTrail (the id is public, its key is not);
    - `hmac-sha256`: 128 bits of HMAC under `key`, which is one per deployment, so that hosts of it join and
      nobody without the key can try guesses.

    Only high-entropy formats get an unkeyed hash.
    """
    value = secret.reveal()
    if _GITHUB.fullmatch(value):
        return "github-sha256:" + base64.b64encode(hashlib.sha256(value.encode()).digest()).decode()
    if _AWS_KEY_ID.fullmatch(value):
        return "aws-key-id:" + value
    digest = hmac.new(key.reveal().encode(), value.encode("utf-8", "surrogatepass"), hashlib.sha256)
    return "hmac-sha256:" + digest.hexdigest()[:32]
