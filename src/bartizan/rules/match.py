"""Matching: which detections an event meets."""

from collections.abc import Iterable, Sequence

from bartizan.model.json import as_object
from bartizan.model.limits import DEFAULT, Limits
from bartizan.model.source_event import SourceEvent
from bartizan.rules.compile.program import Match, program
from bartizan.rules.detection import All, AnyOf, Condition, Detection, Field, Operator, Selector, Test
from bartizan.rules.fields import GENERIC, lies_in

_PARTS = 3


class Matcher:
    """All detections at once: events of one kind, class and activity are asked what is for them, and that quickly.

    Functions are made when the first event of their sort comes.
    """

    def __init__(self, detections: Iterable[Detection], limits: Limits = DEFAULT) -> None:
        self._rules = sorted(detections, key=lambda rule: rule.header.name)
        self._names = [rule.header.name for rule in self._rules]
        self._groups: dict[tuple[str, object, object, str], Match | None] = {}
        self._programs: dict[tuple[tuple[int, ...], bool], Match] = {}
        self._most = limits.match_groups_max

    def match(self, event: SourceEvent) -> Sequence[str]:
        """The names of the detections whose selector and condition an event meets, in order."""
        record, kind = event.record, event.kind
        log = log_source_of(record) if kind == GENERIC else ""
        key = (kind, record.get("class_uid"), record.get("activity_id"), log)
        try:
            group = self._groups[key]
        except KeyError:
            group = self._group(kind, key[1], key[2], log)
        except TypeError:  # a class that is a list or a map is none
            return ()
        if group is None:
            return ()
        found = group(record)
        if found is None:
            return ()
        return [self._names[number] for number in (found if len(found) == 1 else sorted(set(found)))]

    def _group(self, kind: str, class_uid: object, activity_id: object, log: str) -> Match | None:
        asked = tuple(
            number
            for number, rule in enumerate(self._rules)
            if selects(rule.selector, kind, class_uid, activity_id, log)
        )
        if len(self._groups) >= self._most:
            self._groups.clear()
        made = self._program(asked, generic=kind == GENERIC) if asked else None
        self._groups[kind, class_uid, activity_id, log] = made
        return made

    def _program(self, asked: tuple[int, ...], *, generic: bool) -> Match:
        if (asked, generic) not in self._programs:
            rules = [(number, _whole(self._rules[number], generic=generic)) for number in asked]
            self._programs[asked, generic] = program(rules)
        return self._programs[asked, generic]


def log_source_of(record: dict[str, object]) -> str:
    """The log source that a record of kind `json` was said to be."""
    told = as_object(record.get("metadata")).get("log_source")
    return told if isinstance(told, str) else ""


def selects(selector: Selector, kind: str, class_uid: object, activity_id: object, log: str) -> bool:
    """Whether events of this sort are for a rule; `where` is left to its condition."""
    if kind == GENERIC and selector.log is not None:
        parts = tuple(log.lower().split("/"))
        return len(parts) == _PARTS and lies_in(parts, selector.log)
    return (
        (not selector.kinds or kind in selector.kinds)
        and (not selector.classes or class_uid in selector.classes)
        and (not selector.activities or activity_id in selector.activities)
    )


def _whole(rule: Detection, *, generic: bool) -> Condition:
    """The condition with what the selector asks of values; of kind `json` the log source alone decides."""
    if generic and rule.selector.log is not None:
        return rule.condition
    where = tuple(
        AnyOf(parts=tuple(Test(operator=Operator.EQUALS, field=field, value=value, cased=True) for value in values))
        for path, values in rule.selector.where.items()
        for field in (Field(name=".".join(path), paths=(path,)),)
    )
    return All(parts=(*where, rule.condition)) if where else rule.condition
