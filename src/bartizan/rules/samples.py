"""Samples: a rule proves itself by what it matches and what it does not."""

from datetime import UTC, datetime
from typing import Any

import msgspec

from bartizan.model.errors import ContentError, Place
from bartizan.model.inventory import Inventory

_TAKEN_AT = datetime(2026, 1, 1, tzinfo=UTC)


class Sample(msgspec.Struct, frozen=True, kw_only=True):
    """One inventory and, in a sentence, why the rule matches it or not."""

    note: str
    inventory: Inventory


def read_samples(text: str, path: str = "") -> list[Sample]:
    """Samples from JSON lines; `taken_at` may be left out. Raises ContentError with every bad line."""
    samples: list[Sample] = []
    mistakes: list[tuple[Place, str]] = []
    for number, line in enumerate(text.splitlines(), 1):
        try:
            document: Any = msgspec.json.decode(line)
            document["inventory"].setdefault("taken_at", _TAKEN_AT.isoformat())
            samples.append(msgspec.convert(document, Sample))
        except (msgspec.MsgspecError, KeyError, TypeError) as error:
            mistakes.append((Place(path=path, line=number), f"not a sample: {error}"))
    if mistakes:
        raise ContentError(mistakes)
    return samples
