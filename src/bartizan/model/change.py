"""Change: what is different between one scan and the one before. KnownFinding: what became of a finding."""

from datetime import datetime
from enum import StrEnum

import msgspec

from bartizan.model.asset import AssetId, AssetKind
from bartizan.model.finding import Finding


class Alteration(StrEnum):
    """What happened to an asset between two scans."""

    ADDED = "added"
    CHANGED = "changed"  # one of its hashes is another
    GONE = "gone"
    UNSEEN = "unseen"  # not found, but the place where it was could not be looked at this time


class Change(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One asset that is new, gone or different. `what` names the hash that differs, with its values in hexadecimal."""

    alteration: Alteration
    asset: AssetId
    kind: AssetKind
    name: str
    what: str = ""
    before: str = ""
    after: str = ""


class FindingStatus(StrEnum):
    """Whether the newest scan still holds a finding true."""

    OPEN = "open"
    GONE = "gone"


class KnownFinding(msgspec.Struct, frozen=True, kw_only=True):
    """A finding with its history. One whose subject could not be looked at stays open, with an old `last_seen`."""

    finding: Finding
    first_seen: datetime
    last_seen: datetime
    status: FindingStatus


class FoundFinding(msgspec.Struct, frozen=True, kw_only=True):
    """A finding of the newest scan of some scope. `scan` is the store's number of that scan, `taken_at` when it was."""

    finding: Finding
    scan: int
    taken_at: datetime
