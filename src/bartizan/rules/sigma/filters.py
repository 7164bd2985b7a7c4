"""Conditions of drafts, and Sigma's filters: a further condition of rules that are named, or of a log source's."""

from collections.abc import Mapping
from typing import Any, cast

from bartizan.rules.detection import All, Condition
from bartizan.rules.fields import lies_in
from bartizan.rules.sigma.conditions import conditions_of, parsed_detection
from bartizan.rules.sigma.draft import Context, Draft
from bartizan.rules.sigma.strings import Values


def read_condition(draft: Draft, of: Draft, context: Context) -> Condition | None:
    """The condition of a draft with the fields of `of`: itself, or a rule that it filters. Notes what is wrong."""
    body = draft.body
    told = dict((draft.keys.detection if body == "detection" else draft.keys.filter) or {})
    if body == "filter":
        told.pop("rules", None)
    limits = context.limits
    condition: Condition | None = None
    detections, wrong = parsed_detection(told, limits)
    if detections is not None:
        condition, wrong = conditions_of(detections, Values(of.field, context.placeholders, limits.rule_tests_max))
    for one in draft.document.located(wrong, body):
        if one not in draft.wrong:
            draft.wrong.append(one)
    return condition


def with_filters(rule: Draft, context: Context) -> Condition | None:
    """The condition of a rule and of all its filters."""
    parts = [rule.condition, *(read_condition(one, rule, context) for one in rule.filters)]
    found = tuple(part for part in parts if part is not None)
    if len(found) < len(parts):
        return None
    return found[0] if len(found) == 1 else All(parts=found)


def attach(draft: Draft, known: Mapping[str, Draft], rules: list[Draft]) -> None:
    """Note a filter in the drafts of its rules: each reads it with its own fields."""
    told: Any = (draft.keys.filter or {}).get("rules")
    names = cast("list[Any]", told) if isinstance(told, list) else [told]
    if told in ("any", []):
        wanted = [rule for rule in rules if _within(rule, draft)]
    elif all(isinstance(name, str) for name in names):
        wanted = _named(draft, [str(name) for name in names], known)
    else:
        draft.mistake("`rules` names rules by id or name, or says `any`", "filter", "rules")
        return
    for rule in wanted:
        rule.filters.append(draft)


def _named(draft: Draft, references: list[str], known: Mapping[str, Draft]) -> list[Draft]:
    wanted: list[Draft] = []
    for reference in references:
        rule = known.get(reference) or known.get(reference.lower())
        if rule is None:
            draft.mistake(f"no rule has the name or id {reference[:80]!r}", "filter", "rules")
        elif rule.body != "detection":
            draft.mistake(f"{rule.name} is a correlation: a filter is for rules with a detection", "filter", "rules")
        elif not _within(rule, draft):
            draft.mistake(f"the log source of {rule.name} does not lie within the filter's", "logsource")
        else:
            wanted.append(rule)
    return wanted


def _within(rule: Draft, draft: Draft) -> bool:
    if rule.source is None or draft.source is None:
        return False
    return lies_in(rule.source.log.parts, draft.source.log.parts)
