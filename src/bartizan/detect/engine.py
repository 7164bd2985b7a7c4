"""The engine: events of sources in, in any order; findings out. What it means is in docs/explanation/event-time.md."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import msgspec

from bartizan.detect import notices
from bartizan.detect.duplicates import Duplicates
from bartizan.detect.eviction import evict
from bartizan.detect.notices import Notices
from bartizan.detect.sources import FOREVER, NEVER, Source, SourceSettings, Watermark
from bartizan.model.finding import Finding
from bartizan.model.source_event import SourceEvent, Trust
from bartizan.rules.context import Context
from bartizan.rules.correlate.conclusion import identity
from bartizan.rules.correlate.correlator import Correlator
from bartizan.rules.correlate.grouping import canonical
from bartizan.rules.correlate.plan import in_order, judge, speaks
from bartizan.rules.correlate.sequence import Route
from bartizan.rules.correlate.sequence import Sequence as InSequence
from bartizan.rules.correlate.single import Single
from bartizan.rules.detection import Correlation, Rule
from bartizan.rules.state import RuleState, rule_digest

Match = Callable[[SourceEvent], Sequence[str]]
"""Which rules' conditions an event meets, by name. Trust, lookups, hours and history are the engine's to ask."""

VERSION = 1
_STEP = 1_000  # how far a source goes on in event time before the watermark is asked again, in milliseconds
_CROWD = 4_096  # events after which there is a look at the room that is left, even when event time stands still
_RANK = {trust: trust.rank for trust in Trust}


class Counts(msgspec.Struct, kw_only=True):
    """What became of the events. `events` are all but duplicates; `late` and `future` are among them."""

    events: int = 0
    duplicates: int = 0
    late: int = 0
    future: int = 0
    colliding: int = 0
    evicted: int = 0
    findings: int = 0
    withdrawn: int = 0


class Snapshot(msgspec.Struct, frozen=True, kw_only=True):
    """All state of an engine: what `snapshot` writes."""

    version: int
    rules: dict[str, tuple[str, RuleState | None]]
    sources: list[Source]
    now: int
    watermark: int
    latest: int
    duplicates: list[Any]
    counts: Counts
    notices: dict[str, int]
    losses: dict[str, int]
    held: list[Finding]
    full: list[str]


class Target(msgspec.Struct, frozen=True):
    """A correlation that a rule's matches go to, and as which of its rules."""

    correlator: Correlator
    index: int
    trust: int


class Node(msgspec.Struct, frozen=True, kw_only=True):
    """A rule with its judge, and where its matches go."""

    rule: Rule
    judge: Single | InSequence | Correlator
    speaks: bool
    lateness: int | None
    targets: list[Target]


class Engine:
    """Judges events by rules.

    `match` says which detections' conditions an event meets. `sources` are the settings of sources by name, `default`
    those of all others. With `provisional` correlations speak as soon as they hold by what has arrived. With `ordered`
    findings on single events wait too, and all final findings come in the order of (time, rule, id).

    Raises ContentError with every mistake of every rule, when made.
    """

    def __init__(
        self,
        rules: Sequence[Rule],
        match: Match,
        *,
        context: Context | None = None,
        sources: Mapping[str, SourceSettings] | None = None,
        default: SourceSettings | None = None,
        provisional: bool = True,
        ordered: bool = False,
    ) -> None:
        self.context, self.match = context or Context(), match
        self.counts = Counts()
        limits = self.context.limits
        self._provisional, self._ordered = provisional, ordered
        self._sources = Watermark(sources or {}, default or SourceSettings(), limits.sources_max)
        self._duplicates = Duplicates(limits.duplicates_max, limits.duplicate_seconds_max)
        self._notices = Notices()
        self._losses: dict[str, int] = {}
        self._nodes = _nodes(in_order(rules, self.context), self.context, provisional=provisional)
        self._correlators = [node.judge for node in self._nodes.values() if isinstance(node.judge, Correlator)]
        self._waiting = [node.judge for node in self._nodes.values() if isinstance(node.judge, InSequence)]
        self._latenesses = {node.lateness for node in self._nodes.values()} | {None}
        self.watermark = self._latest = NEVER
        self._due = False
        self._held: list[Finding] = []

    # ------------------------------------------------------------------------------------------------- what comes in

    def feed(self, events: Iterable[SourceEvent]) -> list[Finding]:
        """Judge events, in the order in which they came. Findings: of single events, provisional, final."""
        found: list[Finding] = []
        for event in events:
            self._take(event, found)
            if not self.counts.events % _CROWD:
                self._make_room(found)
            if self._due:
                found += self._look()
                self._advance(found)
        found += self._look()
        return self._out(found)

    def tick(self, now: int) -> list[Finding]:
        """Time passes (milliseconds since 1970): idle sources are left behind, silent ones are found."""
        self._sources.tick(now)
        found: list[Finding] = []
        for source in self._sources.newly_silent():
            found += self._notices.say(notices.SILENT, {"source": source.name}, now, tenant=source.tenant)
        self._advance(found)
        return self._out(found)

    def end(self, source: str, tenant: str = "") -> list[Finding]:
        """Nothing more will come from a source; the others do not wait for it."""
        self._sources.source(tenant, source).ended = True
        found: list[Finding] = []
        self._advance(found)
        return self._out(found)

    def finish(self, until: int | None = None) -> list[Finding]:
        """Nothing of before `until` will come any more, from no source (None: nothing at all): conclude it.

        Without `until` an absence whose window reaches beyond the last event is found too.
        """
        found: list[Finding] = []
        self._conclude(dict.fromkeys(self._latenesses, FOREVER if until is None else until), found)
        return self._out(found)

    def sources(self) -> list[Source]:
        """The sources with what was counted of each."""
        return list(self._sources.sources.values())

    def entries(self) -> int:
        """How many matches are kept, over all rules."""
        return sum(one.entries for one in (*self._correlators, *self._waiting))

    def _take(self, event: SourceEvent, found: list[Finding]) -> None:
        sources, time = self._sources, event.time
        source = sources.sources.get((event.tenant, event.source)) or sources.source(event.tenant, event.source)
        if event.received:
            if event.received > sources.now:
                sources.tick(event.received)
            source.heard = max(source.heard, event.received)
        told = identity(canonical(event.uid), f"{event.tenant}/{event.source}")
        if self._duplicates.seen(told, time):
            source.duplicates += 1
            self.counts.duplicates += 1
            return
        source.events += 1
        self.counts.events += 1
        single_only = bool(event.received) and time > event.received + source.settings.skew_seconds * 1000
        if single_only:
            self._from_the_future(event, source, found)
        elif time < self.watermark:
            source.late += 1
            self.counts.late += 1
        elif time > source.latest:
            source.latest = time
            if time - source.asked >= _STEP:
                source.asked, self._due = time, True
            self._latest = max(self._latest, time)
        for name in self.match(event):
            node = self._nodes.get(name)
            if node is not None:
                self._judge(node, event, told, found, single_only=single_only)

    def _from_the_future(self, event: SourceEvent, source: Source, found: list[Finding]) -> None:
        source.future += 1
        self.counts.future += 1
        group = {"source": event.source}
        found += self._notices.say(notices.FUTURE, group, event.received, tenant=event.tenant, uid=canonical(event.uid))

    def _judge(self, node: Node, event: SourceEvent, told: str, found: list[Finding], *, single_only: bool) -> None:
        judge = node.judge
        if isinstance(judge, Correlator):
            return  # `match` knows detections alone
        if isinstance(judge, Single):
            if judge.takes(event):
                if node.speaks:
                    found.append(judge.finding(event, told))
                if node.targets and not single_only:
                    self._forward(node, event, told)
        elif single_only or not judge.single.takes(event) or judge.familiar(event):
            return
        else:
            routes: list[Route] = []
            if judge.depends:
                routes = [(correlator.rule.header.name, key, payload)
                          for correlator, key, payload in _places(node, event)]  # fmt: skip
            else:
                self._forward(node, event, told)
            early = judge.take(event, told, routes)
            if early is not None and node.speaks:
                found.append(early)

    def _forward(self, node: Node, event: SourceEvent, told: str) -> None:
        for target in node.targets:
            if not target.trust or _RANK[event.trust] >= target.trust:
                target.correlator.take(target.index, event.tenant, event.record, event.time, told)

    # ----------------------------------------------------------------------------------------------- what is concluded

    def _look(self) -> list[Finding]:
        found: list[Finding] = []
        if self._provisional:
            for correlator in self._correlators:
                if correlator.touched:
                    self._spread(correlator, found)
        return found

    def _spread(self, correlator: Correlator, found: list[Finding]) -> None:
        node = self._nodes[correlator.rule.header.name]
        for finding in correlator.look():
            if node.speaks:
                found.append(finding)
            for target, key, payload in _chained(node, finding):
                target.assume(key, payload, _time(finding), finding.id)

    def _advance(self, found: list[Finding]) -> None:
        self._due = False
        self._conclude({lateness: self._sources.at(lateness) for lateness in self._latenesses}, found)

    def _conclude(self, reached: Mapping[int | None, int], found: list[Finding]) -> None:
        self.watermark = max(self.watermark, reached[None])
        final: list[Finding] = []
        for node in self._nodes.values():
            judge = node.judge
            if isinstance(judge, InSequence):
                self._conclude_sequence(node, judge, reached[node.lateness], final)
            elif isinstance(judge, Correlator):
                until = min([reached[node.lateness], *(self._until(name) for name in _references(node.rule))])
                self._conclude_correlation(node, judge, until, final)
        self._make_room(final)
        found += sorted(final, key=_order)

    def _until(self, name: str) -> int:
        judge = self._nodes[name].judge
        return FOREVER if isinstance(judge, Single) else judge.until

    def _conclude_sequence(self, node: Node, judge: InSequence, until: int, final: list[Finding]) -> None:
        matched, withdrawn = judge.advance(until)
        for one in matched:
            if one.finding is not None and node.speaks:
                final.append(one.finding)
            for name, key, payload in one.routes:
                target = self._nodes[name].judge
                if isinstance(target, Correlator):
                    target.put(key, payload, one.time, one.uid)
        if node.speaks:
            final += withdrawn

    def _conclude_correlation(self, node: Node, judge: Correlator, until: int, final: list[Finding]) -> None:
        for finding in judge.advance(until):
            if node.speaks:
                final.append(finding)
            taken_back = finding.occurrence is not None and finding.occurrence.withdrawn
            for target, key, payload in _chained(node, finding):
                target.assume_no_more(key, finding.id)
                if not taken_back:
                    target.put(key, payload, _time(finding), finding.id)

    def _make_room(self, final: list[Finding]) -> None:
        limits, at = self.context.limits, max(self._latest, 0)
        waiting = sum(one.entries for one in self._waiting)
        full: set[str] = set()
        if self.entries() > limits.state_entries_max:
            gone, full = evict(self._correlators, max(0, limits.state_entries_max - waiting))
            for tenant, count in gone.items():
                self.counts.evicted += count
                if count:
                    final += self._notices.say(notices.EVICTED, {"state": "windows"}, at, tenant=tenant, count=count)
        if waiting > limits.state_entries_max // 2:
            full |= {source.tenant for source in self._sources.sources.values()}
        for one in (*self._correlators, *self._waiting):
            one.full = full
        self._tell_losses(final, at)

    def _tell_losses(self, final: list[Finding], at: int) -> None:
        """Whatever was given up, left out or not taken since the last time is said."""
        told = {name: node.judge.losses for name, node in self._nodes.items() if not isinstance(node.judge, Single)}
        for name, losses in told.items():
            if losses > self._losses.get(name, 0):
                final += self._notices.say(
                    notices.EVICTED, {"rule": name}, at, count=losses - self._losses.get(name, 0)
                )
                self._losses[name] = losses
        for rule, losses in (
            (notices.FORGOTTEN, self._duplicates.forgotten),
            (notices.SOURCES, self._sources.too_many),
        ):
            if losses > self._losses.get(rule, 0):
                final += self._notices.say(rule, {}, at, count=losses - self._losses.get(rule, 0))
                self._losses[rule] = losses

    def _out(self, found: list[Finding]) -> list[Finding]:
        if self._ordered:
            found = self._release(found)
        self.counts.colliding = self._duplicates.colliding
        taken_back = sum(1 for one in found if one.occurrence is not None and one.occurrence.withdrawn)
        self.counts.withdrawn += taken_back
        self.counts.findings += len(found) - taken_back
        return found

    def _release(self, found: list[Finding]) -> list[Finding]:
        """Findings of before every rule's watermark, in order; the others wait."""
        until = min((node.judge.until for node in self._nodes.values() if not isinstance(node.judge, Single)),
                    default=self.watermark)  # fmt: skip
        until = min(until, self.watermark)
        held = sorted((*self._held, *found), key=_order)
        self._held = [one for one in held if _time(one) >= until]
        return [one for one in held if _time(one) < until]

    # ------------------------------------------------------------------------------------------------- what is kept

    def snapshot(self) -> bytes:
        """All state, to be stored together with the position in the input up to which it was fed."""
        rules: dict[str, tuple[str, RuleState | None]] = {
            name: (rule_digest(node.rule), None if isinstance(node.judge, Single) else node.judge.save())
            for name, node in self._nodes.items()
        }
        return msgspec.msgpack.encode(
            Snapshot(
                version=VERSION,
                rules=rules,
                sources=list(self._sources.sources.values()),
                now=self._sources.now,
                watermark=self.watermark,
                latest=self._latest,
                duplicates=self._duplicates.save(),
                counts=self.counts,
                notices=self._notices.cells,
                losses=self._losses,
                held=self._held,
                full=sorted({tenant for one in self._correlators for tenant in one.full}),
            )
        )

    def restore(self, data: bytes) -> list[str]:
        """Take up a snapshot, in a new engine. The names of rules that begin anew: they say something else than then.

        Raises ValueError for what is no snapshot of this version.
        """
        kept = read_snapshot(data, self.context.limits.snapshot_bytes_max)
        anew: list[str] = []
        for name, node in self._nodes.items():
            digest, state = kept.rules.get(name, ("", None))
            if isinstance(node.judge, Single):
                continue
            if state is not None and digest == rule_digest(node.rule):
                node.judge.load(state)
                node.judge.full = set(kept.full)
            else:
                anew.append(name)
        for source in kept.sources:
            settings = self._sources.source(source.tenant, source.name).settings
            self._sources.sources[source.tenant, source.name] = msgspec.structs.replace(source, settings=settings)
        self._sources.now, self.watermark, self._latest = kept.now, kept.watermark, kept.latest
        self._duplicates.load(kept.duplicates)
        self._notices.cells, self._losses, self.counts, self._held = kept.notices, kept.losses, kept.counts, kept.held
        return anew


def read_snapshot(data: bytes, most: int) -> Snapshot:
    """A snapshot from bytes. Raises ValueError for what is none, or of another version, or longer than `most`."""
    if len(data) > most:
        raise ValueError(f"a snapshot of {len(data)} bytes; limit snapshot_bytes_max is {most}")
    try:
        kept = msgspec.msgpack.decode(data, type=Snapshot)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise ValueError(f"no snapshot of an engine: {error}") from error
    if kept.version != VERSION:
        raise ValueError(f"a snapshot of version {kept.version}; this program reads version {VERSION}")
    return kept


def _nodes(rules: Sequence[Rule], context: Context, *, provisional: bool) -> dict[str, Node]:
    nodes: dict[str, Node] = {}
    for rule in rules:
        made, header = judge(rule, context), rule.header
        if not provisional and not isinstance(made, Single):
            made.speaks_early = False
        nodes[header.name] = Node(
            rule=rule, judge=made, speaks=speaks(rule), lateness=header.lateness_seconds, targets=[]
        )
        if isinstance(made, Correlator):
            for index, name in enumerate(_references(rule)):
                nodes[name].targets.append(Target(made, index, header.trust.rank))
    return nodes


def _references(rule: Rule) -> tuple[str, ...]:
    return rule.rules if isinstance(rule, Correlation) else ()


def _places(node: Node, event: SourceEvent) -> list[tuple[Correlator, tuple[str, ...], Any]]:
    """Where a match goes that must wait."""
    return [
        (target.correlator, key, payload)
        for target in node.targets
        if _RANK[event.trust] >= target.trust
        for key, payload in target.correlator.read(target.index, event.tenant, event.record)
    ]


def _chained(node: Node, finding: Finding) -> list[tuple[Correlator, tuple[str, ...], Any]]:
    """Where a correlation's finding goes as a match."""
    told = finding.occurrence
    if told is None:
        return []
    return [
        (target.correlator, key, payload)
        for target in node.targets
        for key, payload in target.correlator.read_finding(target.index, told)
    ]


def _time(finding: Finding) -> int:
    return finding.occurrence.time if finding.occurrence else 0


def _order(finding: Finding) -> tuple[int, str, str]:
    return _time(finding), finding.rule, finding.id
