"""Counting within a window that slides, per key, in bounded memory. The time comes in, in seconds."""

import math
from collections import OrderedDict

SLICES = 60


class FullError(Exception):
    """More keys are in use at once than the meter holds."""


class _Used:
    """What one key has used: amounts by the number of their slice, and their sum. A list: most keys have one slice."""

    __slots__ = ("newest", "oldest", "slices", "total")

    def __init__(self, now: int) -> None:
        self.slices: list[tuple[int, int]] = []
        self.total, self.oldest, self.newest = 0, now, now

    def forget(self, before: int) -> None:
        """Drop the slices before one."""
        gone = [one for one in self.slices if one[0] < before]
        del self.slices[: len(gone)]
        self.total -= sum(amount for _, amount in gone)
        self.oldest = self.slices[0][0] if self.slices else self.newest

    def add(self, now: int, amount: int) -> None:
        """Count in the newest slice."""
        slices = self.slices
        self.total += amount
        if slices and slices[-1][0] == now:
            slices[-1] = now, slices[-1][1] + amount
            return
        if not slices:
            self.oldest = now
        slices.append((now, amount))
        self.newest = now


class Meter:
    """Counts in slices of a sixtieth of the window. Rounds against the caller: never more than `most` in any window."""

    def __init__(self, window_seconds: float, *, keys_max: int, forgets: bool = False) -> None:
        """With `forgets`, the key that was not used for longest gives way to a new one; else the new one is refused."""
        self._slice, self._keys_max, self._forgets = window_seconds / SLICES, keys_max, forgets
        self._keys: OrderedDict[object, _Used] = OrderedDict()
        self._newest = 0

    def wait(self, key: object, most: int, at: float) -> float:
        """Seconds until one more fits under `most`; 0 where it fits now."""
        now = self._now(at)
        used = self._keys.get(key)
        if used is None:
            return 0.0
        if used.oldest < now - SLICES:
            used.forget(now - SLICES)
        if used.total < most:
            return 0.0
        over = used.total - most
        for index, amount in used.slices:
            over -= amount
            if over < 0:
                return max((index + SLICES + 1) * self._slice - at, 0.001)
        return 0.0

    def add(self, key: object, amount: int, at: float) -> None:
        """Count. Raises FullError for a new key where every key that is held is in use."""
        now = self._now(at)
        used = self._keys.get(key)
        if used is None:
            self._make_room(now)
            used = self._keys[key] = _Used(now)
        else:
            self._keys.move_to_end(key)
            if used.oldest < now - SLICES:
                used.forget(now - SLICES)
        used.add(now, amount)

    def _now(self, at: float) -> int:
        """The number of the slice; a clock that is set back does not give back what was used."""
        now = math.floor(at / self._slice)
        if now > self._newest:  # noqa: PLR1730 - asked six times for each call, and `max` costs twice as much
            self._newest = now
        return self._newest

    def _make_room(self, now: int) -> None:
        if len(self._keys) < self._keys_max:
            return
        oldest = next(iter(self._keys))
        if not self._forgets and self._keys[oldest].newest >= now - SLICES:
            raise FullError
        del self._keys[oldest]
