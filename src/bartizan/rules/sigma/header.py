"""A rule's header, and what its `bartizan` keys ask of events."""

import re
import uuid
from collections.abc import Callable

from bartizan.model.finding import Severity
from bartizan.rules.detection import (
    Baseline,
    BusinessHours,
    Field,
    FirstSeen,
    Header,
    Lookup,
    Suppress,
)
from bartizan.rules.documents import Document
from bartizan.rules.sigma.keys import BusinessHoursKeys, LookupKeys, OwnKeys, RuleKeys, SuppressKeys, seconds, several

FieldOf = Callable[[str], Field]
_NOT_NAME = re.compile(r"[^a-z0-9]+")
_NAME_CHARACTERS_MAX = 100
_NAMESPACE = uuid.UUID("6f1a52a6-54d5-5b0e-9a86-7f0b8f0f6f0e")  # of rules that bring no id of their own


def name_of(keys: RuleKeys, stem: str) -> str:
    """The name by which findings and other rules know it: its own, or one from its file or title."""
    return keys.name or _NOT_NAME.sub("_", (stem or keys.title).lower()).strip("_")[:_NAME_CHARACTERS_MAX] or "rule"


def header_of(document: Document, keys: RuleKeys, name: str, field_of: FieldOf) -> Header:
    """The header of the rule in this document."""
    own = keys.own
    return Header(
        title=keys.title,
        id=(keys.id or str(uuid.uuid5(_NAMESPACE, name))).lower(),
        name=name,
        status=keys.status or "",
        description=keys.description or "",
        references=keys.references or (),
        author=keys.author or "",
        date=keys.date or "",
        modified=keys.modified or "",
        tags=keys.tags or (),
        level=keys.level or Severity.MEDIUM,
        falsepositives=keys.falsepositives or (),
        path=document.path,
        line=document.mark.line,
        stage=own.stage,
        trust=own.trust,
        lateness_seconds=seconds(own.lateness) if own.lateness else None,
        suppress=_suppress(own.suppress, field_of),
        runbook=own.runbook or "",
    )


def _suppress(told: str | SuppressKeys | None, field_of: FieldOf) -> Suppress | None:
    if told is None:
        return None
    if isinstance(told, str):
        return Suppress(seconds=seconds(told))
    return Suppress(seconds=seconds(told.seconds), key=_fields(told.by, field_of))


def _fields(names: str | tuple[str, ...], field_of: FieldOf) -> tuple[Field, ...]:
    return tuple(field_of(name) for name in several(names))


def lookups_of(own: OwnKeys, field_of: FieldOf) -> tuple[Lookup, ...]:
    """What is asked of tables."""
    told = (own.lookup,) if isinstance(own.lookup, LookupKeys) else own.lookup
    return tuple(
        Lookup(
            table=one.table,
            field=field_of(one.field),
            column=one.column,
            values=several(one.values),
            absent=one.absent,
        )
        for one in told
    )


def business_hours_of(own: OwnKeys, field_of: FieldOf) -> BusinessHours | None:
    """The hours that are asked for."""
    told = own.business_hours
    if told is None:
        return None
    if isinstance(told, BusinessHoursKeys):
        return BusinessHours(when=told.when, owner=field_of(told.owner) if told.owner else None)
    return BusinessHours(when=told)


def first_seen_of(own: OwnKeys, field_of: FieldOf) -> FirstSeen | None:
    """The value that is to be new."""
    told = own.first_seen
    if told is None:
        return None
    return FirstSeen(
        value=_fields(told.value, field_of),
        key=_fields(told.key, field_of),
        learning_seconds=seconds(told.learning),
        forget_seconds=0 if told.forget == "never" else seconds(told.forget),
    )


def baseline_of(own: OwnKeys, field_of: FieldOf) -> Baseline | None:
    """The history that a key is compared with."""
    told = own.baseline
    if told is None:
        return None
    return Baseline(
        key=_fields(told.key, field_of),
        of=told.of,
        bucket_seconds=seconds(told.bucket),
        buckets_min=told.buckets_min,
        false_alarms=told.false_alarms,
    )
