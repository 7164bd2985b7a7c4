"""Samples of rules on events: a rule proves itself by what it matches and what it does not.

A line of match.jsonl or miss.jsonl is one sample: `note` says why, and either `event` is an OCSF object (its `kind` the
kind of the source, by default its log name), or `raw` is a record as its source wrote it, an object or a text, of the
source `kind`; with kind `json`, `log_source` says which it is, as `product/category/service`. `events` holds several of
these: then the whole rule is judged by the engine, in the time of the events, and matches when it makes a finding. One
of them with `times` stands for so many events, a second apart; `context` is what is known beside them (`replay`).
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec

from bartizan.app.estate import judged_with
from bartizan.app.rules import load_rules, place_of
from bartizan.detect.engine import Engine
from bartizan.detect.parsers.registry import PARSERS
from bartizan.model.errors import ContentError, Place, UsageError, reason_of
from bartizan.model.estate import Estate
from bartizan.model.json import JsonObject, as_object
from bartizan.model.limits import DEFAULT
from bartizan.model.source_event import SourceEvent, Trust
from bartizan.ports import ParserSettings
from bartizan.rules.detection import Correlation, Detection, Rule
from bartizan.rules.match import Matcher

_RULE, _FOLDER = "rule.yml", "samples"
Expected = Literal["match", "miss"]


class SampleEvent(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One event, or the record that it is made of."""

    event: JsonObject | None = None
    raw: JsonObject | str | None = None
    kind: str = ""
    log_source: str = ""
    times: Annotated[int, msgspec.Meta(ge=1, le=DEFAULT.sample_events_max)] = 1


class SampleLine(SampleEvent, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One line."""

    note: str
    events: tuple[SampleEvent, ...] = ()
    context: Estate = Estate()


class Tried(msgspec.Struct, frozen=True, kw_only=True):
    """One sample, what was expected of it, and what came."""

    rule: str
    place: Place
    note: str
    expected: Expected
    matched: bool

    @property
    def passed(self) -> bool:
        """Whether it was judged as expected."""
        return self.matched is (self.expected == "match")

    def says(self) -> str:
        """In words."""
        came = "matches" if self.matched else "does not match"
        return f"{came}: {self.note}" if self.passed else f"{came}, though it should {self.expected}: {self.note}"

    def told(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "rule": self.rule,
            "path": self.place.path,
            "line": self.place.line,
            "note": self.note,
            "expected": self.expected,
            "matched": self.matched,
            "passed": self.passed,
        }


class Trial(msgspec.Struct, frozen=True, kw_only=True):
    """All samples that were tried, and the names of rules that have none for both sides."""

    samples: tuple[Tried, ...]
    untried: tuple[str, ...]


def try_samples(paths: Sequence[Path], placeholders: Path | None = None) -> Trial:
    """Try the rules below some paths, or those that ship. Raises ContentError for rules and samples, UsageError."""
    rules = load_rules(paths, placeholders)
    samples: list[Tried] = []
    untried: list[str] = []
    mistakes: list[tuple[Place, str]] = []
    speaking = {rule.header.path for rule in rules if not rule.silent}
    for rule in rules:
        if rule.silent and rule.header.path in speaking:
            continue  # a part of the other, whose samples those of the file are
        found = list(_of(rule, rules, mistakes))
        samples += found
        if {one.expected for one in found} != {"match", "miss"}:
            untried.append(rule.header.name)
    if mistakes:
        raise ContentError(mistakes)
    return Trial(samples=tuple(samples), untried=tuple(untried))


def _of(rule: Rule, rules: Sequence[Rule], mistakes: list[tuple[Place, str]]) -> Iterator[Tried]:
    path = place_of(rule)
    if path.name != _RULE:
        return
    expectations: tuple[Expected, Expected] = ("match", "miss")
    for expected in expectations:
        file = path.parent / _FOLDER / f"{expected}.jsonl"
        for number, line in enumerate(_lines(file), 1):
            place = Place(path=str(file), line=number)
            try:
                sample = msgspec.json.decode(line, type=SampleLine)
                matched = _matched(rule, rules, sample)
            except (msgspec.MsgspecError, ValueError, ContentError) as error:
                mistakes.append((place, f"not a sample: {error}"))
                continue
            yield Tried(rule=rule.header.name, place=place, note=sample.note, expected=expected, matched=matched)


def _matched(rule: Rule, rules: Sequence[Rule], sample: SampleLine) -> bool:
    """Whether a sample is matched. Raises ValueError for a sample that is none, ContentError as the engine does."""
    if not sample.events:
        if isinstance(rule, Correlation):
            raise ValueError("a sample of a correlation has `events`")
        matcher = Matcher([rule])
        return any(matcher.match(event) for event in _events(sample, 0))
    if sample.event is not None or sample.raw is not None:
        raise ValueError("beside `events` there is no other event")
    asked = _with_references(rule, {one.header.name: one for one in rules})
    events = [event for number, one in enumerate(sample.events) for event in _repeated(one, number)]
    matcher = Matcher([one for one in asked if isinstance(one, Detection)])
    context, enricher = judged_with(sample.context)
    engine = Engine(asked, matcher.match, context=context, provisional=False)
    found = [*engine.feed(map(enricher.enriched, events)), *engine.finish()]
    return any(finding.rule == rule.header.name for finding in found)


def _repeated(sample: SampleEvent, number: int) -> Iterator[SourceEvent]:
    """The events of a sample, as many times as it says."""
    made = _events(sample, number)
    for time in range(sample.times):
        for event in made:
            uid = f"{event.uid}-{time}" if time else event.uid
            yield msgspec.structs.replace(event, uid=uid, time=event.time + time * 1000)


def _with_references(rule: Rule, known: Mapping[str, Rule]) -> list[Rule]:
    """A rule, told to speak, and all that it rests on."""
    asked: dict[str, Rule] = {rule.header.name: msgspec.structs.replace(rule, silent=False)}
    waiting = list(rule.rules) if isinstance(rule, Correlation) else []
    while waiting:
        one = known[waiting.pop()]
        if one.header.name not in asked:
            asked[one.header.name] = one
            waiting += one.rules if isinstance(one, Correlation) else ()
    return list(asked.values())


def _lines(file: Path) -> list[bytes]:
    try:
        if file.stat().st_size > DEFAULT.file_bytes_max:
            raise UsageError(f"larger than file_bytes_max {DEFAULT.file_bytes_max}", where=Place(path=str(file)))
        return [line for line in file.read_bytes().splitlines() if line.strip()]
    except FileNotFoundError:
        return []
    except OSError as error:
        raise UsageError(f"cannot read it: {reason_of(error)}", where=Place(path=str(file))) from None


def _events(sample: SampleEvent, number: int) -> list[SourceEvent]:
    """The events of a sample. Raises ValueError where its record is understood by no parser."""
    if (sample.event is None) is (sample.raw is None):
        raise ValueError("a sample has `event` or `raw`")
    if sample.event is not None:
        kind = sample.kind or str(as_object(sample.event.get("metadata")).get("log_name", ""))
        when = sample.event.get("time")
        time = when if isinstance(when, int) else 0
        return [SourceEvent(uid=f"sample-{number}", time=time, record=sample.event, kind=kind, trust=Trust.HIGH)]
    if sample.kind not in PARSERS:
        raise ValueError(f"no parser of kind {sample.kind!r}: known are {', '.join(sorted(PARSERS))}")
    raw = sample.raw.encode() if isinstance(sample.raw, str) else msgspec.json.encode(sample.raw)
    parser = PARSERS[sample.kind](ParserSettings(source="sample", trust=Trust.HIGH, log_source=sample.log_source))
    found = [*parser.feed(raw, 1), *parser.end()]
    events = [one for one in found if isinstance(one, SourceEvent)]
    if len(events) < len(found) or not events:
        reasons = [one.reason for one in found if not isinstance(one, SourceEvent)]
        raise ValueError("; ".join(reasons) or "it makes no event")
    return events
