"""Pin: a definition that a person approved. Review: the version they looked at. Drift: what differs from a pin."""

from datetime import datetime
from enum import StrEnum
from typing import Any

import msgspec

from bartizan.model.asset import AssetId
from bartizan.model.finding import Severity


class PinKind(StrEnum):
    """What of a server is pinned."""

    TOOL = "tool"
    PROMPT = "prompt"
    RESOURCE = "resource"
    TEMPLATE = "template"
    INSTRUCTIONS = "instructions"


class Approval(msgspec.Struct, frozen=True, kw_only=True):
    """Who approved, when, and why."""

    at: datetime
    by: str
    reason: str


class Pin(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One approved definition of one server.

    `client` is empty where the approval holds for all clients. `name` is a tool's or prompt's name, a resource's URI, a
    template's URI template, and empty for instructions; `number` counts definitions that share a name. `fields` has the
    SHA-256 of each top-level field by its JSON Pointer. `definition` is the server's own JSON, with secrets as marks,
    so that a difference can be shown.
    """

    server: AssetId
    client: AssetId = ""
    kind: PinKind
    name: str
    number: int = 0
    fields: dict[str, str]
    definition: Any
    approval: Approval


class Review(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """That a person reviewed a server in one version. A server has one review for each version that was approved.

    `keys` are the server's, so that it is found again where its id is another. `kinds` are those of which everything
    was approved: what appears there later is a change; it is empty where single definitions were approved.
    """

    server: AssetId
    client: AssetId = ""
    name: str
    keys: tuple[str, ...] = ()
    kinds: tuple[PinKind, ...] = ()
    ecosystem: str = ""
    package: str = ""
    version: str = ""
    sha256: str = ""
    approval: Approval


class Approved(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that was approved."""

    reviews: tuple[Review, ...] = ()
    pins: tuple[Pin, ...] = ()


class DriftKind(StrEnum):
    """What happened to a definition since it was approved."""

    CHANGED = "changed"
    ADDED = "added"
    GONE = "gone"
    RENAMED = "renamed"
    SHADOWED = "shadowed"  # another server of the same client offers its name


class DriftClass(StrEnum):
    """What a change can do."""

    HIDDEN_TEXT = "hidden_text"
    NEW_INSTRUCTION = "new_instruction"
    OUTWARD_PARAMETER = "outward_parameter"
    OUTWARD_DEFAULT = "outward_default"
    HINT_TOWARD_DANGER = "hint_toward_danger"
    SHADOWS_PINNED_NAME = "shadows_pinned_name"
    HINT_TOWARD_TRUST = "hint_toward_trust"
    NEW_DEFINITION = "new_definition"
    NEW_REFERENCE = "new_reference"
    NEW_SENTENCE = "new_sentence"
    LOOKALIKE_LETTERS = "lookalike_letters"
    DEFAULT_CHANGED = "default_changed"
    WIDENED = "widened"
    NEW_PARAMETER = "new_parameter"
    REWRITTEN = "rewritten"
    STRUCTURE = "structure"
    NARROWED = "narrowed"
    WORDING = "wording"
    COSMETIC = "cosmetic"
    RENAMED = "renamed"
    GONE = "gone"


class FieldChange(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One difference: the field as a JSON Pointer (RFC 6901), what it can do and why, and both sides, bounded.

    `before` and `after` are text as it stands, or JSON; None where the field is missing there. They are hostile.
    """

    pointer: str
    effect: DriftClass
    severity: Severity
    why: str
    before: str | None = None
    after: str | None = None


class Drift(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A definition that is not what was approved. `changes` come worst first; `more` says how many were left out.

    `place` is a JSON Pointer into the snapshot, empty where the definition is gone. `definition_sha256` is that of the
    definition as it is now. `was` is the approved name, where that is another.
    """

    server: AssetId
    client: AssetId = ""
    kind: PinKind
    name: str
    was: str = ""
    change: DriftKind
    severity: Severity
    changes: tuple[FieldChange, ...]
    more: int = 0
    place: str = ""
    definition_sha256: str = ""
    approval: Approval | None = None
