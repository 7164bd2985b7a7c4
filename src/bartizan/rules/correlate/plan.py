"""Which judge a rule gets, in which order rules are asked, and what of them cannot be honoured."""

from collections.abc import Iterator, Mapping, Sequence

from bartizan.model.errors import ContentError, Place
from bartizan.rules.context import Context
from bartizan.rules.correlate.absence import Absence
from bartizan.rules.correlate.bounds import least, said
from bartizan.rules.correlate.correlator import Correlator
from bartizan.rules.correlate.counting import Counting
from bartizan.rules.correlate.sequence import Sequence as InSequence
from bartizan.rules.correlate.single import Single
from bartizan.rules.correlate.sliding import Temporal, Valued
from bartizan.rules.correlate.temporal import referred
from bartizan.rules.correlate.unusual import hours_needed
from bartizan.rules.detection import AllOf, Correlation, CorrelationType, Detection, Expression, Refers, Rule, Stage

Judge = Single | InSequence | Correlator

_TEMPORAL = {CorrelationType.TEMPORAL, CorrelationType.TEMPORAL_ORDERED, CorrelationType.ABSENCE}
_VALUES = {*CorrelationType} - _TEMPORAL - {CorrelationType.EVENT_COUNT}


def judge(rule: Rule, context: Context) -> Judge:
    """The judge of a rule."""
    if isinstance(rule, Detection):
        depends = rule.first_seen or rule.baseline or (rule.header.suppress and not rule.silent)
        return InSequence(rule, context) if depends else Single(rule, context)
    families: Mapping[CorrelationType, type[Correlator]] = {
        CorrelationType.EVENT_COUNT: Counting,
        CorrelationType.TEMPORAL: Temporal,
        CorrelationType.TEMPORAL_ORDERED: Temporal,
        CorrelationType.ABSENCE: Absence,
    }
    return families.get(rule.type, Valued)(rule, context.tables, context.limits)


def speaks(rule: Rule) -> bool:
    """Whether a rule's matches are findings, not only matches for other rules."""
    return not rule.silent and rule.header.stage is not Stage.OFF


def in_order(rules: Sequence[Rule], context: Context) -> list[Rule]:
    """The rules that are judged, each after those that it refers to. What nobody asks for is left out.

    Raises ContentError with every mistake of every rule.
    """
    by_name = {rule.header.name: rule for rule in rules}
    mistakes = [(rule, what) for rule in rules for what in _mistakes(rule, by_name, context)]
    counted: dict[str, int] = {}
    for rule in rules:
        counted[rule.header.name] = counted.get(rule.header.name, 0) + 1
    mistakes += [
        (by_name[name], f"{name} is the name of {count} rules") for name, count in counted.items() if count > 1
    ]
    if not mistakes:
        mistakes += [(by_name[name], f"{name} refers to itself through others") for name in _circular(by_name)]
    if mistakes:
        raise ContentError(
            [(Place(path=rule.header.path, line=rule.header.line or None), what) for rule, what in mistakes]
        )
    order: dict[str, Rule] = {}
    for rule in rules:
        if speaks(rule):
            _place(rule, by_name, order)
    return list(order.values())


def _place(rule: Rule, by_name: Mapping[str, Rule], order: dict[str, Rule]) -> None:
    if isinstance(rule, Correlation):
        for name in rule.rules:
            if name not in order:
                _place(by_name[name], by_name, order)
    order[rule.header.name] = rule


def _circular(by_name: Mapping[str, Rule]) -> Iterator[str]:
    """Correlations that reach themselves: those that are left when all that refer to finished ones are taken away."""
    left = {name: set(rule.rules) for name, rule in by_name.items() if isinstance(rule, Correlation)}
    while done := {name for name, needs in left.items() if not needs & left.keys()}:
        for name in done:
            del left[name]
    yield from sorted(left)


def _mistakes(rule: Rule, by_name: Mapping[str, Rule], context: Context) -> Iterator[str]:
    for lookup in rule.lookups:
        if lookup.table not in context.tables:
            known = ", ".join(sorted(context.tables)) or "none"
            yield f"lookup asks the table {lookup.table}, which is not there; known: {known}"
    if isinstance(rule, Detection):
        yield from _mistakes_of_baseline(rule, context)
        return
    if rule.window_seconds <= 0:
        yield "the window must be longer than 0 seconds"
    for name in rule.rules:
        if name not in by_name:
            yield f"refers to {name}, which no rule is called"
        else:
            yield from _mistakes_of_reference(rule, by_name[name])
    yield from _mistakes_of_type(rule, context)
    asked = [lookup.field.name for lookup in rule.lookups]
    asked += [field.name for field in rule.header.suppress.key] if rule.header.suppress else []
    for name in asked:
        if name not in rule.group:
            yield f"asks for {name}, which is no name of its group ({', '.join(rule.group) or 'it has none'})"


def _mistakes_of_baseline(rule: Detection, context: Context) -> Iterator[str]:
    if rule.baseline is None:
        return
    if not 0 < rule.baseline.false_alarms < 1:
        yield "baseline: false_alarms must lie between 0 and 1"
        return
    most = context.limits.baseline_buckets_max
    hours = hours_needed(rule.baseline.false_alarms) if rule.baseline.of == "hour" else 0
    if max(rule.baseline.buckets_min, hours) > most:
        yield f"baseline: needs {max(rule.baseline.buckets_min, hours)} buckets of history; at most {most} are kept"
    if rule.baseline.bucket_seconds <= 0 or rule.baseline.buckets_min < 2:
        yield "baseline: needs buckets longer than 0 seconds, and at least 2 of them"


def _mistakes_of_reference(rule: Correlation, other: Rule) -> Iterator[str]:
    name = other.header.name
    for shown, fields in rule.group.items():
        if name not in fields:
            yield f"groups by {shown}, but does not say which field of {name} that is"
        elif isinstance(other, Correlation) and fields[name].name not in other.group:
            yield f"groups {name} by {fields[name].name}, which is no name of its group"
    if rule.type in _VALUES and not rule.value.get(name):
        yield f"does not say which field of {name} has the value"
    if isinstance(other, Correlation):
        if rule.type in _VALUES and any(field.name not in other.group for field in rule.value.get(name, ())):
            yield f"asks for a value of {name} that is no name of its group"
        if other.header.trust.rank < rule.header.trust.rank:
            yield f"needs sources of {rule.header.trust.value} trust, and refers to {name}, which needs less"


def _mistakes_of_type(rule: Correlation, context: Context) -> Iterator[str]:
    if rule.type not in _TEMPORAL and not said(rule.bounds):
        yield "has no condition on the count or value"
    if rule.type is CorrelationType.EVENT_COUNT and least(rule.bounds) > context.limits.window_entries_max:
        yield f"counts more than {context.limits.window_entries_max} events (limit window_entries_max)"
    if rule.type is CorrelationType.ABSENCE and len(rule.rules) != 2:
        yield "absence takes two rules: the first, and the one that must follow it"
    if rule.type in _TEMPORAL and rule.expression is not None:
        yield from _mistakes_of_expression(rule, rule.expression)


def _mistakes_of_expression(rule: Correlation, expression: Expression) -> Iterator[str]:
    for name in referred(expression):
        if name not in rule.rules:
            yield f"its condition names {name}, which is not among its rules"
    if rule.type is CorrelationType.ABSENCE:
        yield "absence takes no condition"
    plain = isinstance(expression, Refers) or (
        isinstance(expression, AllOf) and all(isinstance(part, Refers) for part in expression.parts)
    )
    if rule.type is CorrelationType.TEMPORAL_ORDERED and not plain:
        yield "an order can be asked for rules that are joined by `and` alone"
