"""Detections and correlations as they are judged: what a Sigma document says, with its fields resolved.

Sigma specification 2.1 (rules, filters, correlations); what it has no words for stands under the key `bartizan`.
"""

from enum import StrEnum
from typing import ClassVar, Literal

import msgspec

from bartizan.model.finding import Severity
from bartizan.model.source_event import Trust

Path = tuple[str, ...]
"""The way to a value in an OCSF object, such as ("actor", "user", "name"). A list on the way stands for each member."""


class Field(msgspec.Struct, frozen=True, kw_only=True):
    """A field as the rule names it, and where its values stand: at the first of `paths` that has one.

    With `any_case` the letters of the keys on the way may be of either case. A field without paths is a name that
    another correlation groups by.
    """

    name: str
    paths: tuple[Path, ...] = ()
    any_case: bool = False


class Operator(StrEnum):
    """How a value is compared. Without `cased` letters of both cases are equal, as in Sigma."""

    EQUALS = "equals"
    CONTAINS = "contains"
    STARTSWITH = "startswith"
    ENDSWITH = "endswith"
    REGEX = "regex"  # RE2; searched, not matched whole
    CIDR = "cidr"
    LT = "lt"
    LTE = "lte"
    GT = "gt"
    GTE = "gte"
    EXISTS = "exists"
    NULL = "null"  # absent, null or empty


class TimePart(StrEnum):
    """A part of a point in time, in UTC. Weeks are those of ISO 8601."""

    MINUTE = "minute"
    HOUR = "hour"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    YEAR = "year"


class Test(msgspec.Struct, frozen=True, kw_only=True):
    """One comparison. True when any value of the field passes; a field that is absent passes NULL alone.

    `field` None reads every text of the event (Sigma's keywords). `other` is the field to compare with (`fieldref`).
    `part` compares that part of a timestamp instead of the value. A value without `cased` is in lower case; so is the
    expression of REGEX then, and it is searched for in the text in lower case.
    """

    __test__: ClassVar[bool] = False  # pytest takes a class of this name for tests

    operator: Operator
    field: Field | None = None
    value: str | int | float | bool | None = None
    other: Field | None = None
    cased: bool = False
    part: TimePart | None = None


class All(msgspec.Struct, frozen=True, kw_only=True):
    """Every part holds."""

    parts: tuple["Condition", ...]


class AnyOf(msgspec.Struct, frozen=True, kw_only=True):
    """At least one part holds."""

    parts: tuple["Condition", ...]


class Not(msgspec.Struct, frozen=True, kw_only=True):
    """The part does not hold. Logic has two values: what is absent makes a test false, and its negation true."""

    part: "Condition"


Condition = Test | All | AnyOf | Not


class Stage(StrEnum):
    """What becomes of a rule's findings."""

    OFF = "off"
    OBSERVE = "observe"
    ALERT = "alert"
    CONTAIN = "contain"


class Selector(msgspec.Struct, frozen=True, kw_only=True):
    """Which events a rule is asked about: all that is said must hold; nothing said is every event.

    `kinds` are those of sources, `classes` OCSF class ids, `activities` OCSF activity ids, `where` equalities on paths
    such as `metadata.log_name`. `log` is the rule's own log source: product, category, service. Of a record of kind
    `json` it alone decides: the log source that its configuration names (`metadata.log_source`, the three joined by
    `/`) must lie within it.
    """

    kinds: frozenset[str] = frozenset()
    classes: frozenset[int] = frozenset()
    activities: frozenset[int] = frozenset()
    where: dict[Path, tuple[str, ...]] = {}
    log: tuple[str, str, str] | None = None


class Lookup(msgspec.Struct, frozen=True, kw_only=True):
    """Asks a table about a value, as of the event's time: its row's `column` must be one of `values`.

    With `absent` the test is that the table has no row for it. An unknown table refuses the rule when it is loaded.
    """

    table: str
    field: Field
    column: str = ""
    values: tuple[str, ...] = ()
    absent: bool = False


class FirstSeen(msgspec.Struct, frozen=True, kw_only=True):
    """A value that is new for its key. The first `learning_seconds` of a key only learn; `forget_seconds` 0: never."""

    value: tuple[Field, ...]
    key: tuple[Field, ...] = ()
    learning_seconds: int
    forget_seconds: int = 0


class BusinessHours(msgspec.Struct, frozen=True, kw_only=True):
    """Inside or outside the hours of the owner that `owner` names, by the calendar of the context."""

    owner: Field | None = None
    when: Literal["inside", "outside"] = "outside"


class Baseline(msgspec.Struct, frozen=True, kw_only=True):
    """Unusual against the key's own history: counts per `bucket_seconds`, compared by median and MAD.

    `of` is the count itself, or the hour of the day. `false_alarms` is the rate per key and bucket that the threshold
    is set for. A key with fewer than `buckets_min` buckets of history only learns.
    """

    key: tuple[Field, ...]
    of: Literal["count", "hour"] = "count"
    bucket_seconds: int
    buckets_min: int
    false_alarms: float


class Suppress(msgspec.Struct, frozen=True, kw_only=True):
    """After a finding the same key is quiet for `seconds` of event time. Without fields the key is the group."""

    seconds: int
    key: tuple[Field, ...] = ()


class Header(msgspec.Struct, frozen=True, kw_only=True):
    """The header of every rule, in Sigma's keys, and what `bartizan` adds to all of them.

    `path` and `line` say where the rule stands. A rule needs sources of at least its `trust`.
    """

    title: str
    id: str
    name: str
    status: str = ""
    description: str = ""
    references: tuple[str, ...] = ()
    author: str = ""
    date: str = ""
    modified: str = ""
    tags: tuple[str, ...] = ()
    level: Severity = Severity.MEDIUM
    falsepositives: tuple[str, ...] = ()
    path: str = ""
    line: int = 0
    stage: Stage = Stage.ALERT
    trust: Trust = Trust.LOW
    lateness_seconds: int | None = None
    suppress: Suppress | None = None
    runbook: str = ""


class Detection(msgspec.Struct, frozen=True, kw_only=True):
    """A rule on single events. All of the extensions that it has must hold too, in the order in which they stand here.

    `group` are the fields that a finding names; they default to none. `silent` matches for correlations only.
    """

    header: Header
    selector: Selector
    condition: Condition
    lookups: tuple[Lookup, ...] = ()
    business_hours: BusinessHours | None = None
    first_seen: FirstSeen | None = None
    baseline: Baseline | None = None
    group: tuple[Field, ...] = ()
    silent: bool = False


class CorrelationType(StrEnum):
    """Sigma's, and `absence`, which is `bartizan`'s: the first rule is not followed by the second."""

    EVENT_COUNT = "event_count"
    VALUE_COUNT = "value_count"
    VALUE_SUM = "value_sum"
    VALUE_AVG = "value_avg"
    VALUE_PERCENTILE = "value_percentile"
    VALUE_MEDIAN = "value_median"
    TEMPORAL = "temporal"
    TEMPORAL_ORDERED = "temporal_ordered"
    ABSENCE = "absence"


class Bounds(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a count or value must satisfy: all that is said."""

    lt: float | None = None
    lte: float | None = None
    gt: float | None = None
    gte: float | None = None
    eq: float | None = None
    neq: float | None = None


class Refers(msgspec.Struct, frozen=True, kw_only=True):
    """That a rule of the correlation matched (a leaf of an extended condition)."""

    rule: str


class AllOf(msgspec.Struct, frozen=True, kw_only=True):
    """Every part of an extended condition holds within the window."""

    parts: tuple["Expression", ...]


class OneOf(msgspec.Struct, frozen=True, kw_only=True):
    """At least one part holds within the window."""

    parts: tuple["Expression", ...]


class Without(msgspec.Struct, frozen=True, kw_only=True):
    """The part does not hold within the window."""

    part: "Expression"


Expression = Refers | AllOf | OneOf | Without


class Correlation(msgspec.Struct, frozen=True, kw_only=True):
    """A rule on the matches of others, within `window_seconds` of event time, apart for each value of the group.

    `rules` are names of detections or of other correlations (chaining). `group` gives, for each name that the rule
    groups by, the field of each of `rules` (Sigma's aliases). `value` is the field of the value types, by rule.
    `bounds` are for counts and values, `expression` for temporal ones (None: all rules), `percentile` from 0 to 100.
    """

    header: Header
    type: CorrelationType
    rules: tuple[str, ...]
    window_seconds: int
    group: dict[str, dict[str, Field]] = {}
    value: dict[str, tuple[Field, ...]] = {}
    percentile: float = 0.0
    bounds: Bounds = Bounds()
    expression: Expression | None = None
    lookups: tuple[Lookup, ...] = ()
    silent: bool = False


Rule = Detection | Correlation
