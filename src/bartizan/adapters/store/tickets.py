"""SqlTickets: the port `Tickets` in the store's database."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from bartizan.adapters.store import ticketing
from bartizan.adapters.store.opening import open_engine
from bartizan.model.limits import DEFAULT, Limits
from bartizan.model.secret import Secret
from bartizan.model.ticket import Enrolment, Ticket, TicketState


class SqlTickets:
    """Tickets and approvers in SQLite or PostgreSQL, by URL. Raises UsageError with a remedy when opened."""

    def __init__(self, url: str | Secret, *, limits: Limits = DEFAULT) -> None:
        self._limits = limits
        self._engine = open_engine(url.reveal() if isinstance(url, Secret) else url)
        self._writer = self._engine.execution_options(writes=True)

    def open(self, wanted: Ticket) -> Ticket | None:
        """The ticket for this very call, or None where too many wait."""
        with self._writer.begin() as connection:
            ticketing.forget(connection, wanted.created - timedelta(days=self._limits.ticket_days_max))
            return ticketing.open_ticket(connection, wanted, self._limits.tickets_waiting_max)

    def get(self, identity: str) -> Ticket | None:
        """One ticket."""
        with self._engine.begin() as connection:
            return ticketing.ticket_of(connection, identity)

    def find(self, states: Sequence[TicketState], now: datetime) -> list[Ticket]:
        """Tickets in these states, the oldest first."""
        with self._writer.begin() as connection:
            ticketing.expire(connection, now)
            return ticketing.tickets(connection, states, self._limits.report_rows_max)

    def decide(self, identity: str, *, granted: bool, by: str, factor: str, at: datetime) -> Ticket | None:
        """Approve or deny a ticket that waits; None where it does not wait any more."""
        with self._writer.begin() as connection:
            ticketing.expire(connection, at)
            ticket = ticketing.ticket_of(connection, identity)
            if ticket is None or (granted and ticket.state is not TicketState.PENDING):
                return None
            state = TicketState.APPROVED if granted else TicketState.DENIED
            return ticketing.change(connection, ticket, state=state, decided_by=by, factor=factor, decided_at=at)

    def use(self, identity: str, at: datetime) -> bool:
        """Whether an approval was there to be used; it is used then. Of several who ask at once, one hears yes."""
        with self._writer.begin() as connection:
            ticketing.expire(connection, at)
            ticket = ticketing.ticket_of(connection, identity)
            if ticket is None or ticket.state is not TicketState.APPROVED:
                return False
            return ticketing.change(connection, ticket, state=TicketState.USED, used_at=at) is not None

    def keep_enrolment(self, enrolment: Enrolment) -> None:
        """Keep who may decide."""
        with self._writer.begin() as connection:
            ticketing.keep_enrolment(connection, enrolment)

    def amend(self, name: str, change: Callable[[Enrolment], Enrolment]) -> Enrolment | None:
        """Keep what `change` makes of who may decide; of several who ask at once each sees what the one before kept."""
        with self._writer.begin() as connection:
            return ticketing.amend(connection, name, change)

    def enrolments(self) -> list[Enrolment]:
        """Everybody who may decide, by name."""
        with self._engine.begin() as connection:
            return ticketing.enrolments(connection)

    def close(self) -> None:
        """Release what is held."""
        self._engine.dispose()
