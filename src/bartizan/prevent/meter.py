"""Counting within a window that slides, per key, in bounded memory. The time comes in, in seconds."""

import math
from collections import OrderedDict, deque

SLICES = 60


class FullError(Exception):
    """More keys are in use at once than the meter holds."""


class Meter:
    """Counts in slices of a sixtieth of the window. Rounds against the caller: never more than `most` in any window."""

    def __init__(self, window_seconds: float, *, keys_max: int, forgets: bool = False) -> None:
        """With `forgets`, the key that was not used for longest gives way to a new one; else the new one is refused."""
        self._slice, self._keys_max, self._forgets = window_seconds / SLICES, keys_max, forgets
        self._keys: OrderedDict[object, deque[tuple[int, int]]] = OrderedDict()
        self._newest = 0

    def wait(self, key: object, most: int, at: float) -> float:
        """Seconds until one more fits under `most`; 0 where it fits now."""
        now = self._now(at)
        used = self._keys.get(key)
        if not used:
            return 0.0
        self._forget(used, now)
        over = sum(amount for _, amount in used) - most
        for index, amount in used:
            if over < 0:
                break
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
            used = self._keys[key] = deque(maxlen=SLICES + 2)
        self._keys.move_to_end(key)
        self._forget(used, now)
        if used and used[-1][0] == now:
            amount += used.pop()[1]
        used.append((now, amount))

    def _now(self, at: float) -> int:
        """The number of the slice; a clock that is set back does not give back what was used."""
        self._newest = max(self._newest, math.floor(at / self._slice))
        return self._newest

    @staticmethod
    def _forget(used: deque[tuple[int, int]], now: int) -> None:
        while used and used[0][0] < now - SLICES:
            used.popleft()

    def _make_room(self, now: int) -> None:
        if len(self._keys) < self._keys_max:
            return
        oldest = next(iter(self._keys))
        if not self._forgets and self._keys[oldest][-1][0] >= now - SLICES:
            raise FullError
        del self._keys[oldest]
