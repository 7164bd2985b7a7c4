"""A Sigma detection and its condition as one Condition."""

from collections.abc import Callable
from functools import partial
from typing import Any, cast

from sigma.conditions import (
    ConditionAND,
    ConditionFieldEqualsValueExpression,
    ConditionNOT,
    ConditionOR,
    ConditionValueExpression,
    SigmaCondition,
)
from sigma.exceptions import SigmaError
from sigma.rule.detection import (  # pyright: ignore[reportMissingTypeStubs] - it has types, its marker lies above
    SigmaDetection,
    SigmaDetectionItem,
    SigmaDetections,
)

from bartizan.model.conversion import Names
from bartizan.model.json import as_array, as_object
from bartizan.model.limits import Limits
from bartizan.rules.detection import All, AnyOf, Condition, Not
from bartizan.rules.sigma.strings import RefusedError, Values

Found = list[tuple[Names, str]]
_OLD = "timeframe"


def parsed_detection(told: dict[str, Any], limits: Limits) -> tuple[SigmaDetections | None, Found]:
    """The reading by pySigma of a `detection` or `filter`, or every mistake in it with the keys that lead there."""
    found: Found = list(_odd(told, limits))
    if found:
        return None, found
    try:
        return SigmaDetections.from_dict(told), []
    except (SigmaError, ValueError, TypeError, AttributeError) as error:
        for name, definition in told.items():
            if name != "condition":
                found += _wrong([name], definition)
        return None, found or [([], str(error))]


def _odd(told: dict[str, Any], limits: Limits) -> Found:
    """What must be seen before pySigma reads it."""
    found: Found = []
    if _OLD in told:
        found.append(([_OLD], "`timeframe` belonged to aggregations, which Sigma has replaced: write a correlation"))
    for name, definition in told.items():
        found += _odd_values([name], definition)
    conditions = told.get("condition")
    if conditions is None:
        return [*found, ([], "no condition")]
    several = cast("list[Any]", conditions) if isinstance(conditions, list) else [conditions]
    for number, text in enumerate(several):
        names: Names = ["condition", number] if isinstance(conditions, list) else ["condition"]
        if not isinstance(text, str):
            found.append((names, "a condition is text"))
        elif why := unfit(text, limits):
            found.append((names, why))
    return found


def _odd_values(names: Names, definition: Any) -> Found:
    found: Found = []
    for number, inner in enumerate(as_array(definition)):
        found += _odd_values([*names, number], inner)
    for key, inner in as_object(definition).items():
        several = as_array(inner) if isinstance(inner, list) else [inner]
        if "re" in key.split("|")[1:] and not all(isinstance(one, str) for one in several):
            found.append(([*names, key], "an expression is text: put it in quotes"))
    return found


def unfit(text: str, limits: Limits) -> str:
    """Why a condition must not reach pySigma's parser; empty where it may."""
    if "|" in text:
        return "aggregations after `|` are no longer part of Sigma: write a correlation"
    if len(text) > limits.rule_condition_characters_max:
        return f"longer than rule_condition_characters_max {limits.rule_condition_characters_max}"
    depth = deepest = 0
    for character in text:
        depth += {"(": 1, ")": -1}.get(character, 0)
        deepest = max(deepest, depth)
    if deepest > limits.rule_condition_depth_max:
        return f"nested deeper than rule_condition_depth_max {limits.rule_condition_depth_max}"
    return ""


def _wrong(names: Names, definition: Any) -> Found:
    """Which items of a detection pySigma refuses."""
    if isinstance(definition, dict):
        items = cast("dict[str, Any]", definition)
        return [one for key, told in items.items() for one in _refused([*names, key], partial(_ITEM, key, told))] or (
            [] if items else [(names, "empty")]
        )
    several = cast("list[Any]", definition) if isinstance(definition, list) else []
    if any(isinstance(one, dict | list) for one in several):
        return [one for number, inner in enumerate(several) for one in _wrong([*names, number], inner)]
    return _refused(names, partial(SigmaDetection.from_definition, definition))


_ITEM = SigmaDetectionItem.from_mapping


def _refused(names: Names, make: Callable[[], object]) -> Found:
    try:
        make()
    except (SigmaError, ValueError, TypeError, AttributeError) as error:
        return [(names, str(error)[:400])]
    return []


def conditions_of(detections: SigmaDetections, values: Values) -> tuple[Condition | None, Found]:
    """The Condition that a rule's conditions say together: one of them must hold."""
    parts: list[Condition] = []
    found: Found = []
    for number, text in enumerate(detections.condition):
        names: Names = ["condition", number] if len(detections.condition) > 1 else ["condition"]
        try:
            tree = SigmaCondition(text, detections).parsed
            parts.append(_converted(tree, values))
        except RefusedError as error:
            found.append((names, str(error)))
        except SigmaError as error:
            found.append((names, f"not a condition: {error}"[:400]))
        except RecursionError:
            found.append((names, "nested too deeply"))
    if found:
        return None, found
    return (parts[0] if len(parts) == 1 else AnyOf(parts=tuple(parts))), []


def _converted(tree: Any, values: Values) -> Condition:
    match tree:
        case ConditionAND(args=args):
            return All(parts=tuple(_converted(one, values) for one in args))
        case ConditionOR(args=args):
            return AnyOf(parts=tuple(_converted(one, values) for one in args))
        case ConditionNOT(args=args):
            return Not(part=_converted(args[0], values))
        case ConditionFieldEqualsValueExpression(field=field, value=value):
            return values.condition(field, value)
        case ConditionValueExpression(value=value):
            return values.condition(None, value)
        case _:
            raise RefusedError("the condition asks for nothing")
