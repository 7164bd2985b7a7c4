"""Notices: what the engine has to say of itself, as Findings."""

from bartizan.model.asset import Confidence
from bartizan.model.finding import Finding, Occurrence, Severity, finding_id
from bartizan.model.json import JsonObject

_HOUR = 3_600_000

FUTURE = "engine_future_record"
EVICTED = "engine_state_full"
FORGOTTEN = "engine_duplicates_forgotten"
SILENT = "engine_source_silent"
SOURCES = "engine_too_many_sources"

_SAYS: dict[str, tuple[str, Severity, str]] = {
    FUTURE: (
        "A source sends records from the future",
        Severity.MEDIUM,
        "Set the clock of what writes the log. Rules on single events judged the record; correlations left it out.",
    ),
    EVICTED: (
        "State of rules was given up for want of room",
        Severity.HIGH,
        "Correlations may miss what needs it. Look for a flood of distinct values, or raise the limits of the state.",
    ),
    FORGOTTEN: (
        "More events came than duplicates are remembered for",
        Severity.LOW,
        "An event that is sent again may be judged again. Raise duplicates_max.",
    ),
    SILENT: (
        "A source is silent",
        Severity.MEDIUM,
        "See whether it still writes its log, and whether it can still be read.",
    ),
    SOURCES: ("There are more sources than the engine keeps apart", Severity.HIGH, "Raise sources_max."),
}


class Notices:
    """Says each thing once an hour of event time for each subject."""

    def __init__(self) -> None:
        self.cells: dict[str, int] = {}

    def say(
        self, rule: str, group: JsonObject, time: int, *, tenant: str = "", uid: str = "", count: int = 1
    ) -> list[Finding]:
        """A Finding, unless the same was said in this hour."""
        title, severity, remedy = _SAYS[rule]
        subject = ", ".join(f"{name}={value}" for name, value in group.items())
        identity = finding_id(rule, f"{tenant}/{subject}", str(time // _HOUR))
        at = f"{rule} {tenant}/{subject}"
        if self.cells.get(at) == time // _HOUR:
            return []
        self.cells[at] = time // _HOUR
        told = Occurrence(
            time=time,
            group=group,
            events=(uid,) if uid else (),
            count=count,
            first_time=time,
            last_time=time,
            tenant=tenant,
        )
        return [
            Finding(
                id=identity,
                rule=rule,
                title=title,
                subject=subject,
                severity=severity,
                confidence=Confidence.HIGH,
                message=f"{title}: {subject}" if subject else title,
                remedy=remedy,
                occurrence=told,
            )
        ]
