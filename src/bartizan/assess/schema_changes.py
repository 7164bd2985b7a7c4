"""What a changed JSON Schema (2020-12) lets a model send that it did not before."""

import re
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from bartizan.assess.differences import MISSING, Difference, Step
from bartizan.assess.wording import Effect, references
from bartizan.model.finding import Severity
from bartizan.model.json import as_array, as_object, as_text
from bartizan.model.pin import DriftClass
from bartizan.text import regex
from bartizan.text.fold import fold

# Names of parameters that carry data elsewhere, or that take whatever the model puts there.
_OUTWARD = frozenset(
    "url urls uri href link address addresses host hostname domain server endpoint webhook callback proxy redirect "
    "recipient recipients to cc bcc email emails mail mailbox phone channel forward notify upload "
    "note notes sidenote context comment comments memo remark feedback reason reasoning rationale summary thought "
    "thoughts conversation history transcript chat metadata extra misc debug trace telemetry tracking".split()
)
_OUTWARD_TEXT = regex.Finder(
    r"\b(urls?|e-?mail address|recipients?|webhook|endpoint|callback|conversation|chat history|system prompt|"
    r"blind copy|bcc|forwarded to|sent to|copy of|credentials?|environment variables?)\b"
)
_WORDS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|[^\W\d_a-zA-Z]+")
_NAMED = frozenset({"properties", "patternProperties", "$defs", "definitions", "dependentSchemas"})
_NUMBERED = frozenset({"anyOf", "oneOf", "allOf", "prefixItems"})
_INNER = frozenset(
    "items not if then else contains additionalProperties propertyNames additionalItems unevaluatedItems "
    "unevaluatedProperties".split()
)
_UPPER = frozenset({"maxLength", "maximum", "exclusiveMaximum", "maxItems", "maxProperties"})
_LOWER = frozenset({"minLength", "minimum", "exclusiveMinimum", "minItems", "minProperties"})
_EXACT = frozenset({"pattern", "format", "const", "multipleOf", "uniqueItems", "not", "contentMediaType"})
_OPENING = frozenset({"additionalProperties", "unevaluatedProperties"})

_SAME: Effect = (DriftClass.COSMETIC, Severity.INFORMATIONAL, "in another order")


class Spot(msgspec.Struct, frozen=True, kw_only=True):
    """Where in a schema a difference stands: what is changed there, and the parameter that it belongs to."""

    keyword: str = ""  # empty where a whole schema is changed
    parameter: str = ""
    whole_parameter: bool = False
    listed_in: str = ""  # `anyOf` and the like, where a whole alternative is changed


def spot(path: Sequence[Step]) -> Spot:
    """Read a path from the root of a schema: names of parameters are no keywords, whatever they are."""
    parameter, number = "", 0
    while number < len(path):
        step = path[number]
        after = number + 1 < len(path)
        if step in _NAMED and after:
            names = step in {"properties", "patternProperties"}
            parameter = str(path[number + 1]) if names else parameter
            if number + 2 == len(path):
                return Spot(parameter=parameter, whole_parameter=names)
            number += 2
        elif step in _NUMBERED and after:
            if number + 2 == len(path):
                return Spot(parameter=parameter, listed_in=str(step))
            number += 2
        elif step in _INNER and after:
            number += 1
        else:
            return Spot(keyword=str(step), parameter=parameter)
    return Spot(parameter=parameter)


def schema_effects(one: Difference, path: Sequence[Step]) -> Iterator[Effect]:
    """Effects of a difference at `path` of an input schema."""
    here = spot(path)
    for name in sorted(_outward_within(one.new) - _outward_within(one.old)):
        yield DriftClass.OUTWARD_PARAMETER, Severity.HIGH, f"the parameter {name} can carry data out"
    if here.whole_parameter:
        yield parameter_effect(here.parameter, one.old, one.new)
    elif here.listed_in:
        yield _alternative(here.listed_in, one)
    elif here.keyword == "default":
        yield _default(here.parameter, one)
    elif here.keyword == "required":
        yield from _required(one)
    elif here.keyword in {"enum", "type"}:
        yield _choice(here.keyword, one)
    else:
        yield from _constraint(here.keyword, one)


def parameter_effect(name: str, old: Any, new: Any) -> Effect:
    """Effect of a parameter that came, went, or became something else altogether."""
    if new is MISSING:
        return DriftClass.NARROWED, Severity.INFORMATIONAL, f"the parameter {name} is gone"
    if is_outward(name, new):
        return DriftClass.OUTWARD_PARAMETER, Severity.HIGH, f"the parameter {name} can carry data out"
    if old is not MISSING:
        return DriftClass.WIDENED, Severity.MEDIUM, f"the parameter {name} takes something else"
    return DriftClass.NEW_PARAMETER, Severity.LOW, f"the parameter {name} is new"


def is_outward(name: str, schema: Any) -> bool:
    """Whether a parameter takes free text, and its name or its description says that it goes or holds anywhere."""
    fields = as_object(schema)
    if "enum" in fields or "const" in fields or not _takes_text(fields):
        return False
    words = {word.lower() for word in _WORDS.findall(name)}
    told = f"{as_text(fields.get('title'))} {as_text(fields.get('description'))}"
    addressed = as_text(fields.get("format")) in {"uri", "url", "email", "hostname", "uri-reference", "idn-email"}
    return bool(words & _OUTWARD) or addressed or _OUTWARD_TEXT.first(fold(told)) is not None


def _outward_within(value: Any) -> set[str]:
    """Outward parameters anywhere in a part of a schema, such as an alternative or a parameter that is an object."""
    found: set[str] = set()
    left = [value]
    while left:
        item = left.pop()
        if isinstance(item, list | tuple):
            left += as_array(item)
        elif isinstance(item, dict):
            fields = as_object(item)
            found |= {name for name, inner in as_object(fields.get("properties")).items() if is_outward(name, inner)}
            left += fields.values()
    return found


def _takes_text(schema: Any) -> bool:
    kinds = _kinds(as_object(schema).get("type", MISSING))
    return not kinds or bool(kinds & {"string", "array", "object"})


def _kinds(value: Any) -> set[str]:
    if value is MISSING:
        return set()
    return {str(one) for one in as_array(value)} if isinstance(value, list | tuple) else {str(value)}


def _alternative(keyword: str, one: Difference) -> Effect:
    added = one.old is MISSING
    if one.old is not MISSING and one.new is not MISSING:
        return DriftClass.WIDENED, Severity.MEDIUM, f"an alternative of {keyword} is another"
    if added == (keyword == "allOf"):
        return DriftClass.NARROWED, Severity.INFORMATIONAL, f"{keyword} is stricter"
    return DriftClass.WIDENED, Severity.MEDIUM, f"{keyword} is laxer"


def _default(parameter: str, one: Difference) -> Effect:
    if one.new is MISSING:
        return DriftClass.NARROWED, Severity.INFORMATIONAL, f"{parameter} has no default any more"
    outward = is_outward(parameter, {}) or (isinstance(one.new, str) and references(one.new))
    if outward:
        return DriftClass.OUTWARD_DEFAULT, Severity.HIGH, f"where {parameter} is left out, data goes there"
    return DriftClass.DEFAULT_CHANGED, Severity.MEDIUM, f"{parameter} has another default"


def _required(one: Difference) -> Iterator[Effect]:
    old, new = _kinds(one.old), _kinds(one.new)
    if old == new:
        yield _SAME
    for name in sorted(new - old):
        severity = Severity.MEDIUM if is_outward(name, {}) else Severity.LOW
        yield DriftClass.NEW_PARAMETER, severity, f"{name} is required now"
    if old - new:
        yield DriftClass.NARROWED, Severity.INFORMATIONAL, f"{', '.join(sorted(old - new))[:100]} may be left out"


def _choice(keyword: str, one: Difference) -> Effect:
    """More values or types, or none named at all, which means any."""
    old, new = _canonical(one.old), _canonical(one.new)
    if old == new:
        return _SAME
    if keyword == "type":
        new |= {'"integer"'} if '"number"' in new else set()
        old |= {'"integer"'} if '"number"' in old else set()
    if one.new is MISSING or (one.old is not MISSING and new - old):
        told = "any" if one.new is MISSING else ", ".join(sorted(new - old))[:100]
        return DriftClass.WIDENED, Severity.MEDIUM, f"{keyword} allows {told}"
    return DriftClass.NARROWED, Severity.INFORMATIONAL, f"{keyword} allows less, or the same"


def _canonical(value: Any) -> set[str]:
    if value is MISSING:
        return set()
    items: list[Any] = as_array(value) if isinstance(value, list | tuple) else [value]
    return {msgspec.json.encode(item, order="sorted").decode() for item in items}


def _constraint(keyword: str, one: Difference) -> Iterator[Effect]:
    if keyword in _OPENING:
        opened = one.new is MISSING or one.new is True or (isinstance(one.new, dict) and one.old is False)
        yield _lax(opened and one.old is not MISSING and one.old is not True, keyword)
    elif keyword in _UPPER | _LOWER:
        yield _lax(_laxer(keyword, one.old, one.new), keyword)
    elif keyword in _EXACT:
        yield _lax(one.old is not MISSING, keyword)
    elif keyword in _INNER | _NAMED | _NUMBERED:
        yield _lax(one.new is MISSING or one.old is not MISSING, keyword)


def _laxer(keyword: str, old: Any, new: Any) -> bool:
    if old is MISSING:
        return False
    if not isinstance(old, int | float) or not isinstance(new, int | float):
        return True
    return new > old if keyword in _UPPER else new < old


def _lax(laxer: object, keyword: str) -> Effect:
    if laxer:
        return DriftClass.WIDENED, Severity.MEDIUM, f"{keyword} allows more"
    return DriftClass.NARROWED, Severity.INFORMATIONAL, f"{keyword} allows less, or the same"
