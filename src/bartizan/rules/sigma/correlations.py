"""Correlations: Sigma's, read by pySigma, and `absence`; with the rules that they refer to."""

from collections.abc import Mapping
from typing import Any, cast

import msgspec
from sigma.correlations import (
    CorrelationConditionAND,
    CorrelationConditionNOT,
    CorrelationConditionOR,
    SigmaCorrelationRule,
    SigmaCorrelationTimespan,
    SigmaExtendedCorrelationCondition,
    SigmaRuleReference,
)
from sigma.exceptions import SigmaError

from bartizan.rules.detection import (
    AllOf,
    Bounds,
    Correlation,
    CorrelationType,
    Expression,
    Field,
    OneOf,
    Refers,
    Without,
)
from bartizan.rules.sigma.conditions import unfit
from bartizan.rules.sigma.draft import Context, Draft
from bartizan.rules.sigma.header import header_of, lookups_of
from bartizan.rules.sigma.keys import AbsenceKeys, CorrelationKeys, seconds, several
from bartizan.rules.sigma.strings import RefusedError

_TEMPORAL = {CorrelationType.TEMPORAL, CorrelationType.TEMPORAL_ORDERED}
_BOUNDS = frozenset(Bounds.__struct_fields__)
_PERCENTILE_MAX = 100
ByReference = Mapping[str, Draft]


def correlation_of(draft: Draft, known: ByReference, context: Context) -> Correlation | None:
    """The correlation of a document; None where mistakes were noted in its draft."""
    before = len(draft.wrong)
    body = draft.keys.own.absence or draft.keys.correlation
    if body is None:
        return None
    rules = tuple(_resolved(draft, known, one) for one in _references(draft, body, context))
    found = _plain(draft, body, rules) if isinstance(body, AbsenceKeys) else _read(draft, body, rules, known, context)
    if found is None or "" in rules:
        return None
    _check(draft, found, context)
    grouping = Grouping(draft, body.aliases or {}, rules, known)
    found = msgspec.structs.replace(
        found,
        group={name: grouping.fields(name, "group-by") for name in several(body.group_by)},
        lookups=lookups_of(draft.keys.own, draft.field),
    )
    if isinstance(body, CorrelationKeys) and isinstance(body.condition, dict):
        found = msgspec.structs.replace(found, value=_values(body.condition, rules, grouping))
    return found if len(draft.wrong) == before else None


def _at(draft: Draft, *names: str) -> tuple[str, ...]:
    return ("bartizan", "absence", *names) if draft.keys.own.absence else ("correlation", *names)


def _references(draft: Draft, body: AbsenceKeys | CorrelationKeys, context: Context) -> tuple[str, ...]:
    if isinstance(body, AbsenceKeys):
        return body.rule, body.without
    told = several(body.rules)
    if not told and isinstance(body.condition, str) and not unfit(body.condition, context.limits):
        try:
            told = tuple(SigmaExtendedCorrelationCondition(body.condition).get_referenced_rules())
        except (SigmaError, RecursionError):
            told = ()  # pySigma says why when the whole is read
    if len(told) > context.limits.correlation_rules_max:
        draft.mistake(
            f"more than correlation_rules_max {context.limits.correlation_rules_max} rules", *_at(draft, "rules")
        )
    return tuple(dict.fromkeys(told))


def _resolved(draft: Draft, known: ByReference, reference: str) -> str:
    found = known.get(reference) or known.get(reference.lower())
    if found is None:
        draft.mistake(f"no rule has the name or id {reference[:80]!r}", *_at(draft, "rules"))
        return ""
    return found.name


def _plain(draft: Draft, keys: AbsenceKeys, rules: tuple[str, ...]) -> Correlation:
    return Correlation(
        header=header_of(draft.document, draft.keys, draft.name, draft.field),
        type=CorrelationType.ABSENCE,
        rules=rules,
        window_seconds=seconds(keys.within),
    )


def _read(
    draft: Draft, keys: CorrelationKeys, rules: tuple[str, ...], known: ByReference, context: Context
) -> Correlation | None:
    """What pySigma reads, with the several bounds and the fractions of a percentile that it does not."""
    condition = keys.condition
    if isinstance(condition, str) and (why := unfit(condition, context.limits)):
        draft.mistake(why, "correlation", "condition")
        return None
    numbers = {key: told for key, told in condition.items() if key in _BOUNDS} if isinstance(condition, dict) else {}
    try:
        told = SigmaCorrelationRule.from_dict(_single(draft, condition, numbers))
        window = SigmaCorrelationTimespan(keys.timespan).seconds
        expression = _expression(told.condition, known)
        bounds = msgspec.convert(numbers, Bounds)
    except (SigmaError, RefusedError, msgspec.ValidationError, RecursionError) as error:
        draft.mistake(f"not a correlation: {error}"[:400], "correlation")
        return None
    kind = CorrelationType(told.type.name.lower())
    if kind in _TEMPORAL and numbers and numbers != {"gte": len(rules)}:
        draft.mistake(f"{kind} asks for all of its rules, and takes no counts", "correlation", "condition")
    return Correlation(
        header=header_of(draft.document, draft.keys, draft.name, draft.field),
        type=kind,
        rules=rules,
        window_seconds=window,
        bounds=Bounds() if kind in _TEMPORAL else bounds,
        percentile=_percentile(draft, kind, condition),
        expression=expression,
    )


def _single(draft: Draft, condition: str | dict[str, Any] | None, numbers: dict[str, Any]) -> dict[str, Any]:
    """The document with one bound only: pySigma takes no more, the specification does."""
    told = dict(cast("dict[str, Any]", draft.document.value["correlation"]))
    if isinstance(condition, dict):
        rest = {key: one for key, one in condition.items() if key not in _BOUNDS and key != "percentile"}
        told["condition"] = {**rest, **dict(list(numbers.items())[:1])}
    return {"title": draft.keys.title, "correlation": told}


def _percentile(draft: Draft, kind: CorrelationType, condition: str | dict[str, Any] | None) -> float:
    told = condition.get("percentile") if isinstance(condition, dict) else None
    if kind is not CorrelationType.VALUE_PERCENTILE:
        if told is not None:
            draft.mistake("`percentile` belongs to value_percentile", "correlation", "condition")
        return 0.0
    if isinstance(told, bool) or not isinstance(told, int | float) or not 0 <= told <= _PERCENTILE_MAX:
        draft.mistake("value_percentile needs `percentile`, from 0 to 100", "correlation", "condition")
        return 0.0
    return float(told)


def _expression(condition: object, known: ByReference) -> Expression | None:
    if not isinstance(condition, SigmaExtendedCorrelationCondition):
        return None
    return _converted(condition.parsed, known)


def _converted(tree: object, known: ByReference) -> Expression:
    match tree:
        case SigmaRuleReference(reference=reference):
            if reference not in known:
                raise RefusedError(f"no rule has the name or id {reference[:80]!r}")
            return Refers(rule=known[reference].name)
        case CorrelationConditionAND(args=args):
            return AllOf(parts=tuple(_converted(one, known) for one in args))
        case CorrelationConditionOR(args=args):
            return OneOf(parts=tuple(_converted(one, known) for one in args))
        case CorrelationConditionNOT(args=args):
            return Without(part=_converted(args[0], known))
        case _:
            raise RefusedError("its condition is not understood")


def _check(draft: Draft, found: Correlation, context: Context) -> None:
    most = context.limits.rule_window_seconds_max
    if not 0 < found.window_seconds <= most:
        draft.mistake(
            f"the time must be more than 0 and at most rule_window_seconds_max {most} s", *_at(draft, "timespan")
        )
    if not found.rules:
        draft.mistake("a correlation without rules", *_at(draft, "rules"))
    if found.type is CorrelationType.TEMPORAL_ORDERED and isinstance(found.expression, OneOf | Without):
        draft.mistake("an order needs rules that must all match: `a and b`", "correlation", "condition")


class Grouping:
    """The fields of each rule for a name that a correlation groups by or counts."""

    def __init__(
        self, draft: Draft, aliases: Mapping[str, Mapping[str, str]], rules: tuple[str, ...], known: ByReference
    ) -> None:
        self._draft, self._rules = draft, rules
        self._known = {known[one].name: known[one] for one in known}
        self._aliases = {alias: self._named(known, fields) for alias, fields in aliases.items()}

    def _named(self, known: ByReference, fields: Mapping[str, str]) -> dict[str, str]:
        for reference in fields:
            if reference not in known or known[reference].name not in self._rules:
                self._draft.mistake(
                    f"the alias names {reference[:80]!r}, which is none of the rules", *self._at("aliases")
                )
        return {known[one].name: field for one, field in fields.items() if one in known}

    def _at(self, *names: str) -> tuple[str, ...]:
        return _at(self._draft, *names)

    def fields(self, name: str, *at: str) -> dict[str, Field]:
        """For each rule the field; a name without an alias is that of a field in every rule."""
        alias = self._aliases.get(name)
        found: dict[str, Field] = {}
        for rule in filter(None, self._rules):
            told = name if alias is None else alias.get(rule)
            if told is None:
                self._draft.mistake(f"the alias {name!r} says nothing of the rule {rule}", *self._at("aliases"))
            else:
                found[rule] = self._field(self._known[rule], told, *at)
        return found

    def _field(self, of: Draft, name: str, *at: str) -> Field:
        if of.body == "detection":
            return of.field(name)
        body = of.keys.own.absence or of.keys.correlation
        if body is None or name not in several(body.group_by):
            self._draft.mistake(f"{of.name} does not group by {name!r}", *self._at(*at))
        return Field(name=name)


def _values(condition: dict[str, Any], rules: tuple[str, ...], grouping: Grouping) -> dict[str, tuple[Field, ...]]:
    told = condition.get("field")
    if told is None:
        return {}
    names = [str(one) for one in cast("list[Any]", told)] if isinstance(told, list) else [str(told)]
    by_name = [grouping.fields(name, "condition") for name in names]
    return {rule: tuple(fields[rule] for fields in by_name if rule in fields) for rule in rules if rule}
