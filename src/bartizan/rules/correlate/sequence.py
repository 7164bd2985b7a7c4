"""Rules on single events that depend on what came before: first_seen, baseline, and those with a quiet time."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

import msgspec

from bartizan.model.finding import Finding, Occurrence
from bartizan.model.json import JsonObject
from bartizan.model.source_event import SourceEvent
from bartizan.rules.context import Context
from bartizan.rules.correlate.baseline import Unusual
from bartizan.rules.correlate.conclusion import origin_of
from bartizan.rules.correlate.episodes import Episodes
from bartizan.rules.correlate.first_seen import Novelty
from bartizan.rules.correlate.grouping import Key, encoded, keys, reader
from bartizan.rules.correlate.single import Single, joined
from bartizan.rules.correlate.window import Window
from bartizan.rules.detection import Detection
from bartizan.rules.state import GroupState, RuleState

_NEVER = -(1 << 62)

Route = tuple[str, Key, Any]
"""Where a match goes: the name of a correlation, the group there, and what is kept of it there."""


class Facts(msgspec.Struct, frozen=True, array_like=True):
    """What is kept of an event that waits for the watermark."""

    key: Key
    new_for: list[Key]
    values: list[str]
    usual_for: list[Key]
    silences: Key
    routes: list[Route]


class Matched(msgspec.Struct, frozen=True):
    """A match, once it is final: where it goes, and its finding unless its key is quiet."""

    time: int
    uid: str
    routes: list[Route]
    finding: Finding | None


class Sequence:
    """Keeps matches until the watermark has passed, then judges them in the order of (time, uid).

    An event that lacks the value or the key of an extension is no match. One that comes after the watermark is judged
    by what is known then, without being learned from; whether its count was unusual cannot be said any more.
    """

    def __init__(self, rule: Detection, context: Context) -> None:
        self.single = Single(rule, context)
        self.rule, limits = rule, context.limits
        self.novelty = Novelty(rule.first_seen, limits) if rule.first_seen else None
        self.unusual = Unusual(rule.baseline, limits) if rule.baseline else None
        suppress = rule.header.suppress
        self.episodes = Episodes(suppress.seconds * 1000 if suppress else 0)
        self._new_for = [reader(field) for field in rule.first_seen.key] if rule.first_seen else []
        self._values = [reader(field) for field in rule.first_seen.value] if rule.first_seen else []
        self._usual_for = [reader(field) for field in rule.baseline.key] if rule.baseline else []
        self._silences = [reader(field) for field in suppress.key] if suppress and suppress.key else None
        self.until = self._swept = _NEVER
        self.late = self.refused = 0
        self.speaks_early = True
        self.full: set[str] = set()  # tenants of which no more may wait
        self._waiting = Window(())
        self._ahead: Counter[tuple[Key, str | int]] = Counter()

    @property
    def entries(self) -> int:
        """How many matches wait."""
        return len(self._waiting.times)

    @property
    def losses(self) -> int:
        """How often there was no room."""
        return self.refused + sum(one.losses for one in (self.novelty, self.unusual) if one is not None)

    @property
    def depends(self) -> bool:
        """Whether it is decided only by what came before that an event is a match."""
        return self.novelty is not None or self.unusual is not None

    def familiar(self, event: SourceEvent) -> bool:
        """Whether an event is surely no match because it shows nothing new: most are not, and need not wait."""
        if self.novelty is None:
            return False
        record, tenant = event.record, event.tenant
        values = keys(tenant, [read(record) for read in self._values])
        new_for = keys(tenant, [read(record) for read in self._new_for])
        return self.novelty.familiar(new_for, [joined(one[1:]) for one in values], event.time)

    def take(self, event: SourceEvent, identity: str, routes: list[Route]) -> Finding | None:
        """Take a match; give a finding, if one is due at once: a provisional one, or that of an event that is late."""
        if event.tenant in self.full:
            self.refused += 1
            return None
        facts = self._facts(event, routes)
        if facts is not None and event.time < self.until:
            self.late += 1
            return self._of_late(event.time, identity, facts)
        if facts is None or not self._waiting.insert(event.time, identity, facts, lambda old, _: old):
            return None
        if not self.speaks_early:
            return None
        found = self._early(event, identity, facts)
        self._count(facts, event.time, 1)
        return found

    def _of_late(self, time: int, uid: str, facts: Facts) -> Finding | None:
        new = self._newly(facts, time)
        if self.unusual or (self.novelty and not new):
            return None
        detail, silenced = self._detail(time, uid, facts, new, [])
        last = self.episodes.last.get(silenced)
        if last is not None and abs(time - last) <= self.episodes.quiet:
            return None
        return self._finding(time, uid, facts, detail, provisional=False)

    def _facts(self, event: SourceEvent, routes: list[Route]) -> Facts | None:
        record, tenant, key = event.record, event.tenant, self.single.key(event)
        told = [one[1:] for one in keys(tenant, [read(record) for read in self._values])] if self.novelty else []
        facts = Facts(
            key=key,
            new_for=keys(tenant, [read(record) for read in self._new_for]) if self.novelty else [],
            values=[joined(one) for one in told],
            usual_for=keys(tenant, [read(record) for read in self._usual_for]) if self.unusual else [],
            silences=self._silenced(tenant, key, record),
            routes=routes,
        )
        lacking = (self.novelty and not (facts.new_for and facts.values)) or (self.unusual and not facts.usual_for)
        return None if lacking else facts

    def _silenced(self, tenant: str, key: Key, record: JsonObject) -> Key:
        return key if self._silences is None else (tenant, *(joined(read(record)) for read in self._silences))

    def _count(self, facts: Facts, time: int, sign: int) -> None:
        """Keep count of what waits, so that early looks see it."""
        told: list[tuple[Key, str | int]] = [(key, value) for key in facts.new_for for value in facts.values]
        if self.unusual:
            told += [(key, time // self.unusual.bucket) for key in facts.usual_for]
        for one in told:
            self._ahead[one] += sign
            if not self._ahead[one]:
                del self._ahead[one]

    # --------------------------------------------------------------------------------------------- what is concluded

    def advance(self, until: int) -> tuple[list[Matched], list[Finding]]:
        """Conclude all before the watermark: final matches in order, then provisional findings withdrawn."""
        if until <= self.until:
            return [], []
        waiting, done = self._waiting, 0
        matched: list[Matched] = []
        while done < len(waiting.times) and waiting.times[done] < until:
            matched += self._judge(waiting.times[done], waiting.uids[done], waiting.payloads[done])
            done += 1
        waiting.drop(done)
        self.until = until
        if until - self._swept > max(self.episodes.quiet, 3_600_000):
            self._swept = until
            self.episodes.sweep(until)
            if self.novelty:
                self.novelty.sweep(until)
        withdrawn = [self.single.conclusion.withdrawn(*said) for said in self.episodes.withdrawn(until)]
        return matched, withdrawn

    def _judge(self, time: int, uid: str, facts: Facts) -> Iterator[Matched]:
        if self.speaks_early:
            self._count(facts, time, -1)
        new = self._newly(facts, time)
        if self.novelty:
            for key in facts.new_for:
                self.novelty.learn(key, facts.values, time)
            if not new:
                return
        unusual = [key for key in facts.usual_for if self.unusual and self.unusual.judge(key, time)]
        if self.unusual and not unusual:
            return
        detail, silenced = self._detail(time, uid, facts, new, unusual)
        if self.episodes.silent(silenced, time):
            yield Matched(time, uid, facts.routes, None)
            return
        finding = self._finding(time, uid, facts, detail, provisional=False)
        self.episodes.conclude(silenced, time, finding.id)
        yield Matched(time, uid, facts.routes, finding)

    def _newly(self, facts: Facts, time: int) -> list[tuple[Key, str]]:
        if self.novelty is None:
            return []
        return [(key, value) for key in facts.new_for for value in self.novelty.new(key, facts.values, time)]

    def _early(self, event: SourceEvent, uid: str, facts: Facts) -> Finding | None:
        time = event.time
        new = [one for one in self._newly(facts, time) if one not in self._ahead]
        if self.novelty and not new:
            return None
        unusual = [key for key in facts.usual_for if self.unusual and self._foreseen(self.unusual, key, time)]
        if self.unusual and not unusual:
            return None
        detail, silenced = self._detail(time, uid, facts, new, unusual)
        finding = self._finding(time, uid, facts, detail, provisional=True)
        return finding if self.episodes.speak_early(silenced, time, finding.id, facts.key) else None

    def _foreseen(self, unusual: Unusual, key: Key, time: int) -> bool:
        return unusual.foresee(key, time, self._ahead[key, time // unusual.bucket] + 1)

    def _detail(
        self, time: int, uid: str, facts: Facts, new: list[tuple[Key, str]], unusual: list[Key]
    ) -> tuple[str, Key]:
        """What the finding's id rests on beside its group, and the key that it silences."""
        if self.novelty:
            key, value = new[0]
            detail = encoded(["new", *key, value, self.novelty.cell(time)])
        elif self.unusual:
            detail = encoded(["unusual", *unusual[0], self.unusual.cell(time)])
        else:
            detail = encoded(["quiet", *facts.silences, self.episodes.cell(time)])
        if self.rule.header.suppress is not None and self.episodes.quiet:
            return detail, facts.silences
        if not self.depends:
            detail = f"{uid}@{time}"
        return detail, (facts.key[0], detail)

    def _finding(self, time: int, uid: str, facts: Facts, detail: str, *, provisional: bool) -> Finding:
        told = Occurrence(
            time=time, events=(origin_of(uid),), count=1, first_time=time, last_time=time, provisional=provisional
        )
        return self.single.conclusion.finding(facts.key, detail, told, facts.key[:1])

    # ------------------------------------------------------------------------------------------------- what is kept

    def save(self) -> RuleState:
        """All state as plain data."""
        last, said = self.episodes.save()
        waiting = self._waiting
        group = GroupState(
            key=(), times=waiting.times, uids=waiting.uids, payloads=waiting.payloads,
            judged=0, changed=0, arrivals=0, assumed=[],
        )  # fmt: skip
        kept = [None if one is None else one.save() for one in (self.novelty, self.unusual)]
        return RuleState(until=self.until, swept=self._swept, groups=[group], last=last, said=said, kept=kept)

    def load(self, state: RuleState) -> None:
        """Take up what `save` gave."""
        self.until, self._swept = state.until, state.swept
        self.episodes.load(state.last, state.said)
        for one, kept in zip((self.novelty, self.unusual), state.kept, strict=True):
            if one is not None:
                one.load(kept)
        (group,) = state.groups
        waiting = self._waiting
        waiting.times, waiting.uids = group.times, group.uids
        waiting.payloads = msgspec.convert(group.payloads, list[Facts])
        if self.speaks_early:
            for time, facts in zip(waiting.times, waiting.payloads, strict=True):
                self._count(facts, time, 1)
