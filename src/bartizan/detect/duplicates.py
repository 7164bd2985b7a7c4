"""Duplicates: which events have been judged already."""

from typing import Any


class Duplicates:
    """Remembers events by identity and time, in two generations, the older of which is dropped as a whole.

    An event is remembered for at least `seconds` of event time, unless more than `most` come in that time: then for at
    least the last `most // 2` events, and `forgotten` counts those that were dropped too soon.
    """

    def __init__(self, most: int, seconds: int) -> None:
        self._half, self._span = max(1, most // 2), seconds * 1000
        self._new: dict[str, int] = {}
        self._old: dict[str, int] = {}
        self._begun: int | None = None
        self._latest = 0
        self.forgotten = self.colliding = 0

    def seen(self, identity: str, time: int) -> bool:
        """Whether this very event came before; it is remembered from now on.

        Two events with one id and different times are two: the source repeats its ids, or somebody else's.
        """
        new = self._new
        known = new.get(identity)
        if known is None:
            known = self._old.get(identity)
        if known == time:
            return True
        if known is not None:
            self.colliding += 1
            identity = f"{identity}@{time}"
            if identity in new or identity in self._old:
                self.colliding -= 1
                return True
        new[identity] = time
        if time > self._latest:
            self._latest = time
            if self._begun is None:
                self._begun = time
        if len(new) >= self._half or self._latest - (self._begun or 0) > self._span:
            self._turn()
        return False

    def _turn(self) -> None:
        if self._latest - (self._begun or 0) <= self._span:
            self.forgotten += len(self._old)
        self._old, self._new, self._begun = self._new, {}, self._latest

    def save(self) -> list[Any]:
        """All of it as plain data."""
        return [
            list(self._new.items()),
            list(self._old.items()),
            self._begun,
            self._latest,
            self.forgotten,
            self.colliding,
        ]

    def load(self, kept: list[Any]) -> None:
        """Take up what `save` gave."""
        new, old, self._begun, self._latest, self.forgotten, self.colliding = kept
        self._new, self._old = dict(new), dict(old)
