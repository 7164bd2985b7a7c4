"""What came to the listener and was no request, as Events."""

import itertools
from datetime import UTC, datetime, timedelta

from bartizan.adapters.transports.listener import RefusedError
from bartizan.app.turned_away import TurnedAway
from bartizan.model.limits import Limits

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


class Clock:
    now = NOON

    def __call__(self) -> datetime:
        return self.now


def turned_away(most: int = 3):
    events, clock, numbers = [], Clock(), itertools.count()
    return (
        TurnedAway(events.append, clock, lambda: f"u{next(numbers)}", Limits(refusals_recorded_max=most)),
        events,
        clock,
    )


def test_a_refusal_is_an_event_with_its_reason_and_where_it_came_from():
    away, events, _ = turned_away()
    away.refused(RefusedError(400, "both Content-Length and Transfer-Encoding"), "127.0.0.1:5")
    away.failed(KeyError("a secret of ours"))
    assert [event.message for event in events] == [
        "400: both Content-Length and Transfer-Encoding", "a handler failed: KeyError",
    ]  # fmt: skip
    assert events[0].unmapped == {"peer": "127.0.0.1:5", "more": 0}
    assert events[0].status == "Failure"


def test_a_flood_is_a_few_events_and_a_number():
    away, events, clock = turned_away()
    for number in range(1000):
        away.refused(RefusedError(400, "x"), f"127.0.0.1:{number}")
    assert len(events) == 3
    clock.now += timedelta(seconds=1)
    away.refused(RefusedError(400, "x"), "127.0.0.1:1")
    assert events[3].unmapped["more"] == 997
    away.flush()
    assert len(events) == 4


def test_what_was_counted_last_is_told_at_the_end():
    away, events, _ = turned_away(most=1)
    for _ in range(5):
        away.refused(RefusedError(503, "too many connections"), "")
    away.flush()
    assert [event.unmapped["more"] for event in events] == [0, 4]
