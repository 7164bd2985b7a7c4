"""What came to the listener and was no request: each is an Event, and a flood of them is a number in one."""

from collections.abc import Callable
from datetime import datetime

from bartizan.adapters.transports.listener import RefusedError
from bartizan.app.call_events import turned_away_event
from bartizan.model.event import Event
from bartizan.model.limits import DEFAULT, Limits


class TurnedAway:
    """Hears of refusals below the protocol: broken framing, smuggled requests, bodies that never end.

    Of one second it records `refusals_recorded_max` one by one. The rest are counted, and told with the next Event or
    by `flush`: nobody fills the journal with what costs him nothing.
    """

    def __init__(
        self,
        later: Callable[[Event], None],
        now: Callable[[], datetime],
        uid: Callable[[], str],
        limits: Limits = DEFAULT,
    ) -> None:
        self._later, self._now, self._uid, self._limits = later, now, uid, limits
        self._second, self._recorded, self._more = 0, 0, 0

    def refused(self, error: RefusedError, peer: str) -> None:
        """A client sent what is not a request, or too slowly, or came when there was no room."""
        self._record(f"{error.status}: {error.reason}", peer)

    def failed(self, error: Exception) -> None:
        """A request could not be answered because something of ours broke, or its answer broke off."""
        self._record(f"a handler failed: {type(error).__name__}", "")

    def flush(self) -> None:
        """Tell how many were only counted."""
        if self._more:
            self._tell("", "", self._now())

    def _record(self, told: str, peer: str) -> None:
        at = self._now()
        second = int(at.timestamp())
        if second != self._second:
            self._second, self._recorded = second, 0
        if self._recorded >= self._limits.refusals_recorded_max:
            self._more += 1
            return
        self._recorded += 1
        self._tell(told, peer, at)

    def _tell(self, told: str, peer: str, at: datetime) -> None:
        more, self._more = self._more, 0
        self._later(turned_away_event(told, uid=self._uid(), at=at, peer=peer, more=more))
