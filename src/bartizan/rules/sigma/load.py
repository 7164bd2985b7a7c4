"""Loading Sigma documents: all files together, because rules refer to each other; all mistakes at once."""

from collections.abc import Mapping

import msgspec

from bartizan.model.errors import ContentError, Place
from bartizan.rules.detection import Correlation, Detection, Rule
from bartizan.rules.documents import Mistakes
from bartizan.rules.sigma.collect import by_reference, collected
from bartizan.rules.sigma.correlations import correlation_of
from bartizan.rules.sigma.draft import Context, Draft
from bartizan.rules.sigma.filters import attach, read_condition, with_filters
from bartizan.rules.sigma.header import (
    baseline_of,
    business_hours_of,
    first_seen_of,
    header_of,
    lookups_of,
)
from bartizan.rules.sigma.keys import LookupKeys, several

_OF_DETECTIONS = ("first_seen", "business_hours", "baseline")


class Loaded(msgspec.Struct, frozen=True, kw_only=True):
    """The rules that can be honoured, ordered by name, and what is wrong with the others."""

    rules: tuple[Rule, ...]
    mistakes: tuple[tuple[Place, str], ...]


def load(files: Mapping[str, str], context: Context) -> tuple[Rule, ...]:
    """Rules from texts by file name, ordered by name. Raises ContentError with every mistake of every file."""
    loaded = read(files, context)
    if loaded.mistakes:
        raise ContentError(list(loaded.mistakes))
    return loaded.rules


def read(files: Mapping[str, str], context: Context) -> Loaded:
    """The same for those who take the rules without mistakes though others have some."""
    mistakes: Mistakes = []
    drafts = collected(files, context, mistakes)
    known = by_reference(drafts)
    rules = [draft for draft in drafts if draft.body == "detection"]
    for draft in drafts:
        if draft.source is not None:
            draft.condition = read_condition(draft, draft, context)
        _check_own(draft, context)
    for draft in drafts:
        if draft.body == "filter":
            attach(draft, known, rules)
    found: dict[str, Rule] = {}
    found |= {draft.name: rule for draft in rules if (rule := _detection(draft, context)) is not None}
    found |= _correlations(drafts, known, context)
    mistakes += [one for draft in drafts for one in draft.wrong]
    ordered = sorted(_silenced(_whole(found), drafts, known).items())
    return Loaded(
        rules=tuple(rule for _, rule in ordered),
        mistakes=tuple(dict.fromkeys(sorted(mistakes, key=lambda one: (one[0].path, one[0].line or 0)))),
    )


def _check_own(draft: Draft, context: Context) -> None:
    """Names of our own keys that must be known, and keys that this body does not take."""
    own = draft.keys.own
    for number, one in enumerate((own.lookup,) if isinstance(own.lookup, LookupKeys) else own.lookup):
        at = ("bartizan", "lookup", *(() if isinstance(own.lookup, LookupKeys) else (number,)))
        if context.tables is not None and one.table not in context.tables:
            draft.mistake(f"no table {one.table!r}: {_listed(context.tables)}", *at)
        if one.absent == bool(one.column or one.values) or bool(one.column) != bool(one.values):
            draft.mistake("a lookup says `column` and `values`, or `absent: true`", *at)
    if context.runbooks is not None and own.runbook is not None and own.runbook not in context.runbooks:
        draft.mistake(f"no runbook {own.runbook!r}: {_listed(context.runbooks)}", "bartizan", "runbook")
    if draft.body == "filter" and draft.keys.bartizan is not None:
        draft.mistake("a filter takes none of these keys", "bartizan")
    if draft.body in {"correlation", "absence"}:
        for key in _OF_DETECTIONS:
            if getattr(own, key) is not None:
                draft.mistake(f"`{key}` belongs to rules with a detection", "bartizan", key)


def _listed(names: frozenset[str]) -> str:
    return f"known are {', '.join(sorted(names))}" if names else "none is configured"


def _detection(draft: Draft, context: Context) -> Detection | None:
    own = draft.keys.own
    condition = with_filters(draft, context)
    if draft.source is None or condition is None or draft.wrong:
        return None
    return Detection(
        header=header_of(draft.document, draft.keys, draft.name, draft.field),
        selector=draft.source.selector,
        condition=condition,
        lookups=lookups_of(own, draft.field),
        business_hours=business_hours_of(own, draft.field),
        first_seen=first_seen_of(own, draft.field),
        baseline=baseline_of(own, draft.field),
        group=tuple(draft.field(name) for name in several(own.group) or draft.keys.fields or ()),
    )


def _correlations(drafts: list[Draft], known: Mapping[str, Draft], context: Context) -> dict[str, Rule]:
    """Correlations in an order in which each stands behind those that it rests on; cycles are mistakes."""
    bodies = [draft for draft in drafts if draft.body in {"correlation", "absence"}]
    made = {draft.name: (draft, rule) for draft in bodies if (rule := correlation_of(draft, known, context))}
    found: dict[str, Rule] = {}
    for draft, rule in made.values():
        depth = _depth(rule, {name: one for name, (_, one) in made.items()}, context.limits.correlation_depth_max)
        if depth > context.limits.correlation_depth_max:
            most = context.limits.correlation_depth_max
            draft.mistake(f"correlations that rest on each other in a circle, or deeper than {most}", "correlation")
        elif not draft.wrong:
            found[draft.name] = rule
    return found


def _depth(rule: Correlation, others: Mapping[str, Correlation], most: int) -> int:
    """How many correlations rest on each other, counted to one more than `most`; a circle never ends."""
    depth, level = 1, {rule.header.name}
    while depth <= most:
        level = {inner for name in level for inner in others[name].rules if inner in others}
        if not level:
            return depth
        depth += 1
    return depth


def _whole(found: dict[str, Rule]) -> dict[str, Rule]:
    """Without correlations on rules that were refused: they could never match."""
    while True:
        kept = {
            name: rule
            for name, rule in found.items()
            if isinstance(rule, Detection) or all(one in found for one in rule.rules)
        }
        if len(kept) == len(found):
            return kept
        found = kept


def _silenced(found: dict[str, Rule], drafts: list[Draft], known: Mapping[str, Draft]) -> dict[str, Rule]:
    """A rule that correlations use matches for them alone, unless one of them says `generate`."""
    used: dict[str, bool] = {}
    for draft in drafts:
        rule = found.get(draft.name)
        body = draft.keys.own.absence or draft.keys.correlation
        if isinstance(rule, Correlation) and body is not None:
            for name in rule.rules:
                used[name] = used.get(name, False) or body.generate
    return {
        name: msgspec.structs.replace(rule, silent=True) if used.get(name) is False else rule
        for name, rule in found.items()
    }
