"""The one digest of a JSON value, by which definitions are known and compared."""

import hashlib
from typing import Any

import msgspec


def digest(value: Any) -> str:
    """SHA-256 of a JSON value in canonical form: keys sorted, no white space, UTF-8."""
    return hashlib.sha256(msgspec.json.encode(value, order="sorted")).hexdigest()
