"""`replay`: detection over recorded logs, in event time: the same rules, engine and findings as live."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from glob import glob
from itertools import islice
from pathlib import Path

import msgspec

from bartizan.app.estate import judged_with
from bartizan.app.normalize import KINDS, normalize
from bartizan.detect.engine import Counts, Engine
from bartizan.detect.sources import SourceSettings
from bartizan.model.errors import UsageError, reason_of
from bartizan.model.estate import Estate
from bartizan.model.finding import Finding
from bartizan.model.limits import DEFAULT, Limits
from bartizan.model.source_event import SourceEvent, Unparsed
from bartizan.ports import ParserSettings
from bartizan.rules.detection import Detection, Rule
from bartizan.rules.match import Matcher

_AT_ONCE = 512


class Recording(msgspec.Struct, frozen=True, kw_only=True):
    """A recorded log: the kind of its records, its file, and for kind `json` the log source that its records are."""

    kind: str
    path: Path
    log: str = ""


class Replayed(msgspec.Struct, kw_only=True):
    """What a replay counted."""

    events: int = 0
    duplicates: int = 0
    unparsed: int = 0
    late: int = 0
    dropped: int = 0
    findings: int = 0


def recordings(sources: Sequence[str]) -> list[Recording]:
    """The files that `KIND=PATH` names; a path may be a folder or hold `*`. Raises UsageError with a remedy."""
    found: list[Recording] = []
    for told in sources:
        kind, equals, path = told.partition("=")
        kind, _, log = kind.partition(":")
        if not equals or kind not in KINDS:
            raise UsageError(f"--source: {told[:120]!r} is no KIND=PATH", remedy=f"KIND is one of {', '.join(KINDS)}")
        files = _files(path)
        if not files:
            raise UsageError(f"--source: no file at {path}", remedy="name a file, a folder, or a pattern with *")
        found += [Recording(kind=kind, path=file, log=log) for file in files]
    return found


def _files(path: str) -> list[Path]:
    named = Path(path).expanduser()
    if named.is_dir():
        return sorted(file for file in named.rglob("*") if file.is_file())
    if named.exists():
        return [named]
    return [Path(one) for one in sorted(glob(str(named), recursive=True))]  # noqa: PTH207 - it may be absolute


class Replay:
    """One replay. `findings` gives them in their order while it goes on; `counted` is complete behind the last."""

    def __init__(
        self,
        rules: Sequence[Rule],
        estate: Estate,
        *,
        lateness_seconds: int = 60,
        note: Callable[[Recording, Unparsed], None] = lambda _one, _what: None,
        step: Callable[[], None] = lambda: None,
        limits: Limits = DEFAULT,
    ) -> None:
        self._context, self._enricher = judged_with(estate)
        self._rules = rules
        self._matcher = Matcher([rule for rule in rules if isinstance(rule, Detection)], limits)
        self._settings = SourceSettings(lateness_seconds=lateness_seconds)
        self._note, self._step, self._limits = note, step, limits
        self.counted = Replayed()

    def findings(self, logs: Sequence[Recording]) -> Iterator[Finding]:
        """Judge recorded logs. Raises UsageError for one that cannot be read, ContentError for rules."""
        engine = Engine(
            self._rules,
            self._matcher.match,
            context=self._context,
            sources={str(one.path): self._settings for one in logs},
            provisional=False,
            ordered=True,
        )
        with ExitStack() as opened:
            reading = [_Log(one, opened, self._parser_settings(one), self._unparsed) for one in logs]
            waiting = dict(enumerate(reading))
            while waiting:
                number, log = min(waiting.items(), key=lambda item: (item[1].latest, item[0]))
                events = log.more()
                for _ in events:
                    self._step()
                if not events:
                    del waiting[number]
                    yield from engine.end(log.name)
                    continue
                yield from engine.feed([self._enricher.enriched(event) for event in events])
            yield from engine.finish()
        self._count(engine.counts)

    def _parser_settings(self, one: Recording) -> ParserSettings:
        return ParserSettings(source=str(one.path), log_source=one.log, limits=self._limits)

    def _unparsed(self, one: Recording, what: Unparsed) -> None:
        self.counted.unparsed += 1
        self._note(one, what)

    def _count(self, told: Counts) -> None:
        self.counted.events, self.counted.duplicates = told.events, told.duplicates
        self.counted.late, self.counted.dropped = told.late, told.evicted
        self.counted.findings = told.findings


class _Log:
    """One log, read piece by piece: the one that is behind the others is read on."""

    def __init__(
        self,
        recording: Recording,
        opened: ExitStack,
        settings: ParserSettings,
        unparsed: Callable[[Recording, Unparsed], None],
    ) -> None:
        self.recording, self.name, self._unparsed = recording, str(recording.path), unparsed
        self.latest = 0
        try:
            file = opened.enter_context(recording.path.open("rb"))
        except OSError as error:
            raise UsageError(f"cannot read {recording.path}: {reason_of(error)}") from None
        self._records = normalize(file, recording.kind, settings)

    def more(self) -> list[SourceEvent]:
        """The next events; none at the end."""
        events: list[SourceEvent] = []
        while not events:
            some = list(islice(self._records, _AT_ONCE))
            if not some:
                break
            for one in some:
                if isinstance(one, SourceEvent):
                    events.append(one)
                else:
                    self._unparsed(self.recording, one)
        if events:
            self.latest = max(self.latest, *(event.time for event in events))
        return events
