"""Sources: how far each has come in event time, and the watermark that follows from all of them."""

from collections.abc import Iterable, Mapping

import msgspec

NEVER = -(1 << 62)
FOREVER = 1 << 62


class SourceSettings(msgspec.Struct, frozen=True, kw_only=True):
    """What configuration says of a source.

    Its events may come up to `lateness_seconds` after later ones. An event that is more than `skew_seconds` ahead of
    its receipt is from the future. After `idle_seconds` without events others do not wait for it, after
    `silent_after_seconds` its silence is a finding (0: never).
    """

    lateness_seconds: int = 60
    skew_seconds: int = 300
    idle_seconds: int = 300
    silent_after_seconds: int = 0


class Source(msgspec.Struct, kw_only=True):
    """A source as it stands: its latest event time, when it was last heard, and what was counted of it.

    `asked` is its event time at which the watermark was last asked for because of it.
    """

    tenant: str
    name: str
    settings: SourceSettings
    latest: int = NEVER
    asked: int = NEVER
    heard: int = 0
    ended: bool = False
    silent: bool = False
    events: int = 0
    duplicates: int = 0
    late: int = 0
    future: int = 0

    def reached(self, lateness: int | None) -> int:
        """The time before which everything has come from it, by its own lateness or that of a rule (seconds)."""
        seconds = self.settings.lateness_seconds if lateness is None else lateness
        return NEVER if self.latest == NEVER else self.latest - seconds * 1000

    def reached_by_clock(self, now: int, lateness: int | None) -> int:
        """The same for one that is idle: it moves on with the clock, behind by its idle time."""
        seconds = self.settings.lateness_seconds if lateness is None else lateness
        return max(self.latest, now - self.settings.idle_seconds * 1000) - seconds * 1000


class Watermark:
    """All sources, and the clock of receipt. `now` is the latest receipt or tick; 0 while no clock was told.

    The watermark is the least of what the sources have reached; those that have ended, and those that are idle by the
    clock, are left out. When all are idle it follows the clock. A source that is declared and has not spoken yet holds
    it back until it is idle.
    """

    def __init__(self, declared: Mapping[str, SourceSettings], default: SourceSettings, most: int) -> None:
        self._declared, self._default, self._most = declared, default, most
        self.sources: dict[tuple[str, str], Source] = {}
        self.now = 0
        self.too_many = 0
        for name, settings in declared.items():
            self.sources["", name] = Source(tenant="", name=name, settings=settings)

    def source(self, tenant: str, name: str) -> Source:
        """The source of a tenant, taken up when it is heard for the first time."""
        if len(self.sources) >= self._most:
            self.too_many += 1
            tenant = name = ""
        waiting = self.sources.get(("", name))
        if tenant and waiting is not None and waiting.latest == NEVER:
            del self.sources["", name]  # declared by name alone: this is it
        return self.sources.setdefault(
            (tenant, name),
            Source(tenant=tenant, name=name, settings=self._declared.get(name, self._default), heard=self.now),
        )

    def tick(self, now: int) -> None:
        """Take note of the clock. A clock that steps back is not followed."""
        if not self.now:
            for source in self.sources.values():
                source.heard = source.heard or now
        self.now = max(self.now, now)

    def at(self, lateness: int | None) -> int:
        """The time before which everything has come, for rules with this lateness (None: the sources' own)."""
        going = [source for source in self.sources.values() if not source.ended]
        active = [source for source in going if not self._idle(source)]
        if active:
            return min(source.reached(lateness) for source in active)
        if going:
            return min(source.reached_by_clock(self.now, lateness) for source in going)
        return max((source.reached(lateness) for source in self.sources.values()), default=NEVER)

    def _idle(self, source: Source) -> bool:
        return self.now > 0 and self.now - source.heard > source.settings.idle_seconds * 1000

    def newly_silent(self) -> Iterable[Source]:
        """Sources that have been silent for too long and were not said to be."""
        for source in self.sources.values():
            seconds = source.settings.silent_after_seconds
            quiet = bool(seconds) and not source.ended and self.now - source.heard > seconds * 1000 > 0
            if quiet and not source.silent:
                yield source
            source.silent = quiet
