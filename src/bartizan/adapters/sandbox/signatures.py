"""Signatures of npm registries: ECDSA on P-256 with SHA-256 over `name@version:integrity`, by keys that they publish.

The format is that of npm (its documentation, "About registry signatures"). Keys come from the registry itself, so a
signature says that this registry published these bytes under this name, as far as TLS to it is trusted.
"""

import base64
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec

from bartizan.model.json import as_array, as_object, as_text

PRESENT, VERIFIED, MISMATCH, NONE = "present", "verified", "mismatch", "none"
_KIND = "ecdsa-sha2-nistp256"
_KEYS_MAX = 32


class Signature(msgspec.Struct, frozen=True):
    """One signature and the name of its key, both as the registry gave them."""

    key: str
    value: str


def read_keys(body: bytes, now: datetime) -> dict[str, str]:
    """Keys in force by their names, from the answer of `/-/npm/v1/keys`; of another shape, none.

    A key that has expired may have signed before it did, which the registry's short page cannot tell: it is left out.
    """
    try:
        listed = msgspec.json.decode(body, type=dict[str, Any]).get("keys")
    except (msgspec.DecodeError, RecursionError):
        return {}
    keys = [one for one in map(as_object, as_array(listed)[:_KEYS_MAX]) if one.get("keytype") == _KIND]
    return {as_text(one.get("keyid")): as_text(one.get("key")) for one in keys if _in_force(one.get("expires"), now)}


def _in_force(expires: object, now: datetime) -> bool:
    if expires is None:
        return True
    try:
        return msgspec.convert(expires, datetime) > now
    except (msgspec.ValidationError, TypeError):  # TypeError: a time without a zone
        return False


def verdict(package: str, integrity: str, signatures: Sequence[Signature], keys: Mapping[str, str]) -> str:
    """`verified` or `mismatch`; `present` where no key that is known made any of them.

    `package` is `name@version`, `integrity` that of the archive as npm checked it.
    """
    message = f"{package}:{integrity}".encode()
    known = [(keys[one.key], one.value) for one in signatures if one.key in keys]
    if not known or not integrity:
        return PRESENT
    return VERIFIED if all(_signs(key, value, message) for key, value in known) else MISMATCH


def _signs(key: str, signature: str, message: bytes) -> bool:
    # Only where a registry signs: it takes long to load.
    from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric import ec  # noqa: PLC0415
    from cryptography.hazmat.primitives.hashes import SHA256  # noqa: PLC0415
    from cryptography.hazmat.primitives.serialization import load_der_public_key  # noqa: PLC0415

    try:
        public = load_der_public_key(base64.b64decode(key, validate=True))
        if not isinstance(public, ec.EllipticCurvePublicKey) or not isinstance(public.curve, ec.SECP256R1):
            return False
        public.verify(base64.b64decode(signature, validate=True), message, ec.ECDSA(SHA256()))
    except (ValueError, UnsupportedAlgorithm, InvalidSignature):
        return False
    return True
