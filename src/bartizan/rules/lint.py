"""What rules say without being wrong, and is seldom meant: rules that are dear, that never match, or wait in vain."""

from collections.abc import Iterable, Iterator

from bartizan.model.errors import Place
from bartizan.rules.compile.shape import literals, must_equal, simpler, witnesses
from bartizan.rules.detection import All, AnyOf, Bounds, Condition, Correlation, Detection, Not, Operator, Rule, Test
from bartizan.rules.documents import Mistakes
from bartizan.rules.fields import LogSource, LogSources, Source

_DEAR = frozenset({Operator.REGEX, Operator.CIDR})


def warnings(rules: Iterable[Rule], log_sources: LogSources) -> Mistakes:
    """A place and a sentence for each doubt, in the order of the rules."""
    return [
        (Place(path=rule.header.path, line=rule.header.line), f"{rule.header.name}: {what}")
        for rule in rules
        for what in _doubts(rule, log_sources)
    ]


def _doubts(rule: Rule, log_sources: LogSources) -> Iterator[str]:
    if rule.header.status in {"deprecated", "unsupported"}:
        yield f"its status is {rule.header.status}"
    if isinstance(rule, Correlation):
        if _empty(rule.bounds):
            yield "never matches: no number is within its bounds"
        return
    yield from _of_source(rule, log_sources)
    condition = simpler(rule.condition)
    if _never(condition):
        yield "never matches: it asks that something holds and does not hold"
    if _dear(condition):
        yield "slow: every event of its log source is searched; add a text or a value that must be there"


def _of_source(rule: Detection, log_sources: LogSources) -> Iterator[str]:
    product, category, service = rule.selector.log or ("", "", "")
    source = log_sources.source(LogSource(product=product, category=category, service=service))
    if not source.known:
        yield f"waits for a source of kind json that names its log source {source.log}: no other brings it"
    yield from _misspelt(rule.condition, source)


def _misspelt(condition: Condition, source: Source) -> Iterator[str]:
    """Names that the map knows in other letters: where case counts, they are never there."""
    seen: dict[str, None] = {}
    for test in tests(condition):
        for field in (test.field, test.other):
            if field is not None and field.name not in seen:
                seen[field.name] = None
                spelt = source.spelt(field.name)
                if spelt and spelt != field.name:
                    yield f"never finds the field {field.name}: its log source writes {spelt}"


def tests(condition: Condition) -> Iterator[Test]:
    """Every comparison of a condition."""
    match condition:
        case Test():
            yield condition
        case Not(part=part):
            yield from tests(part)
        case All(parts=parts) | AnyOf(parts=parts):
            for part in parts:
                yield from tests(part)


def _never(condition: Condition) -> bool:
    if isinstance(condition, AnyOf):
        return all(map(_never, condition.parts))
    if not isinstance(condition, All):
        return False
    parts = list(map(repr, condition.parts))  # as text: equal values of two types are not the same test
    denied = {repr(part.part) for part in condition.parts if isinstance(part, Not)}
    return any(part in denied for part in parts) or any(map(_never, condition.parts))


def _dear(condition: Condition) -> bool:
    if must_equal(condition) or witnesses(condition, dict.fromkeys(literals(condition), 1)) is not None:
        return False
    return any(test.operator in _DEAR or test.field is None for test in tests(condition))


def _empty(bounds: Bounds) -> bool:
    """Whether no number satisfies them all."""
    least = max((one for one in (bounds.gt, bounds.gte, bounds.eq) if one is not None), default=float("-inf"))
    most = min((one for one in (bounds.lt, bounds.lte, bounds.eq) if one is not None), default=float("inf"))
    strict = least in {bounds.gt} or most in {bounds.lt}
    return least > most or (least == most and strict)
