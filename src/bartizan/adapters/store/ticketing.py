"""Keeping tickets and approvers. Every change of state is one statement that asks for the state before it."""

from collections.abc import Callable, Sequence
from datetime import datetime

import msgspec
from sqlalchemy import Connection, delete, func, select, update

from bartizan.adapters.store import schema
from bartizan.adapters.store.door import document_in, document_out, key
from bartizan.adapters.store.saving import Values, upsert
from bartizan.model.ticket import NEXT, Enrolment, Ticket, TicketState

_OPEN = (TicketState.PENDING, TicketState.APPROVED)


def open_ticket(connection: Connection, wanted: Ticket, most: int) -> Ticket | None:
    """The ticket that waits or is approved for this very call, else the wanted one, kept; None beyond `most`."""
    table = schema.tickets
    expire(connection, wanted.created)
    known = connection.scalar(
        select(table.c.document)
        .where(
            table.c.digest == wanted.digest,
            table.c.principal == key(wanted.principal),
            table.c.policy == wanted.policy,
            table.c.state.in_(_OPEN),
        )
        .order_by(table.c.created)
        .limit(1)
    )
    if known is not None:
        return document_out(known, Ticket)
    waiting = connection.scalar(select(func.count()).select_from(table).where(table.c.state == TicketState.PENDING))
    if (waiting or 0) >= most:
        return None
    connection.execute(table.insert().values(**_values(wanted)))
    return wanted


def expire(connection: Connection, now: datetime) -> None:
    """What nobody decided or used in time is over. Old ones are forgotten a while later."""
    table = schema.tickets
    late = connection.scalars(select(table.c.document).where(table.c.state.in_(_OPEN), table.c.expires <= now)).all()
    for document in late:
        change(connection, document_out(document, Ticket), state=TicketState.EXPIRED)


def forget(connection: Connection, before: datetime) -> None:
    """Drop tickets that are over since before a time."""
    table = schema.tickets
    connection.execute(delete(table).where(table.c.state.not_in(_OPEN), table.c.expires < before))


def change(connection: Connection, ticket: Ticket, **changed: object) -> Ticket | None:
    """The ticket after the change; None where it is not in the state in which it was read."""
    new = msgspec.structs.replace(ticket, **changed)
    if new.state not in NEXT[ticket.state]:
        return None
    table = schema.tickets
    done = connection.execute(
        update(table)
        .where(table.c.id == ticket.id, table.c.state == ticket.state)
        .values(state=new.state, document=document_in(new))
    )
    return new if done.rowcount == 1 else None


def ticket_of(connection: Connection, identity: str) -> Ticket | None:
    """One ticket."""
    table = schema.tickets
    document = connection.scalar(select(table.c.document).where(table.c.id == identity))
    return None if document is None else document_out(document, Ticket)


def tickets(connection: Connection, states: Sequence[TicketState], most: int) -> list[Ticket]:
    """Tickets in these states, the oldest first."""
    table = schema.tickets
    query = select(table.c.document).where(table.c.state.in_(states)).order_by(table.c.created, table.c.id)
    return [document_out(document, Ticket) for document in connection.scalars(query.limit(most)).all()]


def keep_enrolment(connection: Connection, enrolment: Enrolment) -> None:
    """Keep who may decide."""
    values: Values = {"key": key(enrolment.name), "name": enrolment.name, "document": document_in(enrolment)}
    upsert(connection, schema.approvers, [values])


def amend(connection: Connection, name: str, change: Callable[[Enrolment], Enrolment]) -> Enrolment | None:
    """What `change` makes of who may decide, kept; nobody else reads or changes it meanwhile."""
    table = schema.approvers
    query = select(table.c.document).where(table.c.key == key(name)).with_for_update()
    document = connection.scalar(query)
    if document is None:
        return None
    new = change(document_out(document, Enrolment))
    keep_enrolment(connection, new)
    return new


def enrolments(connection: Connection) -> list[Enrolment]:
    """Everybody who may decide."""
    table = schema.approvers
    told = connection.scalars(select(table.c.document).order_by(table.c.name)).all()
    return [document_out(document, Enrolment) for document in told]


def _values(ticket: Ticket) -> dict[str, object]:
    return {
        "id": ticket.id,
        "state": ticket.state,
        "digest": ticket.digest,
        "principal": key(ticket.principal),
        "policy": ticket.policy,
        "created": ticket.created,
        "expires": ticket.expires,
        "document": document_in(ticket),
    }
