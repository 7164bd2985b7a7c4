"""Episodes: when a rule that holds is a new finding, and what becomes of a provisional one.

A rule speaks when it holds, and then is quiet for its key: it speaks again when it holds more than `quiet` milliseconds
later. That is decided in the order of event time, once the watermark has passed, so it does not depend on the order of
arrival. Ids rest on a grid of `quiet` milliseconds: two findings of one key never share a cell, and a finding whose
time moves by a late event mostly stays in its own.
"""

import heapq
from collections.abc import Iterator

from bartizan.rules.correlate.grouping import Key

Said = tuple[int, str, Key, Key]
"""A provisional finding that is not concluded: its time, its id, the key that it silences, its group."""


class Episodes:
    """Of one rule: the last finding of each key, and the provisional findings that still wait for the watermark."""

    __slots__ = ("_due", "_said", "last", "quiet")

    def __init__(self, quiet: int) -> None:
        self.quiet = quiet
        self.last: dict[Key, int] = {}
        self._said: dict[Key, dict[str, int]] = {}
        self._due: list[Said] = []

    def cell(self, time: int) -> str:
        """The part of a finding's id that tells it from others of the same group."""
        return str(time // self.quiet) if self.quiet else f"at {time}"

    def silent(self, key: Key, time: int) -> bool:
        """Whether a final finding silences its key at this time."""
        last = self.last.get(key)
        return last is not None and time - last <= self.quiet

    def spoken(self, key: Key, time: int) -> bool:
        """Whether a finding, final or provisional, says already what holds at this time."""
        said = self._said.get(key)
        return self.silent(key, time) or (
            said is not None and any(abs(time - other) <= self.quiet for other in said.values())
        )

    def speak_early(self, key: Key, time: int, identity: str, group: Key) -> bool:
        """Whether to say at once that the rule holds; what is said here is confirmed or withdrawn later."""
        if self.spoken(key, time):
            return False
        said = self._said.setdefault(key, {})
        if identity in said:
            return False
        said[identity] = time
        heapq.heappush(self._due, (time, identity, key, group))
        return True

    def conclude(self, key: Key, time: int, identity: str) -> None:
        """A final finding: its key is quiet from here."""
        self.last[key] = time
        self._forget(key, identity)

    def withdrawn(self, until: int) -> Iterator[Said]:
        """Provisional findings of before `until` that no final one has confirmed."""
        while self._due and self._due[0][0] < until:
            said = heapq.heappop(self._due)
            if self._forget(said[2], said[1]):
                yield said

    def _forget(self, key: Key, identity: str) -> bool:
        said = self._said.get(key)
        if said is None or said.pop(identity, None) is None:
            return False
        if not said:
            del self._said[key]
        return True

    def sweep(self, until: int) -> None:
        """Forget findings that silence nothing any more."""
        self.last = {key: last for key, last in self.last.items() if until - last <= self.quiet}

    def save(self) -> tuple[list[tuple[Key, int]], list[Said]]:
        """All of it as plain data."""
        waiting = [said for said in sorted(self._due) if said[1] in self._said.get(said[2], {})]
        return sorted(self.last.items()), waiting

    def load(self, last: list[tuple[Key, int]], said: list[Said]) -> None:
        """Take up what `save` gave."""
        self.last, self._due, self._said = dict(last), list(said), {}
        for time, identity, key, _ in said:
            self._said.setdefault(key, {})[identity] = time
