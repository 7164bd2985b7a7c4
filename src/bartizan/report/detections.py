"""Findings of detection as lines: those of `replay`, the same bytes for the same findings."""

from datetime import UTC, datetime

import msgspec

from bartizan.model.finding import Finding, Occurrence
from bartizan.model.json import JsonObject

_NONE = Occurrence(time=0)


def finding_line(finding: Finding) -> JsonObject:
    """The line of a finding."""
    told = finding.occurrence or _NONE
    line: JsonObject = {
        "type": "finding",
        "rule": finding.rule,
        "time": stamp(told.time),
        "severity": finding.severity.value,
        "group": told.group,
        "events": list(told.events),
        "first_time": stamp(told.first_time or told.time),
        "last_time": stamp(told.last_time or told.time),
        "id": finding.id,
        "title": finding.title,
        "tags": list(finding.tags),
    }
    more: JsonObject = {
        "count": told.count if told.count > len(told.events) else 0,
        "value": told.value,
        "parts": {name: list(events) for name, events in told.parts.items()},
        "provisional": told.provisional,
        "withdrawn": told.withdrawn,
        "tenant": told.tenant,
    }
    return line | {name: value for name, value in more.items() if value}


def summary_line(*, events: int, unparsed: int, late: int, dropped: int, findings: int) -> JsonObject:
    """The last line."""
    return {
        "type": "summary",
        "events": events,
        "unparsed": unparsed,
        "late": late,
        "dropped": dropped,
        "findings": findings,
    }


def encoded(line: JsonObject) -> str:
    """One line, its keys in their order."""
    return msgspec.json.encode(line).decode() + "\n"


def stamp(milliseconds: int) -> str:
    """RFC 3339 in UTC, with milliseconds where there are some."""
    try:
        at = datetime.fromtimestamp(milliseconds / 1000, UTC)
    except (OverflowError, ValueError, OSError):  # a time that calendars do not have
        return f"{milliseconds}ms"
    return at.isoformat(timespec="milliseconds" if milliseconds % 1000 else "seconds").replace("+00:00", "Z")
