"""What each difference of two definitions can do. The worst of it counts, the rest is told with it."""

from collections.abc import Iterator
from typing import Any

import msgspec

from bartizan.assess.differences import MISSING, Difference, differences, pointer
from bartizan.assess.judge import Judge
from bartizan.assess.schema_changes import parameter_effect, schema_effects
from bartizan.assess.wording import Effect, effects
from bartizan.model.finding import Severity
from bartizan.model.json import as_array, as_object
from bartizan.model.limits import DEFAULT, Limits
from bartizan.model.pin import DriftClass, FieldChange, PinKind

# Hints of the specification (ToolAnnotations): the worse value, which is also assumed where one is missing.
_HINTS = {"readOnlyHint": False, "destructiveHint": True, "openWorldHint": True}
_MINOR_HINTS = {"idempotentHint": False}
_OF_WRITERS = frozenset({"destructiveHint", "idempotentHint"})  # they say nothing of a tool that only reads
# Fields that count and date things and are shown to nobody.
_BOOKKEEPING = frozenset({"_meta", "size", "lastModified"})


def changes(old: Any, new: Any, kind: PinKind, judge: Judge, limits: Limits = DEFAULT) -> list[FieldChange]:
    """Every difference of a definition from the approved one, the worst first. Equal definitions give none."""
    found = [_change(one, _effects(one, old, new, kind, judge), limits) for one in differences(old, new)]
    return sorted(found, key=lambda one: (-one.severity.rank, one.pointer))


def _change(one: Difference, found: list[Effect], limits: Limits) -> FieldChange:
    told = sorted(found, key=lambda effect: -effect[1].rank)  # what the structure says comes before its words
    effect, severity, _ = told[0]
    why = "; ".join(dict.fromkeys(reason for _, rank, reason in told if rank.rank >= min(severity.rank, 1)))
    return FieldChange(
        pointer=pointer(one.path),
        effect=effect,
        severity=severity,
        why=why,
        before=shown(one.old, one.new, limits),
        after=shown(one.new, one.old, limits),
    )


def _effects(one: Difference, old: Any, new: Any, kind: PinKind, judge: Judge) -> list[Effect]:
    found = [*_structural(one, old, new, kind)]
    if not (_is_picture(one) or (found and one.path[:1] == ("annotations",))):
        name = [one.path[-1]] if one.old is MISSING and one.path and isinstance(one.path[-1], str) else []
        before, after = "\n".join(texts(one.old)), "\n".join([*name, *texts(one.new)])
        told = effects(before, after, judge) if after else []
        found += [effect for effect in told if effect[1].rank or (not found and isinstance(one.new, str))]
    return found or [_other(one)]


def _structural(one: Difference, old: Any, new: Any, kind: PinKind) -> Iterator[Effect]:
    match one.path:
        case ("inputSchema",):
            yield DriftClass.WIDENED, Severity.MEDIUM, "the input schema is another altogether"
        case ("inputSchema", *rest):
            yield from schema_effects(one, rest)
        case ("annotations", str(hint)) if hint in _HINTS or hint in _MINOR_HINTS:
            yield from _hint(hint, one, old, new)
        case ("annotations",):
            for hint in _HINTS | _MINOR_HINTS:
                yield from _hint(hint, one, old, new)
        case ("arguments", str(name)) if kind is PinKind.PROMPT:
            yield parameter_effect(name, one.old, one.new)
        case ("arguments", str(name), "required") if kind is PinKind.PROMPT and one.new is True:
            yield DriftClass.NEW_PARAMETER, Severity.LOW, f"{name} is required now"
        case _:
            return


def _hint(hint: str, one: Difference, old: Any, new: Any) -> Iterator[Effect]:
    """A flip of what the hint means, whether it is written or assumed."""
    danger = (_HINTS | _MINOR_HINTS)[hint]
    was, now = _value(old, hint), _value(new, hint)
    if was == now or (hint in _OF_WRITERS and _value(old, "readOnlyHint") and _value(new, "readOnlyHint")):
        yield DriftClass.STRUCTURE, Severity.INFORMATIONAL, "means the same"
    elif now != danger:
        claimed = hint == "readOnlyHint" or (one.old is not MISSING and hint in _HINTS)
        severity = Severity.MEDIUM if claimed else Severity.LOW
        yield DriftClass.HINT_TOWARD_TRUST, severity, f"{hint} is {_json(now)} now: clients may ask less"
    else:
        severity = Severity.HIGH if hint in _HINTS else Severity.LOW
        yield DriftClass.HINT_TOWARD_DANGER, severity, f"{hint} is {_json(now)} now"


def _value(definition: Any, hint: str) -> bool:
    value = as_object(as_object(definition).get("annotations")).get(hint)
    return value if isinstance(value, bool) else (_HINTS | _MINOR_HINTS)[hint]


def _other(one: Difference) -> Effect:
    if any(step in _BOOKKEEPING for step in one.path):
        return DriftClass.STRUCTURE, Severity.INFORMATIONAL, "bookkeeping"
    if one.old is MISSING:
        return DriftClass.STRUCTURE, Severity.INFORMATIONAL, "a field that was not there"
    if one.new is MISSING:
        return DriftClass.NARROWED, Severity.INFORMATIONAL, "taken out"
    return DriftClass.STRUCTURE, Severity.LOW, "changed"


def _is_picture(one: Difference) -> bool:
    """Whether both sides are pictures written out in place, which no model reads."""
    icons = one.path[:1] == ("icons",) and one.path[-1:] == ("src",)
    return icons and all(side is MISSING or str(side).startswith("data:image/") for side in (one.old, one.new))


def texts(value: Any) -> list[str]:
    """Every text in a JSON value, with the names of fields, in order."""
    found: list[str] = []
    left = [value]
    while left:
        item = left.pop()
        if isinstance(item, str):
            found.append(item)
        elif isinstance(item, dict):
            fields = as_object(item)
            left += [part for name in reversed(fields) for part in (fields[name], name)]
        elif isinstance(item, list | tuple):
            left += reversed(as_array(item))
    return found


def shown(value: Any, other: Any, limits: Limits = DEFAULT) -> str | None:
    """One side of a difference, bounded, from shortly before the place where it parts from the other."""
    if value is MISSING:
        return None
    text, most = _json(value), limits.drift_text_characters_max
    if len(text) <= most:
        return text
    parted = _parted(text, "" if other is MISSING else _json(other))
    start = max(0, min(parted - most // 4, len(text) - most))
    return ("… " if start else "") + text[start : start + most] + (" …" if start + most < len(text) else "")


def _parted(one: str, other: str) -> int:
    """Where two texts part; halving, because hostile texts are long."""
    low, high = 0, min(len(one), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if one[:middle] == other[:middle] else (low, middle - 1)
    return low


def _json(value: Any) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value, order="sorted").decode()
