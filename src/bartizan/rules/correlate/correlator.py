"""A correlation with its state: matches in, in any order; provisional findings at once, final ones in event time."""

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from bartizan.model.finding import Finding, Occurrence
from bartizan.model.json import JsonObject
from bartizan.model.limits import DEFAULT, Limits
from bartizan.rules.correlate.conclusion import Conclusion, origin_of
from bartizan.rules.correlate.episodes import Episodes
from bartizan.rules.correlate.grouping import Key, keys, named, reader
from bartizan.rules.correlate.window import Hold, Payload, Window
from bartizan.rules.detection import Correlation, Path
from bartizan.rules.lookups import Tables, passes
from bartizan.rules.state import GroupState, RuleState

_NEVER = -(1 << 62)
_CHARACTERS_MAX = DEFAULT.group_value_characters_max


class Correlator:
    """What all families share. A family says what it keeps of a match (`payload`), when its rule holds (`final`,
    `early`), and how near a group is to that.

    `until` is the watermark: every match of before it has come. A match that is later than that is refused.
    """

    least = 1  # with fewer matches in a window the rule cannot hold
    speaks_early = True

    def __init__(self, rule: Correlation, tables: Tables, limits: Limits = DEFAULT) -> None:
        self.rule, self.limits = rule, limits
        self.window = rule.window_seconds * 1000
        self.groups: dict[Key, Window] = {}
        self.until = _NEVER
        self.entries = self.late = self.cut = self.refused = 0
        self.full: set[str] = set()  # tenants that may begin no new group
        self._tables = tables
        self._names = tuple(rule.group)
        self._readers = [[reader(by_rule[name]) for by_rule in rule.group.values()] for name in rule.rules]
        self._told = [[named(by_rule[name].name) for by_rule in rule.group.values()] for name in rule.rules]
        self._paths = [_only_path(rule, name) for name in rule.rules]
        suppress = rule.header.suppress
        self.episodes = Episodes(self.window if suppress is None else suppress.seconds * 1000)
        chosen = [field.name for field in suppress.key] if suppress else []
        self._silences = [self._names.index(name) + 1 for name in chosen]
        self._pending: list[Window] = []
        self.touched: list[Window] = []
        self._swept = self.until
        self._conclusion = Conclusion(rule.header, self._names)

    # ------------------------------------------------------------------------------------------------- what comes in

    def payload(self, index: int, record: JsonObject) -> Payload:
        """What is kept of an event that matched rule number `index`. Raises LookupError where it does not count."""
        raise NotImplementedError

    def payload_of_group(self, index: int, group: Mapping[str, str]) -> Payload:
        """The same for a finding of another correlation."""
        raise NotImplementedError

    def merge(self, old: Payload, new: Payload) -> Payload:
        """What is kept of an event that matched several rules."""
        return old

    def read(self, index: int, tenant: str, record: JsonObject) -> list[tuple[Key, Payload]]:
        """Where a match belongs, and what is kept of it. None where a value of the group is missing."""
        try:
            payload = self.payload(index, record)
        except LookupError:
            return []
        readers = self._readers[index]
        if len(readers) == 1:
            told = readers[0](record)
            if len(told) == 1:
                return [((tenant, told[0]), payload)]
            found = keys(tenant, [told])
        else:
            found = keys(tenant, [read(record) for read in readers])
        self.cut += len(found) >= self.limits.event_groups_max
        return [(key, payload) for key in found]

    def read_finding(self, index: int, occurrence: Occurrence) -> list[tuple[Key, Payload]]:
        """The same for a finding of another correlation, by the values of its group."""
        group = {name: value for name, value in occurrence.group.items() if isinstance(value, str)}
        try:
            payload = self.payload_of_group(index, group)
        except LookupError:
            return []
        return [(key, payload) for key in keys(occurrence.tenant, [read(group) for read in self._told[index]])]

    def take(self, index: int, tenant: str, record: JsonObject, time: int, uid: str) -> None:
        """Read a match and take it. What is usual, a group of one text and a time that rises, goes the short way."""
        value: Any = record
        try:
            for step in self._paths[index]:
                value = value[step]
        except (KeyError, TypeError):
            value = None
        if type(value) is not str or not value.isascii() or len(value) > _CHARACTERS_MAX:
            for key, payload in self.read(index, tenant, record):
                self.put(key, payload, time, uid)
            return
        try:
            payload = self.payload(index, record)
        except LookupError:
            return
        key = (tenant, value)
        window = self.groups.get(key)
        if window is None or not window.times or time <= window.times[-1] or time < self.until:
            self.put(key, payload, time, uid)
            return
        window.times.append(time)
        window.uids.append(uid)
        if payload is not None:
            window.payloads.append(payload)
        self.entries += 1
        if len(window.times) >= self.least:
            self._take_up(window, time)

    def put(self, key: Key, payload: Payload, time: int, uid: str) -> bool:
        """Take a match. False: it came after the watermark, or there was no room; both are counted."""
        if time < self.until:
            self.late += 1
            return False
        window = self.groups.get(key)
        if window is None:
            window = self._begin(key)
            if window is None:
                return False
        times = window.times
        if not times or time > times[-1]:
            times.append(time)
            window.uids.append(uid)
            if payload is not None:
                window.payloads.append(payload)
            self.entries += 1
        else:
            self.entries += window.insert(time, uid, payload, self.merge)
        if len(times) >= self.least:  # with fewer the rule cannot hold, whatever the window
            self._take_up(window, time)
        return True

    def _begin(self, key: Key) -> Window | None:
        if key[0] in self.full:
            self.refused += 1
            return None
        window = self.groups[key] = Window(key)
        return window

    def _take_up(self, window: Window, time: int) -> None:
        if not window.pending:
            window.pending = True
            window.judged = bisect_left(window.times, self.until)
            self._await(window, time)
        if self.speaks_early:
            self._note(window, time)
        if len(window.times) > self.limits.window_entries_max:
            self._shorten(window)

    def _await(self, window: Window, time: int) -> None:
        self._pending.append(window)

    def _note(self, window: Window, time: int) -> None:
        if not window.arrivals or time < window.changed:
            window.changed = time
        window.arrivals += 1
        if not window.touched:
            window.touched = True
            self.touched.append(window)

    def _shorten(self, window: Window) -> None:
        dropped = self.limits.window_entries_max // 16 + 1
        window.drop(dropped)
        window.measure = None
        self.entries -= dropped
        self.refused += dropped

    def assume(self, key: Key, payload: Payload, time: int, uid: str) -> None:
        """Take the match of a provisional finding: early looks see it."""
        window = self.groups.get(key) or self._begin(key)
        if window is not None and time >= self.until:
            window.assumed[uid] = (time, payload)
            if self.speaks_early and len(window.times) + len(window.assumed) >= self.least:
                self._note(window, time)

    def assume_no_more(self, key: Key, uid: str) -> None:
        """The provisional finding has become final, or was withdrawn."""
        if key in self.groups:
            self.groups[key].assumed.pop(uid, None)

    # --------------------------------------------------------------------------------------------- what is concluded

    def final(self, window: Window, until: int) -> Iterator[Hold]:
        """The times before `until` and after `skip` at which the rule holds, each once; `judged` moves there."""
        raise NotImplementedError

    def early(self, window: Window) -> Iterator[Hold]:
        """The times from `changed` on and after `skip` at which the rule holds by what has arrived."""
        raise NotImplementedError

    def measured(self, window: Window, hold: Hold) -> float | None:
        """The value that a finding shows."""
        raise NotImplementedError

    def nearness(self, window: Window) -> float:
        """How near a group is to its threshold, 0 to 1. Eviction never takes what is beyond one half."""
        raise NotImplementedError

    def parts(self, window: Window, hold: Hold) -> dict[str, tuple[str, ...]]:
        """The events of a finding by the rule that each matched."""
        return {}

    def advance(self, until: int) -> list[Finding]:
        """Conclude all before the watermark: final findings, then provisional ones withdrawn, each in order of time."""
        if until <= self.until:
            return []
        found = self._conclude(self._candidates(until))
        self.until = until
        found += [self._conclusion.withdrawn(*said) for said in self.episodes.withdrawn(until)]
        if until - self._swept > self.window // 2:
            self._sweep(until)
        return found

    def _candidates(self, until: int) -> list[tuple[int, Key, Hold, Window]]:
        found: list[tuple[int, Key, Hold, Window]] = []
        waiting, self._pending = self._due(until), []
        for window in waiting:
            if len(window.times) < self.least:
                window.judged, window.measure = bisect_left(window.times, until, window.judged), None
            elif window.times[window.judged] < until:
                found += self._candidates_of(window, until)
            window.pending = window.judged < len(window.times)
            if window.pending:
                self._await(window, window.times[window.judged])
        if self._silences:
            found.sort(key=lambda one: one[:2])
        return found

    def _due(self, until: int) -> list[Window]:
        return self._pending

    def _candidates_of(self, window: Window, until: int) -> Iterator[tuple[int, Key, Hold, Window]]:
        window.skip = self._quiet_until(window.key)
        for hold in self.final(window, until):
            if self._passes(window.key, hold.time):
                if not self._silences:
                    window.skip = hold.time + self.episodes.quiet
                yield hold.time, window.key, hold, window

    def _quiet_until(self, key: Key) -> int:
        """Until when the group need not be asked. A rule that is silenced by other groups is asked always."""
        last = None if self._silences else self.episodes.last.get(key)
        return _NEVER if last is None else last + self.episodes.quiet

    def _conclude(self, candidates: Sequence[tuple[int, Key, Hold, Window]]) -> list[Finding]:
        found: list[Finding] = []
        for time, key, hold, window in candidates:
            silenced = self._silenced(key)
            if not self.episodes.silent(silenced, time):
                finding = self._finding(window, hold)
                self.episodes.conclude(silenced, time, finding.id)
                found.append(finding)
        for window in {id(one[3]): one[3] for one in candidates}.values():
            self._trim(window)
        return found

    def _passes(self, key: Key, time: int) -> bool:
        if not self.rule.lookups:
            return True
        group = dict(zip(self._names, key[1:], strict=True))
        return all(passes(self._tables, one, [group[one.field.name]], key[0], time) for one in self.rule.lookups)

    def _silenced(self, key: Key) -> Key:
        return (key[0], *(key[at] for at in self._silences)) if self._silences else key

    def look(self) -> list[Finding]:
        """Provisional findings by what has arrived since the last look."""
        found: list[Finding] = []
        touched, self.touched = self.touched, []
        for window in touched:
            window.touched = False
            found += self._look_at(window)
        return found

    def _look_at(self, window: Window) -> Iterator[Finding]:
        if not self._affordable(window):
            return
        seen = window.with_assumed() if window.assumed else window
        seen.changed, seen.skip = window.changed, self._quiet_until(window.key)
        for hold in self.early(seen):
            silenced = self._silenced(window.key)
            if self.episodes.spoken(silenced, hold.time) or not self._passes(window.key, hold.time):
                continue
            identity = self._conclusion.identity(window.key, self.episodes.cell(hold.time))
            if self.episodes.speak_early(silenced, hold.time, identity, window.key):
                yield self._finding(seen, hold, provisional=True)
        window.arrivals = 0

    def _affordable(self, window: Window) -> bool:
        return True

    def _finding(self, window: Window, hold: Hold, *, provisional: bool = False) -> Finding:
        most = self.limits.occurrence_events_max
        return self._conclusion.finding(
            window.key,
            self.episodes.cell(hold.time),
            Occurrence(
                time=hold.time,
                events=tuple(origin_of(uid) for uid in window.uids[max(hold.low, hold.high - most) : hold.high]),
                count=hold.high - hold.low,
                parts=self.parts(window, hold),
                first_time=window.times[hold.low],
                last_time=window.times[hold.high - 1],
                value=self.measured(window, hold),
                provisional=provisional,
            ),
        )

    # ------------------------------------------------------------------------------------------------- what is kept

    def _trim(self, window: Window) -> None:
        """Forget matches that no window to come can reach."""
        old = bisect_left(window.times, self.until - self.window, 0, window.low)
        if old > 64 or old == len(window.times):
            window.drop(old)
            self.entries -= old

    def _sweep(self, until: int) -> None:
        self._swept = until
        for key, window in list(self.groups.items()):
            old = bisect_left(window.times, until - self.window)
            if old:
                window.drop(old)
                self.entries -= old
            if not window.times and not window.assumed and not window.pending:
                del self.groups[key]
        self.episodes.sweep(until)

    @property
    def losses(self) -> int:
        """How often there was no room: matches and groups not taken, windows shortened, groups of an event left out."""
        return self.refused + self.cut

    def forget(self, key: Key) -> int:
        """Evict a group: how many matches it held."""
        window = self.groups.pop(key)
        count = len(window.times)
        self.entries -= count
        window.drop(count)
        window.assumed, window.measure = {}, None
        return count

    def save(self) -> RuleState:
        """All state as plain data, in one order."""
        last, said = self.episodes.save()
        groups = [
            GroupState(
                key=window.key,
                times=window.times,
                uids=window.uids,
                payloads=window.payloads,
                judged=window.judged,
                changed=window.changed,
                arrivals=window.arrivals,
                assumed=sorted((uid, *one) for uid, one in window.assumed.items()),
            )
            for _, window in sorted(self.groups.items())
        ]
        return RuleState(groups=groups, until=self.until, swept=self._swept, last=last, said=said)

    def load(self, state: RuleState) -> None:
        """Take up what `save` gave."""
        self.until, self._swept = state.until, state.swept
        self.episodes.load(state.last, state.said)
        for group in state.groups:
            window = self.groups[group.key] = Window(group.key)
            window.times, window.uids, window.payloads = group.times, group.uids, group.payloads
            window.judged, window.changed, window.arrivals = group.judged, group.changed, group.arrivals
            window.assumed = {uid: (time, payload) for uid, time, payload in group.assumed}
            window.low = window.reach(self.window)
            self.entries += len(group.times)
            window.pending = group.judged < len(group.times)
            if window.pending:
                self._await(window, group.times[group.judged])


def _only_path(rule: Correlation, name: str) -> Path:
    """The path of the one field that a rule is grouped by; none, where it takes more to read the group."""
    fields = [by_rule[name] for by_rule in rule.group.values()]
    plain = len(fields) == 1 and len(fields[0].paths) == 1 and not fields[0].any_case
    return fields[0].paths[0] if plain else ()
