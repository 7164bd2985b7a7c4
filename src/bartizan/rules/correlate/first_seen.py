"""first_seen: a value that is new for its key. Judged in the order of event time."""

from collections.abc import Sequence
from typing import Any

from bartizan.model.limits import DEFAULT, Limits
from bartizan.rules.correlate.grouping import Key
from bartizan.rules.detection import FirstSeen


class Seen:
    """Of one key: since when it is known, and when each value was seen last, the longest ago first."""

    __slots__ = ("since", "values")

    def __init__(self, since: int) -> None:
        self.since = since
        self.values: dict[str, int] = {}


class Novelty:
    """The values that each key has shown.

    A key learns for `learning_seconds` from its first event; what it shows then is known and no finding. A value is
    forgotten when it was not seen for more than `forget_seconds`; the key itself stays known. When there is no room,
    keys that still learn give way, those silent for the longest time first; if all have learned, no new key is taken.
    """

    def __init__(self, rule: FirstSeen, limits: Limits = DEFAULT) -> None:
        self.learning, self.forget = rule.learning_seconds * 1000, rule.forget_seconds * 1000
        self._limits = limits
        self._young: dict[Key, Seen] = {}
        self._grown: dict[Key, Seen] = {}
        self._held = 0
        self.evicted = self.refused = 0

    def cell(self, time: int) -> str:
        """The part of a finding's id that tells a value that is new again from the first time."""
        return str(time // self.forget) if self.forget else ""

    def new(self, key: Key, values: Sequence[str], time: int) -> list[str]:
        """Which values would be a finding now. Nothing is learned."""
        seen = self._grown.get(key) or self._young.get(key)
        if seen is None:
            return [] if self.learning else list(values)
        if time - seen.since < self.learning:
            return []
        return [value for value in values if not self._knows(seen, value, time)]

    def familiar(self, keys: Sequence[Key], values: Sequence[str], time: int) -> bool:
        """Whether all keys know all values at a time, whatever comes before it; then it is noted, in any order.

        What is known by the watermark stays known to every later time that it reaches without being forgotten.
        """
        told: list[dict[str, int]] = []
        for key in keys:
            seen = self._grown.get(key)
            if seen is None or not all(self._knows(seen, value, time) for value in values):
                return False
            told.append(seen.values)
        for known in told:
            for value in values:
                known[value] = max(time, known.pop(value))
        return bool(told and values)

    def learn(self, key: Key, values: Sequence[str], time: int) -> None:
        """Take note of values. Times never fall."""
        seen = self._of(key, time)
        if seen is None:
            return
        for value in values:
            last = seen.values.pop(value, None)
            self._held += last is None
            seen.values[value] = time if last is None else max(time, last)
        most = self._limits.first_seen_key_values_max
        while len(seen.values) > most or (self.forget and time - next(iter(seen.values.values()), time) > self.forget):
            self.evicted += len(seen.values) > most
            del seen.values[next(iter(seen.values))]
            self._held -= 1
        while self._held > self._limits.first_seen_values_max and self._make_room():
            pass

    def _knows(self, seen: Seen, value: str, time: int) -> bool:
        last = seen.values.get(value)
        return last is not None and not (self.forget and time - last > self.forget)

    def _of(self, key: Key, time: int) -> Seen | None:
        grown = self._grown.get(key)
        if grown is not None:
            return grown
        seen = self._young.pop(key, None)
        if seen is None:
            if self._held + 1 > self._limits.first_seen_values_max and not self._make_room():
                self.refused += 1
                return None
            seen = Seen(time)
        at_home = self._grown if time - seen.since >= self.learning else self._young
        at_home[key] = seen
        return seen

    def _make_room(self) -> bool:
        oldest = next(iter(self._young), None)
        if oldest is None:
            return False
        self._held -= len(self._young.pop(oldest).values)
        self.evicted += 1
        return True

    def sweep(self, time: int) -> None:
        """Forget values that were not seen for too long."""
        if not self.forget:
            return
        for seen in (*self._young.values(), *self._grown.values()):
            while seen.values and time - next(iter(seen.values.values())) > self.forget:
                del seen.values[next(iter(seen.values))]
                self._held -= 1

    @property
    def losses(self) -> int:
        """How often there was no room."""
        return self.evicted + self.refused

    def held(self) -> int:
        """How many values are kept."""
        return self._held

    def save(self) -> list[Any]:
        """All of it as plain data, in the order in which it gives way."""
        return [
            [[key, seen.since, list(seen.values.items())] for key, seen in home.items()]
            for home in (self._young, self._grown)
        ]

    def load(self, kept: list[Any]) -> None:
        """Take up what `save` gave."""
        for home, saved in zip((self._young, self._grown), kept, strict=True):
            for key, since, values in saved:
                seen = home[tuple(key)] = Seen(since)
                seen.values = dict(values)
                self._held += len(seen.values)
