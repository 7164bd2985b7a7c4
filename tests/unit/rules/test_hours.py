"""When an owner works: time zones, shifts over midnight, holidays, clocks that are put forward and back."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from bartizan.rules.hours import Calendar, Hours

BERLIN, TOKYO = ZoneInfo("Europe/Berlin"), ZoneInfo("Asia/Tokyo")
OFFICE = dict.fromkeys(range(5), ((9 * 60, 17 * 60),))
NIGHT = {4: ((22 * 60, 6 * 60),)}  # from Friday evening to Saturday morning


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


@pytest.mark.parametrize(
    ("hours", "when", "works"),
    [
        (Hours(zone=BERLIN, week=OFFICE), "2026-01-05T08:00:00", True),  # Monday, 9:00 in Berlin
        (Hours(zone=BERLIN, week=OFFICE), "2026-01-05T07:59:59.999", False),
        (Hours(zone=BERLIN, week=OFFICE), "2026-01-05T16:00:00", False),  # the end is outside
        (Hours(zone=BERLIN, week=OFFICE), "2026-07-06T07:00:00", True),  # summer time: one hour earlier
        (Hours(zone=BERLIN, week=OFFICE), "2026-03-27T08:00:00", True),  # the Friday before clocks go forward
        (Hours(zone=BERLIN, week=OFFICE), "2026-03-30T07:00:00", True),  # the Monday after
        (Hours(zone=TOKYO, week=OFFICE), "2026-01-05T00:00:00", True),
        (Hours(zone=TOKYO, week=OFFICE), "2026-01-04T23:59:00", False),
        (Hours(zone=BERLIN, week=OFFICE, holidays=frozenset({date(2026, 1, 6)})), "2026-01-06T10:00:00", False),
        (Hours(week=NIGHT), "2026-01-09T23:00:00", True),
        (Hours(week=NIGHT), "2026-01-10T05:59:00", True),
        (Hours(week=NIGHT), "2026-01-10T06:00:00", False),
        (Hours(week=NIGHT), "2026-01-10T23:00:00", False),
        (Hours(week=NIGHT, holidays=frozenset({date(2026, 1, 10)})), "2026-01-10T05:00:00", True),  # began on Friday
        (Hours(week=NIGHT, holidays=frozenset({date(2026, 1, 9)})), "2026-01-10T05:00:00", False),
        (Hours(), "2026-01-05T08:00:00", True),
    ],
)
def test_hours_are_told_by_the_clock_on_the_wall(hours: Hours, when: str, works: bool):
    assert hours.hold(at(when)) is works


def test_of_an_owner_whose_hours_nobody_knows_neither_is_true():
    calendar = Calendar(owners={"ann": Hours(zone=TOKYO, week=OFFICE)})
    monday = at("2026-01-05T01:00:00")
    assert calendar.works("ANN", monday) is True
    assert calendar.works("eve", monday) is None
    assert calendar.outside(["eve"], monday) is None
    assert calendar.outside(["eve", "ann"], monday) is False
    assert calendar.outside([], monday) is None
    assert Calendar(default=Hours(week={})).outside([], monday) is True
    assert calendar.works("ann", 10**18) is None
