"""baseline: a count or an hour that is unusual for a key. Judged in the order of event time."""

from typing import Any

from bartizan.model.limits import DEFAULT, Limits
from bartizan.rules.correlate.grouping import Key
from bartizan.rules.correlate.unusual import HOURS, count_limit, hour_is_unusual, hours_needed
from bartizan.rules.detection import Baseline

_HOUR = 3_600_000


class History:
    """Of one key: the bucket it is in, the count in it, what counts as unusual in it, and the buckets before it.

    `before` are counts of all buckets since the first, with those without events; for hours it is the hour of the day
    of each bucket that had events. The current bucket is not in it. `ahead` is a later bucket, and what would be
    unusual in it if nothing more came before.
    """

    __slots__ = ("ahead", "before", "bucket", "count", "limit")

    def __init__(self, bucket: int) -> None:
        self.bucket, self.count, self.limit = bucket, 0, 0
        self.before: list[int] = []
        self.ahead: tuple[int, int, int] = (bucket, 0, 0)


class Unusual:
    """Histories by key. `limit` of a count is 0 while the key only learns.

    A bucket is a finding once, at the event with which it became unusual. When there is no room, keys that only learn
    give way, those silent for the longest time first; if none does, no new key is taken.
    """

    def __init__(self, rule: Baseline, limits: Limits = DEFAULT) -> None:
        self.rule, self._limits = rule, limits
        self.bucket = rule.bucket_seconds * 1000
        self._needed = (
            rule.buckets_min if rule.of == "count" else max(rule.buckets_min, hours_needed(rule.false_alarms))
        )
        self._young: dict[Key, History] = {}
        self._grown: dict[Key, History] = {}
        self.evicted = self.refused = 0

    def cell(self, time: int) -> str:
        """The part of a finding's id that tells buckets apart."""
        return str(time // self.bucket)

    def judge(self, key: Key, time: int) -> bool:
        """Take one event, and say whether with it the bucket became unusual. Times never fall."""
        bucket = time // self.bucket
        history = self._of(key, bucket)
        if history is None:
            return False
        if bucket != history.bucket:
            self._close(history, bucket)
        history.count += 1
        if self.rule.of == "hour":
            return history.count == 1 and self._unusual_hour(history)
        if history.count == 1:
            history.limit = self._limit(history)
        return history.count == history.limit

    def foresee(self, key: Key, time: int, count: int) -> bool:
        """Whether `count` events in the bucket of `time` would be unusual by what is known now. Nothing is learned."""
        history = self._grown.get(key)
        if history is None:
            return False
        bucket = time // self.bucket
        if bucket == history.bucket and history.count:
            return self.rule.of == "count" and history.count + count >= history.limit > 0
        if history.ahead[:2] != (bucket, history.count):
            history.ahead = (bucket, history.count, self._limit_ahead(history, bucket))
        return count >= history.ahead[2] > 0

    def _limit_ahead(self, history: History, bucket: int) -> int:
        ahead = History(history.bucket)
        ahead.count, ahead.before = history.count, history.before[:]
        self._close(ahead, bucket)
        return self._limit(ahead) if self.rule.of == "count" else int(self._unusual_hour(ahead))

    def _close(self, history: History, bucket: int) -> None:
        most = self._limits.baseline_buckets_max
        if self.rule.of == "hour":
            history.before.append(self._hour(history.bucket))
        else:
            gap = min(bucket - history.bucket - 1, most)
            history.before += [history.count, *[0] * gap]
        del history.before[:-most]
        history.bucket, history.count, history.limit = bucket, 0, 0

    def _hour(self, bucket: int) -> int:
        return bucket * self.bucket // _HOUR % HOURS

    def _limit(self, history: History) -> int:
        return count_limit(history.before, self.rule.false_alarms) if len(history.before) >= self._needed else 0

    def _unusual_hour(self, history: History) -> bool:
        if len(history.before) < self._needed:
            return False
        counts = [0] * HOURS
        for hour in history.before:
            counts[hour] += 1
        return hour_is_unusual(counts, self._hour(history.bucket), self.rule.false_alarms)

    def _of(self, key: Key, bucket: int) -> History | None:
        history = self._grown.get(key)
        if history is not None:
            return history
        history = self._young.pop(key, None)
        if history is None:
            if len(self._young) + len(self._grown) >= self._limits.baseline_keys_max and not self._make_room():
                self.refused += 1
                return None
            history = History(bucket)
        home = self._grown if len(history.before) + 1 >= self._needed else self._young
        home[key] = history
        return history

    def _make_room(self) -> bool:
        oldest = next(iter(self._young), None)
        if oldest is None:
            return False
        del self._young[oldest]
        self.evicted += 1
        return True

    @property
    def losses(self) -> int:
        """How often there was no room."""
        return self.evicted + self.refused

    def held(self) -> int:
        """How many counts are kept."""
        return sum(len(history.before) + 1 for home in (self._young, self._grown) for history in home.values())

    def save(self) -> list[Any]:
        """All of it as plain data."""
        return [
            [[key, one.bucket, one.count, one.limit, one.before] for key, one in home.items()]
            for home in (self._young, self._grown)
        ]

    def load(self, kept: list[Any]) -> None:
        """Take up what `save` gave."""
        for home, saved in zip((self._young, self._grown), kept, strict=True):
            for key, bucket, count, limit, before in saved:
                history = home[tuple(key)] = History(bucket)
                history.count, history.limit, history.before = count, limit, before
