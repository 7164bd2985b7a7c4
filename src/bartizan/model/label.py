"""Label: what a tool can do, with what tells so and how sure that is."""

from collections.abc import Iterable
from enum import StrEnum

import msgspec

from bartizan.model.asset import CONFIDENCE_ORDER, Asset, AssetId, Confidence
from bartizan.model.json import JsonObject, as_array


class Ability(StrEnum):
    """What a tool can do. The order is that in which labels are listed."""

    READS_UNTRUSTED = "reads_untrusted"  # brings text before the model that a stranger may have written
    READS_PRIVATE = "reads_private"  # brings data before the model that is not public
    SENDS_OUT = "sends_out"  # carries what the model chose to somebody else
    DESTROYS = "destroys"  # removes, overwrites or spends what does not come back
    EXECUTES = "executes"  # runs code, commands or statements
    WRITES = "writes"  # changes something that lasts
    FETCHES_URL = "fetches_url"  # makes a request to an address that its caller names


class Label(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One ability of a tool.

    `field` is a JSON Pointer into the definition, or `server` for the server's name and package, and `words` are the
    folded words that stand there. `credential` is the asset that the server holds, where that is what tells.
    """

    ability: Ability
    confidence: Confidence
    field: str = ""
    words: str = ""
    credential: AssetId = ""

    @property
    def evidence(self) -> str:
        """What tells so, on one line."""
        told = f"“{self.words}” in {self.field}" if self.words else self.field
        return f"{told} with {self.credential}" if self.credential else told


def as_attribute(labels: Iterable[Label]) -> list[JsonObject]:
    """Labels as the attribute `labels` of a tool."""
    return [msgspec.to_builtins(label) for label in labels]


def labels_of(tool: Asset) -> dict[Ability, Label]:
    """The labels in a tool's attributes by ability; what is malformed in a saved inventory is left out."""
    found: dict[Ability, Label] = {}
    for value in as_array(tool.attributes.get("labels")):
        try:
            label = msgspec.convert(value, Label)
        except msgspec.ValidationError:
            continue
        found.setdefault(label.ability, label)
    return found


def sure(label: Label | None, least: Confidence = Confidence.MEDIUM) -> bool:
    """Whether there is such a label, at least that sure."""
    return label is not None and CONFIDENCE_ORDER[label.confidence] >= CONFIDENCE_ORDER[least]
