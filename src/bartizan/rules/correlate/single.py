"""Rules on single events: what must hold beside the condition, and their findings."""

from collections.abc import Sequence

from bartizan.model.finding import Finding, Occurrence
from bartizan.model.source_event import SourceEvent
from bartizan.rules.context import Context
from bartizan.rules.correlate.conclusion import Conclusion, origin_of
from bartizan.rules.correlate.grouping import Key, canonical, encoded, reader
from bartizan.rules.detection import BusinessHours, Detection, Field, Lookup
from bartizan.rules.lookups import passes
from bartizan.rules.reading import values


def joined(told: Sequence[str]) -> str:
    """The values of a field as one text: a single value as it is, several as a list, none as nothing."""
    return told[0] if len(told) == 1 else encoded(told) if told else ""


def shown_fields(rule: Detection) -> tuple[Field, ...]:
    """The fields that a rule's findings name: its group, else what its extensions judge by."""
    if rule.group:
        return rule.group
    first = (*rule.first_seen.key, *rule.first_seen.value) if rule.first_seen else ()
    base = rule.baseline.key if rule.baseline else ()
    return tuple({field.name: field for field in (*first, *base)}.values())


class Single:
    """A rule on single events whose findings do not depend on others: final as soon as its event is there."""

    def __init__(self, rule: Detection, context: Context) -> None:
        self.rule, self.context = rule, context
        self._trust = rule.header.trust.rank
        self._plain = not (self._trust or rule.lookups or rule.business_hours)
        fields = shown_fields(rule)
        self._readers = [reader(field) for field in fields]
        self.conclusion = Conclusion(rule.header, [field.name for field in fields])

    def takes(self, event: SourceEvent) -> bool:
        """Whether an event that meets the condition is a match: trust, lookups, business hours."""
        rule = self.rule
        return self._plain or (
            (not self._trust or event.trust.rank >= self._trust)
            and all(self._looks_up(lookup, event) for lookup in rule.lookups)
            and (rule.business_hours is None or self._at_that_hour(rule.business_hours, event))
        )

    def _looks_up(self, lookup: Lookup, event: SourceEvent) -> bool:
        told = [canonical(value) for value in values(event.record, lookup.field)]
        return passes(self.context.tables, lookup, told, event.tenant, event.time)

    def _at_that_hour(self, rule: BusinessHours, event: SourceEvent) -> bool:
        told = [] if rule.owner is None else [canonical(value) for value in values(event.record, rule.owner)]
        outside = self.context.calendar.outside(told, event.time)
        return outside is not None and outside is (rule.when == "outside")

    def key(self, event: SourceEvent) -> Key:
        """The tenant and the values that a finding names."""
        return (event.tenant, *(joined(read(event.record)) for read in self._readers))

    def finding(self, event: SourceEvent, identity: str) -> Finding:
        """The finding on one event; its id rests on what tells the event from all others."""
        time = event.time
        told = Occurrence(time=time, events=(origin_of(identity),), count=1, first_time=time, last_time=time)
        return self.conclusion.finding(self.key(event), f"{identity}@{time}", told)
