"""SourceEvent: an Event that a source told, in OCSF's own form, with how it came to us."""

from enum import StrEnum

import msgspec

from bartizan.model.json import JsonObject


class Trust(StrEnum):
    """How far a source's word counts. It comes from configuration, never from a record."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"

    @property
    def rank(self) -> int:
        """0 for low to 2 for high."""
        return list(Trust).index(self)


class SourceEvent(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One happening. `record` is the whole OCSF 1.8 object; the rest is what the engine asks of every event.

    `uid` is the source's own id of the event, or the SHA-256 of its raw record; it equals `record.metadata.uid`.
    `time` is event time, `received` when it came, both in milliseconds since 1970 (OCSF's `timestamp_t`). `kind` is the
    kind of the source (`cloudtrail`, `vault`, ...), `source` its name in the configuration.
    """

    uid: str
    time: int
    record: JsonObject
    kind: str
    source: str = ""
    tenant: str = ""
    trust: Trust = Trust.MEDIUM
    received: int = 0


class Unparsed(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A raw record that no parser understood: counted and shown, never a reason to stop.

    `sha256` is that of the raw record, `at` the line of the source on which it
    begins, counted from 1, `reason` what is wrong with it. `begin` is how it begins, bounded and without secrets.
    """

    sha256: str
    at: int
    reason: str
    begin: str = ""
