"""The keys of a rule as people write them: Sigma's, and our own below `bartizan`, of which none may be unknown."""

import re
from typing import Annotated, Any, Literal

import msgspec

from bartizan.model.finding import Severity
from bartizan.model.source_event import Trust
from bartizan.rules.detection import Stage
from bartizan.rules.fields import LogSource

_DURATION = re.compile(r"(\d{1,6})([smhdw])", re.ASCII)
_UNIT_SECONDS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800}
DURATION = r"^\d{1,6}[smhdw]$"
Duration = Annotated[str, msgspec.Meta(pattern=DURATION, description="a time such as 90s, 15m, 2h, 30d, 4w")]
FieldName = Annotated[str, msgspec.Meta(min_length=1, max_length=256)]
_DASHED = {"group_by": "group-by", "seconds": "for"}
FieldNames = Annotated[tuple[FieldName, ...], msgspec.Meta(min_length=1, max_length=16)]


def seconds(duration: str) -> int:
    """A duration such as `30d` in seconds."""
    match = _DURATION.fullmatch(duration)
    return int(match[1]) * _UNIT_SECONDS[match[2]] if match else 0


class LookupKeys(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A table's row for the value of `field`: its `column` is one of `values`, or there is no row (`absent`)."""

    table: Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z0-9_]{0,60}$")]
    field: FieldName
    column: str = ""
    values: str | tuple[str, ...] = ()
    absent: bool = False


class FirstSeenKeys(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A value that is new for its key, once the key has learned for a while."""

    value: str | FieldNames
    key: str | FieldNames = ()
    learning: Duration
    forget: Annotated[str, msgspec.Meta(pattern=r"^(never|\d{1,6}[smhdw])$")] = "never"


class BusinessHoursKeys(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Within or outside the hours of the owner that a field names."""

    when: Literal["inside", "outside"] = "outside"
    owner: FieldName | None = None


class BaselineKeys(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Unusual against the key's own history."""

    key: str | FieldNames
    of: Literal["count", "hour"] = "count"
    bucket: Duration = "1h"
    buckets_min: Annotated[int, msgspec.Meta(ge=2, le=10_000)] = 24
    false_alarms: Annotated[float, msgspec.Meta(gt=0, lt=1)] = 0.001


class SuppressKeys(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename=_DASHED):
    """Quiet after a finding, for the same values of the fields in `by`."""

    seconds: Duration
    by: str | FieldNames = ()


class AbsenceKeys(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename=_DASHED):
    """`rule` matched, and `without` did not follow within a time."""

    rule: str
    without: str
    within: Duration
    group_by: str | FieldNames = ()
    aliases: dict[str, dict[str, FieldName]] = {}
    generate: bool = False


class OwnKeys(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All that stands below `bartizan`."""

    stage: Stage = Stage.ALERT
    trust: Trust = Trust.LOW
    lateness: Duration | None = None
    runbook: Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z0-9_]{0,60}$")] | None = None
    suppress: Duration | SuppressKeys | None = None
    group: str | FieldNames = ()
    lookup: LookupKeys | tuple[LookupKeys, ...] = ()
    first_seen: FirstSeenKeys | None = None
    business_hours: Literal["inside", "outside"] | BusinessHoursKeys | None = None
    baseline: BaselineKeys | None = None
    absence: AbsenceKeys | None = None


class LogSourceKeys(msgspec.Struct, frozen=True, kw_only=True):
    """Sigma's log source; other keys of it describe and decide nothing."""

    product: str | None = None
    category: str | None = None
    service: str | None = None

    @property
    def log(self) -> LogSource:
        """Without None."""
        return LogSource(product=self.product or "", category=self.category or "", service=self.service or "")


class CorrelationKeys(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename={"group_by": "group-by"}
):
    """Sigma's correlation, in the shape that pySigma reads."""

    type: str
    rules: str | tuple[str, ...] | None = None
    timespan: str
    group_by: str | tuple[str, ...] | None = ()
    aliases: dict[str, dict[str, str]] | None = None
    condition: str | dict[str, Any] | None = None
    generate: bool = False


class RuleKeys(msgspec.Struct, frozen=True, kw_only=True):
    """A whole document. Keys that Sigma does not have are the author's own affair, as Sigma says."""

    title: Annotated[str, msgspec.Meta(min_length=1, max_length=256)]
    id: Annotated[str, msgspec.Meta(pattern=r"^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$")] | None = None
    name: Annotated[str, msgspec.Meta(min_length=1, max_length=128)] | None = None
    taxonomy: Literal["sigma", "ocsf"] | None = None
    status: Literal["stable", "test", "experimental", "deprecated", "unsupported"] | None = None
    description: str | None = None
    references: tuple[str, ...] | None = None
    author: str | None = None
    date: str | None = None
    modified: str | None = None
    tags: tuple[str, ...] | None = None
    level: Severity | None = None
    fields: tuple[FieldName, ...] | None = None
    falsepositives: tuple[str, ...] | None = None
    logsource: LogSourceKeys | None = None
    detection: dict[str, Any] | None = None
    filter: dict[str, Any] | None = None
    correlation: CorrelationKeys | None = None
    bartizan: OwnKeys | None = None
    action: Literal["global", "reset", "repeat"] | None = None

    @property
    def own(self) -> OwnKeys:
        """Our keys, or their defaults."""
        return self.bartizan or OwnKeys()


def several(told: str | tuple[str, ...] | None) -> tuple[str, ...]:
    """One or more names as a tuple."""
    return (told,) if isinstance(told, str) else told or ()
