"""Finding: what we concluded, with its evidence and its place."""

import hashlib
from enum import StrEnum

import msgspec

from bartizan.model.asset import AssetId, Confidence
from bartizan.model.errors import Place
from bartizan.model.json import JsonObject


class Severity(StrEnum):
    """How bad, in OCSF's words and order."""

    INFORMATIONAL = "informational"
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"

    @property
    def rank(self) -> int:
        """0 for informational to 4 for critical."""
        return list(Severity).index(self)


class Occurrence(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """When and among which events a rule matched. Times are event times in milliseconds since 1970.

    `time` is when the rule held for the first time, `group` the values that the finding is about, `events` the uids
    that it rests on (at most `occurrence_events_max`; `count` is all of them), `parts` the same by the rule that each
    matched. `provisional`: late events may still change it. What it becomes follows under the same id: the final
    finding, or one that is `withdrawn` because the events that came meanwhile say otherwise.
    """

    time: int
    group: JsonObject = {}
    events: tuple[str, ...] = ()
    count: int = 0
    parts: dict[str, tuple[str, ...]] = {}
    first_time: int = 0
    last_time: int = 0
    value: float | None = None
    provisional: bool = False
    withdrawn: bool = False
    tenant: str = ""


class Finding(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A rule's conclusion on one subject.

    `id` is stable while rule, subject and `detail` stay the same; suppressions and baselines hold on to it.
    `message` and `evidence` may quote hostile text; what prints them shows invisible characters as code points.
    `occurrence` is there when events were judged, `place` when assets or texts were.
    """

    id: str
    rule: str
    title: str
    subject: AssetId
    severity: Severity
    confidence: Confidence
    message: str
    place: Place | None = None
    evidence: str = ""
    remedy: str = ""
    tags: tuple[str, ...] = ()
    occurrence: Occurrence | None = None


def finding_id(rule: str, subject: AssetId, detail: str = "") -> str:
    """A stable id. `detail` tells apart several findings of one rule on one subject.

    It holds 64 bits of a digest: a server that chooses its words must not find others that bear an excepted id.
    """
    digest = hashlib.sha256("\0".join((rule, subject, detail)).encode("utf-8", "surrogatepass")).hexdigest()
    return f"F-{digest[:16]}"
