"""The pins of one server and kind, and what it says now: paired by name, then by content, each difference judged."""

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterator, Sequence
from typing import Any

import msgspec

from bartizan.assess.differences import MISSING
from bartizan.assess.judge import Judge, Verdict
from bartizan.assess.meaning import changes, shown
from bartizan.assess.pinning import PARTS, Definition
from bartizan.assess.wording import effects
from bartizan.model.asset import AssetId
from bartizan.model.digest import digest
from bartizan.model.finding import Severity
from bartizan.model.json import JsonObject, as_object, as_text
from bartizan.model.limits import DEFAULT, Limits
from bartizan.model.pin import Drift, DriftClass, DriftKind, FieldChange, Pin, PinKind

_NAMES = frozenset({"name", "title", "uri", "uriTemplate"})


class Owner(msgspec.Struct, frozen=True, kw_only=True):
    """Whose pins these are. `listed`: all of this kind was approved, so what is new is drift. `whole`: all of it was
    seen now, so what is missing is gone. `elsewhere`: names of approved tools of servers beside this one.
    """

    server: AssetId
    client: AssetId
    listed: bool
    whole: bool
    elsewhere: frozenset[str] = frozenset()


class Compared:
    """Compares one kind. Time grows with what there is, however many definitions share a name."""

    def __init__(self, owner: Owner, judge: Judge, limits: Limits = DEFAULT) -> None:
        self._owner, self._judge, self._limits = owner, judge, limits

    def drifts(self, pins: Sequence[Pin], now: Sequence[Definition]) -> Iterator[Drift]:
        """What is not as it was approved, one drift for each definition."""
        names = {pin.name for pin in pins}
        missing, left = _unequal(pins, now)
        pairs, missing, left = _paired(missing, left, lambda pin: pin.name, lambda one: one.name)
        for pin, one in pairs:
            if found := self._changed(pin, one):
                yield self._drift(one, DriftKind.CHANGED, found, pin)
        renamed, missing, left = _paired(
            missing, left, lambda pin: digest(_nameless(pin.definition)), lambda one: digest(_nameless(one.value))
        )
        for pin, one in renamed:
            yield self._drift(one, DriftKind.RENAMED, self._renamed(pin, one), pin)
        for one in left:
            if self._owner.listed or one.name in names:
                yield self._drift(one, DriftKind.ADDED, [self._added(one, known=one.name in names)], None)
        for pin in missing if self._owner.whole else ():
            yield self._gone(pin)

    def _changed(self, pin: Pin, one: Definition) -> list[FieldChange]:
        found = changes(pin.definition, one.value, one.kind, self._judge, self._limits)
        if not found or found[0].severity is Severity.HIGH:
            return found
        was, now = self._verdict(pin.definition), self._verdict(one.value)
        if list(Verdict).index(now) > list(Verdict).index(was):
            why = f"the definition as a whole is {now.value} now"
            whole = FieldChange(pointer="", effect=DriftClass.NEW_INSTRUCTION, severity=Severity.HIGH, why=why)
            found.insert(0, whole)
        return found

    def _verdict(self, value: Any) -> Verdict:
        judged = self._judge.text(value) if isinstance(value, str) else self._judge.definition(as_object(value))
        return judged.verdict

    def _renamed(self, pin: Pin, one: Definition) -> list[FieldChange]:
        """The new name is judged as a text; the title is all else that may differ."""
        told = [(DriftClass.RENAMED, Severity.INFORMATIONAL, "the same definition under another name")]
        told += [effect for effect in effects(pin.name, one.name, self._judge) if effect[1].rank >= Severity.LOW.rank]
        if self._takes_name(one):
            why = "its new name is that of an approved tool of another server"
            told.append((DriftClass.SHADOWS_PINNED_NAME, Severity.HIGH, why))
        effect, severity, why = max(told, key=lambda effect: effect[1].rank)
        identity = PARTS[pin.kind][1] if pin.kind in PARTS else ""
        name = FieldChange(
            pointer=f"/{identity}",
            effect=effect,
            severity=severity,
            why=why,
            before=shown(pin.name, one.name, self._limits),
            after=shown(one.name, pin.name, self._limits),
        )
        others = changes(pin.definition, one.value, one.kind, self._judge, self._limits)
        others = [other for other in others if other.pointer != name.pointer]
        return sorted([name, *others], key=lambda change: -change.severity.rank)

    def _takes_name(self, one: Definition) -> bool:
        return one.kind is PinKind.TOOL and one.name in self._owner.elsewhere

    def _added(self, one: Definition, *, known: bool) -> FieldChange:
        verdict = self._verdict(one.value)
        told = [(DriftClass.NEW_DEFINITION, Severity.MEDIUM, f"nobody approved this {one.kind.value}")]
        if verdict is not Verdict.CLEAN:
            told.append((DriftClass.NEW_INSTRUCTION, Severity.HIGH, f"it is new, and {verdict.value}"))
        if known:
            why = f"a second {one.kind.value} of an approved name: which one is called is the client's choice"
            told.append((DriftClass.SHADOWS_PINNED_NAME, Severity.HIGH, why))
        elif self._takes_name(one):
            why = "it has the name of an approved tool of another server"
            told.append((DriftClass.SHADOWS_PINNED_NAME, Severity.HIGH, why))
        effect, severity, _ = max(told, key=lambda effect: effect[1].rank)
        why = "; ".join(reason for _, _, reason in reversed(told))
        after = shown(one.value, MISSING, self._limits)
        return FieldChange(pointer="", effect=effect, severity=severity, why=why, after=after)

    def _gone(self, pin: Pin) -> Drift:
        change = FieldChange(
            pointer="",
            effect=DriftClass.GONE,
            severity=Severity.INFORMATIONAL,
            why="the server does not offer it any more",
            before=shown(pin.definition, MISSING, self._limits),
        )
        return Drift(
            server=self._owner.server,
            client=self._owner.client,
            kind=pin.kind,
            name=pin.name,
            change=DriftKind.GONE,
            severity=change.severity,
            changes=(change,),
            approval=pin.approval,
        )

    def _drift(self, one: Definition, change: DriftKind, found: Sequence[FieldChange], pin: Pin | None) -> Drift:
        most = self._limits.drift_changes_max
        return Drift(
            server=self._owner.server,
            client=self._owner.client,
            kind=one.kind,
            name=one.name,
            was=pin.name if pin and pin.name != one.name else "",
            change=change,
            severity=found[0].severity,
            changes=tuple(found[:most]),
            more=max(0, len(found) - most),
            place=one.place,
            definition_sha256=digest(one.value),
            approval=pin.approval if pin else None,
        )


def _unequal(pins: Sequence[Pin], now: Sequence[Definition]) -> tuple[list[Pin], list[Definition]]:
    """What is left when equal definitions of one name are taken away. Of two pins of one place the newer counts."""
    newest = {(pin.name, pin.number): pin for pin in sorted(pins, key=lambda pin: pin.approval.at)}
    _, missing, left = _paired(
        list(newest.values()),
        now,
        lambda pin: (pin.name, digest(pin.definition)),
        lambda one: (one.name, digest(one.value)),
    )
    return missing, left


def _paired(
    pins: Sequence[Pin],
    now: Sequence[Definition],
    of_pin: Callable[[Pin], Hashable],
    of_definition: Callable[[Definition], Hashable],
) -> tuple[list[tuple[Pin, Definition]], list[Pin], list[Definition]]:
    """Pins and definitions that share a key, in their order, and what is left of both."""
    waiting: defaultdict[Hashable, list[Pin]] = defaultdict(list)
    for pin in reversed(pins):
        waiting[of_pin(pin)].append(pin)
    pairs: list[tuple[Pin, Definition]] = []
    left: list[Definition] = []
    for one in now:
        if found := waiting[of_definition(one)]:
            pairs.append((found.pop(), one))
        else:
            left.append(one)
    return pairs, [pin for found in waiting.values() for pin in reversed(found)], left


def _nameless(value: Any) -> JsonObject:
    """A definition without what names it; with it, where it has nothing else."""
    fields = as_object(value)
    return {name: inner for name, inner in fields.items() if name not in _NAMES} or fields or {"": as_text(value)}
