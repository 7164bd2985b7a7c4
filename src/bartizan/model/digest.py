"""The one digest of a JSON value, by which definitions are known and compared."""

import hashlib
from collections.abc import Sequence
from typing import Any

import msgspec


def digest(value: Any) -> str:
    """SHA-256 of a JSON value in canonical form: keys sorted, no white space, UTF-8."""
    return hashlib.sha256(msgspec.json.encode(value, order="sorted")).hexdigest()


def digest_of_texts(*rows: Sequence[str]) -> str:
    """SHA-256 of rows of texts, each with its length, so that no two different rows read alike. Takes any text."""
    parts = (f"{len(row)}[" + "".join(f"{len(text)}:{text}" for text in row) for row in rows)
    return hashlib.sha256("".join(parts).encode("utf-8", "surrogatepass")).hexdigest()
