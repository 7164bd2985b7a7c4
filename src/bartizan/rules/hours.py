"""Business hours: when an owner works, in the owner's own time zone, and on which days not."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta, tzinfo

import msgspec

Shift = tuple[int, int]
"""Begin and end in minutes after midnight. An end that is not after the begin lies on the next day."""

WEEKDAYS: Mapping[int, tuple[Shift, ...]] = dict.fromkeys(range(5), ((8 * 60, 18 * 60),))
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Hours(msgspec.Struct, frozen=True, kw_only=True):
    """A week of shifts by weekday (0: Monday), in a time zone. No shift begins on a holiday.

    The begin of a shift belongs to it, its end does not. Shifts are told by the clock on the wall.
    """

    zone: tzinfo = UTC
    week: Mapping[int, tuple[Shift, ...]] = msgspec.field(default_factory=lambda: WEEKDAYS)
    holidays: frozenset[date] = frozenset()

    def hold(self, time: int) -> bool:
        """Whether a time (milliseconds since 1970) lies in a shift."""
        local = (_EPOCH + timedelta(milliseconds=time)).astimezone(self.zone)
        minute = local.hour * 60 + local.minute
        today = local.date()
        return any(
            begin <= minute < end if begin < end else begin <= minute for begin, end in self._shifts(today)
        ) or any(end <= begin and minute < end for begin, end in self._shifts(today - timedelta(days=1)))

    def _shifts(self, day: date) -> tuple[Shift, ...]:
        return () if day in self.holidays else self.week.get(day.weekday(), ())


class Calendar(msgspec.Struct, frozen=True, kw_only=True):
    """The hours of owners; `default` for those that it does not name. Names are in lower case."""

    owners: Mapping[str, Hours] = {}
    default: Hours | None = None

    def works(self, owner: str, time: int) -> bool | None:
        """Whether the owner works at a time; None where nobody said when."""
        hours = self.owners.get(owner.casefold(), self.default)
        try:
            return None if hours is None else hours.hold(time)
        except (OverflowError, ValueError):  # a year that calendars do not have
            return None

    def outside(self, owners: Sequence[str], time: int) -> bool | None:
        """Whether a time lies outside the hours of all owners that are known; None where none is known."""
        told = [works for owner in owners or ("",) if (works := self.works(owner, time)) is not None]
        return not any(told) if told else None
